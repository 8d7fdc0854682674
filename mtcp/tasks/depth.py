"""Depth: metres along the camera's z axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mtcp.drawing import colour, shown
from mtcp.drawing.scale import Scale
from mtcp.tasks.base import UNKNOWN, ScalarTask, Task
from mtcp.tasks.measure import spread

if TYPE_CHECKING:
    from torch import Tensor

    from mtcp.evaluation.metrics import TaskMetric

LOG_RANGE = (-3.0, 5.0)  # 5 cm to 148 m: keeps exp() finite whatever the head says
AGREES = 0.1
"""Of the logarithms of two predictions that are taken for the same."""
TYPICAL_LOG = 0.9  # 2.5 m: where depth starts


def millimetres(metres: np.ndarray) -> np.ndarray:
    """Depth in metres -> uint16 millimetres, at most 65.535 m; what is not finite or not positive is 0."""
    return np.nan_to_num(metres * 1000.0, nan=0.0, posinf=0.0).clip(0, 65535).round().astype(np.uint16)


@dataclass(frozen=True)
class Depth(ScalarTask):
    """Head output: log metres (1). Final map: metres, float32 (H, W); of the truth 0 or no number is unknown.

    Loss: mean absolute difference in metres.
    """

    channels: int = 1

    kind = "depth"
    unit = "m"
    metrics: ClassVar[tuple[str, ...]] = ("rmse", "rmse_log", "abs_rel", "delta1", "delta2", "delta3")
    metric = "rmse"
    higher_is_better = False
    output = "metres along z, above 0"
    start_bias = TYPICAL_LOG
    spread_words = ("nearest", "median", "farthest")
    exports: ClassVar[Mapping[str, Callable[[np.ndarray], np.ndarray]]] = {"mm": millimetres}
    mark = "m"
    key = "m"
    digits = 2
    least = colour.LEAST_DEPTH_LIMIT
    change_words = ("closer", "farther")
    error_words = ("too near", "too far")

    def activate(self, raw: Tensor) -> Tensor:
        """exp of log metres, so depth is positive."""
        return raw.float().clamp(*LOG_RANGE).exp()

    def fault(self, raw: Tensor) -> str:
        low, high = LOG_RANGE
        fault = super().fault(raw)
        if not fault and ((raw <= low) | (raw >= high)).float().mean() > 0.5:
            return "outside 5 cm to 148 m almost everywhere"
        return fault

    def map_of(self, final: Tensor) -> Tensor:
        return final[0]

    def mean_of_flips(self, final: Tensor, other: Tensor) -> Tensor:
        """The geometric mean: heads predict logarithms."""
        return (final * self.mirrored(other)).sqrt()

    def loss(self, final: Tensor, target: Tensor, class_weight: Tensor | None = None) -> Tensor:
        return depth_l1(final, target)

    def valid(self, target: Tensor) -> Tensor:
        return measured(target)

    def any_target(self, size: tuple[int, int]) -> Tensor:
        import torch

        return torch.ones(1, *size)

    def no_target(self, size: tuple[int, int]) -> Tensor:
        import torch

        return torch.zeros(size)

    def trusted(self, final: Tensor, other: Tensor, confidence: float) -> Tensor:
        """The mean, where the two differ by less than `AGREES` in their logarithms, each photo's median difference
        aside.
        """
        import torch

        off = final.log() - self.mirrored(other).log()
        off = off - off.flatten(1).median(1).values[:, None, None, None]
        return torch.where(off.abs() < AGREES, self.mean_of_flips(final, other), 0)[:, 0]

    def loss_task(self, other: Task) -> Task | None:
        """Of depth that is known only up to a factor, that one's."""
        return other if isinstance(other, Depth) else None

    def zoomed(self, target: Tensor, factor: float) -> Tensor:
        return target / factor

    def new_metric(self) -> TaskMetric:
        from mtcp.evaluation.metrics import DepthMetrics

        return DepthMetrics()

    def known(self, true: np.ndarray) -> np.ndarray:
        return np.isfinite(true) & (true > 0)

    def error(self, predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
        """predicted - true in metres (positive: too far)."""
        known = np.isfinite(predicted) & self.known(true)
        return np.subtract(predicted, true, out=np.full(true.shape, np.nan, np.float32), where=known)

    def scale(self, *maps: np.ndarray) -> Scale:
        return Scale("viridis", *colour.value_range(*maps), self.mark)

    def picture(self, values: np.ndarray, scale: Scale | None = None) -> np.ndarray:
        scale = scale or self.scale(values)
        return colour.depth(values, (scale.low, scale.high))

    def legend(self, values: np.ndarray, scale: Scale | None) -> np.ndarray:
        from mtcp.drawing import legend

        scale = scale or self.scale(values)
        return legend.colour_bar(scale.low, scale.high, unit=self.mark, width=values.shape[1])

    def value_in_words(self, value: np.ndarray) -> str:
        return shown.number(float(value), 2, self.mark) if self.known(value) else UNKNOWN

    def error_in_words(self, value: np.ndarray, true: np.ndarray) -> str:
        return f"({shown.number(float(value - true), 2, self.mark, sign=True)})" if self.known(true) else ""

    def numbers(self, maps: Mapping[str, np.ndarray]) -> dict[str, Any]:
        found = {stage: spread(values) for stage, values in maps.items()}
        return {
            f"{stage}_{part}_{self.key}": round(getattr(of_stage, part), 4)
            for stage, of_stage in found.items()
            for part in ("low", "median", "high")
        }


def depth_l1(depth: Tensor, target: Tensor) -> Tensor:
    """Mean |difference| in metres over valid pixels. depth: (B, 1, h, w) > 0; target: (B, h, w), 0 or
    not finite = invalid.
    """
    import torch

    valid = measured(target)
    # chosen before abs(), whose gradient at NaN is NaN whatever it is multiplied with
    return torch.where(valid, depth[:, 0] - target, 0).abs().sum() / valid.sum().clamp(min=1)


def measured(target: Tensor) -> Tensor:
    """Where a target tells something: above 0 and finite."""
    return (target > 0) & (target < math.inf)
