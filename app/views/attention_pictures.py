"""Pictures of what the network holds on its coarse grids, aligned with the photo: overlays and small maps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from app.session import Analysis
from app.views import html
from mtcp.drawing import colour
from mtcp.inference.prediction import STRIDE, Prediction
from mtcp.io.photo import shrink

SCALES = ("linear", "log", "rank")
DECADES = 6
"""What the log scale shows below the strongest cell: a millionth of it is black."""
SIDE = 400
"""Longest side of an overlay. Sharp enough in a third of the page, and drawn in a few milliseconds."""
SMALL_SIDE = 320
LEAST_SHAPE_ERROR = 0.02
"""A grid whose shape differs from the photo's by less is drawn as it is, one pixel a cell."""

T = TypeVar("T")
_GREY = np.array((0.299, 0.587, 0.114), np.float32)


def scaled(row: np.ndarray, scale: str) -> np.ndarray:
    """An affinity row (h, w), >= 0, as brightness 0..1: float32 (h, w).

    linear: share of the largest value. log: 1 is the largest value, 0 is `DECADES` powers of ten below and less.
    rank: share of the other cells that have less (equal cells share the middle of their ranks).
    """
    if scale == "rank":
        _, inverse, counts = np.unique(row, return_inverse=True, return_counts=True)
        middle = np.cumsum(counts) - counts + (counts - 1) / 2
        return (middle[inverse.reshape(row.shape)] / max(1, row.size - 1)).astype(np.float32)
    share = row / row.max()
    if scale == "log":
        return (1 + np.log10(np.maximum(share, 10.0**-DECADES)) / DECADES).clip(0, 1).astype(np.float32)
    return share.astype(np.float32)


def overlay(analysis: Analysis, row: np.ndarray, scale: str, opacity: float) -> np.ndarray:
    """The row in magma over the grey photo, uint8 (h, w, 3) of the photo's shape, at most `SIDE` long.

    opacity: 0 (only the photo) to 1 (only the row).
    """
    grey = _grey(analysis)
    colours = colour.probability(scaled(row, scale))
    rows, columns = cells_under(analysis.prediction, row.shape, STRIDE, grey.shape[:2])
    over = colours[rows[:, None], columns].astype(np.float32)
    return (grey + opacity * (over - grey)).round().astype(np.uint8)


def small(prediction: Prediction, values: np.ndarray, stride: int, every: int = 1) -> tuple[np.ndarray, bool]:
    """A map of the network, values (h, w, ...) of `stride` network pixels a cell, in the photo's shape.

    One pixel a cell where the grid fits the photo, else the cell under each pixel of a picture at most `SMALL_SIDE`
    long. every: the values stand for blocks of that many cells.

    Returns:
        The values, and whether each pixel is a cell of its own.
    """
    step = stride * every
    (h, w), (H, W) = values.shape[:2], prediction.size
    fits = (h * step, w * step) == prediction.network_size
    if fits and abs(h * W / (w * H) - 1) < LEAST_SHAPE_ERROR:
        return values, True
    size = small_size(prediction)
    rows, columns = cells_under(prediction, (h, w), step, size)
    return values[rows[:, None], columns], False


def small_size(prediction: Prediction) -> tuple[int, int]:
    """(h, w) of the photo's shape, at most `SMALL_SIDE` long, never larger than the photo."""
    H, W = prediction.size
    scale = min(1.0, SMALL_SIDE / max(H, W))
    return max(1, round(H * scale)), max(1, round(W * scale))


def cells_under(
    prediction: Prediction, grid: tuple[int, ...], stride: int, size: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """For each row and column of a picture of the photo at `size`, the row and column of the cell under its middle.

    grid: (h, w) cells of `stride` network pixels. The last ones may reach beyond what the network saw.
    """
    rows, columns = (
        ((np.arange(length) + 0.5) * (seen / (length * stride))).astype(int).clip(max=count - 1)
        for length, seen, count in zip(size, prediction.network_size, grid, strict=True)
    )
    return rows, columns


def nearest(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map of the photo (H, W, ...) at `size`, its values picked, not mixed: labels and normals stay what they are."""
    rows, columns = (
        ((np.arange(to) + 0.5) * (of / to)).astype(int) for to, of in zip(size, values.shape[:2], strict=True)
    )
    return values[rows[:, None], columns]


def once(analysis: Analysis, what: str, make: Callable[[], T]) -> T:
    """What `make` returns, computed once per run and kept in its cache."""
    key = f"attention.{what}"
    if key not in analysis.cache:
        analysis.cache[key] = make()
    found: T = analysis.cache[key]
    return found


def figure(rgb: np.ndarray, alt: str, caption: str, sharp: bool = True, kind: str = "PNG") -> str:
    """A clickable picture with a caption of ready HTML. sharp: show its pixels as squares."""
    drawn = html.picture(rgb, alt, caption, kind)
    return f'<div class="mt-cells">{drawn}</div>' if sharp else drawn


def _grey(analysis: Analysis) -> np.ndarray:
    """The photo in grey, float32 (h, w, 1), at most `SIDE` long."""
    return once(
        analysis, "grey", lambda: (shrink(analysis.photo, SIDE).astype(np.float32) @ _GREY)[..., None]
    )
