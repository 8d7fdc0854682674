"""One quantity of one logged run as traces: losses, weights, ratios, gradients, learning rate, metrics."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.views import charts, page
from app.views.training_axis import Axis, Logged
from app.views.training_numbers import plain, smooth, subsample
from mtcp.geometry.quantities import STAGES
from mtcp.runs.log import RunData
from mtcp.tasks import Task

TASK_ORDER = ("semseg", "human_parts", "saliency", "depth", "relative_depth", "normals", "edge")
FLOORED = "the floor acted"


@dataclass(frozen=True)
class Look:
    """How a task, a pair of tasks or a stage is drawn everywhere. group: what a click on its legend entry hides."""

    group: str
    name: str
    colour: str
    symbol: str


def of_task(task: str) -> Look:
    """A task's colour is a variable of the style sheet, with a light and a dark value."""
    known = task in TASK_ORDER
    symbol = charts.SYMBOLS[TASK_ORDER.index(task) % len(charts.SYMBOLS) if known else -1]
    return Look(task, page.title(task), f"var(--task-{task})" if known else charts.TEXT, symbol)


def of_pair(pair: str) -> Look:
    """Both names, the mixture of both colours, the second one's marker."""
    one, other = (of_task(task) for task in pair.partition("-")[::2])
    return Look(
        pair, f"{one.name} and {other.name.lower()}", charts.mix(one.colour, other.colour), other.symbol
    )


def of_stage(stage: str) -> Look:
    """The colour that the stage has on the whole page."""
    return Look(stage, stage, f"var(--{stage})", charts.SYMBOLS[STAGES.index(stage)])


def task_names(runs: Iterable[Logged]) -> list[str]:
    """The tasks of all runs, in one order everywhere."""
    names = {task for run in runs for task in run.data.tasks}
    known = [task for task in TASK_ORDER if task in names]
    return known + sorted(names - set(known))


def pair_names(runs: Iterable[Logged]) -> list[str]:
    """Names of the pairs whose gradients were compared, such as "semseg-depth"."""
    names = (name for run in runs for name in run.data.gradients if name.startswith("cosine/"))
    return list(dict.fromkeys(name.removeprefix("cosine/") for name in names))


def trace(run: Logged, look: Look, x: np.ndarray, y: np.ndarray, what: str = "", **more: Any) -> go.Scatter:
    """One series. x, y: (N,), NaN for a gap. what: tells several series of one look apart. more: in plotly's words."""
    name = ", ".join(part for part in (look.name, what, run.name) if part)
    line = {"color": look.colour, "dash": charts.DASHES[run.index % len(charts.DASHES)], "width": 2}
    marker = {"color": look.colour, "symbol": look.symbol, "size": 7}
    made: dict[str, Any] = {"mode": "lines", "hovertemplate": "%{y:.4g}", "connectgaps": False}
    made |= {name: value for name, value in more.items() if name not in ("line", "marker")}
    return go.Scatter(
        x=plain(x),
        y=plain(y),
        name=name,
        uid=f"{run.index} {name}",
        legendgroup=look.group,
        line=line | more.get("line", {}),
        marker=marker | more.get("marker", {}),
        **made,
    )


def losses(
    run: Logged, tasks: Sequence[str], axis: Axis, smoothing: float, log: bool = False
) -> list[go.Scatter]:
    """The step lines, raw and, if asked for, smoothed; the epoch means as markers."""
    place, made = axis.places[run.index], []
    for task in tasks:
        raw = run.data.steps.get(f"loss/{task}", np.empty(0))
        raw = np.log1p(np.maximum(raw, 0)) if log else raw
        x = place(run.data.steps["step"])
        faint = {"opacity": 0.35, "line": {"width": 1}} if smoothing else {"line": {"width": 1.3}}
        if len(x):
            made.append(trace(run, of_task(task), *subsample(x, raw), **faint))
            if smoothing:
                made.append(trace(run, of_task(task), *subsample(x, smooth(raw, smoothing)), "smoothed"))
        made += means(run, of_task(task), axis, "log_loss" if log else "loss", task)
    return made


def means(run: Logged, look: Look, axis: Axis, field: str, key: str) -> list[go.Scatter]:
    """An epoch's mean of `key` in `field` of its line, at its end."""
    y = of_epochs(run.data, field, key)
    x = axis.places[run.index](ends(run.data))
    return [trace(run, look, x, y, "epoch mean", mode="markers")] if len(x) else []


def ratios(run: Logged, tasks: Sequence[str], axis: Axis) -> list[go.Scatter]:
    """Decided after each epoch."""
    made = []
    for task in tasks:
        y = of_epochs(run.data, "ratio", task)
        if np.isfinite(y).any():
            x = axis.places[run.index](ends(run.data))
            made.append(trace(run, of_task(task), x, y, mode="lines+markers"))
    return made


def weights(run: Logged, tasks: Sequence[str], axis: Axis) -> list[go.Scatter]:
    """Stairs, as most strategies set the weights once per epoch; a line where they move at every step."""
    data, place, made = run.data, axis.places[run.index], []
    for task in tasks:
        look, at_steps = of_task(task), data.steps.get(f"weight/{task}", np.empty(0))
        if moves_within_epochs(data, at_steps):
            made.append(trace(run, look, *subsample(place(data.steps["step"]), at_steps)))
            continue
        x, y, clamped = stairs(data, task, at_steps)
        made += stair_traces(run, look, place(x), y, clamped) if len(x) else []
    return made


