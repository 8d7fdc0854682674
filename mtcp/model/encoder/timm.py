"""The shared representation R: backbone, pixel decoder, query decoder and mask gate (MT-CP section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.model.backbone import FPN, STRIDES, Backbone, sine_positions
from mtcp.model.encoder.base import Encoded


class MaskGate(nn.Module):
    """One factor per pixel from the query masks M: R = P * gate(M).

    "sum" is published: the sum of the logits, unbounded, and it can flip the sign of a pixel's feature. "sigmoid"
    is that of their mean, 0 to 1. Neither keeps the logits from growing together until the gate is the same
    everywhere and learns nothing more. "normalised" is 2 sigmoid(sum over q of w_q M'_q), 0 to 2, where M' is M
    with mean 0 and variance 1 over each photo: what all pixels share cancels out. The w start at 0, so a fresh
    gate is 1 everywhere, R = P.
    """

    def __init__(self, kind: str, queries: int) -> None:
        super().__init__()
        self.kind = kind
        if kind == "normalised":
            self.mix = nn.Conv2d(queries, 1, 1, bias=False)
            nn.init.zeros_(self.mix.weight)

    def forward(self, masks: Tensor) -> Tensor:
        """masks: M (B, Q, h, w), logits -> (B, 1, h, w)."""
        if self.kind == "sum":
            return masks.sum(1, keepdim=True)
        if self.kind == "sigmoid":
            return masks.mean(1, keepdim=True).sigmoid()
        # Not layer_norm: its sizes would have to be fixed in the ONNX file.
        masks = masks.float() - masks.float().mean((2, 3), keepdim=True)  # (B, Q, h, w)
        masks = masks * (masks.square().mean((2, 3), keepdim=True) + 1e-5).rsqrt()
        gate: Tensor = 2 * self.mix(masks).sigmoid()
        return gate


class QueryDecoder(nn.Module):
    """Learned queries that attend round-robin to the 1/32, 1/16 and 1/8 levels (Cheng et al., Mask2Former,
    CVPR 2022).

    Without the masked attention that Mask2Former adds. M gates; `mtcp.objective.mask_supervision` can supervise it.
    """

    def __init__(self, width: int, queries: int, layers: int, heads: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(queries, width) * 0.5)
        self.coarse_levels = min(layers, 3)
        self.level = nn.Parameter(torch.zeros(self.coarse_levels, width))
        self.layers = nn.ModuleList(
            nn.TransformerDecoderLayer(
                width, heads, 4 * width, dropout=0.0, batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.embed = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, levels: list[Tensor], pixels: Tensor) -> Tensor:
        """levels: `coarse_levels` maps (B, C, h, w), coarsest first; pixels: P (B, C, H/4, W/4) -> M (B, Q,
        H/4, W/4).
        """
        B, C = pixels.shape[:2]
        memories = []
        for i, m in enumerate(levels):
            position = sine_positions(m.shape[-2], m.shape[-1], C, m)
            memories.append(m.flatten(2).transpose(1, 2) + position + self.level[i])  # (B, h*w, C)
        q = self.query.expand(B, -1, -1)  # (B, Q, C)
        for i, layer in enumerate(self.layers):
            q = layer(q, memories[i % len(memories)])
        embedding = self.embed(self.norm(q)) * C**-0.5
        return torch.einsum("bqc,bchw->bqhw", embedding, pixels)


class TimmShared(nn.Module):
    """R from any timm backbone, our FPN and our query decoder, the same for all tasks."""

    def __init__(self, config: ModelConfig, *, levels: bool = False, pretrained: bool = False) -> None:
        super().__init__()
        self.tasks, self.with_levels = config.tasks, levels
        self.backbone = Backbone(config.backbone, pretrained=pretrained)
        self.queries = (
            QueryDecoder(config.width, config.queries, config.query_layers, config.query_heads)
            if config.query_gate
            else None
        )
        coarse = self.queries.coarse_levels if self.queries else 0
        first = 1 if levels else len(STRIDES) - coarse
        self.fpn = FPN(self.backbone.channels, config.width, levels=(0, *range(first, len(STRIDES))))
        self.gate = MaskGate(config.mask_gate, config.queries) if config.query_gate else None

    @classmethod
    def from_config(
        cls, config: ModelConfig, *, levels: bool = False, pretrained: bool = False
    ) -> TimmShared:
        """As `mtcp.model.encoder.base.Encoder`."""
        return cls(config, levels=levels, pretrained=pretrained)

    @property
    def backbones(self) -> Sequence[Backbone]:
        """The one there is."""
        return (self.backbone,)

    def shared_parameters(self) -> list[nn.Parameter]:
        """All."""
        return list(self.parameters())

    def forward(self, x: Tensor) -> Encoded:
        """x: normalised photo (B, 3, H, W), H and W multiples of 32."""
        pixels, *coarser = self.fpn(self.backbone(x))
        masks = gate = None
        if self.queries is not None and self.gate is not None:
            masks = self.queries(coarser[::-1][: self.queries.coarse_levels], pixels)
            gate = self.gate(masks)
            pixels = pixels * gate
        levels = {task: [pixels, *coarser] for task in self.tasks} if self.with_levels else {}
        return Encoded(dict.fromkeys(self.tasks, pixels), levels, masks, gate=gate)
