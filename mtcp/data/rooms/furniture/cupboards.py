"""What holds things: shelves, chests of drawers, sideboards, wardrobes; and the electronics that stand on them."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.chance import any_of, odds, seed_of, span
from mtcp.data.rooms.colour import pick, srgb
from mtcp.data.rooms.furniture import things
from mtcp.data.rooms.furniture.things import book_row
from mtcp.data.rooms.mesh import box, frame, panel, rod
from mtcp.data.rooms.parts import Builder, Item, Material, plain
from mtcp.data.rooms.soft import superellipsoid
from mtcp.data.rooms.style import Style
from mtcp.data.rooms.textures.pictures import Text

BLACK = plain(srgb("#17171a"), 0.05)
Face = tuple[float, float, float, float]  # x0, z0, x1, z1 of a front


def drawers(
    b: Builder, material: Material, metal: Material, face: Face, y: float, columns: int, rows: int
) -> None:
    """Drawer fronts with handles on the plane `y`."""
    x0, z0, x1, z1 = face
    wide, high = (x1 - x0) / columns, (z1 - z0) / rows
    for i in range(columns):
        for j in range(rows):
            x, z = x0 + (i + 0.5) * wide, z0 + (j + 0.5) * high
            w, h = wide / 2 - 0.006, high / 2 - 0.006
            b.add(material, box((x - w, y - 0.01, z - h), (x + w, y + 0.018, z + h)))
            b.add(metal, box((x - 0.07, y + 0.015, z - 0.006), (x + 0.07, y + 0.04, z + 0.006)))


def doors(b: Builder, material: Material, handle: Material, face: Face, y: float, columns: int) -> None:
    """Cupboard doors with a raised frame or flat, handles near the seam: low on wall units, else high."""
    x0, z0, x1, z1 = face
    wide, framed = (x1 - x0) / columns, odds(b.rng, 0.65)
    for i in range(columns):
        low, high = x0 + i * wide + 0.003, x0 + (i + 1) * wide - 0.003
        b.add(material, box((low, y - 0.01, z0 + 0.003), (high, y + 0.014, z1 - 0.003)))
        if framed:
            b.add(material, frame((low, y + 0.01, z0 + 0.003), (high, y + 0.022, z1 - 0.003), 0.06))
        x = high - 0.03 if i % 2 == 0 and columns > 1 else low + 0.03
        z = z0 + 0.16 if z0 == 0 else min(z1 - 0.16, 1.0)
        b.add(handle, box((x - 0.006, y + 0.014, z - 0.07), (x + 0.006, y + 0.045, z + 0.07)))


def _carcass(b: Builder, style: Style, w: float, d: float, h: float, leg: float) -> None:
    """A box of half width `w` with a top that stands out, on short legs."""
    b.add(style.furniture, box((-w, 0.01, leg), (w, d - 0.02, h - 0.02)))
    b.add(style.furniture, box((-w - 0.012, 0, h - 0.025), (w + 0.012, d + 0.012, h)))
    b.legs(style.furniture, w - 0.03, 0.05, d - 0.06, leg + 0.01, 0.05)
    b.tops.append((-w + 0.04, 0.03, w - 0.04, d - 0.04, h))


def chest(rng: np.random.Generator, style: Style, label: str, w: float, h: float, rows: int) -> Item:
    """A chest of drawers: night stand, dresser, filing cabinet."""
    b, d = Builder(rng, label), span(rng, 0.4, 0.48)
    _carcass(b, style, w / 2, d, h, 0.1)
    face = (-w / 2 + 0.01, 0.11, w / 2 - 0.01, h - 0.035)
    drawers(b, style.furniture, style.metal, face, d - 0.02, 2 if w > 1.05 else 1, rows)
    return b.item(w + 0.03, d + 0.04, h)


def sideboard(rng: np.random.Generator, style: Style, w: float = 1.5, h: float = 0.8) -> Item:
    """A long low cupboard: doors left and right, drawers between."""
    b, d, third = Builder(rng, "cabinet"), span(rng, 0.4, 0.48), w / 6
    _carcass(b, style, w / 2, d, h, any_of(rng, (0.06, 0.15)))
    for x0, x1 in ((-w / 2, -third), (third, w / 2)):
        doors(b, style.furniture, style.metal, (x0, 0.16, x1, h - 0.03), d - 0.02, 1)
    drawers(b, style.furniture, style.metal, (-third, 0.16, third, h - 0.03), d - 0.02, 1, 3)
    return b.item(w + 0.03, d + 0.06, h)


def wardrobe(rng: np.random.Generator, style: Style) -> Item:
    """A tall cupboard with two or three doors."""
    b, columns = Builder(rng, "cabinet"), int(rng.integers(2, 4))
    w, d, h = columns * span(rng, 0.45, 0.55), span(rng, 0.55, 0.62), span(rng, 1.9, 2.15)
    _carcass(b, style, w / 2, d, h, 0.08)
    doors(b, style.furniture, style.metal, (-w / 2, 0.1, w / 2, h - 0.03), d - 0.02, columns)
    return b.item(w + 0.05, d + 0.05, h)


def bookshelf(rng: np.random.Generator, style: Style) -> Item:
    """Shelves of books with a few other things between them."""
    b = Builder(rng, "bookshelf")
    w, d, h, t = span(rng, 0.7, 1.2) / 2, span(rng, 0.28, 0.34), span(rng, 1.5, 2.1), 0.024
    b.add(style.furniture, *(box((x, 0, 0), (x + t, d, h)) for x in (-w, w - t)))
    b.add(style.furniture, box((-w + t, 0, 0), (w - t, 0.012, h)), box((-w, 0, h - t), (w, d + 0.008, h)))
    rows = round(h / span(rng, 0.31, 0.38))
    pitch = (h - t - 0.06) / rows
    for row in range(rows):
        z = 0.06 + row * pitch
        b.add(style.furniture, box((-w + t, 0.01, z - t), (w - t, d - 0.004, z)))
        _shelf(b, style, -w + t + 0.01, w - t - 0.01, d - 0.02, z, pitch - t - 0.02)
    b.tops.append((-w + 0.05, 0.04, w - 0.05, d - 0.04, h))
    return b.item(2 * w, d + 0.01, h)


def _shelf(b: Builder, style: Style, x0: float, x1: float, y: float, z: float, room: float) -> None:
    """One compartment: books, or books and an ornament, or boxes."""
    draw, tallest = b.rng.random(), min(room - 0.01, 0.3)
    cut = x0 + (x1 - x0) * span(b.rng, 0.4, 0.62)
    if draw < 0.9:
        book_row(b, x0, cut if draw > 0.5 else x1 - span(b.rng, 0, 0.2), y, z, tallest)
    if 0.5 < draw < 0.9:
        make = any_of(b.rng, (things.vase, things.bowl, things.book_stack, things.bottle))
        item = make(b.rng, style)
        if item.size[2] < room and item.size[0] < x1 - cut:
            b.put(item, (cut + x1) / 2, y - 0.13, z)
    if draw >= 0.9:
        colour, n = plain(pick(b.rng, things.BRIGHT)), max(1, round((x1 - x0) / 0.34))
        for low in np.linspace(x0, x1, n + 1)[:-1]:
            b.add(colour, box((low + 0.01, 0.03, z), (low + (x1 - x0) / n - 0.01, y, z + 0.2)), label="box")


def wall_shelf(rng: np.random.Generator, style: Style) -> Item:
    """A board on the wall with books and a vase on it; z 0 is its underside."""
    b, w = Builder(rng, "shelves"), span(rng, 0.35, 0.6)
    b.add(style.wood, box((-w, 0, 0), (w, 0.22, 0.028)))
    for x in (-w + 0.12, w - 0.12):
        b.add(style.metal, rod((x, 0.0, -0.11), (x, 0.19, 0), 0.006))
    book_row(b, -w + 0.03, w * 0.3, 0.2, 0.028, 0.24)
    b.put(things.vase(rng, style), w * 0.65, 0.1, 0.028)
    return b.item(2 * w, 0.22, 0.4)


def screen(rng: np.random.Generator, label: str, width: float, on: bool) -> Item:
    """A television or monitor on its foot; back at y = 0."""
    b, w, h = Builder(rng, label), width / 2, width * 0.58
    b.add(BLACK, box((-w, 0.06, 0.1), (w, 0.09, 0.1 + h)))
    b.add(BLACK, box((-0.14, 0.0, 0), (0.14, 0.2, 0.012)), box((-0.03, 0.03, 0), (0.03, 0.06, 0.25)))
    shown = plain((0.008, 0.008, 0.009), 0.05)
    if on:
        paper = pick(rng, ("#3c6e91", "#5c4a7a", "#3f7d6b", "#e8e8e8"))
        page = Text((width, h), paper, srgb("#16181c"), h / 14, seed_of(rng))
        shown = Material(page, 0.04, glow=(0.7, 0.7, 0.7))
    b.add(shown, panel((-w + 0.012, 0.0915, 0.112), (width - 0.024, 0, 0), (0, 0, h - 0.024)), shift=False)
    return b.item(width, 0.2, h + 0.1)


def keyboard(rng: np.random.Generator, style: Style) -> Item:
    """Keyboard and mouse; round the origin."""
    b, body = Builder(rng), plain(pick(rng, ("#d5d5d2", "#232326")), 0.03)
    b.add(body, box((-0.22, -0.07, 0), (0.22, 0.07, 0.014)))
    for row in range(4):
        z = -0.06 + row * 0.03
        b.add(plain(srgb("#6a6a6e"), 0.03), box((-0.21, z, 0.014), (0.21, z + 0.024, 0.02)))
    b.add(body, superellipsoid(0.032, 0.055, 0.02, 0.8, 7).moved(0.32, 0.0, 0.015))
    return b.item(0.7, 0.14, 0.03)
