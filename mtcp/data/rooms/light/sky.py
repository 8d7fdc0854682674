"""The world outside the windows: what it gives as light and how it looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtcp.data.rooms.colour import Colour
from mtcp.data.rooms.noise import fbm, hash_unit, step
from mtcp.data.rooms.textures.base import blend, shade


@dataclass(frozen=True)
class Sky:
    """Attributes:
    sun: unit vector towards the sun.
    sun_power: irradiance (linear RGB) on a surface facing the sun; 0 when overcast or at night.
    zenith, horizon: radiance of the sky.
    ground: radiance of what lies below the horizon.
    seen: factor between this radiance and what a camera is shown of it (a photo exposed for the room would
        show white; a little detail is kept).
    """

    sun: tuple[float, float, float]
    sun_power: Colour
    zenith: Colour
    horizon: Colour
    ground: Colour
    seen: float
    seed: int

    def light(self, direction: np.ndarray) -> np.ndarray:
        """Radiance (N, 3) arriving against unit vectors `direction` (N, 3) that point away from the room."""
        up = direction[:, 2]
        sky = blend(self.horizon, self.zenith, np.clip(up, 0, 1) ** 0.6)
        return blend(self.ground, sky, np.clip(up * 12 + 0.5, 0, 1))

    def view(self, direction: np.ndarray, width: float = 0.002) -> np.ndarray:
        """What a camera sees in these directions: sky, clouds, trees, houses, a lawn. Radiance (N, 3).

        Args:
            width: angle of a pixel, radians.
        """
        up = np.arcsin(np.clip(direction[:, 2], -1, 1))
        around = np.arctan2(direction[:, 1], direction[:, 0])
        p = np.stack([around, up], 1).astype(np.float32)
        w = np.full(len(p), width, np.float32)
        colour = self.light(direction)
        cloud = np.clip(fbm(p * (4, 9), 4, self.seed, w * 9) * 1.3, 0, 1) * np.clip(up * 6, 0, 1)
        colour = blend(colour, np.asarray(self.horizon) * 1.15, cloud * 0.8)
        hills = 0.03 + 0.03 * fbm(p[:, :1] * 5, 3, self.seed + 1, w)
        colour = blend(colour, np.asarray(self.horizon) * (0.42, 0.5, 0.5), step(up - hills, w))
        colour = self._houses(colour, p, w)
        canopy = (
            0.07 + 0.13 * fbm(p[:, :1] * 7, 2, self.seed + 2) + 0.025 * fbm(p * 40, 3, self.seed + 3, w * 40)
        )
        leaves = shade(
            (0.14, 0.2, 0.07), 1 + 0.6 * fbm(p * 45, 3, self.seed + 4, w * 45) + 3 * np.clip(up, -0.1, 0.2)
        )
        inside = step(up - canopy, w)
        colour = colour + (leaves * np.mean(self.horizon) - colour) * inside[:, None]
        lawn = shade(
            np.asarray(self.ground) * (0.8, 1.0, 0.55), 1 + 0.25 * fbm(p * (20, 90), 3, self.seed + 5, w * 60)
        )
        below = step(up + 0.03 + 0.01 * fbm(p[:, :1] * 15, 2, self.seed + 6), w)
        colour = colour + (lawn - colour) * below[:, None]
        return colour * self.seen

    def _houses(self, colour: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
        """Gabled fronts with windows, here and there along the horizon."""
        slot = np.floor(p[:, 0] / 0.28).astype(int)
        x = p[:, 0] / 0.28 - slot - 0.5
        there = hash_unit(slot, self.seed) < 0.45
        wide = 0.28 + 0.15 * hash_unit(slot, self.seed, 1)
        wall_top = 0.06 + 0.09 * hash_unit(slot, self.seed, 2)
        roof = wall_top + 0.07 * (1 - np.abs(x) / wide)
        inside = there & (np.abs(x) < wide)
        lit = float(np.mean(self.horizon))
        tone = np.asarray((0.5, 0.44, 0.38)) * (0.6 + 0.6 * hash_unit(slot, self.seed, 3)[:, None])
        colour = np.where((inside & (p[:, 1] < roof))[:, None], np.asarray((0.3, 0.16, 0.12)) * lit, colour)
        colour = np.where((inside & (p[:, 1] < wall_top))[:, None], tone * lit, colour)
        pane = (np.abs((p[:, 0] / 0.045) % 1 - 0.5) < 0.24) & (np.abs((p[:, 1] / 0.055) % 1 - 0.5) < 0.28)
        return np.where((inside & pane & (p[:, 1] < wall_top - 0.01))[:, None], 0.12 * lit, colour).astype(
            np.float32
        )
