"""Labels that are not those of the network's tasks, and what can be learned from them all the same."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from mtcp.model import MTCP
from mtcp.tasks import Task


@dataclass(frozen=True)
class Auxiliary:
    """Targets that teach one of the network's tasks.

    key: their name in a batch. task: what they are, and whose loss compares them. of: the network's task, to whose
    loss it is added. head: whether they need an output of their own, as other classes do: a head like the task's
    initial one, on what that one reads, which is trained along and thrown away. Without one they are compared with the
    task's own predictions.
    """

    key: str
    task: Task
    of: str
    head: bool


def auxiliary_heads(targets: tuple[Auxiliary, ...], model: MTCP) -> nn.ModuleDict:
    """The heads that the targets need beside those of `model`, by key."""
    return nn.ModuleDict({a.key: model.new_head(a.task) for a in targets if a.head})
