"""Multi-modal distillation with attention-guided gates (PAD-Net: Xu et al., CVPR 2018, module C)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.model.decoder.conv import two_blocks
from mtcp.model.refinement.base import Refined
from mtcp.model.tensor_trace import TensorMaps

TITLE = "What is let in from the other tasks"
ABOUT = "How much of another task's feature is let into a task, where (mean over channels). 0: nothing; 1: all of it."


class Distillation(nn.ModuleDict):
    """PAD-Net's: one distillation at 1/4, then two convolutions per task before the refined head."""

    intermediates = 0

    def __init__(self, config: ModelConfig) -> None:
        super().__init__({name: Distilled(name, config) for name in config.tasks})

    def forward(self, features: Mapping[str, Tensor], stages: Mapping[str, Sequence[Tensor]]) -> Refined:
        """As `mtcp.model.refinement.base.Refinement`; reads no stages."""
        refined: dict[str, Tensor] = {}
        maps: list[tuple[str, str, Tensor]] = []
        for name, module in self.items():
            refined[name], gates = module(features)
            maps += [(f"into {name}", other, gate) for other, gate in gates.items()]
        return Refined(refined, {}, TensorMaps(TITLE, ABOUT, tuple(maps)))


class Distilled(nn.Module):
    """One task of `Distillation`."""

    def __init__(self, task: str, config: ModelConfig) -> None:
        super().__init__()
        self.distil = TaskDistillation(task, config)
        self.decode = two_blocks(config.width)

    def forward(self, features: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """As `TaskDistillation.forward`."""
        feature, gates = self.distil(features)
        return self.decode(feature), gates


class TaskDistillation(nn.ModuleDict):
    """What one task k takes from all others: F_k + sum over i of sigmoid(W_ki F_i) * (V_ki F_i), W, V 3x3."""

    def __init__(self, task: str, config: ModelConfig) -> None:
        super().__init__({other: SpatialGate(config.width) for other in config.tasks if other != task})
        self.task = task

    def forward(self, features: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """features: by task (B, C, h, w) -> this task's distilled feature, and by other task its gate (B, C, h, w)."""
        total, gates = features[self.task], {}
        for other, module in self.items():
            message, gates[other] = module(features[other])
            total = total + message
        return total, gates


class SpatialGate(nn.Module):
    """sigmoid(W F) * (V F), 3x3 convolutions without bias."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gate = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.value = nn.Conv2d(width, width, 3, padding=1, bias=False)

    def forward(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, h, w) -> what is sent, and the gate, both of that shape."""
        gate = self.gate(feature).sigmoid()
        return gate * self.value(feature), gate
