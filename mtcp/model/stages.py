"""A backbone that runs stage by stage, for designs that do something between its stages."""

from __future__ import annotations

from typing import Any

from timm.layers import Format
from timm.models import FeatureListNet
from torch import Tensor, nn

from mtcp.errors import InputError
from mtcp.model.backbone import STRIDES, Backbone


class StagedBackbone(Backbone):
    """A `Backbone` whose stages, which end at 1/4, 1/8, 1/16 and 1/32, can be run one after the other.

    All four in turn compute what the `Backbone` computes. Its tensors are stored under the same names.

    stages: of each stage the names of its modules in `net`, in the order in which they run.

    Raises:
        InputError: as `Backbone`, or a backbone that is no chain of modules, such as a transformer or HRNet.
    """

    def __init__(self, name: str, *, pretrained: bool = False) -> None:
        super().__init__(name, pretrained=pretrained)
        self.name = name
        self.stages = _split(self.net, name)

    def stage(self, number: int, x: Tensor) -> Tensor:
        """What stage `number` (0 to 3) makes of the one before it, or of the photo (B, 3, H, W): a map
        (B, channels[number], H/s, W/s) with s = 4, 8, 16, 32.
        """
        for name in self.stages[number]:
            x = self.net.get_submodule(name)(x)
            if not isinstance(x, Tensor):
                raise InputError(f"backbone {self.name!r}: its {name} gives more than one map: {EXPECTED}")
        return x

    def keep_from(self, first: int) -> None:
        """Drops the stages before `first`, whose modules become empty: a branch has its own stages only."""
        for name in (name for stage in self.stages[:first] for name in stage):
            parent, _, last = name.rpartition(".")
            setattr(self.net.get_submodule(parent), last, nn.Identity())


EXPECTED = "expected one that is a chain of stages, such as an EfficientNet, a MobileNet or a ResNet"


def _split(net: nn.Module, name: str) -> tuple[tuple[str, ...], ...]:
    """The names of the modules in the order in which they run, cut after each that gives a level."""
    chain, ends = _chain(net)
    found, start = [], 0
    for end in ends:
        if end not in chain[start:]:
            break
        stop = chain.index(end) + 1
        found.append(tuple(chain[start:stop]))
        start = stop
    if len(found) != len(STRIDES):
        raise InputError(f"backbone {name!r} cannot be split into stages: {EXPECTED}")
    return tuple(found)


def _chain(net: Any) -> tuple[list[str], list[str]]:
    """The names of all modules of a timm net that runs them one after the other, and of those that give a level;
    nothing where it does more than that.
    """
    if isinstance(net, FeatureListNet):
        return (list(net), list(net.return_layers)) if net.output_fmt == Format.NCHW else ([], [])
    # EfficientNet and MobileNet: a stem and blocks; hooks would take levels from within blocks
    blocks = getattr(net, "blocks", None)
    if not isinstance(blocks, nn.Sequential) or getattr(net, "feature_hooks", net) is not None:
        return [], []
    stem = [name for name, _ in net.named_children() if name != "blocks"]
    return [*stem, *(f"blocks.{i}" for i in range(len(blocks)))], net.feature_info.module_name()
