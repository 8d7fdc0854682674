"""Binary tasks: something is there or not, as an edge or what is salient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mtcp.drawing import colour
from mtcp.drawing.scale import Scale
from mtcp.tasks.base import UNKNOWN, ScalarTask
from mtcp.tasks.labels import IGNORE

if TYPE_CHECKING:
    from torch import Tensor

    from mtcp.evaluation.metrics import BinaryMetrics, RegionMetrics


@dataclass(frozen=True)
class Binary(ScalarTask):
    """Head output: a logit (1). Final map: a probability, float32 (H, W); of the truth uint8 0, 1, or 255 unknown.

    Loss: binary cross-entropy with either class given half the say. beta_squared: of the F-measure.
    """

    channels: int = 1
    beta_squared: float = 1.0

    kind = "binary"
    unit = "%"
    metrics: ClassVar[tuple[str, ...]] = ("maxf",)
    metric = "maxf"
    higher_is_better = True
    output = "logits"
    mark = ""
    key = "probability"
    digits = 3
    least = 0.1
    change_words = ("less", "more")
    error_words = ("too low", "too high")

    @property
    def quantity(self) -> str:
        return f"the {self.name} probability"

    def map_of(self, final: Tensor) -> Tensor:
        return final.sigmoid()[0]

    def loss(self, final: Tensor, target: Tensor, class_weight: Tensor | None = None) -> Tensor:
        return balanced_bce(final, target)

    def valid(self, target: Tensor) -> Tensor:
        return target != IGNORE

    @property
    def highest_label(self) -> int:
        return 1

    def any_target(self, size: tuple[int, int]) -> Tensor:
        import torch

        return torch.zeros(1, *size, dtype=torch.uint8)

    def no_target(self, size: tuple[int, int]) -> Tensor:
        import torch

        return torch.full(size, IGNORE, dtype=torch.uint8)

    def trusted(self, final: Tensor, other: Tensor, confidence: float) -> Tensor:
        """Whether it is there by the mean, where the probability of the answer is above `confidence`."""
        import torch

        probability = self.mean_of_flips(final, other).sigmoid()[:, 0]
        sure = torch.maximum(probability, 1 - probability) > confidence
        return torch.where(sure, (probability > 0.5).long(), IGNORE).to(torch.uint8)

    def new_metric(self) -> BinaryMetrics:
        from mtcp.evaluation.metrics import BinaryMetrics

        return BinaryMetrics(self.beta_squared)

    def known(self, true: np.ndarray) -> np.ndarray:
        return true != IGNORE

    def to_metric(self, predicted: np.ndarray, true: np.ndarray) -> tuple[Tensor, Tensor]:
        """Probabilities become logits again."""
        first, second = super().to_metric(predicted, true)
        return first.float().logit(eps=1e-6), second

    def error(self, predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
        """predicted - true."""
        return np.where(true == IGNORE, np.nan, predicted - true.astype(np.float32)).astype(np.float32)

    def scale(self, *maps: np.ndarray) -> Scale:
        return Scale("magma", 0.0, 1.0)

    def picture(self, values: np.ndarray, scale: Scale | None = None) -> np.ndarray:
        return colour.probability(np.where(values == IGNORE, np.nan, values.astype(np.float32)))

    def value_in_words(self, value: np.ndarray) -> str:
        return UNKNOWN if value == IGNORE else f"{float(value):.2f}"


@dataclass(frozen=True)
class Region(Binary):
    """A binary task of whole areas, such as what is salient, rather than of lines: its overlap is measured too."""

    metrics: ClassVar[tuple[str, ...]] = ("maxf", "miou")

    def new_metric(self) -> RegionMetrics:
        from mtcp.evaluation.metrics import RegionMetrics

        return RegionMetrics(self.beta_squared)


def balanced_bce(logits: Tensor, target: Tensor) -> Tensor:
    """BCE with either class given half the say (Xie and Tu, HED, ICCV 2015). logits: (B, 1, h, w); target:
    0/1/255.
    """
    import torch.nn.functional as F

    valid = target != IGNORE
    positive = (target == 1) & valid
    negative = valid & ~positive
    share = negative.sum() / valid.sum().clamp(min=1)
    loss = F.binary_cross_entropy_with_logits(logits[:, 0].float(), positive.float(), reduction="none")
    weight = positive * share + negative * (1 - share)
    return (loss * weight).sum() / valid.sum().clamp(min=1)
