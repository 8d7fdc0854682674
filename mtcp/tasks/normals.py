"""Surface normals: unit vectors in camera axes x right, y down, z forward; a wall facing the camera is (0, 0, -1)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mtcp.drawing import colour, shown
from mtcp.drawing.scale import Scale, scale_end
from mtcp.geometry.normals import angle_deg
from mtcp.tasks.base import UNKNOWN, Change, Task

if TYPE_CHECKING:
    from torch import Tensor

    from mtcp.evaluation.metrics import NormalsMetrics

AGREES = 15.0
"""Degrees between two predictions that are taken for the same."""
LEAST_ANGLE = 5.0
"""Degrees at the end of the angle scale, at least: a turn of a tenth of a degree must not glow."""


@dataclass(frozen=True)
class Normals(Task):
    """Head output: a free vector (3). Final map: unit vectors, float32 (H, W, 3); of the truth zeros, or what is no
    number, are unknown. Loss: L1 distance of unit vectors.
    """

    channels: int = 3

    kind = "normals"
    unit = "deg"
    metrics = ("mean", "median", "angular_rmse", "within_11", "within_22", "within_30")
    metric = "mean"
    higher_is_better = False
    output = "unit vectors, see axes"
    directions = True

    def activate(self, raw: Tensor) -> Tensor:
        """Unit vectors."""
        vectors = raw.float()  # F.normalize takes ten times as long on a CPU
        return vectors * vectors.square().sum(1, keepdim=True).clamp_min(1e-12).rsqrt()

    def empty_map(self, size: tuple[int, int]) -> np.ndarray:
        return np.empty((*size, 3), np.float32)

    def map_of(self, final: Tensor) -> Tensor:
        return final.permute(1, 2, 0)

    def mirrored(self, values: Tensor) -> Tensor:
        """x negated."""
        import torch

        return values * torch.tensor([-1.0, 1.0, 1.0], device=values.device).view(3, 1, 1)

    def mean_of_flips(self, final: Tensor, other: Tensor) -> Tensor:
        import torch.nn.functional as F

        return F.normalize(final + self.mirrored(other), dim=1)

    def loss(self, final: Tensor, target: Tensor, class_weight: Tensor | None = None) -> Tensor:
        return unit_l1(final, target)

    def valid(self, target: Tensor) -> Tensor:
        return _valid(target)

    def any_target(self, size: tuple[int, int]) -> Tensor:
        import torch

        return torch.tensor([0.0, 0.0, -1.0]).view(1, 3, 1, 1).expand(1, 3, *size)

    def no_target(self, size: tuple[int, int]) -> Tensor:
        import torch

        return torch.zeros(3, *size)

    def trusted(self, final: Tensor, other: Tensor, confidence: float) -> Tensor:
        """The mean, where the two are less than `AGREES` apart."""
        import torch

        cosine = (final * self.mirrored(other)).sum(1, keepdim=True)
        return torch.where(cosine > math.cos(math.radians(AGREES)), self.mean_of_flips(final, other), 0)

    def target_of(self, values: np.ndarray) -> Tensor:
        return super().target_of(values.transpose(2, 0, 1).astype(np.float32, copy=False))

    def zoomed(self, target: Tensor, factor: float) -> Tensor:
        return target if factor == 1 else stretched(target, factor)

    def packed(self, target: Tensor) -> Tensor:
        """Half precision: off by less than 0.03 degrees."""
        return target.half()

    def new_metric(self) -> NormalsMetrics:
        from mtcp.evaluation.metrics import NormalsMetrics

        return NormalsMetrics()

    def known(self, true: np.ndarray) -> np.ndarray:
        return np.any(true, axis=-1) & np.isfinite(true).all(axis=-1)

    def error(self, predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
        """The angle in degrees."""
        return angle_deg(predicted, true).astype(np.float32)

    def picture(self, values: np.ndarray, scale: Scale | None = None) -> np.ndarray:
        return colour.normals(values)

    def change(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """The angle in degrees, float32; NaN where either has no direction."""
        return angle_deg(before, after).astype(np.float32)

    def change_scale(self, moved: np.ndarray) -> Scale:
        return Scale.of_angles(scale_end(moved, LEAST_ANGLE))

    def error_scale(self, off: np.ndarray) -> Scale:
        return Scale.of_angles(scale_end(off, LEAST_ANGLE))

    def change_in_words(self, moved: np.ndarray) -> Change:
        return Change("turned normals by", f"{np.nanmean(moved):.1f}°", "on average")

    def apart(self, values: np.ndarray, last: np.ndarray) -> str:
        return f"{float(np.nanmean(self.change(values, last))):.1f}° away"

    def value_in_words(self, value: np.ndarray) -> str:
        return shown.vector(value) if self.known(value) else UNKNOWN

    def error_in_words(self, value: np.ndarray, true: np.ndarray) -> str:
        if not self.known(true):
            return ""
        return f"{shown.number(float(angle_deg(value, true)), 1, '°')} off"

    def change_numbers(self, moved: np.ndarray) -> dict[str, Any]:
        return {"mean_change_deg": round(float(np.nanmean(moved)), 3)}


def unit_l1(normals: Tensor, target: Tensor) -> Tensor:
    """Mean L1 distance of unit vectors over valid pixels. normals: (B, 3, h, w) unit; target: same, zeros
    or not finite = invalid.

    Near the truth it is proportional to the angle (not its square as 1 - cos is), so it goes for the mean
    error.
    """
    import torch

    valid = _valid(target)
    return torch.where(valid[:, None], normals - target, 0).abs().sum() / valid.sum().clamp(min=1)


def stretched(normals: Tensor, factor: float) -> Tensor:
    """Normals (3, H, W) of surfaces whose depth is divided by `factor`; invalid (zero) ones stay zero."""
    import torch

    vectors = normals * torch.tensor([1.0, 1.0, factor], device=normals.device).view(3, 1, 1)
    # forty times as fast as F.normalize over the first dimension
    return vectors * vectors.square().sum(0).clamp_min_(1e-12).rsqrt_()


def _valid(target: Tensor) -> Tensor:
    length = target.abs().sum(-3)
    return (length > 0.5) & (length < math.inf)
