"""The angle between depth and normals as a map and as a histogram, by either method."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from app.sides import ONE, Words
from app.views import charts, html, legends
from app.views.triage import number
from mtcp.drawing import colour
from mtcp.drawing.scale import Scale
from mtcp.geometry.report import StageCoherence

METHODS = {"plane fit": "angle_deg", "derivative": "derivative_angle_deg"}
"""What the page calls a method -> its map in `StageMaps`."""
WHY_BOTH = "Plane fits are robust to noise but blur edges; derivatives are the other way round. Trust what both show."
SCALES = ("linear", "log")
UNKNOWN: colour.Colour = (128, 128, 128)
BIN_DEG = 2.5
LAST_DEG = 90.0
FAINTEST_PCT = 0.01
"""The foot of the log scale."""

_DASHES = {"initial": "dash", "refined": "solid", "truth": "dot"}


def angle_map(stage: StageCoherence, method: str) -> np.ndarray:
    """Degrees, float32 (h, w), NaN where unknown."""
    return getattr(stage.maps, METHODS[method])


def picture(stage: StageCoherence, method: str) -> np.ndarray:
    """The angle map in magma up to `ANGLE_LIMIT`, RGB uint8 (h, w, 3); grey where unknown."""
    angle = angle_map(stage, method)
    drawn = colour.angle(angle)
    drawn[~np.isfinite(angle)] = UNKNOWN
    return drawn


def legend(stages: Mapping[str, StageCoherence], method: str) -> str:
    """The scale of `picture`, HTML."""
    bar = legends.bar(Scale.of_angles(colour.ANGLE_LIMIT))
    known = all(np.isfinite(angle_map(stage, method)).all() for stage in stages.values())
    words = (
        "Dark: depth and normals describe the same surface. Light: they disagree (lightest: by 60° or more)."
    )
    words += "" if known else f" {html.swatch(UNKNOWN)}unknown."
    return f'{bar}<p class="mt-subdued mt-fine">{words}</p>'


def shares(angle: np.ndarray) -> np.ndarray:
    """Per cent of the known pixels in each bin of `BIN_DEG` from 0 to `LAST_DEG`; float64 (bins,)."""
    known = angle[np.isfinite(angle)]
    counts = np.histogram(known, bins=round(LAST_DEG / BIN_DEG), range=(0.0, LAST_DEG))[0]
    return 100.0 * counts / max(1, known.size)


def histogram(
    stages: Mapping[str, StageCoherence], method: str, scale: str = "linear", words: Words = ONE
) -> go.Figure | None:
    """Shares of the picture by angle, one line a stage with its median. scale: of the shares. None: nothing to draw."""
    known = _known(stages, method)
    if not known:
        return None
    lines = {name: shares(angles) for name, angles in known.items()}
    medians = {name: float(np.median(angles)) for name, angles in known.items()}
    top = _top(lines)
    drawn = [_line(words.side(name), name, line, medians[name], top, scale) for name, line in lines.items()]
    axis = {"type": "log", "range": [math.log10(FAINTEST_PCT), 2]} if scale == "log" else {"range": [0, top]}
    panel = charts.Panel(
        f"Angle between depth and normals, {method}",
        [line for line, _ in drawn],
        f"% of the pixels per {BIN_DEG:g}°",
        x={"range": [0, LAST_DEG], "dtick": 15},
        y={**axis, "uirevision": scale},
        marks=[mark for _, mark in drawn],
    )
    return charts.figure(
        [panel], "angle-histogram", cell=(280, 330), x_title="angle (degrees)", hovermode="x unified"
    )


def beside_histogram(
    stages: Mapping[str, StageCoherence], method: str, scale: str = "linear", words: Words = ONE
) -> str:
    """What the histogram does not show, HTML."""
    known = _known(stages, method)
    if not known:
        return '<p class="mt-subdued">No pixel has both a depth and a normal.</p>'
    lines = {name: shares(angles) for name, angles in known.items()}
    off = scale == "linear" and "truth" in lines and lines["truth"].max() > _top(lines)
    cut = " The ground truth's peak is cut off: double-click to see it." if off else ""
    return f'<p class="mt-subdued mt-fine">{_beyond(known, words)}{cut}</p>'


def _known(stages: Mapping[str, StageCoherence], method: str) -> dict[str, np.ndarray]:
    """By stage the angles of the pixels that have both, in degrees (N,); stages without such a pixel are left out."""
    maps = {name: angle_map(stage, method) for name, stage in stages.items()}
    known = {name: angle[np.isfinite(angle)] for name, angle in maps.items()}
    return {name: angles for name, angles in known.items() if angles.size}


def _top(lines: Mapping[str, np.ndarray]) -> float:
    """The end of the linear axis in per cent: the truth's peak would flatten the predictions."""
    predicted = [line for name, line in lines.items() if name != "truth"]
    return 1.06 * max(float(line.max()) for line in predicted or lines.values())


def _line(
    said: str, name: str, line: np.ndarray, median: float, top: float, scale: str
) -> tuple[go.Scatter, go.Scatter]:
    """Shares (bins,) of a stage as stairs, and its median as a vertical line. said: what it is called."""
    colour, dash = f"var(--{name})", _DASHES.get(name, "solid")
    fill = (
        {"fill": "tozeroy", "fillcolor": charts.mix(colour, "transparent", 0.14)} if name == "refined" else {}
    )
    if scale == "log":
        line = np.maximum(line, FAINTEST_PCT)
    title = f"{said}, median {number(median, 'deg')}"
    edges = np.arange(len(line) + 1) * BIN_DEG
    stairs = go.Scatter(
        x=edges.tolist(),
        y=[*line.round(4).tolist(), round(float(line[-1]), 4)],
        name=title,
        legendgroup=name,
        line={"shape": "hv", "color": colour, "dash": dash, "width": 2},
        hovertemplate="%{y:.2f} %",
        **fill,
    )
    foot = FAINTEST_PCT if scale == "log" else 0
    mark = go.Scatter(
        x=[median, median],
        y=[foot, 100 if scale == "log" else top],
        name=f"median of {said}",
        legendgroup=name,
        showlegend=False,
        mode="lines",
        line={"color": colour, "dash": dash, "width": 1},
        hoverinfo="skip",
    )
    return stairs, mark


def _beyond(known: Mapping[str, np.ndarray], words: Words) -> str:
    """How much lies right of the chart."""
    listed = ", ".join(
        f'<span class="mt-{name}">{words.side(name)}</span> {100 * float(np.mean(angles > LAST_DEG)):.1f} %'
        for name, angles in known.items()
    )
    return f"Over {LAST_DEG:.0f}°, not drawn: {listed}."
