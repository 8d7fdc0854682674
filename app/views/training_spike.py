"""LPS's second epoch weighs by the losses alone: far above what follows. The scale is made for what follows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.views import charts

LEAST_STEPS = 4
"""Weights of a run before its scale leaves the second out: two epochs after it."""
PAD = 0.12


def scaled(traces: Sequence[go.Scatter]) -> tuple[list[go.Scatter], dict[str, Any]]:
    """Marks of what lies above a scale that leaves the second epoch out, and settings of the axis; neither if the
    second epoch is no higher above the rest than the rest is wide.
    """
    second: list[tuple[go.Scatter, float]] = []
    rest: list[float] = []
    for trace in traces:
        y = np.array([math.nan if value is None else value for value in trace.y], dtype=float)
        if trace.line.shape == "hv" and len(y) >= LEAST_STEPS and math.isfinite(y[1]):
            second.append((trace, float(y[1])))
            y = np.delete(y, 1)
        rest += y[np.isfinite(y)].tolist()
    if not second or not rest:
        return [], {}
    low, high = min(rest), max(rest)
    width = max(high - low, 0.1 * abs(high))
    out = [(trace, value) for trace, value in second if value > high + width]
    if not out:
        return [], {}
    top = high + PAD * width
    worst = max(value for _, value in out)
    marks = [_mark(trace, value, k, len(out), top) for k, (trace, value) in enumerate(out)]
    first = marks[-1]
    first.update(mode="markers+text", text=[f"  epoch 2: up to {worst:.3g}"], textposition="middle right")
    first.update(textfont={"color": charts.SUBDUED, "size": 12})
    return marks, {"range": [low - PAD * width, high + 2 * PAD * width], "autorange": False}


def _mark(trace: go.Scatter, value: float, place: int, of: int, top: float) -> go.Scatter:
    start, end = float(trace.x[1]), float(trace.x[2])
    return go.Scatter(
        x=[start + (end - start) * (place + 1) / (of + 1)],
        y=[top],
        customdata=[value],
        name=f"{trace.name}, above the scale",
        legendgroup=trace.legendgroup,
        mode="markers",
        marker={"symbol": "triangle-up", "size": 10, "color": trace.line.color},
        hovertemplate="epoch 2: %{customdata:.4g}",
        cliponaxis=False,
    )
