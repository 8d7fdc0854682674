"""The world outside the windows: what it gives as light, how it looks, and the weather that is drawn for a room."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtcp.data.rooms.chance import any_of, odds, seed_of, span
from mtcp.data.rooms.colour import Colour
from mtcp.data.rooms.noise import fbm, step
from mtcp.data.rooms.textures.surfaces import blend, shade

NOTHING: Colour = (0.0, 0.0, 0.0)


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

    def view(self, direction: np.ndarray) -> np.ndarray:
        """What a camera sees in these directions: sky over trees over a lawn. Radiance (N, 3)."""
        up = np.arcsin(np.clip(direction[:, 2], -1, 1))
        p = np.stack([np.arctan2(direction[:, 1], direction[:, 0]), up], 1).astype(np.float32)
        w = np.full(len(p), 0.002, np.float32)
        colour = self.light(direction)
        leaves = shade((0.14, 0.2, 0.07), 1 + 0.6 * fbm(p * 45, 3, self.seed + 4, w * 45)) * np.mean(
            self.horizon
        )
        lawn = shade(
            np.asarray(self.ground) * (0.8, 1.0, 0.55), 1 + 0.25 * fbm(p * (20, 90), 3, self.seed + 5)
        )
        canopy = (
            0.09 + 0.13 * fbm(p[:, :1] * 7, 2, self.seed + 2) + 0.025 * fbm(p * 40, 3, self.seed + 3, w * 40)
        )
        for thing, edge in ((leaves, up - canopy), (lawn, up + 0.03)):
            colour = colour + (thing - colour) * step(edge, w)[:, None]
        return colour * self.seen


def draw_weather(rng: np.random.Generator, outward: float) -> tuple[Sky, float]:
    """Sunshine, an overcast sky, or dusk; and how bright lamps burn under it (0: off).

    Args:
        outward: heading (radians) in which one of the windows looks; the sun stands about there.
    """
    heading, rise = outward + span(rng, -0.85, 0.85), span(rng, 0.42, 0.85)
    flat = float(np.cos(rise))
    sun = (flat * float(np.cos(heading)), flat * float(np.sin(heading)), float(np.sin(rise)))
    draw, seed = rng.random(), seed_of(rng)
    if draw < 0.58:
        power = span(rng, 5.0, 9.0)
        warm = (power, power * 0.78, power * 0.55)
        sky = Sky(sun, warm, (0.75, 1.15, 2.0), (2.0, 2.2, 2.4), (0.7, 0.72, 0.6), 0.6, seed)
        return sky, 0.35 if odds(rng, 0.3) else 0.0
    if draw < 0.82:
        sky = Sky(sun, NOTHING, (2.1, 2.25, 2.4), (2.1, 2.2, 2.3), (0.6, 0.6, 0.55), 0.6, seed)
        return sky, any_of(rng, (0.0, 0.5, 0.8))
    return Sky(sun, NOTHING, (0.006, 0.016, 0.045), (0.012, 0.03, 0.09), (0.01, 0.012, 0.015), 0.5, seed), 1.0
