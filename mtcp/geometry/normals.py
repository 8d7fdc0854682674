"""Surface normals from a depth map and its camera, two ways.

Both work on the inverse depth d = 1/z, because a plane seen by a pinhole camera is *affine* in it:
d = a x + b y + c over the normalised coordinates x = (u - cx) / fx, y = (v - cy) / fy, with the normal
-(a, b, c) / |(a, b, c)|. In pixel units the slopes are a / fx and b / fy, so the fits do not depend on the
camera; only the last step does.

Camera axes: x right, y down, z forward; a wall facing the camera has the normal (0, 0, -1). The noise of the
depth decides which method is better: see `python -m benchmarks.normals`.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from mtcp.errors import InputError
from mtcp.geometry.camera import Camera

WINDOW = 11
SHIFTS = (-5, -2, 0, 2, 5)
REFERENCE_WIDTH = 320
"""`WINDOW` and `SHIFTS` are meant for 320 x 240 pictures."""

_DAG_SOFTNESS = 0.002  # second differences below 0.2 % of the inverse depth hardly sway the sides


def plane_fit_normals(
    depth: np.ndarray, camera: Camera, window: int = WINDOW, shifts: Sequence[int] = SHIFTS
) -> np.ndarray:
    """Normals by an edge-preserving plane fit, the reference definition of this project.

    For each `window` x `window` neighbourhood 1/z = a x + b y + c is fitted by least squares. Each pixel
    takes, among the windows whose centres lie `shifts` x `shifts` pixels away, the one with the lowest
    residual variance plus half the squared misfit at the pixel itself. Windows are clipped to the image and
    use valid pixels only.

    Args:
        depth: (H, W) metres along z; 0, negative, NaN or infinite is invalid.
        camera: of the same size.
        window: odd, in pixels. 11 at 240 x 320; `scaled_window` gives the equivalent for other sizes.
        shifts: offsets of the candidate windows in pixels, used for rows and columns.

    Returns:
        (H, W, 3) float32 unit normals that face the camera; zeros where depth is invalid or no window has
        enough points.

    Raises:
        InputError: sizes that differ, an even or too small window.
    """
    if window < 3 or window % 2 == 0:
        raise InputError(f"window {window}: give an odd number of pixels, at least 3")
    if not shifts or any(abs(s) > window // 2 for s in shifts):
        raise InputError(f"shifts {tuple(shifts)}: give offsets of at most {window // 2}, half the window")
    from mtcp.geometry import kernels

    inverse, valid = _inverse_depth(depth, camera)
    fit = _fit_windows(inverse, valid, window)
    offsets = np.asarray(shifts, np.int64)
    slope_x, slope_y, value, score = kernels.choose_windows(inverse.astype(np.float32), *fit, offsets)
    return _to_normals(slope_x, slope_y, value, camera, valid & np.isfinite(score))


def derivative_normals(depth: np.ndarray, camera: Camera, refine: bool = True) -> np.ndarray:
    """Normals by local derivatives, in the manner of D2NT: sharp and fast, but noisy where depth is.

    After Feng, Xue, Liu, Chen, Fan, "D2NT: A High-Performing Depth-to-Normal Translator", ICRA 2023
    (arXiv:2304.12031): a discontinuity-aware gradient, which leans to the side (left or right, above or
    below) where the second difference is smaller, then a refinement that lets a pixel on a crease take the
    gradient of the smoothest of its four neighbours. Departure: on inverse depth, where a plane has no second
    difference, and with rational weights relative to the inverse depth in place of a softmin in metres.

    Args, returns and errors as for `plane_fit_normals`; `refine` switches the second step.
    """
    from mtcp.geometry import kernels

    inverse, valid = _inverse_depth(depth, camera)
    inverse = np.where(valid, inverse, np.nan)
    slope_x, slope_y, bend = kernels.aware_slopes(inverse, _DAG_SOFTNESS)
    if refine:
        slope_x, slope_y = kernels.smoothest_neighbour(slope_x, slope_y, bend)
    usable = valid & np.isfinite(slope_x) & np.isfinite(slope_y)
    return _to_normals(slope_x, slope_y, inverse, camera, usable)


def scaled_window(width: int, height: int) -> tuple[int, tuple[int, ...]]:
    """`WINDOW` and `SHIFTS` for another picture size, so that the same part of the scene is fitted.

    Scaled by the long side over 320; the window stays odd and is at least 5.
    """
    scale = max(width, height) / REFERENCE_WIDTH
    half = max(2, round(WINDOW // 2 * scale))
    shifts = sorted({max(-half, min(half, round(s * scale))) for s in SHIFTS})
    return 2 * half + 1, tuple(shifts)


def angle_deg(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angle in degrees (0 to 180) between vectors (..., 3) of any length; NaN where one of them is zero.

    By atan2 of cross and dot product, which keeps its precision near 0 and 180 degrees, where arccos
    loses it.
    """
    a, b = np.asarray(a), np.asarray(b)
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    with np.errstate(invalid="ignore"):  # infinite coordinates: no direction, so NaN
        cross = np.sqrt((ay * bz - az * by) ** 2 + (az * bx - ax * bz) ** 2 + (ax * by - ay * bx) ** 2)
        dot = ax * bx + ay * by + az * bz
    angle = np.degrees(np.arctan2(cross, dot))
    return np.where((cross == 0) & (dot == 0), np.nan, angle)


