"""Labels that are not those of the network's tasks, and what can be learned from them all the same."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from mtcp.tasks import Task


@dataclass(frozen=True)
class Auxiliary:
    """Targets that teach one of the network's tasks.

    key: their name in a batch. task: what they are, and whose loss compares them. of: the network's task, to whose
    loss it is added. head: whether they need an output of their own, as other classes do: a 1x1 convolution on what
    the task's initial head reads, which is trained along and thrown away. Without one they are compared with the
    task's own predictions.
    """

    key: str
    task: Task
    of: str
    head: bool


def auxiliary_heads(targets: tuple[Auxiliary, ...], width: int) -> nn.ModuleDict:
    """The heads that the targets need, by key. width: channels of the features that they read."""
    return nn.ModuleDict({a.key: nn.Conv2d(width, a.task.channels, 1) for a in targets if a.head})
