"""The rows of the ablation as data. A row is another row with one thing changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mtcp.config import ModelConfig, TrainConfig
from mtcp.errors import InputError

SINGLE = "single"
OFF: dict[str, Any] = {"query_gate": False, "task_decoder": False, "fusion": "none", "refinement": "none"}
"""The plain multi-task network."""
ON: dict[str, Any] = {"query_gate": True, "task_decoder": True, "fusion": "cfm", "refinement": "trace_back"}
"""The whole of MT-CP."""
SWITCHES = tuple(OFF)
"""Fields of `ModelConfig` that the grid sets, besides the tasks."""
CHOSEN = ("balancing", "kappa", "seed")
"""Fields of `TrainConfig` that the grid sets."""


@dataclass(frozen=True)
class AblationRow:
    """One line of the table: row `base` with the fields in `model` and `train` changed."""

    name: str
    title: str
    base: str | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    train: Mapping[str, Any] = field(default_factory=dict)


def grid(tasks: Sequence[str]) -> tuple[AblationRow, ...]:
    """Every row, in the table's order.

    The task decoders are a row of their own: the CFM fuses what they give, so without it the decoders'
    effect would be booked on the CFM.

    Raises:
        InputError: fewer than two tasks.
    """
    if len(tasks) < 2:
        raise InputError(f"tasks={','.join(tasks)}: the ablation compares several tasks with single ones")
    singles = (
        AblationRow(f"{SINGLE}-{task}", f"single task: {task}", "plain", {"tasks": (task,)}) for task in tasks
    )
    lps = (
        AblationRow(
            f"mtcp-lps-{kappa:g}", f"MT-CP, LPS with kappa {kappa:g}", "mtcp-lps", train={"kappa": kappa}
        )
        for kappa in (0.0, 3.0, 15.0)
    )
    return (
        *singles,
        AblationRow("plain", "plain multi-task", None, OFF, {"balancing": "uniform"}),
        AblationRow("gate", "+ query gate", "plain", {"query_gate": True}),
        AblationRow("decoders", "+ task decoders", "gate", {"task_decoder": True}),
        AblationRow("cfm", "+ CFM", "decoders", {"fusion": ON["fusion"]}),
        AblationRow("mtcp", "+ trace-back = MT-CP, uniform weights", "cfm", {"refinement": ON["refinement"]}),
        AblationRow("mtcp-uncertainty", "MT-CP, uncertainty", "mtcp", train={"balancing": "uncertainty"}),
        AblationRow("mtcp-dwa", "MT-CP, DWA", "mtcp", train={"balancing": "dwa"}),
        AblationRow(
            "mtcp-lps", "MT-CP, LPS with kappa 7.5", "mtcp", train={"balancing": "lps", "kappa": 7.5}
        ),
        *lps,
    )


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
    return row.name.startswith(f"{SINGLE}-")


def configs(
    row: AblationRow, rows: Sequence[AblationRow], model: ModelConfig, train: TrainConfig, seed: int
) -> tuple[ModelConfig, TrainConfig]:
    """What `row` trains: the common configurations with the changes from the root of its bases down to it."""
    by_name = {other.name: other for other in rows}
    chain = [row]
    while chain[0].base is not None:
        chain.insert(0, by_name[chain[0].base])
    for link in chain:
        model, train = model.replace(**link.model), train.replace(**link.train)
    return model, train.replace(seed=seed)
