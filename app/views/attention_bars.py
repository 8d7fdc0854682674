"""Where the attention of the probe goes in each task, as bars: by predicted class and by distance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from app.session import Analysis
from app.views import charts, legends
from app.views.attention import NOT_ATTENDING, AttentionRow, Labels, labels
from mtcp.evaluation import attention_stats as attention

SHOWN_CLASSES = 8
LONGEST_NAME = 15
BAR_PX, AROUND_PX = 24, 110
"""Height of a bar; of what is around those of a panel."""


@dataclass(frozen=True)
class Bar:
    """share, even: of the attention, 0..1. colour: CSS."""

    name: str
    share: float
    even: float
    colour: str


def note(analysis: Analysis, found: Sequence[AttentionRow]) -> str:
    """What the bars are, HTML."""
    if not found:
        return f'<p class="mt-hint">{NOT_ATTENDING}</p>'
    classes = labels(analysis)
    of = f' (<span class="mt-{classes.stage}">{classes.stage}</span>)' if classes else ""
    lacking = "" if classes else " This network predicts no classes."
    return (
        f'<p class="mt-hint">Bars: share of the attention by predicted class{of} and by distance from the probe, in '
        "percent of the picture's diagonal. Line: the uniform share, what attention without preference would give."
        f"{lacking}</p>"
    )


def bars(analysis: Analysis, found: Sequence[AttentionRow]) -> go.Figure | None:
    """A panel by class and one by distance for each task; None where nothing attends."""
    if not found:
        return None
    classes = labels(analysis)
    kinds = {"class": [by_class(look.row, classes) for look in found]} if classes else {}
    kinds["distance"] = [by_distance(look.rings) for look in found]
    panels = [
        _panel(
            f"{look.title}, by {kind}",
            shown,
            1.45 * max(max(bar.share, bar.even) for one in rows for bar in one),
        )
        for kind, rows in kinds.items()
        for look, shown in zip(found, rows, strict=True)
    ]
    most = max(len(shown) for rows in kinds.values() for shown in rows)
    return charts.figure(
        panels,
        "attention-by-class-and-distance",
        columns=sorted({1, len(found)}),
        cell=(300, BAR_PX * most + AROUND_PX),
        gaps=(0.44, AROUND_PX / (BAR_PX * most + AROUND_PX)),
        x_title="% of the attention",
        margin={"l": 110},
        bargap=0.3,
        hovermode="y unified",
    )


def by_class(row: np.ndarray, classes: Labels) -> list[Bar]:
    """The classes with the most attention, and the rest together."""
    found = list(attention.mass_by_class(row, classes.cells).items())
    shown = [
        Bar(
            classes.name(label),
            mass,
            even,
            _hexadecimal(classes.colours[label]) if label < len(classes.colours) else charts.SUBDUED,
        )
        for label, (mass, even) in found[:SHOWN_CLASSES]
    ]
    rest = [shares for _, shares in found[SHOWN_CLASSES:]]
    if rest:
        mass, even = np.sum(rest, axis=0)
        shown.append(Bar(f"{len(rest)} more", float(mass), float(even), charts.SUBDUED))
    return shown


def _hexadecimal(rgb: Sequence[int]) -> str:
    return "#" + "".join(f"{int(channel):02x}" for channel in rgb)


def by_distance(rings: attention.ByDistance) -> list[Bar]:
    """The rings around the probe, the nearest first."""
    bounds = zip(rings.near, rings.far, rings.mass, rings.uniform, strict=True)
    return [
        Bar(f"{100 * near:.0f} to {100 * far:.0f} %", float(mass), float(even), "var(--attention)")
        for near, far, mass, even in bounds
    ]


def _panel(title: str, shown: Sequence[Bar], top: float) -> charts.Panel:
    names = [bar.name for bar in shown]
    short = [name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}\u2026" for name in names]
    common = {"y": names, "orientation": "h", "showlegend": False}
    drawn = go.Bar(
        x=[round(100 * bar.share, 3) for bar in shown],
        name="attention",
        marker={"color": [bar.colour for bar in shown], "line": {"color": charts.SUBDUED, "width": 1}},
        hovertemplate="%{x:.2f} %",
        **common,
    )
    even = go.Scatter(
        x=[round(100 * bar.even, 3) for bar in shown],
        name="uniform",
        mode="markers",
        marker={"symbol": "line-ns", "size": 16, "line": {"color": charts.TEXT, "width": 2}},
        hovertemplate="%{x:.2f} %",
        **common,
    )
    numbers = go.Scatter(
        x=[100 * top] * len(shown),
        name="",
        mode="text",
        text=[legends.percent(bar.share) for bar in shown],
        textposition="middle left",
        hoverinfo="skip",
        **common,
    )
    return charts.Panel(
        title,
        [drawn, even],
        marks=[numbers],
        x={"range": [0, 100 * top], "fixedrange": False},
        y={
            "autorange": "reversed",
            "tickmode": "array",
            "tickvals": names,
            "ticktext": short,
            "fixedrange": True,
        },
    )
