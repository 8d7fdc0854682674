"""Swin's shifted windows at sizes that are no multiple of the window, in the published order (Liu et al., ICCV 2021).

timm rolls the map and then pads it. The last windows then hold the map's last rows and columns beside its first ones,
and the mask, which is made for the padded size, does not part them: the top of a photo reaches its bottom.
The published code pads first and rolls the padded map, whose mask fits.
"""

from __future__ import annotations

import torch.nn.functional as F
from timm.models.swin_transformer import SwinTransformerBlock
from torch import Tensor, nn


class PaddedFirst(SwinTransformerBlock):
    """timm's block; its attention pads by zeros to whole windows before it shifts, and crops after.

    Equal to timm's where both sides are multiples of the window. Same parameters under the same names.
    """

    def _attn(self, x: Tensor) -> Tensor:
        """x: normalised tokens (B, h, w, C) -> same."""
        h, w = x.shape[1:3]
        rows, columns = self.window_size
        # Always, also by nothing: a trace for ONNX would freeze a condition.
        padded = F.pad(x, (0, 0, 0, -w % columns, 0, -h % rows))
        return super()._attn(padded)[:, :h, :w]


def pad_before_shift(net: nn.Module) -> None:
    """Makes every timm Swin block in `net` a `PaddedFirst`. timm's stages name their block's class themselves."""
    for module in net.modules():
        if type(module) is SwinTransformerBlock:
            module.__class__ = PaddedFirst
