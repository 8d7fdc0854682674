"""Parts of the pictures of NYU Depth v2 as samples of their own, with the camera that belongs to the part."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mtcp.data.nyud_layout import CROP, WITHOUT_FRAME
from mtcp.data.resample import Window, resample
from mtcp.data.sample import DataSet, Sample, Samples, image_size
from mtcp.errors import InputError
from mtcp.geometry.camera import NYUV2

CAMERA_TOLERANCE = 1.0
"""Pixels, by which a camera may differ from the Kinect's and still be it: calibrations in use differ by less."""

INSIDE_FRAME = (
    WITHOUT_FRAME[0] / NYUV2.width,
    WITHOUT_FRAME[1] / NYUV2.height,
    (WITHOUT_FRAME[0] + WITHOUT_FRAME[2]) / NYUV2.width,
    (WITHOUT_FRAME[1] + WITHOUT_FRAME[3]) / NYUV2.height,
)
"""`WITHOUT_FRAME` as left, top, right, bottom in fractions of the picture."""


class Cropped(DataSet):
    """The part `box` = (x, y, width, height), in pixels, of every 640 x 480 picture of NYUv2, with its maps and camera.

    Raises:
        InputError: the first sample, or later any other that is read, is no such picture (`require_nyuv2`).
    """

    def __init__(self, data: Samples, box: tuple[int, int, int, int]) -> None:
        self.data, self.box = data, box
        self.ids = list(getattr(data, "ids", None) or map(str, range(len(data))))
        if self.ids:
            self.stored(0)

    def stored(self, index: int) -> Sample:
        """One sample. Maps that are stored smaller stay so where the box falls between their pixels."""
        read = getattr(self.data, "stored", self.data.__getitem__)
        sample = dict(read(index))
        require_nyuv2(sample, self.ids[index])
        return cropped(sample, self.box)


def require_nyuv2(sample: Mapping[str, Tensor], name: str) -> None:
    """Raises InputError, with the sample's `name`, unless by size and camera it is a whole picture of NYUv2."""
    height, width = sample["image"].shape[-2:]
    if (width, height) == CROP[2:]:
        raise InputError(
            f"{name}: this {width}x{height} picture is the crop already, without the white frame"
        )
    found = sample["camera"].tolist() if "camera" in sample else [0.0] * 4
    camera = (NYUV2.fx, NYUV2.fy, NYUV2.cx, NYUV2.cy)
    far = max(abs(mine - true) for mine, true in zip(found, camera, strict=True)) > CAMERA_TOLERANCE
    if (width, height) != (NYUV2.width, NYUV2.height) or far:
        raise InputError(
            f"{name}: expected a {NYUV2.width}x{NYUV2.height} picture of NYUv2's Kinect, this one is "
            f"{width}x{height}{' of another camera' if far else ''}"
        )


def cropped(sample: Sample, box: tuple[int, int, int, int]) -> Sample:
    """The part `box` = (x, y, width, height) of a stored sample; cx and cy move with its corner."""
    left, top, width, height = box
    size = H, W = image_size(sample)
    result: Sample = {}
    for name, value in sample.items():
        if name == "camera":
            result[name] = value - torch.tensor([0.0, 0.0, left, top])
            continue
        h, w = value.shape[-2:]
        if any(y * h % H for y in (top, height)) or any(x * w % W for x in (left, width)):
            value, h, w = resample(name, value, Window(), size), H, W
        rows = slice(top * h // H, (top + height) * h // H)
        result[name] = value[..., rows, left * w // W : (left + width) * w // W]
    return result
