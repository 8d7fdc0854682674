"""Tables and desks."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.mesh import beam, box, cylinder, lathe, rod
from mtcp.data.rooms.parts import Builder, Item
from mtcp.data.rooms.style import Style

from .beds import drawers


def dining_table(rng: np.random.Generator, style: Style, width: float, depth: float) -> Item:
    """Four legs or a trestle under a thick top; `round` when square enough."""
    b = Builder(rng)
    h, thick = 0.75, float(rng.uniform(0.025, 0.045))
    hw, hd = width / 2, depth / 2
    if abs(width - depth) < 0.05 and rng.random() < 0.7:
        b.add("table", style.wood, cylinder(hw, h - thick, h, 40).moved(0, hd, 0))
        b.add(
            "table",
            style.wood,
            lathe(
                [(0.3, 0), (0.28, 0.03), (0.06, 0.08), (0.045, 0.4), (0.07, 0.68), (0.2, h - thick)],
                20,
                smooth=True,
            ).moved(0, hd, 0),
        )
        b.tops.append((-hw * 0.6, hd * 0.4, hw * 0.6, hd * 1.6, h))
        return b.item(width, depth, h)
    b.add("table", style.wood, box((-hw, 0, h - thick), (hw, depth, h), 0.006))
    inset = 0.07
    if rng.random() < 0.7:
        leg = float(rng.uniform(0.05, 0.08))
        for x in (-hw + inset, hw - inset):
            for y in (inset, depth - inset):
                b.add("table", style.wood, beam((x, y, 0), (x, y, h - thick), leg))
        b.add(
            "table",
            style.wood,
            box((-hw + inset, inset - 0.012, h - thick - 0.09), (hw - inset, inset + 0.012, h - thick)),
        )
        b.add(
            "table",
            style.wood,
            box(
                (-hw + inset, depth - inset - 0.012, h - thick - 0.09),
                (hw - inset, depth - inset + 0.012, h - thick),
            ),
        )
        for x in (-hw + inset, hw - inset):
            b.add(
                "table",
                style.wood,
                box((x - 0.012, inset, h - thick - 0.09), (x + 0.012, depth - inset, h - thick)),
            )
    else:
        for x in (-hw + 0.25, hw - 0.25):
            b.add(
                "table",
                style.wood,
                beam((x, 0.12, 0), (x, depth - 0.15, h - thick), 0.06),
                beam((x, depth - 0.12, 0), (x, 0.15, h - thick), 0.06),
            )
        b.add("table", style.wood, box((-hw + 0.25, hd - 0.03, 0.34), (hw - 0.25, hd + 0.03, 0.4)))
    b.tops.append((-hw + 0.15, 0.15, hw - 0.15, depth - 0.15, h))
    return b.item(width, depth, h)


def coffee_table(rng: np.random.Generator, style: Style) -> Item:
    """A low table before a sofa: four legs and a shelf, or round, or a block."""
    b = Builder(rng)
    h = float(rng.uniform(0.38, 0.46))
    kind = rng.choice(["legs", "round", "metal"])
    if kind == "round":
        r = float(rng.uniform(0.36, 0.48))
        b.add("table", style.wood, cylinder(r, h - 0.03, h, 36).moved(0, r, 0))
        for k in range(3):
            a = 2 * np.pi * k / 3 + 0.4
            c, s = float(np.cos(a)), float(np.sin(a))
            b.add(
                "table",
                style.wood,
                rod(
                    (0.6 * r * c, r + 0.6 * r * s, h - 0.03),
                    (0.85 * r * c, r + 0.85 * r * s, 0),
                    0.022,
                    0.014,
                ),
            )
        b.tops.append((-r * 0.6, r * 0.4, r * 0.6, r * 1.6, h))
        return b.item(2 * r, 2 * r, h)
    w, d = float(rng.uniform(0.9, 1.2)), float(rng.uniform(0.5, 0.65))
    metal = kind == "metal"
    top = style.stone if metal and rng.random() < 0.4 else style.wood
    legs = style.metal if metal else style.wood
    bar = 0.028 if metal else 0.05
    b.add("table", top, box((-w / 2, 0, h - 0.035), (w / 2, d, h), 0.006))
    for x in (-w / 2 + bar, w / 2 - bar):
        for y in (bar, d - bar):
            b.add("table", legs, beam((x, y, 0), (x, y, h - 0.035), bar))
    if metal:
        for y in (bar, d - bar):
            b.add("table", legs, beam((-w / 2 + bar, y, 0.02), (w / 2 - bar, y, 0.02), bar))
    else:
        b.add("table", style.wood, box((-w / 2 + 0.04, 0.04, 0.13), (w / 2 - 0.04, d - 0.04, 0.15)))
    b.tops.append((-w / 2 + 0.08, 0.08, w / 2 - 0.08, d - 0.08, h))
    return b.item(w, d, h)


def side_table(rng: np.random.Generator, style: Style) -> Item:
    """A small round or square table beside a seat."""
    b = Builder(rng)
    h, r = float(rng.uniform(0.5, 0.6)), float(rng.uniform(0.2, 0.27))
    if rng.random() < 0.5:
        b.add("table", style.wood, cylinder(r, h - 0.025, h, 28).moved(0, r, 0))
        b.add(
            "table",
            style.metal,
            cylinder(0.016, 0.015, h - 0.025, 10).moved(0, r, 0),
            cylinder(r * 0.75, 0, 0.015, 24).moved(0, r, 0),
        )
    else:
        b.add(
            "table",
            style.wood,
            box((-r, 0, h - 0.025), (r, 2 * r, h)),
            box((-r + 0.02, 0.02, 0.16), (r - 0.02, 2 * r - 0.02, 0.18)),
        )
        for x in (-r + 0.02, r - 0.02):
            for y in (0.02, 2 * r - 0.02):
                b.add("table", style.wood, beam((x, y, 0), (x, y, h - 0.02), 0.03))
    b.tops.append((-r * 0.5, r * 0.5, r * 0.5, r * 1.5, h))
    return b.item(2 * r, 2 * r, h)


def desk(rng: np.random.Generator, style: Style) -> Item:
    """A writing desk: top, legs on one side or both, drawers."""
    b = Builder(rng)
    w, d, h = float(rng.uniform(1.2, 1.65)), float(rng.uniform(0.6, 0.75)), 0.74
    b.add("desk", style.wood, box((-w / 2, 0, h - 0.03), (w / 2, d, h), 0.005))
    side = int(rng.choice([-1, 1]))
    pedestal = rng.random() < 0.65
    frame_material = style.metal if rng.random() < 0.5 else style.wood
    for s in (-1, 1):
        if pedestal and s == side:
            x0, x1 = sorted((s * (w / 2 - 0.01), s * (w / 2 - 0.42)))
            b.add("desk", style.furniture, box((x0, 0.03, 0.04), (x1, d - 0.05, h - 0.03)))
            drawers(b, "desk", style.furniture, style.metal, (x0, 0.05), (x1, h - 0.035), d - 0.05, 1, 3)
            continue
        x = s * (w / 2 - 0.05)
        for y in (0.05, d - 0.05):
            b.add("desk", frame_material, beam((x, y, 0), (x, y, h - 0.03), 0.045))
        b.add("desk", frame_material, beam((x, 0.05, h - 0.06), (x, d - 0.05, h - 0.06), 0.035))
    b.add("desk", style.wood, box((-w / 2 + 0.06, 0.03, h - 0.33), (w / 2 - 0.06, 0.045, h - 0.03)))
    b.tops.append((-w / 2 + 0.08, 0.06, w / 2 - 0.08, d - 0.06, h))
    return b.item(w, d, h)
