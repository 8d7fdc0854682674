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

_TILE_ROWS = 32  # the 25 comparisons of a tile stay in the cache
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
    inverse, valid = _inverse_depth(depth, camera)
    fit = _fit_windows(inverse, valid, window)
    best = _choose_windows(inverse, fit, shifts)
    return _to_normals(best[0], best[1], best[2], camera, valid & np.isfinite(best[3]))


def derivative_normals(depth: np.ndarray, camera: Camera, refine: bool = True) -> np.ndarray:
    """Normals by local derivatives, in the manner of D2NT: sharp and fast, but noisy where depth is.

    After Feng, Xue, Liu, Chen, Fan, "D2NT: A High-Performing Depth-to-Normal Translator", ICRA 2023
    (arXiv:2304.12031): a discontinuity-aware gradient, which leans to the side (left or right, above or
    below) where the second difference is smaller, then a refinement that lets a pixel on a crease take the
    gradient of the smoothest of its four neighbours. Departure: on inverse depth, where a plane has no second
    difference, and with rational weights relative to the inverse depth in place of a softmin in metres.

    Args, returns and errors as for `plane_fit_normals`; `refine` switches the second step.
    """
    inverse, valid = _inverse_depth(depth, camera)
    inverse = np.where(valid, inverse, np.nan)
    slope_x, bend_x = _aware_gradient(inverse)
    slope_y, bend_y = (m.T for m in _aware_gradient(np.ascontiguousarray(inverse.T)))
    if refine:
        slope_x, slope_y = _smoothest_neighbour(slope_x, slope_y, bend_x + bend_y)
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
    H, W = inverse.shape
    half = window // 2
    j = np.arange(W)[None] - (W - 1) / 2.0  # (1, W)
    i = np.arange(H)[:, None] - (H - 1) / 2.0  # (H, 1)
    n, mj, mi, jj, ij, ii = _coordinate_moments(valid, j, i, half)
    enough = n >= max(3, window * window // 8)
    n = np.maximum(n, 1.0)
    md = _box_sum(inverse, half) / n
    dj = _box_sum(inverse * j, half) / n - md * mj
    di = _box_sum(inverse * i, half) / n - md * mi
    dd = _box_sum(inverse * inverse, half) / n - md * md
    det = jj * ii - ij * ij
    usable = enough & (det > 1e-3)  # in pixels^4; points on one line have 0
    det = np.where(usable, det, 1.0)
    slope_x = (dj * ii - di * ij) / det
    slope_y = (di * jj - dj * ij) / det
    centre = md + slope_x * (j - mj) + slope_y * (i - mi)
    variance = np.maximum(dd - slope_x * dj - slope_y * di, 0.0)
    variance[~usable] = np.inf
    f32 = np.float32
    return slope_x.astype(f32), slope_y.astype(f32), centre.astype(f32), variance.astype(f32)


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


def _choose_windows(
    inverse: np.ndarray, fit: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], shifts: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Per pixel the best of the shifted windows: slopes, fitted inverse depth, score (inf: none)."""
    H, W = inverse.shape
    pad = max(abs(s) for s in shifts)
    fills = (0.0, 0.0, 0.0, np.inf)
    padded = [np.pad(m, pad, constant_values=v) for m, v in zip(fit, fills, strict=True)]
    target = inverse.astype(np.float32)
    chosen = [np.zeros((H, W), np.float32) for _ in range(3)]
    score = np.full((H, W), np.inf, np.float32)
    for top in range(0, H, _TILE_ROWS):
        rows = slice(top, min(top + _TILE_ROWS, H))
        best = [m[rows] for m in chosen]
        for sy in shifts:
            for sx in shifts:
                at = (slice(rows.start + pad + sy, rows.stop + pad + sy), slice(pad + sx, pad + sx + W))
                slope_x, slope_y, centre, variance = (m[at] for m in padded)
                value = centre - sx * slope_x - sy * slope_y
                misfit = target[rows] - value
                this = variance + 0.5 * misfit * misfit
                better = this < score[rows]
                for kept, new in zip((score[rows], *best), (this, slope_x, slope_y, value), strict=True):
                    np.copyto(kept, new, where=better)
    return chosen[0], chosen[1], chosen[2], score


def _aware_gradient(inverse: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Discontinuity-aware gradient along the columns' direction (axis 1) and the relative second difference.

    Invalid pixels are NaN. Returns (slope, bend), (H, W): NaN slope where neither side is known, inf bend
    where the second difference is not known.
    """
    padded = np.pad(inverse, ((0, 0), (2, 2)), constant_values=np.nan)
    step = np.diff(padded, axis=1)  # (H, W+3): step[k] leads from padded[k] to padded[k+1]
    bend = np.abs(np.diff(step, axis=1)) / padded[:, 1:-1]  # (H, W+2): of padded[1..W+2]
    before, after = step[:, 1:-2], step[:, 2:-1]  # to the pixel from the left, from it to the right
    bend_known = np.where(np.isfinite(bend), bend, 1.0)  # unknown: only used for want of a better side
    weight_before = np.isfinite(before) / (bend_known[:, :-2] ** 2 + _DAG_SOFTNESS**2)
    weight_after = np.isfinite(after) / (bend_known[:, 2:] ** 2 + _DAG_SOFTNESS**2)
    total = weight_before + weight_after
    weighted = weight_before * np.nan_to_num(before) + weight_after * np.nan_to_num(after)
    slope = np.divide(weighted, total, out=np.full_like(total, np.nan), where=total > 0)
    own = bend[:, 1:-1]
    return slope, np.where(np.isfinite(own), own, np.inf)


def _smoothest_neighbour(
    slope_x: np.ndarray, slope_y: np.ndarray, bend: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes taken from the pixel itself or the one of its four neighbours that bends least."""
    usable = np.isfinite(slope_x) & np.isfinite(slope_y)
    maps = [np.pad(m, 1, constant_values=v) for m, v in ((slope_x, np.nan), (slope_y, np.nan))]
    bends = np.pad(np.where(usable, bend, np.inf), 1, constant_values=np.inf)
    best_x, best_y, best = slope_x.copy(), slope_y.copy(), bends[1:-1, 1:-1].copy()
    H, W = slope_x.shape
    for dy, dx in ((0, -1), (0, 1), (-1, 0), (1, 0)):
        at = (slice(1 + dy, 1 + dy + H), slice(1 + dx, 1 + dx + W))
        better = bends[at] < best
        for kept, new in ((best, bends[at]), (best_x, maps[0][at]), (best_y, maps[1][at])):
            np.copyto(kept, new, where=better)
    return best_x, best_y


def _to_normals(
    slope_x: np.ndarray, slope_y: np.ndarray, value: np.ndarray, camera: Camera, usable: np.ndarray
) -> np.ndarray:
    """Unit normals from the pixel slopes of the inverse depth and its value; zeros where not usable."""
    x, y = camera.axes()
    a, b = slope_x * camera.fx, slope_y * camera.fy
    normals = np.stack((a, b, value - a * x - b * y[:, None]), axis=-1)
    facing = -np.where(value < 0, -1.0, 1.0)  # n . ray = -(a x + b y + c): negative when it faces the camera
    length = np.sqrt(np.einsum("hwc,hwc->hw", normals, normals))
    scale = np.divide(facing, length, out=np.zeros_like(length), where=usable & (length > 0))
    normals = normals * scale[..., None]
    normals[~usable] = 0.0
    return normals.astype(np.float32)
