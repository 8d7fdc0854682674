"""The loops over pixels of normals, angles and planes, compiled by numba: in numpy each would walk its maps many times.

Compiled once for a machine and kept beside this file. They release Python's lock, so that two stages are measured at
the same time. Imported when first used: numba takes half a second to load.
"""

from __future__ import annotations

import numba
import numpy as np

compiled = numba.njit(nogil=True, cache=True, error_model="numpy")


@compiled
def choose_windows(
    inverse: np.ndarray,
    slope_x: np.ndarray,
    slope_y: np.ndarray,
    centre: np.ndarray,
    variance: np.ndarray,
    shifts: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Per pixel the best of the windows `shifts` x `shifts` pixels away: slopes, fitted inverse depth, score.

    All maps are float32 (H, W); shifts: int64. A score of inf: no window. The first of equal ones is taken.
    """
    height, width = inverse.shape
    count = len(shifts)
    best = np.zeros((4, height, width), np.float32)
    chosen = np.empty(width, np.int32)
    score = np.empty(width, np.float32)
    half = np.float32(0.5)
    for i in range(height):
        chosen[:] = -1
        score[:] = np.inf
        for a in range(count):
            row = i + shifts[a]
            if row < 0 or row >= height:
                continue
            sy = np.float32(shifts[a])
            for b in range(count):
                step = shifts[b]
                sx = np.float32(step)
                first, last = max(0, -step), min(width, width - step)
                # Slices, whose indices cannot be negative: only such a loop is made one of vectors.
                of_x, of_y = (
                    slope_x[row, first + step : last + step],
                    slope_y[row, first + step : last + step],
                )
                of_centre, spread = (
                    centre[row, first + step : last + step],
                    variance[row, first + step : last + step],
                )
                target, lowest, kept = inverse[i, first:last], score[first:last], chosen[first:last]
                this_one = np.int32(a * count + b)
                for j in range(len(target)):
                    misfit = target[j] - (of_centre[j] - sx * of_x[j] - sy * of_y[j])
                    this = spread[j] + half * misfit * misfit
                    better = this < lowest[j]
                    lowest[j] = this if better else lowest[j]
                    kept[j] = this_one if better else kept[j]
        for j in range(width):
            best[3, i, j] = score[j]
            if chosen[j] < 0:
                continue
            sy, sx = shifts[chosen[j] // count], shifts[chosen[j] % count]
            row, column = i + sy, j + sx
            best[0, i, j] = slope_x[row, column]
            best[1, i, j] = slope_y[row, column]
            best[2, i, j] = (
                centre[row, column]
                - np.float32(sx) * slope_x[row, column]
                - np.float32(sy) * slope_y[row, column]
            )
    return best[0], best[1], best[2], best[3]


@compiled
def fit_slopes(
    sums: tuple[np.ndarray, ...],
    moments: tuple[np.ndarray, ...],
    j: np.ndarray,
    i: np.ndarray,
    least: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Slopes, value at the centre and residual variance of each window's fit, float32 (H, W).

    sums: of d, d j, d i and d^2 over each window, (H, W); moments: the number of its valid pixels, their mean j and i
    and central jj, ij, ii, all (H, W); j (W,), i (H,): the coordinates. The variance is inf under `least` pixels or
    where they lie on a line.
    """
    s, s_j, s_i, s_s = sums
    n, mean_j, mean_i, of_jj, of_ij, of_ii = moments
    height, width = s.shape
    f32 = np.float32
    found = np.empty((4, height, width), f32)
    for row in range(height):
        for column in range(width):
            count = max(n[row, column], 1.0)
            mj, mi = mean_j[row, column], mean_i[row, column]
            jj, ij, ii = of_jj[row, column], of_ij[row, column], of_ii[row, column]
            md = s[row, column] / count
            dj = s_j[row, column] / count - md * mj
            di = s_i[row, column] / count - md * mi
            dd = s_s[row, column] / count - md * md
            det = jj * ii - ij * ij
            usable = n[row, column] >= least and det > 1e-3  # in pixels^4; points on one line have 0
            det = det if usable else 1.0
            slope_x, slope_y = (dj * ii - di * ij) / det, (di * jj - dj * ij) / det
            found[0, row, column], found[1, row, column] = f32(slope_x), f32(slope_y)
            found[2, row, column] = f32(md + slope_x * (j[column] - mj) + slope_y * (i[row] - mi))
            found[3, row, column] = f32(max(dd - slope_x * dj - slope_y * di, 0.0)) if usable else np.inf
    return found[0], found[1], found[2], found[3]


@compiled
def aware_slopes(inverse: np.ndarray, softness: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Discontinuity-aware slopes along columns and rows, and the sum of the relative second differences.

    inverse: float64 (H, W), NaN where unknown. Slopes are NaN where neither side is known, the sum is inf where a
    second difference is not.
    """
    height, width = inverse.shape
    padded = np.full((height + 4, width + 4), np.nan)
    padded[2:-2, 2:-2] = inverse
    slope_x, slope_y, bend = np.empty((height, width)), np.empty((height, width)), np.empty((height, width))
    bent = np.empty(width)
    for i in range(height):
        row = padded[i + 2]
        _aware(row[:-4], row[1:-3], row[2:-2], row[3:-1], row[4:], softness, slope_x[i], bend[i])
        a, b, c, d, e = padded[i], padded[i + 1], padded[i + 2], padded[i + 3], padded[i + 4]
        _aware(a[2:-2], b[2:-2], c[2:-2], d[2:-2], e[2:-2], softness, slope_y[i], bent)
        bend[i] += bent
    return slope_x, slope_y, bend


@compiled
def _aware(
    a: np.ndarray,
    b: np.ndarray,
    c: np.ndarray,
    d: np.ndarray,
    e: np.ndarray,
    softness: float,
    slope: np.ndarray,
    bend: np.ndarray,
) -> None:
    """Of pixels c with two neighbours on either side, all (W,): the slope from the side that bends less; own bends."""
    for j in range(len(c)):
        before, after = c[j] - b[j], d[j] - c[j]
        of_b, own, of_d = (
            abs(before - (b[j] - a[j])) / b[j],
            abs(after - before) / c[j],
            abs((e[j] - d[j]) - after) / d[j],
        )
        of_b = of_b if np.isfinite(of_b) else 1.0  # unknown: only used for want of a better side
        of_d = of_d if np.isfinite(of_d) else 1.0
        has_before, has_after = np.isfinite(before), np.isfinite(after)
        weight_before = 1.0 / (of_b * of_b + softness * softness) if has_before else 0.0
        weight_after = 1.0 / (of_d * of_d + softness * softness) if has_after else 0.0
        weighted = weight_before * (before if has_before else 0.0) + weight_after * (
            after if has_after else 0.0
        )
        total = weight_before + weight_after
        slope[j] = weighted / total  # NaN where neither side is known
        bend[j] = own if np.isfinite(own) else np.inf


@compiled
def smoothest_neighbour(
    slope_x: np.ndarray, slope_y: np.ndarray, bend: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes (H, W) taken from the pixel itself or the one of its four neighbours that bends least."""
    height, width = slope_x.shape
    best_x, best_y = np.empty((height, width)), np.empty((height, width))
    steps = ((0, 0), (0, -1), (0, 1), (-1, 0), (1, 0))
    for i in range(height):
        for j in range(width):
            best_x[i, j], best_y[i, j], best = slope_x[i, j], slope_y[i, j], np.inf
            for di, dj in steps:
                k, m = i + di, j + dj
                if not (0 <= k < height and 0 <= m < width):
                    continue
                usable = np.isfinite(slope_x[k, m]) and np.isfinite(slope_y[k, m])
                if usable and bend[k, m] < best:
                    best_x[i, j], best_y[i, j], best = slope_x[k, m], slope_y[k, m], bend[k, m]
    return best_x, best_y


@compiled
def to_normals(
    slope_x: np.ndarray,
    slope_y: np.ndarray,
    value: np.ndarray,
    usable: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    fx: float,
    fy: float,
) -> np.ndarray:
    """Unit normals float32 (H, W, 3) from the pixel slopes of the inverse depth and its value; zeros where not usable.

    x (W,), y (H,): normalised coordinates of the pixel centres.
    """
    height, width = value.shape
    normals = np.zeros((height, width, 3), np.float32)
    for i in range(height):
        for j in range(width):
            if not usable[i, j]:
                continue
            a, b = slope_x[i, j] * fx, slope_y[i, j] * fy
            c = value[i, j] - a * x[j] - b * y[i]
            length = np.sqrt(a * a + b * b + c * c)
            if length > 0:
                # n . ray = -(a x + b y + c): negative when it faces the camera
                scale = (1.0 if value[i, j] < 0 else -1.0) / length
                normals[i, j, 0], normals[i, j, 1], normals[i, j, 2] = a * scale, b * scale, c * scale
    return normals


@compiled
def angle_map(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`mtcp.geometry.normals.angle_deg` of two maps of vectors, float32 (H, W, 3) -> (H, W)."""
    height, width = a.shape[:2]
    found = np.empty((height, width), np.float32)
    to_degrees = np.float32(180.0 / np.pi)
    for i in range(height):
        for j in range(width):
            ax, ay, az = a[i, j, 0], a[i, j, 1], a[i, j, 2]
            bx, by, bz = b[i, j, 0], b[i, j, 1], b[i, j, 2]
            x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
            cross, dot = np.sqrt(x * x + y * y + z * z), ax * bx + ay * by + az * bz
            found[i, j] = np.nan if cross == 0 and dot == 0 else np.arctan2(cross, dot) * to_degrees
    return found


@compiled
def unit_vectors(vectors: np.ndarray) -> np.ndarray:
    """float32 (H, W, 3) -> unit vectors; zeros where a vector is zero or not finite."""
    height, width = vectors.shape[:2]
    found = np.zeros((height, width, 3), np.float32)
    for i in range(height):
        for j in range(width):
            x, y, z = vectors[i, j, 0], vectors[i, j, 1], vectors[i, j, 2]
            length = np.sqrt(x * x + y * y + z * z)
            if length > 1e-6 and np.isfinite(length):
                scale = np.float32(1.0) / length
                found[i, j, 0], found[i, j, 1], found[i, j, 2] = x * scale, y * scale, z * scale
    return found


@compiled
def known_vectors(vectors: np.ndarray) -> np.ndarray:
    """(H, W, 3) -> boolean (H, W): where a vector is not zero."""
    height, width = vectors.shape[:2]
    found = np.empty((height, width), np.bool_)
    for i in range(height):
        for j in range(width):
            found[i, j] = vectors[i, j, 0] != 0 or vectors[i, j, 1] != 0 or vectors[i, j, 2] != 0
    return found


@compiled
def plane_moments(
    depth: np.ndarray, part: np.ndarray, x: np.ndarray, y: np.ndarray
) -> tuple[int, np.ndarray, np.ndarray]:
    """Number, mean (3,) and covariance (3, 3), float64, of the points of a mask (h, w) whose depth is over 0.

    x (w,), y (h,): normalised coordinates of the pixel centres.
    """
    height, width = depth.shape
    mean, covariance, count = np.zeros(3), np.zeros((3, 3)), 0
    for i in range(height):
        for j in range(width):
            if part[i, j] and depth[i, j] > 0:
                z = np.float64(depth[i, j])
                count += 1
                mean[0] += x[j] * z
                mean[1] += y[i] * z
                mean[2] += z
    if count == 0:
        return count, mean, covariance
    mean /= count
    for i in range(height):
        for j in range(width):
            if part[i, j] and depth[i, j] > 0:
                z = np.float64(depth[i, j])
                u, v, w = x[j] * z - mean[0], y[i] * z - mean[1], z - mean[2]
                covariance[0, 0] += u * u
                covariance[0, 1] += u * v
                covariance[0, 2] += u * w
                covariance[1, 1] += v * v
                covariance[1, 2] += v * w
                covariance[2, 2] += w * w
    for i in range(3):
        for j in range(i):
            covariance[i, j] = covariance[j, i]
    return count, mean, covariance / count


@compiled
def sum_vectors(vectors: np.ndarray, part: np.ndarray) -> np.ndarray:
    """The sum (3,), float64, of the vectors (h, w, 3) of a mask (h, w)."""
    total = np.zeros(3)
    height, width = part.shape
    for i in range(height):
        for j in range(width):
            if part[i, j]:
                for k in range(3):
                    total[k] += vectors[i, j, k]
    return total
