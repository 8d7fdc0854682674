"""Coarser grids by means."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def cell_means(x: Tensor, side: int) -> Tensor:
    """(B, C, h, w) -> (B, C, ceil(h/side), ceil(w/side)): the mean of each block of `side` x `side` cells.

    The smaller blocks at the border are means of the cells they have. side 1: x itself.
    """
    return x if side == 1 else F.avg_pool2d(x, side, ceil_mode=True, count_include_pad=False)
