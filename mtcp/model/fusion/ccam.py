"""Cross-Channel Attention Module between every two tasks (docs/systems.md says what is our reading).

After Bansal, Ji, Yuan and Xu, "Semantics-Depth-Symbiosis: Deeply Coupled Semi-Supervised Learning of Semantics and
Depth", 2022 (arXiv:2206.10562).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.model.fusion.base import Fused
from mtcp.model.trace import MatricesTrace, Matrix, first_of

BLOCKS = 8
"""Rows and columns of the table that stands for a matrix of all channels."""


class CCAM(nn.ModuleDict):
    """A `ChannelFusion` per task, with every other task as its sources, in the order of the tasks."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__({name: ChannelFusion(config.width, len(config.tasks) - 1) for name in config.tasks})

    def forward(self, features: dict[str, Tensor]) -> Fused:
        """As `mtcp.model.fusion.base.Fusion`."""
        fused: dict[str, Tensor] = {}
        affinities: dict[tuple[str, str], Tensor] = {}
        for main, module in self.items():
            others = {name: feature for name, feature in features.items() if name != main}
            fused[main], found = cast(ChannelFusion, module)(features[main], list(others.values()))
            affinities |= {(main, other): matrix for other, matrix in zip(others, found, strict=True)}
        return Fused(fused, CCAMTrace(affinities))


class ChannelFusion(nn.Module):
    """Channels of one task collect from the channels of the others that look like them.

    s = X_s * sigmoid(conv1x1(X_s)), one gate per pixel, likewise t; A_ts = softmax over the channels of s of
    temperature * correlation over the photo of channel i of t and channel j of s;
    out = X_t + BN(sum over s of A_ts s). The cost is C^2 N for every two tasks.
    """

    def __init__(self, width: int, sources: int) -> None:
        super().__init__()
        self.gate = nn.Conv2d(width, 1, 1)
        self.gates = nn.ModuleList(nn.Conv2d(width, 1, 1) for _ in range(sources))
        self.log_temperature = nn.Parameter(torch.full((sources,), math.log(math.sqrt(width))))
        self.norm = nn.BatchNorm2d(width)

    def forward(self, main: Tensor, sources: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """main: X_t (B, C, h, w); sources: X_s of every other task -> the fused feature, A_ts (B, C, C) of each."""
        query = _unit(_gated(main, self.gate))
        received: list[Tensor] = []
        affinities = []
        for feature, gate, log_temperature in zip(sources, self.gates, self.log_temperature, strict=True):
            source = _gated(feature, gate)
            correlation = query @ _unit(source).transpose(1, 2)  # (B, C, C)
            affinity = (log_temperature.exp() * correlation).softmax(-1)
            received.append(affinity @ source.flatten(2))
            affinities.append(affinity)
        total = torch.stack(received).sum(0).view_as(main)
        return main + self.norm(total), affinities


def _gated(x: Tensor, gate: nn.Module) -> Tensor:
    return x * gate(x).sigmoid()


def _unit(x: Tensor) -> Tensor:
    """Channels (B, C, h*w) without their mean and of length 1, so that products are correlations."""
    channels = x.flatten(2)
    return F.normalize(channels - channels.mean(-1, keepdim=True), dim=-1)


@dataclass(frozen=True)
class CCAMTrace:
    """The affinities (B, C, C) by main task and source, as a `mtcp.model.trace.TensorTrace`."""

    affinities: dict[tuple[str, str], Tensor]

    def numpy(self) -> MatricesTrace:
        """The first photo's matrices, by blocks of neighbouring channels."""
        about = (
            "How much the channels of one task (rows) take from the channels of another one (columns), in blocks of "
            "neighbouring channels. A row sums to 1; where all channels count alike, all numbers are the same."
        )
        tables = [
            _blocks(f"into {main} from {other}", first_of(matrix, np.float32))
            for (main, other), matrix in self.affinities.items()
        ]
        return MatricesTrace("Attention between channels", about, tuple(tables))


def _blocks(title: str, matrix: np.ndarray) -> Matrix:
    """The rows' mean and the columns' sum in each block: rows still sum to 1."""
    C = len(matrix)
    starts = np.unique(np.linspace(0, C, min(BLOCKS, C), endpoint=False).astype(int))
    ends = [*starts[1:], C]
    names = tuple(f"{start + 1} to {end}" for start, end in zip(starts, ends, strict=True))
    columns = np.add.reduceat(matrix, starts, axis=1)
    counts = np.diff([*starts, C])[:, None]
    return Matrix(title, names, names, (np.add.reduceat(columns, starts, axis=0) / counts).astype(np.float32))
