"""Kitchen and bathroom: units with cooker and sink, refrigerator, bathtub, toilet, vanity."""

from __future__ import annotations

import itertools

import numpy as np

from mtcp.data.rooms.chance import any_of, odds, span
from mtcp.data.rooms.colour import pick, srgb, varied
from mtcp.data.rooms.furniture.cupboards import BLACK, doors, drawers
from mtcp.data.rooms.mesh import Mesh, box, cylinder, grid, lathe, panel, rod, smoothed
from mtcp.data.rooms.parts import Builder, Item, Material, plain
from mtcp.data.rooms.soft import block, curtain
from mtcp.data.rooms.style import Style, textile

DEPTH, TOP = 0.62, 0.91  # metres: worktop
STEEL = plain(srgb("#a5a7a8"), 0.25)
CERAMIC = plain(srgb("#f1f0ec"), 0.06)
BASIN, COOKER = 0.27, 0.3  # half widths


def fronts(rng: np.random.Generator, style: Style) -> Material:
    """What the units are faced with."""
    paint = varied(rng, pick(rng, ("#eceae3", "#dfe3e1", "#5f7470", "#3f5566", "#b9c4b8", "#d9cfbe")))
    return any_of(rng, (style.wood, plain(paint, 0.04)))


def refrigerator(rng: np.random.Generator) -> Item:
    """Freezer door over or under the main door, long handles."""
    b = Builder(rng, "refridgerator")
    w, d, h = span(rng, 0.31, 0.42), 0.7, span(rng, 1.65, 1.85)
    skin = any_of(rng, (STEEL, plain(pick(rng, ("#efeeea", "#e6e3da", "#2a2b2d", "#b7c7c4")), 0.05)))
    b.add(skin, box((-w, 0, 0.04), (w, d - 0.06, h)))
    split = h * any_of(rng, (0.36, 0.66))
    for z0, z1, grip in ((0.06, split - 0.004, split - 0.36), (split + 0.004, h, split + 0.06)):
        b.add(skin, box((-w, d - 0.055, z0), (w, d, z1)))
        b.add(
            BLACK if skin is STEEL else STEEL, box((-w + 0.05, d, grip), (-w + 0.07, d + 0.045, grip + 0.3))
        )
    return b.item(2 * w, d + 0.05, h)


def _pieces(low: float, high: float, *holes: tuple[float, float]) -> list[tuple[float, float]]:
    """low..high without the holes (middle, reach)."""
    pieces = [(low, high)]
    for middle, reach in holes:
        pieces = [p for a, b in pieces for p in ((a, min(b, middle - reach)), (max(a, middle + reach), b))]
    return [(a, b) for a, b in pieces if b - a > 0.02]


def base_units(
    rng: np.random.Generator, style: Style, length: float, face: Material, cooker: float, sink: float
) -> Item:
    """A run of base units, x centred, under a worktop; `cooker`, `sink`: x of their middles."""
    b, half = Builder(rng, "cabinet"), length / 2
    b.add(plain(srgb("#2a2826")), box((-half, 0.02, 0), (half, DEPTH - 0.09, 0.1)))
    for x0, x1 in _pieces(-half, half, (cooker, COOKER)):
        for a, z in _pieces(x0, x1, (sink, BASIN)):
            b.add(face, box((a, 0.0, 0.1), (z, DEPTH - 0.05, TOP - 0.04)))
        count = max(1, round((x1 - x0) / 0.5))
        for low, high in itertools.pairwise(np.linspace(x0, x1, count + 1)):
            b.add(face, box((low, DEPTH - 0.07, 0.1), (high, DEPTH - 0.05, TOP - 0.04)))
            drawers(b, face, style.metal, (low, TOP - 0.2, high, TOP - 0.05), DEPTH - 0.05, 1, 1)
            doors(b, face, style.metal, (low, 0.11, high, TOP - 0.205), DEPTH - 0.05, 1)
    top = [(x0, x1, 0.0, DEPTH + 0.02) for x0, x1 in _pieces(-half, half, (cooker, COOKER), (sink, BASIN))]
    top += [(sink - BASIN, sink + BASIN, y0, y1) for y0, y1 in ((0.0, 0.12), (DEPTH - 0.12, DEPTH + 0.02))]
    for x0, x1, y0, y1 in top:
        b.add(style.stone, box((x0, y0, TOP - 0.04), (x1, y1, TOP)), label="counter")
    b.put(_sink(rng), sink, 0.0, TOP)
    b.put(_cooker(rng), cooker)
    free = _pieces(-half + 0.15, half - 0.15, (cooker, 0.45), (sink, 0.5))
    b.tops += [(x0, 0.1, x1, DEPTH - 0.15, TOP) for x0, x1 in free if x1 - x0 > 0.1]
    return b.item(length, DEPTH, TOP)


