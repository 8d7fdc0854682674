"""Procedural pictures for frames and screens. A picture fills the texture coordinates 0..w x 0..h."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mtcp.data.rooms.colour import Colour
from mtcp.data.rooms.noise import fbm, hash_number, hash_unit, line, step
from mtcp.data.rooms.textures.surfaces import blend, shade

Motif = Literal["landscape", "fields", "circles"]
MOTIFS: tuple[Motif, ...] = ("landscape", "fields", "circles")


@dataclass(frozen=True)
class Painting:
    """A picture `size` = (w, h) metres in five colours, drawn from `seed`."""

    size: tuple[float, float]
    colours: tuple[Colour, ...]
    motif: Motif = "landscape"
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        p = (points[:, :2] / self.size[1]).astype(np.float32)  # height 1
        draw = {"landscape": self._landscape, "fields": self._fields, "circles": self._circles}[self.motif]
        return draw(p, self.size[0] / self.size[1], width / self.size[1])

    def _landscape(self, p: np.ndarray, aspect: float, w: np.ndarray) -> np.ndarray:
        """Three ridges, each darker than the one behind it, under a sun."""
        a, b, c, d, e = self.colours
        y = p[:, 1]
        colour = blend(b, a, np.clip((y - 0.35) * 1.6, 0, 1))
        sun = np.hypot(p[:, 0] - aspect * (0.25 + 0.5 * hash_number(self.seed, 1)), y - 0.72)
        colour = blend(colour, e, step(sun - 0.07, w))
        for layer, (height, tone) in enumerate(((0.56, 0.35), (0.44, 0.65), (0.3, 1.0))):
            ridge = height + 0.13 * fbm(p[:, :1] * (1.4 + layer), 5, self.seed + layer * 11, w)
            colour = blend(colour, blend(c, d, np.full(len(p), tone)), step(y - ridge, w))
        return shade(colour, 1 + 0.15 * fbm(p * 9, 3, self.seed + 3, w * 9))

    def _fields(self, p: np.ndarray, aspect: float, w: np.ndarray) -> np.ndarray:
        """Three soft-edged bands of colour on a ground."""
        colour = shade(self.colours[0], np.ones(len(p)))
        inset_x = np.minimum(p[:, 0], aspect - p[:, 0]) - 0.08 * aspect
        for k, (low, high) in enumerate(((0.08, 0.34), (0.4, 0.66), (0.72, 0.92))):
            inset = np.minimum(inset_x, np.minimum(p[:, 1] - low, high - p[:, 1]))
            tone = shade(self.colours[1 + k], 1 + 0.3 * fbm(p * 3, 4, self.seed + k, w * 3))
            colour = colour + (tone - colour) * np.clip(inset / 0.025, 0, 1)[:, None]
        return colour

    def _circles(self, p: np.ndarray, aspect: float, w: np.ndarray) -> np.ndarray:
        """Discs and rings over each other."""
        colour = shade(self.colours[0], np.ones(len(p)))
        for k in range(9):
            x, y, r = (hash_number(self.seed, k, j) for j in (1, 2, 3))
            d = np.hypot(p[:, 0] - x * aspect, p[:, 1] - y)
            mark = step(d - 0.08 - 0.22 * r, w) if k % 3 else line(np.abs(d - 0.1 - 0.25 * r), 0.03, w)
            colour = blend(colour, self.colours[1 + k % 4], 0.9 * mark)
        return colour


@dataclass(frozen=True)
class Text:
    """Lines of "words" within a margin: print on paper, writing on a board, code on a screen."""

    size: tuple[float, float]
    paper: Colour
    ink: Colour
    line_height: float = 0.014
    seed: int = 0

    def __call__(self, points: np.ndarray, axis: np.ndarray, width: np.ndarray) -> np.ndarray:
        x, y = points[:, 0], points[:, 1]
        row, word = (np.floor(v / self.line_height / s).astype(int) for v, s in ((y, 1), (x, 1.8)))
        end = self.size[0] * (0.5 + 0.42 * hash_unit(row, self.seed))
        inside = (x > 0.08 * self.size[0]) & (x < end) & (np.abs(y / self.size[1] - 0.5) < 0.42)
        ink = (hash_unit(row, word, self.seed) > 0.25) & (y / self.line_height - row > 0.45) & inside
        return blend(self.paper, self.ink, 0.75 * ink)
