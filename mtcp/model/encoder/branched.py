"""A backbone that branches: which tasks share which stage is `ModelConfig.branching`, found from a trained network as
in fully-adaptive feature sharing (Lu et al., CVPR 2017), see `mtcp.evaluation.affinity`. docs/systems.md names the
departures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.model.backbone import STRIDES, Backbone
from mtcp.model.encoder.base import Encoded, EncoderTrace
from mtcp.model.encoder.options import Groups, tree_of
from mtcp.model.encoder.pyramids import Pyramids
from mtcp.model.stages import StagedBackbone
from mtcp.model.trace import TreeTrace


class Branched(nn.Module):
    """Groups of tasks with a stage of their own; an FPN belongs to the last stage's group."""

    def __init__(self, config: ModelConfig, *, levels: bool = False, pretrained: bool = False) -> None:
        super().__init__()
        self.tree = tree_of(config)
        self.first = [_first_own_stage(self.tree, leaf) for leaf in self.tree[-1]]
        nets = [StagedBackbone(config.backbone, pretrained=pretrained) for _ in self.first]
        for net, first in zip(nets, self.first, strict=True):
            net.keep_from(first)
        self.names = {group: "_".join(group) for group in self.tree[-1]}
        self.backbone = nn.ModuleDict(dict(zip(self.names.values(), nets, strict=True)))
        self.fpn = Pyramids(self.names.values(), nets[0].channels, config.width, levels=levels)
        self.owner = {task: self.names[group] for group in self.tree[-1] for task in group}

    @classmethod
    def from_config(cls, config: ModelConfig, *, levels: bool = False, pretrained: bool = False) -> Branched:
        """As `mtcp.model.encoder.base.Encoder`."""
        return cls(config, levels=levels, pretrained=pretrained)

    @property
    def backbones(self) -> Sequence[Backbone]:
        """One per group of the last stage; all but the first lack the stages that they share with one before."""
        return [cast(Backbone, net) for net in self.backbone.values()]

    def shared_parameters(self) -> list[nn.Parameter]:
        """The stages before the tasks part; all where they never do."""
        if len(self.tree[-1]) == 1:
            return list(self.parameters())
        owner = cast(StagedBackbone, self.backbones[0])  # of every stage that all tasks share
        joint = [stage for groups, stage in zip(self.tree, owner.stages, strict=True) if len(groups) == 1]
        modules = [owner.net.get_submodule(name) for stage in joint for name in stage]
        return [parameter for module in modules for parameter in module.parameters()]

    def forward(self, x: Tensor) -> Encoded:
        """x: normalised photo (B, 3, H, W), H and W multiples of 32."""
        made: dict[tuple[str, ...], list[Tensor]] = {}  # by leaf what its stages gave
        for leaf, first, net in zip(self.tree[-1], self.first, self.backbones, strict=True):
            maps = self._shared(leaf, first, made)
            for stage in range(first, len(STRIDES)):
                maps.append(cast(StagedBackbone, net).stage(stage, maps[-1] if maps else x))
            made[leaf] = maps
        by_name = {self.names[leaf]: maps for leaf, maps in made.items()}
        return self.fpn.encode(by_name, self.owner, EncoderTrace(lambda grid: self._trace()))

    def _shared(
        self, leaf: tuple[str, ...], first: int, made: dict[tuple[str, ...], list[Tensor]]
    ) -> list[Tensor]:
        """The maps that `leaf` shares with a leaf before it: those of the stages before `first`."""
        if not first:
            return []
        group = next(group for group in self.tree[first - 1] if set(leaf) <= set(group))
        owner = next(other for other in made if set(other) <= set(group))
        return made[owner][:first]

    def _trace(self) -> TreeTrace:
        levels = [(f"stage at 1/{stride}", groups) for stride, groups in zip(STRIDES, self.tree, strict=True)]
        return TreeTrace(
            "Branching",
            "Which tasks share which stage of the backbone. Where they part, each group goes on with weights of its "
            "own.",
            (*levels, ("head", tuple((task,) for task in self.owner))),
        )


def _first_own_stage(tree: Sequence[Groups], leaf: tuple[str, ...]) -> int:
    """The first stage that `leaf` does not share with a leaf before it: in a group, its first task's leaf owns."""
    for stage, groups in enumerate(tree):
        group = next(group for group in groups if set(leaf) <= set(group))
        if group[0] in leaf:
            return stage
    raise AssertionError(leaf)  # in the last stage every leaf is its own group
