"""Why depth and normals disagree in a region: one cause for each failure, with its numbers and in one sentence.

The causes are asked for in the order of `CAUSES`, and the first that holds is told. What a region consists of is judged
with the failing pixels around it (`mtcp.geometry.seen`): the crests and hollows of a rough surface come out as separate
regions, each of which alone looks like a tilted plane.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from mtcp.geometry.boundaries import JUMP
from mtcp.geometry.cause_names import (
    DISCONTINUITY,
    FAR,
    MERGED,
    ROUGH_BOTH,
    ROUGH_DEPTH,
    ROUGH_NORMALS,
    TILTED,
    UNLIKE,
)
from mtcp.geometry.normals import angle_deg
from mtcp.geometry.planes import facets, mean_normal
from mtcp.geometry.regions import Part, bordered
from mtcp.geometry.report import Cause
from mtcp.geometry.seen import Seen, direction_and_scatter, look
from mtcp.geometry.stage import StageInput
from mtcp.tasks import IGNORE

FAR_M = 8.0
"""Too far: at this depth a Kinect, which the depth of NYUv2 is from, tells depths apart that differ by 18 cm
(`SENSOR_STEP`), and one such step across a window of the plane fit turns its plane by 30 degrees, all that makes a
failure.
"""
SENSOR_STEP = 2.85e-3
"""Metres per square metre: the distance of two depths that a Kinect tells apart, by the square of the depth
(Khoshelham and Elberink, "Accuracy and Resolution of Kinect Depth Data", Sensors 2012).
"""
OBLIQUE_DEG = 80.0
"""Too oblique: the surface, as the normals have it, is seen at this angle from its normal or more, so that a pixel
covers six times its width.
"""
JUMP_SHARE = 0.6
"""Of a region's pixels: so many are within a window of the fit from a jump inside the region."""
PLANES_DEG = 30.0
"""Planes at less than this angle are taken for one: where the other map shows one in between, it is no failure."""
PLANE_SCATTER_DEG = 15.0
"""Normals that scatter by less about their mean are those of one plane."""
TILT_SHARE = 0.75
"""Of the angle pixel by pixel: what differs by as much on average is tilted, whatever scatters beside."""
BOTH_SHARE = 0.6
"""Of the larger scatter: where the lesser one is as large, both maps are rough."""
PLANES_SHARE = 0.75
"""Of a region's pixels: so many belong to its planes."""
OBJECT_SHARE = 0.25
"""Of a region's pixels: a class with so many is an object of its own."""

_CELLS = 7  # of a window of the fit along a side: regions are parted into planes on cells


def cause_of(region: Part, stage: StageInput, classes: Sequence[str], unlike: str = "") -> Cause:
    """The cause of one failure.

    Args:
        region: the failure's mask in its box.
        stage: the one that it was found in.
        classes: names of the labels.
        unlike: why the photo is unlike those of training, as the end of "The photo is unlike those of training: ...";
            empty where it is not, or where nothing is known of it. It is then the cause of every failure.
    """
    seen = look(region, stage)
    name, sentence = _cause(region, stage, seen, classes)
    if unlike:
        sentence = f"The photo is unlike those of training: {unlike}. By its shape alone: {name}."
        name = UNLIKE
    return Cause(
        name=name,
        sentence=sentence,
        pixel_deg=seen.pixel_deg,
        means_deg=seen.means_deg,
        plane_deg=seen.plane_deg,
        depth_scatter_deg=seen.depth_scatter_deg,
        normals_scatter_deg=seen.normals_scatter_deg,
        jump_pct=seen.jump_pct,
        distance_m=seen.distance_m,
        view_deg=seen.view_deg,
    )


