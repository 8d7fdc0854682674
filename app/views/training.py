"""The curves of logged runs as data for `app/tabs/training_charts.js`, which draws them and keeps the zoom.

A chart is {"id", "title", "unit", "note", "y": format, "guide": y or null, "series": [...]}; a series is {"name",
"run", "key": legend entry, "colour", "shape", "dash", "kind": "line" | "stairs" | "dots", "faint", "x", "y"} with
"marks", the points of `x` where the floor acted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from app.views import page
from app.views.training_numbers import plain, smooth, subsample
from mtcp.runs.log import RunData
from mtcp.tasks import TASK_SETS, Task

TASK_ORDER = ("semseg", "human_parts", "saliency", "depth", "relative_depth", "normals", "edge")
COSINE_UNIT = "cosine at the shared parameters, below 0: the tasks conflict"
FLOORED = ", ▼ the floor acted"
STAGES = ("initial", "refined")
METRIC_TITLES = {"miou": "mIoU", "rmse": "RMSE", "mean": "mean angle", "maxf": "max F", "si_log": "log error"}

Series = dict[str, Any]
Chart = dict[str, Any]


@dataclass(frozen=True)
class ChartOptions:
    """How the person wants the curves drawn. smoothing: decay of the moving average, 0 for none."""

    axis: Literal["epoch", "step"] = "epoch"
    smoothing: float = 0.0
    split: bool = False


@dataclass(frozen=True, eq=False)
class Logged:
    """A run to draw. `index` of those chosen: it has dash pattern and marker of its own."""

    index: int
    name: str
    data: RunData


def curves(runs: Sequence[Logged], look: ChartOptions) -> dict[str, Any]:
    """Everything that the charts show of `runs`."""
    by_epoch = look.axis == "epoch" and all(run.data.steps_per_epoch for run in runs)
    scales = {run.index: _scale(run.data) if by_epoch else 1.0 for run in runs}
    tasks = task_names(runs)
    charts = [
        *_per_task(runs, scales, tasks, look),
        _chart("cosine", "Gradient cosines", COSINE_UNIT, _cosines(runs, scales), 0.0),
        _chart("lr", "Learning rate", "per step", _rates(runs, scales), y="power"),
        *_metrics(runs, scales),
    ]
    return {
        "axis": "epoch" if by_epoch else "step",
        "x": "epochs done" if by_epoch else "steps done",
        "charts": [chart for chart in charts if chart["series"]],
        "legend": legend(
            tasks, runs, any(chart["id"].startswith("metric-") and chart["series"] for chart in charts)
        ),
    }


def legend(tasks: Sequence[str], runs: Sequence[Logged], measured: bool) -> list[dict[str, Any]]:
    """Entries that name a task by its colour, a pair of tasks where gradients were compared, a stage where any was
    measured, and a run by its dashes where there are several.
    """
    entries: list[dict[str, Any]] = [
        {"key": task, "name": page.title(task), "colour": colour(task), "shape": shape(task), "dash": 0}
        for task in tasks
    ]
    entries += [{"key": pair, "dash": 0} | _pair_look(pair) for pair in _pairs(runs)]
    if measured:
        entries += [
            {"key": stage, "name": stage, "colour": f"var(--{stage})", "shape": i, "dash": 0}
            for i, stage in enumerate(STAGES)
        ]
    if len(runs) > 1:
        entries += [
            {"key": f"run {run.index}", "name": run.name, "colour": "currentColor", "dash": run.index}
            for run in runs
        ]
    return entries


def task_names(runs: Iterable[Logged]) -> list[str]:
    """The tasks of all runs, in one order everywhere."""
    names = {task for run in runs for task in run.data.tasks}
    known = [task for task in TASK_ORDER if task in names]
    return known + sorted(names - set(known))


def colour(task: str) -> str:
    """A task's colour: a variable of the style sheet, with a light and a dark value."""
    return f"var(--task-{task})" if task in TASK_ORDER else "currentColor"


def shape(task: str) -> int:
    """A task's marker, so that colour is not alone in telling tasks apart."""
    return TASK_ORDER.index(task) if task in TASK_ORDER else len(TASK_ORDER)


def series(run: Logged, key: str, x: np.ndarray, y: np.ndarray, kind: str = "line", **more: Any) -> Series:
    """One line of a chart. x, y: (N,), NaN for a gap."""
    made: Series = {
        "name": page.title(key),
        "run": run.name,
        "key": key,
        "runKey": f"run {run.index}",
        "colour": colour(key),
        "shape": shape(key),
        "dash": run.index,
        "kind": kind,
        "x": plain(x),
        "y": plain(y),
    }
    return made | more


