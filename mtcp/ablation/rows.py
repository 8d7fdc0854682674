"""A row of an ablation as data, and what it trains: another row with something changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mtcp.config import ModelConfig, TrainConfig
from mtcp.errors import InputError
from mtcp.tasks import DEPTH, SEMSEG

OF_TASKS: Mapping[str, str | None] = {
    "task_factors": None,
    "log_gradients": None,
    "slope": None,
    "agreement": None,
    "affine_mix": None,
    "depth_gradient": DEPTH,
    "color_aug": SEMSEG,
    "mask_supervision": SEMSEG,
}
"""Fields of `TrainConfig` that a network of one task is not trained with as they are given: the only task whose network
is, or None."""
SINGLE = "single"
"""The single-task networks of a seed together, and the start of their rows' names."""


@dataclass(frozen=True)
class AblationRow:
    """One line of the table: row `base` with the fields in `model` and `train` changed.

    start: the row whose trained network of the same seed it starts from; None: from `TrainConfig.init`.
    budgets: times the common number of epochs that it trains. A row that starts from another one has that row's
    training behind it, so rows are compared at equal `total_budgets`.
    once: one seed is enough, since no conclusion is drawn from it.
    """

    name: str
    title: str
    base: str | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    train: Mapping[str, Any] = field(default_factory=dict)
    start: str | None = None
    budgets: int = 1
    once: bool = False


def select(rows: Sequence[AblationRow], names: Sequence[str] | None) -> tuple[AblationRow, ...]:
    """The rows called `names`, in the grid's order; None takes all, "single" every single-task row.

    Raises:
        InputError: a name that no row has.
    """
    if names is None:
        return tuple(rows)
    known = {row.name for row in rows}
    for name in names:
        if name not in known and name != SINGLE:
            raise InputError(f"--rows {name}: choose from {SINGLE}, {', '.join(row.name for row in rows)}")
    return tuple(row for row in rows if row.name in names or (SINGLE in names and is_single(row)))


def is_single(row: AblationRow) -> bool:
    """Whether the row trains one task."""
    return of_one_task(row.name)


def of_one_task(name: str) -> bool:
    """Whether the row of that name trains one task."""
    return name.startswith(f"{SINGLE}-")


def by_name(rows: Sequence[AblationRow], name: str) -> AblationRow:
    """The row called `name`."""
    return next(row for row in rows if row.name == name)


def total_budgets(row: AblationRow, rows: Sequence[AblationRow]) -> int:
    """Budgets of epochs behind the row's network, those of the rows it starts from included."""
    return row.budgets + (total_budgets(by_name(rows, row.start), rows) if row.start else 0)


def configs(
    row: AblationRow, rows: Sequence[AblationRow], model: ModelConfig, train: TrainConfig, seed: int
) -> tuple[ModelConfig, TrainConfig]:
    """What `row` trains: the common configurations with the changes from the root of its bases down to it.

    Where the row starts from another one, `TrainConfig.init` is for the caller to set, who knows the files.
    """
    chain = [row]
    while chain[0].base is not None:
        chain.insert(0, by_name(rows, chain[0].base))
    for link in chain:
        model, train = model.replace(**link.model), train.replace(**link.train)
    if is_single(row):
        train = _for_one_task(train, *model.tasks)
    return model, train.replace(seed=seed, epochs=row.budgets * train.epochs)


def _for_one_task(train: TrainConfig, task: str) -> TrainConfig:
    """`train` without what it says of other tasks or of several together, which a network of one task would refuse."""
    factors = ",".join(f"{name}={factor:g}" for name, factor in train.factors().items() if name == task)
    without = {field for field, only in OF_TASKS.items() if only != task} - {"task_factors"}
    return train.replace(task_factors=factors, **dict.fromkeys(without, 0))


def fields_set(rows: Sequence[AblationRow]) -> tuple[frozenset[str], frozenset[str]]:
    """The fields of `ModelConfig` and of `TrainConfig` that some row sets."""
    return (
        frozenset(key for row in rows for key in row.model),
        frozenset(key for row in rows for key in row.train),
    )
