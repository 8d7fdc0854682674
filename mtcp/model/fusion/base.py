"""The form of a fusion."""

from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING, NamedTuple, Protocol

from torch import Tensor, nn

from mtcp.model.fusion import FUSIONS
from mtcp.model.trace import TensorTrace

if TYPE_CHECKING:
    from mtcp.config import ModelConfig


class Fused(NamedTuple):
    """The features of all tasks after the fusion, and what a display may show of its inside."""

    features: dict[str, Tensor]  # by task: (B, C, h, w)
    trace: TensorTrace | tuple[TensorTrace, ...] | None = None


class Fusion(Protocol):
    """An `nn.Module` that sees the features of all tasks at once; one line in `FUSIONS` gives it a name.

    Its parameters are stored as `fusion.NAME`; what belongs to one task begins with the task, so that a warm start can
    take it over by itself. Options are fields of `ModelConfig`.
    """

    def __init__(self, config: ModelConfig) -> None: ...

    def __call__(self, features: dict[str, Tensor]) -> Fused:
        """features: by task (B, C, h, w) at 1/4, C = `config.width` -> the same tasks, same shapes."""


def tokens(x: Tensor) -> Tensor:
    """A map (B, C, h, w) as a sequence of its cells, (B, h*w, C)."""
    return x.flatten(2).transpose(1, 2)


def make_fusion(config: ModelConfig) -> nn.Module:
    """The fusion that `config` names, a `Fusion`."""
    fusion: nn.Module = pkgutil.resolve_name(FUSIONS[config.fusion])(config)
    return fusion
