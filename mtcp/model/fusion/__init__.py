"""Fusion: what lets every task see the features of all others. `base` is the form that each has."""

from __future__ import annotations

FUSIONS: dict[str, str] = {
    "cfm": "mtcp.model.fusion.cfm:CFM",
    "none": "mtcp.model.fusion.none:NoFusion",
    "kem": "mtcp.model.fusion.kem:KEM",
    "ccam": "mtcp.model.fusion.ccam:CCAM",
}
"""`ModelConfig.fusion` -> MODULE:CLASS. As text, because a configuration is checked without loading torch."""
