"""Cloth, wallpaper and rugs: weaves and printed patterns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mtcp.data.rooms.colour import Colour
from mtcp.data.rooms.noise import fbm, hash_unit, line, step
from mtcp.data.rooms.textures.surfaces import blend, planar, shade

Print = Literal["plain", "stripe", "check", "dots", "flowers", "trellis"]


def printed(kind: Print, uv: np.ndarray, width: np.ndarray, period: float, seed: int) -> np.ndarray:
    """Coverage 0..1 of a printed pattern's ink; `uv` in metres, `period` its repeat."""
    p, w = uv / period, width / period
    if kind == "plain":
        return np.zeros(len(p), np.float32)
    if kind in ("stripe", "check"):
        bands = [step(np.abs(p[:, k] % 1 - 0.5) - 0.25, w) for k in (0, 1)]
        return bands[0] if kind == "stripe" else (bands[0] + bands[1]) / 2
    if kind == "trellis":
        slanted = (p[:, 0] + p[:, 1], p[:, 0] - p[:, 1])
        return np.maximum(*(line(np.abs((d + 0.5) % 1 - 0.5), 0.11, w * 1.4) for d in slanted))
    cell = np.floor(p).astype(int)
    f = p - cell - 0.5
    if kind == "dots":
        return step(np.hypot(f[:, 0], f[:, 1]) - 0.22, w)
    angle = np.arctan2(f[:, 1], f[:, 0]) + 6.28 * hash_unit(cell[:, 0], cell[:, 1], seed)
    r = np.hypot(f[:, 0], f[:, 1])
    return step(r - 0.2 - 0.13 * np.cos(5 * angle), w) * (1 - 0.7 * step(r - 0.07, w))


@dataclass(frozen=True)
class Fabric:
    """Cloth or paper printed in a second colour; `weave` is how much its threads show."""

    colour: Colour
    ink: Colour = (0.5, 0.5, 0.5)
    kind: Print = "plain"
    period: float = 0.12
    weave: float = 0.12
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        uv = planar(points, axis)
        colour = blend(self.colour, self.ink, printed(self.kind, uv, width, self.period, self.seed))
        threads = fbm(uv / (0.008, 0.004), 2, self.seed, width / 0.004)
        return shade(
            colour, 1 + self.weave * (threads + 0.4 * fbm(uv / 0.15, 2, self.seed + 3, width / 0.15))
        )


@dataclass(frozen=True)
class Rug:
    """A rug `size` = (x, y) centred on the texture origin: a printed field within two borders."""

    size: tuple[float, float]
    field: Colour
    border: Colour
    accent: Colour
    kind: Print = "plain"
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        uv = points[:, :2]
        inset = (np.array(self.size, np.float32) / 2 - np.abs(uv)).min(1)
        colour = blend(self.field, self.accent, 0.9 * printed(self.kind, uv, width, 0.24, self.seed))
        edge = step(inset - 0.14, width)[:, None]
        colour = colour * (1 - edge) + np.asarray(self.border, np.float32) * edge
        colour = blend(colour, self.accent, line(np.abs(inset - 0.14), 0.025, width))
        pile = fbm(uv / 0.006, 2, self.seed, width / 0.006 * 0.7)
        return shade(colour, 1 + 0.16 * pile + 0.1 * fbm(uv / 0.3, 3, self.seed + 5, width / 0.3))
