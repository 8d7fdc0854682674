"""Refinement: initial features and decoder stages in, refined features out. `base` is the form that each has."""

from __future__ import annotations

REFINEMENTS: dict[str, str] = {
    "trace_back": "mtcp.model.refinement.trace_back:TraceBack",
    "none": "mtcp.model.refinement.none:NoRefinement",
}
"""`ModelConfig.refinement` -> MODULE:CLASS. As text, because a configuration is checked without loading torch."""
