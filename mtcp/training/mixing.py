"""What `mtcp.data.mixing` does to a batch: to photos that a teacher has answered for, before the student sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from mtcp.data.mixing import Answered, affine_mix, color_aug, draw_scale, half_of_classes
from mtcp.objective.losses import taught_by
from mtcp.objective.mixing_options import MixingOptions
from mtcp.tasks import IGNORE, SEMSEG, Task


def mix(
    batch: Mapping[str, Tensor],
    tasks: Sequence[Task],
    targets: Mapping[str, Task],
    options: MixingOptions,
    rng: np.random.Generator,
) -> dict[str, Tensor]:
    """The image and the teacher's answers (see `taught_by`) as they become; the rest of the batch stays as it is.

    A photo with any label of its own is not mixed with others, nor pasted from: its labels would have to be moved too,
    and depth that is known up to a factor cannot be compared. Of the others each may get parts of the next one, as
    that one was before. Colours are changed in every photo in which the teacher names a class.

    Args:
        batch: as of `Objective`, with the answers. tasks: of the network.
        targets: what the batch has targets of, by name, those of further sources included.
    """
    image = batch["image"].clone()
    names = {task.name: taught_by(task.name) for task in tasks}
    answers = {name: batch[name].clone() for name in names.values()}
    if options.affine_mix:
        labelled = [task.valid(batch[name]).flatten(1).any(1) for name, task in targets.items()]  # (B,)
        rows = (~torch.stack(labelled).any(0)).nonzero()[:, 0].tolist()
        for row, other in zip(rows, [*rows[1:], *rows[:1]], strict=True) if len(rows) > 1 else ():
            if rng.random() < options.affine_mix:
                photo, source = (_answered(batch, names, at) for at in (row, other))
                classes = half_of_classes(source.answers[SEMSEG], rng)
                mixed = affine_mix(photo, source, tasks, classes, draw_scale(options.affine_scale, rng))
                image[row] = mixed.image
                for name, taught in names.items():
                    answers[taught][row] = mixed.answers[name]
    if options.color_aug:
        labels = answers[names[SEMSEG]]
        for row in (labels != IGNORE).flatten(1).any(1).nonzero()[:, 0].tolist():
            if rng.random() < options.color_aug:
                image[row] = color_aug(image[row], labels[row], rng)
    return {"image": image, **answers}


def _answered(batch: Mapping[str, Tensor], names: Mapping[str, str], row: int) -> Answered:
    camera = tuple(batch["camera"][row].tolist()) if "camera" in batch else None
    return Answered(batch["image"][row], {name: batch[taught][row] for name, taught in names.items()}, camera)
