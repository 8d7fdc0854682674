"""What hangs on walls and lies on floors: pictures, mirrors, whiteboards, towels, rugs. z 0 is the lower edge."""

from __future__ import annotations

from typing import get_args

import numpy as np

from mtcp.data.rooms.chance import any_of, odds, seed_of, span
from mtcp.data.rooms.colour import srgb, varied
from mtcp.data.rooms.mesh import box, frame, lathe, panel, rod
from mtcp.data.rooms.parts import Builder, Item, Material, plain
from mtcp.data.rooms.soft import curtain
from mtcp.data.rooms.style import Style
from mtcp.data.rooms.textures.fabrics import Print, Rug
from mtcp.data.rooms.textures.pictures import MOTIFS, Painting, Text
from mtcp.data.rooms.textures.surfaces import Paint

PICTURE_COLOURS = (
    ("#dfe7ea", "#f0d9b8", "#8fa3ad", "#33475b", "#f4efe2"), ("#e8c9a0", "#c8643c", "#7d3a2c", "#2e3a48", "#f3e8d3"),
    ("#9ec3d6", "#e5e0c8", "#d6b98a", "#1f4e6b", "#fbf7ea"), ("#f0ece2", "#c4432f", "#2b4c7e", "#e0b33a", "#f6f3ea"),
    ("#ced6c3", "#8ca07a", "#4d6647", "#2b3a2c", "#f3f0e2"), ("#f5d5a0", "#e39a5b", "#a45b52", "#41395a", "#fbe9c9"),
)  # fmt: skip
GLASS = Material(Paint((0.8, 0.82, 0.82), 0.0), gloss=0.9)


def picture(rng: np.random.Generator, style: Style, width: float, height: float) -> Item:
    """A framed picture, mostly within a mat."""
    b, bar, half = Builder(rng, "picture"), span(rng, 0.015, 0.035), width / 2
    rim = any_of(rng, (style.wood, plain(srgb("#1f1f20"), 0.04), plain(srgb("#f0eee8"), 0.03)))
    b.add(rim, frame((-half, 0, 0), (half, 0.025, height), bar))
    b.add(plain(srgb("#f3f0e8")), panel((-half, 0.012, 0), (width, 0, 0), (0, 0, height)))
    inset = bar + any_of(rng, (0.0, 0.12, 0.16)) * min(width, height)
    w, h = width - 2 * inset, height - 2 * inset
    colours = tuple(varied(rng, srgb(code)) for code in any_of(rng, PICTURE_COLOURS))
    art = Material(Painting((w, h), colours, any_of(rng, MOTIFS), seed_of(rng)), 0.03)
    b.add(art, panel((-w / 2, 0.0135, inset), (w, 0, 0), (0, 0, h)), shift=False)
    return b.item(width, 0.03, height)


def mirror(rng: np.random.Generator, style: Style, width: float, height: float) -> Item:
    """A looking glass in a frame, now and then a round one."""
    b, rim = Builder(rng, "mirror"), any_of(rng, (style.wood, style.metal))
    if odds(rng, 0.25):
        r = width / 2
        for material, profile in (
            (GLASS, [(1e-3, 0.018), (r, 0.018)]),
            (rim, [(r - 0.02, 0.024), (r, 0.024), (r, 0.0)]),
        ):
            b.add(material, lathe(profile, 36).tilted(-np.pi / 2).moved(0, 0, r))
        return b.item(width, 0.03, width)
    b.add(rim, frame((-width / 2, 0, 0), (width / 2, 0.028, height), span(rng, 0.012, 0.05)))
    b.add(GLASS, panel((-width / 2, 0.016, 0), (width, 0, 0), (0, 0, height)))
    return b.item(width, 0.03, height)


def whiteboard(rng: np.random.Generator, style: Style, width: float, height: float) -> Item:
    """An office whiteboard with some writing and a tray."""
    b, half = Builder(rng, "whiteboard"), width / 2
    grey = plain(srgb("#b9bbbd"), 0.2)
    b.add(
        grey,
        frame((-half, 0, 0), (half, 0.02, height), 0.022),
        box((-half / 2, 0, -0.015), (half / 2, 0.07, 0.0)),
    )
    ink = srgb(any_of(rng, ("#26282a", "#2f5f9c", "#b5403a")))
    writing = Material(Text((width, height), srgb("#f4f5f4"), ink, 0.08, seed_of(rng)), 0.04)
    b.add(writing, panel((-half, 0.012, 0), (width, 0, 0), (0, 0, height)), shift=False)
    return b.item(width, 0.08, height)


def towel_rail(rng: np.random.Generator, style: Style) -> Item:
    """A rail with a towel over it."""
    b, w, h = Builder(rng, "towel"), span(rng, 0.25, 0.38), 0.55
    b.add(style.metal, rod((-w, 0.06, h), (w, 0.06, h), 0.009))
    for x in (-w, w):
        b.add(style.metal, rod((x, 0, h), (x, 0.06, h), 0.012))
    cloth, wide = any_of(rng, style.accents), w * span(rng, 1.0, 1.6)
    for y, drop in ((0.072, 0.5), (0.046, 0.36)):
        b.add(cloth, curtain(rng, wide, drop, 2, 0.006).moved(-wide / 2, y, h - drop))
    b.add(cloth, box((-wide / 2, 0.045, h - 0.004), (wide / 2, 0.075, h + 0.012)))
    return b.item(2 * w, 0.1, h + 0.02)


def rug(rng: np.random.Generator, style: Style, width: float, depth: float) -> Item:
    """A rug lying flat, its pile 1 cm high."""
    b = Builder(rng, "floor mat")
    colours = (
        style.colours[:3] if odds(rng, 0.6) else tuple(srgb(c) for c in ("#7a2f2b", "#26344c", "#cdb487"))
    )
    field, border, accent = (varied(rng, colours[int(i)], 0.12) for i in rng.permutation(3))
    material = Material(
        Rug((width, depth), field, border, accent, any_of(rng, get_args(Print)), seed_of(rng))
    )
    corner = np.array([-width / 2, -depth / 2, 0.0])
    b.add(material, panel((-width / 2, 0, 0.011), (width, 0, 0), (0, depth, 0), 0.4, corner), shift=False)
    b.add(plain(border), box((-width / 2, 0, 0), (width / 2, depth, 0.0105)))
    return b.item(width, depth, 0.012)
