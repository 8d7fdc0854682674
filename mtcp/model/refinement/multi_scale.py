"""Multi-scale distillation and feature propagation (MTI-Net: Vandenhende, Georgoulis and Van Gool, ECCV 2020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from timm.layers import ConvNormAct, SqueezeExcite
from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.model.backbone import STRIDES
from mtcp.model.refinement.base import Refined
from mtcp.model.refinement.distillation import ABOUT, TITLE, TaskDistillation
from mtcp.model.refinement.resize import resize
from mtcp.model.tensor_trace import TensorMaps


class MultiScaleDistillation(nn.Module):
    """From the coarsest scale to the finest: initial features of all tasks, propagated to the next scale. Then
    distillation at each scale, and per task one feature of all scales.

    The intermediate features are those that MTI-Net's initial predictions are made of.
    """

    intermediates = len(STRIDES)  # at 1/32, 1/16, 1/8, 1/4

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        finer = range(len(STRIDES) - 1)
        self.propagate = nn.ModuleList(FeaturePropagation(config) for _ in finer)
        for name in config.tasks:
            self.add_module(name, TaskScales(name, config))
        self.tasks = config.tasks

    def forward(self, features: Mapping[str, Tensor], stages: Mapping[str, Sequence[Tensor]]) -> Refined:
        """As `mtcp.model.refinement.base.Refinement`; reads the stages, and of `features` nothing else."""
        tasks = {name: cast(TaskScales, self.get_submodule(name)) for name in self.tasks}
        scales: list[dict[str, Tensor]] = [{name: of[-1] for name, of in stages.items()}]  # coarsest first
        for i, propagation in enumerate(self.propagate):
            propagated = propagation(scales[-1])
            level = len(self.propagate) - 1 - i
            scales.append(
                {
                    name: task.joined(
                        i, torch.cat([stages[name][level], resize(propagated[name], stages[name][level])], 1)
                    )
                    for name, task in tasks.items()
                }
            )
        refined, maps = {}, []
        for name, task in tasks.items():
            refined[name], gates = task(scales)
            maps += [
                (f"into {name} at 1/{stride}", other, gate)
                for stride, of in zip(STRIDES[::-1], gates, strict=True)
                for other, gate in of.items()
            ]
        between = {name: tuple(scale[name] for scale in scales) for name in self.tasks}
        return Refined(refined, between, TensorMaps(TITLE, ABOUT, tuple(maps)))


class FeaturePropagation(nn.Module):
    """All tasks' features at one scale, weighed against each other by a softmax at every cell and channel, as one
    shared feature; of it each task adds what its squeeze-and-excitation lets through.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        C, all_tasks = config.width, config.width * len(config.tasks)
        self.weigh = nn.Sequential(ConvNormAct(all_tasks, C, 3), nn.Conv2d(C, all_tasks, 1))
        self.reduce = ConvNormAct(all_tasks, C, 3)
        self.excite = nn.ModuleDict({name: SqueezeExcite(C, rd_ratio=0.25) for name in config.tasks})

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """features: by task (B, C, h, w) -> same."""
        joined = torch.cat(list(features.values()), 1)  # (B, T*C, h, w)
        weights = self.weigh(joined).unflatten(1, (len(features), -1)).softmax(1).flatten(1, 2)
        shared = self.reduce(weights * joined)
        return {name: feature + self.excite[name](shared) for name, feature in features.items()}


class TaskScales(nn.Module):
    """One task's part at all scales, coarsest first."""

    def __init__(self, task: str, config: ModelConfig) -> None:
        super().__init__()
        C = config.width
        self.join = nn.ModuleList(ConvNormAct(2 * C, C, 3) for _ in STRIDES[1:])
        self.distil = nn.ModuleList(TaskDistillation(task, config) for _ in STRIDES)
        self.aggregate = ConvNormAct(len(STRIDES) * C, C, 1)

    def joined(self, i: int, both: Tensor) -> Tensor:
        """both: this scale's feature and the propagated one (B, 2C, h, w) -> (B, C, h, w), the i-th from 1/16 on."""
        feature: Tensor = self.join[i](both)
        return feature

    def forward(self, scales: Sequence[Mapping[str, Tensor]]) -> tuple[Tensor, list[dict[str, Tensor]]]:
        """scales: by scale, coarsest first, all tasks' features -> this task's refined feature at the finest scale, and
        the gates of each.
        """
        found = [distil(scale) for distil, scale in zip(self.distil, scales, strict=True)]
        finest = found[-1][0]
        grown = [resize(feature, finest) for feature, _ in found[:-1]]
        return self.aggregate(torch.cat([*grown, finest], 1)), [gates for _, gates in found]
