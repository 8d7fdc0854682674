"""Where depth and normals disagree: connected regions, ranked by area x error."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from mtcp.geometry.causes import cause_of
from mtcp.geometry.normals import angle_deg
from mtcp.geometry.planes import mean_normal
from mtcp.geometry.regions import Part, Region, components, inside
from mtcp.geometry.report import Failure
from mtcp.geometry.stage import StageInput
from mtcp.tasks import IGNORE

ACCEPTABLE_DEG = 20.0
"""Mean angle that a region is acceptable at: one that was no better before it failed was not introduced by
the refinement (30.0 to 50.4 degrees), nor is one fixed that only got below `FAILURE_DEG`.
"""
LEAST_SHARE = 0.001
MOST = 50
LARGE_SHARE = 0.10
"""A region over this share of the picture is cut along class boundaries: where much is wrong, the wrong
parts touch, and one region would swallow the room.
"""


def find_failures(
    initial: StageInput,
    refined: StageInput | None,
    photo_size: tuple[int, int],
    classes: Sequence[str],
    unlike: Mapping[str, str],
) -> tuple[Failure, ...]:
    """Regions over `FAILURE_DEG` (plane fit against predicted normals), ranked by area x mean error.

    First those of the refined stage, then those of the initial one of which the refinement left less than half (so
    that what it fixed is in the list too). Hairlines under three pixels wide, as along depth discontinuities, are
    cut off first; regions under `LEAST_SHARE` of the picture are dropped; those over `LARGE_SHARE` are cut
    along class boundaries; at most `MOST` are returned. unlike: by stage, see `cause_of`.
    """
    last = refined or initial
    bad = last.failing
    found = [(part, box, last) for part, box in _regions(bad, last.semseg)]
    if refined is not None:
        earlier = _regions(initial.failing, initial.semseg)
        found += [(part, box, initial) for part, box in earlier if bad[box][part].mean() < 0.5]
    scored = [(one, _score(one[0], _mean_angle(one[2], one[0], one[1]))) for one in found]
    worst = sorted(scored, key=lambda one: -one[1])[:MOST]
    found = [one for one, _ in sorted(worst, key=lambda scored: scored[0][2] is not last)]

    def describe(ranked: tuple[int, tuple[np.ndarray, tuple[slice, slice], StageInput]]) -> Failure:
        rank, (part, box, stage) = ranked
        return _describe(rank, part, box, stage, initial, refined, photo_size, classes, unlike)

    with ThreadPoolExecutor(2) as beside:  # most of it lets go of Python's lock
        return tuple(beside.map(describe, enumerate(found, 1)))


def _regions(bad: np.ndarray, semseg: np.ndarray | None) -> list[Part]:
    least = max(1, int(np.ceil(LEAST_SHARE * bad.size)))
    found = []
    for part, box in components(bad, least):
        pieces = []
        if semseg is not None and np.count_nonzero(part) > LARGE_SHARE * bad.size:
            pieces = _by_class(part, box, semseg, least)
        found += pieces or [(part, box)]
    return found


def _by_class(part: np.ndarray, box: tuple[slice, slice], semseg: np.ndarray, least: int) -> list[Part]:
    """The connected pieces of one class each; none where labels are so scattered that half would be lost."""
    labels = semseg[box]
    pieces, kept = [], 0
    for index in np.unique(labels[part]):
        for piece, inner in components(part & (labels == index), least):
            pieces.append((piece, inside(inner, box)))
            kept += np.count_nonzero(piece)
    return pieces if 2 * kept > np.count_nonzero(part) else []


def _score(part: np.ndarray, angle: float | None) -> float:
    """Pixels times the mean angle."""
    return int(np.count_nonzero(part)) * (angle or 0.0)


def _describe(
    rank: int,
    part: np.ndarray,
    box: tuple[slice, slice],
    stage: StageInput,
    initial: StageInput,
    refined: StageInput | None,
    photo_size: tuple[int, int],
    classes: Sequence[str],
    unlike: Mapping[str, str],
) -> Failure:
    size = stage.normals.shape[:2]
    region = Region.of(part, box, (size[0], size[1]))
    before = _mean_angle(initial, part, box)
    after = _mean_angle(refined, part, box) if refined else None
    by_depth = mean_normal(stage.maps.depth_normals[box], part)
    by_normals = mean_normal(stage.normals[box], part)
    label, label_pct = _majority(stage.semseg, part, box, classes)
    share = 100.0 * region.count / (size[0] * size[1])
    surfaces = float(angle_deg(np.array(by_depth), np.array(by_normals))) if by_depth and by_normals else None
    found_in = "refined" if stage is refined else "initial"
    return Failure(
        rank=rank,
        found_in=found_in,
        status=_status(before, after, gone=refined is not None and stage is not refined),
        label=label,
        label_pct=label_pct,
        share_pct=share,
        score=share * ((after if stage is refined else before) or 0.0),
        before_deg=before,
        after_deg=after,
        surfaces_deg=surfaces,
        depth_normal=by_depth,
        predicted_normal=by_normals,
        cause=cause_of((part, box), stage, classes, unlike.get(found_in, "")),
        box=region.scaled_box(photo_size),
        pixel=region.scaled_pixel(photo_size),
        region=region,
    )


def _mean_angle(stage: StageInput, part: np.ndarray, box: tuple[slice, slice]) -> float | None:
    from mtcp.geometry import region_kernels

    mean = region_kernels.mean_where(stage.maps.angle_deg, part, box[0].start, box[1].start)
    return None if math.isnan(mean) else float(mean)


def _status(before: float | None, after: float | None, gone: bool) -> str:
    """gone: whether the region is of the initial stage, and less than half of it is left."""
    if gone:
        return "fixed" if _acceptable(after) else "reduced"
    return "introduced" if after is not None and _acceptable(before) else "remaining"


def _acceptable(angle: float | None) -> bool:
    """Whether a mean angle is, as it is read with a digit after the point."""
    return angle is not None and round(angle, 1) <= ACCEPTABLE_DEG


def _majority(
    semseg: np.ndarray | None, part: np.ndarray, box: tuple[slice, slice], classes: Sequence[str]
) -> tuple[str | None, float | None]:
    if semseg is None:
        return None, None
    labels = semseg[box][part]
    counts = np.bincount(labels[labels != IGNORE], minlength=1)
    top = int(counts.argmax())
    if not counts[top] or top >= len(classes):
        return None, None
    return classes[top], 100.0 * float(counts[top]) / labels.size
