"""Reading a window of a picture or map at another size.

Windows are given in fractions of the field of view, so that one window fits maps stored at different sizes.
Images are averaged (antialiased bilinear); labels, depth and normals take the nearest pixel, because a mean
of two classes or of two surfaces is neither; boundaries survive shrinking by taking the maximum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mtcp.tasks import IGNORE, task_named

_RANK = np.zeros(
    256, np.uint8
)  # of an edge map's values when several pixels meet: edge over ignore over none
_RANK[IGNORE], _RANK[1] = 1, 2
_VALUE = np.array([0, IGNORE, 1], np.uint8)


@dataclass(frozen=True)
class Window:
    """Part of a picture, its borders in fractions of the width (left, right) and height (top, bottom).

    `tie` is the side, -1 or 1 per axis (x, y), to which nearest neighbour leans where two pixels are
    equally near. Halving always meets such ties; a random side per sample keeps the labels unbiased.
    """

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0
    tie: tuple[int, int] = (1, 1)


def resample(name: str, value: Tensor, window: Window, size: tuple[int, int]) -> Tensor:
    """The map called `name` (..., H, W) in `window` at `size` (h, w)."""
    height, width = value.shape[-2:]
    if window == Window() and (height, width) == size:
        return value
    if task_named(name).thin and (height > size[0] or width > size[1]):
        return _thin(value, window, size)
    rows = _nearest(height, window.top, window.bottom, size[0], window.tie[1])
    columns = _nearest(width, window.left, window.right, size[1], window.tie[0])
    # numpy's take is twice as fast as torch's index_select here
    return torch.from_numpy(value.numpy().take(rows, axis=-2).take(columns, axis=-1))


def resample_image(
    image: Tensor, size: tuple[int, int], box: tuple[int, int, int, int] | None = None
) -> Tensor:
    """uint8 (3, H, W) -> uint8 (3, h, w), antialiased bilinear, of `box` (left, top, right, bottom) alone."""
    if box is not None:
        left, top, right, bottom = box
        image = image[:, top:bottom, left:right]
    if image.shape[-2:] == size:
        return image
    return F.interpolate(image[None], size=size, mode="bilinear", antialias=True)[0]


def _nearest(count: int, start: float, stop: float, wanted: int, tie: int) -> np.ndarray:
    """Indices of the pixels, out of `count`, at the centres of `wanted` pixels from start to stop."""
    centres = count * (start + (np.arange(wanted) + 0.5) / wanted * (stop - start))
    return np.floor(centres + tie * 1e-6).astype(np.int64).clip(0, count - 1)


def _thin(value: Tensor, window: Window, size: tuple[int, int]) -> Tensor:
    """Edge map (H, W) at a smaller size: 1 wherever a covered pixel is 1, else 255 if one is ignored."""
    ranks = _RANK[value.numpy()]
    spans = ((window.top, window.bottom), (window.left, window.right))
    for axis, ((start, stop), wanted) in enumerate(zip(spans, size, strict=True)):
        count = ranks.shape[axis]
        borders = np.floor(count * (start + np.arange(wanted + 1) / wanted * (stop - start)) + 1e-6)
        starts = borders[:-1].astype(np.int64).clip(0, count - 1)
        end = max(int(borders[-1]), starts[-1] + 1)  # reduceat's last span would run to the picture's border
        ranks = np.maximum.reduceat(ranks.take(range(end), axis=axis), starts, axis=axis)
    return torch.from_numpy(_VALUE[ranks])
