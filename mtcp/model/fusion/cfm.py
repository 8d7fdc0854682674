"""Coherence Fusion Module (MT-CP section 3.2)."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.model.cbam import Cbam, pool
from mtcp.model.fusion.affinity import attend
from mtcp.model.fusion.base import Fused, tokens
from mtcp.model.pooling import cell_means
from mtcp.model.tensor_trace import TensorAttention


class CFM(nn.ModuleDict):
    """A `CoherenceFusion` per task, with every other task as its auxiliaries, in the order of the tasks."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(
            {
                name: CoherenceFusion(
                    config.width,
                    len(config.tasks) - 1,
                    residual=config.cfm_residual,
                    scale=config.cfm_scale,
                    kv_stride=config.kv_stride,
                )
                for name in config.tasks
            }
        )
        self.kv_stride = config.kv_stride
        self.scale = _scale(config.width, config.cfm_scale)

    def forward(self, features: dict[str, Tensor]) -> Fused:
        """As `mtcp.model.fusion.base.Fusion`."""
        parts: dict[str, TaskFused] = {}
        for name, feature in features.items():
            parts[name] = self[name](feature, [other for key, other in features.items() if key != name])
        h, w = next(iter(features.values())).shape[-2:]
        trace = TensorAttention(
            (h, w),
            {name: part.theta for name, part in parts.items()},
            {name: part.phi for name, part in parts.items()},
            self.kv_stride,
            self.scale,
            {
                name: dict(zip((other for other in parts if other != name), part.gates, strict=True))
                for name, part in parts.items()
            },
        )
        return Fused({name: part.feature for name, part in parts.items()}, trace)


class TaskFused(NamedTuple):
    """One task's fusion: the feature, and what it came from."""

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
        self,
        width: int,
        auxiliaries: int,
        *,
        residual: str = "none",
        scale: bool = False,
        kv_stride: int = 1,
    ) -> None:
        """residual: what is added to `out`: "none", "branch" (s), or "input" (X_t; `out` is then zero in a fresh
        network, which so begins as one without fusion). scale: divide the logits by sqrt(width).
        """
        super().__init__()
        self.main = nn.Sequential(Cbam(width), nn.BatchNorm2d(width))
        self.gate = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(auxiliaries))
        self.mix = nn.Conv2d(auxiliaries * width, width, 1)
        self.theta = nn.Sequential(Cbam(width), nn.BatchNorm2d(width), nn.ReLU())
        self.phi = nn.Sequential(Cbam(width), nn.BatchNorm2d(width), nn.ReLU())
        last = nn.BatchNorm2d(width)
        self.out = nn.Sequential(Cbam(width), last)
        if residual == "input":
            nn.init.zeros_(last.weight)
        self.residual = residual
        self.scale = _scale(width, scale)
        self.kv_stride = kv_stride

    def forward(self, main: Tensor, auxiliaries: list[Tensor]) -> TaskFused:
        """main: X_t (B, C, h, w); auxiliaries: X_s of every other task, same shape."""
        B, C, h, w = main.shape
        s = self.main(main)
        gates = [gate(x).sigmoid() for gate, x in zip(self.gate, auxiliaries, strict=True)]
        f = F.relu(self.mix(torch.cat([x * g for x, g in zip(auxiliaries, gates, strict=True)], 1)))
        pooled = pool(f, (2, 3))  # of both CBAMs
        theta, phi = (head[1:](head[0](f, pooled)) for head in (self.theta, self.phi))
        phi = self.pool(phi)
        fused = attend(tokens(theta), tokens(phi), tokens(self.pool(s)), self.scale)  # (B, N, C)
        out = self.out(fused.transpose(1, 2).reshape(B, C, h, w))
        if self.residual == "branch":
            out = out + s
        elif self.residual == "input":
            out = main + out
        return TaskFused(out, theta.flatten(2), phi.flatten(2), gates)

    def pool(self, x: Tensor) -> Tensor:
        """Keys and values on the coarser grid of `kv_stride`."""
        return cell_means(x, self.kv_stride)


def _scale(width: int, scale: bool) -> float:
    return width**-0.5 if scale else 1.0
