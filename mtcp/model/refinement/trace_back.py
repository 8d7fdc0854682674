"""Trace-back: Spatial Refinement Modules from the deepest stage to the finest (MT-CP section 3.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.model.cbam import Cbam
from mtcp.model.decoder.swin import stage_widths
from mtcp.model.pooling import cell_means
from mtcp.model.refinement.base import Refined
from mtcp.model.refinement.resize import resize


class TraceBack(nn.ModuleDict):
    """A `RefinementChain` per task; no task sees another one."""

    intermediates = 2  # at 1/16 and 1/8

    def __init__(self, config: ModelConfig) -> None:
        widths, antialiased = stage_widths(config.width), config.srm_shrink == "antialiased"
        super().__init__(
            {name: RefinementChain(widths, config.width, antialiased=antialiased) for name in config.tasks}
        )

    def forward(self, features: Mapping[str, Tensor], stages: Mapping[str, Sequence[Tensor]]) -> Refined:
        """As `mtcp.model.refinement.base.Refinement`."""
        refined: dict[str, Tensor] = {}
        intermediate: dict[str, tuple[Tensor, ...]] = {}
        for name, feature in features.items():
            *coarse, refined[name] = self[name](feature, stages[name])
            intermediate[name] = tuple(coarse)
        return Refined(refined, intermediate)


def _conv_bn_relu(channels: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, out, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU())


class SpatialRefinement(nn.Module):
    """SRM: p = resize(CBAM(prev)) to b; q = CBAM(b); c = concat(p, q); pred and back are ReLU(BN(conv1x1(c))).

    A 1x1 convolution of c is the sum of one of p and one of q, and it commutes with bilinear resizing. So where
    prev is the coarser of the two, its part is convolved before it grows: a quarter of the work, and c is never
    built.
    """

    def __init__(
        self, previous: int, stage: int, width: int, *, first: bool, last: bool, shrink: int = 0
    ) -> None:
        """first: prev is finer than b (the initial feature), else coarser; last: no `back`.

        shrink: in the first one, p is the mean over blocks of so many cells a side, the size of b's cells; 0 for
        bilinear interpolation, which looks at four cells of the sixteen and lets finer detail alias.
        """
        super().__init__()
        self.previous = Cbam(previous)
        self.stage = Cbam(stage)
        self.pred = _conv_bn_relu(previous + stage, width)
        self.back = None if last else _conv_bn_relu(previous + stage, stage)
        self.first, self.shrink = first, shrink

    def forward(self, previous: Tensor, stage: Tensor) -> tuple[Tensor, Tensor | None]:
        """previous: (B, C', h', w'); stage: b (B, C_b, h, w) -> pred (B, C, h, w), back (B, C_b, h, w) or None."""
        p, q = self.previous(previous), self.stage(stage)
        blocks = [self.pred] if self.back is None else [self.pred, self.back]
        if self.first:
            c = torch.cat([cell_means(p, self.shrink) if self.shrink else resize(p, stage), q], 1)
            outputs = [block(c) for block in blocks]
        else:
            channels = p.shape[1]
            weights = [cast(Tensor, block[0].weight) for block in blocks]
            grown = resize(F.conv2d(p, torch.cat([w[:, :channels] for w in weights])), stage)
            parts = grown.split([len(w) for w in weights], 1)
            outputs = [
                block[1:](part + F.conv2d(q, w[:, channels:]))
                for block, part, w in zip(blocks, parts, weights, strict=True)
            ]
        return outputs[0], None if self.back is None else outputs[1]


class RefinementChain(nn.Module):
    """The chain of SRMs of one task, deepest stage first."""

    def __init__(self, widths: Sequence[int], width: int, *, antialiased: bool = False) -> None:
        """widths: channels of the stages, finest first, each at half the size of the one before."""
        super().__init__()
        previous = (width, *widths[:0:-1])
        shrink = 2 ** (len(widths) - 1) if antialiased else 0
        self.steps = nn.ModuleList(
            SpatialRefinement(
                before, stage, width, first=i == 0, last=i == len(widths) - 1, shrink=0 if i else shrink
            )
            for i, (before, stage) in enumerate(zip(previous, widths[::-1], strict=True))
        )

    def forward(self, feature: Tensor, stages: Sequence[Tensor]) -> list[Tensor]:
        """feature: the initial one (B, C, h, w); stages: finest first -> the steps' `pred`, at 1/16, 1/8 and 1/4."""
        predictions = []
        previous: Tensor | None = feature
        for step, stage in zip(self.steps, reversed(stages), strict=True):
            pred, previous = step(previous, stage)
            predictions.append(pred)
        return predictions
