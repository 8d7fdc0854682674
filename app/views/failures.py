"""The failures: regions where depth and normals disagree, as a ranked table and outlined in the photo.

Rows and numbers carry `data-failure`, so that a click chooses them. Which one is chosen is told by a style sheet of
its own: the table stays as it is, with the keyboard's focus in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from app.scene import Scene
from app.session import Analysis
from app.sides import FIRST, SECOND, Words
from app.views import causes, html, outlines
from app.views.class_names import plain
from app.views.triage import number
from mtcp.drawing import shown
from mtcp.geometry.cause_names import CAUSES
from mtcp.geometry.cause_shares import of_last_stage
from mtcp.geometry.failures import ACCEPTABLE_DEG
from mtcp.geometry.report import Failure, Vector
from mtcp.geometry.stage import FAILURE_DEG
from mtcp.io.photo import shrink

HEADS = {
    "number": "as in the photo and in 3D",
    "region": "most frequent class and its share of the region, status, cause",
    "share": "share of the picture",
    "surfaces": "angle between the mean normals of depth and the predicted ones",
}
ANGLE = "mean angle between depth and normals in the region"
"""What is under the headings of the list; under those of the sides, the angle."""
TOP = 10
"""Rows shown without unfolding."""
SIDE = 640
"""Long side of the photo with the outlines."""
THUMBNAIL = (84, 112)
CURRENT = "current"
"""What is listed first: the failures of the refined prediction, of B, or of the only one."""
NUMBER = "number"
"""The order of the numbers: by area times mean angle."""
_CAUSES = list(CAUSES)
ORDERS: dict[str, tuple[str, Callable[[Failure], float]]] = {
    NUMBER: ("sort: area \N{MULTIPLICATION SIGN} angle", lambda one: one.rank),
    "area": ("sort: area", lambda one: -one.share_pct),
    "angle": ("sort: angle", lambda one: -(_angle(one) or 0.0)),
    "surfaces": ("sort: surfaces apart", lambda one: -(one.surfaces_deg or 0.0)),
    "cause": ("sort: cause", lambda one: _CAUSES.index(one.cause.name)),
}
"""What the list can be in the order of, the largest first -> words, and what is compared. The angle is that in the
prediction that a region was found in.
"""
_AXES = (("left", "right"), ("up", "down"), ("towards the camera", "away from it"))


def chosen_of(analysis: Analysis, status: str, cause: str = causes.ANY, order: str = NUMBER) -> list[Failure]:
    """The failures of a status ("all": every one; `CURRENT`) and cause (see `causes.filtered`), in an order of
    `ORDERS`; what is the same in that is in the order of the numbers.
    """
    found = of_last_stage(analysis.failures) if status == CURRENT else analysis.failures
    of_status = [failure for failure in found if status in ("all", CURRENT, failure.status)]
    return sorted(causes.filtered(of_status, cause), key=ORDERS[order][1])


def choices(analysis: Analysis) -> list[tuple[str, str]]:
    """What the table can be filtered by: words with the count, and status. Without the refinement only `CURRENT`.

    The counts add up: `CURRENT` is remaining and introduced, with reduced and fixed it is all.
    """
    counts = Counter(failure.status for failure in analysis.failures)
    if not analysis.prediction.refined:
        return [(f"all ({len(analysis.failures)})", CURRENT)]
    words = analysis.words
    found = [(f"{words.side(SECOND)} ({len(of_last_stage(analysis.failures))})", CURRENT)]
    found += [(f"{name} ({counts[status]})", status) for status, name in words.statuses.items()]
    return [*found, (f"all ({len(analysis.failures)})", "all")]


def about(analysis: Analysis) -> str:
    """What a failure is, and what to do with one."""
    if not analysis.failures:
        words = f"No connected region disagrees by over {FAILURE_DEG:.0f}°: nothing to look into."
        return f'<p class="mt-subdued">{words}</p>'
    words = (
        f"Connected regions where depth and normals are over {FAILURE_DEG:.0f}° apart, by area times mean angle. "
        "Choose one here, or click into it in the photo or in 3D: the probe goes there and the 3D view frames it."
    )
    names = analysis.words.statuses
    statuses = "; ".join(f"{names[status]}: {meaning}" for status, meaning in analysis.words.meanings.items())
    if analysis.prediction.refined:
        sums = ("remaining", "introduced"), ("reduced", "fixed")
        first, rest = (" and ".join(names[status] for status in part) for part in sums)
        words += (
            f" {statuses[0].upper()}{statuses[1:]}. Acceptable is a mean angle of at most {ACCEPTABLE_DEG:.0f}°. "
            f"{first[0].upper()}{first[1:]} add up to {analysis.words.side(SECOND)}, and with {rest} to all; these are "
            "numbered after the others."
        )
    return (
        f'<details class="mt-fine mt-subdued"><summary>What is listed here</summary><p>{words}</p></details>'
    )


def table(analysis: Analysis, status: str = CURRENT, cause: str = causes.ANY, order: str = NUMBER) -> str:
    """The failures of a status and cause in an order of `ORDERS`, the first `TOP` in sight and the others folded."""
    found = chosen_of(analysis, status, cause, order)
    if not found:
        return '<p class="mt-subdued">No region of this kind.</p>' if analysis.failures else ""
    return f'<div class="mt-legend mt-failures">{_folded(analysis, found)}</div>'


def explained(analysis: Analysis, status: str = CURRENT) -> str:
    """The same to be read elsewhere: all of a status, each with its cause in a sentence; nothing to choose."""
    found = chosen_of(analysis, status)
    return f'<div class="mt-failures">{_folded(analysis, found, causes.sentence)}</div>' if found else ""


def _folded(
    analysis: Analysis, found: Sequence[Failure], detail: Callable[[Failure], str] | None = None
) -> str:
    """The first `TOP` in sight, the others behind their number. detail: see `_table`."""
    listed = _table(analysis, found[:TOP], detail)
    if len(found) > TOP:
        more = _table(analysis, found[TOP:], detail)
        listed += f"<details><summary>{len(found) - TOP} more</summary>{more}</details>"
    return listed


def picture(analysis: Analysis, status: str = CURRENT, cause: str = causes.ANY) -> str:
    """The photo with these failures outlined, each with its number. A click on a number chooses it."""
    found = chosen_of(analysis, status, cause)
    if not found:
        return ""
    key = f"camera.coherence.outlines.{status}.{cause}"
    if key not in analysis.cache:
        analysis.cache[key] = _picture(analysis, found)
    return analysis.cache[key]


def unmarked(analysis: Analysis) -> str:
    """The photo without any outlines."""
    return _framed(analysis, "The photo", "")


def chosen(scene: Scene) -> str:
    """What tells the chosen failure from the others: its look in table and picture, and its description."""
    failure = scene.chosen
    if failure is None:
        words = "None is chosen." if scene.analysis.failures else ""
        return f'<p class="mt-subdued">{words}</p>'
    return f"<style>{_style(scene.analysis, failure)}</style>{_description(failure, scene.analysis.words)}"


def _style(analysis: Analysis, failure: Failure) -> str:
    size = _size(analysis)
    drawn, (x0, y0, x1, y1) = outlines.chosen(failure.region, size)
    at = {
        "x": 100 * x0 / size[1],
        "y": 100 * y0 / size[0],
        "w": 100 * (x1 - x0) / size[1],
        "h": 100 * (y1 - y0) / size[0],
    }
    places = "".join(f"--chosen-{name}:{value:.3f}%;" for name, value in at.items())
    mine = f'[data-failure="{failure.rank}"]'
    return (
        f':root{{{places}--chosen:url("{html.data_uri(drawn)}")}}'
        f"tr{mine}{{background:var(--chosen-row)!important;box-shadow:inset 4px 0 0 var(--chosen-line)}}"
        f"tr{mine} .mt-rank::after{{content:'chosen'}}"
        f".mt-spot{mine}{{background:var(--chosen-line);color:var(--chosen-ink);z-index:12}}"
    )


def _description(failure: Failure, words: Words) -> str:
    share = f"{failure.share_pct:.1f} % of the picture"
    first, last = ("in A", "in B") if words.two else ("initially", f"after {words.refinement}")
    angles = f'<span class="mt-initial">{number(failure.before_deg, "deg")}</span> {first}'
    if failure.after_deg is not None:
        angles += f', <span class="mt-refined">{number(failure.after_deg, "deg")}</span> {last}'
    surfaces = ""
    if failure.depth_normal and failure.predicted_normal:
        side = f'<span class="mt-{failure.found_in}">{words.side(failure.found_in)}</span>'
        where = f"In {side}" if words.two else f"In the {side} prediction"
        surfaces = (
            f"<br>{where}, depth has a surface that faces {facing(failure.depth_normal)} "
            f"{_vector(failure.depth_normal)}, the normals one that faces {facing(failure.predicted_normal)} "
            f"{_vector(failure.predicted_normal)}: {number(failure.surfaces_deg, 'deg')} apart. "
            '<span class="mt-subdued">Axes x right, y down, z forward; '
            "a wall facing the camera is (0, 0, \N{MINUS SIGN}1).</span>"
        )
    return (
        f'<p class="mt-chosen-words" role="status"><b>Region {failure.rank}: {_label(failure)}</b>, {share}, '
        f"{angles}: {_status(failure, words)}.<br>{causes.sentence(failure)}{surfaces}</p>"
    )


def facing(normal: Vector) -> str:
    """A direction in camera axes in words: the axis it follows most, and another that it leans to."""
    order = sorted(range(3), key=lambda k: -abs(normal[k]))
    words = [_AXES[k][normal[k] > 0] for k in order if abs(normal[k]) > 0.35][:2]
    return " and ".join(words)


def _table(
    analysis: Analysis, found: Sequence[Failure], detail: Callable[[Failure], str] | None = None
) -> str:
    """told: what is said of a failure's cause where it cannot be chosen; by default it can, and the cause is named."""
    traced = bool(analysis.prediction.refined)
    words = analysis.words
    sides = {side: words.side(side) for side in (FIRST, SECOND)[: 2 if traced else 1]}
    heads = {"number": "number", "region": "region", "share": "area", **sides, "surfaces": "apart"}
    titles = "".join(
        f'<th scope="col" role="columnheader" class="mt-{key}" title="{HEADS.get(key, ANGLE)}">{head}</th>'
        for key, head in heads.items()
    )
    pictures = _thumbnails(analysis)
    body = "".join(_row(failure, pictures[failure.rank - 1], heads, words, detail) for failure in found)
    # the roles: rows are laid out as grids and cards, which takes the meaning of a table from them
    return (
        f'<table role="table" style="--numbers:{len(heads) - 2}"><thead role="rowgroup"><tr role="row">{titles}</tr>'
        f'</thead><tbody role="rowgroup">{body}</tbody></table>'
    )


