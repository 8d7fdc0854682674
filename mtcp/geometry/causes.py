"""Why depth and normals disagree in a region: one cause for each failure, with its numbers and in one sentence.

The causes are asked for in the order of `CAUSES`, and the first that holds is told. What a region consists of is judged
with the failing pixels around it (`_around`): the crests and hollows of a rough surface come out as separate regions,
each of which alone looks like a tilted plane.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mtcp.geometry.cause_names import (
    DISCONTINUITY,
    FAR,
    MERGED,
    ROUGH_DEPTH,
    ROUGH_NORMALS,
    TILTED,
    UNLIKE,
)
from mtcp.geometry.normals import angle_deg
from mtcp.geometry.planes import facets, mean_normal
from mtcp.geometry.regions import Part, bordered
from mtcp.geometry.report import Cause, Vector
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
JUMP = 0.10
"""A jump of the depth: at least this share of it within a window of the plane fit, on top of the slope on either side.
As for `mtcp.geometry.boundaries.DEPTH_STEP`, but over a longer way: networks blur steps.
"""
JUMP_SHARE = 0.6
"""Of a region's pixels: so many are within a window of the fit from a jump inside the region."""
PLANES_DEG = 30.0
"""Planes at less than this angle are taken for one: where the other map shows one in between, it is no failure."""
PLANE_SCATTER_DEG = 15.0
"""Normals that scatter by less about their mean are those of one plane."""
PLANES_SHARE = 0.75
"""Of a region's pixels: so many belong to its planes."""
OBJECT_SHARE = 0.25
"""Of a region's pixels: a class with so many is an object of its own."""

_SAMPLE = 2000  # pixels that means and planes are taken over: more do not change them
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
    seen = _look(region, stage)
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


@dataclass(frozen=True)
class _Seen:
    """What there is to see in and around a region; the fields of `Cause`."""

    pixel_deg: float
    means_deg: float | None
    plane_deg: float | None
    depth_scatter_deg: float | None
    normals_scatter_deg: float | None
    jump_pct: float
    distance_m: float
    view_deg: float | None


