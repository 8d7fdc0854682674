"""CBAM (Woo et al., ECCV 2018) as `timm` has it, with a backward pass that walks the maps half as often.

Autograd's backward of `amax` compares, casts, counts, divides, casts and multiplies whole maps to hand a gradient
to one value per channel or pixel, and each of the four uses of a map gives a gradient map of its own to be added to
the others. On a CPU those passes were a fifth of MT-CP's training step.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from timm.layers.cbam import CbamModule
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from mtcp.model.by_hand import trains_on_cpu


class Pooled(NamedTuple):
    """A map and what its channels' attention looks at."""

    x: Tensor  # (B, C, h, w)
    mean: Tensor  # (B, C, 1, 1)
    largest: Tensor  # (B, C, 1, 1)


class Cbam(CbamModule):
    """timm's CBAM: same parameters under the same names, same values, same gradients.

    Of equal maxima one gets the gradient, not each its share.
    """

    def forward(self, seen: Tensor | Pooled) -> Tensor:
        """seen: (B, C, h, w), or `pool` of it where several look at one map -> (B, C, h, w)."""
        channel, spatial = self.channel, self.spatial
        x, mean, largest = seen if isinstance(seen, Pooled) else pool(seen)
        both = torch.cat([mean, largest])  # (2B, C, 1, 1): both go through one MLP
        mean, largest = channel.fc2(channel.act(channel.fc1(both))).chunk(2)
        gate = channel.gate(mean + largest)
        if not trains_on_cpu(x):
            x = x * gate
            return x * spatial.gate(spatial.conv(torch.cat([x.mean(1, True), x.amax(1, True)], 1)))
        gated, pooled = _ChannelGate.apply(x, gate)
        return _PixelGate.apply(gated, spatial.gate(spatial.conv(pooled)))


def pool(x: Tensor) -> Pooled:
    """Mean and maximum of x (B, C, h, w) over its pixels."""
    if trains_on_cpu(x):
        return Pooled(*_Pool.apply(x))
    return Pooled(x, x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True))


def _pixels(x: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, h*w, C), a view where x is channels_last, as in training."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def _maps(pixels: Tensor, like: Tensor) -> Tensor:
    """Inverse of `_pixels`: (B, h*w, C) -> (B, C, h, w), channels_last."""
    return pixels.unflatten(1, like.shape[2:]).permute(0, 3, 1, 2)


# The three follow one another, and each is the only reader of the gradient that the next one makes: it may write into
# it. What a caller gives is only read.


class _Pool(torch.autograd.Function):
    """x -> x, its mean and its maximum over pixels."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rows = x.permute(0, 2, 3, 1)  # (B, h, w, C)
        # The maximum of every row needs no index and is fast; indices are looked for in one row per channel.
        value, row = rows.amax(2).max(1, keepdim=True)  # (B, 1, C)
        column = rows.gather(1, row.unsqueeze(2).expand(-1, -1, rows.shape[2], -1)).argmax(2)  # (B, 1, C)
        ctx.save_for_backward(row * rows.shape[2] + column)
        return x.view_as(x), x.mean((2, 3), keepdim=True), value[..., None].transpose(1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, to_x: Tensor, to_mean: Tensor, to_largest: Tensor) -> Tensor:
        (index,) = ctx.saved_tensors  # type: ignore[attr-defined]
        gradient = _own(to_x)
        pixels = gradient.permute(0, 2, 3, 1).flatten(1, 2)
        pixels += to_mean.flatten(2).transpose(1, 2) / pixels.shape[1]
        pixels.scatter_add_(1, index, to_largest.flatten(2).transpose(1, 2))
        return gradient


class _ChannelGate(torch.autograd.Function):
    """x * gate, gate (B, C, 1, 1), and that map's mean and maximum over channels (B, 2, h, w)."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, gate: Tensor) -> tuple[Tensor, Tensor]:
        gated = x.contiguous(memory_format=torch.channels_last) * gate
        largest, index = _pixels(gated).max(2, keepdim=True)  # (B, h*w, 1)
        ctx.save_for_backward(x, gate, index)
        return gated, _maps(torch.cat([_pixels(gated).mean(2, keepdim=True), largest], 2), gated)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, to_gated: Tensor, to_pooled: Tensor) -> tuple[Tensor, Tensor]:
        x, gate, index = ctx.saved_tensors  # type: ignore[attr-defined]
        gradient = _own(to_gated)
        pixels, to_pooled = gradient.permute(0, 2, 3, 1).flatten(1, 2), _pixels(to_pooled)
        pixels += to_pooled[..., :1] / pixels.shape[2]
        pixels.scatter_add_(2, index, to_pooled[..., 1:])
        to_gate = (gradient * x).sum((2, 3), keepdim=True)
        return gradient.mul_(gate), to_gate


class _PixelGate(torch.autograd.Function):
    """x * gate, gate (B, 1, h, w)."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, gate: Tensor) -> Tensor:
        ctx.save_for_backward(x, gate)
        return x * gate

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, gate = ctx.saved_tensors  # type: ignore[attr-defined]
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        return gradient * gate, (gradient * x).sum(1, keepdim=True)


def _own(gradient: Tensor) -> Tensor:
    """Pixels as rows, so that `flatten` gives a view to write through."""
    return gradient.contiguous(memory_format=torch.channels_last)
