"""The grids: which rows an ablation has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mtcp.ablation.rows import SINGLE, AblationRow, fields_set
from mtcp.errors import InputError

PLAIN: dict[str, Any] = {
    "query_gate": False,
    "task_decoder": False,
    "fusion": "none",
    "refinement": "none",
}
"""The plain multi-task network."""
PUBLISHED_CFM: dict[str, Any] = {"fusion": "cfm", "cfm_residual": "none", "cfm_scale": False}
CFM: dict[str, Any] = {"fusion": "cfm", "cfm_residual": "input", "cfm_scale": True}


def parts(tasks: Sequence[str]) -> tuple[AblationRow, ...]:
    """What each part of MT-CP pays.

    The task decoders are a row of their own: the CFM fuses what they give, so without it the decoders'
    effect would be booked on the CFM. Fusion and trace-back start from the trained decoders, as the shipped network
    does, and are compared with the decoders trained on for as long.
    """
    after = {"start": "decoders"}
    return (
        *(
            AblationRow(f"{SINGLE}-{task}", f"single task: {task}", "plain", {"tasks": (task,)}, budgets=2)
            for task in tasks
        ),
        AblationRow(
            "plain", "plain multi-task", None, PLAIN, {"balancing": "uniform", "slope": 0.0}, budgets=2
        ),
        AblationRow("decoders", "+ task decoders, half of the training", "plain", {"task_decoder": True}),
        AblationRow("decoders-on", "+ task decoders", "decoders", **after),
        AblationRow("cfm-published", "+ CFM as published", "decoders-on", PUBLISHED_CFM, **after),
        AblationRow("cfm", "+ CFM with its input added", "decoders-on", CFM, **after),
        AblationRow("mtcp", "+ trace-back = MT-CP", "cfm", {"refinement": "trace_back"}, **after),
        AblationRow("mtcp-slope", "MT-CP with the slope term", "mtcp", train={"slope": 1.0}, **after),
        AblationRow("mtcp-lps", "MT-CP, LPS", "mtcp", train={"balancing": "lps", "kappa": 7.5}, **after),
        AblationRow(
            "trace-back",
            "trace-back without CFM",
            "decoders-on",
            {"refinement": "trace_back"},
            once=True,
            **after,
        ),
        AblationRow(
            "published", "MT-CP with the CFM as published", "mtcp", PUBLISHED_CFM, once=True, **after
        ),
        AblationRow("gate", "MT-CP with the query gate", "mtcp", {"query_gate": True}, once=True, **after),
        AblationRow(
            "mtcp-uncertainty",
            "MT-CP, uncertainty",
            "mtcp",
            train={"balancing": "uncertainty"},
            once=True,
            **after,
        ),
        AblationRow("mtcp-dwa", "MT-CP, DWA", "mtcp", train={"balancing": "dwa"}, once=True, **after),
        *(
            AblationRow(
                f"mtcp-lps-{kappa:g}",
                f"MT-CP, LPS with kappa {kappa:g}",
                "mtcp-lps",
                train={"kappa": kappa},
                once=True,
                **after,
            )
            for kappa in (0.0, 3.0, 15.0)
        ),
    )


GRIDS: Mapping[str, Callable[[Sequence[str]], tuple[AblationRow, ...]]] = {"parts": parts}
DEFAULT = "parts"


def grid(name: str, tasks: Sequence[str]) -> tuple[AblationRow, ...]:
    """Every row of the grid, in the table's order; rows come after those that they start from.

    Raises:
        InputError: an unknown grid, or fewer than two tasks.
    """
    if name not in GRIDS:
        raise InputError(f"--grid {name}: choose from {', '.join(GRIDS)}")
    if len(tasks) < 2:
        raise InputError(f"tasks={','.join(tasks)}: the ablation compares several tasks with single ones")
    return GRIDS[name](tasks)


def fields_of_grids() -> tuple[frozenset[str], frozenset[str]]:
    """The fields of `ModelConfig` and of `TrainConfig` that a grid decides: no flags of `ablate`."""
    model, train = fields_set([row for rows in GRIDS.values() for row in rows(("depth", "normals"))])
    return model - {"tasks"}, train | {"seed"}
