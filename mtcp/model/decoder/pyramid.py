"""Task decoder at four scales: two 3x3 convolutions on each of the encoder's levels (docs/systems.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.model.backbone import STRIDES
from mtcp.model.decoder.conv import two_blocks


class PyramidDecoder(nn.ModuleList):
    """The blocks of `ConvDecoder` once for each level. What joins the scales is the refinement's."""

    reads_levels: ClassVar[bool] = True

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(two_blocks(config.width) for _ in STRIDES)

    def forward(self, feature: Tensor, levels: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """The stages are of C channels at 1/4, 1/8, 1/16 and 1/32; the first one is the initial prediction's."""
        stages = [blocks(level) for blocks, level in zip(self, levels, strict=True)]
        return stages[0], stages
