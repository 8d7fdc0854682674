"""Coherence Fusion Module (MT-CP section 3.2)."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtcp.model.cbam import Cbam, pool
from mtcp.model.fusion.affinity import attend


class Fused(NamedTuple):
    """One task's fusion: the feature, and what a display needs to look inside."""

    feature: Tensor  # (B, C, h, w)
    theta: Tensor  # (B, C, N), N = h*w
    phi: Tensor  # (B, C, M), M = N / kv_stride^2
    gates: list[Tensor]  # per auxiliary (B, C, h, w), 0..1


class CoherenceFusion(nn.Module):
    """CFM of one main task: auxiliary features, gated, tell which pixels of the main task belong together.

    s = BN(CBAM(X_t)); a_s = X_s * sigmoid(conv(X_s)); f = ReLU(conv(concat a_s)); theta, phi = ReLU(BN(CBAM(f)));
    A = softmax_j <theta_i, phi_j>; out = BN(CBAM(A s)). No scale and no residual in the published form.
    """

    def __init__(
        self, width: int, auxiliaries: int, *, residual: bool = False, scale: bool = False, kv_stride: int = 1
    ) -> None:
        super().__init__()
        self.main = nn.Sequential(Cbam(width), nn.BatchNorm2d(width))
        self.gate = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(auxiliaries))
        self.mix = nn.Conv2d(auxiliaries * width, width, 1)
        self.theta = nn.Sequential(Cbam(width), nn.BatchNorm2d(width), nn.ReLU())
        self.phi = nn.Sequential(Cbam(width), nn.BatchNorm2d(width), nn.ReLU())
        self.out = nn.Sequential(Cbam(width), nn.BatchNorm2d(width))
        self.residual = residual
        self.scale = width**-0.5 if scale else 1.0
        self.kv_stride = kv_stride

    def forward(self, main: Tensor, auxiliaries: list[Tensor]) -> Fused:
        """main: X_t (B, C, h, w); auxiliaries: X_s of every other task, same shape."""
        B, C, h, w = main.shape
        s = self.main(main)
        gates = [gate(x).sigmoid() for gate, x in zip(self.gate, auxiliaries, strict=True)]
        f = F.relu(self.mix(torch.cat([x * g for x, g in zip(auxiliaries, gates, strict=True)], 1)))
        pooled = pool(f, (2, 3))  # of both CBAMs
        theta, phi = (head[1:](head[0](f, pooled)) for head in (self.theta, self.phi))
        phi = self.pool(phi)
        fused = attend(_tokens(theta), _tokens(phi), _tokens(self.pool(s)), self.scale)  # (B, N, C)
        out = self.out(fused.transpose(1, 2).reshape(B, C, h, w))
        if self.residual:
            out = out + s
        return Fused(out, theta.flatten(2), phi.flatten(2), gates)

    def pool(self, x: Tensor) -> Tensor:
        """Keys and values on the coarser grid of `kv_stride`; the border's smaller blocks are means too."""
        if self.kv_stride == 1:
            return x
        return F.avg_pool2d(x, self.kv_stride, ceil_mode=True, count_include_pad=False)


def _tokens(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2)  # (B, h*w, C)
