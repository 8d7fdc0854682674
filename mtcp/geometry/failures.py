"""Where depth and normals disagree: connected regions, ranked by area x error."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np

from mtcp.geometry.normals import angle_deg
from mtcp.geometry.planes import mean_normal
from mtcp.geometry.regions import Part, Region, components, inside
from mtcp.geometry.report import Failure, StageMaps
from mtcp.tasks import IGNORE

FAILURE_DEG = 30.0
LEAST_SHARE = 0.001
MOST = 50
LARGE_SHARE = 0.10
"""A region over this share of the picture is cut along class boundaries: where much is wrong, the wrong
parts touch, and one region would swallow the room.
"""


@dataclasses.dataclass(frozen=True)
class StageInput:
    """What a stage brings to the search: its maps, predicted normals (h, w, 3) and labels (h, w) or None."""

    maps: StageMaps
    normals: np.ndarray
    semseg: np.ndarray | None


def find_failures(
    initial: StageInput,
    refined: StageInput | None,
    photo_size: tuple[int, int],
    classes: Sequence[str],
    failure_deg: float = FAILURE_DEG,
    least_share: float = LEAST_SHARE,
    most: int = MOST,
) -> tuple[Failure, ...]:
    """Regions over `failure_deg` (plane fit against predicted normals), ranked by area x mean error.

    Those of the refined stage, and those of the initial one of which trace-back left less than half (so
    that what it fixed is in the list too). Hairlines under three pixels wide, as along depth discontinuities, are
    cut off first; regions under `least_share` of the picture are dropped; those over `LARGE_SHARE` are cut
    along class boundaries; at most `most` are returned.
    """
    last = refined or initial
    bad = _over(last.maps.angle_deg, failure_deg)
    found = [(part, box, last) for part, box in _regions(bad, last.semseg, least_share)]
    if refined is not None:
        earlier = _regions(_over(initial.maps.angle_deg, failure_deg), initial.semseg, least_share)
        found += [(part, box, initial) for part, box in earlier if bad[box][part].mean() < 0.5]
    failures = [
        _describe(part, box, stage, initial, refined, photo_size, classes, failure_deg)
        for part, box, stage in found
    ]
    failures.sort(key=lambda f: -f.score)
    return tuple(dataclasses.replace(f, rank=k + 1) for k, f in enumerate(failures[:most]))


def _over(angle: np.ndarray, failure_deg: float) -> np.ndarray:
    bad = angle > failure_deg  # False where unknown (NaN)
    return cv2.morphologyEx(bad.view(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).view(bool)


def _regions(bad: np.ndarray, semseg: np.ndarray | None, least_share: float) -> list[Part]:
    least = max(1, int(np.ceil(least_share * bad.size)))
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


def _describe(
    part: np.ndarray,
    box: tuple[slice, slice],
    stage: StageInput,
    initial: StageInput,
    refined: StageInput | None,
    photo_size: tuple[int, int],
    classes: Sequence[str],
    failure_deg: float,
) -> Failure:
    size = stage.normals.shape[:2]
    region = Region.of(part, box, (size[0], size[1]))
    error = _mean_angle(stage, part, box)
    before = _mean_angle(initial, part, box)
    after = _mean_angle(refined, part, box) if refined else None
    by_depth = mean_normal(stage.maps.depth_normals[box][part])
    by_normals = mean_normal(stage.normals[box][part])
    label, label_pct = _majority(stage.semseg, part, box, classes)
    share = 100.0 * region.count / (size[0] * size[1])
    surfaces = float(angle_deg(np.array(by_depth), np.array(by_normals))) if by_depth and by_normals else None
    return Failure(
        rank=0,
        found_in="refined" if stage is refined else "initial",
        status=_status(before, after, failure_deg),
        label=label,
        label_pct=label_pct,
        share_pct=share,
        score=share * (error or 0.0),
        before_deg=before,
        after_deg=after,
        surfaces_deg=surfaces,
        depth_normal=by_depth,
        predicted_normal=by_normals,
        box=region.scaled_box(photo_size),
        pixel=region.scaled_pixel(photo_size),
        region=region,
    )


def _mean_angle(stage: StageInput, part: np.ndarray, box: tuple[slice, slice]) -> float | None:
    angles = stage.maps.angle_deg[box][part]
    angles = angles[np.isfinite(angles)]
    return float(angles.mean()) if angles.size else None


def _status(before: float | None, after: float | None, failure_deg: float) -> str:
    if after is not None and after <= failure_deg:
        return "fixed"
    if after is not None and before is not None and before <= failure_deg:
        return "introduced"
    return "remaining"


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
