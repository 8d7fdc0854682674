"""The Triage view of a table that `python -m mtcp predict --table` wrote: its worst rows, without pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.sides import THE_REFINEMENT
from app.views import html
from app.views.triage import STAGES, caveats, change, left_out, number, sentence, stage_of
from app.views.triage_scatter import Point, Points, spread
from mtcp.batch.read import CoherenceTable
from mtcp.evaluation.ranking import TriageRow
from mtcp.geometry.quantities import PhotoQuantity, Quantity

MOST_SHOWN = 200
"""Rows of each kind, at most."""
_WORDS = {
    "refined": f"worst after {THE_REFINEMENT}",
    "initial": "worst before it",
    "change": "most worsened by it",
}


@dataclass(frozen=True)
class TableShown:
    """What is shown of a table, for one number and stage.

    count, bad_count: of the whole table; before, after, improved: of the number, over the whole table.
    rows: the worst first; bad: files that could not be measured.
    chosen: how many photos were selected, of which alone `rows` are; 0: all.
    """

    count: int
    bad_count: int
    before: float | None
    after: float | None
    improved: tuple[int, int]
    rows: Sequence[TriageRow]
    bad: Sequence[TriageRow]
    chosen: int = 0


def look(
    table: CoherenceTable, quantity: Quantity, of: str, most: int = MOST_SHOWN, among: Sequence[int] = ()
) -> TableShown:
    """Reads what is shown of a table; the rest of it is read past, not kept.

    among: the rows listed are taken from these alone; all if there are none.

    Raises:
        InputError: a part of it turns out damaged.
    """
    return TableShown(
        table.count,
        table.bad_count,
        table.mean(quantity, "initial"),
        table.mean(quantity, "refined"),
        table.improved(quantity),
        table.worst(quantity, stage_of(quantity, of), most, among),
        table.unmeasured(most),
        len(among),
    )


def points(table: CoherenceTable, x: Quantity, y: Quantity, of: str) -> Points:
    """The photos of a table of which both numbers are known, as the scatter takes them.

    Raises:
        InputError: a part of it turns out damaged.
    """
    across, up = (table.values(one, stage_of(one, of)) for one in (x, y))
    known = np.flatnonzero(np.isfinite(across) & np.isfinite(up))
    places = np.asarray(spread(known.tolist()), int)
    rows = table.rows(places)
    drawn = [
        Point(int(place), row.name, float(across[place]), float(up[place]), bool(row.details.get("unlike")))
        for place, row in zip(places, rows, strict=True)
    ]
    return Points(drawn, known.size)


def summary(seen: TableShown, quantity: Quantity) -> str:
    """One sentence over the whole table, and how to get from a row to its photo."""
    photos = "1 photo" if seen.count == 1 else f"{seen.count:,} photos"
    bad = "1 bad file" if seen.bad_count == 1 else f"{seen.bad_count:,} bad files"
    counted = f"A table of <b>{photos}</b> and <b>{bad}</b>"
    if seen.count:
        said = sentence(counted, quantity, seen.before, seen.after, seen.improved)
    else:
        said = f"{counted}: it has no numbers."
    hint = "A table holds no pictures: to see a photo of it, clear the files above and drop that photo."
    return f'<p class="mt-headline">{said}</p><p class="mt-subdued">{hint}</p>'


def listing(seen: TableShown, quantity: Quantity, of: str) -> str:
    """The rows shown, the worst first, and then the bad files with their messages."""
    return _photos(seen, quantity, of) + left_out(seen.bad, seen.bad_count)


def _photos(seen: TableShown, quantity: Quantity, of: str) -> str:
    if not seen.rows:
        return ""
    if seen.chosen:
        what = f"{len(seen.rows)} of the {seen.chosen:,} selected photos, ranked by the number {STAGES[of]}."
    elif len(seen.rows) < seen.count:
        what = f"The {len(seen.rows)} of {seen.count:,} photos that are {_WORDS[of]}."
    else:
        what = f"All of them, ranked by the number {STAGES[of]}."
    made = ", ".join(
        sorted({str(row.details["checkpoint"]) for row in seen.rows if "checkpoint" in row.details})
    )
    what += f" Made with {made}." if made else ""
    what += " The CSV has these rows and the bad files below them."
    head = ("", "photo", "initial", "refined", "change", "remaining failures", "size", "field of view")
    body = html.table(head, (_cells(rank, row, quantity) for rank, row in enumerate(seen.rows, 1)))
    return (
        f'<p class="mt-subdued">{html.text(what)}</p>'
        f'<div class="mt-legend mt-frames mt-triage-rows" tabindex="0">{body}</div>'
    )


def _cells(rank: int, row: TriageRow, quantity: Quantity) -> list[str]:
    if isinstance(quantity, PhotoQuantity):
        before, after = None, row.photo.get(quantity.key)
    else:
        before, after = row.initial.get(quantity.key), row.refined.get(quantity.key)
    width, height, left = (row.details.get(key) for key in ("width_px", "height_px", "failures_remaining"))
    view = row.details.get("field_of_view_deg")
    return [
        str(rank),
        html.text(row.name) + caveats(row),
        number(before, quantity.unit),
        number(after, quantity.unit),
        change(before, after, quantity),
        "&ndash;" if left is None else html.text(left),
        "&ndash;" if width is None or height is None else html.text(f"{width} x {height}"),
        number(view if isinstance(view, float) else None, "deg"),
    ]
