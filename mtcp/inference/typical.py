"""Is a photo like those that a network was trained on? A score of its class logits tells, not what is seen.

The energy score of Liu et al. ("Energy-based Out-of-distribution Detection", NeurIPS 2020, equation 4, with T = 1 and
the sign turned): logsumexp of a pixel's class logits, here the mean over the picture. It is low where no class stands
out. What is low depends on the network, so a checkpoint's card has its range over photos like those of training, under
`typical`; `python -m mtcp typical` measures it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mtcp.errors import InputError
from mtcp.geometry.quantities import ENERGY

if TYPE_CHECKING:
    from torch import Tensor

FIELD = "typical"
"""On the card: {"energy": [p01, p50, p99], "data": "data/nyud val", "photos": 654}."""
PERCENTILES = (1, 50, 99)
LEAST_PHOTOS = 20
"""Of fewer, percentiles say nothing."""


def class_energy(logits: Tensor) -> float:
    """Mean over the picture of logsumexp over the classes, nats. logits: of one photo, (1, C, h, w)."""
    return float(logits.float().logsumexp(1).mean())


@dataclass(frozen=True)
class Typical:
    """The range of `class_energy` over photos like those of training: its 1st, 50th and 99th percentile.

    data: what they are, for people.
    """

    low: float
    middle: float
    high: float
    data: str = ""

    @classmethod
    def of(cls, energies: Sequence[float], data: str = "") -> Typical:
        """The range of the photos with these energies.

        Raises:
            InputError: they are fewer than `LEAST_PHOTOS`.
        """
        if len(energies) < LEAST_PHOTOS:
            raise InputError(
                f"{len(energies)} photos are too few for a typical range: give at least {LEAST_PHOTOS}"
            )
        low, middle, high = (float(value) for value in np.percentile(energies, PERCENTILES))
        return cls(low, middle, high, data)

    @classmethod
    def from_card(cls, card: Mapping[str, Any], checkpoint: str) -> Typical | None:
        """What a checkpoint's card has; None where it has none. checkpoint: its name, for the message.

        Raises:
            InputError: it has something else in that place.
        """
        entry = card.get(FIELD)
        if entry is None:
            return None
        numbers = entry.get("energy") if isinstance(entry, dict) else None
        if (
            not isinstance(numbers, list)
            or len(numbers) != len(PERCENTILES)
            or not all(map(_is_number, numbers))
        ):
            raise InputError(
                f'{checkpoint}: "{FIELD}" on its card is damaged, expected "energy": [p01, p50, p99]; '
                "measure it with python -m mtcp typical"
            )
        if numbers != sorted(numbers):
            raise InputError(
                f'{checkpoint}: "{FIELD}" on its card is damaged: energy {numbers} does not rise'
            )
        return cls(*map(float, numbers), data=str(entry.get("data", "")))

    def to_card(self, photos: int) -> dict[str, Any]:
        """The field of the card. photos: how many were measured."""
        energy = [round(value, 4) for value in (self.low, self.middle, self.high)]
        return {"energy": energy, "data": self.data, "photos": photos}

    def unlike(self, energy: float) -> str:
        """Why a photo of that energy is unlike those of training, as the end of a sentence; empty where it is not."""
        if energy >= self.low:
            return ""
        of = f"{self.low:.{ENERGY.digits}f} on 99 % of {self.data or 'those'}"
        return (
            f"no class stands out; the mean log-sum-exp of its class logits is {energy:.{ENERGY.digits}f}, "
            f"at least {of}"
        )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and bool(np.isfinite(value))
