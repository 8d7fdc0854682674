"""Smoothing of sampled light that stops at the edges of surfaces, and reading it between its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LightMap:
    """Light on a grid of pixels with the surfaces it belongs to.

    Attributes:
        light: float32 (h, w, C).
        position, normal: float32 (h, w, 3) of the surface points.
        scale: float32 (h, w) metres that count as "the same place" (a few pixels on the surface).
        pitch: full-size pixels from one grid pixel to the next; grid pixel (i, j) lies at the centre of pixel
            (i * pitch, j * pitch).
    """

    light: np.ndarray
    position: np.ndarray
    normal: np.ndarray
    scale: np.ndarray
    pitch: int


def _shifted(array: np.ndarray, dy: int, dx: int) -> np.ndarray:
    """Neighbour at (+dy, +dx), border repeated."""
    h, w = array.shape[:2]
    return array[np.clip(np.arange(h) + dy, 0, h - 1)][:, np.clip(np.arange(w) + dx, 0, w - 1)]


def _alike(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """1 for equal unit normals, near 0 from about 40 degrees on: the 16th power of their cosine."""
    cosine = np.maximum(np.einsum("...k,...k", a, b), 0)
    for _ in range(4):
        cosine *= cosine
    return cosine


def smooth(grid: LightMap, levels: int) -> LightMap:
    """A-trous wavelet smoothing (Dammertz et al. 2010), guided by normal and distance to the plane."""
    light = grid.light
    for level in range(levels):
        reach = 2**level
        total = light.copy()
        weight = np.ones(light.shape[:2], np.float32)
        for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
            # Each pair of pixels is compared once and its weight used both ways.
            here, there = _pair(light.shape[:2], dy * reach, dx * reach)
            alike = _alike(grid.normal[here], grid.normal[there])
            offset = grid.position[there] - grid.position[here]
            off_plane = np.einsum("...k,...k", offset, grid.normal[here]) / grid.scale[here]
            w = (alike * np.exp(-(off_plane**2)) * (0.61 if dy * dx == 0 else 0.37)).astype(np.float32)
            total[here] += w[..., None] * light[there]
            total[there] += w[..., None] * light[here]
            weight[here] += w
            weight[there] += w
        light = total / weight[..., None]
    return LightMap(light, grid.position, grid.normal, grid.scale, grid.pitch)


_Window = tuple[slice, slice]


def _pair(shape: tuple[int, int], dy: int, dx: int) -> tuple[_Window, _Window]:
    """Two windows of a grid, the second (dy, dx) further on."""
    h, w = shape
    dy = min(dy, h)
    left, right = max(0, min(-dx, w)), max(0, min(dx, w))
    here = (slice(0, h - dy), slice(left, max(left, w - right)))
    there = (slice(dy, h), slice(right, max(right, w - left)))
    return here, there


UNKNOWN = (
    0.03  # a neighbour on the same surface weighs from 0.06, one on a parallel shelf edge next to nothing
)
NARROW = ((0, 0), (0, 1), (1, 0), (1, 1))
WIDE = tuple((dy, dx) for dy in (-1, 0, 1, 2) for dx in (-1, 0, 1, 2))


def lookup(
    grid: LightMap, row: np.ndarray, column: np.ndarray, position: np.ndarray, normal: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Light at sample points from the grid pixels round them that lie on the same surface.

    Args:
        row, column: (N,) where the samples are, in full-size pixels (pixel centres at whole numbers).

    Returns:
        float32 (N, C), and bool (N,) where no grid pixel fits: compute those yourself.
    """
    sheets = (grid.position, grid.normal, grid.scale[..., None], grid.light)
    table = np.concatenate(sheets, -1, dtype=np.float32)
    light, weight = _weighted(table, grid.pitch, row, column, position, normal, NARROW)
    poor = np.flatnonzero(weight < 0.05)
    if len(poor):
        light[poor], weight[poor] = _weighted(
            table, grid.pitch, row[poor], column[poor], position[poor], normal[poor], WIDE
        )
    return light, weight < UNKNOWN


def _weighted(
    table: np.ndarray, pitch: int, row: np.ndarray, column: np.ndarray, position: np.ndarray, normal: np.ndarray,
    taps: tuple[tuple[int, int], ...],
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Weighted mean (N, C) over some neighbours and the sum of the weights (N,).

    Args:
        table: float32 (h, w, 7 + C) with position, normal, scale and light of every grid pixel.
    """
    h, w, width = table.shape
    flat = table.reshape(h * w, width)
    y, x = row / np.float32(pitch), column / np.float32(pitch)
    y0, x0 = np.floor(y), np.floor(x)
    fy, fx = y - y0, x - x0
    first = y0.astype(np.int64), x0.astype(np.int64)
    total = np.zeros((len(row), width - 7), np.float32)
    weight = np.zeros(len(row), np.float32)
    for dy, dx in taps:
        index = np.clip(first[0] + dy, 0, h - 1) * w + np.clip(first[1] + dx, 0, w - 1)
        there = flat[index]
        alike = _alike(there[:, 3:6], normal)
        off_plane = np.einsum("nk,nk->n", there[:, :3] - position, normal) / there[:, 6]
        part = alike * np.exp(-1.4 * ((dy - fy) ** 2 + (dx - fx) ** 2) - off_plane**2)
        total += part[:, None] * there[:, 7:]
        weight += part
    return total / np.maximum(weight, 1e-9)[:, None], weight
