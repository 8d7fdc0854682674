"""The Triage view: cards of many photos, ranked by any number of coherence. Also how numbers are written.

The scatter beside them is `app.views.triage_scatter`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.networks import name_of
from app.session import Analysis
from app.sides import THE_REFINEMENT
from app.views import causes, html, legends, outlines
from app.views.class_names import plain
from mtcp.drawing import colour, shown
from mtcp.drawing.scale import Scale
from mtcp.evaluation.ranking import (
    CHANGE,
    TriageRow,
    cause_numbers,
    failure_counts,
    improved,
    mean,
    ranked,
    stage_numbers,
    worst_cause,
)
from mtcp.geometry.cause_shares import worst_failure
from mtcp.geometry.quantities import DIGITS, INFORMATION, RANKED, Numbers, PhotoQuantity, Quantity
from mtcp.geometry.report import Failure
from mtcp.io.photo import shrink

REST = "Analyse the rest"
"""The button that goes on with the photos that have no numbers yet."""
THUMBNAIL = 240  # px, long side
STAGES = {
    "refined": f"after {THE_REFINEMENT} (refined)",
    "initial": "before it (initial)",
    CHANGE: f"change by {THE_REFINEMENT}",
}
"""What photos can be ranked by: stage -> words."""


@dataclass(frozen=True)
class Entry:
    """What is kept of a photo: the numbers, two small pictures as data URIs, and the uploaded file.

    worst: its worst failure in a few words, which is outlined in `photo`; empty where none fails. fov: the field of
    view in degrees that was asked for, None for the photo's own. network: the name of the one that was asked for.
    """

    path: str
    row: TriageRow
    photo: str = ""
    angles: str = ""
    worst: str = ""
    fov: float | None = None
    network: str = ""


def entry(analysis: Analysis, path: str, fov: float | None = None, network: str = "") -> Entry:
    """The entry of a photo that the network has seen. fov, network: see `Entry`."""
    report, camera = analysis.coherence, analysis.prediction.camera
    height, width = analysis.original
    details = {
        "width_px": width,
        "height_px": height,
        "field_of_view_deg": round(camera.fov_deg, 2),
        "camera_from": analysis.prediction.camera_from,
        "geometry_note": analysis.prediction.geometry_note,
        "unlike": analysis.prediction.unlike,
        "checkpoint": analysis.prediction.checkpoint,
        **failure_counts(report),
        **worst_cause(report),
    }
    initial, refined = stage_numbers(report)
    angles = ""
    if report is not None:
        stage = report.refined or report.initial
        angles = html.data_uri(small(colour.angle(stage.maps.angle_deg)), "JPEG")
    failure = worst_failure(analysis.failures)
    drawn = (
        small(analysis.photo)
        if failure is None
        else outlines.marked(analysis.photo, failure.region, THUMBNAIL)
    )
    return Entry(
        path,
        TriageRow(analysis.name, initial, refined, details, photo=photo_numbers(analysis)),
        html.data_uri(drawn, "JPEG"),
        angles,
        "" if failure is None else _in_words(failure),
        fov,
        network,
    )


def photo_numbers(analysis: Analysis) -> Numbers:
    """`OF_PHOTO` of a photo that the network has seen."""
    return {**cause_numbers(analysis.coherence), INFORMATION.key: analysis.prediction.information}


def _in_words(failure: Failure) -> str:
    label = f"{plain(failure.label)}, " if failure.label else ""
    return f"{label}{failure.share_pct:.1f} % of the picture: {failure.cause.name}"


def unreadable(path: str, problem: str, network: str = "") -> Entry:
    """The entry of a file that could not be analysed. network: see `Entry`."""
    return Entry(path, TriageRow(Path(path).name, problem=problem), network=network)


def small(picture: np.ndarray, side: int = THUMBNAIL) -> np.ndarray:
    """`picture` (H, W, 3) uint8 with its long side at most `side`."""
    return shrink(picture, side)


def order(entries: Sequence[Entry], quantity: Quantity, of: str, chosen: Collection[int] = ()) -> list[int]:
    """Indices of the entries, the most incoherent first, then those without the number, then bad files.

    chosen: only these; all if there are none.
    """
    by_number = ranked([one.row for one in entries], quantity, stage_of(quantity, of))
    placed = sorted(by_number, key=lambda i: bool(entries[i].row.problem))
    return [i for i in placed if not chosen or i in chosen]


def stage_of(quantity: Quantity, of: str) -> str:
    """What is taken of a number: `of`, but of a number of the photo as a whole there is only one."""
    return "refined" if isinstance(quantity, PhotoQuantity) else of


def cards(entries: Sequence[Entry], quantity: Quantity, of: str, chosen: Collection[int] = ()) -> str:
    """The gallery: rank, photo, angle map, the number initial and refined, name. Its pictures open it.

    chosen: see `order`; the ranks stay those among all.
    """
    places = [i for i in order(entries, quantity, of) if not entries[i].row.problem]
    listed = "".join(
        _card(rank, i, entries[i], quantity) for rank, i in enumerate(places, 1) if not chosen or i in chosen
    )
    if not listed:
        return ""
    bar = legends.bar(Scale.of_angles(colour.ANGLE_LIMIT))
    legend = (
        '<div class="mt-triage-legend"><span>outlined: the worst failure; beside it, the angle between depth and '
        f"normals</span>{bar}</div>"
    )
    return f'{legend}<ol class="mt-cards">{listed}</ol>'


def _card(rank: int, index: int, one: Entry, quantity: Quantity) -> str:
    name = html.text(one.row.name)
    angles = f'<img src="{one.angles}" alt="angle map of {name}">' if one.angles else ""
    worst = f'<p class="mt-card-worst mt-subdued">{html.text(one.worst)}</p>' if one.worst else ""
    return (
        f'<li class="mt-card"><button type="button" class="mt-card-pictures" data-open="{index}" '
        f'title="Open {name}" aria-label="Open {name}"><img src="{one.photo}" alt="{name}">{angles}</button>'
        f'<div class="mt-card-words"><b class="mt-rank">{rank}</b><span class="mt-card-name" title="{name}">'
        f'{name}</span><span class="mt-card-number">{before_after(one.row, quantity)}</span></div>'
        f"{worst}{caveats(one.row)}</li>"
    )


def caveats(row: TriageRow) -> str:
    """What a reader of a photo's numbers must not miss."""
    notes = {name: str(row.details.get(name, "")) for name in ("geometry_note", "unlike")}
    return html.caveat(notes["geometry_note"]) + causes.unlike(notes["unlike"])


