"""Trace-back: Spatial Refinement Modules from the deepest stage to the finest (DESIGN section 2, step 9)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from timm.layers.cbam import CbamModule
from torch import Tensor, nn


def _conv_bn_relu(channels: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, out, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU())


class SpatialRefinement(nn.Module):
    """SRM: p = resize(CBAM(prev)) to b; q = CBAM(b); c = concat(p, q); pred and back are ReLU(BN(conv1x1(c)))."""

    def __init__(self, previous: int, stage: int, width: int, *, last: bool) -> None:
        super().__init__()
        self.previous = CbamModule(previous)
        self.stage = CbamModule(stage)
        self.pred = _conv_bn_relu(previous + stage, width)
        self.back = None if last else _conv_bn_relu(previous + stage, stage)

    def forward(self, previous: Tensor, stage: Tensor) -> tuple[Tensor, Tensor | None]:
        """previous: (B, C', h', w'); stage: b (B, C_b, h, w) -> pred (B, C, h, w), back (B, C_b, h, w) or None."""
        p = F.interpolate(
            self.previous(previous), size=stage.shape[-2:], mode="bilinear", align_corners=False
        )
        c = torch.cat([p, self.stage(stage)], 1)
        return self.pred(c), None if self.back is None else self.back(c)


class TraceBack(nn.Module):
    """The chain of SRMs of one task, deepest stage first."""

    def __init__(self, widths: Sequence[int], width: int) -> None:
        super().__init__()
        previous = (width, *widths[:0:-1])
        self.steps = nn.ModuleList(
            SpatialRefinement(before, stage, width, last=i == len(widths) - 1)
            for i, (before, stage) in enumerate(zip(previous, widths[::-1], strict=True))
        )

    def forward(self, feature: Tensor, stages: Sequence[Tensor]) -> list[Tensor]:
        """feature: CFM output (B, C, h, w); stages: finest first -> the steps' `pred`, at 1/16, 1/8 and 1/4."""
        predictions = []
        previous: Tensor | None = feature
        for step, stage in zip(self.steps, reversed(stages), strict=True):
            pred, previous = step(previous, stage)
            predictions.append(pred)
        return predictions
