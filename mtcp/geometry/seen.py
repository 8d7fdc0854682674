"""What there is to see in and around a failure, from which its cause is told."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from mtcp.geometry.normals import angle_deg
from mtcp.geometry.regions import Part, bordered
from mtcp.geometry.stage import StageInput

_SAMPLE = 2000  # pixels that means and planes are taken over: more do not change them


@dataclass(frozen=True)
class Seen:
    """The numbers of a `mtcp.geometry.report.Cause`, whose fields these are."""

    pixel_deg: float
    means_deg: float | None
    plane_deg: float | None
    depth_scatter_deg: float | None
    normals_scatter_deg: float | None
    jump_pct: float
    distance_m: float
    view_deg: float | None


def look(region: Part, stage: StageInput) -> Seen:
    """Looks at a region, its mask in its box, of the stage that it was found in."""
    part, box = region
    around, wide = _around(region, stage)
    rows, columns = np.nonzero(around)
    few = slice(None, None, max(1, len(rows) // _SAMPLE))
    at = (rows[few] + wide[0].start, columns[few] + wide[1].start)
    depth_mean, depth_scatter = direction_and_scatter(stage.maps.depth_normals[at])
    normals_mean, normals_scatter = direction_and_scatter(stage.normals[at])
    means = plane = view = None
    if depth_mean is not None and normals_mean is not None:
        means = float(angle_deg(depth_mean, normals_mean))
    if normals_mean is not None:
        x, y = stage.axes[0][at[1]], stage.axes[1][at[0]]
        plane = _plane_deg(x, y, stage.depth[at], normals_mean)
        view = float(angle_deg(-np.array((x.mean(), y.mean(), 1.0)), normals_mean))
    return Seen(
        pixel_deg=float(stage.maps.angle_deg[at].mean(dtype=np.float64)),
        means_deg=means,
        plane_deg=plane,
        depth_scatter_deg=depth_scatter,
        normals_scatter_deg=normals_scatter,
        jump_pct=_near_jump(region, stage),
        distance_m=float(np.median(stage.depth[box][part])),
        view_deg=view,
    )


def direction_and_scatter(normals: np.ndarray) -> tuple[np.ndarray | None, float | None]:
    """Of unit vectors (N, 3), zeros where unknown: the direction (3,) of their sum, and their mean angle to it in
    degrees. Both None where they cancel or none is known.
    """
    from mtcp.geometry import region_kernels

    direction, scatter = region_kernels.direction_and_scatter(np.ascontiguousarray(normals, np.float32))
    return (None, None) if math.isnan(scatter) else (direction, float(scatter))


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


def _plane_deg(x: np.ndarray, y: np.ndarray, depth: np.ndarray, normal: np.ndarray) -> float | None:
    """Angle between a normal and the plane through points: rays (x, y, 1) and their depth, all (N,). Degrees; None
    where the rays lie on a line.

    The plane is fitted to the inverse depth, as everywhere. Steep ripples turn a surface's mean normal, because their
    slopes to either side are not seen alike, but not this plane.
    """
    from mtcp.geometry import region_kernels

    slopes = region_kernels.inverse_depth_plane(x, y, depth)
    return None if math.isnan(slopes[2]) else float(angle_deg(-slopes, normal))


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
