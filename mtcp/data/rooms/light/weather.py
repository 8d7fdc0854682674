"""Which light a room gets: sunshine, an overcast sky, or night with the lamps on."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.chance import seed_of
from mtcp.data.rooms.colour import srgb, times
from mtcp.data.rooms.light.sky import Sky

NOTHING = (0.0, 0.0, 0.0)


def draw_weather(rng: np.random.Generator, outward: float) -> tuple[Sky, float]:
    """A sky, and how bright lamps burn under it (0: off).

    Args:
        outward: heading (radians) in which one of the windows looks; the sun stands about there.
    """
    heading, rise = outward + float(rng.uniform(-0.85, 0.85)), float(rng.uniform(0.42, 0.85))
    flat = float(np.cos(rise))
    sun = (flat * float(np.cos(heading)), flat * float(np.sin(heading)), float(np.sin(rise)))
    draw, seed = rng.random(), seed_of(rng)
    if draw < 0.58:
        warm = srgb("#ffd9a8") if rise < 0.55 else srgb("#fff0dc")
        power = times(warm, float(rng.uniform(5.0, 9.0)))
        sky = Sky(sun, power, (0.75, 1.15, 2.0), (2.0, 2.2, 2.4), (0.7, 0.72, 0.6), 0.6, seed)
        return sky, 0.35 if rng.random() < 0.3 else 0.0
    if draw < 0.82:
        sky = Sky(sun, NOTHING, (2.1, 2.25, 2.4), (2.1, 2.2, 2.3), (0.6, 0.6, 0.55), 0.6, seed)
        return sky, float(rng.choice([0.0, 0.5, 0.8]))
    dusk = srgb("#27406b")
    return Sky(sun, NOTHING, times(dusk, 0.3), times(dusk, 0.6), (0.01, 0.012, 0.015), 0.5, seed), 1.0
