"""Lamps. Each shade glows, and carries a ball of light that does the lighting."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.colour import Colour, scaled, srgb
from mtcp.data.rooms.mesh import box, cylinder, lathe, rod
from mtcp.data.rooms.parts import Builder, Item, Lamp, Material, plain
from mtcp.data.rooms.soft import superellipsoid
from mtcp.data.rooms.style import Style
from mtcp.data.rooms.textures.base import Paint

WARM: Colour = (1.0, 0.74, 0.46)


def _shade(colour: Colour, on: float) -> Material:
    """Lampshade cloth; `on` is the brightness of the lamp, 0 when off."""
    if on <= 0:
        return Material(Paint(colour, 0.03), translucency=0.4)
    tint = (colour[0] * WARM[0], colour[1] * WARM[1], colour[2] * WARM[2])
    return Material(Paint(tint, 0.03, 0.08), glow=(3.4 * on, 3.4 * on, 3.4 * on))


def _power(on: float, strength: float) -> Colour:
    return WARM[0] * on * strength, WARM[1] * on * strength, WARM[2] * on * strength


def floor_lamp(rng: np.random.Generator, style: Style, on: float = 1.0) -> Item:
    """A pole with a drum shade, a tripod, or an arc."""
    b = Builder(rng)
    h = float(rng.uniform(1.45, 1.65))
    shade = _shade(srgb(str(rng.choice(["#f1e6d0", "#e9ddc7", "#f5f1e6"]))), on)
    r = float(rng.uniform(0.17, 0.23))
    if rng.random() < 0.35:
        for k in range(3):
            a = 2 * np.pi * k / 3
            b.add(
                "lamp",
                style.wood,
                rod(
                    (0.05 * np.cos(a), 0.26 + 0.05 * np.sin(a), h - 0.25),
                    (0.26 * np.cos(a), 0.26 + 0.26 * np.sin(a), 0),
                    0.016,
                    0.013,
                ),
            )
    else:
        b.add(
            "lamp",
            style.metal,
            cylinder(0.15, 0, 0.022, 28).moved(0, 0.26, 0),
            cylinder(0.011, 0.02, h - 0.1, 8).moved(0, 0.26, 0),
        )
    b.add("lamp", shade, lathe([(r, h - 0.27), (r * float(rng.uniform(0.65, 1.0)), h)], 28).moved(0, 0.26, 0))
    if on > 0:
        b.lamps.append(Lamp((0, 0.26, h - 0.13), 0.09, _power(on, 1.5)))
    return b.item(0.5, 0.5, h)


def table_lamp(rng: np.random.Generator, style: Style, on: float = 1.0) -> Item:
    """A turned or round foot under a shade."""
    b = Builder(rng)
    h = float(rng.uniform(0.42, 0.56))
    shade = _shade(srgb(str(rng.choice(["#f1e6d0", "#e9ddc7", "#f5f1e6", "#e2cdb0"]))), on)
    colour = style.colours[int(rng.integers(3))] if rng.random() < 0.6 else srgb("#e9e6df")
    foot = plain(colour, 0.05, 0.05)
    neck = h - 0.2
    if rng.random() < 0.5:
        profile = [
            (1e-3, 0),
            (0.06, 0),
            (0.065, 0.02),
            (0.1, 0.08),
            (0.1, 0.13),
            (0.05, 0.2),
            (0.018, 0.23),
            (0.014, neck),
        ]
    else:
        profile = [
            (1e-3, 0),
            (0.08, 0),
            (0.08, 0.015),
            (0.022, 0.04),
            (0.03, 0.1),
            (0.02, 0.16),
            (0.016, neck),
        ]
    b.add("lamp", foot, lathe(profile, 18, smooth=True))
    r = float(rng.uniform(0.12, 0.16))
    b.add("lamp", shade, lathe([(r, h - 0.2), (r * 0.66, h)], 24))
    if on > 0:
        b.lamps.append(Lamp((0, 0, h - 0.1), 0.06, _power(on, 0.8)))
    return b.item(2 * r, 2 * r, h)


def ceiling_lamp(rng: np.random.Generator, style: Style, on: float = 1.0) -> Item:
    """A flat dome under the ceiling; z 0 is the ceiling, everything hangs below."""
    b = Builder(rng)
    r = float(rng.uniform(0.16, 0.24))
    glass = (
        Material(Paint((0.9, 0.87, 0.8), 0.0), glow=(4.2 * on,) * 3)
        if on > 0
        else plain((0.85, 0.84, 0.8), 0.04)
    )
    b.add(
        "lamp",
        glass,
        lathe(
            [(r, -0.02), (r * 0.93, -0.06), (r * 0.7, -0.095), (r * 0.35, -0.11), (1e-3, -0.115)],
            28,
            smooth=True,
        ),
    )
    b.add("lamp", style.metal, cylinder(r + 0.012, -0.024, 0, 28))
    if on > 0:
        b.lamps.append(Lamp((0, 0, -0.24), 0.12, _power(on, 2.5)))
    return b.item(2 * r, 2 * r, 0.12)


def pendant(rng: np.random.Generator, style: Style, on: float = 1.0, drop: float = 0.9) -> Item:
    """A shade on a cable, z 0 is the ceiling."""
    b = Builder(rng)
    black = plain(srgb("#1e1e20"), 0.05)
    b.add("lamp", black, cylinder(0.004, -drop + 0.2, 0, 6), cylinder(0.05, -0.03, 0, 16))
    r = float(rng.uniform(0.16, 0.24))
    z = -drop
    kind = rng.choice(["dome", "ball", "drum"])
    if kind == "dome":
        outer = plain(style.colours[int(rng.integers(4))] if rng.random() < 0.5 else srgb("#2b2b2d"), 0.05)
        b.add(
            "lamp",
            outer,
            lathe(
                [(r, z), (r * 0.95, z + 0.06), (r * 0.7, z + 0.14), (r * 0.25, z + 0.19), (0.02, z + 0.22)],
                28,
                smooth=True,
            ),
        )
        glow = (
            Material(Paint((0.9, 0.86, 0.76), 0.0), glow=(6.0 * on,) * 3)
            if on > 0
            else plain(srgb("#f0ede4"))
        )
        b.add("lamp", glow, superellipsoid(0.045, 0.045, 0.045, 1.0, 8).moved(0, 0, z + 0.05))
    elif kind == "ball":
        b.add(
            "lamp",
            _shade(srgb("#f7f2e6"), on),
            superellipsoid(r * 0.8, r * 0.8, r * 0.8, 1.0, 14).moved(0, 0, z + 0.1),
        )
    else:
        b.add(
            "lamp",
            _shade(srgb("#f1e8d6"), on),
            lathe([(r * 1.2, z), (r * 1.2, z + 0.2)], 28),
            lathe([(1e-3, z + 0.01), (r * 1.2, z + 0.01)], 28),
        )
    if on > 0:
        low = z - 0.03 if kind == "dome" else z + 0.1
        b.lamps.append(Lamp((0, 0, low), 0.1, _power(on, 1.9)))
    return b.item(2 * r, 2 * r, drop + 0.1)


def desk_lamp(rng: np.random.Generator, style: Style, on: float = 1.0) -> Item:
    """A jointed arm with a conical head."""
    b = Builder(rng)
    paint = plain(scaled(style.colours[int(rng.integers(4))], 0.8), 0.05)
    b.add("lamp", paint, cylinder(0.085, 0, 0.02, 20))
    elbow, tip = (0.0, -0.09, 0.26), (0.0, 0.13, 0.42)
    b.add("lamp", style.metal, rod((0, 0, 0.02), elbow, 0.008), rod(elbow, tip, 0.008))
    head = lathe([(0.025, 0.08), (0.035, 0.03), (0.075, -0.06)], 18, smooth=True).tilted(0.5)
    b.add("lamp", paint, head.moved(*tip))
    glow = Material(Paint((0.9, 0.86, 0.76), 0.0), glow=(6.0 * on,) * 3) if on > 0 else plain(srgb("#f0ede4"))
    b.add("lamp", glow, superellipsoid(0.03, 0.03, 0.03, 1.0, 6).moved(0, tip[1] + 0.02, tip[2] - 0.035))
    if on > 0:
        b.lamps.append(Lamp((0, tip[1] + 0.04, tip[2] - 0.09), 0.04, _power(on, 0.4)))
    return b.item(0.18, 0.3, 0.5)


def sconce(rng: np.random.Generator, style: Style, on: float = 1.0) -> Item:
    """A bar of light on the wall (above a bathroom mirror)."""
    b = Builder(rng)
    w = float(rng.uniform(0.35, 0.55))
    b.add("lamp", style.metal, box((-w / 2 - 0.02, 0, 0), (w / 2 + 0.02, 0.04, 0.05)))
    glow = Material(Paint((0.92, 0.9, 0.84), 0.0), glow=(4.2 * on,) * 3) if on > 0 else plain(srgb("#f0ede4"))
    b.add("lamp", glow, rod((-w / 2, 0.08, 0.025), (w / 2, 0.08, 0.025), 0.035, sides=14))
    if on > 0:
        for x in (-w / 3, w / 3):
            b.lamps.append(Lamp((x, 0.14, 0.025), 0.05, _power(on, 0.5)))
    return b.item(w + 0.06, 0.12, 0.07)
