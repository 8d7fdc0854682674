"""Where the refinement brought depth and normals closer, and where it drove them apart; said in one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from app.session import Analysis
from app.sides import Words
from app.views import causes, html
from app.views.class_names import plain
from app.views.triage import digits_of, number
from app.views.worse import why_worse
from mtcp.drawing import shown
from mtcp.geometry.regions import components, nearest
from mtcp.geometry.report import Coherence
from mtcp.tasks import SEMSEG, lacking

LEAST_SHARE = 0.01
"""Parts under this share of the picture are not told."""
SIDES = (0.36, 0.64)
"""A part whose middle lies left of the first, or right of the second (shares of the width), is at that side."""
SAME = 0.05
"""Degrees that read as 0.0 or 0.1: no change worth a word."""


@dataclass(frozen=True)
class Verbs:
    """How it is said that the second side has the same mean angle, or one that is less or more by {}; before the name
    of a part, that it fell or rose there; between the angles of a part, which is which.
    """

    same: str
    less: str
    more: str
    fell: str
    rose: str
    between: str


OF_TWO = Verbs("no difference", "B has {} less", "B has {} more", "B has less on", "more on", " in A,")


def verbs_of(words: Words) -> Verbs:
    """What is said of the stages of one network, or of two networks."""
    if words.two:
        return OF_TWO
    by = words.refinement
    return Verbs(
        f"{by} left that as it was", f"{by} took {{}} off", f"{by} added {{}}", "it fell on", "rose on", " to"
    )


@dataclass(frozen=True)
class Change:
    """One part of the picture.

    off_deg: what it contributes to the fall of the picture's mean angle (negative: the angle rose here); with those of
    parts too small to tell, all contributions add up to the whole. before_deg, after_deg: its own mean angle.
    """

    name: str
    off_deg: float
    before_deg: float
    after_deg: float


def headline(analysis: Analysis) -> str:
    """How far depth and normals disagree, what the refinement did to it, and where most of that happened.

    Above it, why none of that holds, where it does not, and that the photo is unlike those of training, where it is.
    Below it, why it got worse, where it did.
    """
    caveats = html.caveat(analysis.prediction.geometry_note) + causes.unlike(analysis.prediction.unlike)
    return caveats + _headline(analysis) + why_worse(analysis)


def _headline(analysis: Analysis) -> str:
    report = analysis.coherence
    if report is None:
        return _paragraph(without(analysis))
    stage = report.refined or report.initial
    mean = stage.depth_normal.mean_deg
    if mean is None:
        return _paragraph(f"Depth and normals cannot be compared: {stage.depth_normal.reason}.")
    said = f"Depth and normals disagree by <b>{number(mean, 'deg')}</b> on average"
    before = report.initial.depth_normal.mean_deg
    if report.refined is None:
        return _paragraph(f"{said}. This checkpoint has no refinement, so this is the initial prediction.")
    if before is None:
        where = "in A" if analysis.words.two else "initially"
        return _paragraph(f"{said}; {where} they could not be compared.")
    off = -(shown.change(before, mean, digits_of("deg")) or 0.0)  # as the scoreboard has it
    if analysis.words.two:
        said = (
            f'Depth and normals disagree by <b class="mt-initial">{number(before, "deg")}</b> on average in A and by '
            f'<b class="mt-refined">{number(mean, "deg")}</b> in B'
        )
    verbs = verbs_of(analysis.words)
    return _paragraph(f"{said}; {change(off, coherence_change(analysis), verbs)}.")


def without(analysis: Analysis) -> str:
    """Why there is nothing to compare, as a sentence."""
    missing = lacking(analysis.prediction.tasks)
    if analysis.words.two:
        none = " and no ".join(missing)
        return f"The two networks have no {none} in common, so depth and normals cannot be compared."
    return (
        f"This checkpoint does not predict {' or '.join(missing)}, so depth and normals cannot be compared."
    )


def change(off_deg: float, found: Sequence[Change], verbs: Verbs) -> str:
    """What the refinement did, or how B differs from A, as the end of a sentence. off_deg: fall of the mean angle;
    negative: it rose.
    """
    fell = max(found, key=lambda gain: gain.off_deg, default=None)
    rose = min(found, key=lambda gain: gain.off_deg, default=None)
    fell = fell if fell is not None and fell.off_deg > SAME else None
    rose = rose if rose is not None and rose.off_deg < -SAME else None
    if abs(off_deg) < SAME:
        both = (
            f": {verbs.fell} {_told(fell, verbs)} and {verbs.rose} {_told(rose, verbs)}"
            if fell and rose
            else ""
        )
        return f"{verbs.same}{both}"
    said = (verbs.less if off_deg > 0 else verbs.more).format(f"<b>{number(abs(off_deg), 'deg')}</b>")
    main, against = (fell, rose) if off_deg > 0 else (rose, fell)
    if main is None:
        return said
    if against is not None and abs(against.off_deg) > 0.5 * abs(off_deg):
        words = ("less", "more") if off_deg > 0 else ("more", "less")
        return f"{said}: {words[0]} on {_told(main, verbs)}, but {words[1]} on {_told(against, verbs)}"
    share = "most" if main.off_deg / off_deg > 0.5 else "the largest part"
    return f"{said}, {share} of it on {_told(main, verbs)}"


def coherence_change(analysis: Analysis) -> tuple[Change, ...]:
    """All parts over `LEAST_SHARE`, what fell most first. Empty without a refinement or without classes."""
    if "camera.coherence.change" not in analysis.cache:
        analysis.cache["camera.coherence.change"] = _changes(analysis)
    return analysis.cache["camera.coherence.change"]


def _changes(analysis: Analysis) -> tuple[Change, ...]:
    report = analysis.coherence
    semseg = analysis.prediction.refined.get(SEMSEG)
    if report is None or report.refined is None or semseg is None:
        return ()
    size = report.working_size
    labels = semseg[np.ix_(nearest(semseg.shape[0], size[0]), nearest(semseg.shape[1], size[1]))]
    before, after = report.initial.maps.angle_deg, report.refined.maps.angle_deg
    known = np.isfinite(before) & np.isfinite(after)
    parts: dict[str, np.ndarray] = {}
    for name, mask in _named(list(_parts(report, labels, analysis.prediction.classes))):
        parts[name] = parts[name] | mask if name in parts else mask
    found = []
    for name, mask in parts.items():
        inside = mask & known
        if inside.any():
            first, last = before[inside], after[inside]
            off = float((first - last).sum(dtype=np.float64)) / np.count_nonzero(known)
            found.append(Change(name, off, float(first.mean()), float(last.mean())))
    return tuple(sorted(found, key=lambda gain: -gain.off_deg))


def _parts(report: Coherence, labels: np.ndarray, classes: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    """(class, mask (h, w)): the planes of the refined prediction (a wall ends at the corner), then the connected
    rest of each class.
    """
    assert report.refined is not None
    taken = np.zeros(labels.shape, bool)
    for segment in report.refined.planarity.segments:
        mask = segment.region.mask()
        taken |= mask
        yield segment.label, mask
    least = max(1, int(np.ceil(LEAST_SHARE * labels.size)))
    for label in np.unique(labels[~taken]):
        if label < len(classes):
            for part, box in components((labels == label) & ~taken, least):
                mask = np.zeros(labels.shape, bool)
                mask[box] = part
                yield classes[label], mask


def _named(parts: Sequence[tuple[str, np.ndarray]]) -> Iterator[tuple[str, np.ndarray]]:
    """Each part called by its class, and by its side where that tells it from others or places it."""
    classes = [label for label, _ in parts]
    for label, mask in parts:
        middle = float(np.nonzero(mask)[1].mean() + 0.5) / mask.shape[1]
        side = " on the left" if middle < SIDES[0] else " on the right" if middle > SIDES[1] else ""
        if not side and classes.count(label) > 1:
            side = " in the middle"
        yield f"the {plain(label)}{side}", mask


def _told(moved: Change, verbs: Verbs) -> str:
    last = " in B" if verbs is OF_TWO else ""
    angles = f"{number(moved.before_deg, 'deg')}{verbs.between} {number(moved.after_deg, 'deg')}{last}"
    return f"{moved.name} ({angles})"


def _paragraph(sentence: str) -> str:
    return f'<p class="mt-headline">{sentence}</p>'
