"""Replayed weights over logged ones, one chart for each task."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.views import page
from app.views.training import FLOORED, Logged, series
from mtcp.runs.replay import Replay


def chart_data(run: Logged, replayed: Replay | None) -> dict[str, Any] | None:
    """Data for the charts: logged weights thin and solid, replayed ones thick and dashed. None: nothing to draw."""
    if replayed is None:
        return None
    own = Logged(0, run.name, run.data)
    return {
        "axis": "epoch",
        "x": "epochs done",
        "charts": [_chart(own, replayed, task) for task in replayed.tasks],
        "legend": [
            {"key": "logged", "name": "logged", "colour": "currentColor", "dash": 0},
            {"key": "replayed", "name": "LPS replayed", "colour": "currentColor", "dash": 1, "thick": True},
        ],
    }


def _chart(run: Logged, replayed: Replay, task: str) -> dict[str, Any]:
    lines = []
    sides = (
        ("logged", replayed.logged, replayed.logged_floor),
        ("replayed", replayed.replayed, replayed.replayed_floor),
    )
    for dash, (side, weights, clamped) in enumerate(sides):
        y = [values.get(task, np.nan) for values in weights]
        x = np.arange(len(y) + 1, dtype=float)
        marks = [epoch for epoch, hit in enumerate(clamped) if task in hit]
        line = series(run, task, x, np.array([*y, y[-1]]), "stairs", marks=marks, thick=dash == 1)
        lines.append(line | {"name": side, "key": side, "dash": dash, "what": ""})
    return {
        "id": f"replay-{task}",
        "title": page.title(task),
        "unit": "weight, no unit" + (FLOORED if any(line["marks"] for line in lines) else ""),
        "guide": 1.0,
        "series": lines,
    }
