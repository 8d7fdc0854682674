"""The angle between depth and normals as a map and as a histogram, by either method."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from app.sides import ONE, Words
from app.views import html, legends
from app.views.triage import number
from mtcp.drawing import colour
from mtcp.drawing.scale import Scale
from mtcp.geometry.report import StageCoherence

METHODS = {"plane fit": "angle_deg", "derivative": "derivative_angle_deg"}
"""What the page calls a method -> its map in `StageMaps`."""
WHY_BOTH = (
    "Plane fit is steady in noise but blunt at edges, derivatives the other way round: trust what both show."
)
SCALES = ("linear", "log")
UNKNOWN: colour.Colour = (128, 128, 128)
BIN_DEG = 2.5
LAST_DEG = 90.0
FAINTEST_PCT = 0.01
"""The foot of the log scale."""

_WIDTH, _HEIGHT = 480, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 44, 40
_DASHES = {"initial": "6 3", "refined": "", "truth": "2 3"}


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
        "Dark: depth and normals describe the same surface. Light: they disagree, at the end by 60° or more."
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
) -> str:
    """Shares of the picture by angle, one line a stage with its median, as SVG. scale: of the shares."""
    maps = {name: angle_map(stage, method) for name, stage in stages.items()}
    known = {name: angle[np.isfinite(angle)] for name, angle in maps.items()}
    known = {name: angles for name, angles in known.items() if angles.size}
    if not known:
        return '<p class="mt-subdued">No pixel has both a depth and a normal.</p>'
    lines = {name: shares(angles) for name, angles in known.items()}
    predicted = [
        line for name, line in lines.items() if name != "truth"
    ]  # the truth's peak would flatten them
    top = max(float(line.max()) for line in predicted or lines.values())
    axis = _Axis(scale == "log", top)
    medians = {name: float(np.median(angles)) for name, angles in known.items()}
    drawn = axis.drawn() + "".join(_line(name, line, axis) for name, line in lines.items())
    drawn += "".join(_median(name, value, row, words) for row, (name, value) in enumerate(medians.items()))
    listed = ", ".join(
        f"{words.side(name)}: median {number(value, 'deg')}" for name, value in medians.items()
    )
    title = f"Histogram of the angle between depth and normals, {method}, {scale} shares. {listed}"
    cut = " The truth's peak is cut off." if "truth" in lines and lines["truth"].max() > axis.top else ""
    svg = (
        f'<svg class="mt-histogram" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.text(title)}">'
        f"{drawn}</svg>"
    )
    return f'{svg}<p class="mt-subdued mt-fine">{_beyond(known, words)}{cut}</p>'


class _Axis:
    """The vertical axis: per cent of the known pixels in a bin."""

    def __init__(self, log: bool, top: float) -> None:
        self.log = log
        steps = (0.5, 1, 2, 5, 10, 20, 25, 50)
        self.step = next((step for step in steps if top / step <= 5), 50)
        self.top = 100.0 if log else self.step * max(1.0, float(np.ceil(top / self.step)))

    def y(self, pct: float) -> float:
        share = pct / self.top
        if self.log:
            decades = np.log10(self.top / FAINTEST_PCT)
            share = 1 + np.log10(max(pct, FAINTEST_PCT) / self.top) / decades
        return _HEIGHT - _BOTTOM - min(1.0, float(share)) * (_HEIGHT - _TOP - _BOTTOM)

    def drawn(self) -> str:
        ticks = (
            (0.01, 0.1, 1, 10, 100)
            if self.log
            else np.arange(0, self.top + self.step / 2, self.step).tolist()
        )
        foot = _HEIGHT - _BOTTOM
        lines = "".join(
            f'<line class="mt-grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{self.y(t):.1f}" y2="{self.y(t):.1f}"/>'
            f'<text x="{_LEFT - 6}" y="{self.y(t) + 4:.1f}" text-anchor="end">{t:g}</text>'
            for t in ticks
        )
        lines += "".join(
            f'<line class="mt-grid" x1="{_x(t):.1f}" x2="{_x(t):.1f}" y1="{foot}" y2="{foot + 4}"/>'
            f'<text x="{_x(t):.1f}" y="{foot + 17}" text-anchor="middle">{t}</text>'
            for t in range(0, round(LAST_DEG) + 1, 15)
        )
        middle, height = (_LEFT + _WIDTH - _RIGHT) / 2, (_TOP + foot) / 2
        lines += f'<text x="{middle}" y="{_HEIGHT - 5}" text-anchor="middle">angle (degrees)</text>'
        return lines + (
            f'<text transform="translate(11 {height}) rotate(-90)" text-anchor="middle">'
            f"% of the pixels per {BIN_DEG:g}°</text>"
        )


def _x(degrees: float) -> float:
    return _LEFT + degrees / LAST_DEG * (_WIDTH - _LEFT - _RIGHT)


def _line(name: str, line: np.ndarray, axis: _Axis) -> str:
    foot = _HEIGHT - _BOTTOM
    steps = "".join(f"V{axis.y(pct):.1f}H{_x((k + 1) * BIN_DEG):.1f}" for k, pct in enumerate(line))
    path = f"M{_LEFT} {foot}{steps}"
    filled = f'<path d="{path}V{foot}Z" fill="var(--{name})" opacity=".14"/>' if name == "refined" else ""
    return (
        f'{filled}<path d="{path}" fill="none" stroke="var(--{name})" stroke-width="2" '
        f'stroke-dasharray="{_DASHES.get(name, "")}"/>'
    )


def _median(name: str, value: float, row: int, words: Words) -> str:
    at, top = _x(min(value, LAST_DEG)), 11 + 14 * row
    end = at > _WIDTH - 150
    label = f"{words.side(name)}, median {number(value, 'deg')}"
    return (
        f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top - 6}" y2="{_HEIGHT - _BOTTOM}" stroke="var(--{name})" '
        f'stroke-dasharray="{_DASHES.get(name, "")}"/>'
        f'<text x="{at + (-5 if end else 5):.1f}" y="{top}" text-anchor="{"end" if end else "start"}" '
        f'class="mt-{name}">{label}</text>'
    )


def _beyond(known: Mapping[str, np.ndarray], words: Words) -> str:
    """How much lies right of the chart."""
    listed = ", ".join(
        f'<span class="mt-{name}">{words.side(name)}</span> {100 * float(np.mean(angles > LAST_DEG)):.1f} %'
        for name, angles in known.items()
    )
    return f"Over {LAST_DEG:.0f}°, not drawn: {listed}."
