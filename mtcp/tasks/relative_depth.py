"""Depth that is right only up to a factor per photo, as pseudo-labels of foreign photos are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mtcp.tasks.base import Task
from mtcp.tasks.depth import Depth, measured

if TYPE_CHECKING:
    from torch import Tensor

    from mtcp.evaluation.metrics import TaskMetric


@dataclass(frozen=True)
class RelativeDepth(Depth):
    """Head output: log depth (1). Final map: depth above 0 without a unit, float32 (H, W), as in `Depth`.

    Loss: mean absolute difference of the logarithms, after each photo's own factor is taken out (`log_difference`).
    """

    kind = "relative depth"
    unit = ""
    metrics = ("si_log",)
    metric = "si_log"
    output = "depth along z up to a factor, above 0"
    exports: ClassVar[Mapping[str, Callable[[np.ndarray], np.ndarray]]] = {}  # there are no millimetres
    mark = ""
    key = "relative"

    @property
    def quantity(self) -> str:
        return "relative depth"

    def loss(self, final: Tensor, target: Tensor, class_weight: Tensor | None = None) -> Tensor:
        return scale_invariant_l1(final, target)

    def loss_task(self, other: Task) -> Task | None:
        """Its own: that metres are known does not matter."""
        return self if isinstance(other, Depth) else None

    def new_metric(self) -> TaskMetric:
        from mtcp.evaluation.metrics import ScaleInvariantMetrics

        return ScaleInvariantMetrics()

    def error(self, predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
        """predicted - true in the truth's unit (positive: too far), the prediction times the factor that fits best."""
        known = np.isfinite(predicted) & (predicted > 0) & self.known(true)
        if not known.any():
            return np.full(true.shape, np.nan, np.float32)
        return super().error(_fitted(predicted, true, known), true)

    def change(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """after - before in the unit of `before`, `after` times the factor that fits best: its own says nothing."""
        known = np.isfinite(before) & (before > 0) & np.isfinite(after) & (after > 0)
        return super().change(before, _fitted(after, before, known) if known.any() else after)

    def error_in_words(self, value: np.ndarray, true: np.ndarray) -> str:
        """Nothing: one pixel does not tell the photo's factor."""
        return ""


def _fitted(depth: np.ndarray, like: np.ndarray, known: np.ndarray) -> np.ndarray:
    """`depth` times the factor that brings the median of its ratios to `like`, where both are known, to 1."""
    off = np.log(depth[known], dtype=np.float64) - np.log(like[known], dtype=np.float64)
    return (depth * np.exp(-np.median(off))).astype(np.float32)


def scale_invariant_l1(depth: Tensor, target: Tensor) -> Tensor:
    """Mean |`log_difference`| over the valid pixels of the batch. depth: (B, 1, h, w) > 0; target: (B, h, w), 0 or not
    finite = invalid. Zero (with a gradient) where nothing is valid.
    """
    valid = measured(target)
    return log_difference(depth[:, 0], target, valid).abs().sum() / valid.sum().clamp(min=1)


def log_difference(depth: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """log depth - log target, less its median over each photo's valid pixels; 0 elsewhere. All: (B, h, w)."""
    import torch

    # 1 before log(), whose gradient at what is invalid is no number whatever it is multiplied with
    off = torch.where(valid, depth, 1).log() - torch.where(valid, target, 1).log()
    with torch.no_grad():  # as many pixels pull the median up as down
        median = off.masked_fill(~valid, torch.nan).flatten(1).nanmedian(1).values
    return torch.where(valid, off - median[:, None, None], 0)
