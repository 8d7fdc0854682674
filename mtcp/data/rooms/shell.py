"""The room itself: walls with openings, floor, ceiling, skirting, windows, doors, curtains, blinds.

A wall has its own frame: u along the wall (left to right seen from inside), n into the room, z up. Items
placed on a wall use x = u, y = n.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from mtcp.data.rooms.colour import srgb
from mtcp.data.rooms.mesh import Mesh, box, frame, panel, repeated, rod
from mtcp.data.rooms.parts import LABELS, Builder, Item, Material, Part, plain
from mtcp.data.rooms.soft import curtain, superellipsoid
from mtcp.data.rooms.style import Style
from mtcp.data.rooms.textures.base import Paint

CELL = 0.4  # metres: light may differ from one piece of wall to the next
REVEAL = 0.16  # metres from the inner face of a wall to the outside of its windows
GLASS = Material(Paint((0.02, 0.02, 0.02), 0.0), gloss=0.04, rough=0.0, pane=True)


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
    levels = {0.0, height, *(z for o in openings for z in (o.z0, o.z1))}
    if upper is not None:
        levels.add(split)
    us = sorted({0.0, wall.length, *(u for o in openings for u in (o.u0, o.u1))})
    zs = sorted(levels)
    parts = []
    for u0, u1 in itertools.pairwise(us):
        for z0, z1 in itertools.pairwise(zs):
            middle = ((u0 + u1) / 2, (z0 + z1) / 2)
            if any(o.u0 < middle[0] < o.u1 and o.z0 < middle[1] < o.z1 for o in openings):
                continue
            mesh = panel(
                tuple(wall.point(u0, 0, z0)), tuple(wall.along * (u1 - u0)), (0, 0, z1 - z0), CELL,
                np.array([u0, z0, 0.0]),
            )  # fmt: skip
            face = upper if upper is not None and middle[1] > split else material
            parts.append(Part(mesh, LABELS["wall"], face, cells=True))
    return parts


def floor_and_ceiling(width: float, depth: float, height: float, style: Style) -> list[Part]:
    floor = panel((0, 0, 0), (width, 0, 0), (0, depth, 0), CELL)
    ceiling = panel((0, 0, height), (width, 0, 0), (0, depth, 0), CELL)
    return [
        Part(floor, LABELS["floor"], style.floor, cells=True),
        Part(ceiling, LABELS["ceiling"], style.ceiling, cells=True),
    ]


def skirting(wall: Wall, gaps: list[tuple[float, float]], material: Material, high: float) -> list[Part]:
    """The board along the foot of a wall, interrupted at `gaps` (doors, built-in furniture)."""
    edges, at = [], 0.0
    for low, up in sorted(gaps):
        edges.append((at, low))
        at = max(at, up)
    edges.append((at, wall.length))
    parts = []
    for u0, u1 in edges:
        if u1 - u0 > 0.02:
            mesh = box((u0, 0, 0), (u1, 0.014, high))
            parts.append(Part(mesh, LABELS["wall"], material).placed(wall.yaw, wall.point(0, 0, 0)))
    return parts


def cornice(wall: Wall, height: float, material: Material) -> Part:
    """A moulding where wall and ceiling meet."""
    mesh = box((0, 0, height - 0.07), (wall.length, 0.03, height))
    return Part(mesh, LABELS["wall"], material).placed(wall.yaw, wall.point(0, 0, 0))


def window(rng: np.random.Generator, style: Style, width: float, height: float) -> Item:
    """Frame, glazing bars, glass, reveal, sill and casing; x centred, z from 0 (the sill) to `height`."""
    b = Builder(rng)
    half, bar = width / 2, 0.055
    paint = style.trim if rng.random() < 0.8 else plain(srgb("#3b3a38"), 0.03)
    b.add("window", paint, frame((-half, -0.13, 0), (half, -0.07, height), bar))
    leaves = max(1, round(width / 0.75))
    for i in range(1, leaves):
        x = -half + i * width / leaves
        b.add("window", paint, box((x - 0.04, -0.13, bar), (x + 0.04, -0.065, height - bar)))
    if rng.random() < 0.5:
        rows = 2 if rng.random() < 0.6 else 3
        for j in range(1, rows):
            z = height * j / rows if rows == 3 else height * 0.55
            b.add("window", paint, box((-half + bar, -0.115, z - 0.014), (half - bar, -0.085, z + 0.014)))
    glass = panel((-half + 0.02, -0.1, 0.02), (width - 0.04, 0, 0), (0, 0, height - 0.04))
    b.add("window", GLASS, glass)
    for mesh in _reveal(half, height):
        b.add("window", style.trim, mesh)
    b.add("window", style.trim, box((-half - 0.06, -0.07, -0.03), (half + 0.06, 0.06, 0.0)))
    if rng.random() < 0.7:
        c = 0.075
        b.add(
            "window",
            style.trim,
            box((-half - c, 0, -0.02), (-half, 0.02, height + c)),
            box((half, 0, -0.02), (half + c, 0.02, height + c)),
        )
        b.add("window", style.trim, box((-half, 0, height), (half, 0.02, height + c)))
    if leaves > 1:
        x, z = -half + (leaves // 2) * width / leaves, height * 0.42
        b.add("window", style.metal, box((x - 0.012, -0.065, z), (x + 0.012, -0.03, z + 0.09)))
    b.tops.append((-half + 0.1, -0.06, half - 0.1, 0.05, 0.0))
    return b.item(width + 0.15, 0.06, height)


def _reveal(half: float, height: float) -> tuple[Mesh, ...]:
    out = (0.0, -REVEAL, 0.0)
    return (
        panel((-half, 0, 0), (2 * half, 0, 0), out),
        panel((-half, 0, height), (2 * half, 0, 0), out),
        panel((-half, 0, 0), out, (0, 0, height)),
        panel((half, 0, 0), out, (0, 0, height)),
    )


def drapes(
    rng: np.random.Generator,
    style: Style,
    width: float,
    height: float,
    sides: tuple[bool, bool] = (True, True),
) -> Item:
    """A pair of curtains on a rod; x centred on the window, z 0 is the floor, `height` the rod's."""
    b = Builder(rng)
    half = width / 2 + 0.22
    open_width = float(rng.uniform(0.28, 0.5)) * (0.5 + width / 3)
    bottom = 0.02
    for side, wanted in zip((-1, 1), sides, strict=True):
        if not wanted:
            continue
        folds = max(3, round(open_width / 0.085))
        cloth = curtain(rng, open_width, height - bottom - 0.015, folds, float(rng.uniform(0.03, 0.045)))
        x = -half if side < 0 else half - open_width
        b.add("curtain", style.curtain, cloth.moved(x, 0.1, bottom))
    b.add("curtain", style.metal, rod((-half - 0.08, 0.1, height), (half + 0.08, 0.1, height), 0.012))
    for side in (-1, 1):
        b.add(
            "curtain",
            style.metal,
            superellipsoid(0.025, 0.025, 0.025, 1.0, 6).moved(side * (half + 0.1), 0.1, height),
        )
        b.add(
            "curtain",
            style.metal,
            rod((side * (half + 0.04), 0, height), (side * (half + 0.04), 0.1, height), 0.008),
        )
    return b.item(2 * half + 0.2, 0.16, height + 0.03)


