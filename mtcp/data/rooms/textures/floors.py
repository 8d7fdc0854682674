"""Floors and wall coverings laid in pieces: boards, herringbone, tiles, bricks, carpet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtcp.data.rooms.colour import Colour
from mtcp.data.rooms.noise import fbm, hash_unit, line
from mtcp.data.rooms.textures.base import blend, grain, marbling, planar, shade


def _boards(
    along: np.ndarray,
    across: np.ndarray,
    name: np.ndarray,
    width: np.ndarray,
    light: Colour,
    dark: Colour,
    seed: int,
) -> np.ndarray:
    """Colour of boards: every board its own cut of the wood and its own tone."""
    tone = hash_unit(name, seed)
    offset = np.stack([along + 13.7 * hash_unit(name, seed, 1), across + 7.1 * hash_unit(name, seed, 2)], 1)
    figure = np.clip(grain(offset, width, seed) + 0.5 * (tone - 0.5), 0, 1)
    return shade(blend(dark, light, figure), 0.9 + 0.2 * hash_unit(name, seed, 3))


@dataclass(frozen=True)
class Planks:
    """Floor boards `board` wide and about `length` long along the first axis, joints staggered by chance."""

    light: Colour
    dark: Colour
    board: float = 0.12
    length: float = 1.4
    gap: float = 0.003
    across: bool = False
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        uv = planar(points, axis)
        if self.across:
            uv = uv[:, ::-1]
        row = np.floor(uv[:, 1] / self.board).astype(int)
        shifted = uv[:, 0] / self.length + hash_unit(row, self.seed)
        column = np.floor(shifted).astype(int)
        wood = _boards(uv[:, 0], uv[:, 1], row * 7919 + column, width, self.light, self.dark, self.seed)
        to_side = np.abs((uv[:, 1] / self.board + 0.5) % 1 - 0.5) * self.board
        to_end = np.abs((shifted + 0.5) % 1 - 0.5) * self.length
        seam = np.maximum(line(to_side, self.gap, width), line(to_end, self.gap, width))
        return shade(wood, 1 - 0.7 * seam)


@dataclass(frozen=True)
class Herringbone:
    """Parquet of staves `stave` wide, `ratio` times as long, laid at right angles."""

    light: Colour
    dark: Colour
    stave: float = 0.09
    ratio: int = 5
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        uv = planar(points, axis) / self.stave
        uv = np.stack([uv[:, 0] - uv[:, 1], uv[:, 0] + uv[:, 1]], 1) * np.float32(0.70710678)
        cell = np.floor(uv).astype(int)
        f = uv - cell
        phase = (cell[:, 0] - cell[:, 1]) % (2 * self.ratio)
        lying = phase < self.ratio
        step = np.where(lying, phase, 2 * self.ratio - 1 - phase)
        along = np.where(lying, f[:, 0], f[:, 1]) + step
        across = np.where(lying, f[:, 1], f[:, 0])
        name = np.where(
            lying,
            (cell[:, 0] - step) * 9973 + cell[:, 1] * 31,
            cell[:, 0] * 9973 + (cell[:, 1] - step) * 31 + 17,
        )
        wood = _boards(along * self.stave, across * self.stave, name, width, self.light, self.dark, self.seed)
        wood = shade(wood, np.where(lying, 1.0, 0.88))
        edge = np.minimum(np.minimum(across, 1 - across), np.minimum(along, self.ratio - along)) * self.stave
        return shade(wood, 1 - 0.6 * line(edge, 0.002, width))


@dataclass(frozen=True)
class Tiles:
    """Tiles `size` = (wide, high) with joints, rows shifted by `shift` of a tile, perhaps with veins.

    Tiles vary by `variation` about `colour`; a `second` colour makes a chequerboard.
    """

    colour: Colour
    grout: Colour
    size: tuple[float, float] = (0.3, 0.3)
    joint: float = 0.004
    shift: float = 0.0
    variation: float = 0.05
    veins: float = 0.0
    second: Colour | None = None
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        uv = planar(points, axis) / np.array(self.size, np.float32)
        row = np.floor(uv[:, 1]).astype(int)
        uv[:, 0] += row * self.shift
        column = np.floor(uv[:, 0]).astype(int)
        tone = 1 + self.variation * 2 * (hash_unit(row, column, self.seed) - 0.5)
        if self.second is not None:
            body = blend(self.colour, self.second, (row + column) % 2)
        else:
            body = np.broadcast_to(np.asarray(self.colour, np.float32), (len(uv), 3))
        colour = shade(body, tone)
        if self.veins > 0:
            local = planar(points, axis) / 0.35 + 5 * hash_unit(row, column, 3)[:, None]
            colour = shade(colour, 1 - self.veins * marbling(local, width / 0.35, self.seed))
        to_edge = np.abs((uv + 0.5) % 1 - 0.5) * np.array(self.size, np.float32)
        joint = np.maximum(line(to_edge[:, 0], self.joint, width), line(to_edge[:, 1], self.joint, width))
        return blend(colour, self.grout, joint)


@dataclass(frozen=True)
class Carpet:
    """Pile: grainy at arm's length, trodden unevenly on a larger scale."""

    colour: Colour
    fleck: float = 0.22
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        uv = planar(points, axis)
        pile = fbm(uv / 0.008, 2, self.seed, width / 0.008 * 0.7)
        trodden = fbm(uv / 0.35, 3, self.seed + 4, width / 0.35)
        return shade(self.colour, 1 + self.fleck * pile + 0.07 * trodden)


@dataclass(frozen=True)
class Panelled:
    """Vertical painted boards (wainscot): a groove every `pitch` metres."""

    colour: Colour
    pitch: float = 0.1

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        u = planar(points, axis)[:, 0] / self.pitch
        groove = line(np.abs((u + 0.5) % 1 - 0.5) * self.pitch, 0.006, width)
        return shade(self.colour, 1 - 0.35 * groove)
