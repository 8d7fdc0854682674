"""NDDR-CNN (Gao et al., CVPR 2019): a 1x1 convolution over the features of all tasks after every stage, one per task.
docs/systems.md names the departures.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.model.encoder.base import EncoderTrace
from mtcp.model.encoder.columns import OWN_SHARE, STAGE_NAMES, Columns
from mtcp.model.trace import MatricesTrace, Matrix


class NDDR(Columns):
    """x_t <- BN(W_t [x_1; ...; x_T]) after every stage. W_t starts diagonal: most of the task's own channel, a little
    of the same channel of the others.
    """

    def __init__(self, config: ModelConfig, *, levels: bool = False, pretrained: bool = False) -> None:
        super().__init__(config, levels=levels, pretrained=pretrained)
        count = len(self.tasks)
        self.layers = nn.ModuleList(
            nn.ModuleDict({task: _layer(channels, i, count) for i, task in enumerate(self.tasks)})
            for channels in self.channels
        )

    def shared_parameters(self) -> list[nn.Parameter]:
        """As `Columns.shared_parameters`."""
        return [*super().shared_parameters(), *self.layers[:-1].parameters()]

    def mix(self, stage: int, features: list[Tensor]) -> list[Tensor]:
        """As `Columns.mix`."""
        joined = torch.cat(features, 1)  # (B, T*C, h, w)
        return [layer(joined) for layer in cast(nn.ModuleDict, self.layers[stage]).values()]

    def trace(self) -> EncoderTrace:
        """As `Columns.trace`."""
        return EncoderTrace(lambda grid: self._tables())

    def _tables(self) -> MatricesTrace:
        return MatricesTrace(
            "NDDR layers",
            "Each number is the sum of the absolute weights by which one channel of the row's task takes from all "
            "channels of the column's, on average over its channels. The same for every photo: they are learned.",
            tuple(
                Matrix(f"after the stage at {name}", self.tasks, self.tasks, _taken(layer).numpy())
                for name, layer in zip(STAGE_NAMES, self.layers, strict=True)
            ),
        )


def _layer(channels: int, own: int, tasks: int) -> nn.Sequential:
    """Convolution and BatchNorm of the task number `own`."""
    mixing = nn.Conv2d(tasks * channels, channels, 1, bias=False)
    other = (1 - OWN_SHARE) / (tasks - 1)
    with torch.no_grad():
        shares = torch.full((tasks,), other)
        shares[own] = OWN_SHARE
        mixing.weight.copy_(torch.kron(shares, torch.eye(channels))[..., None, None])
    return nn.Sequential(mixing, nn.BatchNorm2d(channels))


def _taken(layers: nn.Module) -> Tensor:
    """(T, T): how much each task takes from which."""
    rows = []
    for layer in cast(nn.ModuleDict, layers).values():
        weight = (
            cast(nn.Conv2d, cast(nn.Sequential, layer)[0]).weight.detach().float().cpu()
        )  # (C, T*C, 1, 1)
        rows.append(weight.abs().flatten(1).unflatten(1, (-1, weight.shape[0])).sum(2).mean(0))
    return torch.stack(rows)
