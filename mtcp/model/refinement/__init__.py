"""Refinement: initial features and decoder stages in, refined features out. `base` is the form that each has."""

from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from mtcp.config import ModelConfig

REFINEMENTS: dict[str, str] = {
    "trace_back": "mtcp.model.refinement.trace_back:TraceBack",
    "none": "mtcp.model.refinement.none:NoRefinement",
}
"""`ModelConfig.refinement` -> MODULE:CLASS. As text, because a configuration is checked without loading torch."""


def make_refinement(config: ModelConfig) -> nn.Module:
    """The refinement that `config` names, a `mtcp.model.refinement.base.Refinement`."""
    refinement: nn.Module = pkgutil.resolve_name(REFINEMENTS[config.refinement])(config)
    return refinement
