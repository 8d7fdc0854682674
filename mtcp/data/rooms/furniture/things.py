"""Small things: books, papers, vases, bowls, bottles, cups, boxes, bags, clothes, baskets, plants."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mtcp.data.rooms.chance import any_of, odds, seed_of, span
from mtcp.data.rooms.colour import pick, scaled, srgb, varied
from mtcp.data.rooms.mesh import Mesh, box, join, lathe, panel, rod, rotation, smoothed
from mtcp.data.rooms.parts import Builder, Item, Material, plain
from mtcp.data.rooms.soft import cushion, leaf, superellipsoid
from mtcp.data.rooms.style import Style, textile
from mtcp.data.rooms.textures.pictures import Text

BRIGHT = (
    "#7d2e2a", "#a8472f", "#c47f33", "#d9b45a", "#566b3f", "#2f5a4d", "#2d4f6e", "#3d6b94", "#5a4a72",
    "#3b3a3c", "#b8b0a2", "#e4ddcd", "#a39070", "#44302a", "#17344a", "#8f2f45",
)  # fmt: skip
COVERS = tuple(plain(srgb(code), 0.03) for code in BRIGHT)
PAGES = plain(srgb("#e9e2d0"))


def book_row(b: Builder, x0: float, x1: float, y: float, z: float, tallest: float) -> None:
    """Upright books from x0 to x1 on the plane z, spines forward near y, in groups of a height."""
    x, group = x0, span(b.rng, 0.7, 0.97)
    while True:
        if odds(b.rng, 0.18):
            group = span(b.rng, 0.62, 0.97)
        thick, tall = span(b.rng, 0.014, 0.045), tallest * group * span(b.rng, 0.95, 1.0)
        if x + thick > x1:
            return
        front, back = y - span(b.rng, 0, 0.012), y - 0.7 * tall
        b.add(any_of(b.rng, COVERS), box((x, back, z), (x + thick, front, z + tall)), label="books")
        x += thick + 0.0008


def book_stack(rng: np.random.Generator, style: Style) -> Item:
    """Lying books, loosely aligned. Round the origin."""
    b, z = Builder(rng, "books"), 0.0
    for _ in range(int(rng.integers(1, 5))):
        thick, w, turn = span(rng, 0.015, 0.035), span(rng, 0.1, 0.14), float(rng.normal(0, 0.15))
        cover = box((-w, -0.7 * w, z), (w, 0.7 * w, z + thick))
        b.add(any_of(rng, COVERS), cover.turned(turn))
        pages = box((w - 0.002, -0.65 * w, z + 0.003), (w + 0.001, 0.65 * w, z + thick - 0.003))
        b.add(PAGES, pages.turned(turn))
        z += thick
    return b.item(0.3, 0.24, z)


def papers(rng: np.random.Generator, style: Style) -> Item:
    """Sheets of paper lying about. Round the origin."""
    b = Builder(rng, "paper")
    for k in range(int(rng.integers(1, 4))):
        sheet = Material(Text((0.21, 0.297), srgb("#f1efe8"), srgb("#26282a"), seed=seed_of(rng)))
        mesh = panel((-0.105, -0.15, 0.002 + 0.0015 * k), (0.21, 0, 0), (0, 0.297, 0))
        b.add(sheet, mesh.turned(rng.normal(0, 0.3)).moved(*rng.normal(0, 0.05, 2)), shift=False)
    return b.item(0.3, 0.36, 0.01)


def vase(rng: np.random.Generator, style: Style) -> Item:
    """A vase, mostly with flowers. Round the origin."""
    b = Builder(rng)
    h, r = span(rng, 0.16, 0.32), span(rng, 0.05, 0.085)
    profile = [(1e-3, 0), (r * 0.6, 0), (r, h * 0.35), (r * 0.85, h * 0.6), (r * 0.4, h * 0.85), (r * 0.5, h)]
    b.add(plain(any_of(rng, style.colours), 0.06), smoothed(lathe(profile)))
    if odds(rng, 0.75):
        petal = plain(pick(rng, ("#c94f4f", "#e7c24a", "#e9e2ea", "#d98ca0", "#8d6fb0")))
        for _ in range(int(rng.integers(5, 9))):
            x, y = (float(v) for v in rng.normal(0, 0.085, 2))
            top = (x, y, h + span(rng, 0.1, 0.24))
            b.add(plain(srgb("#41602f")), rod((0, 0, h * 0.8), top, 0.003, sides=5))
            b.add(petal, superellipsoid(0.032, 0.032, 0.024, 1.2, 6).moved(*top))
    return b.item(0.2, 0.2, h + 0.2)


def bowl(rng: np.random.Generator, style: Style) -> Item:
    """A bowl of fruit. Round the origin."""
    b = Builder(rng)
    r = span(rng, 0.11, 0.16)
    body = any_of(rng, (style.wood, plain(pick(rng, ("#e8e5de", "#5f7f8c", "#3d4246")), 0.05)))
    profile = [(1e-3, 0), (0.45 * r, 0), (0.8 * r, 0.03), (r, 0.08), (0.76 * r, 0.034), (1e-3, 0.012)]
    b.add(body, lathe(profile))
    for k in range(6):
        fruit = plain(varied(rng, pick(rng, ("#c8352b", "#d98a2b", "#7fa03c", "#d9b93c"))), 0.04, 0.12)
        a, q = k * 2 * np.pi / 5, 0.55 * r * (k < 5)
        ball = superellipsoid(0.037, 0.037, 0.034, 1.0, 7)
        b.add(fruit, ball.moved(q * np.cos(a), q * np.sin(a), 0.06 if k < 5 else 0.1))
    return b.item(2 * r, 2 * r, 0.13)


def bottle(rng: np.random.Generator, style: Style) -> Item:
    """A bottle with a label. Round the origin."""
    b = Builder(rng)
    h = span(rng, 0.14, 0.28)
    r = h * span(rng, 0.13, 0.19)
    body = plain(pick(rng, ("#2f4a33", "#e6e3dc", "#c7d3d6", "#5a3220", "#d9b45a", "#3f6c8c")), 0.05)
    b.add(body, lathe([(1e-3, 0), (r, 0), (r, h * 0.62), (r * 0.4, h * 0.78), (r * 0.4, h), (1e-3, h)], 14))
    b.add(any_of(rng, COVERS), lathe([(r + 0.001, h * 0.15), (r + 0.001, h * 0.48)], 14))
    return b.item(2 * r, 2 * r, h)


def cup(rng: np.random.Generator, style: Style) -> Item:
    """A mug. Round the origin."""
    b = Builder(rng)
    profile = [(1e-3, 0), (0.036, 0), (0.04, 0.09), (0.036, 0.09), (0.033, 0.01), (1e-3, 0.01)]
    b.add(plain(pick(rng, ("#efece5", "#3f5f78", "#a5473a", "#4a4c4e", "#d8b25c")), 0.05), lathe(profile, 16))
    return b.item(0.09, 0.09, 0.09)


def carton(rng: np.random.Generator, style: Style) -> Item:
    """A cardboard box with tape, or a coloured storage box with a lid."""
    b = Builder(rng, "box")
    w, d, h = (float(v) for v in rng.uniform((0.14, 0.24, 0.18), (0.25, 0.42, 0.36)))
    if odds(rng, 0.65):
        b.add(plain(varied(rng, srgb("#b08a5c"), 0.08), mottle=0.08), box((-w, 0, 0), (w, d, h)))
        tape = box((-w - 0.001, d / 2 - 0.025, h * 0.75), (w + 0.001, d / 2 + 0.025, h + 0.001))
        b.add(plain(srgb("#cbb184")), tape)
    else:
        lid = box((-w - 0.01, -0.01, h * 0.85), (w + 0.01, d + 0.01, h))
        b.add(any_of(rng, COVERS), box((-w, 0, 0), (w, d, h)), lid)
    return b.item(2 * w + 0.03, d + 0.03, h)


def bag(rng: np.random.Generator, style: Style) -> Item:
    """A rucksack standing on the floor."""
    b = Builder(rng, "bag")
    colour = varied(rng, pick(rng, ("#2f4a5e", "#7a3b32", "#4b5a3c", "#3b3b40", "#8a6a45")))
    b.add(textile(rng, colour, colour), superellipsoid(0.17, 0.11, 0.23, 0.45).moved(0, 0.13, 0.22))
    b.add(textile(rng, colour, colour), superellipsoid(0.13, 0.05, 0.11, 0.4, 8).moved(0, 0.25, 0.14))
    for s in (-0.05, 0.05):
        b.add(plain(scaled(colour, 0.45)), rod((s, 0.08, 0.42), (s, 0.12, 0.52), 0.011, sides=6))
    return b.item(0.36, 0.34, 0.52)


def basket(rng: np.random.Generator, style: Style) -> Item:
    """A basket with a blanket in it, or a waste bin."""
    r, h = span(rng, 0.14, 0.22), span(rng, 0.26, 0.38)
    profile = [(1e-3, 0), (r * 0.85, 0), (r, h), (r - 0.015, h), (r - 0.03, 0.03), (1e-3, 0.02)]
    filled = odds(rng, 0.5)
    b = Builder(rng, "otherprop" if filled else "otherfurniture")
    colour = srgb("#a98a58") if filled else pick(rng, ("#3a3c3e", "#e4e2dc", "#6d7f86"))
    b.add(plain(colour, mottle=0.2 if filled else 0.02), lathe(profile, 26).moved(0, r, 0))
    if filled:
        b.add(style.accents[2], superellipsoid(r * 0.9, r * 0.9, 0.12).moved(0, r, h - 0.08), label="clothes")
    return b.item(2 * r, 2 * r, h)


def clothes(rng: np.random.Generator, style: Style) -> Item:
    """Folded clothing, one piece on the other."""
    b = Builder(rng, "clothes")
    for k in range(int(rng.integers(1, 4))):
        colour = varied(rng, pick(rng, ("#38506b", "#7d3034", "#dcd8d0", "#4a4c50", "#8c8f73", "#c48a5a")))
        mesh = cushion(rng, span(rng, 0.3, 0.45), span(rng, 0.25, 0.35), 0.05, 0.02)
        b.add(textile(rng, colour, colour), mesh.turned(rng.normal(0, 0.3)).moved(0, 0.2, 0.05 * k))
    return b.item(0.5, 0.4, 0.16)


def plant(rng: np.random.Generator, style: Style, height: float = 1.2) -> Item:
    """A potted plant: a rosette of long bending blades, or upright swords."""
    b = Builder(rng)
    r = float(np.clip(height * 0.13, 0.05, 0.19))
    pot = r * span(rng, 1.3, 1.9)
    green = varied(rng, pick(rng, ("#3c6a2e", "#4f7d3a", "#2f5a33", "#6a8a45", "#3d6b4a")), 0.12)
    wide, upright = 0.45 * height, odds(rng, 0.4)
    clay = plain(pick(rng, ("#b9653f", "#e8e4dc", "#3e4143", "#8c9a94", "#d6c3a3")), 0.03, 0.06)
    b.add(
        clay,
        lathe([(r * 0.75, 0), (r, pot), (r - 0.02, pot - 0.03), (1e-3, pot - 0.02)]).moved(0, wide / 2, 0),
    )
    bends, rises = ((-0.1, 0.25), (1.25, 1.55)) if upright else ((0.9, 2.0), (0.7, 1.4))
    leaves: list[Mesh] = []
    for k in range(13 if upright else 26):
        blade = leaf((height - pot) * span(rng, 0.6, 1.0), 0.06 * height + 0.01, span(rng, *bends))
        blade = blade.rotated(rotation(2, k * 2.4) @ rotation(1, -span(rng, *rises)))
        leaves.append(blade.moved(rng.normal(0, 0.2) * r, rng.normal(0, 0.2) * r + wide / 2, pot - 0.03))
    for k, tone in enumerate((0.75, 1.0, 1.3)):
        foliage = replace(plain(scaled(green, tone), 0.03, 0.25), translucency=0.35)
        b.add(foliage, join(*leaves[k::3]))
    return b.item(wide, wide, height)
