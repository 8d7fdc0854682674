"""The form of an encoder: photo to what the tasks' decoders start from, shared by all tasks or one for each."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from torch import Tensor, nn

from mtcp.model.backbone import Backbone
from mtcp.model.encoder import ENCODERS
from mtcp.model.trace import Trace

if TYPE_CHECKING:
    from mtcp.config import ModelConfig


@dataclass(frozen=True)
class EncoderTrace:
    """What an encoder tells of its inside, made when it is asked for.

    make: (h, w), the photo's cells at 1/4, which the encoder's maps exceed where the photo was padded -> the trace of
    the batch's first photo.
    """

    make: Callable[[tuple[int, int]], Trace]
    grid: tuple[int, int] = (0, 0)

    def within(self, grid: tuple[int, int]) -> EncoderTrace:
        """The same of a photo that covers `grid`."""
        return replace(self, grid=grid)

    def numpy(self) -> Trace:
        """As `mtcp.model.trace.TensorTrace`."""
        return self.make(self.grid)


class Encoded(NamedTuple):
    """What the decoders start from, C = `config.width` channels.

    features: by task (B, C, H/4, W/4); one tensor under every name where all is shared.
    levels: by task the same and the coarser ones, 1/4, 1/8, 1/16 and 1/32, finest first; empty unless the decoder
        reads levels (`Decoder.reads_levels`).
    masks: logits (B, Q, H/4, W/4) of queries; None without.
    gate: (B, 1, H/4, W/4), the factor that the masks put on the shared feature; None without.
    """

    features: dict[str, Tensor]
    levels: dict[str, list[Tensor]]
    masks: Tensor | None = None
    trace: EncoderTrace | None = None
    gate: Tensor | None = None


class Encoder(Protocol):
    """An `nn.Module` that encodes a photo; one line in `ENCODERS` gives it a name.

    Its parameters are stored under `shared.`. Options are fields of `ModelConfig`.
    """

    @classmethod
    def from_config(cls, config: ModelConfig, *, levels: bool, pretrained: bool = False) -> nn.Module:
        """levels: whether `Encoded.levels` is wanted; pretrained: let timm or the hub fetch weights."""

    @property
    def backbones(self) -> Sequence[Backbone]:
        """The timm networks in it, for ImageNet weights; empty where there is none."""

    @property
    def backbone(self) -> nn.Module:
        """What the optimizer gives the backbone's learning rate."""

    def shared_parameters(self) -> list[nn.Parameter]:
        """Those that every task's feature depends on, element by element: what tasks are compared and balanced at by
        their gradients. An FPN or a mask of one task is not among them, also where a fusion behind the encoder mixes
        the tasks again.
        """

    def __call__(self, x: Tensor) -> Encoded:
        """x: normalised photo (B, 3, H, W), H and W multiples of 32."""


def make_encoder(config: ModelConfig, *, levels: bool, pretrained: bool = False) -> nn.Module:
    """The encoder that `config` names, an `Encoder`."""
    encoder = cast("type[Encoder]", pkgutil.resolve_name(ENCODERS[config.shared]))
    return encoder.from_config(config, levels=levels, pretrained=pretrained)
