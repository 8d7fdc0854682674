"""Do depth and normal discontinuities lie on semantic boundaries?

A precision, no recall: many class changes have no depth step.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from mtcp.geometry.report import Boundaries, EdgeAgreement
from mtcp.tasks import IGNORE

DEPTH_STEP = 0.10
"""A depth edge is a step of at least this share of the depth over 1/80 of the long side."""
JUMP = 0.10
"""A jump of the depth: at least this share of it within a window of the plane fit, on top of the slope on either side.
As `DEPTH_STEP`, but over a longer way: networks blur steps.
"""
NORMAL_STEP_DEG = 30.0
"""A normal edge is a turn of at least this angle over 1/80 of the long side."""
WITHIN = 0.01
"""Default tolerance, as a share of the long side: 6 px at 640."""


def boundary_agreement(
    semseg: np.ndarray,
    depth: np.ndarray,
    normals: np.ndarray,
    photo_scale: float = 1.0,
    within: float = WITHIN,
) -> Boundaries:
    """Share of strong depth and normal edges within `within` x long side of a semantic boundary.

    The distance counts rows and columns apart (a square neighbourhood), in whole pixels, at least 1. Edges
    on pixels without class are left out.

    Args:
        semseg: uint8 (h, w), 255 for no class.
        depth: (h, w) metres, 0 where invalid.
        normals: (h, w, 3) predicted unit normals, zeros where invalid.
        photo_scale: photo pixels per pixel of these maps, for `within_px`.
    """
    reach = max(1, round(within * max(semseg.shape)))
    square = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    near = cv2.dilate(semantic_boundary(semseg).view(np.uint8), square).view(bool)
    classed = semseg != IGNORE
    depth_edge, normal_edge = depth_edges(depth), normal_edges(normals)
    return Boundaries(
        depth=_agreement(depth_edge, near, classed, reach * photo_scale, "depth discontinuity"),
        normals=_agreement(normal_edge, near, classed, reach * photo_scale, "normal discontinuity"),
    )


def semantic_boundary(semseg: np.ndarray) -> np.ndarray:
    """Boolean (h, w): pixels with a neighbour (left, right, above, below) of another class; 255 is none."""
    boundary = np.zeros(semseg.shape, bool)
    for axis in (0, 1):
        before, after = _pair(semseg, axis, 1)
        change = (before != after) & (before != IGNORE) & (after != IGNORE)
        for side in _pair(boundary, axis, 1):
            side |= change
    return boundary


def depth_edges(depth: np.ndarray, step: float = DEPTH_STEP) -> np.ndarray:
    """Boolean (h, w): the steepest pixel across each strong step of depth (not slanted floors)."""
    valid = np.isfinite(depth) & (depth > 0)
    log_depth = np.log(np.where(valid, depth, 1.0)).astype(np.float32)

    def change(axis: int, apart: int) -> np.ndarray:
        a, b = _pair(log_depth, axis, apart)
        known = np.logical_and(*_pair(valid, axis, apart))
        return np.abs(a - b) * known

    return _ridges(change, np.log1p(step), depth.shape)


def depth_jumps(depth: np.ndarray, half: int) -> np.ndarray:
    """Boolean (h, w): the steepest pixel across each strong step of depth, however blurred within 2 `half` pixels.

    What counts is the change of the depth over 2 `half` pixels without that over as many pixels on either side: less
    the larger one that goes the same way (slanted surfaces and creases have none), and less what both sides go back
    (nor have ripples).

    Args:
        depth: (h, w) metres, 0 where invalid.
        half: pixels.
    """
    valid = np.isfinite(depth) & (depth > 0)
    log_depth = np.log(np.where(valid, depth, 1.0)).astype(np.float32)

    def change(axis: int, apart: int) -> np.ndarray:
        a, b = _pair(log_depth, axis, apart)
        moved = (b - a) * np.logical_and(*_pair(valid, axis, apart))
        if apart == 1:
            return np.abs(moved)
        margin = [(apart, apart) if k == axis else (0, 0) for k in (0, 1)]
        before, after = (
            side * np.sign(moved) for side in _pair(np.pad(moved, margin, "edge"), axis, 2 * apart)
        )
        # where the larger side is negative, both go back, and the larger one the less
        return np.abs(moved) - np.abs(np.maximum(before, after))

    return _ridges(change, np.log1p(JUMP), depth.shape, half)


def normal_edges(normals: np.ndarray, step_deg: float = NORMAL_STEP_DEG) -> np.ndarray:
    """Boolean (h, w): the sharpest pixel across each strong turn of the normals."""
    from mtcp.geometry import kernels

    known = kernels.known_vectors(normals)
    planes = [np.ascontiguousarray(normals[..., k]) for k in range(3)]

    def change(axis: int, apart: int) -> np.ndarray:
        pairs = [_pair(p, axis, apart) for p in planes]
        cosine = sum((a * b for a, b in pairs[1:]), pairs[0][0] * pairs[0][1])
        return (1.0 - cosine) * np.logical_and(*_pair(known, axis, apart))

    return _ridges(change, 1.0 - np.cos(np.radians(step_deg)), normals.shape[:2])


def _pair(array: np.ndarray, axis: int, apart: int) -> tuple[np.ndarray, np.ndarray]:
    """Views of all pixels and of those `apart` further along `axis`."""
    if axis == 0:
        return array[:-apart], array[apart:]
    return array[:, :-apart], array[:, apart:]


def _ridges(
    change: Callable[[int, int], np.ndarray],
    threshold: float,
    shape: tuple[int, ...],
    half: int | None = None,
) -> np.ndarray:
    """Pixels where the change over a baseline reaches `threshold` and that to the next pixel is its maximum.

    `change(axis, apart)` gives the change between pixels `apart` along `axis`. The baseline, 2 `half` pixels (1/80 of
    the long side), makes blurred steps count in full; the maximum thins them.
    """
    half = half or max(1, round(max(shape) / 160))
    edges = np.zeros(shape, bool)
    for axis in (0, 1):
        if shape[axis] < 2 * half + 2:
            continue
        wide = change(axis, 2 * half)  # [p]: between p and p + 2 half
        near = change(axis, 1)  # [p]: between p and p + 1
        line = np.ones((2 * half + 1, 1) if axis == 0 else (1, 2 * half + 1), np.uint8)
        ridge = (near > 0) & (near >= cv2.dilate(near, line))
        middle: list[slice] = [slice(None), slice(None)]
        middle[axis] = slice(half, shape[axis] - half)
        edges[tuple(middle)] |= ridge[tuple(middle)] & (wide >= threshold)
    return edges


def _agreement(
    edges: np.ndarray, near: np.ndarray, classed: np.ndarray, within_px: float, name: str
) -> EdgeAgreement:
    edges = edges & classed
    count = int(np.count_nonzero(edges))
    share = 100.0 * count / edges.size
    if not count:
        return EdgeAgreement(None, None, share, within_px, f"no strong {name}")
    chance = 100.0 * float(near[classed].mean())
    return EdgeAgreement(100.0 * float(near[edges].mean()), chance, share, within_px)
