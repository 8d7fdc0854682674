"""Light task decoder: two 3x3 convolutions on the encoder's feature at 1/4 (docs/systems.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from timm.layers import ConvNormAct
from torch import Tensor, nn

from mtcp.config import ModelConfig


class ConvDecoder(nn.Sequential):
    """Two blocks of a 3x3 convolution, BatchNorm and ReLU; nothing for a refinement to read."""

    reads_levels: ClassVar[bool] = False

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(two_blocks(config.width))

    def forward(self, feature: Tensor, levels: Sequence[Tensor] = ()) -> tuple[Tensor, list[Tensor]]:
        """As `mtcp.model.decoder.base.Decoder`."""
        return super().forward(feature), []


def two_blocks(width: int) -> nn.Sequential:
    """Two blocks of a 3x3 convolution, BatchNorm and ReLU: (B, width, h, w) -> same."""
    return nn.Sequential(*(ConvNormAct(width, width, 3) for _ in range(2)))
