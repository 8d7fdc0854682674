"""Cloth, rugs and wallpaper: weaves and printed patterns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mtcp.data.rooms.colour import Colour
from mtcp.data.rooms.noise import fbm, hash_unit, line, step
from mtcp.data.rooms.textures.base import blend, planar, shade

Print = Literal["plain", "stripe", "check", "dots", "flowers", "chevron", "damask", "trellis", "leaves"]
RugKind = Literal["oriental", "stripes", "geometric", "plain", "round"]


def rosette(x: np.ndarray, y: np.ndarray, petals: int, radius: float, width: np.ndarray) -> np.ndarray:
    """A flower of `petals` about the origin, coverage 0..1."""
    r, angle = np.hypot(x, y), np.arctan2(y, x)
    outline = radius * (0.62 + 0.38 * np.cos(petals * angle))
    return step(r - outline, width)


def printed(kind: Print, uv: np.ndarray, width: np.ndarray, period: float, seed: int) -> np.ndarray:
    """Coverage 0..1 of a printed pattern's ink; `uv` in metres, `period` its repeat."""
    p, w = uv / period, width / period
    if kind == "stripe":
        return step(np.abs((p[:, 0] % 1) - 0.5) - 0.25, w)
    if kind == "check":
        a = step(np.abs((p[:, 0] % 1) - 0.5) - 0.2, w)
        b = step(np.abs((p[:, 1] % 1) - 0.5) - 0.2, w)
        return 0.5 * a + 0.5 * b
    if kind == "chevron":
        zigzag = np.abs((p[:, 0] % 1) - 0.5)
        return step(np.abs(((p[:, 1] * 1.5 + zigzag) % 1) - 0.5) - 0.22, w * 1.6)
    if kind == "trellis":
        d = np.stack([p[:, 0] + p[:, 1], p[:, 0] - p[:, 1]], 1)
        return np.maximum(*(line(np.abs((d[:, k] + 0.5) % 1 - 0.5), 0.11, w * 1.4) for k in (0, 1)))
    cell = np.floor(p).astype(int)
    f = p - cell - 0.5
    if kind == "dots":
        return step(np.hypot(f[:, 0], f[:, 1]) - 0.22, w)
    if kind == "flowers":
        turn = 6.28 * hash_unit(cell[:, 0], cell[:, 1], seed)
        x = f[:, 0] + 0.2 * (hash_unit(cell[:, 0], cell[:, 1], seed + 1) - 0.5)
        y = f[:, 1] + 0.2 * (hash_unit(cell[:, 0], cell[:, 1], seed + 2) - 0.5)
        c, s = np.cos(turn), np.sin(turn)
        flower = rosette(c * x - s * y, s * x + c * y, 5, 0.33, w)
        return flower * (1 - 0.7 * step(np.hypot(x, y) - 0.07, w))
    return _damask(p, w) if kind == "damask" else _leaves(p, w, seed)


