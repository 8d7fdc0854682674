"""What the NYUD_MT folder layout is made of, shared by its reader and its writer."""

from __future__ import annotations

META = "meta.json"
AXES = "x right, y down, z forward; a wall facing the camera is (0, 0, -1)"
CROP = (40, 45, 560, 425)
"""x, y, width, height, in the 640 x 480 pictures, of the part that the multi-task literature measures on: MATLAB's
I(46:470, 41:600), which Gupta et al. (CVPR 2013) cut out. Their 425 x 560 is the size of the NYUD_MT files in
circulation; that these are the same part is inferred from the size.
"""
WITHOUT_FRAME = (8, 8, 624, 464)
"""The same of the pictures without their white frame, which is at most 8 pixels wide (measured on 300 of them). Even
numbers, so that maps stored at half the size are cut exactly.
"""
PARTS = {"images": ".jpg", "segmentation": ".png", "depth": ".npy", "normals": ".npy", "edge": ".npy"}
