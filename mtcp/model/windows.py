"""Window attention (Liu et al., Swin, ICCV 2021) of `timm`'s blocks, with fewer copies in training on a CPU.

timm shifts, pads, cuts windows, splits heads and queries from keys, each a copy of the map, and runs its linear layers
on the padding too: at 15x20 with windows of 7x7 that is half as much again. Here one gather does the lot, and only
pixels that exist go through the linear layers. Padding is zeros before the first of them, so its bias behind it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from timm.models.swin_transformer import SwinTransformerBlock, WindowAttention
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from mtcp.model.by_hand import trains_on_cpu


class Cut(NamedTuple):
    """How a map of h x w pixels is cut into n windows of A pixels."""

    source: Tensor  # (n*A,) pixel of each place in the windows; 0 for padding
    padding: Tensor  # places in the windows that hold no pixel
    place: Tensor  # (h*w,) place of each pixel


class Block(SwinTransformerBlock):
    """timm's block: same parameters under the same names, same values, same gradients."""

    def _attn(self, x: Tensor) -> Tensor:
        """Normalised map (B, h, w, C) -> what attention adds to it."""
        attention: WindowAttention = self.attn
        if not trains_on_cpu(x) or attention.attn_drop.p or attention.proj_drop.p:
            return super()._attn(x)
        h, w = x.shape[1:3]
        (across, down), (left, up) = self.window_size[::-1], self.shift_size[::-1]
        high, wide = h + -h % down, w + -w % across
        mask = self.get_attn_mask(x.new_empty(1, high, wide, 1))  # (n, A, A) or None
        bias = attention._get_rel_pos_bias()[0]  # (heads, A, A)
        cut = cut_windows((h, w), (down, across), (up, left), x.device)
        qkv = attention.qkv(x).flatten(1, 2)  # (B, h*w, 3C)
        out = _Attend.apply(qkv, attention.qkv.bias, bias, mask, cut, attention.scale)
        return attention.proj(out).unflatten(1, (h, w))


def cut_windows(
    size: tuple[int, int], window: tuple[int, int], shift: tuple[int, int], device: torch.device
) -> Cut:
    """Rolls a map up and to the left by `shift`, pads it below and right, cuts it into windows row by row."""
    (h, w), (down, across) = size, window
    pixels = torch.arange(h * w, device=device).view(h, w).roll((-shift[0], -shift[1]), (0, 1))
    grid = pixels.new_full((h + -h % down, w + -w % across), -1)
    grid[:h, :w] = pixels
    source = grid.unflatten(1, (-1, across)).unflatten(0, (-1, down)).transpose(1, 2).flatten()
    place = torch.empty_like(pixels).flatten()
    real = (source >= 0).nonzero().flatten()
    place[source[real]] = real
    return Cut(source.clamp(min=0), (source < 0).nonzero().flatten(), place)


class _Attend(torch.autograd.Function):
    """Queries, keys and values of each pixel (B, h*w, 3C) -> their attention within windows (B, h*w, C)."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, qkv: Tensor, fill: Tensor, bias: Tensor, mask: Tensor | None, cut: Cut, scale: float
    ) -> Tensor:
        """fill: (3C,) for padding; bias: (heads, A, A); mask: (n, A, A), added to the logits too."""
        heads, area = bias.shape[:2]
        windows = _gather(qkv, cut, fill.to(qkv.dtype))
        outputs, weights = [], []
        with torch.autocast("cpu", enabled=False):
            for (q, k, v), one in zip(_split(windows, heads, area), bias.to(qkv.dtype), strict=True):
                logits = torch.baddbmm(one, q, k.transpose(1, 2), alpha=scale)  # (B*n, A, A)
                if mask is not None:
                    logits.unflatten(0, (-1, len(mask))).add_(mask)
                weights.append(torch.softmax(logits, -1))
                outputs.append(torch.bmm(weights[-1], v))
        ctx.save_for_backward(windows, bias, *weights)
        ctx.cut, ctx.scale, ctx.fill = cut, scale, fill.dtype  # type: ignore[attr-defined]
        return torch.cat(outputs, -1).view(len(qkv), -1, qkv.shape[2] // 3).index_select(1, cut.place)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        windows, bias, *weights = ctx.saved_tensors  # type: ignore[attr-defined]
        cut, scale = ctx.cut, ctx.scale  # type: ignore[attr-defined]
        heads, area = bias.shape[:2]
        to_out = _gather(gradient, cut, None).view(-1, area, heads, gradient.shape[2] // heads)
        to_bias = torch.empty_like(bias)
        to_windows = windows.new_empty(3, heads, *to_out.shape[:2], to_out.shape[3])
        for head, ((q, k, v), weight) in enumerate(zip(_split(windows, heads, area), weights, strict=True)):
            g = to_out[:, :, head]
            torch.bmm(weight.transpose(1, 2), g, out=to_windows[2, head])
            to_weight = torch.bmm(g, v.transpose(1, 2))
            to_logits = torch._softmax_backward_data(to_weight, weight, -1, weight.dtype)
            to_bias[head] = to_logits.sum(0)
            torch.baddbmm(q, to_logits, k, beta=0, alpha=scale, out=to_windows[0, head])
            torch.baddbmm(k, to_logits.transpose(1, 2), q, beta=0, alpha=scale, out=to_windows[1, head])
        places = to_windows.permute(2, 3, 0, 1, 4).reshape(len(gradient), len(cut.source), -1)  # (B, n*A, 3C)
        to_fill = places.index_select(1, cut.padding).sum((0, 1), dtype=ctx.fill)  # type: ignore[attr-defined]
        return places.index_select(1, cut.place), to_fill, to_bias, None, None, None


def _gather(pixels: Tensor, cut: Cut, fill: Tensor | None) -> Tensor:
    """(B, h*w, C) -> places in the windows (B, n*A, C); fill: (C,) for padding, None for zeros."""
    places = pixels.index_select(1, cut.source)
    if len(cut.padding):
        places[:, cut.padding] = pixels.new_zeros(()) if fill is None else fill
    return places


def _split(windows: Tensor, heads: int, area: int) -> list[list[Tensor]]:
    """(B, n*A, 3C) -> per head its queries, keys and values, views (B*n, A, C/heads)."""
    parts = windows.view(-1, area, 3, heads, windows.shape[2] // (3 * heads))
    return [[parts[:, :, kind, head] for kind in range(3)] for head in range(heads)]
