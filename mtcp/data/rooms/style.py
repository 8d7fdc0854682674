"""The taste of a room: colours and materials that go together, drawn once per room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np

from mtcp.data.rooms.chance import any_of, seed_of
from mtcp.data.rooms.colour import Colour, mix, pick, scaled, srgb, varied
from mtcp.data.rooms.parts import Material, plain
from mtcp.data.rooms.textures.base import Brushed, Marble, Paint, Speckled, Wood
from mtcp.data.rooms.textures.fabrics import Fabric, Print, Wallpaper
from mtcp.data.rooms.textures.floors import Carpet, Herringbone, Planks, Tiles

WOODS: tuple[tuple[str, str], ...] = (  # light, dark
    ("#d9b98c", "#b98f5c"),  # oak
    ("#c79a63", "#8f5f34"),  # honey oak
    ("#a9744a", "#6d4023"),  # cherry
    ("#8a5d3d", "#4c2f1d"),  # walnut
    ("#5b4030", "#2d1e16"),  # dark stain
    ("#e3cfae", "#cdb083"),  # birch
    ("#bfa98e", "#8d765b"),  # grey oak
)
WALLS = (
    "#e9e4d8", "#efe9dc", "#dcd6c8", "#e8ddc4", "#cfd6d2", "#c3cfd4", "#d6cfc4", "#b9c4b0", "#d9c7ae",
    "#e6d3b8", "#a9b8b5", "#c9b8a8", "#b8c0cc", "#dbe0dc", "#e9dfd6", "#d8c8c4",
)  # fmt: skip
ACCENTS = (
    "#5d7b82",
    "#8a4a42",
    "#a8783c",
    "#4f6350",
    "#3f5573",
    "#7c6380",
    "#9b8a68",
    "#566a78",
    "#8c5b4a",
    "#40484f",
)
TEXTILES = (  # main, second, small accent
    ("#8e9aa3", "#e7e2d6", "#c8843c"), ("#b8a78c", "#f0ebe0", "#5f7f78"), ("#5e7391", "#ece8df", "#cf9a4a"),
    ("#a34f3f", "#eadfcd", "#3d5360"), ("#6f7f64", "#efe9db", "#b5633f"), ("#4a4f57", "#d9d5cd", "#b79a3c"),
    ("#c2b49f", "#f3efe6", "#8a5866"), ("#7a5c48", "#e9dcc5", "#5c7a86"), ("#39546b", "#dfe3e4", "#d0764e"),
    ("#94808f", "#eee8ea", "#587a6b"), ("#2f5d62", "#e8e2d2", "#c65f44"), ("#c9c4ba", "#fbf8f1", "#4c6a88"),
)  # fmt: skip


WALLPAPERS: tuple[Print, ...] = ("stripe", "damask", "trellis", "leaves", "flowers")


@dataclass(frozen=True)
class Style:
    """Materials shared by a room's furniture.

    `wood` and `furniture` are what most pieces are made of; `fabric` covers seats, `accents` small cushions.
    """

    wall: Material
    accent_wall: Material | None
    ceiling: Material
    trim: Material
    floor: Material
    wood: Material
    furniture: Material
    fabric: Material
    linen: Material
    cover: Material
    curtain: Material
    accents: tuple[Material, ...]
    metal: Material
    stone: Material
    colours: tuple[Colour, ...]


def textile(
    rng: np.random.Generator, colour: Colour, ink: Colour, prints: tuple[Print, ...] = (), weave: float = 0.12
) -> Material:
    """Cloth, printed with one of `prints` if any."""
    kind: Print = any_of(rng, prints) if prints else "plain"
    period = float(rng.uniform(0.07, 0.2)) * (2.0 if kind in ("flowers", "damask", "leaves") else 1.0)
    return Material(Fabric(colour, ink, kind, period, weave, seed=seed_of(rng)))


def wooden(rng: np.random.Generator, index: int | None = None, gloss: float = 0.035) -> Material:
    """Varnished wood of one of the species."""
    light, dark = WOODS[int(rng.integers(len(WOODS))) if index is None else index]
    return Material(
        Wood(
            varied(rng, srgb(light), 0.05),
            varied(rng, srgb(dark), 0.08),
            seed_of(rng),
            float(rng.uniform(0.6, 1.1)),
        ),
        gloss,
        0.12,
    )


def _floor(rng: np.random.Generator, kind: str, wet: bool) -> Material:
    seed = seed_of(rng)
    light, dark = (srgb(c) for c in any_of(rng, WOODS))
    if wet or (kind == "kitchen" and rng.random() < 0.6):
        size = float(rng.choice([0.2, 0.3, 0.33, 0.45, 0.6]))
        tone = varied(
            rng, pick(rng, ("#cfc9bd", "#b8b2a6", "#9a958c", "#d9cdb8", "#8f8a84", "#c2a58a", "#6f7274"))
        )
        second = varied(rng, srgb("#4a4b4e")) if rng.random() < 0.25 else None
        grout = mix(tone, srgb("#8f8b84"), 0.7)
        veins = float(rng.choice([0.0, 0.25]))
        return Material(Tiles(tone, grout, (size, size), 0.005, 0.0, 0.06, veins, second, seed), 0.05, 0.06)
    draw = rng.random()
    if draw < (0.4 if kind == "bedroom" else 0.22):
        tone = varied(
            rng, pick(rng, ("#b9a98f", "#a39a8c", "#8e8578", "#c9bda6", "#7f8587", "#8b7a66", "#6d6f6a"))
        )
        return Material(Carpet(tone, float(rng.uniform(0.15, 0.3)), seed))
    if draw < 0.35 and kind != "kitchen":
        return Material(
            Herringbone(light, dark, float(rng.uniform(0.07, 0.11)), int(rng.integers(4, 7)), seed), 0.04, 0.1
        )
    board = float(rng.uniform(0.08, 0.19))
    return Material(
        Planks(light, dark, board, float(rng.uniform(0.9, 1.8)), 0.0025, bool(rng.integers(2)), seed),
        float(rng.uniform(0.03, 0.06)), float(rng.uniform(0.06, 0.14)),
    )  # fmt: skip


def _walls(rng: np.random.Generator, kind: str, wet: bool) -> tuple[Material, Material | None]:
    colour = varied(rng, pick(rng, WALLS), 0.04)
    seed = seed_of(rng)
    wall = Material(Paint(colour, 0.025, 0.5, seed))
    if wet:
        size = (float(rng.choice([0.15, 0.2, 0.3])), float(rng.choice([0.1, 0.2, 0.3])))
        tile = varied(
            rng, pick(rng, ("#e6e6e0", "#d7dedd", "#cfdcdc", "#e6dccb", "#b7c8c6", "#c9c2b6")), 0.04
        )
        shift = float(rng.choice([0.0, 0.5]))
        return Material(
            Tiles(tile, mix(tile, srgb("#a8a59e"), 0.7), size, 0.004, shift, 0.04, 0.0, None, seed),
            0.05,
            0.04,
        ), wall
    draw = rng.random()
    if draw < 0.22 and kind != "kitchen":
        ink = scaled(colour, float(rng.choice([0.86, 0.9, 1.08])))
        return Material(
            Wallpaper(colour, ink, any_of(rng, WALLPAPERS), float(rng.uniform(0.16, 0.45)), seed)
        ), None
    if draw < 0.5:
        return wall, Material(Paint(varied(rng, pick(rng, ACCENTS), 0.1), 0.03, 0.5, seed + 1))
    if draw < 0.6 and kind in ("living-room", "dining-room", "office"):
        brick = varied(rng, pick(rng, ("#9c5f48", "#8d6a55", "#c9c2b6")), 0.06)
        return wall, Material(
            Tiles(brick, mix(brick, srgb("#b8b0a4"), 0.75), (0.24, 0.075), 0.011, 0.5, 0.22, 0.25, None, seed)
        )
    return wall, None


def _stone(rng: np.random.Generator) -> Material:
    """For worktops: marble or granite, polished."""
    if rng.random() < 0.4:
        return Material(Marble(srgb("#e4e2dd"), srgb("#9a9894"), 0.4, seed_of(rng)), 0.05, 0.03)
    base, dark, light = (varied(rng, srgb(c), 0.1) for c in ("#5a5650", "#2a2826", "#a59c8e"))
    return Material(Speckled(base, dark, light, seed=seed_of(rng)), 0.05, 0.03)


def draw_style(rng: np.random.Generator, kind: str) -> Style:
    """A style for a room of `kind`."""
    wet = kind == "bathroom"
    wall, accent = _walls(rng, kind, wet)
    wood_index = int(rng.integers(len(WOODS)))
    wood = wooden(rng, wood_index)
    white = plain(varied(rng, srgb("#ece9e2"), 0.03), 0.03, 0.1, 0.01)
    furniture = wood if rng.random() < 0.55 else (white if rng.random() < 0.5 else wooden(rng))
    main, second, small = (varied(rng, srgb(c), 0.08) for c in any_of(rng, TEXTILES))
    patterns = tuple(p for p in get_args(Print) if p not in ("plain", "trellis"))
    accents = (
        textile(rng, small, second, patterns if rng.random() < 0.5 else ()),
        textile(rng, second, small, patterns),
        textile(rng, main, second, patterns if rng.random() < 0.4 else ()),
        textile(rng, scaled(small, 0.6), second, ()),
    )
    drape = second if rng.random() < 0.5 else mix(main, second, float(rng.uniform(0, 0.6)))
    curtain = textile(
        rng, drape, mix(drape, small, 0.4), ("stripe", "leaves", "damask") if rng.random() < 0.35 else ()
    )
    metal = pick(rng, ("#8d8f90", "#b59a62", "#3a3a3b", "#a7a9aa"))
    return Style(
        wall=wall,
        accent_wall=accent,
        ceiling=plain(srgb("#f2f0eb"), mottle=0.012),
        trim=white if rng.random() < 0.75 else wood,
        floor=_floor(rng, kind, wet),
        wood=wood,
        furniture=furniture,
        fabric=textile(rng, main, second, ("check", "stripe") if rng.random() < 0.12 else (), 0.16),
        linen=textile(rng, mix(second, srgb("#f7f5f0"), 0.5), second, (), 0.05),
        cover=textile(
            rng, main if rng.random() < 0.5 else second, small, patterns if rng.random() < 0.6 else (), 0.07
        ),
        curtain=Material(curtain.texture, translucency=float(rng.uniform(0.15, 0.4))),
        accents=accents,
        metal=Material(Brushed(metal, seed_of(rng)), 0.35, 0.12),
        stone=_stone(rng),
        colours=(main, second, small, scaled(small, 0.5), mix(main, second, 0.5)),
    )
