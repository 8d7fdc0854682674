"""What one sits, lies and eats on: sofas, chairs, beds, tables, desks."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.chance import any_of, odds, span
from mtcp.data.rooms.colour import srgb
from mtcp.data.rooms.furniture.cupboards import drawers
from mtcp.data.rooms.mesh import box, cylinder, frame, lathe, rod, smoothed
from mtcp.data.rooms.parts import Builder, Item, plain
from mtcp.data.rooms.soft import block, cover, cushion, pillow
from mtcp.data.rooms.style import Style


def sofa(rng: np.random.Generator, style: Style, seats: int = 3) -> Item:
    """Base, back, arms, seat and back cushions, feet, thrown pillows. `seats` 1 is an armchair."""
    b, m = Builder(rng, "sofa"), style.fabric
    seat, arm, feet = span(rng, 0.6, 0.72), span(rng, 0.13, 0.24), any_of(rng, (0.05, 0.12, 0.15))
    w, d = seats * seat + 2 * arm, span(rng, 0.85, 0.98)
    back, arm_top, top = span(rng, 0.76, 0.92), span(rng, 0.54, 0.66), span(rng, 0.42, 0.47)
    b.add(m, box((-w / 2 + 0.02, 0.03, feet), (w / 2 - 0.02, d - 0.03, top - 0.13)))
    b.add(m, block((-w / 2 + 0.03, 0, feet), (w / 2 - 0.03, 0.17, back - 0.06)))
    for x in (-w / 2, w / 2 - arm):
        b.add(m, block((x, 0.02, feet), (x + arm, d, arm_top)))
    for i in range(seats):
        x = (i - (seats - 1) / 2) * seat
        b.add(m, cushion(rng, seat - 0.008, d - 0.2, 0.16).moved(x, 0.07 + d / 2, top - 0.15))
        rest = cushion(rng, seat - 0.012, back - top + 0.06, 0.17, 0.05).moved(0, 0, -0.08)
        b.add(m, rest.tilted(np.pi / 2 - span(rng, 0.16, 0.24)).moved(x, 0.28, (top + back) / 2 + 0.02))
    b.legs(style.wood, w / 2 - 0.08, 0.08, d - 0.08, feet + 0.01, 0.045)
    places = rng.permutation([-seats * seat / 2 + 0.22, 0.12, seats * seat / 2 - 0.22])
    for x in places[: int(rng.integers(0, seats + 1))]:
        mesh = pillow(rng, 0.42, 0.42, 0.17).turned(rng.normal(0, 0.12)).tilted(np.pi / 2 - 0.42)
        mesh = mesh.turned(-0.25 * np.sign(x)).moved(x, 0.46, top + 0.23)
        b.add(any_of(rng, style.accents), mesh, label="pillow")
    return b.item(w, d, back)


def chair(rng: np.random.Generator, style: Style, padded: bool) -> Item:
    """A dining chair; its back is at y = 0."""
    b = Builder(rng, "chair")
    half, d, seat, top = 0.22, 0.48, 0.45, 0.92
    b.legs(style.wood, half - 0.02, 0.05, d - 0.03, seat - 0.02, 0.036)
    b.add(style.wood, frame((-half + 0.02, 0.04, seat - 0.09), (half - 0.02, d - 0.02, seat - 0.02), 0.03))
    for x in (-half + 0.02, half - 0.02):
        b.add(style.wood, rod((x, 0.05, seat - 0.02), (x, 0.0, top), 0.018))
    if padded:
        b.add(style.fabric, cushion(rng, 0.45, d - 0.03, 0.085).moved(0, d / 2 + 0.01, seat - 0.04))
        rest = cushion(rng, 0.45, top - seat - 0.03, 0.06).moved(0, 0, -0.03).tilted(np.pi / 2 - 0.12)
        b.add(style.fabric, rest.moved(0, 0.025, (seat + top) / 2 + 0.03))
        return b.item(0.46, d + 0.05, top)
    b.add(style.wood, box((-half, 0.03, seat - 0.03), (half, d, seat)))
    for z in (0.62, 0.735, 0.86):
        y = 0.05 - 0.05 * (z - seat) / (top - seat)
        b.add(style.wood, box((-half + 0.02, y - 0.009, z - 0.03), (half - 0.02, y + 0.009, z + 0.03)))
    return b.item(0.46, d + 0.05, top)


def office_chair(rng: np.random.Generator, style: Style) -> Item:
    """Five-star base, gas spring, padded seat and back, armrests."""
    b, y = Builder(rng, "chair"), 0.32
    black, cloth = plain(srgb("#1d1d20"), 0.04), any_of(rng, (style.fabric, plain(srgb("#28282c"))))
    for a in 0.3 + 2 * np.pi * np.arange(5) / 5:
        b.add(black, rod((0, y, 0.11), (0.29 * np.cos(a), y + 0.29 * np.sin(a), 0.03), 0.024, 0.03, 6))
    b.add(style.metal, cylinder(0.025, 0.1, 0.42, 10).moved(0, y, 0))
    b.add(cloth, cushion(rng, 0.5, 0.48, 0.09).moved(0, y, 0.42))
    rest = cushion(rng, 0.46, span(rng, 0.48, 0.68), 0.08).moved(0, 0, -0.04)
    b.add(cloth, rest.tilted(np.pi / 2 - 0.14).moved(0, y - 0.26, 0.84))
    b.add(black, rod((0, y - 0.2, 0.42), (0, y - 0.3, 0.75), 0.03))
    for x in (-0.28, 0.28):
        b.add(black, box((x - 0.03, y - 0.12, 0.63), (x + 0.03, y + 0.14, 0.665)))
        b.add(black, rod((x, y, 0.44), (x, y, 0.64), 0.02))
    return b.item(0.64, 0.66, 1.1)


def bed(rng: np.random.Generator, style: Style, width: float) -> Item:
    """Frame, headboard, mattress, cover turned back under pillows."""
    b, half, length = Builder(rng, "bed"), width / 2, 2.05
    base, top, head, start = 0.3, span(rng, 0.5, 0.58), span(rng, 0.95, 1.25), span(rng, 0.5, 0.68)
    b.add(style.wood, box((-half - 0.03, 0, 0.05), (half + 0.03, 0.05, head)))
    if odds(rng, 0.4):
        pad = cushion(rng, width, head - 0.4, 0.06).tilted(-np.pi / 2)
        b.add(style.fabric, pad.moved(0, 0.04, (head + 0.4) / 2))
    else:
        b.add(style.wood, frame((-half - 0.03, 0.04, 0.3), (half + 0.03, 0.06, head), 0.09))
    b.add(style.wood, box((-half, 0.06, 0.12), (half, length + 0.03, base)))
    b.legs(style.wood, half - 0.06, 0.12, length - 0.06, 0.12, 0.07)
    mattress = cushion(rng, width - 0.04, length - 0.06, top - base, 0.01)
    b.add(style.linen, mattress.moved(0, length / 2 + 0.03, base))
    quilt = cover(rng, width, length - start + 0.05, top, span(rng, 0.2, 0.34))
    b.add(style.cover, quilt.moved(0, start, 0.02))
    b.add(style.linen, cushion(rng, width + 0.04, 0.3, 0.05, 0.012).moved(0, start + 0.1, top + 0.03))
    count = 2 if width > 1.25 else 1
    for i in range(count):
        x, lean = (i - (count - 1) / 2) * width * 0.48 + rng.normal(0, 0.015), span(rng, 0.35, 0.9)
        mesh = pillow(rng, min(0.72, width * 0.46 * (3 - count)), 0.46, 0.19).tilted(lean)
        mesh = mesh.moved(x, 0.27, top + 0.2 * np.sin(lean) + 0.08)
        b.add(any_of(rng, (style.linen, style.cover)), mesh, label="pillow")
    return b.item(width + 0.12, length + 0.1, 1.1)


def table(rng: np.random.Generator, style: Style, w: float, d: float, h: float) -> Item:
    """Four legs and an apron under a top, or a round top on a foot where it is square: dining, coffee, side tables."""
    b, thick = Builder(rng, "table"), span(rng, 0.025, 0.04)
    if abs(w - d) < 0.05 and odds(rng, 0.7):
        b.add(style.wood, cylinder(w / 2, h - thick, h, 40).moved(0, d / 2, 0))
        foot = [(0.6, 0), (0.55, 0.04), (0.12, 0.1), (0.1, 0.6), (0.4, 1.0)]
        b.add(style.wood, smoothed(lathe([(r * w / 2, z * (h - thick)) for r, z in foot])).moved(0, d / 2, 0))
        b.tops.append((-w * 0.3, d * 0.2, w * 0.3, d * 0.8, h))
        return b.item(w, d, h)
    thin = odds(rng, 0.3)
    legs, leg = (style.metal, 0.03) if thin else (style.wood, span(rng, 0.04, 0.07))
    x, y = w / 2 - 0.05, 0.05
    b.add(style.wood, box((-w / 2, 0, h - thick), (w / 2, d, h)))
    b.legs(legs, x, y, d - y, h - thick, leg)
    for edge in (y, d - y):
        b.add(legs, box((-x, edge - 0.01, h - thick - 0.06), (x, edge + 0.01, h - thick)))
    for edge in (-x, x):
        b.add(legs, box((edge - 0.01, y, h - thick - 0.06), (edge + 0.01, d - y, h - thick)))
    if h < 0.5:
        b.add(style.wood, box((-x, y, 0.13), (x, d - y, 0.15)))
    b.tops.append((-w / 2 + 0.08, 0.08, w / 2 - 0.08, d - 0.08, h))
    return b.item(w, d, h)


def desk(rng: np.random.Generator, style: Style) -> Item:
    """A writing desk: legs on one side, drawers on the other, or legs on both."""
    b, w, d, h = Builder(rng, "desk"), span(rng, 0.6, 0.82), span(rng, 0.6, 0.75), 0.74
    b.add(style.wood, box((-w, 0, h - 0.03), (w, d, h)))
    b.add(style.wood, box((-w + 0.06, 0.03, h - 0.33), (w - 0.06, 0.045, h - 0.03)))
    b.legs(any_of(rng, (style.metal, style.wood)), w - 0.05, 0.05, d - 0.05, h - 0.03, 0.045)
    if odds(rng, 0.65):
        x0 = any_of(rng, (-w + 0.01, w - 0.41))
        b.add(style.furniture, box((x0, 0.03, 0.04), (x0 + 0.4, d - 0.05, h - 0.03)))
        drawers(b, style.furniture, style.metal, (x0, 0.05, x0 + 0.4, h - 0.035), d - 0.05, 1, 3)
    b.tops.append((-w + 0.08, 0.06, w - 0.08, d - 0.06, h))
    return b.item(2 * w, d, h)