def _per_task(
    runs: Sequence[Logged], scales: dict[int, float], tasks: Sequence[str], look: ChartOptions
) -> list[Chart]:
    """Each quantity that there is one of for each task: one chart of all tasks, or one for each."""
    groups = [[task] for task in tasks] if look.split else [list(tasks)]
    charts = []
    for kind in _KINDS:
        for group in groups:
            lines = [line for run in runs for line in kind.lines(run, group, scales[run.index], look)]
            ending = f": {page.title(group[0]).lower()}" if look.split else ""
            id = "-".join([kind.id, *(group if look.split else ())])
            unit = kind.unit + (FLOORED if any(line.get("marks") for line in lines) else "")
            charts.append(_chart(id, kind.title + ending, unit, lines, kind.guide))
    return charts


def _chart(
    id: str, title: str, unit: str, lines: list[Series], guide: float | None = None, **more: Any
) -> Chart:
    return {"id": id, "title": title, "unit": unit, "guide": guide, "series": lines} | more


def _scale(data: RunData) -> float:
    return 1.0 / (data.steps_per_epoch or 1)


def _epoch_ends(data: RunData, scale: float) -> np.ndarray:
    return np.array([line.step for line in data.epochs], dtype=float) * scale


def _of_epochs(data: RunData, field: str, task: str) -> np.ndarray:
    return np.array([getattr(line, field).get(task, math.nan) for line in data.epochs], dtype=float)


def _losses(
    run: Logged, tasks: Sequence[str], scale: float, look: ChartOptions, log: bool = False
) -> list[Series]:
    """The step lines, raw and, if asked for, smoothed; the epoch means as markers."""
    lines = []
    for task in tasks:
        raw = run.data.steps.get(f"loss/{task}", np.empty(0))
        raw = np.log1p(np.maximum(raw, 0)) if log else raw
        x = run.data.steps["step"] * scale
        drawn = [("", raw)] + ([("smoothed", smooth(raw, look.smoothing))] if look.smoothing else [])
        for what, values in drawn:
            faint = bool(look.smoothing) and not what
            lines.append(series(run, task, *subsample(x, values), faint=faint, what=what or "step"))
        means = _of_epochs(run.data, "log_loss" if log else "loss", task)
        ends = _epoch_ends(run.data, scale)
        lines.append(series(run, task, ends, means, "dots", what="epoch mean"))
    return [line for line in lines if line["x"]]


def _log_losses(run: Logged, tasks: Sequence[str], scale: float, look: ChartOptions) -> list[Series]:
    return _losses(run, tasks, scale, look, log=True)


def _ratios(run: Logged, tasks: Sequence[str], scale: float, look: ChartOptions) -> list[Series]:
    lines = []
    for task in tasks:
        values = _of_epochs(run.data, "ratio", task)
        if np.isfinite(values).any():
            ends = _epoch_ends(run.data, scale)
            lines.append(series(run, task, ends, values, dots=True, what="decided after the epoch"))
    return lines


def _weights(run: Logged, tasks: Sequence[str], scale: float, look: ChartOptions) -> list[Series]:
    """Stairs, as most strategies set the weights once per epoch; a line where they move at every step."""
    data = run.data
    lines = []
    for task in tasks:
        at_steps = data.steps.get(f"weight/{task}", np.empty(0))
        if _moves_within_epochs(data, at_steps):
            x, y = subsample(data.steps["step"] * scale, at_steps)
            lines.append(series(run, task, x, y, what="applied"))
            continue
        x, y, clamped = _stairs(data, task, at_steps)
        if len(x):
            lines.append(series(run, task, x * scale, y, "stairs", what="applied", marks=clamped))
    return lines


def _cosines(runs: Sequence[Logged], scales: dict[int, float]) -> list[Series]:
    """Of every two tasks' gradients: a line over the steps that were looked at, the epoch means as markers."""
    lines = []
    for run in runs:
        data, scale = run.data, scales[run.index]
        for pair in _pairs([run]):
            x, y = subsample(data.gradients["step"] * scale, data.gradients[f"cosine/{pair}"])
            means = _of_epochs(data, "cosine", pair)
            lines.append(series(run, pair, x, y, what="step") | _pair_look(pair))
            ends = _epoch_ends(data, scale)
            lines.append(series(run, pair, ends, means, "dots", what="epoch mean") | _pair_look(pair))
    return [line for line in lines if line["x"]]


def _pairs(runs: Iterable[Logged]) -> list[str]:
    """Names of the pairs whose gradients were compared, such as "semseg-depth"."""
    names = (name for run in runs for name in run.data.gradients if name.startswith("cosine/"))
    return list(dict.fromkeys(name.removeprefix("cosine/") for name in names))


