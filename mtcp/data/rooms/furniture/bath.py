"""Bathroom: bathtub with shower curtain, toilet, vanity with basin."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.chance import any_of
from mtcp.data.rooms.colour import pick, srgb, varied
from mtcp.data.rooms.mesh import Mesh, box, cylinder, grid, lathe, rod
from mtcp.data.rooms.parts import Builder, Item, Material, plain
from mtcp.data.rooms.soft import curtain, smoothed, superellipsoid
from mtcp.data.rooms.style import Style
from mtcp.data.rooms.textures.fabrics import Fabric, Print

from .beds import doors, drawers
from .kitchen import STEEL, faucet
from .props import bottle

CERAMIC = plain(srgb("#f1f0ec"), 0.06, 0.03, 0.0)


def _ring(rx: float, ry: float, z: float, square: float, count: int = 32) -> np.ndarray:
    """A rounded rectangle (superellipse) at height z, (count + 1, 3)."""
    t = np.linspace(0, 2 * np.pi, count + 1)
    c, s = np.cos(t), np.sin(t)
    return np.stack(
        [rx * np.sign(c) * np.abs(c) ** square, ry * np.sign(s) * np.abs(s) ** square, np.full_like(t, z)], 1
    )


def _rings(*rings: np.ndarray) -> Mesh:
    """A surface through rings."""
    return smoothed(grid(np.stack(rings)))


def bathtub(rng: np.random.Generator, length: float, shower: bool) -> Item:
    """A built-in tub along the wall, x centred, apron in front; with `shower` a rail and curtain."""
    b = Builder(rng)
    d, h, half = 0.75, 0.56, length / 2
    m = d / 2
    rim, wall = 0.075, half - 0.085
    b.add("bathtub", CERAMIC, box((-half, d - 0.02, 0), (half, d, h - 0.02), 0.004))
    for x0, x1 in ((-half, -half + 0.02), (half - 0.02, half)):
        b.add("bathtub", CERAMIC, box((x0, 0, 0), (x1, d - 0.02, h - 0.02), 0.004))
        b.add("bathtub", CERAMIC, box((x0, 0, h - 0.06), (x1, d, h - 0.003)))
    outer = _ring(half, m, h, 0.08)
    outer[:, :2] = np.clip(outer[:, :2] * 1.02, (-half, -m), (half, m))
    inner = [
        _ring(wall, m - rim, h, 0.4),
        _ring(wall - 0.01, m - rim - 0.01, h - 0.02, 0.4),
        _ring(wall - 0.06, m - 0.15, 0.2, 0.45),
        _ring(wall - 0.16, m - 0.22, 0.15, 0.5),
        _ring(0.01, 0.01, 0.145, 0.5),
    ]
    b.add("bathtub", CERAMIC, _rings(outer, inner[0]).moved(0, m, 0), _rings(*inner).moved(0, m, 0))
    b.add(
        "bathtub",
        CERAMIC,
        box((-half, 0, h - 0.03), (half, 0.012, h - 0.003)),
        box((-half, d - 0.012, h - 0.06), (half, d + 0.015, h - 0.003), 0.006),
    )
    x = half - 0.12
    b.add(
        "bathtub",
        STEEL,
        rod((x, 0.0, 0.75), (x, 0.13, 0.73), 0.02),
        rod((x - 0.09, 0.02, 0.78), (x + 0.09, 0.02, 0.78), 0.015),
    )
    if shower:
        b.add(
            "otherprop",
            STEEL,
            rod((x, 0.02, 0.8), (x, 0.02, 1.95), 0.009),
            rod((x, 0.02, 1.95), (x, 0.28, 2.02), 0.009),
            lathe([(0.02, 0.03), (0.1, 0.0), (1e-3, 0.0)], 20).moved(x, 0.28, 2.0),
        )
        main = varied(rng, pick(rng, ("#e9e7e1", "#c9dbe0", "#dfd8c4", "#9fb8ad", "#d9c0b4")))
        ink = varied(rng, pick(rng, ("#4d7a8c", "#3f5c6b", "#a55a4a", "#5f7f5a", "#c9974a")))
        kinds: tuple[Print, ...] = ("stripe", "leaves", "flowers", "chevron", "dots")
        cloth = Material(
            Fabric(main, ink, any_of(rng, kinds), float(rng.uniform(0.12, 0.3)), 0.03),
            translucency=0.35,
        )
        wide = length * float(rng.uniform(0.4, 0.65))
        b.add(
            "shower curtain",
            cloth,
            curtain(rng, wide, 1.75, max(4, round(wide / 0.11)), 0.04).moved(-half + 0.03, d + 0.04, 0.22),
        )
        b.add("shower curtain", STEEL, rod((-half, d + 0.04, 1.99), (half, d + 0.04, 1.99), 0.013))
    for k in range(int(rng.integers(1, 4))):
        b.put(bottle(rng, float(rng.uniform(0.14, 0.22))), -half + 0.12 + 0.1 * k, 0.05, h)
    return b.item(length, d + (0.1 if shower else 0.02), h)


def toilet(rng: np.random.Generator) -> Item:
    """Cistern, bowl, seat and lid (open or shut)."""
    b = Builder(rng)
    b.add(
        "toilet",
        CERAMIC,
        box((-0.2, 0.0, 0.4), (0.2, 0.18, 0.78), 0.03, fine=True),
        box((-0.21, -0.005, 0.775), (0.21, 0.195, 0.81), 0.012, fine=True),
    )
    b.add(
        "toilet",
        STEEL,
        rod((-0.14, 0.18, 0.71), (-0.14, 0.2, 0.71), 0.014),
        rod((-0.14, 0.2, 0.71), (-0.08, 0.2, 0.705), 0.006),
    )
    outside = [
        _ring(0.1, 0.16, 0.0, 0.7),
        _ring(0.105, 0.17, 0.1, 0.75),
        _ring(0.13, 0.2, 0.24, 0.85),
        _ring(0.185, 0.24, 0.37, 0.95),
        _ring(0.19, 0.245, 0.4, 0.95),
    ]
    for k, shift in enumerate((-0.03, -0.03, -0.01, 0.0, 0.0)):
        outside[k][:, 1] += shift
    y = 0.43
    b.add(
        "toilet",
        CERAMIC,
        _rings(*outside).moved(0, y, 0),
        box((-0.12, 0.02, 0.1), (0.12, 0.3, 0.4), 0.04, fine=True),
    )
    seat = _rings(
        _ring(0.19, 0.245, 0.4, 0.95),
        _ring(0.195, 0.25, 0.415, 0.95),
        _ring(0.19, 0.245, 0.43, 0.95),
        _ring(0.125, 0.17, 0.43, 0.95),
        _ring(0.12, 0.165, 0.41, 0.95),
    )
    bowl = _rings(
        _ring(0.12, 0.165, 0.415, 0.95),
        _ring(0.1, 0.13, 0.3, 0.95),
        _ring(0.04, 0.06, 0.2, 1.0),
        _ring(0.005, 0.005, 0.2, 1.0),
    )
    if rng.random() < 0.5:
        b.add("toilet", CERAMIC, seat.moved(0, y, 0), bowl.moved(0, y, 0))
        lid = _rings(
            _ring(0.19, 0.245, 0.0, 0.95), _ring(0.19, 0.245, 0.02, 0.95), _ring(0.01, 0.01, 0.025, 0.95)
        )
        b.add("toilet", CERAMIC, lid.tilted(np.pi / 2 - 0.12).moved(0, 0.225, 0.43 + 0.23))
    else:
        b.add(
            "toilet",
            CERAMIC,
            _rings(
                _ring(0.19, 0.245, 0.4, 0.95),
                _ring(0.195, 0.25, 0.42, 0.95),
                _ring(0.18, 0.235, 0.445, 0.95),
                _ring(0.01, 0.01, 0.455, 0.95),
            ).moved(0, y, 0),
        )
    b.tops.append((-0.15, 0.04, 0.15, 0.15, 0.81))
    return b.item(0.44, 0.7, 0.81)


def vanity(rng: np.random.Generator, style: Style, width: float) -> Item:
    """A cupboard with a basin on top and its tap."""
    b = Builder(rng)
    d, h, half = 0.5, 0.84, width / 2
    face = style.furniture
    b.add(
        "cabinet",
        face,
        box((-half + 0.01, 0, 0.1), (half - 0.01, d - 0.03, h - 0.03)),
        box((-half + 0.04, 0.02, 0), (half - 0.04, d - 0.09, 0.1)),
    )
    if width > 0.85:
        doors(
            b,
            "cabinet",
            face,
            style.metal,
            (-half + 0.01, 0.11),
            (half - 0.34, h - 0.04),
            d - 0.03,
            2,
            high_handle=True,
        )
        drawers(b, "cabinet", face, style.metal, (half - 0.34, 0.11), (half - 0.01, h - 0.04), d - 0.03, 1, 3)
    else:
        doors(
            b,
            "cabinet",
            face,
            style.metal,
            (-half + 0.01, 0.11),
            (half - 0.01, h - 0.04),
            d - 0.03,
            2,
            high_handle=True,
        )
    top = style.stone if rng.random() < 0.6 else CERAMIC
    b.add(
        "counter",
        top,
        box((-half, 0, h - 0.03), (half, d, h), 0.004),
        box((-half, 0, h), (half, 0.015, h + 0.08)),
    )
    rx, ry, y = 0.21, 0.15, d / 2 + 0.03
    basin = _rings(
        _ring(rx - 0.05, ry - 0.04, h, 0.8),
        _ring(rx, ry, h + 0.1, 0.8),
        _ring(rx + 0.004, ry + 0.004, h + 0.12, 0.8),
        _ring(rx - 0.012, ry - 0.012, h + 0.12, 0.8),
        _ring(rx - 0.03, ry - 0.025, h + 0.06, 0.85),
        _ring(rx - 0.1, ry - 0.07, h + 0.02, 0.9),
        _ring(0.005, 0.005, h + 0.015, 1.0),
    )
    b.add("sink", CERAMIC, basin.moved(0, y, 0))
    faucet(b, "sink", 0.0, 0.06, h, 0.25)
    b.put(_soap(rng), half - 0.1, 0.12, h)
    if rng.random() < 0.7:
        b.put(bottle(rng, 0.16), -half + 0.1, 0.1, h)
    return b.item(width, d + 0.02, h)


def _soap(rng: np.random.Generator) -> Item:
    """A tumbler with brushes."""
    b = Builder(rng)
    b.add(
        "otherprop",
        plain(pick(rng, ("#e9e6df", "#7fa3a8", "#c9b79a")), 0.05),
        lathe([(1e-3, 0), (0.033, 0), (0.036, 0.1), (0.033, 0.1), (0.03, 0.01)], 14),
    )
    for k in range(2):
        colour = pick(rng, ("#c8402f", "#3f76a8", "#4f9a5c", "#e3b53c"))
        b.add(
            "otherprop",
            plain(colour),
            rod((0.0, 0.0, 0.01), (0.03 * (2 * k - 1), 0.015, 0.18), 0.004, sides=5),
        )
    return b.item(0.08, 0.08, 0.18)


def stand_basin(rng: np.random.Generator) -> Item:
    """A basin on a pedestal."""
    b = Builder(rng)
    b.add(
        "sink",
        CERAMIC,
        lathe([(0.1, 0), (0.075, 0.15), (0.07, 0.5), (0.1, 0.72)], 22, smooth=True).moved(0, 0.2, 0),
    )
    bowl = _rings(
        _ring(0.12, 0.1, 0.66, 0.9),
        _ring(0.26, 0.21, 0.8, 0.75),
        _ring(0.28, 0.225, 0.84, 0.7),
        _ring(0.275, 0.22, 0.85, 0.7),
        _ring(0.23, 0.165, 0.85, 0.8),
        _ring(0.2, 0.14, 0.77, 0.85),
        _ring(0.08, 0.06, 0.72, 0.9),
        _ring(0.005, 0.005, 0.72, 1.0),
    )
    b.add("sink", CERAMIC, bowl.moved(0, 0.225, 0))
    faucet(b, "sink", 0.0, 0.06, 0.85, 0.18)
    return b.item(0.56, 0.46, 0.86)


def paper_roll(rng: np.random.Generator) -> Item:
    """Toilet paper on its holder, z 0 is its axis."""
    b = Builder(rng)
    b.add(
        "otherprop",
        plain(srgb("#f3f1ec")),
        rod((-0.05, 0.08, 0), (0.05, 0.08, 0), 0.055, sides=18),
        box((-0.05, 0.133, -0.16), (0.05, 0.135, 0)),
    )
    b.add(
        "otherprop",
        STEEL,
        rod((-0.07, 0.08, 0), (0.07, 0.08, 0), 0.008),
        rod((-0.07, 0, 0), (-0.07, 0.08, 0), 0.008),
    )
    return b.item(0.16, 0.14, 0.12)


def bin_with_lid(rng: np.random.Generator) -> Item:
    """A bathroom bin with a lid."""
    b = Builder(rng)
    colour = pick(rng, ("#e4e2dc", "#9fa4a6", "#2c2d30"))
    b.add(
        "otherfurniture",
        plain(colour, 0.08, 0.1),
        cylinder(0.11, 0, 0.26, 22).moved(0, 0.11, 0),
        superellipsoid(0.112, 0.112, 0.04, 0.8, 9).moved(0, 0.11, 0.26),
    )
    return b.item(0.23, 0.23, 0.3)
