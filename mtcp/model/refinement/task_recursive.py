"""Joint task-recursive learning (Zhang et al., ECCV 2018): tasks refine each other in turn, coarse to fine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from timm.layers import ConvNormAct
from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.model.backbone import STRIDES
from mtcp.model.refinement.base import Refined
from mtcp.model.refinement.resize import resize
from mtcp.model.tensor_trace import TensorMaps


class TaskRecursive(nn.ModuleDict):
    """A sequence of states: at each scale, coarsest first, the tasks in their order. A task's new state is made of its
    last one, of the latest states of all others, those made at this scale among them, and of its decoder's stage.
    """

    intermediates = len(STRIDES) - 1  # states at 1/32, 1/16, 1/8; that at 1/4 is the refined feature

    def __init__(self, config: ModelConfig) -> None:
        others = len(config.tasks) - 1
        super().__init__(
            {name: nn.ModuleList(TaskStep(config.width, others) for _ in STRIDES) for name in config.tasks}
        )

    def forward(self, features: Mapping[str, Tensor], stages: Mapping[str, Sequence[Tensor]]) -> Refined:
        """As `mtcp.model.refinement.base.Refinement`; reads the stages, and of `features` nothing else."""
        states = {name: of[-1] for name, of in stages.items()}  # before the first step: the coarsest stage
        history: dict[str, list[Tensor]] = {name: [] for name in self}
        maps = []
        for i, stride in enumerate(STRIDES[::-1]):
            for name, steps in self.items():
                others = [state for other, state in states.items() if other != name]
                step = cast(TaskStep, cast(nn.ModuleList, steps)[i])
                states[name], balance = step(states[name], others, stages[name][-1 - i])
                history[name].append(states[name])
                maps.append((f"at 1/{stride}", name, balance))
        about = (
            "What each step looks at to find where the tasks have something in common (mean over channels). 1: the "
            "task's own last state; 0: the latest states of the others. The states themselves are the steps between "
            "initial and refined."
        )
        return Refined(
            {name: made[-1] for name, made in history.items()},
            {name: tuple(made[:-1]) for name, made in history.items()},
            TensorMaps("Balance of each step", about, tuple(maps)),
        )


class TaskStep(nn.Module):
    """One task at one scale: Task-Attentional Module, then the decoder's stage.

    B = sigmoid(W [own, others]); M = sigmoid(down and up again (B own + (1 - B) others));
    new = ReLU(BN(conv [(1 + M) own, (1 + M) others, stage])).
    """

    def __init__(self, width: int, others: int) -> None:
        super().__init__()
        self.gather = ConvNormAct(others * width, width, 1)
        self.balance = nn.Conv2d(2 * width, width, 1)
        self.down = ConvNormAct(width, width, 3, stride=2)
        self.up = nn.Conv2d(width, width, 3, padding=1)
        self.join = ConvNormAct(3 * width, width, 3)

    def forward(self, own: Tensor, others: Sequence[Tensor], stage: Tensor) -> tuple[Tensor, Tensor]:
        """own: the task's last state, others: of each other task the latest one, at this scale or the one before;
        stage (B, C, h, w) -> the new state and the balance B, of that shape.
        """
        own = resize(own, stage)
        other = self.gather(torch.cat([resize(state, stage) for state in others], 1))
        balance = self.balance(torch.cat([own, other], 1)).sigmoid()
        common = self.up(resize(self.down(balance * own + (1 - balance) * other), stage))
        enhanced = 1 + common.sigmoid()
        return self.join(torch.cat([enhanced * own, enhanced * other, stage], 1)), balance