def _pair_look(pair: str) -> dict[str, Any]:
    """Both names, the mixture of both colours, the second one's marker."""
    one, _, other = pair.partition("-")
    return {
        "name": f"{page.title(one)} and {page.title(other).lower()}",
        "colour": f"color-mix(in srgb, {colour(one)}, {colour(other)})",
        "shape": shape(other),
    }


def _norms(run: Logged, tasks: Sequence[str], scale: float, look: ChartOptions) -> list[Series]:
    lines = []
    for task in tasks:
        norms = run.data.gradients.get(f"norm/{task}")
        if norms is not None:
            x, y = subsample(run.data.gradients["step"] * scale, norms)
            lines.append(series(run, task, x, y, what="step"))
    return lines


def _moves_within_epochs(data: RunData, weights: np.ndarray) -> bool:
    same_epoch = np.diff(data.steps["epoch"]) == 0
    return bool((np.abs(np.diff(weights)) > 1e-6)[same_epoch].any()) if len(weights) > 1 else False


def _stairs(data: RunData, task: str, at_steps: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Step at which each weight began to hold, the weight, and where the floor made it; the last one goes on."""
    if not data.epochs:
        known = np.flatnonzero(np.isfinite(at_steps))[-1:]
        return np.array([0.0, data.last_step][: 2 * len(known)]), np.repeat(at_steps[known], 2), []
    starts = [0, *(line.step for line in data.epochs)]
    values = [line.weight.get(task, math.nan) for line in data.epochs]
    values.append(data.epochs[-1].next_weight.get(task, math.nan))
    clamped = [i + 1 for i, line in enumerate(data.epochs) if task in line.floor]
    ends = data.epochs_planned is not None and len(data.epochs) >= data.epochs_planned
    if ends:  # nothing was trained with the weights of an epoch after the last
        values[-1], clamped = values[-2], [i for i in clamped if i < len(data.epochs)]
    elif data.last_step > starts[-1]:
        starts.append(data.last_step)
        values.append(values[-1])
    return np.array(starts, dtype=float), np.array(values), clamped


def _rates(runs: Sequence[Logged], scales: dict[int, float]) -> list[Series]:
    plain_look = {"colour": "currentColor", "name": "learning rate", "shape": -1, "what": ""}
    lines = []
    for run in runs:
        x, y = subsample(run.data.steps["step"] * scales[run.index], run.data.steps["lr"])
        if len(x):
            lines.append(series(run, "lr", x, y) | plain_look)
    return lines


def _metrics(runs: Sequence[Logged], scales: dict[int, float]) -> list[Chart]:
    """Each task's own metric, initial and refined, wherever it was measured."""
    charts = []
    known = {task.name: task for tasks in TASK_SETS.values() for task in tasks}
    for name in task_names(runs):
        task = known.get(name)
        if task is None:
            continue
        lines = [line for run in runs for line in _metric(run, task, scales[run.index])]
        better = "higher is better" if task.higher_is_better else "lower is better"
        unit = "degrees" if task.unit == "deg" else task.unit
        title = f"{page.title(name)}: {METRIC_TITLES.get(task.metric, task.metric)}"
        charts.append(_chart(f"metric-{name}", title, f"{unit}, {better}" if unit else better, lines))
    return charts


def _metric(run: Logged, task: Task, scale: float) -> list[Series]:
    lines = []
    for stage in STAGES:
        values = np.array([_measured(line.metrics, stage, task) for line in run.data.epochs], dtype=float)
        known = np.isfinite(values)
        if known.any():
            x = _epoch_ends(run.data, scale)[known]
            look = {"key": stage, "colour": f"var(--{stage})", "name": stage, "shape": STAGES.index(stage)}
            lines.append(series(run, task.name, x, values[known], dots=True, what="held-out data") | look)
    return lines


def _measured(metrics: Any, stage: str, task: Task) -> float:
    try:
        value = metrics[stage][task.name][task.metric]
    except (KeyError, TypeError):
        return math.nan
    return float(value) if isinstance(value, int | float) else math.nan


@dataclass(frozen=True)
class _Kind:
    """A quantity that there is one of for each task. guide: the value that means "as much as the others"."""

    id: str
    title: str
    unit: str
    lines: Callable[[Logged, Sequence[str], float, ChartOptions], list[Series]]
    guide: float | None = None


_KINDS = (
    _Kind("weight", "Task weights wₜ", "weight, no unit", _weights, 1.0),
    _Kind("loss", "Losses Lₜ", "loss, in each task's own unit", _losses),
    _Kind("log-loss", "Log-projected losses ℓₜ", "log(1 + Lₜ)", _log_losses),
    _Kind("norm", "Gradient norms", "of log(1 + Lₜ) at the shared parameters", _norms),
    _Kind("ratio", "Ratios rₜ", "ratio, above 1: lags behind", _ratios, 1.0),
)
