"""Scales: a range of values and the colours that show it. One for all pictures that are to be compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtcp.drawing import colour

QUANTILE = 0.99
"""Scales of differences end at this quantile, so that a few stray pixels do not wash out the picture."""
STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` in the colour map `colours`; what lies beyond has the colour of the end.

    unit: as it is written behind numbers ("m", "°" or nothing). words: of a scale around zero, what below and above it
    mean, as ("closer", "farther").
    """

    colours: str
    low: float
    high: float
    unit: str = ""
    words: tuple[str, str] | None = None

    @classmethod
    def around_zero(cls, end: float, unit: str, words: tuple[str, str]) -> Scale:
        """From -end to end, blue and red, near white at zero."""
        return cls("vik", -end, end, unit, words)

    @classmethod
    def of_angles(cls, end: float) -> Scale:
        """Degrees from 0 to `end`, dark to light."""
        return cls("magma", 0.0, end, "°")

    def picture(self, values: np.ndarray) -> np.ndarray:
        """values (H, W) as RGB uint8 (H, W, 3); what is not finite is black."""
        return colour.mapped(values, self.low, self.high, self.colours)


def scale_end(values: np.ndarray, at_least: float) -> float:
    """End of a scale from 0 that shows the magnitude of `values`, never under `at_least`.

    Their upper quantile, rounded up to one of `STEPS` times a power of ten, so that the ticks read well.
    """
    finite = np.abs(values[np.isfinite(values)])
    top = max(float(np.quantile(finite, QUANTILE)) if finite.size else 0.0, at_least)
    power = 10.0 ** np.floor(np.log10(top))
    return float(next(step * power for step in STEPS if step * power >= top * (1 - 1e-6)))
