"""MTAN (Liu et al., CVPR 2019): one backbone, and per task a soft mask on each of its stages. docs/systems.md names the
departures.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.model.backbone import STRIDES, Backbone
from mtcp.model.encoder.base import Encoded, EncoderTrace
from mtcp.model.encoder.pyramids import Pyramids
from mtcp.model.trace import MapsTrace, NamedMap, first_of


class MTAN(nn.Module):
    """Of the backbone's p_s at stage s each task takes a_s * p_s, with the mask a_s = sigmoid(BN(conv(ReLU(BN(conv(
    [p_s; e_s-1]))))))) and e_s = pool(ReLU(BN(conv(a_s * p_s)))), whose convolution all tasks share.
    """

    def __init__(self, config: ModelConfig, *, levels: bool = False, pretrained: bool = False) -> None:
        super().__init__()
        self.tasks = config.tasks
        self.backbone = Backbone(config.backbone, pretrained=pretrained)
        channels = self.backbone.channels
        inputs = [channels[0], *(2 * c for c in channels[1:])]  # the first stage has no feature before it
        self.masks = nn.ModuleDict(
            {
                task: nn.ModuleList(_mask(i, c) for i, c in zip(inputs, channels, strict=True))
                for task in self.tasks
            }
        )
        self.onwards = nn.ModuleList(_onwards(here, there) for here, there in itertools.pairwise(channels))
        self.fpn = Pyramids(self.tasks, channels, config.width, levels=levels)

    @classmethod
    def from_config(cls, config: ModelConfig, *, levels: bool = False, pretrained: bool = False) -> MTAN:
        """As `mtcp.model.encoder.base.Encoder`."""
        return cls(config, levels=levels, pretrained=pretrained)

    @property
    def backbones(self) -> Sequence[Backbone]:
        """The one there is."""
        return (self.backbone,)

    def shared_parameters(self) -> list[nn.Parameter]:
        """The backbone, and the convolutions from mask to mask. Masks and FPNs are of one task each."""
        return [*self.backbone.parameters(), *self.onwards.parameters()]

    def forward(self, x: Tensor) -> Encoded:
        """x: normalised photo (B, 3, H, W), H and W multiples of 32."""
        shared = self.backbone(x)
        masks = {task: self._masks(task, shared) for task in self.tasks}
        taken = {
            task: [mask * p for mask, p in zip(of_task, shared, strict=True)]
            for task, of_task in masks.items()
        }
        return self.fpn.encode(
            taken, {task: task for task in self.tasks}, EncoderTrace(lambda grid: _maps(masks, grid))
        )

    def _masks(self, task: str, shared: Sequence[Tensor]) -> list[Tensor]:
        """The task's masks, one per stage, each of its stage's shape."""
        found: list[Tensor] = []
        before: list[Tensor] = []
        for stage, make in enumerate(cast(nn.ModuleList, self.masks[task])):
            mask = make(torch.cat([shared[stage], *before], 1))
            found.append(mask)
            if stage < len(self.onwards):
                before = [F.max_pool2d(self.onwards[stage](mask * shared[stage]), 2)]
        return found


def _mask(inputs: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.Sigmoid(),
    )


def _onwards(here: int, there: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(here, there, 3, padding=1, bias=False), nn.BatchNorm2d(there), nn.ReLU())


def _maps(masks: Mapping[str, Sequence[Tensor]], grid: tuple[int, int]) -> MapsTrace:
    """Of the batch's first photo, without what lies beyond it. grid: the photo's cells at 1/4."""
    found = []
    for level, stride in enumerate(STRIDES):
        h, w = (-(-side // 2**level) for side in grid)
        for task, of_task in masks.items():
            mean = first_of(of_task[level][..., :h, :w].mean(1), np.float16)  # over channels
            found.append(NamedMap(f"at 1/{stride}", task, mean))
    return MapsTrace(
        "Attention masks",
        "What each task takes of the shared features, on average over their channels: 0 nothing, 1 all.",
        tuple(found),
    )