def _sink(rng: np.random.Generator) -> Item:
    """A steel basin let into the worktop, and its tap; z 0 is the worktop."""
    b, y0, y1, low = Builder(rng, "sink"), 0.12, DEPTH - 0.12, -0.2
    wide, deep, up = (2 * BASIN, 0, 0), (0, y1 - y0, 0), (0, 0, 0.003 - low)
    b.add(STEEL, panel((-BASIN, y0, low), wide, deep))
    b.add(STEEL, *(panel((-BASIN, y, low), wide, up) for y in (y0, y1)))
    b.add(STEEL, *(panel((x, y0, low), deep, up) for x in (-BASIN, BASIN)))
    tap(b, 0.07, 0.0)
    return b.item(2 * BASIN, DEPTH, 0.2)


def tap(b: Builder, y: float, z: float) -> None:
    """A swan-neck tap, its spout towards +y."""
    bend = ((0.0, 0.0), (0.0, 0.17), (0.035, 0.21), (0.09, 0.22), (0.14, 0.2), (0.15, 0.17))
    for (y0, z0), (y1, z1) in itertools.pairwise(bend):
        b.add(STEEL, rod((0, y + y0, z + z0), (0, y + y1, z + z1), 0.011), label="sink")


def _cooker(rng: np.random.Generator) -> Item:
    b, w = Builder(rng, "otherstructure"), COOKER - 0.005
    b.add(
        any_of(rng, (STEEL, plain(srgb("#efeeea"), 0.05))), box((-w, 0, 0.04), (w, DEPTH - 0.01, TOP - 0.02))
    )
    b.add(BLACK, box((-w, 0.0, TOP - 0.02), (w, DEPTH, TOP + 0.004)))
    b.add(BLACK, box((-w + 0.07, DEPTH - 0.012, 0.3), (w - 0.07, DEPTH - 0.004, 0.62)))
    b.add(STEEL, box((-w + 0.06, DEPTH - 0.01, 0.68), (w - 0.06, DEPTH + 0.04, 0.7)))
    for x in np.linspace(-0.2, 0.2, 5):
        b.add(BLACK, rod((x, DEPTH - 0.01, 0.8), (x, DEPTH + 0.02, 0.8), 0.02))
    for x, y, r in ((-0.14, 0.17, 0.08), (0.14, 0.17, 0.08), (-0.14, 0.44, 0.1), (0.14, 0.44, 0.1)):
        b.add(BLACK, cylinder(r, TOP, TOP + 0.012).moved(x, y, 0))
    if odds(rng, 0.7):
        pot = plain(pick(rng, ("#b23a30", "#2f4f6f", "#2a2a2c", "#a5a7a8")), 0.1)
        mesh = lathe([(0.1, 0), (0.1, 0.12), (0.09, 0.14), (1e-3, 0.155)])
        b.add(pot, mesh.moved(-0.14, 0.44, TOP + 0.012), label="otherprop")
    return b.item(2 * COOKER, DEPTH, TOP)


def wall_units(rng: np.random.Generator, style: Style, length: float, face: Material) -> Item:
    """Hanging units, x centred, z 0 is their underside."""
    b, half = Builder(rng, "cabinet"), length / 2
    b.add(face, box((-half, 0, 0), (half, 0.32, 0.7)), box((-half, 0, 0.7), (half, 0.36, 0.74)))
    doors(b, face, style.metal, (-half, 0, half, 0.7), 0.325, max(1, round(length / 0.42)))
    return b.item(length, 0.37, 0.74)


def hood(rng: np.random.Generator) -> Item:
    """Extractor over the cooker, z 0 is its underside."""
    b = Builder(rng, "otherstructure")
    b.add(STEEL, box((-0.3, 0, 0), (0.3, 0.46, 0.06)), box((-0.13, 0, 0.06), (0.13, 0.26, 0.9)))
    return b.item(0.62, 0.47, 0.9)


def microwave(rng: np.random.Generator) -> Item:
    """Microwave oven; back at y = 0."""
    b, body = Builder(rng), plain(pick(rng, ("#e6e4de", "#2c2d30", "#9a9c9e")), 0.06)
    b.add(body, box((-0.24, 0, 0.01), (0.24, 0.34, 0.28)))
    b.add(BLACK, box((-0.22, 0.33, 0.04), (0.1, 0.344, 0.25)), box((0.13, 0.33, 0.03), (0.225, 0.342, 0.26)))
    return b.item(0.48, 0.38, 0.28)


