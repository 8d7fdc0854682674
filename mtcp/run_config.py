"""What a network's configuration and that of its training must agree on, each right by itself."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from mtcp.config import ModelConfig, TrainConfig
from mtcp.errors import InputError
from mtcp.model.encoder.options import nothing_shared
from mtcp.objective.depth_term_options import check_depth_terms
from mtcp.objective.mixing_options import check_mixing
from mtcp.objective.options import BY_GRADIENT, KAPPA, OPTIONS
from mtcp.tasks import SEMSEG


def train_config_for(model: ModelConfig, values: Mapping[str, Any]) -> TrainConfig:
    """A new run's configuration: `values` by field; what they leave out has the default for `model`'s tasks.

    Raises:
        InputError: as `TrainConfig.from_dict`, `check_together` and `check_gradients`.
    """
    train = TrainConfig.from_dict({"kappa": KAPPA[model.task_set], **values})
    check_together(model, train)
    check_gradients(model, train)
    return train


def check_gradients(model: ModelConfig, train: TrainConfig) -> None:
    """Raises InputError where a new run is to look at gradients of parameters that all tasks share, and has none."""
    alone = nothing_shared(model)
    if alone and train.balancing in BY_GRADIENT:
        others = ", ".join(name for name in OPTIONS if name not in BY_GRADIENT)
        raise InputError(
            f"--balancing {train.balancing} weighs tasks by their gradients at what all of them share, and with "
            f"{alone} there is nothing that they share: take {_sharing(model)}, or --balancing {others}"
        )
    if alone and train.log_gradients:
        raise InputError(
            f"--log-gradients {train.log_gradients} compares the tasks' gradients at what all of them share, and with "
            f"{alone} there is nothing that they share: take {_sharing(model)}, or leave --log-gradients out"
        )


def _sharing(model: ModelConfig) -> str:
    return "several --tasks" if len(model.tasks) < 2 else "a --branching whose first stage all tasks share"


def check_together(model: ModelConfig, train: TrainConfig) -> None:
    """Raises InputError where the two configurations, each right by itself, do not fit each other."""
    for task in train.factors():
        if task not in model.tasks:
            raise InputError(f"task_factors names {task!r}: the tasks are {', '.join(model.tasks)}")
    check_depth_terms(train, model.tasks, (model.height, model.image_width))
    check_mixing(train, model.tasks, train.teacher_weight)
    sizes = [size for _, size in train.sizes()]
    for (height, width), (most_high, most_wide) in itertools.pairwise(
        [*sizes, (model.height, model.image_width)]
    ):
        if not (32 <= height <= most_high and 32 <= width <= most_wide):
            raise InputError(
                f"grow={train.grow!r}: {height}x{width} is not from 32x32 to {most_high}x{most_wide}, the size after it"
            )
    if train.mask_supervision and not (model.query_gate and SEMSEG in model.tasks):
        raise InputError(
            f"mask_supervision={train.mask_supervision} teaches query masks the classes of semseg: it needs "
            f"query_gate=yes and semseg among the tasks, or take mask_supervision=0"
        )
