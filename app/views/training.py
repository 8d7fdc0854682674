"""The curves of logged runs as one figure: a panel for each quantity, one horizontal axis for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from app.views import charts, page, training_series, training_spike
from app.views.charts import Panel
from app.views.training_axis import Axis, Kind, Logged, axis_of
from app.views.training_series import of_pair, of_stage, of_task
from mtcp.evaluation.ranking import METRIC_TITLES
from mtcp.geometry.quantities import STAGES
from mtcp.tasks import TASK_SETS

COSINE_UNIT = "cosine at the shared parameters, below 0: the tasks conflict"
COLUMNS, CELL = (1, 2, 3, 4), (350, 270)


@dataclass(frozen=True)
class ChartOptions:
    """How the person wants the curves drawn. smoothing: decay of the moving average, 0 for none. log: whether losses,
    weights, norms and learning rates are drawn on logarithmic axes. split: one panel per task.
    """

    axis: Kind = "epoch"
    smoothing: float = 0.0
    split: bool = False
    log: bool = False


def curves(runs: Sequence[Logged], look: ChartOptions) -> go.Figure | None:
    """Everything that the charts show of `runs`; None where nothing is logged yet."""
    axis = axis_of(runs, look.axis)
    panels = [
        *_per_task(runs, axis, look),
        Panel("Gradient cosines", _each(runs, axis, training_series.cosines), COSINE_UNIT, guide=0.0),
        Panel("Learning rate", _each(runs, axis, training_series.rates), "per step", y=_scale(look)),
        *_metrics(runs, axis),
    ]
    panels = [panel for panel in panels if panel.traces]
    if not panels:
        return None
    return charts.figure(
        panels,
        "training-curves",
        columns=COLUMNS,
        cell=CELL,
        keys=keys(runs, panels),
        x_title=axis.title,
        shared_x=True,
        hovermode="x unified",
        xaxis_uirevision=axis.kind,
        uirevision=f"{look.split}",
    )


def keys(runs: Sequence[Logged], panels: Sequence[Panel]) -> list[go.Scatter]:
    """Legend entries: a task by its colour, a pair of tasks where gradients were compared, a stage where any was
    measured. Runs differ in their dashes, which the lines above the charts explain.
    """
    used = {trace.legendgroup for panel in panels for trace in panel.traces}
    looks = [of_task(task) for task in training_series.task_names(runs)]
    looks += [of_pair(pair) for pair in training_series.pair_names(runs)]
    looks += [of_stage(stage) for stage in STAGES]
    return [charts.key(one.name, one.group, one.colour, one.symbol) for one in looks if one.group in used]


def _each(
    runs: Sequence[Logged], axis: Axis, traces: Callable[[Logged, Axis], list[go.Scatter]]
) -> list[go.Scatter]:
    return [trace for run in runs for trace in traces(run, axis)]


def _scale(look: ChartOptions) -> dict[str, str]:
    """A vertical axis; one that changes its kind forgets its zoom."""
    kind = "log" if look.log else "linear"
    return {"type": kind, "uirevision": kind, "exponentformat": "power"}


def _per_task(runs: Sequence[Logged], axis: Axis, look: ChartOptions) -> list[Panel]:
    """Each quantity that there is one of for each task: one panel of all tasks, or one for each."""
    tasks = training_series.task_names(runs)
    groups = [[task] for task in tasks] if look.split else [tasks]
    panels = []
    for kind in _KINDS:
        for group in groups:
            traces = [trace for run in runs for trace in kind.traces(run, group, axis, look)]
            title = f"{kind.title}: {page.title(group[0]).lower()}" if look.split else kind.title
            floored = any(training_series.FLOORED in trace.name for trace in traces)
            unit = f"{kind.unit}, ▼ {training_series.FLOORED}" if floored else kind.unit
            marks, scale = training_spike.scaled(traces) if kind.spikes and not look.log else ([], {})
            axes = _scale(look) | scale
            panels.append(Panel(title, traces, unit, y=axes, guide=kind.guide, marks=marks))
    return panels


def _metrics(runs: Sequence[Logged], axis: Axis) -> list[Panel]:
    """Each task's own metric, initial and refined, wherever it was measured."""
    known = {task.name: task for tasks in TASK_SETS.values() for task in tasks}
    panels = []
    for name in training_series.task_names(runs):
        task = known.get(name)
        if task is None:
            continue
        traces = [trace for run in runs for trace in training_series.metrics(run, task, axis)]
        better = "higher is better" if task.higher_is_better else "lower is better"
        unit = "degrees" if task.unit == "deg" else task.unit
        title = f"{page.title(name)}: {METRIC_TITLES.get(task.metric, task.metric)}"
        panels.append(Panel(title, traces, f"{unit}, {better}" if unit else better))
    return panels


@dataclass(frozen=True)
class _Kind:
    """A quantity that there is one of for each task. guide: the value that means "as much as the others". spikes:
    whether its second epoch may be far above the rest.
    """

    title: str
    unit: str
    traces: Callable[[Logged, Sequence[str], Axis, ChartOptions], list[go.Scatter]]
    guide: float | None = None
    spikes: bool = False


_KINDS = (
    _Kind(
        "Task weights wₜ",
        "weight, no unit",
        lambda run, tasks, axis, _: training_series.weights(run, tasks, axis),
        1.0,
        True,
    ),
    _Kind(
        "Losses Lₜ",
        "loss, in each task's own unit",
        lambda run, tasks, axis, look: training_series.losses(run, tasks, axis, look.smoothing),
    ),
    _Kind(
        "Log-projected losses ℓₜ",
        "log(1 + Lₜ)",
        lambda run, tasks, axis, look: training_series.losses(run, tasks, axis, look.smoothing, log=True),
    ),
    _Kind(
        "Gradient norms",
        "of log(1 + Lₜ) at the shared parameters",
        lambda run, tasks, axis, _: training_series.norms(run, tasks, axis),
    ),
    _Kind(
        "Ratios rₜ",
        "ratio, above 1: lags behind",
        lambda run, tasks, axis, _: training_series.ratios(run, tasks, axis),
        1.0,
    ),
)
