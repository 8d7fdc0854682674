"""Bilinear resizing to another map's size."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def resize(x: Tensor, like: Tensor) -> Tensor:
    """x (B, C, h', w') -> (B, C, h, w), the size of `like` (B, any, h, w)."""
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)