def _vessel(*rings: tuple[float, float, float], square: float = 0.9) -> Mesh:
    """A surface through rounded rectangles (half width, half depth, height)."""
    t = np.linspace(0, 2 * np.pi, 33)
    c, s = (np.sign(v) * np.abs(v) ** square for v in (np.cos(t), np.sin(t)))
    levels = [np.stack([rx * c, ry * s, np.full_like(t, z)], 1) for rx, ry, z in rings]
    return smoothed(grid(np.stack(levels)))


def bathtub(rng: np.random.Generator, length: float) -> Item:
    """A built-in tub along the wall, x centred, apron in front; mostly with a shower curtain on a rail."""
    b, d, h, half = Builder(rng, "bathtub"), 0.75, 0.56, length / 2
    b.add(CERAMIC, *(box((-half, y, 0), (half, y + 0.07, h)) for y in (0, d - 0.07)))
    b.add(CERAMIC, *(box((x, 0, 0), (x + 0.09, d, h)) for x in (-half, half - 0.09)))
    x, y = half - 0.085, d / 2 - 0.065
    rings = ((x, y, h - 0.01), (x - 0.05, y - 0.06, 0.2), (x - 0.16, y - 0.13, 0.15), (0.01, 0.01, 0.145))
    inside = _vessel(*rings, square=0.3)
    b.add(CERAMIC, inside.moved(0, d / 2, 0))
    tap(b, 0.03, h)
    if odds(rng, 0.8):
        main, ink = pick(rng, ("#e9e7e1", "#c9dbe0", "#dfd8c4")), pick(rng, ("#4d7a8c", "#a55a4a", "#c9974a"))
        wide = length * span(rng, 0.4, 0.65)
        drape = curtain(rng, wide, 1.75, max(4, round(wide / 0.11)), 0.04).moved(-half + 0.03, d + 0.04, 0.22)
        b.add(textile(rng, main, ink, ("stripe", "flowers", "dots"), 0.35), drape, label="shower curtain")
        b.add(STEEL, rod((-half, d + 0.04, 1.99), (half, d + 0.04, 1.99), 0.013), label="shower curtain")
    return b.item(length, d + 0.1, h)


def toilet(rng: np.random.Generator) -> Item:
    """Cistern, bowl, seat; its lid open or shut."""
    b, y = Builder(rng, "toilet"), 0.43
    b.add(CERAMIC, block((-0.2, 0.0, 0.4), (0.2, 0.18, 0.78)), block((-0.21, 0, 0.77), (0.21, 0.195, 0.81)))
    b.add(CERAMIC, block((-0.12, 0.02, 0.0), (0.12, 0.3, 0.4)))
    foot = _vessel((0.1, 0.16, 0.0), (0.105, 0.17, 0.1), (0.13, 0.2, 0.24), (0.19, 0.245, 0.4))
    b.add(CERAMIC, foot.moved(0, y, 0))
    lid = _vessel((0.19, 0.245, 0.0), (0.19, 0.245, 0.02), (0.01, 0.01, 0.025))
    if odds(rng, 0.5):
        bowl = (
            (0.195, 0.25, 0.4),
            (0.19, 0.245, 0.43),
            (0.125, 0.17, 0.43),
            (0.1, 0.13, 0.3),
            (0.01, 0.01, 0.2),
        )
        b.add(CERAMIC, _vessel(*bowl).moved(0, y, 0), lid.tilted(np.pi / 2 - 0.12).moved(0, 0.225, 0.69))
    else:
        b.add(CERAMIC, lid.moved(0, y, 0.4), lid.moved(0, y, 0.425))
    b.tops.append((-0.15, 0.04, 0.15, 0.15, 0.81))
    return b.item(0.44, 0.7, 0.81)


def vanity(rng: np.random.Generator, style: Style, width: float) -> Item:
    """A cupboard with a basin on top and its tap."""
    b, d, h, half = Builder(rng, "cabinet"), 0.5, 0.84, width / 2
    b.add(style.furniture, box((-half + 0.01, 0, 0.1), (half - 0.01, d - 0.03, h - 0.03)))
    doors(b, style.furniture, style.metal, (-half + 0.01, 0.11, half - 0.01, h - 0.04), d - 0.03, 2)
    b.add(any_of(rng, (style.stone, CERAMIC)), box((-half, 0, h - 0.03), (half, d, h)), label="counter")
    outside, inside = (
        ((0.16, 0.11, h), (0.21, 0.15, h + 0.11)),
        ((0.18, 0.12, h + 0.06), (0.005, 0.005, h + 0.015)),
    )
    b.add(CERAMIC, _vessel(*outside, *inside).moved(0, d / 2 + 0.03, 0), label="sink")
    tap(b, 0.06, h)
    b.tops += [(-half + 0.05, 0.08, -0.25, 0.2, h), (0.25, 0.08, half - 0.05, 0.2, h)]
    return b.item(width, d + 0.02, h)