def _row(
    failure: Failure,
    thumbnail: str,
    heads: Mapping[str, str],
    words: Words,
    detail: Callable[[Failure], str] | None,
) -> str:
    numbers = {
        "share": f"{failure.share_pct:.1f} %",
        FIRST: number(failure.before_deg, "deg"),
        SECOND: number(failure.after_deg, "deg"),
        "surfaces": number(failure.surfaces_deg, "deg"),
    }
    label = _label(failure)
    mixed = failure.label_pct is not None and failure.label_pct < 99.5
    share = f"<small>{failure.label_pct:.0f} %</small>" if mixed else ""
    cells = [
        f'<td role="cell"><span class="mt-rank">{failure.rank}</span>'
        f'<img src="{thumbnail}" alt="" width="{THUMBNAIL[1]}" height="{THUMBNAIL[0]}"></td>',
        f'<th scope="row" role="rowheader">{label}{share}<small>{_status(failure, words)}</small>'
        f'<small class="mt-cause">{detail(failure) if detail else html.text(failure.cause.name)}</small></th>',
    ]
    cells += [
        f'<td role="cell" class="mt-{key}" data-head="{heads[key]}">{written}</td>'
        for key, written in numbers.items()
        if key in heads
    ]
    if detail:
        return f'<tr role="row">{"".join(cells)}</tr>'
    spoken = f"Region {failure.rank}, {label}, {html.text(failure.cause.name)}: choose"
    return f'<tr role="row" data-failure="{failure.rank}" tabindex="0" title="{spoken}">{"".join(cells)}</tr>'


