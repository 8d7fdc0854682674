"""Mean teacher: what a sample lacks is taught by the average of the network itself.

Tarvainen and Valpola, NeurIPS 2017. The teacher sees the photo that the student sees, without its changes of colour,
and that photo's mirror image. What the two predictions say together is a target where they can be trusted
(`Task.trusted`), and unknown elsewhere: for classes a threshold of confidence as in FixMatch (Sohn et al., NeurIPS
2020), for depth and normals that both agree. What the student sees may be changed after that
(`mtcp.training.mixing`). Departure from the mean teacher: targets are hard, and the task's own loss compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mtcp.data.augment import UNDISTORTED
from mtcp.model import MTCP
from mtcp.objective.losses import taught_by


@dataclass(frozen=True)
class Lesson:
    """What the teacher says of a batch.

    targets: at 1/4 of the photo, by `taught_by`. asked, taught: by task, in how many of those pixels it was asked (all
    of the samples without a label of the task), and in how many it had an answer.
    """

    targets: dict[str, Tensor]
    asked: dict[str, Tensor]
    taught: dict[str, Tensor]


@torch.no_grad()
def teach(teacher: MTCP, batch: Mapping[str, Tensor], confidence: float) -> Lesson:
    """teacher: a network in eval mode. batch: as of `Objective`, with `UNDISTORTED`. confidence: above 0, below 1."""
    lacks = {task.name: ~task.valid(batch[task.name]).flatten(1).any(1) for task in teacher.tasks}  # (B,)
    rows = torch.stack(list(lacks.values())).any(0).nonzero()[:, 0]
    photo = batch[UNDISTORTED]
    size = ((photo.shape[-2] + 3) // 4, (photo.shape[-1] + 3) // 4)
    targets = {
        task.name: task.no_target(size)
        .to(photo.device)
        .repeat(len(photo), *[1] * (batch[task.name].ndim - 1))
        for task in teacher.tasks
    }
    if len(rows):
        seen = photo[rows].float() / 255 if photo.dtype == torch.uint8 else photo[rows]
        both = torch.cat([seen, seen.flip(-1)]).contiguous(memory_format=torch.channels_last)
        decoded = teacher.inspect(both)
        for task in teacher.tasks:
            raw = decoded.refined.get(task.name, decoded.initial[task.name]).float()
            final, other = task.activate(raw).chunk(2)
            target = task.trusted(final, other.flip(-1), confidence)
            wanted = lacks[task.name][rows]
            targets[task.name][rows[wanted]] = target[wanted].to(targets[task.name].dtype)
    return Lesson(
        {taught_by(name): target for name, target in targets.items()},
        {name: lack.sum() * size[0] * size[1] for name, lack in lacks.items()},
        {task.name: task.valid(targets[task.name]).sum() for task in teacher.tasks},
    )
