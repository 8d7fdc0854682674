"""The form of a refinement."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from torch import Tensor, nn

from mtcp.model.refinement import REFINEMENTS
from mtcp.model.trace import TensorTrace

if TYPE_CHECKING:
    from mtcp.config import ModelConfig


class Refined(NamedTuple):
    """By task what the refined heads see, what the intermediate ones see, and what a display may show of the inside."""

    features: dict[str, Tensor]  # (B, C, h, w); empty where nothing is refined
    intermediate: dict[
        str, tuple[Tensor, ...]
    ]  # `intermediates` maps of C channels, in the order they are made
    trace: TensorTrace | None = None


class Refinement(Protocol):
    """An `nn.Module` that sees all tasks at once; one line in `REFINEMENTS` gives it a name.

    Its parameters are stored under that name, those of one task as `NAME.TASK`. Options are fields of `ModelConfig`.
    intermediates: how many features each task has between the initial and the refined one; each gets a head.
    """

    intermediates: int

    def __init__(self, config: ModelConfig) -> None: ...

    def __call__(self, features: Mapping[str, Tensor], stages: Mapping[str, Sequence[Tensor]]) -> Refined:
        """features: by task what the initial heads see, (B, C, h, w) at 1/4; stages: by task the decoder's, finest
        first: (B, C*2^i, ceil(h/2^i), ...) of "swin", (B, C, ceil(h/2^i), ...) of "pyramid". `READS_STAGES` says
        whose.
        """


def make_refinement(config: ModelConfig) -> nn.Module:
    """The refinement that `config` names, a `Refinement`."""
    refinement: nn.Module = pkgutil.resolve_name(REFINEMENTS[config.refinement])(config)
    return refinement
