"""CBAM (Woo et al., ECCV 2018) as `timm` has it, with a backward pass that does not walk the maps six times.

Autograd's backward of `amax` compares, casts, counts, divides, casts and multiplies whole maps to hand a gradient
to one value per channel or pixel. On a CPU those passes were a sixth of MT-CP's training step.
"""

from __future__ import annotations

import torch
from timm.layers.cbam import CbamModule
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

Pooled = tuple[Tensor, Tensor]


class Cbam(CbamModule):
    """timm's CBAM: same parameters under the same names, same values.

    Same gradients too where no two values share a maximum. Where some do (after a ReLU, zeros), one of them gets
    all of its gradient on a CPU, in timm each of them an equal share.
    """

    def forward(self, x: Tensor, pooled: Pooled | None = None) -> Tensor:
        """x: (B, C, h, w) -> same. pooled: `pool(x, (2, 3))` where it is known already."""
        channel, spatial = self.channel, self.spatial
        both = torch.cat(pooled or pool(x, (2, 3)))  # (2B, C, 1, 1): mean and maximum go through one MLP
        mean, largest = channel.fc2(channel.act(channel.fc1(both))).chunk(2)
        x = x * channel.gate(mean + largest)
        return x * spatial.gate(spatial.conv(torch.cat(pool(x, (1,)), 1)))


def pool(x: Tensor, dims: tuple[int, ...]) -> Pooled:
    """Mean and maximum of x (B, C, h, w) over `dims`, (1,) or (2, 3), which stay as axes of length 1.

    Of equal maxima one gets the gradient on a CPU, each its share elsewhere: both are subgradients.
    """
    if x.device.type == "cpu" and x.requires_grad and torch.is_grad_enabled() and not _traced():
        return _Pool.apply(x, dims)
    return x.mean(dims, keepdim=True), x.amax(dims, keepdim=True)


def _traced() -> bool:
    return torch.compiler.is_compiling() or torch.jit.is_tracing()


class _Pool(torch.autograd.Function):
    """`pool` that remembers where each maximum is, and hands the whole gradient to that one place."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, dims: tuple[int, ...]) -> Pooled:
        B, C, h, w = x.shape
        pixels = x.permute(0, 2, 3, 1).reshape(B, h * w, C)  # a view where x is channels_last, as in training
        largest, index = pixels.max(2 if dims == (1,) else 1, keepdim=True)  # (B, h*w, 1) or (B, 1, C)
        ctx.save_for_backward(index)
        ctx.shape, ctx.axis = (B, h, w, C), 2 if dims == (1,) else 1  # type: ignore[attr-defined]
        size = (B, 1, h, w) if dims == (1,) else (B, C, 1, 1)
        return x.mean(dims, keepdim=True), largest.transpose(1, 2).reshape(size)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, to_mean: Tensor, to_largest: Tensor) -> tuple[Tensor, None]:
        (index,) = ctx.saved_tensors  # type: ignore[attr-defined]
        B, h, w, C = ctx.shape  # type: ignore[attr-defined]
        axis = ctx.axis  # type: ignore[attr-defined]
        shared = to_mean.flatten(2).transpose(1, 2) / (C if axis == 2 else h * w)
        gradient = shared.expand(B, h * w, C).contiguous()
        gradient.scatter_add_(axis, index, to_largest.flatten(2).transpose(1, 2))
        return gradient.view(B, h, w, C).permute(0, 3, 1, 2), None