def _inverse_depth(depth: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """1/z as float64 (H, W), 0 where invalid, and the validity mask."""
    depth = np.asarray(depth)
    if depth.ndim != 2:
        raise InputError(f"depth has shape {depth.shape}: give one map (H, W) in metres")
    camera.require(depth, "depth")
    depth = depth.astype(np.float64)
    valid = np.isfinite(depth) & (depth > 0)
    return np.divide(1.0, depth, out=np.zeros_like(depth), where=valid), valid


def _box_sum(values: np.ndarray, half: int) -> np.ndarray:
    """Sums over (2 half + 1)^2 windows clipped to the image, at every pixel (H, W)."""
    window = (2 * half + 1, 2 * half + 1)
    return cv2.boxFilter(values, cv2.CV_64F, window, normalize=False, borderType=cv2.BORDER_CONSTANT)


def _fit_windows(
    inverse: np.ndarray, valid: np.ndarray, window: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Least squares d = A (j - j0) + B (i - i0) + D per window centred on pixel (i0, j0).

    Returns A, B, D and the residual variance, float32 (H, W); the variance is infinite where fewer than an
    eighth of the window is valid or the points lie on a line.
    """
    from mtcp.geometry import kernels

    H, W = inverse.shape
    half = window // 2
    j = np.arange(W)[None] - (W - 1) / 2.0  # (1, W)
    i = np.arange(H)[:, None] - (H - 1) / 2.0  # (H, 1)
    sums = tuple(_box_sum(v, half) for v in (inverse, inverse * j, inverse * i, inverse * inverse))
    moments = tuple(np.broadcast_to(m, (H, W)) for m in _coordinate_moments(valid, j, i, half))
    return kernels.fit_slopes(sums, moments, j[0], i[:, 0], max(3, window * window // 8))


def _coordinate_moments(
    valid: np.ndarray, j: np.ndarray, i: np.ndarray, half: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Count, means (j, i) and central second moments (jj, ij, ii) of the valid pixels of every window.

    `j` is (1, W) and `i` (H, 1). With every pixel valid the sums factorise, which saves most of the work.
    """
    if valid.all():
        n_j, n_i = _box_sum(np.ones_like(j), half), _box_sum(np.ones_like(i), half)
        mj, mi = _box_sum(j, half) / n_j, _box_sum(i, half) / n_i
        jj, ii = _box_sum(j * j, half) / n_j - mj * mj, _box_sum(i * i, half) / n_i - mi * mi
        return n_j * n_i, mj, mi, jj, np.zeros((1, 1)), ii
    w = valid.astype(np.float64)
    n = _box_sum(w, half)
    safe = np.maximum(n, 1.0)
    mj, mi = _box_sum(w * j, half) / safe, _box_sum(w * i, half) / safe
    jj = _box_sum(w * (j * j), half) / safe - mj * mj
    ij = _box_sum(w * (i * j), half) / safe - mi * mj
    ii = _box_sum(w * (i * i), half) / safe - mi * mi
    return n, mj, mi, jj, ij, ii


def _to_normals(
    slope_x: np.ndarray, slope_y: np.ndarray, value: np.ndarray, camera: Camera, usable: np.ndarray
) -> np.ndarray:
    from mtcp.geometry import kernels

    return kernels.to_normals(slope_x, slope_y, value, usable, *camera.axes(), camera.fx, camera.fy)
