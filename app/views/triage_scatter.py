"""The scatter of Triage: two numbers of many photos against each other.

A point's `customdata` is the photo's place in the list, by which the chart tells what was brushed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import plotly.graph_objects as go

from app.views import charts, html
from app.views.triage import stage_of
from mtcp.evaluation.ranking import CHANGE, TriageRow
from mtcp.geometry.quantities import PhotoQuantity, Quantity

T = TypeVar("T")

MOST_POINTS = 5_000
"""More are not drawn: every second, third ... of a longer list."""
COLOURS = ("#3b82c4", "#d97706")
"""Of photos like those of training, and of those unlike them: readable on light and dark."""
MISSED = '<p role="status"><b>There is no photo in what you drew</b>, so all are listed.</p>'
"""Said before `told` of a brush that holds no point."""
_STAGES = {"refined": "refined", "initial": "initial", CHANGE: "refined - initial"}


@dataclass(frozen=True)
class Point:
    """One photo: its place in the list, and both numbers."""

    index: int
    name: str
    x: float
    y: float
    unlike: bool = False


@dataclass(frozen=True)
class Points:
    """What is drawn of the photos of which both numbers are known; known: how many there are."""

    drawn: Sequence[Point]
    known: int


def points(rows: Sequence[TriageRow], x: Quantity, y: Quantity, of: str) -> Points:
    """Those rows of which both numbers are known. of: the stage, or `CHANGE`."""
    found = list(_points(rows, x, y, of))
    return Points(spread(found), len(found))


def spread(found: Sequence[T]) -> Sequence[T]:
    """All of them, or at most `MOST_POINTS`, evenly spread."""
    return found[:: max(1, -(-len(found) // MOST_POINTS))]


def _points(rows: Sequence[TriageRow], x: Quantity, y: Quantity, of: str) -> Iterator[Point]:
    for index, row in enumerate(rows):
        across, up = (row.value(one.key, stage_of(one, of)) for one in (x, y))
        if across is not None and up is not None and math.isfinite(across) and math.isfinite(up):
            yield Point(index, row.name, across, up, bool(row.details.get("unlike")))


def figure(
    found: Sequence[Point], x: Quantity, y: Quantity, of: str, chosen: Collection[int] = ()
) -> go.Figure:
    """The chart. chosen: indices of the selected photos; none selects nothing.

    Zoom is kept while the axes stay the same (`uirevision`); what was brushed is drawn as the chosen points alone.
    """
    kinds = (("like training", False), ("unlike training", True))
    traces = [
        _trace([point for point in found if point.unlike is unlike], name, COLOURS[unlike], x, y, chosen)
        for name, unlike in kinds
        if any(point.unlike is unlike for point in found)
    ]
    axes = f"{x.key} {y.key} {of}"
    return charts.figure(
        [charts.Panel("Photos", traces, y={"title": {"text": _title(y, of)}})],
        "mtcp-triage",
        cell=(280, 330),
        x_title=_title(x, of),
        picks=True,
        dragmode="select",
        hovermode="closest",
        uirevision=axes,
        selections=[],
        selectionrevision=f"{axes} {sorted(chosen)}",
    )


def _trace(
    found: Sequence[Point], name: str, colour: str, x: Quantity, y: Quantity, chosen: Collection[int]
) -> go.Scatter | go.Scattergl:
    selected = [place for place, point in enumerate(found) if point.index in chosen]
    kind = go.Scattergl if len(found) > 1000 else go.Scatter
    return kind(
        mode="markers",
        name=name,
        x=[round(point.x, 4) for point in found],
        y=[round(point.y, 4) for point in found],
        text=[html.text(point.name) for point in found],  # Plotly reads some HTML in it
        customdata=[point.index for point in found],
        hovertemplate=f"%{{text}}<br>%{{x:.{x.digits}f}} {x.unit}, %{{y:.{y.digits}f}} {y.unit}<extra></extra>",
        marker={"color": colour, "size": 9, "opacity": 0.8, "line": {"width": 1, "color": charts.BACKGROUND}},
        unselected={"marker": {"opacity": 0.2}},
        **({"selectedpoints": selected} if chosen else {}),
    )


def summary(found: Points, chosen: int) -> str:
    """How to brush, what of the list is drawn, and how many are chosen."""
    said = "Drag a box over points, or a lasso (in the tool bar), to list only those photos; double-click to list all."
    if chosen:
        said = (
            f"<b>{chosen:,} selected</b>: only {'this one is' if chosen == 1 else 'these are'} listed below."
        )
    if len(found.drawn) < found.known:
        said += f" {len(found.drawn):,} of {found.known:,} photos are drawn, evenly spread over the list."
    return f'<p class="mt-subdued" role="status">{said}</p>'


def _title(quantity: Quantity, of: str) -> str:
    unit = f" ({quantity.unit})" if quantity.unit else ""
    stage = "" if isinstance(quantity, PhotoQuantity) else f", {_STAGES[of]}"
    return _wrapped(f"{quantity.title}{stage}{unit}")


def _wrapped(words: str, width: int = 44) -> str:
    """Words in two lines where they are long: a narrow chart cuts what does not fit."""
    if len(words) <= width:
        return words
    at = words.find(" ", len(words) // 2)
    return words if at < 0 else f"{words[:at]}<br>{words[at + 1 :]}"
