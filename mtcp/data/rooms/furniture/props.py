"""Small things: vases, bowls, bottles, crockery, boxes, bags, clothes, bins."""

from __future__ import annotations

import itertools

import numpy as np

from mtcp.data.rooms.chance import seed_of
from mtcp.data.rooms.colour import pick, scaled, srgb, varied
from mtcp.data.rooms.mesh import Vec3, box, lathe, panel, rod
from mtcp.data.rooms.parts import Builder, Item, Material, plain
from mtcp.data.rooms.soft import cushion, heap, leaf, superellipsoid
from mtcp.data.rooms.style import Style
from mtcp.data.rooms.textures.base import Labelled, Paint, Woven
from mtcp.data.rooms.textures.fabrics import Fabric

from .books import SPINES


def vase(rng: np.random.Generator, style: Style) -> Item:
    """A vase with twigs or flowers, or empty. Round the origin."""
    b = Builder(rng)
    h, r = float(rng.uniform(0.16, 0.32)), float(rng.uniform(0.05, 0.085))
    colour = (
        style.colours[int(rng.integers(4))]
        if rng.random() < 0.6
        else pick(rng, ("#e9e4d8", "#4c5a60", "#9fb3b0"))
    )
    profile = [(1e-3, 0), (r * 0.6, 0), (r, h * 0.35), (r * 0.85, h * 0.6), (r * 0.4, h * 0.85), (r * 0.5, h)]
    b.add("otherprop", plain(colour, 0.06, 0.05), lathe(profile, 20, smooth=True))
    if rng.random() < 0.75:
        petal = Material(
            Paint(
                varied(rng, pick(rng, ("#c94f4f", "#e7c24a", "#e9e2ea", "#d98ca0", "#8d6fb0")), 0.15),
                0.1,
                0.02,
            ),
            translucency=0.3,
        )
        stem = plain(srgb("#41602f"))
        for k in range(int(rng.integers(5, 9))):
            lean = rng.normal(0, 0.085, 2)
            top = (float(lean[0]), float(lean[1]), h + float(rng.uniform(0.1, 0.24)))
            b.add("otherprop", stem, rod((0, 0, h * 0.8), top, 0.003, sides=5))
            b.add("otherprop", petal, superellipsoid(0.032, 0.032, 0.024, 1.2, 6).moved(*top))
            b.add(
                "otherprop",
                stem,
                leaf(0.1, 0.03, 0.8, cells=3)
                .tilted(-0.6, 1)
                .turned(k * 2.4)
                .moved(lean[0] * 0.5, lean[1] * 0.5, h + 0.06),
                shift=False,
            )
    return b.item(0.2, 0.2, h + 0.2)


def bowl(rng: np.random.Generator, style: Style, fruit: bool = True) -> Item:
    """A bowl, often of fruit. Round the origin."""
    b = Builder(rng)
    r = float(rng.uniform(0.11, 0.16))
    material = (
        style.wood
        if rng.random() < 0.4
        else plain(pick(rng, ("#e8e5de", "#5f7f8c", "#3d4246", "#c9a24f")), 0.05)
    )
    b.add(
        "otherprop",
        material,
        lathe(
            [
                (1e-3, 0),
                (r * 0.45, 0),
                (r * 0.8, 0.03),
                (r, 0.08),
                (r - 0.006, 0.08),
                (r * 0.76, 0.034),
                (1e-3, 0.012),
            ],
            24,
        ),
    )
    if fruit:
        for k in range(6):
            colour = varied(rng, pick(rng, ("#c8352b", "#d98a2b", "#7fa03c", "#d9b93c")), 0.08)
            a, q = k * 2 * np.pi / 5, (0.55 * r if k < 5 else 0.0)
            b.add(
                "otherprop",
                plain(colour, 0.04, 0.1, 0.12),
                superellipsoid(0.037, 0.037, 0.034, 1.0, 7).moved(
                    q * np.cos(a), q * np.sin(a), 0.06 if k < 5 else 0.1
                ),
            )
    return b.item(2 * r, 2 * r, 0.13)


