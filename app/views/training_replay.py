"""Replayed weights over logged ones, one panel for each task."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from app.views import charts, training_spike
from app.views.training import CELL, COLUMNS
from app.views.training_axis import TITLES, Logged
from app.views.training_series import FLOORED, Look, of_task, stair_traces
from mtcp.runs.replay import Replay


def chart(run: Logged, replayed: Replay | None) -> go.Figure | None:
    """Logged weights thin and solid, replayed ones thick and dashed. None: nothing to draw."""
    if replayed is None:
        return None
    return charts.figure(
        [_panel(Logged(0, run.name, run.data), replayed, task) for task in replayed.tasks],
        "lps-replay",
        columns=COLUMNS,
        cell=CELL,
        keys=[
            charts.key("logged", "logged", charts.TEXT),
            charts.key("LPS replayed", "replayed", charts.TEXT, dash="dash", width=3.5),
        ],
        x_title=TITLES["epoch"],
        shared_x=True,
        hovermode="x unified",
    )


def _panel(run: Logged, replayed: Replay, task: str) -> charts.Panel:
    own = of_task(task)
    traces = [
        *_stairs(run, own, "logged", replayed.logged, replayed.logged_floor),
        *_stairs(run, own, "replayed", replayed.replayed, replayed.replayed_floor, dash="dash", width=3.5),
    ]
    marks, scale = training_spike.scaled(traces)
    unit = "weight, no unit" + (f", ▼ {FLOORED}" if any(FLOORED in trace.name for trace in traces) else "")
    return charts.Panel(own.name, traces, unit, y=scale, guide=1.0, marks=marks)


def _stairs(
    run: Logged,
    own: Look,
    side: str,
    weights: Sequence[dict[str, float]],
    floors: Sequence[Sequence[str]],
    **line: object,
) -> list[go.Scatter]:
    y = [values.get(own.group, np.nan) for values in weights]
    clamped = [epoch for epoch, hit in enumerate(floors) if own.group in hit]
    look = Look(side, own.name, own.colour, own.symbol)
    x = np.arange(len(y) + 1, dtype=float)
    return stair_traces(run, look, x, np.array([*y, y[-1]]), clamped, side, **line)
