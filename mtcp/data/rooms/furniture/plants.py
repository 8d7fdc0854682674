"""Pot plants."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.chance import seed_of
from mtcp.data.rooms.colour import Colour, pick, scaled, srgb, varied
from mtcp.data.rooms.mesh import lathe, rod
from mtcp.data.rooms.parts import Builder, Item, Material, plain
from mtcp.data.rooms.soft import leaf
from mtcp.data.rooms.style import Style
from mtcp.data.rooms.textures.base import Leaf, Woven


def _pot(b: Builder, style: Style, r: float, h: float) -> None:
    kind = b.rng.random()
    if kind < 0.3:
        material = Material(Woven(srgb("#c9a470"), srgb("#7d5c36")))
    else:
        colour = (
            pick(b.rng, ("#b9653f", "#e8e4dc", "#3e4143", "#8c9a94", "#d6c3a3"))
            if kind < 0.75
            else style.colours[2]
        )
        material = plain(colour, 0.03, 0.15, 0.06)
    low = float(b.rng.uniform(0.65, 0.9))
    b.add(
        "otherprop",
        material,
        lathe([(1e-3, 0), (r * low, 0), (r, h), (r - 0.012, h), (r - 0.02, h - 0.03)], 22),
    )
    b.add(
        "otherprop", plain(srgb("#2e2118"), mottle=0.3), lathe([(r - 0.015, h - 0.025), (1e-3, h - 0.02)], 22)
    )


def plant(rng: np.random.Generator, style: Style, height: float = 1.2) -> Item:
    """A potted plant: stems with leaves, a rosette of long blades, or upright swords."""
    b = Builder(rng)
    r = float(np.clip(height * 0.13, 0.05, 0.19))
    pot = r * float(rng.uniform(1.3, 1.9))
    _pot(b, style, r, pot)
    green = varied(rng, pick(rng, ("#3c6a2e", "#4f7d3a", "#2f5a33", "#6a8a45", "#3d6b4a")), 0.12)
    foliage = Material(Leaf(green, scaled(green, 1.7), seed_of(rng)), 0.03, 0.25, 0.35)
    kind = rng.choice(["stems", "blades", "swords"])
    tall = height - pot
    if kind == "stems":
        bark = plain(srgb("#5a4432"), mottle=0.15)
        for _ in range(int(rng.integers(3, 6))):
            lean = rng.normal(0, 0.16, 2) * tall
            top = (float(lean[0]), float(lean[1]), pot + tall * float(rng.uniform(0.65, 0.95)))
            b.add(
                "otherprop",
                bark,
                rod(
                    (float(lean[0]) * 0.15, float(lean[1]) * 0.15, pot - 0.04),
                    top,
                    0.012 * height + 0.002,
                    0.004,
                    5,
                ),
            )
            for k in range(int(9 + 6 * height)):
                t = 0.35 + 0.65 * (k + rng.random()) / (9 + 6 * height)
                size = tall * float(rng.uniform(0.16, 0.27))
                blade = leaf(size, size * 0.5, float(rng.uniform(0.5, 1.3)), cells=4).tilted(
                    -float(rng.uniform(0.1, 0.9)), 1
                )
                blade = blade.turned(k * 2.4 + rng.normal(0, 0.3))
                b.add(
                    "otherprop",
                    foliage,
                    blade.moved(lean[0] * t, lean[1] * t, pot + (top[2] - pot) * t),
                    shift=False,
                    tint=_tone(rng),
                )
    elif kind == "blades":
        for k in range(26):
            size = tall * float(rng.uniform(0.7, 1.15))
            blade = leaf(size, 0.05 * height + 0.012, float(rng.uniform(0.9, 2.0)), cells=7)
            blade = blade.tilted(-float(rng.uniform(0.7, 1.45)), 1).turned(k * 2.4 + rng.normal(0, 0.2))
            b.add("otherprop", foliage, blade.moved(0, 0, pot - 0.03), shift=False, tint=_tone(rng))
    else:
        for k in range(13):
            size = tall * float(rng.uniform(0.55, 1.0))
            blade = leaf(size, 0.07 * height + 0.01, float(rng.uniform(-0.1, 0.25)), cells=6).tilted(
                -float(rng.uniform(1.25, 1.55)), 1
            )
            spot = rng.normal(0, r * 0.35, 2)
            b.add(
                "otherprop",
                foliage,
                blade.turned(k * 2.4).moved(spot[0], spot[1], pot - 0.03),
                shift=False,
                tint=_tone(rng),
            )
    wide = 2.2 * r if kind == "swords" else max(2.2 * r, 0.45 * height)
    return _back_at_zero(b, wide, height)


def _tone(rng: np.random.Generator) -> Colour:
    v = float(rng.uniform(0.75, 1.2))
    return v * float(rng.uniform(0.9, 1.1)), v, v * 0.9


def _back_at_zero(b: Builder, wide: float, height: float) -> Item:
    """Things built round the origin, moved so that their back is at y = 0."""
    item = b.item(wide, wide, height)
    offset = np.array([0.0, wide / 2, 0.0])
    return Item(tuple(p.placed(0, offset) for p in item.parts), item.size)
