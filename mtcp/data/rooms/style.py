"""The taste of a room: colours and materials that go together, drawn once per room."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtcp.data.rooms.chance import any_of, odds, seed_of, span
from mtcp.data.rooms.colour import Colour, mix, pick, scaled, srgb, varied
from mtcp.data.rooms.parts import Material, plain
from mtcp.data.rooms.textures.fabrics import Fabric, Print
from mtcp.data.rooms.textures.surfaces import Paint, Planks, Speckled, Tiles, Wood

WOODS = (  # light, dark: oak, honey oak, cherry, walnut, dark stain, birch
    ("#d9b98c", "#b98f5c"), ("#c79a63", "#8f5f34"), ("#a9744a", "#6d4023"), ("#8a5d3d", "#4c2f1d"),
    ("#5b4030", "#2d1e16"), ("#e3cfae", "#cdb083"),
)  # fmt: skip
WALLS = ("#e9e4d8", "#e8ddc4", "#cfd6d2", "#c3cfd4", "#d6cfc4", "#b9c4b0", "#d9c7ae", "#b8c0cc", "#d8c8c4")
ACCENTS = ("#5d7b82", "#8a4a42", "#a8783c", "#4f6350", "#3f5573", "#7c6380", "#40484f")
TEXTILES = (  # main, second, small accent
    ("#8e9aa3", "#e7e2d6", "#c8843c"), ("#b8a78c", "#f0ebe0", "#5f7f78"), ("#5e7391", "#ece8df", "#cf9a4a"),
    ("#a34f3f", "#eadfcd", "#3d5360"), ("#6f7f64", "#efe9db", "#b5633f"), ("#4a4f57", "#d9d5cd", "#b79a3c"),
    ("#c2b49f", "#f3efe6", "#8a5866"), ("#39546b", "#dfe3e4", "#d0764e"), ("#2f5d62", "#e8e2d2", "#c65f44"),
)  # fmt: skip
STONES = ("#cfc9bd", "#b8b2a6", "#9a958c", "#d9cdb8", "#8f8a84", "#c2a58a", "#6f7274")
PRINTS: tuple[Print, ...] = ("stripe", "check", "dots", "flowers")


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
    rng: np.random.Generator, colour: Colour, ink: Colour, prints: tuple[Print, ...] = ("plain",),
    translucency: float = 0.0,
) -> Material:  # fmt: skip
    """Cloth, printed with one of `prints`."""
    period = span(rng, 0.07, 0.25)
    return Material(
        Fabric(colour, ink, any_of(rng, prints), period, seed=seed_of(rng)), translucency=translucency
    )


def wooden(rng: np.random.Generator) -> Material:
    """Varnished wood of one of the species."""
    light, dark = (varied(rng, srgb(code), 0.06) for code in any_of(rng, WOODS))
    return Material(Wood(light, dark, seed_of(rng)), 0.035)


def tiled(
    rng: np.random.Generator, colour: Colour, size: tuple[float, float], second: bool = False
) -> Material:
    """Glazed tiles or, when they are long, bricks laid half over each other."""
    other = varied(rng, srgb("#4a4b4e")) if second else None
    shift = 0.5 if size[0] > 1.5 * size[1] else 0.0
    grout = mix(colour, srgb("#a8a59e"), 0.7)
    return Material(Tiles(colour, grout, size, 0.004, shift, 0.05, other, seed_of(rng)), 0.05)


def _floor(rng: np.random.Generator, kind: str) -> Material:
    if kind == "bathroom" or (kind == "kitchen" and odds(rng, 0.6)):
        side = any_of(rng, (0.2, 0.33, 0.45))
        return tiled(rng, varied(rng, pick(rng, STONES)), (side, side), odds(rng, 0.25))
    if odds(rng, 0.4 if kind == "bedroom" else 0.2):
        tone = varied(rng, pick(rng, ("#b9a98f", "#a39a8c", "#8e8578", "#7f8587", "#6d6f6a")))
        return Material(Speckled(scaled(tone, 0.75), scaled(tone, 1.2), 0.008))
    light, dark = (srgb(code) for code in any_of(rng, WOODS))
    boards = Planks(light, dark, span(rng, 0.08, 0.19), span(rng, 0.9, 1.8), odds(rng, 0.5), seed_of(rng))
    return Material(boards, span(rng, 0.03, 0.06))


def _walls(rng: np.random.Generator, kind: str) -> tuple[Material, Material | None]:
    """All walls, and one that differs; in bathrooms tiles and the paint above them."""
    colour = varied(rng, pick(rng, WALLS), 0.04)
    wall = Material(Paint(colour, 0.025))
    if kind == "bathroom":
        tile = varied(rng, pick(rng, ("#e6e6e0", "#cfdcdc", "#e6dccb", "#b7c8c6", "#c9c2b6")), 0.04)
        return tiled(rng, tile, (any_of(rng, (0.15, 0.2, 0.3)), any_of(rng, (0.1, 0.2)))), wall
    draw = rng.random()
    if draw < 0.22 and kind != "kitchen":
        kinds: tuple[Print, ...] = ("stripe", "trellis", "flowers")
        ink = scaled(colour, any_of(rng, (0.86, 0.9, 1.08)))
        return Material(Fabric(colour, ink, any_of(rng, kinds), span(rng, 0.16, 0.45), 0.02)), None
    if draw < 0.5:
        return wall, Material(Paint(varied(rng, pick(rng, ACCENTS)), 0.03))
    if draw < 0.6 and kind != "kitchen":
        brick = varied(rng, pick(rng, ("#9c5f48", "#8d6a55", "#c9c2b6")), 0.06)
        return wall, Material(
            Tiles(brick, mix(brick, srgb("#b8b0a4"), 0.75), (0.24, 0.075), 0.011, 0.5, 0.22)
        )
    return wall, None


def draw_style(rng: np.random.Generator, kind: str) -> Style:
    """A style for a room of `kind`."""
    wall, accent = _walls(rng, kind)
    wood = wooden(rng)
    white = plain(varied(rng, srgb("#ece9e2"), 0.03), 0.03, 0.01)
    main, second, small = (varied(rng, srgb(code), 0.08) for code in any_of(rng, TEXTILES))
    drape = mix(main, second, span(rng, 0.3, 1.0))
    granite = scaled(varied(rng, pick(rng, STONES)), any_of(rng, (0.25, 0.6, 1.0)))
    return Style(
        wall=wall,
        accent_wall=accent,
        ceiling=plain(srgb("#f2f0eb"), mottle=0.012),
        trim=white if odds(rng, 0.75) else wood,
        floor=_floor(rng, kind),
        wood=wood,
        furniture=any_of(rng, (wood, wood, white, wooden(rng))),
        fabric=textile(rng, main, second, ("plain",) * 5 + ("check",)),
        linen=textile(rng, mix(second, srgb("#f7f5f0"), 0.5), second),
        cover=textile(rng, any_of(rng, (main, second)), small, ("plain", *PRINTS)),
        curtain=textile(
            rng, drape, mix(drape, small, 0.4), ("plain", "plain", "stripe"), span(rng, 0.15, 0.4)
        ),
        accents=tuple(
            textile(rng, a, b, ("plain", *PRINTS))
            for a, b in ((small, second), (second, small), (main, second))
        ),
        metal=plain(pick(rng, ("#8d8f90", "#b59a62", "#3a3a3b", "#a7a9aa")), 0.2),
        stone=Material(Speckled(scaled(granite, 0.6), granite), 0.05),
        colours=(main, second, small, scaled(small, 0.5)),
    )
