"""Books and papers."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.chance import seed_of
from mtcp.data.rooms.colour import pick, srgb, varied
from mtcp.data.rooms.mesh import box, panel
from mtcp.data.rooms.parts import Builder, Item, Material
from mtcp.data.rooms.textures.base import Labelled, Paint, Slices
from mtcp.data.rooms.textures.pictures import Text

SPINES = (
    "#7d2e2a", "#a8472f", "#c47f33", "#d9b45a", "#566b3f", "#2f5a4d", "#2d4f6e",
    "#3d6b94", "#5a4a72", "#8a5a6b", "#3b3a3c", "#6d6a66", "#b8b0a2", "#e4ddcd",
    "#efeae0", "#a39070", "#44302a", "#17344a", "#d4c9b4", "#8f2f45",
)  # fmt: skip
COVER = Material(Paint((0.95, 0.95, 0.95), 0.04, 0.05), gloss=0.03, rough=0.2)
PAGES = Material(Slices(srgb("#e9e2d0")))


def book(
    b: Builder, x: float, y: float, z: float, thick: float, tall: float, deep: float, lying: bool = False
) -> None:
    """One book: upright with its spine at +y, or lying; (x, y, z) is its low left back corner."""
    colour = varied(b.rng, pick(b.rng, SPINES), 0.12)
    cover = COVER
    if b.rng.random() < 0.4:
        at = tall * float(b.rng.uniform(0.55, 0.8))
        band = varied(b.rng, pick(b.rng, SPINES), 0.2)
        r, g, bl = (min(band[k] / max(colour[k], 0.02), 8.0) for k in range(3))
        spine = Labelled((0.95, 0.95, 0.95), (r, g, bl), at, at + 0.1 * tall)
        cover = Material(spine, gloss=0.03, rough=0.2)
    if lying:
        b.add("books", cover, box((x, y, z), (x + tall, y + deep, z + thick)), tint=colour, shift=False)
        b.add(
            "books",
            PAGES,
            box(
                (x + tall - 0.001, y + 0.004, z + 0.003),
                (x + tall + 0.001, y + deep - 0.003, z + thick - 0.003),
            ),
        )
        return
    b.add("books", cover, box((x, y, z), (x + thick, y + deep, z + tall)), tint=colour, shift=False)
    b.add(
        "books",
        PAGES,
        box(
            (x + 0.003, y + 0.003, z + tall - 0.0005), (x + thick - 0.003, y + deep - 0.006, z + tall + 0.001)
        ),
    )


def book_row(b: Builder, x0: float, x1: float, y: float, z: float, tallest: float, fill: float = 1.0) -> None:
    """Upright books from x0 to x1 on the plane z, spines forward near y, in groups of a height."""
    x, group = x0, float(b.rng.uniform(0.7, 0.97))
    end = x0 + (x1 - x0) * fill
    while True:
        if b.rng.random() < 0.18:
            group = float(b.rng.uniform(0.62, 0.97))
        thick = float(b.rng.uniform(0.014, 0.045))
        tall = min(tallest * group * float(b.rng.uniform(0.95, 1.03)), tallest)
        deep = tall * float(b.rng.uniform(0.62, 0.74))
        if x + thick > end:
            return
        inset = float(b.rng.uniform(0, 0.012))
        book(b, x, y - deep - inset, z, thick, tall, deep)
        x += thick + 0.0008


def book_stack(rng: np.random.Generator, count: int | None = None) -> Item:
    """Lying books, loosely aligned."""
    b = Builder(rng)
    z = 0.0
    for _ in range(count or int(rng.integers(2, 5))):
        one = Builder(rng)
        thick, tall = float(rng.uniform(0.015, 0.035)), float(rng.uniform(0.2, 0.28))
        deep = tall * 0.7
        book(one, -tall / 2, -deep / 2, 0, thick, tall, deep, lying=True)
        b.put(one.item(0, 0, 0), z=z, yaw=rng.normal(0, 0.15))
        z += thick
    return b.item(0.3, 0.24, z)


def papers(rng: np.random.Generator, count: int = 3) -> Item:
    """Sheets of paper lying about. Round the origin."""
    b = Builder(rng)
    for k in range(count):
        sheet = Material(Text((0.21, 0.297), srgb("#f1efe8"), pick(rng, SPINES), 0.014, seed_of(rng)))
        mesh = panel((0, 0, 0), (0.21, 0, 0), (0, 0.297, 0))
        mesh = (
            mesh.moved(-0.105, -0.15, 0.002 + 0.0015 * k)
            .turned(rng.normal(0, 0.3))
            .moved(*rng.normal(0, 0.05, 2))
        )
        b.add("paper", sheet, mesh, shift=False)
    return b.item(0.3, 0.36, 0.01)
