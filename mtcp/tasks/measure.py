"""Counts over label maps and spreads of values: the numbers that people are told of a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Share:
    """How much of the photo one class covers, as shares of all pixels (0..1)."""

    label: int
    name: str
    initial: float
    refined: float


@dataclass(frozen=True)
class Transition:
    """Pixels that the refinement took from class `before` to class `after`, as a share of all pixels (0..1)."""

    before: int
    after: int
    share: float


@dataclass(frozen=True)
class Spread:
    """Smallest, median and largest value of a map, in its own unit."""

    low: float
    median: float
    high: float


def shares(initial: np.ndarray, refined: np.ndarray, classes: Sequence[str]) -> tuple[Share, ...]:
    """Classes present in either label map (H, W), the largest refined share first."""
    counts = [np.bincount(labels.ravel(), minlength=256) / labels.size for labels in (initial, refined)]
    present = [i for i in range(len(classes)) if counts[0][i] or counts[1][i]]
    found = [Share(i, classes[i], float(counts[0][i]), float(counts[1][i])) for i in present]
    return tuple(sorted(found, key=lambda share: (-share.refined, -share.initial)))


def transitions(initial: np.ndarray, refined: np.ndarray, limit: int = 4) -> tuple[Transition, ...]:
    """The `limit` most frequent changes of class between two label maps (H, W), the most frequent first."""
    pair = initial.astype(np.int64) * 256 + refined
    codes, counts = np.unique(pair[initial != refined], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:limit]
    return tuple(
        Transition(int(codes[i]) // 256, int(codes[i]) % 256, float(counts[i]) / initial.size) for i in order
    )


def spread(values: np.ndarray) -> Spread:
    """Smallest, median and largest of `values`."""
    low, median, high = np.quantile(values, (0.0, 0.5, 1.0))
    return Spread(float(low), float(median), float(high))


def percent(share: float) -> str:
    """A share (0..1) as text; what rounds to nothing but is not nothing says so."""
    if 0.0 < share < 0.0005:
        return "< 0.1 %"
    return f"{100.0 * share:.1f} %"