def bottle(rng: np.random.Generator, tall: float | None = None) -> Item:
    """A bottle or jar with a label. Round the origin."""
    b = Builder(rng)
    h = tall or float(rng.uniform(0.14, 0.28))
    r = h * float(rng.uniform(0.13, 0.19))
    body = varied(
        rng, pick(rng, ("#2f4a33", "#e6e3dc", "#c7d3d6", "#5a3220", "#d9b45a", "#3f6c8c", "#b34a3c")), 0.1
    )
    band = varied(rng, pick(rng, SPINES), 0.1)
    glass = Material(Labelled(body, band, h * 0.15, h * 0.48), 0.05, 0.05)
    b.add(
        "otherprop",
        glass,
        lathe([(1e-3, 0), (r, 0), (r, h * 0.62), (r * 0.4, h * 0.78), (r * 0.4, h), (1e-3, h)], 14),
        shift=False,
    )
    return b.item(2 * r, 2 * r, h)


def cup(rng: np.random.Generator, style: Style) -> Item:
    """A mug. Round the origin."""
    b = Builder(rng)
    colour = pick(rng, ("#efece5", "#3f5f78", "#a5473a", "#4a4c4e", "#d8b25c"))
    b.add(
        "otherprop",
        plain(colour, 0.05, 0.06),
        lathe([(1e-3, 0), (0.036, 0), (0.04, 0.09), (0.036, 0.09), (0.033, 0.01)], 16),
    )
    return b.item(0.09, 0.09, 0.09)


def plate(rng: np.random.Generator, style: Style) -> Item:
    """A place setting: plate, knife, fork. Round the origin."""
    b = Builder(rng)
    b.add(
        "otherprop",
        plain(pick(rng, ("#efece5", "#d9dee0", "#c9b79a")), 0.05, 0.05),
        lathe([(1e-3, 0.004), (0.08, 0.004), (0.13, 0.018), (0.135, 0.014), (0.08, 0.0)], 26),
    )
    for x in (-0.17, 0.17):
        b.add("otherprop", style.metal, box((x - 0.008, -0.1, 0), (x + 0.008, 0.1, 0.004)))
    return b.item(0.36, 0.27, 0.03)


def carton(rng: np.random.Generator) -> Item:
    """A cardboard box with tape, or a coloured storage box."""
    b = Builder(rng)
    w, d, h = (float(v) for v in rng.uniform((0.28, 0.24, 0.18), (0.5, 0.42, 0.42)))
    if rng.random() < 0.65:
        board = Material(Paint(varied(rng, srgb("#b08a5c"), 0.08), 0.08, 0.2))
        b.add("box", board, box((-w / 2, 0, 0), (w / 2, d, h)))
        b.add(
            "box",
            plain(srgb("#cbb184"), 0.04),
            box((-w / 2 - 0.001, d / 2 - 0.025, h * 0.75), (w / 2 + 0.001, d / 2 + 0.025, h + 0.001)),
        )
        if rng.random() < 0.4:
            for s in (-1, 1):
                flap = panel((-w / 2, 0, 0), (w, 0, 0), (0, d * 0.45, 0.0)).tilted(
                    s * 0.5 + (0 if s > 0 else np.pi)
                )
                b.add("box", board, flap.moved(0, d if s > 0 else 0, h))
    else:
        colour = varied(rng, pick(rng, SPINES), 0.1)
        b.add(
            "box",
            plain(colour, 0.02),
            box((-w / 2, 0, 0), (w / 2, d, h * 0.8)),
            box((-w / 2 - 0.01, -0.01, h * 0.72), (w / 2 + 0.01, d + 0.01, h * 0.85)),
        )
    return b.item(w + 0.03, d + 0.03, h)


