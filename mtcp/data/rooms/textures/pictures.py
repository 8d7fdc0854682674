"""Procedural pictures for frames and screens. A picture fills the texture coordinates 0..w x 0..h."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mtcp.data.rooms.colour import Colour
from mtcp.data.rooms.noise import fbm, hash_number, hash_unit, line, step, value_noise
from mtcp.data.rooms.textures.base import blend, shade

Motif = Literal["landscape", "sea", "blocks", "fields", "circles", "botanical", "strokes", "arches"]
MOTIFS: tuple[Motif, ...] = (
    "landscape",
    "sea",
    "blocks",
    "fields",
    "circles",
    "botanical",
    "strokes",
    "arches",
)


@dataclass(frozen=True)
class Painting:
    """A picture `size` = (w, h) metres in five colours, drawn from `seed`."""

    size: tuple[float, float]
    colours: tuple[Colour, ...]
    motif: Motif = "landscape"
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        x, y = points[:, 0] / self.size[0], points[:, 1] / self.size[1]
        aspect = self.size[0] / self.size[1]
        p = np.stack([x * aspect, y], 1).astype(np.float32)  # height 1
        w = width / self.size[1]
        colour = getattr(self, f"_{self.motif}")(p, aspect, w)
        return shade(colour, 1 + 0.05 * fbm(p * 40, 2, self.seed, w * 40))

    def _ground(self, p: np.ndarray, index: int) -> np.ndarray:
        return np.broadcast_to(np.asarray(self.colours[index], np.float32), (len(p), 3))

    def _landscape(self, p: np.ndarray, aspect: float, w: np.ndarray) -> np.ndarray:
        a, b, c, d, e = self.colours
        y = p[:, 1]
        colour = blend(b, a, np.clip((y - 0.35) * 1.6, 0, 1))
        colour = blend(
            colour, e, 0.5 * np.clip(fbm(p * (1.5, 4), 4, self.seed + 9, w) - 0.1, 0, 1) * step(0.4 - y, w)
        )
        sun = np.hypot(p[:, 0] - aspect * (0.25 + 0.5 * hash_number(self.seed, 1)), y - 0.72)
        colour = blend(colour, e, step(sun - 0.07, w))
        for layer, (height, tone) in enumerate(((0.56, 0.35), (0.44, 0.65), (0.3, 1.0))):
            ridge = height + 0.13 * fbm(p[:, :1] * (1.4 + layer), 5, self.seed + layer * 11, w)
            colour = blend(colour, blend(c, d, np.full(len(p), tone)), step(y - ridge, w))
        return shade(colour, 1 + 0.15 * fbm(p * 9, 3, self.seed + 3, w * 9))

    def _sea(self, p: np.ndarray, aspect: float, w: np.ndarray) -> np.ndarray:
        a, b, c, d, e = self.colours
        y = p[:, 1]
        sky = blend(e, a, np.clip(y * 1.7 - 0.7, 0, 1))
        cloud = np.clip(fbm(p * (1.2, 3.5), 5, self.seed, w * 3) * 1.4 - 0.1, 0, 1)
        sky = blend(sky, (0.85, 0.85, 0.85), 0.7 * cloud)
        depth = np.clip(0.42 - y, 1e-3, 1)
        wave = fbm(np.stack([p[:, 0] / depth * 0.8, np.log(depth) * 9], 1), 3, self.seed + 5, w / depth)
        water = blend(blend(b, d, np.clip(depth * 2.5, 0, 1)), e, np.clip(wave - 0.25, 0, 1))
        colour = sky + (water - sky) * step(y - 0.42, w)[:, None]
        beach = 0.13 + 0.06 * value_noise(p[:, :1] * 1.7, self.seed + 2)
        return blend(colour, c, step(y - beach, w))

    def _blocks(self, p: np.ndarray, aspect: float, w: np.ndarray) -> np.ndarray:
        """Rectangles split again and again, lines between them."""
        low, high = np.zeros_like(p), np.ones_like(p) * np.array([aspect, 1], np.float32)
        name = np.full(len(p), self.seed % 1009)
        edge = np.full(len(p), 9.0, np.float32)
        for level in range(5):
            stop = hash_unit(name, level, 7) < 0.12 * level
            k = ((high - low)[:, 0] < (high - low)[:, 1]).astype(int)
            rows = np.arange(len(p))
            cut = low[rows, k] + (high - low)[rows, k] * (0.3 + 0.4 * hash_unit(name, level))
            side = p[rows, k] > cut
            edge = np.where(stop, edge, np.minimum(edge, np.abs(p[rows, k] - cut)))
            low[rows, k] = np.where(side & ~stop, cut, low[rows, k])
            high[rows, k] = np.where(~side & ~stop, cut, high[rows, k])
            name = np.where(stop, name, name * 2 + side)
        colours = np.asarray(self.colours, np.float32)
        index = np.floor(hash_unit(name, self.seed, 3) * 5).astype(int)
        return blend(colours[index], (0.03, 0.03, 0.03), line(edge, 0.02, w))

    def _fields(self, p: np.ndarray, aspect: float, w: np.ndarray) -> np.ndarray:
        """Two or three soft-edged bands of colour on a ground."""
        colour = self._ground(p, 0)
        rough = 0.02 * fbm(p * 14, 3, self.seed, w * 14)
        for k, (low, high) in enumerate(((0.08, 0.34), (0.4, 0.66), (0.72, 0.92))):
            inset = np.minimum(
                np.minimum(p[:, 0] - 0.08 * aspect, 0.92 * aspect - p[:, 0]),
                np.minimum(p[:, 1] - low, high - p[:, 1]),
            )
            soft = np.clip((inset + rough) / 0.025, 0, 1)
            tone = shade(self.colours[1 + k], 1 + 0.3 * fbm(p * 3, 4, self.seed + k, w * 3))
            colour = colour + (tone - colour) * soft[:, None]
        return colour

    def _circles(self, p: np.ndarray, aspect: float, w: np.ndarray) -> np.ndarray:
        colour = self._ground(p, 0)
        for k in range(9):
            x, y, r = (hash_number(self.seed, k, j) for j in (1, 2, 3))
            d = np.hypot(p[:, 0] - x * aspect, p[:, 1] - y)
            ink = self.colours[1 + k % 4]
            mark = step(d - 0.08 - 0.22 * r, w) if k % 3 else line(np.abs(d - 0.1 - 0.25 * r), 0.03, w)
            colour = blend(colour, ink, 0.9 * mark)
        return colour

    def _arches(self, p: np.ndarray, aspect: float, w: np.ndarray) -> np.ndarray:
        colour = self._ground(p, 0)
        sun = np.hypot(p[:, 0] - 0.68 * aspect, p[:, 1] - 0.72)
        colour = blend(colour, self.colours[4], step(sun - 0.13, w))
        for k, r in enumerate((0.4, 0.31, 0.22, 0.13)):
            x = p[:, 0] - aspect * 0.42
            d = np.where(p[:, 1] > 0.38, np.hypot(x, p[:, 1] - 0.38), np.abs(x))
            inside = step(np.maximum(d - r * min(aspect, 1), 0.08 - p[:, 1]), w)
            colour = blend(colour, self.colours[(1, 2, 3, 0)[k]], inside)
        return colour

    def _botanical(self, p: np.ndarray, aspect: float, w: np.ndarray) -> np.ndarray:
        colour = self._ground(p, 4)
        bow = 0.05 * np.sin(p[:, 1] * 4 + 6 * hash_number(self.seed))
        x, y = p[:, 0] - aspect / 2 - bow, p[:, 1]
        ink = line(np.abs(x), 0.012, w) * step(np.abs(y - 0.48) - 0.38, w)
        for k in range(9):
            base = 0.16 + 0.075 * k
            size = 0.24 * (1 - 0.07 * k) * min(1.0, aspect * 1.3)
            side = 1 if k % 2 else -1
            u = (side * x * 0.77 + (y - base) * 0.64) / size
            v = (-side * x * 0.64 + (y - base) * 0.77) / size
            blade = np.abs(v) - 0.2 * np.sin(np.pi * np.clip(u, 0, 1)) * (1.15 - 0.4 * np.clip(u, 0, 1))
            ink = np.maximum(
                ink, step(blade, w / size) * (u > 0) * (u < 1) * (1 - 0.5 * line(np.abs(v), 0.03, w / size))
            )
        return blend(colour, self.colours[self.seed % 3 + 1], ink)

    def _strokes(self, p: np.ndarray, aspect: float, w: np.ndarray) -> np.ndarray:
        colour = self._ground(p, 4)
        for k in range(14):
            x, y, turn, size = (hash_number(self.seed, k, j) for j in (1, 2, 3, 4))
            c, s = np.cos(turn * 3), np.sin(turn * 3)
            u = c * (p[:, 0] - x * aspect) + s * (p[:, 1] - y)
            v = -s * (p[:, 0] - x * aspect) + c * (p[:, 1] - y)
            dry = fbm(np.stack([u * 3, v * 60], 1), 2, self.seed + k, w * 60)
            mark = step(np.abs(v) - 0.03 - 0.07 * size, w) * step(
                np.abs(u) - 0.15 - 0.3 * size + 0.04 * dry, w
            )
            colour = blend(colour, self.colours[k % 4], mark * np.clip(0.85 + 0.5 * dry, 0, 1))
        return colour


@dataclass(frozen=True)
class Text:
    """Printed matter, a page or a poster: lines of grey "words" on paper, a coloured block on top."""

    size: tuple[float, float]
    paper: Colour
    block: Colour
    line_height: float = 0.014
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        x, y = points[:, 0], points[:, 1]
        row = np.floor(y / self.line_height).astype(int)
        word = np.floor(x / (self.line_height * 1.8)).astype(int)
        margin = (np.abs(x - self.size[0] / 2) < 0.4 * self.size[0]) & (
            np.abs(y - 0.42 * self.size[1]) < 0.34 * self.size[1]
        )
        ink = (hash_unit(row, word, self.seed) > 0.25) & (y / self.line_height - row > 0.45) & margin
        colour = blend(self.paper, (0.08, 0.08, 0.09), 0.75 * ink)
        head = (np.abs(x - self.size[0] / 2) < 0.4 * self.size[0]) & (
            np.abs(y - 0.87 * self.size[1]) < 0.06 * self.size[1]
        )
        return blend(colour, self.block, head)


@dataclass(frozen=True)
class Scribbles:
    """Felt-pen writing on a board: wavy lines of words and a few ringed ones, in three inks."""

    size: tuple[float, float]
    ground: Colour
    inks: tuple[Colour, Colour, Colour]
    line_height: float = 0.085
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        x, y = points[:, 0], points[:, 1]
        row = np.floor(y / self.line_height).astype(int)
        word = np.floor(x / 0.11 + 3 * hash_unit(row, self.seed)).astype(int)
        hand = value_noise(np.stack([x / 0.013, row * 7.7], 1), self.seed)
        off = np.abs(y / self.line_height - row - 0.5 - 0.2 * hand) * self.line_height
        inside = (x > 0.08 * self.size[0]) & (np.abs(y - self.size[1] / 2) < 0.42 * self.size[1])
        end = self.size[0] * (0.35 + 0.5 * hash_unit(row, self.seed, 5))
        written = inside & (x < end) & (hash_unit(row, word, self.seed) > 0.22) & (hash_unit(row, 9) > 0.15)
        ink = line(off, 0.008, width) * written
        for k in range(2):
            at = (self.size[0] * (0.55 + 0.3 * k), self.size[1] * (0.35 + 0.35 * hash_number(self.seed, k)))
            ring = np.abs(np.hypot((x - at[0]) / 1.7, y - at[1]) - 0.09 - 0.01 * hand)
            ink = np.maximum(ink, line(ring, 0.007, width))
        colours = np.asarray(self.inks, np.float32)[
            np.floor(hash_unit(row // 2, self.seed, 2) * 3).astype(int)
        ]
        return blend(np.broadcast_to(np.asarray(self.ground, np.float32), colours.shape), colours, 0.85 * ink)


@dataclass(frozen=True)
class Desktop:
    """What a computer monitor shows: a background, windows, lines of text."""

    size: tuple[float, float]
    colour: Colour
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        x, y = points[:, 0] / self.size[0], points[:, 1] / self.size[1]
        p = np.stack([x * 1.6, y], 1)
        colour = blend(
            self.colour,
            shade(self.colour, np.full(len(x), 0.25)),
            np.clip(1 - y + 0.4 * fbm(p * 1.5, 3, self.seed), 0, 1),
        )
        for k, (x0, y0, x1, y1) in enumerate(((0.06, 0.2, 0.55, 0.9), (0.45, 0.12, 0.94, 0.72))):
            inside = (x > x0) & (x < x1) & (y > y0) & (y < y1)
            page = np.where(k == 0, 0.85, 0.03)
            colour = blend(colour, (float(page), float(page), float(page)), inside)
            row, word = np.floor(y / 0.035).astype(int), np.floor(x / 0.03).astype(int)
            length = x0 + (x1 - x0) * (0.3 + 0.65 * hash_unit(row, self.seed + k))
            ink = (
                inside
                & (x > x0 + 0.02)
                & (x < length)
                & (y < y1 - 0.08)
                & ((y / 0.035) % 1 > 0.5)
                & (hash_unit(row, word, k) > 0.2)
            )
            colour = blend(colour, (0.1, 0.12, 0.2) if k == 0 else (0.3, 0.6, 0.35), ink)
            colour = blend(colour, (0.25, 0.27, 0.3), inside & (y > y1 - 0.05))
        return blend(colour, (0.02, 0.02, 0.03), y < 0.05)
