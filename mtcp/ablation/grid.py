"""The grids: which rows an ablation has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mtcp.ablation.rows import SINGLE, AblationRow, fields_set
from mtcp.config import ModelConfig
from mtcp.errors import InputError
from mtcp.objective.options import OPTIONS
from mtcp.presets import DESIGNS, PLAIN, preset

PUBLISHED_CFM: dict[str, Any] = {"fusion": "cfm", "cfm_residual": "none", "cfm_scale": False, "kv_stride": 1}
CFM: dict[str, Any] = {"fusion": "cfm", "cfm_residual": "input", "cfm_scale": True}
SAME = (
    *("task_set", "tasks", "backbone", "mask2former", "height", "image_width", "mean", "std"),
    *("width", "queries", "query_layers", "query_heads"),
)
"""Fields of `ModelConfig` that have nothing to do with the design: the same in all rows, as they are given."""
_UNIFORM: dict[str, Any] = {"balancing": "uniform", "slope": 0.0}


def parts(tasks: Sequence[str]) -> tuple[AblationRow, ...]:
    """What each part of MT-CP pays.

    The task decoders are a row of their own: the CFM fuses what they give, so without it the decoders'
    effect would be booked on the CFM. Fusion and trace-back start from the trained decoders, as the shipped network
    does, and are compared with the decoders trained on for as long.
    """
    return (
        *_singles(tasks, budgets=2),
        _plain("plain multi-task", budgets=2),
        AblationRow("decoders", "+ task decoders, half of the training", "plain", {"task_decoder": True}),
        AblationRow("decoders-on", "+ task decoders", "decoders", start="decoders"),
        AblationRow("cfm-published", "+ CFM as published", "decoders-on", PUBLISHED_CFM, start="decoders"),
        AblationRow("cfm", "+ CFM with its input added", "decoders-on", CFM, start="decoders"),
        AblationRow("mtcp", "+ trace-back = MT-CP", "cfm", {"refinement": "trace_back"}, start="decoders"),
        AblationRow(
            "mtcp-slope", "MT-CP with the slope term", "mtcp", train={"slope": 0.25}, start="decoders"
        ),
        AblationRow(
            "mtcp-lps", "MT-CP, LPS", "mtcp", train={"balancing": "lps", "kappa": 7.5}, start="decoders"
        ),
        AblationRow(
            "trace-back",
            "trace-back without CFM",
            "decoders-on",
            {"refinement": "trace_back"},
            once=True,
            start="decoders",
        ),
        AblationRow(
            "published", "MT-CP with the CFM as published", "mtcp", PUBLISHED_CFM, once=True, start="decoders"
        ),
        AblationRow(
            "gate", "MT-CP with the query gate", "mtcp", {"query_gate": True}, once=True, start="decoders"
        ),
        AblationRow(
            "mtcp-uncertainty",
            "MT-CP, uncertainty",
            "mtcp",
            train={"balancing": "uncertainty"},
            once=True,
            start="decoders",
        ),
        AblationRow(
            "mtcp-dwa", "MT-CP, DWA", "mtcp", train={"balancing": "dwa"}, once=True, start="decoders"
        ),
        *(
            AblationRow(
                f"mtcp-lps-{kappa:g}",
                f"MT-CP, LPS with kappa {kappa:g}",
                "mtcp-lps",
                train={"kappa": kappa},
                once=True,
                start="decoders",
            )
            for kappa in (0.0, 3.0, 15.0)
        ),
    )


def systems(tasks: Sequence[str]) -> tuple[AblationRow, ...]:
    """Every design as its preset has it, with one budget and one start, uniform weights."""
    titles = {name: name for name in DESIGNS} | {"plain": "plain multi-task"}
    designs = {name: design for name, design in DESIGNS.items() if _fits(design, tasks)}
    rows = [_uniform(name, titles[name], design) for name, design in designs.items()]
    return (
        *_singles(tasks),
        *rows,
        _uniform("mtcp", "MT-CP", preset("lite")),
        _uniform("mtcp-published", "MT-CP as published", preset("published")),
    )


def _uniform(name: str, title: str, design: ModelConfig) -> AblationRow:
    form = {key: value for key, value in design.to_dict().items() if key not in SAME}
    return AblationRow(name, title, None, form, _UNIFORM)


def _fits(design: ModelConfig, tasks: Sequence[str]) -> bool:
    """Whether the design can be had for these tasks: a tree was found for those that it names."""
    return not design.branching or set(tasks) == set(design.tasks)


def balancing(tasks: Sequence[str]) -> tuple[AblationRow, ...]:
    """Every balancing strategy, on the plain network."""
    return (
        *_singles(tasks),
        _plain("uniform weights"),
        *(
            AblationRow(name, name, "plain", train={"balancing": name})
            for name in OPTIONS
            if name != "uniform"
        ),
    )


def gate(tasks: Sequence[str]) -> tuple[AblationRow, ...]:
    """What the query gate pays, by the form of its masks, on the plain network."""
    with_gate = {"query_gate": True}
    return (
        *_singles(tasks),
        _plain("without the gate"),
        AblationRow("sigmoid", "sigmoid of the mean mask", "plain", {**with_gate, "mask_gate": "sigmoid"}),
        AblationRow("normalised", "normalised masks", "plain", {**with_gate, "mask_gate": "normalised"}),
        AblationRow(
            "supervised", "normalised and supervised masks", "normalised", train={"mask_supervision": 1.0}
        ),
    )


def _plain(title: str, budgets: int = 1) -> AblationRow:
    """The plain network, on which all other rows of a grid build."""
    return AblationRow("plain", title, None, PLAIN, _UNIFORM, budgets=budgets)


def _singles(tasks: Sequence[str], budgets: int = 1) -> list[AblationRow]:
    """A network for each task alone, which others are judged by."""
    return [
        AblationRow(f"{SINGLE}-{task}", f"single task: {task}", "plain", {"tasks": (task,)}, budgets=budgets)
        for task in tasks
    ]


GRIDS: Mapping[str, Callable[[Sequence[str]], tuple[AblationRow, ...]]] = {
    "parts": parts,
    "systems": systems,
    "balancing": balancing,
    "gate": gate,
}
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
    model, train = fields_set([row for rows in GRIDS.values() for row in rows(DESIGNS["plain"].tasks)])
    return model - {"tasks"}, train | {"seed"}