def _cause(region: Part, stage: StageInput, seen: Seen, classes: Sequence[str]) -> tuple[str, str]:
    """The cause by shape, and the sentence."""
    if reason := _too_far(seen) or _too_oblique(seen):
        return FAR, reason
    if seen.jump_pct >= 100 * JUMP_SHARE:
        return DISCONTINUITY, (
            f"A depth discontinuity of at least {100 * JUMP:.0f} % runs through the region: "
            f"{seen.jump_pct:.0f} % of it is so near that the plane fit bridges the step."
        )
    if reason := _merged(region, stage):
        return MERGED, reason
    name, sentence = by_shape(seen)
    if name != TILTED and (reason := _several_objects(region, stage, classes)):
        return MERGED, reason
    return name, sentence


def by_shape(seen: Seen) -> tuple[str, str]:
    """Tilted or rough, and the sentence: what remains when nothing else explains a failure."""
    if reason := _tilted(seen):
        return TILTED, reason
    return _rough(seen)


def _of(scatter: float | None) -> float:
    """A scatter of normals that have no mean direction is larger than any."""
    return math.inf if scatter is None else scatter


def _too_far(seen: Seen) -> str:
    if seen.distance_m < FAR_M:
        return ""
    step = SENSOR_STEP * seen.distance_m**2
    return (
        f"Too far to tell: at {seen.distance_m:.1f} m the depth that the network learned from has steps of "
        f"{100 * step:.0f} cm, and one of them is enough to turn a fitted plane."
    )


def _too_oblique(seen: Seen) -> str:
    if seen.view_deg is None or not OBLIQUE_DEG <= seen.view_deg <= 180 - OBLIQUE_DEG:
        return ""
    if _of(seen.normals_scatter_deg) > PLANE_SCATTER_DEG:
        return ""
    return f"Too oblique to tell: the surface is seen at {seen.view_deg:.0f} degrees from its normal."


def _on_average(seen: Seen) -> tuple[float, str] | None:
    """By how much depth and normals differ on average, in degrees, and what was compared; None where the normals of
    one have no direction. Of a rough surface the mean normal is turned, and the plane through its depth is not.
    """
    if seen.means_deg is None:
        return None
    by_means = seen.means_deg, "the mean normals"
    if seen.plane_deg is None or seen.plane_deg >= seen.means_deg or _scatter(seen) < PLANE_SCATTER_DEG:
        return by_means
    return seen.plane_deg, "the plane through the depth and the mean predicted normal"


def _scatter(seen: Seen) -> float:
    return max(_of(seen.depth_scatter_deg), _of(seen.normals_scatter_deg))


def _tilted(seen: Seen) -> str:
    found, scatter = _on_average(seen), _scatter(seen)
    if found is None:
        return ""
    average, compared = found
    if average < min(scatter, PLANES_DEG, TILT_SHARE * seen.pixel_deg):
        return ""
    beside = (
        f"neither map scatters by more than {scatter:.1f}"
        if average >= scatter
        else f"the {_roughest(seen)} scatter by {scatter:.1f} beside that"
    )
    return (
        f"On average, too, the two face different ways: {compared} differ by {average:.1f} degrees, single pixels by "
        f"{seen.pixel_deg:.1f}; {beside}."
    )


def _roughest(seen: Seen) -> str:
    return (
        "depth's normals"
        if _of(seen.depth_scatter_deg) >= _of(seen.normals_scatter_deg)
        else "predicted normals"
    )


