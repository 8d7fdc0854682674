"""Encoders: photo in, what the tasks' decoders start from out. `base` is the form that each has."""

from __future__ import annotations

ENCODERS: dict[str, str] = {
    "timm": "mtcp.model.encoder.timm:TimmShared",
    "mask2former": "mtcp.model.encoder.mask2former:Mask2FormerShared",
    "cross_stitch": "mtcp.model.encoder.cross_stitch:CrossStitch",
    "nddr": "mtcp.model.encoder.nddr:NDDR",
    "mtan": "mtcp.model.encoder.mtan:MTAN",
    "branched": "mtcp.model.encoder.branched:Branched",
}
"""`ModelConfig.shared` -> MODULE:CLASS. As text, because a configuration is checked without loading torch."""