def before_after(row: TriageRow, quantity: Quantity) -> str:
    """A number before and after the refinement, each in its colour."""
    if isinstance(quantity, PhotoQuantity):
        return number(row.value(quantity.key), quantity.unit)
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
    by = predicted_by(rows)
    before, after = (mean(rows, quantity.key, of) for of in ("initial", "refined"))
    said = sentence(
        f"{photos}, predicted by {by}" if by else photos, quantity, before, after, improved(rows, quantity)
    )
    return f'<p class="mt-headline">{said}</p>{problems(entries)}'


def predicted_by(rows: Sequence[TriageRow]) -> str:
    """The names of the networks that rows are of, as HTML; empty where the rows do not tell."""
    files = {str(row.details["checkpoint"]) for row in rows if "checkpoint" in row.details}
    return ", ".join(f'<b class="mt-network-name">{html.text(name_of(file))}</b>' for file in sorted(files))


def waiting(network: str, count: int) -> str:
    """In place of a ranking, where a network has not seen the photos yet."""
    photos = "this photo" if count == 1 else f"these {count} photos"
    return (
        f'<p class="mt-headline"><b class="mt-network-name">{html.text(network)}</b> has not seen {photos} yet: '
        f"<b>{REST}</b> runs it on {'it' if count == 1 else 'them'}.</p>"
    )


def sentence(
    counted: str, quantity: Quantity, before: float | None, after: float | None, improved_in: tuple[int, int]
) -> str:
    """A number's means before and after the refinement, in words.

    counted: what of, ready HTML; improved_in: in how many the refinement made the number better, and in how many
    both are known.
    """
    title = html.text(quantity.title.replace(": ", ", "))
    if after is None:
        return f"{counted}. {title}: nothing could be measured."
    said = f"{counted}. {title}: <b>{number(after, quantity.unit)}</b> on average"
    better, known = improved_in
    if known:
        said += (
            f" ({number(before, quantity.unit)} initially); {THE_REFINEMENT} made it better in <b>{better:,}</b> "
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
    unit = {"deg": "degrees", "cm": "centimetres", "m": "metres", "%": "per cent", "nat": "nats"}.get(
        quantity.unit, "a ratio"
    )
    meaning = f"{html.text(quantity.meaning)} " if isinstance(quantity, PhotoQuantity) else ""
    return f'<p class="mt-subdued">{meaning}In {unit}; {better}. The worst photo comes first.</p>'


def choices() -> list[tuple[str, str]]:
    """The numbers that photos can be ranked by: words and key."""
    return [(quantity.title, quantity.key) for quantity in RANKED]


def digits_of(unit: str) -> int:
    """Digits after the point of a number with that unit."""
    return DIGITS.get(unit, 1)


def number(value: float | None, unit: str, sign: bool = False) -> str:
    """A number with its unit, as text that is safe in HTML; a dash if there is none."""
    if value is None or not math.isfinite(value):
        return "&ndash;"
    return shown.number(value, digits_of(unit), "°" if unit == "deg" else unit, sign)


def change(before: float | None, after: float | None, quantity: Quantity) -> str:
    """What the refinement did to a number as both are shown, and whether that is better, in words and colour."""
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
