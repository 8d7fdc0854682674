"""What a texture is, and what rooms are built of: paint, wood, boards, tiles, carpet, stone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mtcp.data.rooms.colour import Colour
from mtcp.data.rooms.noise import fbm, hash_unit, line


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
    """One colour with an unevenness of `mottle` on the scale of `size` metres."""

    colour: Colour
    mottle: float = 0.03
    size: float = 0.5

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        if self.mottle <= 0 or width.min() > self.size:
            return np.broadcast_to(np.asarray(self.colour, np.float32), (len(points), 3))
        uv = planar(points, axis)
        return shade(self.colour, 1 + self.mottle * fbm(uv / self.size, 3, 0, width / self.size))


@dataclass(frozen=True)
class Wood:
    """Grain along the first texture axis: slow cathedral bands, fine fibres."""

    light: Colour
    dark: Colour
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        return blend(self.dark, self.light, grain(planar(points, axis), width, self.seed))


def grain(uv: np.ndarray, width: np.ndarray, seed: int) -> np.ndarray:
    """Wood figure in 0..1, fibres along u (metres)."""
    warp = fbm(uv * (0.8, 3.0), 2, seed, width * 2)
    bands = np.sin(uv[:, 1] * 55 + 5.5 * warp) * np.clip(1.3 - width * 30, 0, 1)
    fibre = fbm(uv * (5.0, 170.0), 2, seed + 5, width * 90)
    return np.clip(0.55 + 0.16 * bands + 0.24 * fibre + 0.28 * warp, 0, 1)


@dataclass(frozen=True)
class Planks:
    """Floor boards `board` wide and about `length` long along the first axis, joints staggered by chance."""

    light: Colour
    dark: Colour
    board: float = 0.12
    length: float = 1.4
    across: bool = False
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        uv = planar(points, axis)
        if self.across:
            uv = uv[:, ::-1]
        row = np.floor(uv[:, 1] / self.board).astype(int)
        along = uv[:, 0] / self.length + hash_unit(row, self.seed)
        name = row * 7919 + np.floor(along).astype(int)
        own = hash_unit(name, self.seed)  # every board its own cut of the wood and its own tone
        figure = grain(uv + 13.7 * own[:, None], width, self.seed) + 0.5 * (own - 0.5)
        wood = blend(self.dark, self.light, np.clip(figure, 0, 1))
        to_side = np.abs((uv[:, 1] / self.board + 0.5) % 1 - 0.5) * self.board
        to_end = np.abs((along + 0.5) % 1 - 0.5) * self.length
        seam = np.maximum(line(to_side, 0.0025, width), line(to_end, 0.0025, width))
        return shade(wood, (0.9 + 0.2 * hash_unit(name, self.seed, 3)) * (1 - 0.7 * seam))


@dataclass(frozen=True)
class Tiles:
    """Tiles or bricks `size` = (wide, high) with joints, rows shifted by `shift` of a tile.

    Tiles vary by `variation` about `colour`; a `second` colour makes a chequerboard.
    """

    colour: Colour
    grout: Colour
    size: tuple[float, float] = (0.3, 0.3)
    joint: float = 0.004
    shift: float = 0.0
    variation: float = 0.05
    second: Colour | None = None
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        uv = planar(points, axis) / np.array(self.size, np.float32)
        row = np.floor(uv[:, 1]).astype(int)
        uv[:, 0] += row * self.shift
        column = np.floor(uv[:, 0]).astype(int)
        other = self.colour if self.second is None else self.second
        body = blend(self.colour, other, (row + column) % 2)
        colour = shade(body, 1 + self.variation * 2 * (hash_unit(row, column, self.seed) - 0.5))
        to_edge = np.abs((uv + 0.5) % 1 - 0.5) * np.array(self.size, np.float32)
        return blend(colour, self.grout, line(to_edge.min(1), self.joint, width))


@dataclass(frozen=True)
class Speckled:
    """Grainy all over, in two colours: granite, carpet."""

    colour: Colour
    other: Colour
    size: float = 0.004

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        uv = planar(points, axis) / self.size
        coarse = fbm(uv / 40, 3, 7, width / self.size / 40)
        return blend(
            self.colour, self.other, np.clip(0.4 + fbm(uv, 2, 0, width / self.size) + 0.2 * coarse, 0, 1)
        )
