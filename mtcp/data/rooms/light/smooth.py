"""Smoothing of sampled light that stops at the edges of surfaces."""

from __future__ import annotations

import numpy as np

_Window = tuple[slice, slice]


def smooth(
    light: np.ndarray, position: np.ndarray, normal: np.ndarray, scale: np.ndarray, levels: int
) -> np.ndarray:
    """A-trous wavelet smoothing (Dammertz et al. 2010), guided by normal and distance to the plane.

    Args:
        light: float32 (H, W, C).
        position, normal: float32 (H, W, 3) of the surface that each pixel sees.
        scale: float32 (H, W) metres that count as "the same place" (a few pixels on the surface).
        levels: passes, each reaching twice as far as the one before.
    """
    for level in range(levels):
        reach = 2**level
        total = light.copy()
        weight = np.ones(light.shape[:2], np.float32)
        for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
            # Each pair of pixels is compared once and its weight used both ways.
            here, there = _pair(light.shape[:2], dy * reach, dx * reach)
            cosine = np.maximum(np.einsum("...k,...k", normal[here], normal[there]), 0)
            offset = position[there] - position[here]
            off_plane = np.einsum("...k,...k", offset, normal[here]) / scale[here]
            w = (cosine**16 * np.exp(-(off_plane**2)) * (0.61 if dy * dx == 0 else 0.37)).astype(np.float32)
            total[here] += w[..., None] * light[there]
            total[there] += w[..., None] * light[here]
            weight[here] += w
            weight[there] += w
        light = total / weight[..., None]
    return light


def _pair(shape: tuple[int, int], dy: int, dx: int) -> tuple[_Window, _Window]:
    """Two windows of a grid, the second (dy, dx) further on."""
    h, w = shape
    dy = min(dy, h)
    left, right = max(0, min(-dx, w)), max(0, min(dx, w))
    here = (slice(0, h - dy), slice(left, max(left, w - right)))
    there = (slice(dy, h), slice(right, max(right, w - left)))
    return here, there
