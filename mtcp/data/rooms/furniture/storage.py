"""Bookshelves, sideboards, television stands, office cabinets, and the electronics that stand on them."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.chance import any_of, seed_of
from mtcp.data.rooms.colour import pick, srgb
from mtcp.data.rooms.mesh import box, cylinder, frame, panel, rod
from mtcp.data.rooms.parts import Builder, Item, Material, plain
from mtcp.data.rooms.soft import superellipsoid
from mtcp.data.rooms.style import Style
from mtcp.data.rooms.textures.base import Paint
from mtcp.data.rooms.textures.pictures import Desktop, Painting

from .beds import doors, drawers
from .books import book_row, book_stack
from .plants import plant
from .props import bottle, bowl, carton, vase
from .wallware import PICTURE_COLOURS

BLACK = plain(srgb("#17171a"), 0.04, 0.08)


def bookshelf(
    rng: np.random.Generator, style: Style, width: float | None = None, height: float | None = None
) -> Item:
    """Shelves of books with a few other things between them."""
    b = Builder(rng)
    w = width or float(rng.uniform(0.7, 1.2))
    h = height or float(rng.uniform(1.5, 2.1))
    d, t = float(rng.uniform(0.28, 0.34)), 0.024
    m = style.furniture
    b.add("bookshelf", m, box((-w / 2, 0, 0), (-w / 2 + t, d, h)), box((w / 2 - t, 0, 0), (w / 2, d, h)))
    b.add(
        "bookshelf",
        m,
        box((-w / 2 + t, 0, 0.05), (w / 2 - t, 0.012, h)),
        box((-w / 2, 0, h - t), (w / 2, d + 0.008, h)),
    )
    b.add("bookshelf", m, box((-w / 2 + t, 0.02, 0), (w / 2 - t, d - 0.02, 0.06)))
    rows = max(2, round((h - 0.08) / float(rng.uniform(0.31, 0.38))))
    pitch = (h - t - 0.06) / rows
    columns = 2 if w > 1.05 else 1
    if columns == 2:
        b.add("bookshelf", m, box((-t / 2, 0.01, 0.06), (t / 2, d - 0.004, h - t)))
    for row in range(rows):
        z = 0.06 + row * pitch
        if row:
            b.add("bookshelf", m, box((-w / 2 + t, 0.01, z - t), (w / 2 - t, d - 0.004, z)))
        for column in range(columns):
            x0 = -w / 2 + t + 0.01 if column == 0 else t / 2 + 0.01
            x1 = w / 2 - t - 0.01 if column == columns - 1 else -t / 2 - 0.01
            _shelf(b, style, x0, x1, d - 0.02, z, pitch - t - 0.02)
    b.tops.append((-w / 2 + 0.05, 0.04, w / 2 - 0.05, d - 0.04, h))
    return b.item(w, d + 0.01, h)


def _shelf(b: Builder, style: Style, x0: float, x1: float, y: float, z: float, room: float) -> None:
    """One compartment: books over most of it, or a row with an ornament, or a stack, or boxes."""
    rng = b.rng
    tallest = min(room - 0.01, 0.3)
    draw = rng.random()
    if draw < 0.55:
        book_row(b, x0, x1, y, z, tallest, float(rng.uniform(0.75, 1.0)))
        return
    cut = x0 + (x1 - x0) * float(rng.uniform(0.4, 0.62))
    if draw < 0.9:
        book_row(b, x0, cut, y, z, tallest)
        things = (
            vase(rng, style),
            bowl(rng, style, False),
            book_stack(rng),
            bottle(rng),
            plant(rng, style, min(0.28, room)),
        )
        fitting = [item for item in things if item.size[2] < room and item.size[0] < x1 - cut]
        if fitting:
            item = any_of(rng, fitting)
            b.put(item, (cut + x1) / 2 + 0.01, y - 0.13 - (item.size[1] / 2 if item is things[4] else 0), z)
        return
    colour = plain(pick(rng, ("#b9a27c", "#8d9aa0", "#d9d4c8", "#6c5a4a")), mottle=0.06)
    n = max(1, round((x1 - x0) / 0.34))
    wide = (x1 - x0) / n
    for k in range(n):
        low, high = x0 + k * wide + 0.01, x0 + (k + 1) * wide - 0.01
        b.add("box", colour, box((low, 0.03, z), (high, y, z + min(room - 0.04, 0.24))))
        b.add(
            "box",
            BLACK,
            box(((low + high) / 2 - 0.04, y, z + 0.14), ((low + high) / 2 + 0.04, y + 0.004, z + 0.16)),
        )


def sideboard(
    rng: np.random.Generator, style: Style, width: float | None = None, height: float | None = None
) -> Item:
    """A long low cupboard on legs."""
    b = Builder(rng)
    w, d = width or float(rng.uniform(1.2, 1.8)), float(rng.uniform(0.4, 0.48))
    h = height or float(rng.uniform(0.72, 0.88))
    m = style.furniture
    leg = float(rng.choice([0.06, 0.15]))
    b.add(
        "cabinet",
        m,
        box((-w / 2, 0, leg), (w / 2, d - 0.02, h - 0.02)),
        box((-w / 2 - 0.01, 0, h - 0.025), (w / 2 + 0.01, d + 0.01, h)),
    )
    for x in (-w / 2 + 0.06, w / 2 - 0.06):
        for y in (0.06, d - 0.07):
            b.add("cabinet", style.wood, rod((x, y, 0), (x, y, leg + 0.01), 0.015, 0.022))
    third = w / 3
    doors(b, "cabinet", m, style.metal, (-w / 2, leg), (-w / 2 + third, h - 0.03), d - 0.02, 1)
    drawers(b, "cabinet", m, style.metal, (-w / 2 + third, leg), (w / 2 - third, h - 0.03), d - 0.02, 1, 3)
    doors(b, "cabinet", m, style.metal, (w / 2 - third, leg), (w / 2, h - 0.03), d - 0.02, 1)
    b.tops.append((-w / 2 + 0.1, 0.06, w / 2 - 0.1, d - 0.06, h))
    return b.item(w + 0.03, d + 0.06, h)


def filing_cabinet(rng: np.random.Generator, style: Style) -> Item:
    """A steel cabinet of drawers."""
    b = Builder(rng)
    rows = int(rng.integers(2, 5))
    w, d, h = 0.46, 0.6, 0.1 + 0.31 * rows
    steel = plain(pick(rng, ("#a7aaa8", "#d6d6d0", "#4b4f52", "#8d9482")), 0.05, 0.2)
    b.add("cabinet", steel, box((-w / 2, 0, 0.02), (w / 2, d - 0.02, h)))
    drawers(b, "cabinet", steel, style.metal, (-w / 2, 0.06), (w / 2, h - 0.02), d - 0.02, 1, rows)
    b.tops.append((-w / 2 + 0.05, 0.08, w / 2 - 0.05, d - 0.1, h))
    return b.item(w, d + 0.05, h)


def television(rng: np.random.Generator, style: Style, width: float, on: bool) -> Item:
    """A flat television on its foot; round the origin in x, back at y = 0."""
    b = Builder(rng)
    h = width * 0.57
    b.add("television", BLACK, box((-width / 2, 0.04, 0.07), (width / 2, 0.075, 0.07 + h), 0.006))
    b.add(
        "television",
        BLACK,
        box((-0.14, 0.0, 0), (0.14, 0.2, 0.012)),
        box((-0.04, 0.03, 0.01), (0.04, 0.06, 0.12)),
    )
    w, t = width - 0.03, h - 0.03
    screen = panel((-w / 2, 0.0765, 0.085), (w, 0, 0), (0, 0, t))
    if on:
        colours = tuple(srgb(c) for c in any_of(rng, PICTURE_COLOURS))
        shown = Painting((w, t), colours, "landscape" if rng.random() < 0.5 else "sea", seed_of(rng))
        b.add("television", Material(shown, 0.04, 0.02, glow=(0.8, 0.8, 0.8)), screen, shift=False)
    else:
        b.add("television", Material(Paint((0.006, 0.006, 0.007), 0.0), 0.06, 0.03), screen)
    return b.item(width, 0.2, h + 0.08)


def monitor(rng: np.random.Generator, on: bool = True) -> Item:
    """A computer monitor; back at y = 0."""
    b = Builder(rng)
    w = float(rng.uniform(0.5, 0.62))
    h, low = w * 0.58, 0.12
    b.add(
        "otherprop",
        BLACK,
        box((-w / 2, 0.06, low), (w / 2, 0.09, low + h), 0.004),
        box((-0.03, 0.03, 0.0), (0.03, 0.06, low + 0.12)),
    )
    b.add("otherprop", BLACK, box((-0.13, 0.0, 0), (0.13, 0.19, 0.012), 0.005))
    screen = panel((-w / 2 + 0.012, 0.0915, low + 0.015), (w - 0.024, 0, 0), (0, 0, h - 0.03))
    if on:
        shown = Material(
            Desktop(
                (w - 0.024, h - 0.03),
                pick(rng, ("#3c6e91", "#5c4a7a", "#3f7d6b", "#b06a4a")),
                seed_of(rng),
            ),
            0.04,
            0.05,
            glow=(0.7, 0.7, 0.7),
        )
    else:
        shown = Material(Paint((0.008, 0.008, 0.009), 0.0), 0.05, 0.04)
    b.add("otherprop", shown, screen, shift=False)
    return b.item(w, 0.2, low + h)


def keyboard(rng: np.random.Generator) -> Item:
    """Keyboard and mouse; round the origin."""
    b = Builder(rng)
    light = rng.random() < 0.4
    body = plain(srgb("#d5d5d2" if light else "#232326"), 0.03)
    keys = plain(srgb("#efefec" if light else "#39393d"), 0.03)
    b.add("otherprop", body, box((-0.22, -0.07, 0), (0.22, 0.07, 0.014), 0.004))
    for row in range(4):
        b.add("otherprop", keys, box((-0.21, -0.06 + row * 0.03, 0.014), (0.21, -0.036 + row * 0.03, 0.02)))
    b.add("otherprop", body, superellipsoid(0.032, 0.055, 0.02, 0.8, 7).moved(0.32, 0.0, 0.015))
    return b.item(0.7, 0.14, 0.03)


def laptop(rng: np.random.Generator) -> Item:
    """An open laptop; round the origin, screen towards +y."""
    b = Builder(rng)
    grey = plain(pick(rng, ("#a9abad", "#3a3b3e")), 0.15, 0.15)
    b.add("otherprop", grey, box((-0.17, -0.11, 0), (0.17, 0.12, 0.016), 0.004))
    b.add("otherprop", BLACK, box((-0.15, -0.06, 0.016), (0.15, 0.05, 0.0175)))
    lid = box((-0.17, 0, 0), (0.17, 0.006, 0.22)).tilted(0.28)
    b.add("otherprop", grey, lid.moved(0, -0.11, 0.014))
    shown = Material(
        Desktop((0.32, 0.2), pick(rng, ("#3c6e91", "#5c4a7a", "#b06a4a")), seed_of(rng)),
        0.04,
        0.05,
        glow=(0.7, 0.7, 0.7),
    )
    screen = panel((-0.16, 0.0075, 0.01), (0.32, 0, 0), (0, 0, 0.2)).tilted(0.28)
    b.add("otherprop", shown, screen.moved(0, -0.11, 0.014), shift=False)
    return b.item(0.34, 0.26, 0.22)


def printer(rng: np.random.Generator) -> Item:
    """An office printer; back at y = 0."""
    b = Builder(rng)
    body = plain(pick(rng, ("#dddbd5", "#2c2d30")), 0.04, 0.15)
    b.add("otherprop", body, box((-0.22, 0, 0), (0.22, 0.36, 0.2), 0.02, fine=True))
    b.add(
        "otherprop",
        BLACK,
        box((-0.16, 0.355, 0.08), (0.16, 0.365, 0.13)),
        box((-0.2, 0.3, 0.2), (-0.04, 0.35, 0.206)),
    )
    b.add("paper", plain(srgb("#f3f2ee"), mottle=0.0), box((-0.105, 0.3, 0.09), (0.105, 0.46, 0.096)))
    return b.item(0.46, 0.46, 0.21)


def microwave(rng: np.random.Generator) -> Item:
    """Microwave oven; back at y = 0."""
    b = Builder(rng)
    body = plain(pick(rng, ("#e6e4de", "#2c2d30", "#9a9c9e")), 0.06, 0.1)
    b.add("otherprop", body, box((-0.24, 0, 0.01), (0.24, 0.34, 0.28), 0.01))
    b.add(
        "otherprop",
        BLACK,
        box((-0.22, 0.335, 0.04), (0.1, 0.344, 0.25)),
        box((0.13, 0.335, 0.03), (0.225, 0.342, 0.26)),
    )
    b.add("otherprop", body, rod((0.115, 0.365, 0.06), (0.115, 0.365, 0.23), 0.008))
    return b.item(0.48, 0.38, 0.28)


def kettle(rng: np.random.Generator, style: Style) -> Item:
    """Electric kettle. Round the origin."""
    b = Builder(rng)
    body = (
        style.metal if rng.random() < 0.5 else plain(pick(rng, ("#b23a30", "#e9e6df", "#2c2d30")), 0.06, 0.06)
    )
    b.add("otherprop", body, superellipsoid(0.085, 0.085, 0.11, 0.75, 10).moved(0, 0, 0.12))
    b.add(
        "otherprop",
        BLACK,
        cylinder(0.08, 0, 0.025, 18),
        rod((0.09, 0, 0.06), (0.13, 0, 0.12), 0.012),
        rod((0.13, 0, 0.12), (0.07, 0, 0.22), 0.012),
    )
    b.add("otherprop", body, rod((-0.07, 0, 0.15), (-0.13, 0, 0.2), 0.022, 0.012))
    return b.item(0.26, 0.18, 0.24)


def open_frame(rng: np.random.Generator, style: Style) -> Item:
    """An open steel shelf with boxes and files, for offices."""
    b = Builder(rng)
    w, d, h = 0.95, 0.38, 1.8
    for x in (-w / 2, w / 2):
        b.add(
            "shelves",
            style.metal,
            frame((-d / 2, -0.012, 0), (d / 2, 0.012, h), 0.024).turned(np.pi / 2).moved(x, d / 2, 0),
        )
    for k in range(5):
        z = 0.1 + k * 0.41
        b.add("shelves", style.wood, box((-w / 2, 0, z), (w / 2, d, z + 0.022)))
        if k == 4:
            continue
        if rng.random() < 0.6:
            book_row(b, -w / 2 + 0.04, w / 2 - 0.05, d - 0.03, z + 0.022, 0.31, float(rng.uniform(0.5, 1)))
        else:
            item = carton(rng)
            scale_ok = item.size[2] < 0.36 and item.size[1] < d
            if scale_ok:
                b.put(item, float(rng.uniform(-0.2, 0.2)), 0.02, z + 0.022)
    return b.item(w + 0.04, d, h)