def stair_traces(
    run: Logged,
    look: Look,
    x: np.ndarray,
    y: np.ndarray,
    clamped: Sequence[int],
    what: str = "",
    **line: Any,
) -> list[go.Scatter]:
    """Stairs that go up at x, and a mark in the middle of each step of `clamped`, where the floor acted."""
    made = [trace(run, look, x, y, what, line={"shape": "hv", **line})]
    clamped = [i for i in clamped if i < len(y) and math.isfinite(y[i])]
    if clamped:
        at = np.array([(x[i] + x[min(i + 1, len(x) - 1)]) / 2 for i in clamped])
        about = f"{what}, {FLOORED}" if what else FLOORED
        marks = {"symbol": "triangle-down", "size": 11}
        made.append(trace(run, look, at, y[clamped], about, mode="markers", marker=marks))
    return made


def cosines(run: Logged, axis: Axis) -> list[go.Scatter]:
    """Of every two tasks' gradients: a line over the steps that were looked at, the epoch means as markers."""
    data, place, made = run.data, axis.places[run.index], []
    for pair in pair_names([run]):
        x, y = subsample(place(data.gradients["step"]), data.gradients[f"cosine/{pair}"])
        made += [trace(run, of_pair(pair), x, y)] if len(x) else []
        made += means(run, of_pair(pair), axis, "cosine", pair)
    return made


def norms(run: Logged, tasks: Sequence[str], axis: Axis) -> list[go.Scatter]:
    """Gradient norms at the steps that were looked at."""
    made = []
    for task in tasks:
        found = run.data.gradients.get(f"norm/{task}")
        if found is not None:
            x, y = subsample(axis.places[run.index](run.data.gradients["step"]), found)
            made.append(trace(run, of_task(task), x, y))
    return made


def rates(run: Logged, axis: Axis) -> list[go.Scatter]:
    """The learning rate."""
    x, y = subsample(axis.places[run.index](run.data.steps["step"]), run.data.steps["lr"])
    return [trace(run, Look("lr", "learning rate", charts.TEXT, "circle"), x, y)] if len(x) else []


def metrics(run: Logged, task: Task, axis: Axis) -> list[go.Scatter]:
    """The task's own metric on held-out data after the epochs that measured it, and of the finished network."""
    place, made = axis.places[run.index], []
    for stage in STAGES:
        y = np.array([measured(line.metrics, stage, task) for line in run.data.epochs], dtype=float)
        known = np.isfinite(y)
        if known.any():
            x = place(ends(run.data))[known]
            made.append(trace(run, of_stage(stage), x, y[known], mode="lines+markers"))
        card = measured(run.measured, stage, task)
        if math.isfinite(card):
            x, y = place(np.array([run.data.last_step])), np.array([card])
            big = {"size": 11, "line": {"width": 1, "color": charts.TEXT}}
            made.append(trace(run, of_stage(stage), x, y, run.on, mode="markers", marker=big))
    return made


def measured(metrics: Any, stage: str, task: Task) -> float:
    """The task's own metric in {stage: {task: {metric: value}}}; NaN where it is not there."""
    try:
        value = metrics[stage][task.name][task.metric]
    except (KeyError, TypeError):
        return math.nan
    return float(value) if isinstance(value, int | float) else math.nan


def ends(data: RunData) -> np.ndarray:
    """The last step of each epoch (E,)."""
    return np.array([line.step for line in data.epochs], dtype=float)


def of_epochs(data: RunData, field: str, key: str) -> np.ndarray:
    """`key` in `field` of each epoch's line (E,); NaN where it is not there."""
    found: list[Mapping[str, float]] = [getattr(line, field) for line in data.epochs]
    return np.array([one.get(key, math.nan) for one in found], dtype=float)


def moves_within_epochs(data: RunData, weights: np.ndarray) -> bool:
    """Whether weights (N,) of the step lines differ within an epoch."""
    same_epoch = np.diff(data.steps["epoch"]) == 0
    return bool((np.abs(np.diff(weights)) > 1e-6)[same_epoch].any()) if len(weights) > 1 else False


def stairs(data: RunData, task: str, at_steps: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Step at which each weight began to hold, the weight, and where the floor made it; the last one goes on."""
    if not data.epochs:
        known = np.flatnonzero(np.isfinite(at_steps))[-1:]
        return np.array([0.0, data.last_step][: 2 * len(known)]), np.repeat(at_steps[known], 2), []
    starts = [0, *(line.step for line in data.epochs)]
    values = [line.weight.get(task, math.nan) for line in data.epochs]
    values.append(data.epochs[-1].next_weight.get(task, math.nan))
    clamped = [i + 1 for i, line in enumerate(data.epochs) if task in line.floor]
    over = data.epochs_planned is not None and len(data.epochs) >= data.epochs_planned
    if over:  # nothing was trained with the weights of an epoch after the last
        values[-1], clamped = values[-2], [i for i in clamped if i < len(data.epochs)]
    elif data.last_step > starts[-1]:
        starts.append(data.last_step)
        values.append(values[-1])
    return np.array(starts, dtype=float), np.array(values), clamped
