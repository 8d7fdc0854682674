"""Value noise on a hashed lattice: an exact function of position, the same on every machine."""

from __future__ import annotations

import numpy as np


def _stir(h: np.ndarray, key: np.ndarray | int) -> np.ndarray:
    """One round of the hash: uint32 state (1-d, or numpy warns of wrapping) with a further integer key."""
    h = h ^ np.atleast_1d(key).astype(np.uint32)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(13)
    return h


_START = np.array([0x9E3779B9], np.uint32)


def _unit(h: np.ndarray) -> np.ndarray:
    return (h >> np.uint32(8)).astype(np.float32) * np.float32(1 / 2**24)


def hash_unit(*keys: np.ndarray | int) -> np.ndarray:
    """Uniform float32 in [0, 1) from integer keys (1-d, broadcast together; one number for scalars)."""
    h = _START
    for key in keys:
        h = _stir(h, key)
    return _unit(h)


def hash_number(*keys: int) -> float:
    """One number in [0, 1) from integer keys."""
    return float(hash_unit(*keys)[0])


def value_noise(points: np.ndarray, seed: int = 0) -> np.ndarray:
    """Smooth noise in [-1, 1] with features of size 1.

    Args:
        points: (N, 2) or (N, 1).

    Returns:
        float32 (N,).
    """
    base = np.floor(points)
    t = (points - base).astype(np.float32)
    t = t * t * (3 - 2 * t)
    cell = base.astype(np.int64).astype(np.uint32)
    start = _stir(_START, seed)
    left, right = _stir(start, cell[:, 0]), _stir(start, cell[:, 0] + np.uint32(1))
    if points.shape[1] == 1:
        a, b = _unit(left), _unit(right)
        return (a + (b - a) * t[:, 0]) * 2 - 1
    y, above = cell[:, 1], cell[:, 1] + np.uint32(1)
    a, b, c, d = (
        _unit(_stir(left, y)),
        _unit(_stir(right, y)),
        _unit(_stir(left, above)),
        _unit(_stir(right, above)),
    )
    low = a + (b - a) * t[:, 0]
    high = c + (d - c) * t[:, 0]
    return (low + (high - low) * t[:, 1]) * 2 - 1


def fbm(points: np.ndarray, octaves: int, seed: int = 0, width: np.ndarray | float = 0.0) -> np.ndarray:
    """Octaves of value noise, each half as large and half as strong, about in [-1, 1], mean 0.

    Args:
        points: (N, 1 or 2), the first octave has features of size 1.
        width: (N,) or scalar, size of a pixel on the surface in the same unit: octaves too fine for it fade
            out, which keeps distant surfaces from sparkling.
    """
    total = np.zeros(len(points), np.float32)
    norm = 0.0
    for octave in range(octaves):
        frequency, amplitude = 2.0**octave, 0.5**octave
        norm += amplitude
        fade = np.clip(1.6 - 2.2 * np.asarray(width, np.float32) * frequency, 0, 1)
        if np.any(fade > 0):
            total += amplitude * fade * value_noise(points * frequency + 17.3 * octave, seed + octave)
    return total * np.float32(1.6 / norm)


def line(distance: np.ndarray, thickness: float, width: np.ndarray | float) -> np.ndarray:
    """Coverage 0..1 by a line of `thickness` of pixels `width` wide at `distance` from its middle."""
    width = np.maximum(width, 1e-5)
    ramp = np.clip((np.maximum(thickness, width) / 2 - distance) / width + 0.5, 0, 1)
    return (ramp * np.minimum(1, thickness / width)).astype(np.float32)


def step(distance: np.ndarray, width: np.ndarray | float) -> np.ndarray:
    """1 where `distance` is negative (inside), 0 outside, a ramp one pixel wide between."""
    return np.clip(0.5 - distance / np.maximum(width, 1e-5), 0, 1).astype(np.float32)