def bag(rng: np.random.Generator) -> Item:
    """A rucksack or a tote standing on the floor."""
    b = Builder(rng)
    colour = varied(rng, pick(rng, ("#2f4a5e", "#7a3b32", "#4b5a3c", "#3b3b40", "#8a6a45", "#a8783c")), 0.1)
    cloth = Material(Fabric(colour, weave=0.15, seed=seed_of(rng)))
    dark = plain(scaled(colour, 0.45))
    b.add("bag", cloth, superellipsoid(0.17, 0.11, 0.23, 0.45, 10).moved(0, 0.13, 0.22))
    b.add("bag", cloth, superellipsoid(0.13, 0.05, 0.11, 0.4, 8).moved(0, 0.25, 0.14))
    b.add("bag", dark, box((-0.12, 0.295, 0.2), (0.12, 0.302, 0.21)))
    for s in (-1, 1):
        points: list[Vec3] = [(0.05 * s, 0.08, 0.42), (0.06 * s, 0.1, 0.5), (0.02 * s, 0.13, 0.52)]
        for p, q in itertools.pairwise(points):
            b.add("bag", dark, rod(p, q, 0.011, sides=6))
    return b.item(0.36, 0.34, 0.52)


def basket(rng: np.random.Generator, style: Style) -> Item:
    """A woven basket with a blanket in it, or a waste bin."""
    b = Builder(rng)
    if rng.random() < 0.5:
        r, h = float(rng.uniform(0.18, 0.24)), float(rng.uniform(0.26, 0.38))
        b.add(
            "otherprop",
            Material(Woven(srgb("#cfae7c"), srgb("#80602f"), 0.022)),
            lathe([(1e-3, 0), (r * 0.85, 0), (r, h), (r - 0.015, h), (r - 0.03, h - 0.06)], 26).moved(
                0, r, 0
            ),
        )
        b.add("clothes", style.accents[2], heap(rng, 2 * r - 0.04, 2 * r - 0.04, 0.12).moved(0, r, h - 0.08))
        return b.item(2 * r, 2 * r, h)
    colour = pick(rng, ("#3a3c3e", "#e4e2dc", "#6d7f86"))
    b.add(
        "otherfurniture",
        plain(colour, 0.04, 0.15),
        lathe([(1e-3, 0), (0.11, 0), (0.14, 0.3), (0.133, 0.3), (0.105, 0.02)], 22).moved(0, 0.14, 0),
    )
    return b.item(0.28, 0.28, 0.3)


def clothes(rng: np.random.Generator, style: Style) -> Item:
    """Clothing thrown down."""
    b = Builder(rng)
    for k in range(int(rng.integers(1, 4))):
        colour = varied(
            rng, pick(rng, ("#38506b", "#7d3034", "#dcd8d0", "#4a4c50", "#8c8f73", "#c48a5a")), 0.1
        )
        cloth = Material(
            Fabric(
                colour,
                scaled(colour, 0.6),
                "stripe" if rng.random() < 0.25 else "plain",
                0.06,
                seed=seed_of(rng),
            )
        )
        mesh = heap(
            rng, float(rng.uniform(0.35, 0.6)), float(rng.uniform(0.3, 0.5)), float(rng.uniform(0.05, 0.12))
        )
        b.add(
            "clothes",
            cloth,
            mesh.turned(float(rng.uniform(0, 6))).moved(
                rng.normal(0, 0.1), 0.25 + rng.normal(0, 0.08), 0.012 * k
            ),
        )
    return b.item(0.6, 0.5, 0.12)


def blankets(rng: np.random.Generator) -> Item:
    """Folded blankets. Round the origin."""
    b = Builder(rng)
    for k in range(2):
        colour = varied(rng, pick(rng, SPINES), 0.1)
        cloth = Material(Fabric(colour, seed=seed_of(rng)))
        b.add(
            "otherprop",
            cloth,
            cushion(rng, 0.36 - 0.03 * k, 0.28 - 0.02 * k, 0.06, 0.008, 0.028).moved(0, 0, 0.058 * k),
        )
    return b.item(0.38, 0.3, 0.12)