def _merged(region: Part, stage: StageInput) -> str:
    """Said of a region in which one of the maps has several planes, and the other one."""
    part, box = region
    if _widest(part) < stage.window:
        return ""
    step = max(1, stage.window // _CELLS)
    cells = part[::step, ::step]
    depth, normals = (of[box][::step, ::step] for of in (stage.maps.depth_normals, stage.normals))
    for name, many, one in (("depth", depth, normals), ("normals", normals, depth)):
        planes = _planes(cells, many, stage.window / step)
        if len(planes) < 2:
            continue
        apart, other = (_apart(planes[0], planes[1], of) for of in (many, one))
        if apart >= PLANES_DEG and other < 0.5 * apart:
            verb, rest = ("shows", "the normals show") if name == "depth" else ("show", "the depth shows")
            return f"The {name} {verb} {len(planes)} planes, {apart:.0f} degrees apart, where {rest} one."
    return ""


def _planes(part: np.ndarray, normals: np.ndarray, window: float) -> list[Part]:
    """Planes that a mask (h, w) consists of by its normals, the largest first; none where much of it is in no plane.

    A plane holds a disc that is two windows of the fit across: what is smaller is roughness.
    """
    frame = (slice(0, part.shape[0]), slice(0, part.shape[1]))
    found = []
    for facet, at in facets(part, frame, normals, int(3 * window * window), PLANES_DEG):
        _, scatter = direction_and_scatter(normals[at][facet])
        if _of(scatter) < PLANE_SCATTER_DEG and _widest(facet) >= window:
            found.append((facet, at))
    found.sort(key=lambda plane: -np.count_nonzero(plane[0]))
    covered = sum(np.count_nonzero(facet) for facet, _ in found)
    return found if covered >= PLANES_SHARE * np.count_nonzero(part) else []


def _widest(part: np.ndarray) -> float:
    """Radius of the largest disc in a mask."""
    return float(cv2.distanceTransform(bordered(part), cv2.DIST_L2, cv2.DIST_MASK_3).max())


def _apart(first: Part, second: Part, normals: np.ndarray) -> float:
    """Angle between the mean normals of two parts, degrees; NaN where one has none."""
    return _between(*(mean_normal(normals[at], part) for part, at in (first, second)))


def _between(first: Sequence[float] | None, second: Sequence[float] | None) -> float:
    """Angle between two directions, degrees; NaN where one is not known."""
    if first is None or second is None:
        return math.nan
    return float(angle_deg(np.array(first), np.array(second)))


def _several_objects(region: Part, stage: StageInput, classes: Sequence[str]) -> str:
    if stage.semseg is None:
        return ""
    part, box = region
    labels = stage.semseg[box]
    within = labels[part]
    counts = np.bincount(within[within != IGNORE], minlength=1) / within.size
    large = [k for k in np.argsort(-counts, kind="stable") if counts[k] >= OBJECT_SHARE and k < len(classes)]
    if len(large) < 2:
        return ""
    depth, normals = stage.maps.depth_normals[box], stage.normals[box]
    listed = []
    for k in large:
        of_class = part & (labels == k)
        apart = _between(mean_normal(depth, of_class), mean_normal(normals, of_class))
        facing = "" if math.isnan(apart) else f", where the mean normals differ by {apart:.0f} degrees"
        listed.append(f"{classes[k]} ({100 * counts[k]:.0f} %{facing})")
    return f"Several objects make up one region, and means over all of it mix their directions: {' and '.join(listed)}."


def _rough(seen: Seen) -> tuple[str, str]:
    depth, normals = _of(seen.depth_scatter_deg), _of(seen.normals_scatter_deg)
    found = _on_average(seen)
    average = (
        "the normals of one have no common direction"
        if found is None
        else f"on average {found[1]} are only {found[0]:.1f} apart"
    )
    said = f"Pixel by pixel the normals differ by {seen.pixel_deg:.1f} degrees, but {average}"
    if min(depth, normals) >= BOTH_SHARE * max(depth, normals):
        return ROUGH_BOTH, (
            f"{said}: both scatter, the depth's normals {_by(depth)} and the predicted ones {_by(normals)}."
        )
    name, rough, other = (
        (ROUGH_DEPTH, "depth's", "predicted") if depth > normals else (ROUGH_NORMALS, "predicted", "depth's")
    )
    scattered, still = _by(max(depth, normals)), _by(min(depth, normals))
    return name, f"{said}: the {rough} normals scatter {scattered}, the {other} ones {still}."


def _by(scatter: float) -> str:
    return "in all directions" if math.isinf(scatter) else f"by {scatter:.1f} degrees"
