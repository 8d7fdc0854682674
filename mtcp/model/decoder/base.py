"""The form of a decoder of one task."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from torch import Tensor, nn

from mtcp.model.decoder import DECODERS

if TYPE_CHECKING:
    from mtcp.config import ModelConfig


class Decoder(Protocol):
    """An `nn.Module` of which every task has its own; one line in `DECODERS` gives it a name.

    Its parameters are stored under `decoders.TASK.`. Options are fields of `ModelConfig`.
    reads_levels: whether it wants the encoder's coarser levels beside the one at 1/4.
    """

    reads_levels: ClassVar[bool]

    def __init__(self, config: ModelConfig) -> None: ...

    def __call__(self, feature: Tensor, levels: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """feature: the encoder's (B, C, h, w) at 1/4; levels: as `Encoded.levels`, empty unless `reads_levels`.

        Returns the feature of the initial prediction, (B, C, h, w), and what a refinement may read: maps of the
        decoder's own shapes, finest first.
        """


def decoder_class(config: ModelConfig) -> type[Decoder]:
    """The class that `config.decoder` names."""
    return cast("type[Decoder]", pkgutil.resolve_name(DECODERS[config.decoder]))


def make_decoders(config: ModelConfig) -> nn.ModuleDict:
    """A decoder per task; without `config.task_decoder` none."""
    kind = decoder_class(config)
    names = config.tasks if config.task_decoder else ()
    return nn.ModuleDict({name: cast(nn.Module, kind(config)) for name in names})
