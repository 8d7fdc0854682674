"""What the training split holds, looked at once before the first step: no hour is spent on data without labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtcp.errors import InputError
from mtcp.objective.losses import check_labels
from mtcp.tasks import Task


def check_targets(data: Any, tasks: Sequence[Task], split: str) -> dict[str, Tensor]:
    """The pixels per class (C,) of every task of classes, over all samples.

    data: samples by index, with `ids`. split: what messages call it.

    Raises:
        InputError: a sample without a task's target, a label out of range, a task without a single valid pixel.
    """
    counts, unlabelled = count_targets(data, tasks, split)
    if unlabelled:
        raise InputError(
            f"{split}: none of its {len(data)} samples has a label of {', '.join(sorted(unlabelled))}: "
            "look at the data, or leave the task out with --tasks"
        )
    return counts


def count_targets(data: Any, tasks: Sequence[Task], split: str) -> tuple[dict[str, Tensor], set[str]]:
    """The pixels per class as `check_targets`, and the tasks without a single valid pixel.

    Raises:
        InputError: a sample without a task's target, a label out of range.
    """
    counts = {task.name: torch.zeros(256, dtype=torch.long) for task in tasks if task.classes}
    unlabelled = {task.name for task in tasks}
    for i in range(len(data)):
        sample = data[i]
        for task in tasks:
            if task.name not in sample:
                raise InputError(f"{split}: {data.ids[i]} has no target for task {task.name!r}")
            target = sample[task.name]
            check_labels(task, target, f"{split}: {data.ids[i]}")
            if task.name in counts:
                counts[task.name] += torch.bincount(target.flatten().long(), minlength=256)
            if task.name in unlabelled and task.valid(target).any():
                unlabelled.remove(task.name)
    return {
        task.name: counts[task.name][: task.channels] for task in tasks if task.name in counts
    }, unlabelled
