"""Trace-back: Spatial Refinement Modules from the deepest stage to the finest (MT-CP section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtcp.model.cbam import Cbam


def _conv_bn_relu(channels: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, out, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU())


class SpatialRefinement(nn.Module):
    """SRM: p = resize(CBAM(prev)) to b; q = CBAM(b); c = concat(p, q); pred and back are ReLU(BN(conv1x1(c))).

    A 1x1 convolution of c is the sum of one of p and one of q, and it commutes with bilinear resizing. So where
    prev is the coarser of the two, its part is convolved before it grows: a quarter of the work, and c is never
    built.
    """

    def __init__(self, previous: int, stage: int, width: int, *, first: bool, last: bool) -> None:
        """first: prev is finer than b (the CFM's output), else coarser; last: no `back`."""
        super().__init__()
        self.previous = Cbam(previous)
        self.stage = Cbam(stage)
        self.pred = _conv_bn_relu(previous + stage, width)
        self.back = None if last else _conv_bn_relu(previous + stage, stage)
        self.first = first

    def forward(self, previous: Tensor, stage: Tensor) -> tuple[Tensor, Tensor | None]:
        """previous: (B, C', h', w'); stage: b (B, C_b, h, w) -> pred (B, C, h, w), back (B, C_b, h, w) or None."""
        p, q = self.previous(previous), self.stage(stage)
        blocks = [self.pred] if self.back is None else [self.pred, self.back]
        if self.first:
            c = torch.cat([_resize(p, stage), q], 1)
            outputs = [block(c) for block in blocks]
        else:
            channels = p.shape[1]
            weights = [cast(Tensor, block[0].weight) for block in blocks]
            grown = _resize(F.conv2d(p, torch.cat([w[:, :channels] for w in weights])), stage)
            parts = grown.split([len(w) for w in weights], 1)
            outputs = [
                block[1:](part + F.conv2d(q, w[:, channels:]))
                for block, part, w in zip(blocks, parts, weights, strict=True)
            ]
        return outputs[0], None if self.back is None else outputs[1]


def _resize(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


class TraceBack(nn.Module):
    """The chain of SRMs of one task, deepest stage first."""

    def __init__(self, widths: Sequence[int], width: int) -> None:
        super().__init__()
        previous = (width, *widths[:0:-1])
        self.steps = nn.ModuleList(
            SpatialRefinement(before, stage, width, first=i == 0, last=i == len(widths) - 1)
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
