"""Outlines of regions on the photo: drawn ones stand out from any photo, a light line in a dark one; paths are for the
browser, which draws them faintly until one is pointed at.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from mtcp.drawing.colour import Colour
from mtcp.geometry.regions import Region
from mtcp.geometry.report import Failure
from mtcp.io.photo import shrink

LINE: Colour = (255, 255, 255)
CHOSEN: Colour = (244, 63, 94)
"""The rose that marks the chosen region in the 3D view too."""
DARK: Colour = (15, 15, 20)
BADGE = (0.065, 0.055)
"""Width and height of a region's number on the photo, as shares of the photo's width where it is drawn smallest."""
BEND_PX = 0.8
"""What a path may leave out."""


def path(region: Region, size: tuple[int, int]) -> str:
    """The region's outline as the `d` of an SVG path, in a picture of `size` (h, w); holes are holes by "evenodd"."""
    mask = smooth(region.mask(size)).view(np.uint8)
    lines, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    corners = (cv2.approxPolyDP(line, BEND_PX, True)[:, 0] + 0.5 for line in lines)
    return "".join(
        f"M{' '.join(f'{x:g} {y:g}' for x, y in line.tolist())}Z" for line in corners if len(line) > 2
    )


def spots(found: Sequence[Failure], size: tuple[int, int]) -> list[tuple[float, float]]:
    """Where each region's number goes, as shares (x, y) of the width and height of the photo of `size` (H, W): at its
    own pixel, or as near to it as it is wholly in the picture and on no number before it; in its region if it can be.
    """
    wide, high = BADGE[0], BADGE[1] * size[1] / size[0]
    steps = np.stack(np.meshgrid(np.arange(-6, 7), np.arange(-6, 7)), axis=-1).reshape(-1, 2)  # (169, 2)
    around = steps[np.argsort((steps**2).sum(axis=1), kind="stable")] * (wide / 2, high / 2)
    low, top = np.array((wide / 2, high / 2)), np.array((1 - wide / 2, 1 - high / 2))
    placed: list[tuple[float, float]] = []
    for failure in found:
        own = (np.array(failure.pixel) + 0.5) / (size[1], size[0])
        places = np.clip(own + around, np.minimum(low, 0.5), np.maximum(top, 0.5))
        before = np.array(placed).reshape(-1, 1, 2)
        covered = (np.abs(places - before) < (wide - 1e-9, high - 1e-9)).all(axis=-1).any(axis=0)
        mask = failure.region.mask()
        rows, columns = (
            np.minimum((places[:, axis] * mask.shape[1 - axis]).astype(np.intp), mask.shape[1 - axis] - 1)
            for axis in (1, 0)
        )
        best = int(np.argmin(2 * covered + ~mask[rows, columns]))  # of equals the nearest
        placed.append((float(places[best][0]), float(places[best][1])))
    return placed


def chosen(region: Region, size: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """A strong outline with a veil inside, on nothing: RGBA uint8 of its box, and the box (x0, y0, x1, y1) in a
    picture of `size` (h, w).
    """
    mask = smooth(region.mask(size))
    x0, y0, x1, y1 = _padded(region.scaled_box(size), 8, size)
    part = mask[y0:y1, x0:x1]
    line = _grown(border(part), 1)
    drawn = np.zeros((*part.shape, 4), np.uint8)
    drawn[part] = (*CHOSEN, 40)
    drawn[_grown(line, 1)] = (*DARK, 230)
    drawn[line] = (*CHOSEN, 255)
    return drawn, (x0, y0, x1, y1)


def marked(photo: np.ndarray, region: Region, side: int) -> np.ndarray:
    """The whole photo (H, W, 3) uint8, at most `side` px long, with one region as `chosen` draws it."""
    drawn = np.array(shrink(photo, side))
    over, (x0, y0, x1, y1) = chosen(region, (drawn.shape[0], drawn.shape[1]))
    part, opaque = drawn[y0:y1, x0:x1], over[..., 3:] / 255.0
    drawn[y0:y1, x0:x1] = np.round(part * (1 - opaque) + over[..., :3] * opaque)
    return drawn


def cropped(photo: np.ndarray, region: Region, size: tuple[int, int]) -> np.ndarray:
    """The photo round a region, outlined, in the shape (h, w) `size`, uint8 (h, w, 3)."""
    from PIL import Image

    H, W = photo.shape[:2]
    x0, y0, x1, y1 = region.scaled_box((H, W))
    height = max(1.5 * (y1 - y0), 1.5 * (x1 - x0) * size[0] / size[1], H / 5, W / 5 * size[0] / size[1])
    height = min(height, H, W * size[0] / size[1])
    width = height * size[1] / size[0]
    left = min(max((x0 + x1 - width) / 2, 0), W - width)
    top = min(max((y0 + y1 - height) / 2, 0), H - height)
    box = (left, top, left + width, top + height)
    drawn = np.array(
        Image.fromarray(photo).resize(
            (size[1], size[0]), Image.Resampling.BILINEAR, box=box, reducing_gap=2.0
        )
    )
    rows = np.clip((top + (np.arange(size[0]) + 0.5) * height / size[0]).astype(int), 0, H - 1)
    columns = np.clip((left + (np.arange(size[1]) + 0.5) * width / size[1]).astype(int), 0, W - 1)
    line = border(smooth(region.mask((H, W))[np.ix_(rows, columns)], 5))
    drawn[_grown(line, 1) & ~line] = DARK
    drawn[line] = LINE
    return drawn


def smooth(mask: np.ndarray, window: int | None = None) -> np.ndarray:
    """A mask (h, w) for drawing: specks and frays smaller than `window` px (odd; default: a hundredth of the long
    side) are gone. It never vanishes.
    """
    side = window or max(mask.shape) // 100 | 1
    count = cv2.boxFilter(
        mask.view(np.uint8), cv2.CV_32S, (side, side), normalize=False, borderType=cv2.BORDER_REFLECT
    )
    drawn = count > side * side // 2
    return drawn if drawn.any() else mask


def border(mask: np.ndarray) -> np.ndarray:
    """bool (h, w): the pixels of a mask with a neighbour outside of it. Beyond the picture is inside."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return mask & ~cv2.erode(mask.view(np.uint8), cross).view(bool)


def _grown(mask: np.ndarray, by: int) -> np.ndarray:
    return cv2.dilate(mask.view(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)).view(bool)


def _padded(box: tuple[int, int, int, int], by: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = box
    return max(0, x0 - by), max(0, y0 - by), min(size[1], x1 + by), min(size[0], y1 + by)
