"""Pot plants."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mtcp.data.rooms.chance import seed_of
from mtcp.data.rooms.colour import pick, scaled, srgb, varied
from mtcp.data.rooms.mesh import Mesh, join, lathe, rod, rotation
from mtcp.data.rooms.parts import Builder, Item, Material, plain
from mtcp.data.rooms.soft import leaf
from mtcp.data.rooms.style import Style
from mtcp.data.rooms.textures.base import Leaf, Woven


def _pot(b: Builder, style: Style, r: float, h: float) -> None:
    kind = b.rng.random()
    if kind < 0.3:
        material = Material(Woven(srgb("#c9a470"), srgb("#7d5c36")))
    else:
        colour = (
            pick(b.rng, ("#b9653f", "#e8e4dc", "#3e4143", "#8c9a94", "#d6c3a3"))
            if kind < 0.75
            else style.colours[2]
        )
        material = plain(colour, 0.03, 0.15, 0.06)
    low = float(b.rng.uniform(0.65, 0.9))
    b.add(
        "otherprop",
        material,
        lathe([(1e-3, 0), (r * low, 0), (r, h), (r - 0.012, h), (r - 0.02, h - 0.03)], 22),
    )
    b.add(
        "otherprop", plain(srgb("#2e2118"), mottle=0.3), lathe([(r - 0.015, h - 0.025), (1e-3, h - 0.02)], 22)
    )


def plant(rng: np.random.Generator, style: Style, height: float = 1.2) -> Item:
    """A potted plant: stems with leaves, a rosette of long blades, or upright swords."""
    b = Builder(rng)
    r = float(np.clip(height * 0.13, 0.05, 0.19))
    pot = r * float(rng.uniform(1.3, 1.9))
    _pot(b, style, r, pot)
    green = varied(rng, pick(rng, ("#3c6a2e", "#4f7d3a", "#2f5a33", "#6a8a45", "#3d6b4a")), 0.12)
    foliage = Material(Leaf(green, scaled(green, 1.7), seed_of(rng)), 0.03, 0.25, 0.35)
    kind = rng.choice(["stems", "blades", "swords"])
    tall = height - pot
    if kind == "stems":
        leaves = _on_stems(b, height, pot)
    elif kind == "blades":
        shapes = [leaf(tall, 0.05 * height + 0.012, float(rng.uniform(0.9, 2.0)), cells=7) for _ in range(6)]
        leaves = _rosette(rng, shapes, 26, (0.7, 1.45), (0.7, 1.15), 0.0, pot)
    else:
        shapes = [leaf(tall, 0.07 * height + 0.01, float(rng.uniform(-0.1, 0.25)), cells=6) for _ in range(4)]
        leaves = _rosette(rng, shapes, 13, (1.25, 1.55), (0.55, 1.0), r * 0.35, pot)
    b.add("otherprop", foliage, leaves, shift=False)
    wide = 2.2 * r if kind == "swords" else max(2.2 * r, 0.45 * height)
    return _back_at_zero(b, wide, height)


def _leaf_at(
    shape: Mesh, size: float, rise: float, turn: float, at: tuple[float, float, float], name: int
) -> Mesh:
    """A leaf scaled, raised by `rise` radians, turned about the vertical and set at its place."""
    matrix = rotation(2, turn) @ rotation(1, -rise)
    grown = replace(shape, vertices=shape.vertices * size, texture=shape.texture * size + (0, 0, name / 8))
    return grown.rotated(matrix).moved(*at)


def _rosette(
    rng: np.random.Generator, shapes: list[Mesh], count: int, rise: tuple[float, float], size: tuple[float, float],
    spread: float, pot: float,
) -> Mesh:  # fmt: skip
    """Leaves from one root, turned by the golden angle."""
    leaves = []
    for k in range(count):
        x, y = rng.normal(0, 1, 2) * spread
        turn, up = k * 2.4 + rng.normal(0, 0.2), float(rng.uniform(*rise))
        leaves.append(
            _leaf_at(shapes[k % len(shapes)], float(rng.uniform(*size)), up, turn, (x, y, pot - 0.03), k)
        )
    return join(*leaves)


def _on_stems(b: Builder, height: float, pot: float) -> Mesh:
    """A few leaning stems (added to `b`) and the leaves round their upper parts."""
    rng, tall = b.rng, height - pot
    bark = plain(srgb("#5a4432"), mottle=0.15)
    shapes = [leaf(1.0, 0.5, float(rng.uniform(0.5, 1.3)), cells=4) for _ in range(5)]
    leaves: list[Mesh] = []
    each = int(9 + 6 * height)
    for _ in range(int(rng.integers(3, 6))):
        x, y = (float(v) for v in rng.normal(0, 0.16, 2) * tall)
        top = pot + tall * float(rng.uniform(0.65, 0.95))
        foot, width = (x * 0.15, y * 0.15, pot - 0.04), 0.012 * height + 0.002
        b.add("otherprop", bark, rod(foot, (x, y, top), width, 0.004, 5))
        for k in range(each):
            t = 0.35 + 0.65 * (k + float(rng.random())) / each
            size, rise = tall * float(rng.uniform(0.16, 0.27)), float(rng.uniform(0.1, 0.9))
            at = (x * t, y * t, pot + (top - pot) * t)
            leaves.append(_leaf_at(shapes[k % 5], size, rise, k * 2.4 + rng.normal(0, 0.3), at, len(leaves)))
    return join(*leaves)


def _back_at_zero(b: Builder, wide: float, height: float) -> Item:
    """Things built round the origin, moved so that their back is at y = 0."""
    item = b.item(wide, wide, height)
    offset = np.array([0.0, wide / 2, 0.0])
    return Item(tuple(p.placed(0, offset) for p in item.parts), item.size)
