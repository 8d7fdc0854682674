"""The Ground truth view: what the photo really shows, how far each prediction is from it, and the table of frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.scene import Scene
from app.session import Analysis
from app.sides import FIRST, ONE, SECOND, Words
from app.views import html, legends, page, probe
from app.views.class_names import plain
from app.views.predictions import map_legend
from app.views.triage import change, number
from mtcp.drawing import shown
from mtcp.drawing.colour import palette
from mtcp.evaluation.ground_truth import error_maps, errors
from mtcp.evaluation.ranking import TriageRow, error_numbers, error_quantities, error_quantity, mean
from mtcp.geometry.quantities import Numbers, Quantity
from mtcp.tasks import DEPTH, NORMALS, SEMSEG, Task
from mtcp.tasks.base import UNKNOWN

PAGE = 20
"""Frames in the table at once."""
EMPTY = (
    '<div class="mt-empty"><h2>The ground truth of this photo is not known.</h2>'
    "<p>Drop its depth, normals or labels into <b>Ground truth</b> on the left. Or pick one of the examples, which are "
    "synthetic rooms with exact depth, normals and classes, or start with <code>python app.py --data DIR</code>, a "
    "folder of frames with ground truth.</p></div>"
)


ROWS = {SEMSEG: "class", DEPTH: "depth", NORMALS: "normal"}
"""Rows of the table at the probe, by task, as the probe's own has them and in that order."""
WRONG_LABELS = (
    '<div class="mt-legend">Coloured: wrong, in the colour of the class that was predicted. Grey: right. '
    "Black: ground truth unknown.</div>"
)


@dataclass(frozen=True)
class TaskTruth:
    """One task. Pictures are RGB uint8 (H, W, 3) in the photo's size. refined: None without a refinement."""

    truth: np.ndarray
    truth_legend: str
    initial: np.ndarray
    refined: np.ndarray | None
    error_legend: str
    numbers: str


def view(analysis: Analysis, task: Task) -> TaskTruth | None:
    """The view of `task`; None where its truth is unknown, or it is not predicted."""
    if (
        analysis.truth is None
        or task.name not in analysis.truth.maps
        or task.name not in analysis.prediction.tasks
    ):
        return None
    true, prediction = analysis.truth.maps[task.name], analysis.prediction
    stages = [maps[task.name] for maps in prediction.stages().values()]
    off = [error_maps(maps, analysis.truth, (task,))[task.name] for maps in prediction.stages().values()]
    pictures, legend = _errors(analysis.photo, stages, off, task)
    scale = task.scale(true, *stages)
    return TaskTruth(
        truth=task.picture(true, scale),
        truth_legend=_class_list(task, true) if task.classes else map_legend(task, scale),
        initial=pictures[0],
        refined=pictures[1] if len(pictures) > 1 else None,
        error_legend=legend,
        numbers=scoreboard(*numbers(analysis), error_quantities((task,)), analysis.words),
    )


def numbers(analysis: Analysis) -> tuple[Numbers, Numbers]:
    """Errors before and after the refinement (empty without it), kept with the run: they need no camera."""
    if analysis.truth is None:
        return {}, {}
    if "truth.errors" not in analysis.cache:
        prediction, tasks = analysis.prediction, analysis.prediction.task_list()
        found = [error_numbers(errors(maps, analysis.truth, tasks)) for maps in prediction.stages().values()]
        analysis.cache["truth.errors"] = (found[0], found[1] if len(found) > 1 else {})
    return analysis.cache["truth.errors"]


def headline(analysis: Analysis) -> str:
    """Where the truth is from, and what the refinement did to each task's main number."""
    if analysis.truth is None:
        return ""
    before, after = numbers(analysis)
    parts = []
    for task in analysis.prediction.task_list():
        quantity = error_quantity(task.name, task.metric)
        first, last = before.get(quantity.key), after.get(quantity.key)
        if first is None:
            continue
        name = f"{html.text(page.title(task.name))} ({html.text(quantity.title.split(': ')[1])})"
        a, b, arrow = ("A ", "B ", " ") if analysis.words.two else ("", "", " &rarr; ")
        shown = f'<span class="mt-initial">{a}{number(first, quantity.unit)}</span>'
        if last is not None:
            shown += f'{arrow}<span class="mt-refined">{b}{number(last, quantity.unit)}</span>'
        parts.append(f"{name} {shown}")
    source = f'<p class="mt-subdued">Ground truth: {html.text(analysis.truth.source)}.</p>'
    return f'<p class="mt-headline">Against the ground truth: {"; ".join(parts)}.</p>{source}'


