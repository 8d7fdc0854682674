"""What rows of attention tell: how widely, to what, how far; and which queries are strongest at a pixel. numpy only.

A row is what one cell of the 1/4 grid attends to: `AttentionTrace.row`, float32 (h4, w4), summing to 1 over the
N = h4*w4 cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mtcp.errors import InputError
from mtcp.inference.prediction import STRIDE, Prediction

DISTANCE_EDGES = tuple(i / 10 for i in range(11))


@dataclass(frozen=True)
class Query:
    """One learned query at a cell: its number, its mask logit there, and its whole mask logits (h4, w4)."""

    index: int
    logit: float
    mask: np.ndarray


@dataclass(frozen=True)
class ByDistance:
    """Where a row's mass lies by distance. All arrays have one entry per ring, nearest first.

    near, far: the ring's bounds as shares (0..1) of the grid's diagonal. mass: the row's share (0..1) in the ring;
    uniform: the share that a row without preference would have there, which is the ring's share of the cells.
    """

    near: np.ndarray
    far: np.ndarray
    mass: np.ndarray
    uniform: np.ndarray


def effective_cells(nats: np.ndarray) -> np.ndarray:
    """exp(entropy): how many cells a row attends to, 1 (one alone) to N (all alike). Perplexity, in cells."""
    return np.exp(nats)


def row_entropy(row: np.ndarray) -> float:
    """Entropy of one row (any shape, summing to 1), in nats."""
    shares = row[row > 0].astype(np.float64)
    return float(max(0.0, -(shares * np.log(shares)).sum()))


def mass_by_class(row: np.ndarray, labels: np.ndarray) -> dict[int, tuple[float, float]]:
    """Where a row's mass goes: label -> (share of the row, share of the cells), both 0..1, largest mass first.

    The second is what a row without preference would give to the class. labels: uint8 (h4, w4), one per cell, see
    `labels_of_cells`; each sums to 1 over all labels present.

    Raises:
        InputError: labels of another shape than the row.
    """
    if row.shape != labels.shape:
        raise InputError(
            f"labels of shape {labels.shape} for a row of shape {row.shape}: use labels_of_cells"
        )
    mass = np.bincount(labels.ravel(), weights=row.ravel(), minlength=256)
    counts = np.bincount(labels.ravel(), minlength=256)
    present = sorted(np.flatnonzero(counts), key=lambda label: (-mass[label], label))
    return {int(label): (float(mass[label]), float(counts[label] / labels.size)) for label in present}


def mass_by_distance(
    row: np.ndarray, cell: tuple[int, int], edges: Sequence[float] = DISTANCE_EDGES
) -> ByDistance:
    """Where a row's mass lies by the distance from its own cell = (column, row).

    Distances are between the centres of cells, as shares of the grid's diagonal (cells are square). edges: bounds of
    the rings, rising, from 0 to at least 1. Rings with no cell in them are left out: from the picture's middle
    nothing is farther than half the diagonal.

    Raises:
        InputError: a cell outside the grid, edges that do not rise or do not span 0 to 1.
    """
    h, w = row.shape
    column, line = cell
    if not (0 <= column < w and 0 <= line < h):
        raise InputError(f"cell (column={column}, row={line}) is outside the {w} x {h} grid")
    bounds = np.asarray(edges, np.float64)
    if bounds.size < 2 or bounds[0] != 0 or bounds[-1] < 1 or np.any(np.diff(bounds) <= 0):
        raise InputError(f"edges {tuple(edges)}: must rise from 0 to at least 1")
    distance = np.hypot(np.arange(h)[:, None] - line, np.arange(w) - column) / np.hypot(h, w)
    ring = (np.searchsorted(bounds, distance.ravel(), side="right") - 1).clip(0, bounds.size - 2)
    mass = np.bincount(ring, weights=row.ravel(), minlength=bounds.size - 1)
    uniform = np.bincount(ring, minlength=bounds.size - 1) / row.size
    kept = uniform > 0
    return ByDistance(bounds[:-1][kept], bounds[1:][kept], mass[kept], uniform[kept])


def strongest_queries(prediction: Prediction, x: int, y: int, k: int = 6) -> tuple[Query, ...]:
    """The `k` queries whose mask logits M are largest at the photo's pixel (column x, row y), largest first.

    Raises:
        InputError: a pixel outside the photo, a network without queries, `k` below 1.
    """
    if prediction.masks is None:
        raise InputError("this network has no queries (query_gate=False), so no masks to show")
    if k < 1:
        raise InputError(f"k={k}: ask for at least one query")
    column, row = prediction.cell(x, y)
    at = prediction.masks[:, row, column].astype(np.float32)
    order = np.argsort(-at, kind="stable")[:k]
    return tuple(Query(int(i), float(at[i]), prediction.masks[i]) for i in order)


def labels_of_cells(prediction: Prediction, labels: np.ndarray) -> np.ndarray:
    """Labels of the photo (H, W) -> those at the centres of the 1/4 grid's cells, (h4, w4)."""
    (h, w), (seen_h, seen_w), (H, W) = prediction.grid, prediction.network_size, labels.shape
    rows = ((np.arange(h) + 0.5) * (STRIDE * H / seen_h)).astype(int).clip(max=H - 1)
    columns = ((np.arange(w) + 0.5) * (STRIDE * W / seen_w)).astype(int).clip(max=W - 1)
    return labels[rows[:, None], columns]
