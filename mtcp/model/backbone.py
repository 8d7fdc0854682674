"""Backbone and pixel decoder: photo to a pyramid of features (MT-CP section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import timm
import torch
import torch.nn.functional as F
from timm.layers import Format
from timm.models import FeatureInfo
from torch import Tensor, nn

from mtcp.errors import InputError
from mtcp.model.windows import pad_before_shift

STRIDES = (4, 8, 16, 32)
PAD_TO = STRIDES[-1]


class Backbone(nn.Module):
    """Any timm model as four feature levels at 1/4, 1/8, 1/16 and 1/32, channels first.

    Raises:
        InputError: timm does not know `name`, or the model has no level at one of the four strides.
    """

    def __init__(self, name: str, *, pretrained: bool = False) -> None:
        super().__init__()
        if not timm.is_model(name):
            raise InputError(f"backbone {name!r} is not a timm model: see timm.list_models()")
        # Swin-like models are built for one input size unless told otherwise.
        any_size = {"dynamic_img_size": True, "always_partition": True}
        options: dict[str, Any] = any_size if name.startswith("swin_") else {}
        probe = timm.create_model(name, features_only=True, **options)
        reductions = _feature_info(probe).reduction()
        missing = [stride for stride in STRIDES if stride not in reductions]
        if missing:
            raise InputError(f"backbone {name!r} has features at 1/{reductions}: no level at 1/{missing}")
        indices = [len(reductions) - 1 - reductions[::-1].index(stride) for stride in STRIDES]
        self.net = timm.create_model(
            name, features_only=True, out_indices=indices, pretrained=pretrained, **options
        )
        pad_before_shift(self.net)
        self.channels: list[int] = _feature_info(self.net).channels()
        # Not to be told by the shape: a map (H, W, C) with H = C looks like one with its channels first.
        self._channels_last = getattr(self.net, "output_fmt", Format.NCHW) == Format.NHWC

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, 3, H, W), H and W multiples of 32 -> four maps, finest first."""
        maps: list[Tensor] = self.net(x)
        return [m.permute(0, 3, 1, 2).contiguous() for m in maps] if self._channels_last else maps


def _feature_info(net: nn.Module) -> FeatureInfo:
    info = net.feature_info
    assert isinstance(info, FeatureInfo)  # every features_only model has one
    return info


class FPN(nn.Module):
    """Feature pyramid (Lin et al., CVPR 2017): 1x1 laterals, upsample and add, 3x3 convolutions.

    `levels` says which levels to smooth and return, 0 being the finest; others only feed the finer ones. What
    no one reads must not be built: parameters without a gradient stop data parallel training.
    """

    def __init__(self, channels: Sequence[int], width: int, *, levels: Sequence[int] | None = None) -> None:
        super().__init__()
        self.levels = tuple(range(len(channels))) if levels is None else tuple(levels)
        self.lateral = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in self.levels)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps finest first -> the smoothed `levels`, `width` channels each, in that order."""
        pyramid = [lateral(m) for lateral, m in zip(self.lateral, maps, strict=True)]
        for i in range(len(pyramid) - 2, -1, -1):
            up = F.interpolate(
                pyramid[i + 1], size=pyramid[i].shape[-2:], mode="bilinear", align_corners=False
            )
            pyramid[i] = pyramid[i] + up
        return [smooth(pyramid[level]) for smooth, level in zip(self.smooth, self.levels, strict=True)]


def pad_to_stride(x: Tensor) -> Tensor:
    """Pads right and bottom with the border's own pixels to multiples of `PAD_TO`: (B, 3, H, W) -> (B, 3, H', W')."""
    h, w = x.shape[-2:]
    pad = (0, -w % PAD_TO, 0, -h % PAD_TO)
    return F.pad(x, pad, mode="replicate") if any(pad) else x


def sine_positions(h: int, w: int, channels: int, like: Tensor) -> Tensor:
    """Sine position encoding of a grid (Carion et al., DETR, 2020): (h*w, channels) on `like`'s device and dtype.

    As in DETR the fastest component turns once over the whole grid, so that it never turns by more than half a turn
    from one cell to the next, however coarse the grid.
    """
    quarter = (channels + 3) // 4
    frequency = 10000.0 ** (-torch.arange(quarter, device=like.device, dtype=torch.float32) / quarter)
    y = (torch.arange(h, device=like.device, dtype=torch.float32) + 0.5) / h * 2 * torch.pi
    x = (torch.arange(w, device=like.device, dtype=torch.float32) + 0.5) / w * 2 * torch.pi
    y, x = y[:, None] * frequency, x[:, None] * frequency  # (h, quarter), (w, quarter)
    rows = torch.cat([y.sin(), y.cos()], -1)[:, None].expand(h, w, 2 * quarter)
    columns = torch.cat([x.sin(), x.cos()], -1)[None].expand(h, w, 2 * quarter)
    return torch.cat([rows, columns], -1).flatten(0, 1)[:, :channels].to(like.dtype)
