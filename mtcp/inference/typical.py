"""Is a photo like those that a network was trained on? Three signals tell: two of the picture, one of the network.

*Brightness* and *sharpness* are of the picture as the network sees it. Dark photos, and blown-up or blurred ones, leave
their range at the low end; noise and text at the high end. *Class information* is the mutual information of class and
place: the entropy of the classes' shares of the picture, less the mean entropy at a pixel. It is high where a picture
holds several classes, each surely in its place, as a room does; and low where the network is unsure everywhere, or sees
the same everywhere. The Inception Score (Salimans et al., NeurIPS 2016) is its exponential over pictures; here it is
over the pixels of one.

What is usual depends on the network and on what it was trained with, so the card of a checkpoint has each signal's
range over photos like those of training, under `typical`; `python -m mtcp typical` measures it. `benchmarks.unlike`
compares the class information with other scores, and counts what all three find.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from mtcp.errors import InputError
from mtcp.geometry.quantities import INFORMATION
from mtcp.tasks import SEMSEG

if TYPE_CHECKING:
    from torch import Tensor

    from mtcp.model import Decoded

FIELD = "typical"
"""On the card: {"information": [low, middle, high], "brightness": ..., "sharpness": ..., "data": "data/nyud val",
"photos": 654}."""
LEAST_PHOTOS = 20
"""Of fewer, percentiles say nothing."""
FRAME = 16
"""One part in so many of the picture is left out at each side: NYUv2's photos have a white frame there."""


@dataclass(frozen=True)
class Signal:
    """One number of a photo, and what it means that it is outside its range.

    percentiles: of the photos like those of training: the low end of the range, its middle, its high end. low, high:
    what a photo below or above is, as in "it is darker than 99 % of them"; empty where that end is nothing unusual.
    value: what the number is called, `{}` for itself.
    """

    percentiles: tuple[float, float, float]
    low: str
    high: str
    value: str
    digits: int

    def outside(self, value: float, ends: tuple[float, float, float]) -> str:
        """Why `value` is unusual, as the end of "unlike those of training: ..."; empty where it is not. ends: see
        `percentiles`.
        """
        if self.low and value < ends[0]:
            said, share, limit, way = self.low, 100 - self.percentiles[0], ends[0], "more"
        elif self.high and value > ends[2]:
            said, share, limit, way = self.high, self.percentiles[2], ends[2], "less"
        else:
            return ""
        number = self.value.format(f"{value:.{self.digits}f}")
        return f"{said} {share:g} % of them ({number}; theirs {limit:.{self.digits}f} or {way})"


SIGNALS: Mapping[str, Signal] = {
    "brightness": Signal(
        (0.5, 50, 99.5), "it is darker than", "it is brighter than", "mean brightness {} of 255", 1
    ),
    "sharpness": Signal(
        (0.5, 50, 99.5), "it has less fine detail than", "it has more fine detail than", "sharpness {}", 2
    ),
    "information": Signal(
        (1, 50, 99),
        "the network is less sure what is where than in",
        "",
        "class information {} nats",
        INFORMATION.digits,
    ),
}
Signals = Mapping[str, float]
"""A photo's, by their names in `SIGNALS`. Of a network without classes there is no information."""


def signals(image: Tensor, decoded: Decoded) -> Signals:
    """What `SIGNALS` names. image: the photo as the network sees it, (1, 3, h, w), RGB in 0..1; decoded: what it makes
    of it.
    """
    found = picture_signals(image[0].permute(1, 2, 0).float().cpu().numpy())
    logits = decoded.last.get(SEMSEG)
    return found if logits is None else {**found, "information": class_information(logits)}


def picture_signals(image: np.ndarray) -> dict[str, float]:
    """Of a picture (h, w, 3), RGB in 0..1, without its outermost parts. brightness: the mean luma, 0 to 255. sharpness:
    the standard deviation of the Laplacian over that of the luma, so that a dark picture is as sharp as a bright one;
    0 where all is the same.
    """
    luma = 255 * cv2.cvtColor(np.ascontiguousarray(image, np.float32), cv2.COLOR_RGB2GRAY)
    height, width = luma.shape
    luma = luma[height // FRAME : height - height // FRAME, width // FRAME : width - width // FRAME]
    contrast = float(luma.std())
    laplacian = cv2.Laplacian(np.ascontiguousarray(luma), cv2.CV_32F)
    return {
        "brightness": float(luma.mean()),
        "sharpness": float(laplacian.std()) / contrast if contrast > 0 else 0.0,
    }


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
    """The ranges of signals over photos like those of training, by name: low end, middle, high end.

    data: what they are, for people.
    """

    ranges: Mapping[str, tuple[float, float, float]]
    data: str = ""

    @classmethod
    def of(cls, found: Sequence[Signals], data: str = "") -> Typical:
        """The ranges over photos of which these were found, all with the same signals.

        Raises:
            InputError: they are fewer than `LEAST_PHOTOS`.
        """
        if len(found) < LEAST_PHOTOS:
            raise InputError(
                f"{len(found)} photos are too few for a typical range: give at least {LEAST_PHOTOS}"
            )
        ranges: dict[str, tuple[float, float, float]] = {}
        for name in found[0]:
            low, middle, high = np.percentile([one[name] for one in found], SIGNALS[name].percentiles)
            ranges[name] = (float(low), float(middle), float(high))
        return cls(ranges, data)

    @classmethod
    def from_card(cls, card: Mapping[str, Any], checkpoint: str) -> Typical | None:
        """What a checkpoint's card has; None where it has none. An older card may lack signals: nothing is said of
        those. checkpoint: its name, for the message.

        Raises:
            InputError: it has something else in that place.
        """
        entry = card.get(FIELD)
        if entry is None:
            return None
        names = [name for name in SIGNALS if name in entry] if isinstance(entry, dict) else []
        if not names:
            raise InputError(_damaged(checkpoint, f"expected {', '.join(SIGNALS)}"))
        ranges: dict[str, tuple[float, float, float]] = {}
        for name in names:
            numbers = entry[name]
            if not isinstance(numbers, list) or len(numbers) != 3 or not all(map(_is_number, numbers)):
                raise InputError(_damaged(checkpoint, f"expected {name} as [low, middle, high]"))
            if numbers != sorted(numbers):
                raise InputError(_damaged(checkpoint, f"{name} {numbers} does not rise"))
            low, middle, high = map(float, numbers)
            ranges[name] = (low, middle, high)
        return cls(ranges, data=str(entry.get("data", "")))

    def to_card(self, photos: int) -> dict[str, Any]:
        """The field of the card. photos: how many were measured."""
        ranges = {name: [round(value, 4) for value in ends] for name, ends in self.ranges.items()}
        return {**ranges, "data": self.data, "photos": photos}

    def outside(self, found: Signals) -> dict[str, str]:
        """The signals of a photo that are outside their range, and why that is unusual."""
        reasons = {
            name: SIGNALS[name].outside(found[name], ends)
            for name, ends in self.ranges.items()
            if name in found
        }
        return {name: words for name, words in reasons.items() if words}

    def unlike(self, found: Signals) -> str:
        """Why a photo with these signals is unlike those of training, as the end of a sentence; else empty."""
        return "; ".join(self.outside(found).values())


def _damaged(checkpoint: str, how: str) -> str:
    return (
        f'{checkpoint}: "{FIELD}" on its card is damaged: {how}; measure it again with python -m mtcp typical'
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and bool(np.isfinite(value))