def _look(region: Part, stage: StageInput) -> _Seen:
    part, box = region
    around, wide = _around(region, stage)
    rows, columns = np.nonzero(around)
    few = slice(None, None, max(1, len(rows) // _SAMPLE))
    at = (rows[few], columns[few])
    by_depth, by_normals = stage.maps.depth_normals[wide][at], stage.normals[wide][at]
    depth_mean, normals_mean = mean_normal(by_depth), mean_normal(by_normals)
    means = plane = view = None
    if depth_mean and normals_mean:
        means = float(angle_deg(np.array(depth_mean), np.array(normals_mean)))
    if normals_mean:
        rays = stage.rays[wide][at]
        plane = _plane_deg(rays, stage.depth[wide][at], normals_mean)
        view = float(angle_deg(-rays.mean(axis=0), np.array(normals_mean)))
    return _Seen(
        pixel_deg=float(stage.maps.angle_deg[wide][at].mean(dtype=np.float64)),
        means_deg=means,
        plane_deg=plane,
        depth_scatter_deg=_scatter(by_depth, depth_mean),
        normals_scatter_deg=_scatter(by_normals, normals_mean),
        jump_pct=_near_jump(region, stage),
        distance_m=float(np.median(stage.depth[box][part])),
        view_deg=view,
    )


def _around(region: Part, stage: StageInput) -> Part:
    """The region and what else fails within two windows of the plane fit, on the same class."""
    part, box = region
    reach = 2 * stage.window
    height, width = stage.depth.shape
    rows, columns = (
        slice(max(0, at.start - reach), min(size, at.stop + reach))
        for at, size in zip(box, (height, width), strict=True)
    )
    wide = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
    inner = tuple(
        slice(at.start - outer.start, at.stop - outer.start)
        for at, outer in zip(box, (rows, columns), strict=True)
    )
    wide[inner] = part
    near = cv2.distanceTransform(1 - wide, cv2.DIST_L2, cv2.DIST_MASK_3) <= reach
    near &= stage.failing[rows, columns]
    if stage.semseg is not None:
        labels = stage.semseg[rows, columns]
        near &= labels == np.bincount(labels[wide.view(bool)]).argmax()
    return near | wide.view(bool), (rows, columns)


def _scatter(normals: np.ndarray, mean: Sequence[float] | None) -> float | None:
    """Mean angle between normals (N, 3) and their mean direction, degrees."""
    if mean is None:
        return None
    angles = angle_deg(normals, np.array(mean, normals.dtype))
    return float(angles[np.isfinite(angles)].mean())


def _plane_deg(rays: np.ndarray, depth: np.ndarray, normal: Vector) -> float | None:
    """Angle between a normal and the plane through points: rays (N, 3) with z = 1, and their depth (N,). Degrees.

    The plane is fitted to the inverse depth, as everywhere. Steep ripples turn a surface's mean normal, because their
    slopes to either side are not seen alike, but not this plane.
    """
    known = depth > 0
    inverse = 1.0 / depth[known].astype(np.float64)
    slopes, _, rank, _ = np.linalg.lstsq(rays[known].astype(np.float64), inverse, rcond=None)
    return float(angle_deg(-slopes, np.array(normal))) if rank == 3 else None


def _near_jump(region: Part, stage: StageInput) -> float:
    """Per cent of the region within a window of the fit from a jump of the depth in it, not along its border."""
    part, box = region
    jumps = stage.jumps[box]
    if not jumps.any():
        return 0.0
    inside = cv2.erode(bordered(part), np.ones((5, 5), np.uint8))[1:-1, 1:-1].view(bool)
    through = jumps & inside
    if not through.any():
        return 0.0
    away = cv2.distanceTransform((~through).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)
    return 100.0 * float((away[part] <= stage.window).mean())


def _cause(region: Part, stage: StageInput, seen: _Seen, classes: Sequence[str]) -> tuple[str, str]:
    """The cause by shape, and the sentence."""
    if told := _too_far(seen) or _too_oblique(seen):
        return FAR, told
    if seen.jump_pct >= 100 * JUMP_SHARE:
        return DISCONTINUITY, (
            f"The depth jumps here by at least 10 %: {seen.jump_pct:.0f} % of the region are so near to that "
            "jump that the plane fit bridges it."
        )
    if told := _merged(region, stage):
        return MERGED, told
    scatter = max(_of(seen.depth_scatter_deg), _of(seen.normals_scatter_deg))
    if (
        seen.means_deg is not None
        and seen.plane_deg is not None
        and min(seen.means_deg, seen.plane_deg) >= scatter
    ):
        return TILTED, (
            f"The surface is tilted: the mean normals differ by {seen.means_deg:.1f} degrees (pixel by pixel by "
            f"{seen.pixel_deg:.1f}), while neither map scatters by more than {scatter:.1f}."
        )
    if told := _several_objects(region, stage, classes):
        return MERGED, told
    return _rough(seen)


def _of(scatter: float | None) -> float:
    """A scatter of normals that have no mean direction is larger than any."""
    return math.inf if scatter is None else scatter


def _too_far(seen: _Seen) -> str:
    if seen.distance_m < FAR_M:
        return ""
    step = SENSOR_STEP * seen.distance_m**2
    return (
        f"Too far to tell: at {seen.distance_m:.1f} m the depth that the network learned from has steps of "
        f"{100 * step:.0f} cm, and one of them is enough to turn a fitted plane."
    )


def _too_oblique(seen: _Seen) -> str:
    if seen.view_deg is None or not OBLIQUE_DEG <= seen.view_deg <= 180 - OBLIQUE_DEG:
        return ""
    if _of(seen.normals_scatter_deg) > PLANE_SCATTER_DEG:
        return ""
    return f"Too oblique to tell: the surface is seen at {seen.view_deg:.0f} degrees from its normal."


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
    whole = (slice(0, part.shape[0]), slice(0, part.shape[1]))
    found = []
    for facet, at in facets(part, whole, normals, int(3 * window * window), PLANES_DEG):
        of_facet = normals[at][facet]
        if _of(_scatter(of_facet, mean_normal(of_facet))) < PLANE_SCATTER_DEG and _widest(facet) >= window:
            found.append((facet, at))
    found.sort(key=lambda plane: -np.count_nonzero(plane[0]))
    covered = sum(np.count_nonzero(facet) for facet, _ in found)
    return found if covered >= PLANES_SHARE * np.count_nonzero(part) else []


def _widest(part: np.ndarray) -> float:
    """Radius of the largest disc in a mask."""
    return float(cv2.distanceTransform(bordered(part), cv2.DIST_L2, cv2.DIST_MASK_3).max())


def _apart(first: Part, second: Part, normals: np.ndarray) -> float:
    """Angle between the mean normals of two parts, degrees; NaN where one has none."""
    means = [mean_normal(normals[at], part) for part, at in (first, second)]
    if means[0] is None or means[1] is None:
        return math.nan
    return float(angle_deg(np.array(means[0]), np.array(means[1])))


def _several_objects(region: Part, stage: StageInput, classes: Sequence[str]) -> str:
    if stage.semseg is None:
        return ""
    part, box = region
    labels = stage.semseg[box][part]
    counts = np.bincount(labels[labels != IGNORE], minlength=1) / labels.size
    large = [k for k in np.argsort(-counts, kind="stable") if counts[k] >= OBJECT_SHARE and k < len(classes)]
    if len(large) < 2:
        return ""
    listed = ", ".join(f"{classes[k]} {100 * counts[k]:.0f} %" for k in large)
    return f"Several objects ({listed}) make up one region, in which depth and normals do not face one way."


def _rough(seen: _Seen) -> tuple[str, str]:
    depth, normals = _of(seen.depth_scatter_deg), _of(seen.normals_scatter_deg)
    name, rough, other = (
        (ROUGH_DEPTH, "depth's", "predicted") if depth >= normals else (ROUGH_NORMALS, "predicted", "depth's")
    )
    agree = "have no direction" if seen.means_deg is None else f"are {seen.means_deg:.1f} degrees apart"
    numbers = sorted((depth, normals), reverse=True)
    scattered, still = ("in all directions" if math.isinf(v) else f"by {v:.1f} degrees" for v in numbers)
    return name, (
        f"Pixel by pixel the normals differ by {seen.pixel_deg:.1f} degrees, their means {agree}: the {rough} normals "
        f"scatter {scattered}, the {other} ones {still}."
    )
