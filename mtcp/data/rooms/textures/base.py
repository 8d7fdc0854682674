"""What a texture is, and the plain ones: paint, wood, stone, metal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mtcp.data.rooms.colour import Colour
from mtcp.data.rooms.noise import fbm, hash_unit, line, value_noise


class Texture(Protocol):
    """A colour for every point of a surface: frozen and hashable, so that equal materials are one."""

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        """Linear albedo.

        Args:
            points: float32 (N, 3) texture coordinates, metres.
            axis: (N,) the texture axis nearest to the surface normal: a flat pattern drops it.
            width: float32 (N,) size of a pixel on the surface, metres.

        Returns:
            float32 (N, 3) linear RGB in 0..1.
        """


def planar(points: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """(N, 2): the two texture coordinates other than `axis`, the direction of the grain first."""
    uv = points[:, :2].copy()
    on_y, on_x = axis == 1, axis == 0
    uv[on_y, 1] = points[on_y, 2]
    uv[on_x, 0] = points[on_x, 1]
    uv[on_x, 1] = points[on_x, 2]
    return uv


def blend(a: Colour | np.ndarray, b: Colour | np.ndarray, t: np.ndarray) -> np.ndarray:
    """From `a` (t = 0) to `b` (t = 1), per point; colours (3,) or (N, 3)."""
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    return a + (b - a) * np.asarray(t, np.float32)[:, None]


def shade(colour: Colour | np.ndarray, factor: np.ndarray) -> np.ndarray:
    """`colour` times `factor` (N,), within 0..0.95."""
    return np.clip(np.asarray(colour, np.float32) * np.asarray(factor, np.float32)[:, None], 0, 0.95)


@dataclass(frozen=True)
class Paint:
    """One colour with a faint unevenness of `mottle` on the scale of `size` metres."""

    colour: Colour
    mottle: float = 0.03
    size: float = 0.5
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        if self.mottle <= 0 or width.min() > self.size:
            return np.broadcast_to(np.asarray(self.colour, np.float32), (len(points), 3))
        uv = planar(points, axis)
        return shade(self.colour, 1 + self.mottle * fbm(uv / self.size, 3, self.seed, width / self.size))


@dataclass(frozen=True)
class Wood:
    """Grain along the first texture axis: slow cathedral bands, fine fibres."""

    light: Colour
    dark: Colour
    seed: int = 0
    contrast: float = 1.0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        return blend(self.dark, self.light, grain(planar(points, axis), width, self.seed, self.contrast))


def grain(uv: np.ndarray, width: np.ndarray, seed: int, contrast: float = 1.0) -> np.ndarray:
    """Wood figure in 0..1, fibres along u (metres)."""
    warp = fbm(uv * (0.8, 3.0), 2, seed, width * 2)
    bands = np.sin(uv[:, 1] * 55 + 5.5 * warp) * np.clip(1.3 - width * 30, 0, 1)
    fibre = fbm(uv * (5.0, 170.0), 2, seed + 5, width * 90)
    broad = fbm(uv * (0.7, 5.0), 2, seed + 9, width * 4)
    return np.clip(0.55 + contrast * (0.16 * bands + 0.24 * fibre + 0.28 * broad), 0, 1)


@dataclass(frozen=True)
class Speckled:
    """Granite, terrazzo, cork: specks of two further colours."""

    base: Colour
    dark: Colour
    light: Colour
    size: float = 0.004
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        uv = planar(points, axis)
        n = fbm(uv / self.size, 2, self.seed, width / self.size)
        cloud = fbm(uv / (self.size * 20), 3, self.seed + 7, width / self.size / 20)
        colour = blend(self.base, self.dark, np.clip(n * 1.6 + 0.3 * cloud - 0.1, 0, 1))
        return blend(colour, self.light, np.clip(-n * 2.0 - 0.35, 0, 1))


@dataclass(frozen=True)
class Marble:
    """Pale stone with darker veins."""

    base: Colour
    vein: Colour
    size: float = 0.5
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        uv = planar(points, axis) / self.size
        return blend(self.base, self.vein, marbling(uv, width / self.size, self.seed))


def marbling(uv: np.ndarray, width: np.ndarray, seed: int) -> np.ndarray:
    """Veins of marble in 0..1; `uv` in units of their spacing."""
    warp = fbm(uv * 0.9, 3, seed, width)
    thin = 1 - np.abs(fbm(uv + 0.8 * warp[:, None], 3, seed + 3, width))
    cloud = 0.5 + 0.5 * fbm(uv * 0.6, 2, seed + 8, width)
    return np.clip(thin**9 * 0.75 + 0.2 * cloud, 0, 1)


@dataclass(frozen=True)
class Brushed:
    """Brushed metal: streaks along the first axis."""

    colour: Colour
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        uv = planar(points, axis)
        return shade(self.colour, 1 + 0.07 * fbm(uv * (2.0, 300.0), 2, self.seed, width * 150))


@dataclass(frozen=True)
class Leaf:
    """A green leaf: midrib along the first axis, side veins, mottle; its own tone from the third coordinate."""

    colour: Colour
    rib: Colour
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        u, v = points[:, 0], points[:, 1]
        mottle = 1 + 0.25 * fbm(points[:, :2] * 9, 2, self.seed, width * 9)
        rib = 0.7 * line(np.abs(v), 0.003, width)
        side = np.sin((u + np.abs(v) * 0.8) * 420) * 0.07 * np.clip(1 - width * 120, 0, 1)
        tone = 0.75 + 0.45 * hash_unit(np.round(points[:, 2] * 8).astype(int), self.seed)
        return blend(shade(self.colour, (mottle + side) * tone), self.rib, rib)


@dataclass(frozen=True)
class Slices:
    """Stacked sheets seen from the side (page edges of books, papers): thin lines across the last axis."""

    colour: Colour
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        return shade(self.colour, 0.9 + 0.1 * value_noise(points[:, 2:] * 900, self.seed))


@dataclass(frozen=True)
class Woven:
    """Rattan or a basket: bars over and under."""

    light: Colour
    dark: Colour
    size: float = 0.018

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        uv = planar(points, axis) / self.size
        cell = np.floor(uv).astype(int)
        f = uv - cell - 0.5
        over = (cell.sum(1) % 2) == 0
        across = np.where(over, f[:, 1], f[:, 0])
        round_bar = 1 - (2 * across) ** 2 * 0.8
        sharp = np.clip(1.5 - width / self.size, 0, 1)
        tone = 0.55 + sharp * (round_bar - 0.55) + 0.15 * (hash_unit(cell[:, 0], cell[:, 1]) - 0.5) * sharp
        return blend(self.dark, self.light, np.clip(tone, 0, 1))


@dataclass(frozen=True)
class Labelled:
    """A plain body with a band of another colour between `low` and `high` along the first axis."""

    colour: Colour
    band: Colour
    low: float
    high: float

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        z = points[:, 0]  # lathe: height; box: along its longest side
        middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        return blend(self.colour, self.band, np.abs(z - middle) < half)