def caveat(analysis: Analysis) -> str:
    """One line if the run is not seen through the camera that the ground truth was taken with."""
    if analysis.truth is None:
        return ""
    mine, true = analysis.prediction.camera, analysis.truth.camera
    pairs = ((mine.fx, true.fx), (mine.fy, true.fy), (mine.cx, true.cx), (mine.cy, true.cy))
    if all(math.isclose(a, b, rel_tol=5e-3) for a, b in pairs):
        return ""
    return (
        f'<p class="mt-caveat">The field of view is set to {mine.fov_deg:.1f}°, the ground truth was taken with '
        f"{true.fov_deg:.1f}°. The errors here do not depend on it; coherence and 3D do.</p>"
    )


def scoreboard(before: Numbers, after: Numbers, quantities: Sequence[Quantity], words: Words = ONE) -> str:
    """The numbers of one task: initial, refined, change."""
    heads = ["against the ground truth", words.side(FIRST), words.side(SECOND), words.change][
        : 4 if after else 2
    ]
    rows = []
    for quantity in quantities:
        first, last = before.get(quantity.key), after.get(quantity.key)
        cells = [html.text(quantity.title.split(": ")[1]), number(first, quantity.unit)]
        if after:
            cells += [number(last, quantity.unit), change(first, last, quantity)]
        rows.append(cells)
    return f'<div class="mt-legend">{html.table(heads, rows)}</div>'


def at_probe(scene: Scene) -> str:
    """Initial, refined and truth at the probe: the rows and columns of the probe's own table, of which the truth is
    known, with how far each is off; what is in no such table comes after.
    """
    analysis = scene.analysis
    if analysis.truth is None:
        return ""
    x, y = scene.probe
    found, stages = probe.readings(scene), probe.stages(analysis)
    rows = []
    for task in sorted(analysis.prediction.task_list(), key=lambda task: _place(task.name)):
        if task.name not in analysis.truth.maps:
            continue
        true = analysis.truth.maps[task.name][y, x]
        cells = [
            _said(
                task, maps[task.name][y, x], true, found[stage].share if task.name == SEMSEG else None, stage
            )
            for stage, maps in stages.items()
        ]
        rows.append([ROWS.get(task.name, html.text(page.title(task.name))), *cells])
    if DEPTH in analysis.truth.maps and analysis.coherence is not None:
        vectors = [reading.from_depth for reading in found.values()]
        rows.append(["from depth", *(probe.NONE if one is None else shown.vector(one) for one in vectors)])
        rows.append(["angle", *(number(reading.angle, "deg") for reading in found.values())])
    table = html.table([f"at ({x}, {y})", *map(analysis.words.side, stages)], rows)
    return f'<div class="mt-legend mt-at-probe">{table}</div>'


def _place(task: str) -> int:
    return list(ROWS).index(task) if task in ROWS else len(ROWS)


def _said(task: Task, value: np.ndarray, true: np.ndarray, share: float | None, stage: str) -> str:
    """One value in words; of a prediction with its probability, and with its distance from the truth."""
    said = html.text(task.value_in_words(value))
    if stage == "truth" or said == UNKNOWN:
        return said
    said += "" if share is None else f" {share:.2f}"
    off_by = task.error_in_words(value, true)
    if not off_by:
        return said
    # a class is right or wrong, a number is more or less off
    return f'{said} <span class="mt-worse">{off_by}</span>' if task.classes else f"{said} {html.text(off_by)}"


def _class_list(task: Task, true: np.ndarray) -> str:
    colours = palette(task.channels)
    known = true[task.known(true)]
    counts = np.bincount(known, minlength=task.channels)
    found = [i for i in np.argsort(-counts) if counts[i]]
    names = " ".join(
        f'<span class="mt-class">{html.swatch(colours[i])}{html.text(plain(task.classes[i]))} '
        f"{legends.percent(counts[i] / true.size)}</span>"
        for i in found
    )
    return f'<div class="mt-legend mt-classes">{names}</div>'


