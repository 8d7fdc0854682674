"""Cross attention between tasks, then between scales (docs/systems.md says what is our reading).

After Kim, Choi and Min, "Sequential Cross Attention Based Multi-task Learning", ICIP 2022 (arXiv:2209.02518).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.model.backbone import STRIDES
from mtcp.model.decoder.conv import two_blocks
from mtcp.model.fusion.affinity import attend
from mtcp.model.pooling import cell_means
from mtcp.model.refinement.base import Refined
from mtcp.model.tensor_trace import TensorAttention


class SequentialAttention(nn.ModuleDict):
    """A `TaskSequence` per task: attention to the other tasks at each scale, then of the finest scale to the coarser
    ones of its own task.
    """

    intermediates = 0

    def __init__(self, config: ModelConfig) -> None:
        super().__init__({name: TaskSequence(name, config) for name in config.tasks})
        self.kv_stride, self.scale = config.kv_stride, config.width**-0.5

    def forward(self, features: Mapping[str, Tensor], stages: Mapping[str, Sequence[Tensor]]) -> Refined:
        """As `mtcp.model.refinement.base.Refinement`; reads the stages, and of `features` nothing else."""
        refined, queries, keys = {}, {}, {}
        for name, module in self.items():
            refined[name], queries[name], keys[name] = module(stages)
        h, w = next(iter(refined.values())).shape[-2:]
        return Refined(refined, {}, TensorAttention((h, w), queries, keys, self.kv_stride, self.scale))


class TaskSequence(nn.Module):
    """One task: CTAM at each scale, CSAM, two convolutions."""

    def __init__(self, task: str, config: ModelConfig) -> None:
        super().__init__()
        C, others = config.width, len(config.tasks) - 1
        self.task = task
        self.mix = nn.ModuleList(nn.Conv2d(others * C, C, 1) for _ in STRIDES)
        self.tasks = nn.ModuleList(CrossAttention(C) for _ in STRIDES)
        self.scales = CrossAttention(C)
        self.decode = two_blocks(C)
        self.kv_stride = config.kv_stride

    def forward(self, stages: Mapping[str, Sequence[Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
        """stages: by task, finest first -> the refined feature (B, C, h, w), and of the finest attention to the other
        tasks the queries (B, C, N) and keys (B, C, M).
        """
        found = []
        for i, (mix, attention) in enumerate(zip(self.mix, self.tasks, strict=True)):
            others = torch.cat([of[i] for name, of in stages.items() if name != self.task], 1)
            found.append(attention(stages[self.task][i], [cell_means(mix(others), self.kv_stride)]))
        (finest, queries, keys), *coarser = found
        joined, _, _ = self.scales(finest, [feature for feature, _, _ in coarser])
        return self.decode(joined), queries, keys


class CrossAttention(nn.Module):
    """x + BN(W softmax(q(x) k(y)^T / sqrt(C)) v(y)), every cell of x to all cells of all y."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(width, width, 1)
        self.key = nn.Conv2d(width, width, 1)
        self.value = nn.Conv2d(width, width, 1)
        self.out = nn.Sequential(nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor, sources: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """x (B, C, h, w), sources (B, C, h', w') -> what x becomes, queries (B, C, h*w), keys (B, C, M)."""
        queries = self.query(x).flatten(2)
        keys, values = (
            torch.cat([layer(source).flatten(2) for source in sources], 2) for layer in (self.key, self.value)
        )
        q, k, v = (t.transpose(1, 2) for t in (queries, keys, values))
        attended = attend(q, k, v, x.shape[1] ** -0.5).transpose(1, 2).reshape(x.shape)
        return x + self.out(attended), queries, keys
