"""Numbers of a curve: smoothed, thinned to what a chart can show, made ready for JSON."""

from __future__ import annotations

import math

import numpy as np

MOST_POINTS = 700
"""Drawn per line: more than there are pixels across a chart."""


def plain(values: np.ndarray) -> list[float | None]:
    """Numbers for JSON, five digits that matter; None for NaN."""
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values.tolist()]


def smooth(values: np.ndarray, decay: float) -> np.ndarray:
    """Exponential moving average (N,), without the pull towards zero at the start; NaN where `values` is."""
    total = weight = 0.0
    out = np.full(len(values), np.nan)
    for i, value in enumerate(values.tolist()):
        if math.isfinite(value):
            total = decay * total + (1 - decay) * value
            weight = decay * weight + (1 - decay)
            out[i] = total / weight
    return out


def subsample(x: np.ndarray, y: np.ndarray, most: int = MOST_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """At most `most` of the points (N,): the lowest and the highest of each stretch, so that no peak is lost."""
    if len(x) <= most:
        return x, y
    keep: set[int] = {0, len(x) - 1}
    for part in np.array_split(np.arange(len(x)), max(1, most // 2 - 1)):
        known = part[np.isfinite(y[part])]
        if len(known) == 0:
            keep.add(int(part[0]))
            continue
        keep |= {int(known[np.argmin(y[known])]), int(known[np.argmax(y[known])])}
    chosen = np.array(sorted(keep))
    return x[chosen], y[chosen]
