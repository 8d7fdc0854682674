"""Pictures of predictions: plain functions from arrays to RGB uint8 (H, W, 3). Legends are in `mtcp.drawing.legend`.

Colour maps are perceptually uniform and safe for colour-blind readers: viridis (depth), magma (probability,
angle), both of matplotlib (CC0), and vik (differences around zero; Crameri 2018, MIT licence).

Normals follow the usual light-blue look: rgb = ((nx, -ny, -nz) + 1) / 2, in camera axes x right, y down, z
forward. So red grows to the right, green upwards, blue towards the camera; a wall facing the camera, (0, 0,
-1), is (128, 128, 255) and a floor, (0, -1, 0), is (128, 255, 128).
"""

from __future__ import annotations

import colorsys
import functools
from collections.abc import Sequence

import numpy as np

from mtcp.errors import InputError

Colour = tuple[int, int, int]

INVALID: Colour = (0, 0, 0)
ANGLE_LIMIT = 60.0
"""Degrees at the bright end of angle maps."""
LEAST_DEPTH_LIMIT = 0.05
"""Metres at the ends of a depth difference map, at least: millimetres must not look like metres."""
FADE = 0.35
"""How much of the photo is left in `faded`."""

# 52 colours at even distances; between them linear, within 1 of 255 of the full 256
_ANCHORS = {
    "viridis": (
        "44015446085c471063481769481d6f482475472a7a46307e453781433d844142873f48893d4e8a"
        "3a538b38598c355e8d33638d31688e2e6d8e2c718e2a768e297b8e27808e25848e23898e218e8d"
        "20928c1f978b1e9c891fa18821a58524aa8328ae802eb37c35b7793dbc7446c06f50c46a5ac864"
        "65cb5e70cf577cd25089d54895d840a2da37b0dd2fbddf26cae11fd8e219e5e419f1e51dfde725"
    ),
    "magma": (
        "00000402020b0504160907200e0b2b140e361a104221114e29115a311165390f6e420f754a1079"
        "52137c5a167e6219806a1c81721f81792282812581892881912b81992d80a1307eaa337db2357b"
        "ba3878c23b75ca3e72d2426fd9466be04c67e75263ec5860f1605df4695cf7725cf97b5dfb8560"
        "fc8e64fd9869fea16efeaa74feb47bfebd82fec68afecf92fed89afde2a3fdebacfcf4b6fcfdbf"
    ),
    "vik": (
        "001261011a6602226b022a7002317502397a03417f03498405518908598f106294196b9a2575a1"
        "337fa84289af5194b6619ebd71a8c480b2ca90bcd1a0c5d8b0cfdec0d8e4cfe0e8dee6e9e8e7e5"
        "eee3dceedbd0ecd1c3e8c8b5e4bea8dfb49adbaa8dd7a081d39774cf8e68cc855dc87c51c47445"
        "c06b3abc622fb65824af4c18a5400f9a35088f2b068522067c1b067314066a0d07620607590008"
    ),
}


@functools.cache
def colour_map(name: str) -> np.ndarray:
    """The 256 colours of viridis, magma or vik, uint8 (256, 3), read-only. Raises InputError for another
    name.
    """
    if name not in _ANCHORS:
        raise InputError(f"unknown colour map {name!r}: choose one of {', '.join(_ANCHORS)}")
    anchors = np.frombuffer(bytes.fromhex(_ANCHORS[name]), np.uint8).reshape(-1, 3)
    at = np.linspace(0, 255, len(anchors))
    channels = [np.interp(np.arange(256), at, anchors[:, c]) for c in range(3)]
    table = np.stack(channels, axis=1).round().astype(np.uint8)
    table.flags.writeable = False
    return table


def mapped(
    values: np.ndarray, low: float, high: float, name: str, valid: np.ndarray | None = None
) -> np.ndarray:
    """values (H, W) through a colour map: `low` and below is its first colour, `high` and above its last.

    Pixels that are not finite, or not `valid`, are black.
    """
    span = high - low
    scaled = (np.asarray(values, np.float32) - low) * (255.0 / span if span > 0 else 0.0)
    shown = np.isfinite(scaled) if valid is None else np.isfinite(scaled) & valid
    picture = colour_map(name)[np.where(shown, scaled, 0).clip(0, 255).round().astype(np.uint8)]
    picture[~shown] = INVALID
    return picture


def palette(count: int) -> tuple[Colour, ...]:
    """`count` distinct RGB colours (0..255): golden-ratio hues over three lightness and two saturation levels."""
    colours = []
    for i in range(count):
        hue = (i * 0.61803398875 + 0.55) % 1.0
        lightness = (0.42, 0.62, 0.78)[i % 3]
        saturation = (0.55, 0.85)[(i // 3) % 2]
        r, g, b = colorsys.hls_to_rgb(hue, lightness, saturation)
        colours.append((round(r * 255), round(g * 255), round(b * 255)))
    return tuple(colours)


def classes(labels: np.ndarray, colours: Sequence[Colour]) -> np.ndarray:
    """labels uint8 (H, W) -> their colours; labels beyond the palette (255: ignored) are black."""
    table = np.full((256, 3), INVALID, np.uint8)
    table[: len(colours)] = np.asarray(colours, np.uint8)
    return table[labels]


def value_range(*maps: np.ndarray) -> tuple[float, float]:
    """Smallest and largest valid value (finite, > 0) of all maps together, so that their pictures compare.

    (0, 1) when nothing is valid.
    """
    low, high = np.inf, -np.inf
    for values in maps:
        known = values[np.isfinite(values) & (values > 0)]
        if known.size:
            low, high = min(low, float(known.min())), max(high, float(known.max()))
    return (low, high) if low <= high else (0.0, 1.0)


def depth(metres: np.ndarray, limits: tuple[float, float] | None = None) -> np.ndarray:
    """Depth (H, W) in metres in viridis, near is dark; 0 (invalid) black. limits: default `value_range`."""
    low, high = limits or value_range(metres)
    return mapped(metres, low, high, "viridis", metres > 0)


def normals(vectors: np.ndarray) -> np.ndarray:
    """Unit normals (H, W, 3), camera axes, as ((nx, -ny, -nz) + 1) / 2; invalid ones (zeros, NaN) are black."""
    rgb = (vectors * np.array([1, -1, -1], np.float32) + 1) * 127.5
    picture = np.nan_to_num(rgb).clip(0, 255).round().astype(np.uint8)
    known = np.any(vectors, axis=-1) & np.isfinite(vectors).all(axis=-1)
    picture[~known] = INVALID
    return picture


def probability(values: np.ndarray) -> np.ndarray:
    """Values (H, W) in 0..1 in magma: edges, saliency, attention that was scaled to its maximum."""
    return mapped(values, 0.0, 1.0, "magma")


def angle(degrees: np.ndarray, limit: float = ANGLE_LIMIT) -> np.ndarray:
    """Angles (H, W) in degrees, 0 black to `limit` light, in magma."""
    return mapped(degrees, 0.0, limit, "magma")


def difference(values: np.ndarray, limit: float) -> np.ndarray:
    """Signed values (H, W) in vik: -limit blue, 0 near white, +limit red."""
    return mapped(values, -limit, limit, "vik")


def faded(photo: np.ndarray) -> np.ndarray:
    """The photo (H, W, 3) in light grey: a ground on which colours stand out."""
    grey = photo.astype(np.float32) @ np.array((0.299, 0.587, 0.114), np.float32)
    light = 255 - FADE * (255 - grey)
    return np.repeat(light[..., None], 3, axis=2).astype(np.uint8)