def _damask(p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Ogee lattice with a mirrored ornament in every cell."""
    row = np.floor(p[:, 1]).astype(int)
    x = np.abs((p[:, 0] + 0.5 * (row % 2)) % 1 - 0.5)
    y = (p[:, 1] % 1) - 0.5
    ink = rosette(x, y * 0.8, 3, 0.2, w)
    ink = np.maximum(ink, rosette(x - 0.16, y - 0.12, 4, 0.13, w))
    ink = np.maximum(ink, rosette(x - 0.13, y + 0.2, 3, 0.12, w))
    ink = np.maximum(ink, step(np.hypot(x * 1.5, y - 0.36) - 0.09, w))
    lattice = np.abs(x - 0.25 - 0.2 * np.cos(2 * np.pi * y))
    return np.maximum(ink, 0.8 * line(lattice, 0.035, w))


def _leaves(p: np.ndarray, w: np.ndarray, seed: int) -> np.ndarray:
    """Pairs of pointed leaves along wavy upright stems."""
    column = np.floor(p[:, 0]).astype(int)
    x = p[:, 0] - column - 0.5 - 0.1 * np.sin(2 * np.pi * (p[:, 1] * 0.5 + hash_unit(column, seed)))
    y = (p[:, 1] * 2 + hash_unit(column, seed + 1)) % 1 - 0.5
    stem = line(np.abs(x), 0.03, w)
    a = np.abs(x) - 0.2
    b = (y - np.abs(x) * 1.2 + 0.15) * 0.8
    blade = step(np.hypot(a / 0.19, b / 0.16 / (1.15 - np.clip(a * 3, -0.5, 0.9))) - 1, w * 5)
    return np.maximum(stem, blade)


@dataclass(frozen=True)
class Fabric:
    """Woven cloth, plain or printed in a second colour."""

    colour: Colour
    ink: Colour = (0.5, 0.5, 0.5)
    kind: Print = "plain"
    period: float = 0.12
    weave: float = 0.12
    thread: float = 0.004
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        uv = planar(points, axis)
        colour: Colour | np.ndarray = self.colour
        if self.kind != "plain":
            colour = blend(self.colour, self.ink, printed(self.kind, uv, width, self.period, self.seed))
        stretched = uv / (self.thread * 2, self.thread)
        cloth = fbm(stretched, 2, self.seed, width / self.thread) + 0.4 * fbm(
            uv / 0.15, 2, self.seed + 3, width / 0.15
        )
        return shade(colour, 1 + self.weave * cloth)


@dataclass(frozen=True)
class Wallpaper:
    """Printed paper: ink a little lighter or darker than the ground, no weave."""

    ground: Colour
    ink: Colour
    kind: Print
    period: float = 0.3
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        uv = planar(points, axis)
        colour = blend(self.ground, self.ink, printed(self.kind, uv, width, self.period, self.seed))
        return shade(colour, 1 + 0.025 * fbm(uv / 0.4, 4, self.seed, width / 0.4))


@dataclass(frozen=True)
class Rug:
    """A rug `size` = (x, y) centred on the texture origin: a field, a border and an ornament."""

    size: tuple[float, float]
    field: Colour
    border: Colour
    accent: Colour
    kind: RugKind = "oriental"
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        x, y = points[:, 0], points[:, 1]
        half = np.array(self.size) / 2
        inset = np.minimum(half[0] - np.abs(x), half[1] - np.abs(y))
        if self.kind == "round":
            inset = half[0] - np.hypot(x, y)
        colour = np.broadcast_to(np.asarray(self.field, np.float32), (len(x), 3))
        colour = getattr(self, f"_{self.kind}")(colour, x, y, inset, width)
        pile = fbm(points[:, :2] / 0.006, 2, self.seed, width / 0.006 * 0.7)
        worn = fbm(points[:, :2] / 0.3, 3, self.seed + 5, width / 0.3)
        return shade(colour, 1 + 0.16 * pile + 0.1 * worn)

    def _plain(
        self, colour: np.ndarray, x: np.ndarray, y: np.ndarray, inset: np.ndarray, w: np.ndarray
    ) -> np.ndarray:
        return blend(colour, self.border, line(np.abs(inset - 0.09), 0.03, w))

    def _round(
        self, colour: np.ndarray, x: np.ndarray, y: np.ndarray, inset: np.ndarray, w: np.ndarray
    ) -> np.ndarray:
        rings = step(np.abs((inset / 0.22) % 1 - 0.5) - 0.18, w / 0.22)
        return blend(colour, self.border, rings * 0.8)

    def _stripes(
        self, colour: np.ndarray, x: np.ndarray, y: np.ndarray, inset: np.ndarray, w: np.ndarray
    ) -> np.ndarray:
        band = np.floor(x / 0.09).astype(int)
        tone = hash_unit(band, self.seed)
        colour = blend(colour, self.border, tone > 0.55)
        return blend(colour, self.accent, tone > 0.85)

    def _geometric(
        self, colour: np.ndarray, x: np.ndarray, y: np.ndarray, inset: np.ndarray, w: np.ndarray
    ) -> np.ndarray:
        uv = np.stack([x, y], 1)
        colour = blend(colour, self.accent, 0.9 * printed("trellis", uv, w, 0.3, self.seed))
        return blend(colour, self.border, line(np.abs(inset - 0.05), 0.025, w))

    def _oriental(
        self, colour: np.ndarray, x: np.ndarray, y: np.ndarray, inset: np.ndarray, w: np.ndarray
    ) -> np.ndarray:
        long, short = max(self.size) / 2, min(self.size) / 2
        u, v = (x, y) if self.size[0] >= self.size[1] else (y, x)
        medallion = np.abs(u) / (0.55 * long) + np.abs(v) / (0.6 * short)
        lobes = 0.06 * np.cos(9 * np.arctan2(v / short, u / long))
        uv = np.stack([np.abs(u), np.abs(v)], 1)
        ornament = printed("damask", uv, w, 0.21, self.seed)
        colour = blend(colour, self.accent, 0.75 * ornament)
        inner = step(medallion - 1 + lobes, w * 3)
        ground = blend(np.broadcast_to(np.asarray(self.border, np.float32), colour.shape), self.accent,
                       printed("flowers", uv, w, 0.13, self.seed))  # fmt: skip
        colour = colour * (1 - inner[:, None]) + ground * inner[:, None]
        colour = blend(colour, self.accent, line(np.abs(medallion - 1 + lobes) * 0.4, 0.02, w))
        edge = step(inset - 0.26, w)
        chain = blend(np.broadcast_to(np.asarray(self.border, np.float32), colour.shape), self.field,
                      printed("flowers", np.stack([x, y], 1), w, 0.17, self.seed + 2))  # fmt: skip
        colour = colour * (1 - edge[:, None]) + chain * edge[:, None]
        for at, thick in ((0.26, 0.025), (0.05, 0.035)):
            colour = blend(colour, self.accent, line(np.abs(inset - at), thick, w))
        return colour
