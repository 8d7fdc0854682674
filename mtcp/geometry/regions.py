"""Regions of a picture: a pixel to click on, a box, a compact mask. Pixels are (column x, row y)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

Part = tuple[np.ndarray, tuple[slice, slice]]  # a boolean mask in its box; the box (rows, columns)


@dataclass(frozen=True, eq=False)
class Region:
    """A set of pixels of a (height, width) picture, run-length encoded.

    `runs` is int32 (R, 2): start (in row-major order) and length of each run of pixels, ascending.
    `pixel` lies in the region, as far from its border as about a pixel allows: the place to put a marker.
    `box` is (x0, y0, x1, y1), half-open.
    """

    size: tuple[int, int]  # (height, width)
    runs: np.ndarray
    pixel: tuple[int, int]
    box: tuple[int, int, int, int]

    @classmethod
    def of(cls, part: np.ndarray, at: tuple[slice, slice], size: tuple[int, int]) -> Region:
        """From a boolean mask `part` that lies at the slices `at` (rows, columns) of a picture of `size`."""
        rows = np.flatnonzero(part.any(axis=1))
        columns = np.flatnonzero(part.any(axis=0))
        top, left = at[0].start or 0, at[1].start or 0
        x, y = interior_pixel(part)
        box = (left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1)
        x0, y0, x1, y1 = (int(v) for v in box)
        return cls(size, _runs(part, top, left, size[1]), (left + x, top + y), (x0, y0, x1, y1))

    @property
    def count(self) -> int:
        """Number of pixels."""
        return int(self.runs[:, 1].sum())

    def mask(self, size: tuple[int, int] | None = None) -> np.ndarray:
        """Boolean (H, W) at its own size, or resized (nearest) to `size` = (height, width)."""
        flat = np.zeros(self.size[0] * self.size[1] + 1, np.int8)
        flat[self.runs[:, 0]] += 1
        flat[self.runs.sum(axis=1)] -= 1
        mask = np.cumsum(flat[:-1], dtype=np.int8).astype(bool).reshape(self.size)
        if size is None or size == self.size:
            return mask
        return mask[np.ix_(nearest(self.size[0], size[0]), nearest(self.size[1], size[1]))]

    def scaled_pixel(self, size: tuple[int, int]) -> tuple[int, int]:
        """`pixel` in a picture of another (height, width): the one under its centre."""
        sy, sx = size[0] / self.size[0], size[1] / self.size[1]
        return int((self.pixel[0] + 0.5) * sx), int((self.pixel[1] + 0.5) * sy)

    def scaled_box(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """`box` in a picture of another (height, width), rounded outwards."""
        sy, sx = size[0] / self.size[0], size[1] / self.size[1]
        x0, y0, x1, y1 = self.box
        return int(x0 * sx), int(y0 * sy), int(np.ceil(x1 * sx)), int(np.ceil(y1 * sy))


def bordered(mask: np.ndarray) -> np.ndarray:
    """A boolean mask (h, w) as uint8 (h + 2, w + 2), with zeros around it."""
    return cv2.copyMakeBorder(mask.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)


def nearest(have: int, want: int) -> np.ndarray:
    """Indices (want,) into an axis of `have` pixels, of the pixel under each new pixel's centre."""
    return np.minimum(((np.arange(want) + 0.5) * have / want).astype(np.intp), have - 1)


def interior_pixel(part: np.ndarray) -> tuple[int, int]:
    """(x, y) of a pixel of the mask (H, W) far from its border; the mask must not be empty.

    Large masks are thinned first, so that this costs a fraction of a millisecond.
    """
    step = max(1, max(part.shape) // 64)
    subsample = part[::step, ::step]
    if not subsample.any():
        step, subsample = 1, part
    padded = bordered(subsample)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    squared = np.rint(distance * distance)  # a whole number: of equally far pixels always the first
    y, x = np.unravel_index(int(squared.argmax()), subsample.shape)
    return int(x) * step, int(y) * step


def components(mask: np.ndarray, least: int) -> list[Part]:
    """4-connected parts of a boolean mask with at least `least` pixels, by their first pixel: (mask in its box, the
    box).
    """
    from mtcp.geometry import region_kernels

    grey = mask.view(np.uint8)
    if cv2.countNonZero(grey) < max(1, least):
        return []
    left, top, width, height = cv2.boundingRect(grey)
    around = (slice(top, top + height), slice(left, left + width))
    # with statistics of its own it takes three times as long
    count, labels = cv2.connectedComponents(grey[around], connectivity=4)
    boxes = region_kernels.boxes(labels, count)
    found = []
    for k in 1 + np.flatnonzero(boxes[1:, 4] >= least):
        x0, y0, x1, y1, _ = boxes[k].tolist()
        box = (slice(y0, y1), slice(x0, x1))
        found.append((labels[box] == k, inside(box, around)))
    return found


def inside(inner: tuple[slice, slice], outer: tuple[slice, slice]) -> tuple[slice, slice]:
    """The box `inner`, which counts from the corner of the box `outer`, as a box of the picture."""
    (y, x), (top, left) = inner, (outer[0].start, outer[1].start)
    return slice(y.start + top, y.stop + top), slice(x.start + left, x.stop + left)


def _runs(part: np.ndarray, top: int, left: int, width: int) -> np.ndarray:
    h, w = part.shape
    padded = np.zeros((h, w + 2), np.int8)
    padded[:, 1:-1] = part
    edges = np.flatnonzero(np.diff(padded.ravel()))  # in pairs: no run crosses the zeros between two rows
    row, column = np.divmod(edges, w + 2)
    start, end = column[::2], column[1::2]
    return np.stack(((row[::2] + top) * width + left + start, end - start), axis=1).astype(np.int32)
