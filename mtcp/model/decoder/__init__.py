"""Decoders: a task's feature in, the feature of its initial prediction and stages out. `base` is their form."""

from __future__ import annotations

DECODERS: dict[str, str] = {
    "swin": "mtcp.model.decoder.swin:TaskDecoder",
    "conv": "mtcp.model.decoder.conv:ConvDecoder",
    "pyramid": "mtcp.model.decoder.pyramid:PyramidDecoder",
}
"""`ModelConfig.decoder` -> MODULE:CLASS. As text, because a configuration is checked without loading torch."""
