"""Lamps. Each shade glows, and carries a ball of light that does the lighting. `on` is the brightness, 0 off."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.chance import any_of, odds, span
from mtcp.data.rooms.colour import Colour, srgb
from mtcp.data.rooms.mesh import cylinder, lathe, rod, smoothed
from mtcp.data.rooms.parts import Builder, Item, Lamp, Material, plain
from mtcp.data.rooms.style import Style
from mtcp.data.rooms.textures.surfaces import Paint

WARM: Colour = (1.0, 0.74, 0.46)


def _shade(on: float, strength: float = 3.4) -> Material:
    """Lampshade cloth or glass."""
    if on <= 0:
        return Material(Paint((0.8, 0.76, 0.68)), translucency=0.4)
    return Material(Paint(WARM, 0.03, 0.08), glow=(strength * on,) * 3)


def _light(b: Builder, y: float, z: float, radius: float, on: float, strength: float) -> None:
    if on > 0:
        r, g, blue = (channel * on * strength for channel in WARM)
        b.lamps.append(Lamp((0.0, y, z), radius, (r, g, blue)))


def floor_lamp(rng: np.random.Generator, style: Style, on: float) -> Item:
    """A drum shade on a pole or a tripod."""
    b, h, r = Builder(rng, "lamp"), span(rng, 1.45, 1.65), span(rng, 0.17, 0.23)
    if odds(rng, 0.35):
        for a in 2 * np.pi * np.arange(3) / 3:
            c, s = float(np.cos(a)), float(np.sin(a))
            b.add(
                style.wood, rod((0.05 * c, 0.26 + 0.05 * s, h - 0.25), (0.26 * c, 0.26 + 0.26 * s, 0), 0.016)
            )
    else:
        b.add(
            style.metal, lathe([(0.15, 0), (0.15, 0.02), (0.011, 0.03), (0.011, h - 0.1)]).moved(0, 0.26, 0)
        )
    b.add(_shade(on), lathe([(r, h - 0.27), (r * span(rng, 0.65, 1.0), h)], 28).moved(0, 0.26, 0))
    _light(b, 0.26, h - 0.13, 0.09, on, 1.5)
    return b.item(0.5, 0.5, h)


def table_lamp(rng: np.random.Generator, style: Style, on: float) -> Item:
    """A turned or bellied foot under a shade. Round the origin."""
    b, h, r = Builder(rng, "lamp"), span(rng, 0.42, 0.56), span(rng, 0.12, 0.16)
    turned = [(0.08, 0), (0.08, 0.015), (0.022, 0.04), (0.03, 0.1), (0.016, 0.16), (0.014, h - 0.2)]
    bellied = [(0.06, 0), (0.065, 0.02), (0.1, 0.08), (0.1, 0.13), (0.018, 0.23), (0.014, h - 0.2)]
    b.add(plain(any_of(rng, style.colours), 0.05), smoothed(lathe(any_of(rng, (turned, bellied)))))
    b.add(_shade(on), lathe([(r, h - 0.2), (r * 0.66, h)], 24))
    _light(b, 0, h - 0.1, 0.06, on, 0.8)
    return b.item(2 * r, 2 * r, h)


def desk_lamp(rng: np.random.Generator, style: Style, on: float) -> Item:
    """A jointed arm with a conical head. Round the origin."""
    b, paint = Builder(rng, "lamp"), plain(any_of(rng, style.colours), 0.05)
    b.add(paint, cylinder(0.085, 0, 0.02))
    b.add(
        style.metal, rod((0, 0, 0.02), (0, -0.09, 0.26), 0.008), rod((0, -0.09, 0.26), (0, 0.13, 0.42), 0.008)
    )
    b.add(paint, lathe([(0.025, 0.08), (0.035, 0.03), (0.075, -0.06)]).tilted(0.5).moved(0, 0.13, 0.42))
    b.add(_shade(on, 6.0), cylinder(0.03, -0.05, 0).tilted(0.5).moved(0, 0.13, 0.42))
    _light(b, 0.17, 0.33, 0.04, on, 0.4)
    return b.item(0.18, 0.3, 0.5)


def ceiling_lamp(rng: np.random.Generator, style: Style, on: float) -> Item:
    """A flat dome; z 0 is the ceiling, everything hangs below."""
    b, r = Builder(rng, "lamp"), span(rng, 0.16, 0.24)
    dome = [(r, -0.02), (r * 0.93, -0.06), (r * 0.7, -0.095), (r * 0.35, -0.11), (1e-3, -0.115)]
    b.add(_shade(on, 4.2), smoothed(lathe(dome, 28)))
    b.add(style.metal, cylinder(r + 0.012, -0.024, 0, 28))
    _light(b, 0, -0.24, 0.12, on, 2.5)
    return b.item(2 * r, 2 * r, 0.12)


def pendant(rng: np.random.Generator, style: Style, on: float) -> Item:
    """A drum on a cable, z 0 is the ceiling."""
    b, r, z = Builder(rng, "lamp"), span(rng, 0.19, 0.28), -0.9
    b.add(plain(srgb("#1e1e20"), 0.05), cylinder(0.004, z + 0.2, 0, 6), cylinder(0.05, -0.03, 0, 16))
    b.add(_shade(on), lathe([(1e-3, z + 0.01), (r, z + 0.01), (r, z + 0.2)], 28))
    _light(b, 0, z + 0.1, 0.1, on, 1.9)
    return b.item(2 * r, 2 * r, 1.0)
