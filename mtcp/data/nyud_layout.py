"""What the NYUD_MT folder layout is made of, shared by its reader and its writer."""

from __future__ import annotations

META = "meta.json"
AXES = "x right, y down, z forward; a wall facing the camera is (0, 0, -1)"
PARTS = {"images": ".jpg", "segmentation": ".png", "depth": ".npy", "normals": ".npy", "edge": ".npy"}
