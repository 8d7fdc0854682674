"""The Triage view: cards of many photos, ranked by any number of coherence. Also how numbers are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.session import Analysis
from app.views import html, legends
from mtcp.drawing import colour, shown
from mtcp.drawing.scale import Scale
from mtcp.evaluation.ranking import (
    CHANGE,
    TriageRow,
    failure_counts,
    improved,
    mean,
    ranked,
    stage_numbers,
    worst_cause,
)
from mtcp.geometry.quantities import COHERENCE, DIGITS, Quantity
from mtcp.io.photo import shrink

THUMBNAIL = 240  # px, long side
STAGES = {
    "refined": "after trace-back (refined)",
    "initial": "before it (initial)",
    CHANGE: "change by trace-back",
}
"""What photos can be ranked by: stage -> words."""


@dataclass(frozen=True)
class Entry:
    """What is kept of a photo: the numbers, two small pictures as data URIs, and the uploaded file."""

    path: str
    row: TriageRow
    photo: str = ""
    angles: str = ""


def entry(analysis: Analysis, path: str) -> Entry:
    """The entry of a photo that the network has seen."""
    report, camera = analysis.coherence, analysis.prediction.camera
    height, width = analysis.original
    details = {
        "width_px": width,
        "height_px": height,
        "field_of_view_deg": round(camera.fov_deg, 2),
        "camera_from": analysis.prediction.camera_from,
        "geometry_note": analysis.prediction.geometry_note,
        **failure_counts(report),
        **worst_cause(report),
    }
    initial, refined = stage_numbers(report)
    angles = ""
    if report is not None:
        stage = report.refined or report.initial
        angles = html.data_uri(small(colour.angle(stage.maps.angle_deg)), "JPEG")
    photo = html.data_uri(small(analysis.photo), "JPEG")
    return Entry(path, TriageRow(analysis.name, initial, refined, details), photo, angles)


def unreadable(path: str, problem: str) -> Entry:
    """The entry of a file that could not be analysed."""
    return Entry(path, TriageRow(Path(path).name, problem=problem))


def small(picture: np.ndarray, side: int = THUMBNAIL) -> np.ndarray:
    """`picture` (H, W, 3) uint8 with its long side at most `side`."""
    return shrink(picture, side)


def order(entries: Sequence[Entry], quantity: Quantity, of: str) -> list[int]:
    """Indices of the entries, the most incoherent first, then those without the number, then bad files."""
    by_number = ranked([one.row for one in entries], quantity, of)
    return sorted(by_number, key=lambda i: bool(entries[i].row.problem))


def cards(entries: Sequence[Entry], quantity: Quantity, of: str) -> str:
    """The gallery: rank, photo, angle map, the number initial and refined, name; each opens its photo."""
    if not entries:
        return ""
    places = [i for i in order(entries, quantity, of) if not entries[i].row.problem]
    listed = "".join(_card(rank, i, entries[i], quantity) for rank, i in enumerate(places, 1))
    bar = legends.bar(Scale.of_angles(colour.ANGLE_LIMIT))
    legend = f'<div class="mt-triage-legend"><span>angle between depth and normals</span>{bar}</div>'
    return f'{legend}<ol class="mt-cards">{listed}</ol>' if places else ""


def _card(rank: int, index: int, one: Entry, quantity: Quantity) -> str:
    name = html.text(one.row.name)
    angles = f'<img src="{one.angles}" alt="angle map of {name}">' if one.angles else ""
    caveat = html.caveat(str(one.row.details.get("geometry_note", "")))
    return (
        f'<li class="mt-card"><div class="mt-card-pictures"><img src="{one.photo}" alt="{name}">{angles}</div>'
        f'<div class="mt-card-words"><b class="mt-rank">{rank}</b><span class="mt-card-name" title="{name}">'
        f"{name}</span></div>"
        f'<p class="mt-card-number">{before_after(one.row, quantity)}</p>{caveat}'
        f'<button type="button" class="mt-open" data-open="{index}" aria-label="Open {name}">Open</button></li>'
    )


def before_after(row: TriageRow, quantity: Quantity) -> str:
    """A number before and after trace-back, each in its colour."""
    before = number(row.initial.get(quantity.key), quantity.unit)
    if not row.refined:
        return f'<span class="mt-initial">{before}</span>'
    after = number(row.refined.get(quantity.key), quantity.unit)
    return f'<span class="mt-initial">{before}</span> &rarr; <span class="mt-refined">{after}</span>'


def summary(entries: Sequence[Entry], quantity: Quantity) -> str:
    """One sentence over all photos, and the files that could not be read."""
    rows = [one.row for one in entries if not one.row.problem]
    if not rows:
        return problems(entries)
    photos = "1 photo" if len(rows) == 1 else f"{len(rows)} photos"
    before, after = (mean(rows, quantity.key, of) for of in ("initial", "refined"))
    said = sentence(photos, quantity, before, after, improved(rows, quantity))
    return f'<p class="mt-headline">{said}</p>{problems(entries)}'


def sentence(
    counted: str, quantity: Quantity, before: float | None, after: float | None, improved_in: tuple[int, int]
) -> str:
    """A number's means before and after trace-back, in words.

    counted: what of, ready HTML; improved_in: in how many trace-back made the number better, and in how many both are
    known.
    """
    title = html.text(quantity.title.replace(": ", ", "))
    if after is None:
        return f"{counted}. {title}: nothing could be measured."
    said = f"{counted}. {title}: <b>{number(after, quantity.unit)}</b> on average"
    better, known = improved_in
    if known:
        said += (
            f" ({number(before, quantity.unit)} initially); trace-back made it better in <b>{better:,}</b> "
            f"of {known:,}"
        )
    return f"{said}."


def problems(entries: Sequence[Entry]) -> str:
    """The files that could not be analysed, with the reason."""
    bad = [one.row for one in entries if one.row.problem]
    return left_out(bad, len(bad))


def left_out(bad: Sequence[TriageRow], count: int) -> str:
    """Rows without numbers, with the reason. count: how many there are in all."""
    if not bad:
        return ""
    listed = "".join(f"<li>{html.text(row.problem)}</li>" for row in bad)
    words = "1 file was left out" if count == 1 else f"{count:,} files were left out"
    words += f", the first {len(bad)} are listed:" if len(bad) < count else ":"
    return f'<div class="mt-problems"><p>{words}</p><ul>{listed}</ul></div>'


def help_line(quantity: Quantity) -> str:
    """How to read the chosen number."""
    better = "higher is better" if quantity.higher_is_better else "lower is better"
    unit = {"deg": "degrees", "cm": "centimetres", "m": "metres", "%": "per cent"}.get(
        quantity.unit, "a ratio"
    )
    return f'<p class="mt-subdued">In {unit}; {better}. The worst photo comes first.</p>'


def choices() -> list[tuple[str, str]]:
    """The numbers that photos can be ranked by: words and key."""
    return [(quantity.title, quantity.key) for quantity in COHERENCE]


def digits_of(unit: str) -> int:
    """Digits after the point of a number with that unit."""
    return DIGITS.get(unit, 1)


def number(value: float | None, unit: str, sign: bool = False) -> str:
    """A number with its unit, as text that is safe in HTML; a dash if there is none."""
    if value is None or not math.isfinite(value):
        return "&ndash;"
    return shown.number(value, digits_of(unit), "°" if unit == "deg" else unit, sign)


def change(before: float | None, after: float | None, quantity: Quantity) -> str:
    """What trace-back did to a number as both are shown, and whether that is better, in words and colour."""
    moved = shown.change(before, after, digits_of(quantity.unit))
    written = number(moved, quantity.unit, sign=True)
    if not moved:
        return written if moved is None else f"{written} {shown.EQUAL}"
    word = "better" if (moved > 0) == quantity.higher_is_better else "worse"
    return f'{written} <span class="mt-{word}">{word}</span>'


def progress(done: int, total: int, label: str) -> str:
    """A bar that screen readers read too. label: plain text."""
    bar = f'<progress max="{max(total, 1)}" value="{done}" aria-label="progress"></progress>'
    return f'<div class="mt-progress" role="status">{bar}<span>{html.text(label)}</span></div>'
