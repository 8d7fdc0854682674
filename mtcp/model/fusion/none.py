"""No fusion: every task keeps to itself."""

from __future__ import annotations

from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.model.fusion.base import Fused


class NoFusion(nn.Module):
    """The identity."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()

    def forward(self, features: dict[str, Tensor]) -> Fused:
        """As `mtcp.model.fusion.base.Fusion`."""
        return Fused(features)