def _errors(
    photo: np.ndarray, stages: Sequence[np.ndarray], off: Sequence[np.ndarray], task: Task
) -> tuple[list[np.ndarray], str]:
    """The error maps as pictures on one scale, and that scale."""
    scale = task.error_scale(np.concatenate([values.ravel() for values in off]))
    legend = WRONG_LABELS if scale is None else legends.bar(scale)
    both = zip(stages, off, strict=True)
    return [task.error_picture(errors, scale, predicted, photo) for predicted, errors in both], legend


@dataclass(frozen=True)
class Listing:
    """How the table of frames is drawn. order: indices into `rows`; open: index of the open one. network: the name of
    the one that the numbers are of.
    """

    rows: Sequence[TriageRow]
    order: Sequence[int]
    quantity: Quantity
    page: int
    open: int | None
    network: str = ""


def frames_table(listing: Listing, quantities: Sequence[Quantity]) -> str:
    """One page of the frames: id, the chosen number, and every task's main numbers (refined)."""
    chosen, rows = listing.quantity, listing.rows
    others = [quantity for quantity in quantities if quantity.key != chosen.key]
    start = clamp_page(listing.page, len(rows)) * PAGE
    stages = [f'<span class="mt-{stage}">{stage}</span>' for stage in ("initial", "refined")]
    heads = ["", "frame", f"{html.text(chosen.title)}: {stages[0]}", stages[1], "change"]
    heads += [html.text(quantity.title) for quantity in others]
    head = "".join(f'<th scope="col">{title}</th>' for title in heads)
    body = "".join(
        _frame_row(place + 1, index, listing, others)
        for place, index in enumerate(listing.order[start : start + PAGE], start)
    )
    known = [row for row in rows if row.initial]
    foot = ""
    if known:
        before, after = (mean(known, chosen.key, of) for of in ("initial", "refined"))
        means = [number(before, chosen.unit), number(after, chosen.unit)]
        moved = change(before, after, chosen)
        rest = [number(mean(known, q.key, "refined"), q.unit) for q in others]
        cells = "".join(f"<td>{cell}</td>" for cell in ("", f"mean of {len(known)}", *means, moved, *rest))
        foot = f"<tfoot><tr>{cells}</tr></tfoot>"
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>{foot}</table>"
    by = f' by <b class="mt-network-name">{html.text(listing.network)}</b>' if listing.network else ""
    progress = f'<p class="mt-headline">Measured{by}: {len(known)} of {len(rows)} frames.</p>'
    return f'{progress}<div class="mt-legend mt-frames">{table}</div>{_pages(start, len(rows))}'


def _frame_row(place: int, index: int, listing: Listing, others: Sequence[Quantity]) -> str:
    row, chosen = listing.rows[index], listing.quantity
    button = (
        f'<button type="button" class="mt-open" data-open="{index}" aria-label="Open frame {html.text(row.name)}">'
        f"{html.text(row.name)}</button>"
    )
    if row.problem:
        cells = [str(place), button, f'<span class="mt-subdued">{html.text(row.problem)}</span>']
        return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells[:2])}<td colspan=9>{cells[2]}</td></tr>"
    before, after = (row.value(chosen.key, of) for of in ("initial", "refined"))
    cells = [str(place), button, number(before, chosen.unit), number(after, chosen.unit)]
    cells += [change(before, after if row.refined else None, chosen)]
    cells += [number(row.value(quantity.key), quantity.unit) for quantity in others]
    mark = ' aria-current="true"' if index == listing.open else ""
    return f"<tr{mark}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _pages(start: int, count: int) -> str:
    if count <= PAGE:
        return ""
    now, last = start // PAGE, (count - 1) // PAGE

    def turn(page: int, words: str, on: bool) -> str:
        return f'<button type="button" class="mt-open" data-page="{page}"{"" if on else " disabled"}>{words}</button>'

    position = f"<span>{start + 1} to {min(start + PAGE, count)} of {count} frames</span>"
    before, after = turn(now - 1, "&larr; earlier", now > 0), turn(now + 1, "later &rarr;", now < last)
    return f'<div class="mt-pages">{before}{position}{after}</div>'


def clamp_page(page: int, count: int) -> int:
    """`page`, or the nearest one that exists."""
    return max(0, min(page, (count - 1) // PAGE))
