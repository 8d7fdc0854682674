"""The room itself: walls with openings, floor, ceiling, skirting, windows, doors, curtains, blinds.

A wall has its own frame: u along the wall (left to right seen from inside), n into the room, z up. Items
placed on a wall use x = u, y = n.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from mtcp.data.rooms.chance import any_of, odds, span
from mtcp.data.rooms.colour import pick, srgb
from mtcp.data.rooms.mesh import Mesh, box, frame, join, panel, rod
from mtcp.data.rooms.parts import LABELS, Builder, Item, Material, Part, plain
from mtcp.data.rooms.soft import curtain
from mtcp.data.rooms.style import Style
from mtcp.data.rooms.textures.surfaces import Paint

CELL = 0.4  # metres: light may differ from one piece of wall to the next
REVEAL = 0.16  # metres from the inner face of a wall to the outside of its windows
GLASS = Material(Paint((0.02, 0.02, 0.02), 0.0), gloss=0.04, pane=True)


@dataclass(frozen=True)
class Opening:
    """A hole in a wall: u and z range."""

    u0: float
    u1: float
    z0: float
    z1: float


@dataclass(frozen=True)
class Wall:
    """One of the four walls of a room W x D: index 0 at y = 0, 1 at x = W, 2 at y = D, 3 at x = 0."""

    index: int
    length: float
    origin: tuple[float, float]

    @property
    def yaw(self) -> float:
        """Turns an item's frame into the wall's."""
        return self.index * np.pi / 2

    @property
    def along(self) -> np.ndarray:
        return np.round([np.cos(self.yaw), np.sin(self.yaw), 0])

    @property
    def normal(self) -> np.ndarray:
        return np.round([-np.sin(self.yaw), np.cos(self.yaw), 0])

    def point(self, u: float, n: float, z: float) -> np.ndarray:
        """World position."""
        return np.array([*self.origin, 0.0]) + self.along * u + self.normal * n + np.array([0, 0, z])

    def piece(self, u0: float, u1: float, z0: float, z1: float, n: float = 0.0) -> Mesh:
        """A part of its face, looking into the room, in cells; texture coordinates (-u, z)."""
        corner, along = tuple(self.point(u1, n, z0)), tuple(self.along * (u0 - u1))
        return panel(corner, along, (0, 0, z1 - z0), CELL, np.array([-u1, z0, 0.0]))


def four_walls(width: float, depth: float) -> tuple[Wall, ...]:
    """The walls of a width x depth room."""
    origins = ((0.0, 0.0), (width, 0.0), (width, depth), (0.0, depth))
    return tuple(Wall(i, (width, depth)[i % 2], origins[i]) for i in range(4))


def wall_parts(
    wall: Wall,
    height: float,
    openings: list[Opening],
    material: Material,
    upper: Material | None,
    split: float,
) -> list[Part]:
    """The wall's face around its openings; above `split` it is of `upper` (tiles below, paint above)."""
    us = sorted({0.0, wall.length, *(u for o in openings for u in (o.u0, o.u1))})
    zs = sorted(
        {0.0, height, *([] if upper is None else [split]), *(z for o in openings for z in (o.z0, o.z1))}
    )
    parts = []
    for u0, u1 in itertools.pairwise(us):
        for z0, z1 in itertools.pairwise(zs):
            if not any(o.u0 <= u0 < o.u1 and o.z0 <= z0 < o.z1 for o in openings):
                face = upper if upper is not None and z0 >= split else material
                parts.append(Part(wall.piece(u0, u1, z0, z1), LABELS["wall"], face, cells=True))
    return parts


def floor_and_ceiling(width: float, depth: float, height: float, style: Style) -> list[Part]:
    floor = panel((0, 0, 0), (width, 0, 0), (0, depth, 0), CELL)
    ceiling = panel((0, 0, height), (0, depth, 0), (width, 0, 0), CELL)  # looks down
    return [
        Part(floor, LABELS["floor"], style.floor, cells=True),
        Part(ceiling, LABELS["ceiling"], style.ceiling, cells=True),
    ]


def skirting(wall: Wall, gaps: list[tuple[float, float]], material: Material, high: float) -> list[Part]:
    """The board along the foot of a wall, interrupted at `gaps` (doors)."""
    ends = [0.0, *(u for gap in sorted(gaps) for u in gap), wall.length]
    boards = [
        box((u0, 0, 0), (u1, 0.014, high))
        for u0, u1 in zip(ends[::2], ends[1::2], strict=True)
        if u1 - u0 > 0.02
    ]
    return [Part(mesh, LABELS["wall"], material).placed(wall.yaw, wall.point(0, 0, 0)) for mesh in boards]


