"""Cross-stitch networks (Misra et al., CVPR 2016), with the subspaces and the skip mixing of sluice networks
(Ruder et al., AAAI 2019) as options. docs/systems.md names the departures.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.errors import InputError
from mtcp.model.encoder.base import EncoderTrace
from mtcp.model.encoder.columns import OWN_SHARE, STAGE_NAMES, Columns
from mtcp.model.trace import MatricesTrace, Matrix


class CrossStitch(Columns):
    """x_i <- sum_j a_ij x_j after every stage, over all tasks, or over the K channel groups of all tasks."""

    def __init__(self, config: ModelConfig, *, levels: bool = False, pretrained: bool = False) -> None:
        super().__init__(config, levels=levels, pretrained=pretrained)
        self.subspaces = config.subspaces
        if uneven := [c for c in self.channels if c % self.subspaces]:
            raise InputError(
                f"subspaces={self.subspaces}: a stage of {config.backbone} has {uneven[0]} channels, which do not "
                "divide into so many"
            )
        parts = len(self.tasks) * self.subspaces
        start = torch.full((parts, parts), (1 - OWN_SHARE) / (parts - 1)).fill_diagonal_(OWN_SHARE)
        self.units = nn.ParameterList(start.clone() for _ in self.channels)  # a_ij, (T*K, T*K)
        # by task and stage what its FPN takes of the stage
        self.skips = (
            nn.Parameter(torch.ones(len(self.tasks), len(self.channels))) if config.skip_mixing else None
        )

    def shared_parameters(self) -> list[nn.Parameter]:
        """As `Columns.shared_parameters`. Each row of the last unit, and of the skip weights, is of one task."""
        return [*super().shared_parameters(), *list(self.units)[:-1]]

    def mix(self, stage: int, features: list[Tensor]) -> list[Tensor]:
        """As `Columns.mix`."""
        parts = torch.stack([part for feature in features for part in feature.chunk(self.subspaces, 1)], 1)
        mixed = torch.einsum("ij,bjchw->bichw", self.units[stage], parts)  # (B, T*K, C/K, h, w)
        return [part.flatten(1, 2) for part in mixed.split(self.subspaces, 1)]

    def to_pyramid(self, maps: list[list[Tensor]]) -> list[list[Tensor]]:
        """As `Columns.to_pyramid`: each stage times its skip weight."""
        if self.skips is None:
            return maps
        return [
            [feature * weight for feature, weight in zip(of_task, weights.unbind(), strict=True)]
            for of_task, weights in zip(maps, self.skips.unbind(), strict=True)
        ]

    def trace(self) -> EncoderTrace:
        """As `Columns.trace`."""
        return EncoderTrace(lambda grid: self._tables())

    def _tables(self) -> MatricesTrace:
        numbers = range(1, self.subspaces + 1)
        names = self.tasks
        if self.subspaces > 1:
            names = tuple(f"{task} {number}" for task in self.tasks for number in numbers)
        tables = [
            Matrix(f"after the stage at {stage}", names, names, unit.detach().float().cpu().numpy())
            for stage, unit in zip(STAGE_NAMES, self.units, strict=True)
        ]
        if self.skips is not None:
            weights = self.skips.detach().float().cpu().numpy()
            tables.append(Matrix("of each stage into the pyramid", self.tasks, STAGE_NAMES, weights))
        return MatricesTrace(
            "Cross-stitch units",
            "Each number is the factor of the column's features in the row's. The same for every photo: they are "
            "learned.",
            tuple(tables),
        )
