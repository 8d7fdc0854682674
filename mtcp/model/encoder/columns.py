"""A backbone per task that trade features after every stage: the form that cross-stitch networks and NDDR-CNN share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.model.backbone import STRIDES, Backbone
from mtcp.model.encoder.base import Encoded, EncoderTrace
from mtcp.model.encoder.pyramids import Pyramids
from mtcp.model.stages import StagedBackbone

OWN_SHARE = 0.9
"""What a task begins with of its own features; the others share the rest."""
STAGE_NAMES = tuple(f"1/{stride}" for stride in STRIDES)


class Columns(nn.Module):
    """Base of such encoders: a subclass mixes, and tells what it mixed. Every task has its own FPN.

    The stages that follow and the FPN read mixed features. Mixing sees the tasks in the configuration's order.
    """

    def __init__(self, config: ModelConfig, *, levels: bool = False, pretrained: bool = False) -> None:
        super().__init__()
        self.tasks = config.tasks
        self.backbone = nn.ModuleDict(
            {task: StagedBackbone(config.backbone, pretrained=pretrained) for task in self.tasks}
        )
        self.channels = self.backbones[0].channels
        self.fpn = Pyramids(self.tasks, self.channels, config.width, levels=levels)

    @classmethod
    def from_config(cls, config: ModelConfig, *, levels: bool = False, pretrained: bool = False) -> Columns:
        """As `mtcp.model.encoder.base.Encoder`."""
        return cls(config, levels=levels, pretrained=pretrained)

    @property
    def backbones(self) -> Sequence[Backbone]:
        """One per task."""
        return [cast(Backbone, net) for net in self.backbone.values()]

    def shared_parameters(self) -> list[nn.Parameter]:
        """All backbones, since the tasks are mixed after the last stage too. A subclass adds how, without what it does
        after the last stage: nothing mixes the tasks again behind it. An FPN is of one task.
        """
        return list(self.backbone.parameters())

    def mix(self, stage: int, features: list[Tensor]) -> list[Tensor]:
        """features: of each task what stage `stage` (0 to 3) gave, (B, C, h, w) -> the same, mixed."""
        raise NotImplementedError

    def to_pyramid(self, maps: list[list[Tensor]]) -> list[list[Tensor]]:
        """What the FPNs read of the mixed features: maps[task][stage], same shapes."""
        return maps

    def trace(self) -> EncoderTrace:
        """How the tasks are mixed now."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Encoded:
        """x: normalised photo (B, 3, H, W), H and W multiples of 32."""
        features = [x] * len(self.tasks)
        maps: list[list[Tensor]] = [[] for _ in self.tasks]
        for stage in range(len(STRIDES)):
            nets = cast("list[StagedBackbone]", self.backbones)
            features = [net.stage(stage, f) for net, f in zip(nets, features, strict=True)]
            features = self.mix(stage, features)
            for kept, feature in zip(maps, features, strict=True):
                kept.append(feature)
        read = dict(zip(self.tasks, self.to_pyramid(maps), strict=True))
        return self.fpn.encode(read, {task: task for task in self.tasks}, self.trace())