def _angle(failure: Failure) -> float | None:
    return failure.after_deg if failure.found_in == SECOND else failure.before_deg


def _label(failure: Failure) -> str:
    return html.text(plain(failure.label or "no class"))


def _status(failure: Failure, words: Words) -> str:
    return f'<span class="{words.marks[failure.status]}">{words.statuses[failure.status]}</span>'


def _vector(normal: Vector) -> str:
    return shown.vector(normal or ())


def _thumbnails(analysis: Analysis) -> list[str]:
    if "camera.coherence.thumbnails" not in analysis.cache:
        analysis.cache["camera.coherence.thumbnails"] = [
            html.data_uri(outlines.cropped(analysis.photo, failure.region, THUMBNAIL), "JPEG")
            for failure in analysis.failures
        ]
    return analysis.cache["camera.coherence.thumbnails"]


def _picture(analysis: Analysis, found: Sequence[Failure]) -> str:
    size = _size(analysis)
    places = outlines.spots(found, (analysis.photo.shape[0], analysis.photo.shape[1]))
    spots = "".join(
        f'<button type="button" class="mt-spot" tabindex="-1" data-failure="{failure.rank}" '
        f'style="left:{100 * x:.2f}%;top:{100 * y:.2f}%" '
        f'aria-label="choose region {failure.rank}">{failure.rank}</button>'
        for failure, (x, y) in reversed(list(zip(found, places, strict=True)))
    )
    paths = "".join(  # the small ones on top, where a pointer reaches them
        f'<path data-outline="{failure.rank}" d="{outlines.path(failure.region, size)}"/>'
        for failure in sorted(found, key=lambda failure: -failure.region.count)
    )
    drawn = (
        f'<svg class="mt-outlines" viewBox="0 0 {size[1]} {size[0]}" preserveAspectRatio="none" aria-hidden="true">'
        f"{paths}</svg>"
    )
    return _framed(analysis, f"The photo with {len(found)} failure regions outlined", drawn, spots)


def _framed(analysis: Analysis, alt: str, below: str, above: str = "") -> str:
    """The photo with something below and above the chosen region's outline."""
    photo = shrink(analysis.photo, SIDE)
    return html.picture(photo, alt, kind="JPEG", over=f'{below}<i class="mt-chosen"></i>{above}')


def _size(analysis: Analysis) -> tuple[int, int]:
    """(h, w) of the photo with the outlines."""
    height, width = analysis.photo.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))
