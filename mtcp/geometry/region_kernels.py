"""The loops over the pixels of regions, compiled by numba as those of `mtcp.geometry.kernels` are.

A photo has some fifty failures: what numpy needs for a small array each time it is called is most of what they cost.
"""

from __future__ import annotations

import numpy as np

from mtcp.geometry.kernels import compiled


@compiled
def boxes(labels: np.ndarray, count: int) -> np.ndarray:
    """int64 (count, 5): of each label its left, top, right and bottom (half-open) and its pixels.

    labels: int32 (h, w), from 0 to under `count`. A label without pixels has 0 of them, and no box.
    """
    height, width = labels.shape
    found = np.zeros((count, 5), np.int64)
    found[:, 0], found[:, 1] = width, height
    for i in range(height):
        for j in range(width):
            of = found[labels[i, j]]
            of[0] = min(of[0], j)
            of[1] = min(of[1], i)
            of[2] = max(of[2], j + 1)
            of[3] = i + 1
            of[4] += 1
    return found


@compiled
def mean_where(values: np.ndarray, part: np.ndarray, top: int, left: int) -> float:
    """Mean of what is finite in a mask (h, w) that lies at (top, left) of a map (H, W); NaN where nothing is."""
    height, width = part.shape
    total, count = 0.0, 0
    for i in range(height):
        for j in range(width):
            if part[i, j] and np.isfinite(values[top + i, left + j]):
                total += values[top + i, left + j]
                count += 1
    return total / count if count else np.nan


@compiled
def sampled(vectors: np.ndarray, part: np.ndarray, every: int) -> np.ndarray:
    """float32 (N, 3): every `every`-th of the vectors (h, w, 3) of a mask (h, w), from the first one on."""
    height, width = part.shape
    count = 0
    for i in range(height):
        for j in range(width):
            count += part[i, j]
    found = np.empty((-(-count // every), 3), np.float32)
    seen = 0
    for i in range(height):
        for j in range(width):
            if part[i, j]:
                if seen % every == 0:
                    for k in range(3):
                        found[seen // every, k] = vectors[i, j, k]
                seen += 1
    return found


@compiled
def within(vectors: np.ndarray, part: np.ndarray, direction: np.ndarray, cosine: float) -> np.ndarray:
    """Boolean (h, w): which of a mask have a unit vector (h, w, 3) whose cosine with `direction` is over `cosine`."""
    height, width = part.shape
    x, y, z = direction
    found = np.zeros((height, width), np.bool_)
    for i in range(height):
        for j in range(width):
            if part[i, j]:
                found[i, j] = vectors[i, j, 0] * x + vectors[i, j, 1] * y + vectors[i, j, 2] * z > cosine
    return found


@compiled
def main_direction(
    vectors: np.ndarray, candidates: np.ndarray, of_votes: float, of_shift: float, rounds: int
) -> np.ndarray:
    """The most frequent direction (3,) of unit vectors (N, 3): the candidate (K, 3) with most of them at a cosine over
    `of_votes`, the first of equal ones, then `rounds` times the mean of those at a cosine over `of_shift`.
    """
    most, best = -1, 0
    for k in range(len(candidates)):
        x, y, z = candidates[k]
        votes = 0
        for n in range(len(vectors)):
            votes += vectors[n, 0] * x + vectors[n, 1] * y + vectors[n, 2] * z > of_votes
        if votes > most:
            most, best = votes, k
    direction = candidates[best].astype(np.float64)
    for _ in range(rounds):
        total = np.zeros(3)
        for n in range(len(vectors)):
            cosine = (
                vectors[n, 0] * direction[0] + vectors[n, 1] * direction[1] + vectors[n, 2] * direction[2]
            )
            if cosine > of_shift:
                for k in range(3):
                    total[k] += vectors[n, k]
        length = np.sqrt(np.sum(total * total))
        if length <= 1e-6:
            break
        direction = total / length
    return direction


@compiled
def direction_and_scatter(vectors: np.ndarray) -> tuple[np.ndarray, float]:
    """Of vectors (N, 3) the direction (3,) of their sum, and the mean angle of those that are not zero to it, degrees;
    NaN where they cancel.
    """
    total = np.zeros(3)
    for n in range(len(vectors)):
        for k in range(3):
            total[k] += vectors[n, k]
    length = np.sqrt(np.sum(total * total))
    if not length > 1e-6:
        return np.full(3, np.nan), np.nan
    total /= length
    angles, count = 0.0, 0
    bx, by, bz = total
    for n in range(len(vectors)):
        ax, ay, az = np.float64(vectors[n, 0]), np.float64(vectors[n, 1]), np.float64(vectors[n, 2])
        if ax != 0 or ay != 0 or az != 0:
            x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
            angles += np.arctan2(np.sqrt(x * x + y * y + z * z), ax * bx + ay * by + az * bz)
            count += 1
    return total, np.degrees(angles / count)


@compiled
def inverse_depth_plane(x: np.ndarray, y: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Least squares of the inverse depth at rays (x, y, 1), all (N,), as a x + b y + c: (a, b, c). NaN where those
    with a depth over 0 lie on a line.
    """
    count, mean_x, mean_y, mean_d = 0, 0.0, 0.0, 0.0
    for n in range(len(depth)):
        if depth[n] > 0:
            count += 1
            mean_x += x[n]
            mean_y += y[n]
            mean_d += 1.0 / np.float64(depth[n])
    found = np.full(3, np.nan)
    if count < 3:
        return found
    mean_x, mean_y, mean_d = mean_x / count, mean_y / count, mean_d / count
    xx, xy, yy, xd, yd = 0.0, 0.0, 0.0, 0.0, 0.0
    for n in range(len(depth)):
        if depth[n] > 0:
            u, v, d = x[n] - mean_x, y[n] - mean_y, 1.0 / np.float64(depth[n]) - mean_d
            xx += u * u
            xy += u * v
            yy += v * v
            xd += u * d
            yd += v * d
    det = xx * yy - xy * xy
    if det > 1e-6 * xx * yy:
        a, b = (xd * yy - yd * xy) / det, (yd * xx - xd * xy) / det
        found[0], found[1], found[2] = a, b, mean_d - a * mean_x - b * mean_y
    return found