def blinds(rng: np.random.Generator, width: float, height: float) -> Item:
    """Horizontal slats in front of the glass, drawn down part of the way; z 0 is the window's sill."""
    b = Builder(rng)
    drop = height * float(rng.uniform(0.35, 0.85))
    pitch, depth = 0.045, 0.05
    tilt = float(rng.uniform(-0.9, 0.9))
    colour = srgb(str(rng.choice(["#eceae4", "#d8cdb8", "#b98f5c", "#e4e6e6"])))
    material = Material(Paint(colour, 0.0), translucency=0.15)
    half = width / 2 - 0.02
    b.add("blinds", material, box((-half, -0.06, height - 0.05), (half, -0.01, height)))
    slats = int(drop / pitch)
    c, s = np.cos(tilt) * depth, np.sin(tilt) * depth
    slat = panel((-half, -0.035 - c / 2, height - 0.06 - s / 2), (2 * half, 0, 0), (0, c, s))
    down = np.arange(slats)[:, None] * np.array([0, 0, -pitch])
    b.add("blinds", material, repeated(slat, down))
    end = height - 0.06 - slats * pitch
    b.add("blinds", material, box((-half, -0.05, end - 0.02), (half, -0.02, end)))
    for x in (-half + 0.12, half - 0.12):
        b.add("blinds", material, box((x - 0.004, -0.036, end), (x + 0.004, -0.034, height - 0.05)))
    return b.item(width, 0.06, height)


def door(rng: np.random.Generator, style: Style, width: float = 0.86, height: float = 2.03) -> Item:
    """A closed door in its casing, with raised panels and a lever handle."""
    b = Builder(rng)
    half, casing = width / 2, 0.085
    leaf = style.trim if rng.random() < 0.6 else style.wood
    b.add("door", leaf, box((-half, 0.0, 0.006), (half, 0.012, height)))
    kind = rng.choice(["panels", "flat", "lines"])
    if kind == "panels":
        rows = (
            ((0.16, 0.88), (1.02, height - 0.13))
            if rng.random() < 0.5
            else ((0.14, 0.7), (0.82, 1.38), (1.5, height - 0.12))
        )
        columns = (
            ((-half + 0.11, -0.04), (0.04, half - 0.11))
            if rng.random() < 0.6
            else ((-half + 0.12, half - 0.12),)
        )
        for z0, z1 in rows:
            for x0, x1 in columns:
                b.add(
                    "door",
                    leaf,
                    frame((x0, 0.01, z0), (x1, 0.02, z1), 0.018),
                    box((x0 + 0.05, 0.01, z0 + 0.05), (x1 - 0.05, 0.019, z1 - 0.05)),
                )
    elif kind == "lines":
        for z in np.linspace(0.4, height - 0.4, 4):
            b.add("door", style.metal, box((-half + 0.02, 0.01, z), (half - 0.02, 0.0135, z + 0.012)))
    for x in (-half - casing, half):
        b.add("door", style.trim, box((x, 0, 0), (x + casing, 0.03, height + 0.01)))
    b.add(
        "door",
        style.trim,
        box((-half - casing - 0.01, 0, height + 0.01), (half + casing + 0.01, 0.032, height + casing + 0.01)),
    )
    side = float(rng.choice([-1, 1]))
    x = side * (half - 0.065)
    b.add("door", style.metal, box((x - 0.02, 0.01, 0.93), (x + 0.02, 0.018, 1.12)))
    b.add(
        "door",
        style.metal,
        rod((x, 0.015, 1.04), (x, 0.06, 1.04), 0.009),
        rod((x, 0.058, 1.04), (x - side * 0.12, 0.058, 1.04), 0.009),
    )
    return b.item(width + 2 * casing, 0.06, height + 0.1)
