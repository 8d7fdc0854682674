"""Colours as linear RGB triples, so that light adds up; written as the usual sRGB hex codes."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.chance import any_of

Colour = tuple[float, float, float]

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Rec. 709 weights of linear RGB."""


def srgb(code: str) -> Colour:
    """Linear RGB in 0..1 of an sRGB hex code such as "#c8a070"."""
    values = (int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))
    r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return r, g, b


def mix(a: Colour, b: Colour, t: float) -> Colour:
    """From `a` (t = 0) to `b` (t = 1)."""
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t


def scaled(colour: Colour, factor: float) -> Colour:
    """A surface colour brighter or darker, capped at 0.92: nothing reflects more than fresh white paint."""
    return min(colour[0] * factor, 0.92), min(colour[1] * factor, 0.92), min(colour[2] * factor, 0.92)


def varied(rng: np.random.Generator, colour: Colour, amount: float = 0.1) -> Colour:
    """A neighbour of `colour`: brightness and each channel drawn within about `amount`."""
    shift = np.exp(rng.normal(0, amount, 1) + rng.normal(0, amount / 4, 3))
    r, g, b = (float(v) for v in np.clip(np.asarray(colour) * shift, 0.005, 0.92))
    return r, g, b


def pick(rng: np.random.Generator, codes: tuple[str, ...]) -> Colour:
    """One of the hex codes, linear."""
    return srgb(any_of(rng, codes))


def encode(linear: np.ndarray) -> np.ndarray:
    """sRGB transfer curve of linear values in 0..1, any shape."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
