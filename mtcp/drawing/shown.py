"""Numbers as people read them: rounded first, then compared, so that what stands side by side adds up."""

from __future__ import annotations

import math
from collections.abc import Iterable

EQUAL = "equal"
"""What is said of two numbers that read alike."""


def rounded(value: float, digits: int) -> float:
    """`value` as it is read when it is written with so many digits after the point; never minus zero."""
    return float(f"{value:.{digits}f}") + 0.0


def change(before: float | None, after: float | None, digits: int) -> float | None:
    """What is added to `before` as it is read to give `after` as it is read: 0.0 where both read alike, None where
    one of them is missing or not finite.
    """
    if before is None or after is None or not (math.isfinite(before) and math.isfinite(after)):
        return None
    return rounded(rounded(after, digits) - rounded(before, digits), digits)


def number(value: float, digits: int, unit: str, sign: bool = False) -> str:
    """A number with its unit as text, degrees close to it; a dash if it is not finite. sign: also a plus."""
    if not math.isfinite(value):
        return "\N{EN DASH}"
    read = rounded(value, digits)
    written = f"{read:{'+' if sign and read else ''}.{digits}f}".replace("-", "\N{MINUS SIGN}")
    return f"{written}{'' if unit == '°' else ' '}{unit}".rstrip()


def vector(values: Iterable[float], digits: int = 2) -> str:
    """Components as text in brackets, written as `number` writes them."""
    return f"({', '.join(number(float(value), digits, '') for value in values)})"


def away_from(ideal: float, value: float, digits: int) -> float:
    """`value` as it has to be written beside its distance from `ideal`, both to so many digits."""
    off = rounded(abs(value - ideal), digits)
    return rounded(ideal + math.copysign(off, value - ideal), digits)
