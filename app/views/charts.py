"""Charts: panels of plotly traces in a grid, in the page's own colours. `app/tabs/charts.py` puts them on the page.

Colours are CSS (`var(--task-depth)`), so that one figure is right in light and dark: the browser puts the colour of
the moment in their place, and again when the theme is switched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go
from plotly.basedatatypes import BaseTraceType

TEXT, SUBDUED, LINE = (
    "var(--body-text-color)",
    "var(--body-text-color-subdued)",
    "var(--border-color-primary)",
)
BACKGROUND = "var(--block-background-fill)"
SYMBOLS = ("circle", "square", "triangle-up", "diamond", "x", "cross", "star")
"""Markers, one a task: colour is not alone in telling them apart."""
DASHES = ("solid", "dash", "dot", "dashdot")

_AXIS = {
    "gridcolor": LINE,
    "zeroline": False,
    "automargin": True,
    "linecolor": SUBDUED,
    "tickfont": {"color": SUBDUED, "size": 12},
    "title": {"font": {"color": SUBDUED, "size": 12}, "standoff": 6},
}
_LOOK = go.layout.Template(
    layout={
        "font": {"color": TEXT, "size": 13},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "hoverlabel": {"bgcolor": BACKGROUND, "bordercolor": LINE, "font": {"color": TEXT, "size": 12}},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": SUBDUED, "activecolor": TEXT},
        "legend": {
            "orientation": "h",
            "bgcolor": "rgba(0,0,0,0)",
            "groupclick": "togglegroup",
            "tracegroupgap": 0,  # charts.js counts a legend's rows to keep the headings clear of them
        },
    }
)


@dataclass(frozen=True)
class Panel:
    """One chart of a figure: traces over axes of its own.

    unit: what the vertical axis counts, in the second line of the title. x, y: further settings of its axes, in
    plotly's words. guide: where a dotted line lies across it, in y; None for none. marks: further traces, which explain
    and are no data: they are not saved as CSV.
    """

    title: str
    traces: Sequence[BaseTraceType]
    unit: str = ""
    x: Mapping[str, Any] = field(default_factory=dict)
    y: Mapping[str, Any] = field(default_factory=dict)
    guide: float | None = None
    marks: Sequence[BaseTraceType] = ()


def figure(
    panels: Sequence[Panel],
    name: str,
    *,
    columns: Sequence[int] = (1,),
    cell: tuple[int, int] = (340, 260),
    gaps: tuple[float, float] = (0.16, 0.36),
    keys: Sequence[BaseTraceType] = (),
    x_title: str = "",
    shared_x: bool = False,
    picks: bool = False,
    **layout: Any,
) -> go.Figure:
    """The panels as one figure.

    Args:
        panels: in reading order.
        name: of files that are saved of it.
        columns: how many there may be side by side; the browser takes the most for which each is at least `cell[0]`
            pixels wide.
        cell: least width and height of a panel in pixels, gaps included.
        gaps: between panels, as a part of a panel with its gap: across, down.
        keys: traces without points, for the legend. Those of a figure with such keys have no entries of their own.
        x_title: what all horizontal axes count.
        shared_x: whether all panels keep one horizontal range.
        picks: whether a click on a point and a box around points are told to the server: the events `click` and
            `select` of the component, with `points`, the `customdata` of each.
        layout: further settings, in plotly's words.
    """
    traces: list[BaseTraceType] = list(keys)
    axes: dict[str, Any] = {}
    notes: list[dict[str, Any]] = []
    guides: list[dict[str, Any]] = []
    for number, panel in enumerate(panels, start=1):
        of = str(number) if number > 1 else ""
        for trace in (*panel.traces, *panel.marks):
            trace.update(xaxis=f"x{of}", yaxis=f"y{of}")
            trace.uid = f"{panel.title}: {trace.uid or trace.name}"  # by which plotly knows what is hidden
            if keys:
                trace.showlegend = False
            traces.append(trace)
        for trace in panel.traces:
            trace.meta = panel.title
        shared = {"matches": "x"} if shared_x and number > 1 else {}
        axes[f"xaxis{of}"] = {"title": {"text": x_title}, **shared, **panel.x}
        axes[f"yaxis{of}"] = {**panel.y}
        notes.append(_heading(panel, of))
        if panel.guide is not None:
            guides.append(_guide(panel.guide, of))
    meta = {
        "name": name,
        "panels": len(panels),
        "columns": sorted(columns),
        "cell": list(cell),
        "keys": [trace.name for trace in traces if trace.name and trace.showlegend is not False],
        "x": x_title,
        "picks": picks,
    }
    return go.Figure(
        traces,
        {
            "template": _LOOK,
            "grid": {"pattern": "independent", "xgap": gaps[0], "ygap": gaps[1]},
            "annotations": notes,
            "shapes": guides,
            "uirevision": name,
            "meta": meta,
            **axes,
            **layout,
        },
    )


def key(name: str, group: str, colour: str, symbol: str | None = None, **line: Any) -> go.Scatter:
    """A legend entry without points that shows and hides everything of its group."""
    return go.Scatter(
        x=[None],
        y=[None],
        mode="lines+markers" if symbol else "lines",
        name=name,
        legendgroup=group,
        uid=f"key {group}",
        line={"color": colour, **line},
        marker={"color": colour, "symbol": symbol or "circle", "size": 9},
    )


def mix(one: str, other: str, share: float = 0.5) -> str:
    """A CSS colour between two; `other` may be "transparent". share: of the first.

    Plotly takes no color-mix, but any var(): this one is of a variable that nobody sets.
    """
    return f"var(--mt-mix, color-mix(in srgb, {one} {100 * share:g}%, {other}))"


def _heading(panel: Panel, of: str) -> dict[str, Any]:
    unit = f"<br><span style='font-size:12px'>{panel.unit}</span>" if panel.unit else ""
    return {
        "text": f"<b>{panel.title}</b>{unit}",
        "xref": f"x{of} domain",
        "yref": f"y{of} domain",
        "x": 0,
        "y": 1,
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 4,
        "align": "left",
        "showarrow": False,
    }


def _guide(y: float, of: str) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": f"x{of} domain",
        "yref": f"y{of}",
        "x0": 0,
        "x1": 1,
        "y0": y,
        "y1": y,
        "line": {"color": SUBDUED, "width": 1, "dash": "dot"},
        "layer": "below",
    }