def window(rng: np.random.Generator, style: Style, width: float, height: float) -> Item:
    """Frame, glazing bars, glass, reveal, sill and casing; x centred, z from 0 (the sill) to `height`."""
    b, half, bar = Builder(rng, "window"), width / 2, 0.055
    paint = style.trim if odds(rng, 0.8) else plain(srgb("#3b3a38"), 0.03)
    b.add(paint, frame((-half, -0.13, 0), (half, -0.07, height), bar))
    leaves = max(1, round(width / 0.75))
    for x in np.linspace(-half, half, leaves + 1)[1:-1]:
        b.add(paint, box((x - 0.04, -0.13, bar), (x + 0.04, -0.065, height - bar)))
    if odds(rng, 0.5):
        z = height * 0.55
        b.add(paint, box((-half + bar, -0.115, z - 0.014), (half - bar, -0.085, z + 0.014)))
    b.add(GLASS, panel((-half, -0.1, 0), (width, 0, 0), (0, 0, height)))
    out, up, along = (0.0, -REVEAL, 0.0), (0.0, 0.0, height), (width, 0.0, 0.0)
    b.add(style.trim, *(panel((-half, 0, z), along, out) for z in (0, height)))
    b.add(style.trim, *(panel((x, 0, 0), out, up) for x in (-half, half)))
    b.add(style.trim, box((-half - 0.06, -0.07, -0.03), (half + 0.06, 0.06, 0.0)))
    if odds(rng, 0.7):
        b.add(style.trim, frame((-half - 0.075, 0, -0.075), (half + 0.075, 0.02, height + 0.075), 0.075))
    b.tops.append((-half + 0.1, -0.06, half - 0.1, 0.05, 0.0))
    return b.item(width + 0.15, 0.06, height)


def drapes(
    rng: np.random.Generator, style: Style, width: float, height: float, sides: tuple[bool, bool]
) -> Item:
    """Curtains on a rod, on these sides; x centred on the window, z 0 is the floor, `height` the rod's."""
    b, half = Builder(rng, "curtain"), width / 2 + 0.22
    wide = span(rng, 0.28, 0.5) * (0.5 + width / 3)
    for x, wanted in zip((-half, half - wide), sides, strict=True):
        if wanted:
            cloth = curtain(rng, wide, height - 0.035, max(3, round(wide / 0.085)), span(rng, 0.03, 0.045))
            b.add(style.curtain, cloth.moved(x, 0.1, 0.02))
    b.add(style.metal, rod((-half - 0.08, 0.1, height), (half + 0.08, 0.1, height), 0.012))
    for x in (-half - 0.04, half + 0.04):
        b.add(style.metal, rod((x, 0, height), (x, 0.1, height), 0.008))
    return b.item(2 * half + 0.2, 0.16, height + 0.03)


def blinds(rng: np.random.Generator, width: float, height: float) -> Item:
    """Horizontal slats in front of the glass, drawn down part of the way; z 0 is the window's sill."""
    b, half = Builder(rng, "blinds"), width / 2 - 0.02
    pitch, tilt = 0.045, span(rng, -0.9, 0.9)
    material = Material(Paint(pick(rng, ("#eceae4", "#d8cdb8", "#b98f5c")), 0.0), translucency=0.15)
    slats = int(height * span(rng, 0.35, 0.85) / pitch)
    c, s = float(np.cos(tilt)) * 0.05, float(np.sin(tilt)) * 0.05
    slat = panel((-half, -0.035 - c / 2, height - 0.06 - s / 2), (2 * half, 0, 0), (0, c, s))
    b.add(material, join(*(slat.moved(z=-pitch * k) for k in range(slats))))
    end = height - 0.06 - slats * pitch
    b.add(
        material,
        box((-half, -0.06, height - 0.05), (half, -0.01, height)),
        box((-half, -0.05, end - 0.02), (half, -0.02, end)),
    )
    return b.item(width, 0.06, height)


def door(rng: np.random.Generator, style: Style, width: float = 0.86, height: float = 2.03) -> Item:
    """A closed door in its casing, with raised panels or flat, and a lever handle."""
    b, half, casing = Builder(rng, "door"), width / 2, 0.085
    leaf = any_of(rng, (style.trim, style.wood))
    b.add(leaf, box((-half, 0.0, 0.006), (half, 0.012, height)))
    if odds(rng, 0.6):
        for z0, z1 in any_of(rng, (((0.16, 0.88), (1.02, 1.9)), ((0.14, 0.7), (0.82, 1.38), (1.5, 1.91)))):
            for x0, x1 in ((-half + 0.11, -0.04), (0.04, half - 0.11)):
                b.add(leaf, frame((x0, 0.01, z0), (x1, 0.02, z1), 0.018))
    for x in (-half - casing, half):
        b.add(style.trim, box((x, 0, 0), (x + casing, 0.03, height + 0.01)))
    b.add(style.trim, box((-half - casing, 0, height + 0.01), (half + casing, 0.032, height + casing)))
    side = any_of(rng, (-1.0, 1.0))
    x = side * (half - 0.065)
    b.add(
        style.metal,
        box((x - 0.02, 0.01, 0.93), (x + 0.02, 0.018, 1.12)),
        rod((x, 0.015, 1.04), (x, 0.06, 1.04), 0.009),
    )
    b.add(style.metal, rod((x, 0.058, 1.04), (x - side * 0.12, 0.058, 1.04), 0.009))
    return b.item(width + 2 * casing, 0.06, height + 0.1)
