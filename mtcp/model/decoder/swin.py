"""Task decoder: three Swin stages on R and the FPN that joins them into X_t (docs/architecture.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from timm.models.swin_transformer import SwinTransformerStage
from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.model.backbone import FPN
from mtcp.model.windows import pad_before_shift

DEPTHS = (1, 2, 1)
HEADS = 2
WINDOW = 7


def stage_widths(width: int) -> tuple[int, ...]:
    """Channels of the stages' features, finest first."""
    return tuple(width * 2**i for i in range(len(DEPTHS)))


class TaskDecoder(nn.Module):
    """Swin stages of widths C, 2C, 4C at 1/4, 1/8, 1/16, each output LayerNorm-ed, without patch
    embedding.
    """

    reads_levels: ClassVar[bool] = False

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.width
        self.widths = stage_widths(width)
        stages = []
        for i, (depth, out) in enumerate(zip(DEPTHS, self.widths, strict=True)):
            stages.append(
                SwinTransformerStage(
                    dim=self.widths[max(i - 1, 0)],
                    out_dim=out,
                    input_resolution=(
                        8 * WINDOW,
                        8 * WINDOW,
                    ),  # any size: the two flags below read it off the input
                    depth=depth,
                    downsample=i > 0,
                    num_heads=HEADS,
                    window_size=WINDOW,
                    always_partition=True,
                    dynamic_mask=True,
                )
            )
        self.stages = nn.ModuleList(stages)
        pad_before_shift(self.stages)
        self.norms = nn.ModuleList(nn.LayerNorm(out) for out in self.widths)
        self.fpn = FPN(self.widths, width, levels=(0,))

    def forward(self, shared: Tensor, levels: Sequence[Tensor] = ()) -> tuple[Tensor, list[Tensor]]:
        """R (B, C, h, w) -> X_t (B, C, h, w) and the stage features, finest first (B, C*2^i, ceil(h/2^i),
        ...).
        """
        x = shared.permute(0, 2, 3, 1)  # (B, h, w, C)
        features = []
        for stage, norm in zip(self.stages, self.norms, strict=True):
            x = stage(x)
            features.append(norm(x).permute(0, 3, 1, 2))
        return self.fpn(features)[0], features
