"""Fusion: what lets every task see the features of all others. `base` is the form that each has."""

from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from mtcp.config import ModelConfig

FUSIONS: dict[str, str] = {
    "cfm": "mtcp.model.fusion.cfm:CFM",
    "none": "mtcp.model.fusion.none:NoFusion",
}
"""`ModelConfig.fusion` -> MODULE:CLASS. As text, because a configuration is checked without loading torch."""


def make_fusion(config: ModelConfig) -> nn.Module:
    """The fusion that `config` names, a `mtcp.model.fusion.base.Fusion`."""
    fusion: nn.Module = pkgutil.resolve_name(FUSIONS[config.fusion])(config)
    return fusion
