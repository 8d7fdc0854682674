"""Depth in metres: what counts as measured, and what cannot be metres of a room."""

from __future__ import annotations

import math

import numpy as np

from mtcp.errors import InputError

NEAREST_M, FARTHEST_M = 0.05, 50.0
USUAL_M = 2.5  # about the median of NYU Depth v2
FACTORS = {
    1 / 1000: "millimetres taken as metres? Divide by 1000",
    1 / 100: "centimetres taken as metres? Divide by 100",
    10: "centimetres taken as millimetres? Multiply by 10",
    100: "metres taken as centimetres? Multiply by 100",
    1000: "metres taken as millimetres? Multiply by 1000",
}


def valid_depth(depth: np.ndarray) -> np.ndarray:
    """float32 of the same shape; anything not finite or below 0 becomes 0 (invalid)."""
    with np.errstate(over="ignore"):  # what float32 cannot hold is not finite
        depth = depth.astype(np.float32)
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0))


def require_metres(depth: np.ndarray, where: str) -> None:
    """Refuses depth in another unit. depth: metres, 0 = invalid; where: what the message begins with.

    Raises:
        InputError: the median is over `FARTHEST_M`, or everything under `NEAREST_M`; it guesses the unit.
    """
    known = depth[depth > 0]
    if not known.size:
        return
    median, farthest = float(np.median(known)), float(known.max())
    if median > FARTHEST_M:
        problem = f"the median depth is {median:.4g} m, beyond any room ({FARTHEST_M:g} m)"
    elif farthest < NEAREST_M:
        problem = f"the farthest depth is {farthest:.3g} m, nearer than any room ({NEAREST_M:g} m)"
    else:
        return
    factor = min(FACTORS, key=lambda f: abs(math.log(f * median / USUAL_M)))
    plausible = NEAREST_M < factor * median < FARTHEST_M
    raise InputError(f"{where}: {problem}: {FACTORS[factor] if plausible else 'expected metres'}")
