"""No refinement: the initial predictions are the final ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.model.refinement.base import Refined


class NoRefinement(nn.Module):
    """Refines nothing."""

    intermediates = 0

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()

    def forward(self, features: Mapping[str, Tensor], stages: Mapping[str, Sequence[Tensor]]) -> Refined:
        """As `mtcp.model.refinement.base.Refinement`."""
        return Refined({}, {})
