"""Is a photo like those that a network was trained on? A score of its class probabilities tells, not what is seen.

The score is the mutual information of class and place: the entropy of the classes' shares of the picture, less the mean
entropy at a pixel. It is high where a picture holds several classes, each surely in its place, as a room does; and low
where the network is unsure everywhere, or sees the same everywhere. The Inception Score (Salimans et al., NeurIPS 2016)
is its exponential over pictures; here it is over the pixels of one. What is low depends on the network, so the card of
a checkpoint has its range over photos like those of training, under `typical`; `python -m mtcp typical` measures it.
`benchmarks.unlike` compares it with other scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mtcp.errors import InputError
from mtcp.geometry.quantities import INFORMATION

if TYPE_CHECKING:
    from torch import Tensor

FIELD = "typical"
"""On the card: {"information": [p01, p50, p99], "data": "data/nyud val", "photos": 654}."""
PERCENTILES = (1, 50, 99)
LEAST_PHOTOS = 20
"""Of fewer, percentiles say nothing."""


def class_information(logits: Tensor) -> float:
    """Mutual information of class and place, nats, 0 to log C. logits: of one photo, (1, C, h, w)."""
    p = logits.float().softmax(1)
    of_shares = _entropy(p.mean((2, 3)))
    return max(0.0, float(of_shares.mean() - _entropy(p).mean()))


def _entropy(p: Tensor) -> Tensor:
    """Of probabilities (B, C, ...), nats: (B, ...)."""
    import torch

    return torch.special.entr(p).sum(1)


@dataclass(frozen=True)
class Typical:
    """The range of `class_information` over photos like those of training: its 1st, 50th and 99th percentile.

    data: what they are, for people.
    """

    low: float
    middle: float
    high: float
    data: str = ""

    @classmethod
    def of(cls, found: Sequence[float], data: str = "") -> Typical:
        """The range over photos of which these were found.

        Raises:
            InputError: they are fewer than `LEAST_PHOTOS`.
        """
        if len(found) < LEAST_PHOTOS:
            raise InputError(
                f"{len(found)} photos are too few for a typical range: give at least {LEAST_PHOTOS}"
            )
        low, middle, high = (float(value) for value in np.percentile(found, PERCENTILES))
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
        numbers = entry.get("information") if isinstance(entry, dict) else None
        if (
            not isinstance(numbers, list)
            or len(numbers) != len(PERCENTILES)
            or not all(map(_is_number, numbers))
        ):
            raise InputError(
                f'{checkpoint}: "{FIELD}" on its card is damaged, expected "information": [p01, p50, p99]; '
                "measure it with python -m mtcp typical"
            )
        if numbers != sorted(numbers):
            raise InputError(
                f'{checkpoint}: "{FIELD}" on its card is damaged: information {numbers} does not rise'
            )
        low, middle, high = map(float, numbers)
        return cls(low, middle, high, data=str(entry.get("data", "")))

    def to_card(self, photos: int) -> dict[str, Any]:
        """The field of the card. photos: how many were measured."""
        information = [round(value, 4) for value in (self.low, self.middle, self.high)]
        return {"information": information, "data": self.data, "photos": photos}

    def unlike(self, information: float) -> str:
        """Why a photo is unlike those of training, as the end of a sentence; empty where it is not.

        information: its `class_information`.
        """
        if information >= self.low:
            return ""
        digits = INFORMATION.digits
        return (
            f"the network does not tell its places apart; class and place share {information:.{digits}f} nats of "
            f"information, and at least {self.low:.{digits}f} in 99 % of {self.data or 'those'}"
        )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and bool(np.isfinite(value))
