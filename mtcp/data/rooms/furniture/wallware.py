"""What hangs on walls and lies on floors: pictures, mirrors, clocks, shelves, whiteboards, rugs, towels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mtcp.data.rooms.chance import any_of, seed_of
from mtcp.data.rooms.colour import Colour, pick, srgb, varied
from mtcp.data.rooms.mesh import Mesh, box, cylinder, frame, lathe, panel, repeated, rod
from mtcp.data.rooms.parts import Builder, Item, Material, plain
from mtcp.data.rooms.soft import curtain
from mtcp.data.rooms.style import Style
from mtcp.data.rooms.textures.base import Paint
from mtcp.data.rooms.textures.fabrics import Rug, RugKind
from mtcp.data.rooms.textures.pictures import MOTIFS, Painting, Scribbles, Text

from .books import book_row
from .plants import plant
from .props import bottle, cup, vase

KINDS: tuple[RugKind, ...] = ("oriental", "stripes", "geometric", "plain")
PICTURE_COLOURS = (
    ("#dfe7ea", "#f0d9b8", "#8fa3ad", "#33475b", "#f4efe2"),
    ("#e8c9a0", "#c8643c", "#7d3a2c", "#2e3a48", "#f3e8d3"),
    ("#9ec3d6", "#e5e0c8", "#d6b98a", "#1f4e6b", "#fbf7ea"),
    ("#f0ece2", "#c4432f", "#2b4c7e", "#e0b33a", "#f6f3ea"),
    ("#ced6c3", "#8ca07a", "#4d6647", "#2b3a2c", "#f3f0e2"),
    ("#e9dfd6", "#b08a86", "#6e5563", "#2f2a38", "#f6efe6"),
    ("#f5d5a0", "#e39a5b", "#a45b52", "#41395a", "#fbe9c9"),
    ("#eceae6", "#b4b2ad", "#6f6e6b", "#262626", "#f5f4f0"),
)


def picture(rng: np.random.Generator, style: Style, width: float, height: float) -> Item:
    """A framed picture behind its mat; z 0 is its lower edge."""
    b = Builder(rng)
    bar = float(rng.uniform(0.015, 0.035))
    rim = (style.wood, plain(srgb("#1f1f20"), 0.04), plain(srgb("#f0eee8"), 0.03), style.metal)[
        int(rng.integers(4))
    ]
    b.add("picture", rim, frame((-width / 2, 0, 0), (width / 2, 0.025, height), bar))
    mat = float(rng.choice([0.0, 0.12, 0.16])) * min(width, height)
    b.add(
        "picture",
        plain(srgb("#f3f0e8"), mottle=0.0),
        panel((-width / 2 + bar, 0.012, bar), (width - 2 * bar, 0, 0), (0, 0, height - 2 * bar)),
    )
    w, h = width - 2 * (bar + mat), height - 2 * (bar + mat)
    colours = tuple(varied(rng, srgb(c), 0.1) for c in any_of(rng, PICTURE_COLOURS))
    art = Material(Painting((w, h), colours, any_of(rng, MOTIFS), seed_of(rng)), 0.03, 0.02)
    b.add("picture", art, panel((-w / 2, 0.0135, bar + mat), (w, 0, 0), (0, 0, h)), shift=False)
    return b.item(width, 0.03, height)


def mirror(
    rng: np.random.Generator, style: Style, width: float, height: float, round_one: bool = False
) -> Item:
    """A looking glass in a frame; z 0 is its lower edge."""
    b = Builder(rng)
    glass = Material(Paint((0.8, 0.82, 0.82), 0.0), gloss=0.9, rough=0.0)
    rim = style.wood if rng.random() < 0.5 else style.metal
    if round_one:
        r = width / 2
        b.add(
            "mirror", glass, lathe([(1e-3, 0.0), (r - 0.015, 0.0)], 36).tilted(-np.pi / 2).moved(0, 0.018, r)
        )
        b.add(
            "mirror",
            rim,
            lathe([(r - 0.018, 0.0), (r - 0.018, 0.024), (r, 0.024), (r, 0.0)], 36)
            .tilted(-np.pi / 2)
            .moved(0, 0, r),
        )
        return b.item(width, 0.03, width)
    bar = float(rng.uniform(0.012, 0.05))
    b.add("mirror", rim, frame((-width / 2, 0, 0), (width / 2, 0.028, height), bar))
    b.add(
        "mirror",
        glass,
        panel((-width / 2 + bar, 0.016, bar), (width - 2 * bar, 0, 0), (0, 0, height - 2 * bar)),
    )
    return b.item(width, 0.03, height)


def clock(rng: np.random.Generator) -> Item:
    """A round wall clock."""
    b = Builder(rng)
    r = float(rng.uniform(0.12, 0.17))
    dark = plain(srgb("#202022"), 0.04)

    def facing(mesh: Mesh, out: float) -> Mesh:
        return mesh.tilted(-np.pi / 2).moved(0, out, r)

    b.add("otherprop", dark, facing(lathe([(r, 0), (r, 0.03), (r - 0.015, 0.035), (r - 0.02, 0.02)], 32), 0))
    b.add(
        "otherprop",
        plain(srgb("#f3f0e6"), mottle=0.0),
        facing(lathe([(r - 0.015, 0.0), (1e-3, 0.0)], 32), 0.02),
    )
    for k in range(12):
        mark = box((-0.004, 0, r * 0.72), (0.004, 0.003, r * 0.85)).tilted(k * np.pi / 6, 1)
        b.add("otherprop", dark, mark.moved(0, 0.021, r))
    for length, angle in ((0.5, rng.uniform(0, 6)), (0.75, rng.uniform(0, 6))):
        b.add(
            "otherprop",
            dark,
            box((-0.005, 0, 0), (0.005, 0.003, r * length)).tilted(float(angle), 1).moved(0, 0.023, r),
        )
    return b.item(2 * r, 0.04, 2 * r)


def wall_shelf(rng: np.random.Generator, style: Style) -> Item:
    """A board on the wall with a few things on it; z 0 is its underside."""
    b = Builder(rng)
    w, d = float(rng.uniform(0.7, 1.2)), 0.22
    b.add("shelves", style.wood, box((-w / 2, 0, 0), (w / 2, d, 0.028)))
    for x in (-w / 2 + 0.12, w / 2 - 0.12):
        b.add(
            "shelves",
            style.metal,
            box((x - 0.01, 0, -0.12), (x + 0.01, 0.012, 0)),
            rod((x, 0.01, -0.11), (x, d - 0.03, -0.003), 0.006),
        )
    split = float(rng.uniform(0.35, 0.65))
    book_row(b, -w / 2 + 0.03, -w / 2 + w * split, 0.2, 0.028, 0.24)
    small = (plant(rng, style, 0.26), vase(rng, style), bottle(rng), cup(rng, style))
    for k, place in enumerate(np.linspace(-w / 2 + w * split + 0.12, w / 2 - 0.12, 2)):
        item = small[(k + int(rng.integers(4))) % 4]
        b.put(item, float(place), 0.1 - (item.size[1] / 2 if item.size[2] == 0.26 else 0), 0.028)
    return b.item(w, d, 0.4)


def whiteboard(rng: np.random.Generator, width: float, height: float) -> Item:
    """An office whiteboard with some writing and a pen tray; z 0 is its lower edge."""
    b = Builder(rng)
    grey = plain(srgb("#b9bbbd"), 0.2, 0.15)
    b.add(
        "whiteboard",
        grey,
        frame((-width / 2, 0, 0), (width / 2, 0.02, height), 0.022),
        box((-width / 4, 0, -0.015), (width / 4, 0.07, 0.0)),
    )
    inks = (srgb("#26282a"), srgb("#2f5f9c"), srgb("#b5403a"))
    writing = Scribbles((width, height), srgb("#f4f5f4"), inks, seed=seed_of(rng))
    b.add(
        "whiteboard",
        Material(writing, 0.04, 0.05),
        panel((-width / 2 + 0.02, 0.012, 0.02), (width - 0.04, 0, 0), (0, 0, height - 0.04)),
        shift=False,
    )
    for k in range(3):
        x = -0.1 + 0.1 * k
        b.add(
            "otherprop",
            plain(pick(rng, ("#2f5f9c", "#b5403a", "#26282a"))),
            rod((x, 0.05, 0.008), (x + 0.08, 0.05, 0.008), 0.008),
        )
    return b.item(width, 0.08, height)


def poster(rng: np.random.Generator, width: float, height: float) -> Item:
    """Unframed print or calendar."""
    b = Builder(rng)
    sheet = Material(
        Text(
            (width, height),
            pick(rng, ("#f2efe6", "#e3ecef", "#f4e6cf")),
            pick(rng, ("#2f5f9c", "#b5403a", "#2c6b5a")),
            0.03,
            seed_of(rng),
        )
    )
    b.add("paper", sheet, panel((-width / 2, 0.003, 0), (width, 0, 0), (0, 0, height)), shift=False)
    return b.item(width, 0.01, height)


def rug(rng: np.random.Generator, style: Style, width: float, depth: float) -> Item:
    """A rug lying flat, its pile 1 cm high; `width` equal to `depth` may give a round one."""
    b = Builder(rng)
    main, second, small = style.colours[:3]
    picks: list[Colour] = [main, second, small]
    order = rng.permutation(3)
    field, border, accent = (varied(rng, picks[int(i)], 0.12) for i in order)
    if rng.random() < 0.4:
        field, border, accent = (varied(rng, srgb(c), 0.1) for c in ("#7a2f2b", "#26344c", "#cdb487"))
    kind = any_of(rng, KINDS)
    if abs(width - depth) < 0.02 and rng.random() < 0.6:
        material = Material(Rug((width, depth), field, border, accent, "round", seed_of(rng)))
        b.add(
            "floor mat",
            material,
            _centred(lathe([(1e-3, 0.012), (width / 2 - 0.01, 0.012), (width / 2, 0.0)], 48)).moved(
                0, depth / 2, 0
            ),
            shift=False,
        )
        return b.item(width, depth, 0.012)
    material = Material(Rug((width, depth), field, border, accent, kind, seed_of(rng)))
    top = panel(
        (-width / 2, 0, 0.011), (width, 0, 0), (0, depth, 0), 0.4, np.array([-width / 2, -depth / 2, 0.0])
    )
    b.add("floor mat", material, top, shift=False)
    sides = box((-width / 2, 0, 0), (width / 2, depth, 0.0105))
    b.add("floor mat", plain(border), sides)
    if kind in ("oriental", "stripes") and rng.random() < 0.7:
        x = np.arange(-width / 2 + 0.01, width / 2, 0.025)
        for end in (0.0, depth):
            away = np.stack([x + rng.normal(0, 0.003, len(x)), np.full(len(x), end), np.zeros(len(x))], 1)
            tassel = rod((0, 0, 0.005), (0.002, -0.04 if end == 0 else 0.04, 0.003), 0.004, sides=3)
            b.add("floor mat", plain(srgb("#d9cfb8")), repeated(tassel, away))
    return b.item(width, depth, 0.012)


def _centred(mesh: Mesh) -> Mesh:
    """Texture coordinates of a flat round thing: its own x and y."""
    return replace(mesh, texture=mesh.vertices.copy())


def towel_rail(rng: np.random.Generator, style: Style) -> Item:
    """A rail with one or two towels; z 0 is the hem."""
    b = Builder(rng)
    w, h = float(rng.uniform(0.5, 0.75)), 0.55
    b.add("towel", style.metal, rod((-w / 2, 0.06, h), (w / 2, 0.06, h), 0.009))
    for x in (-w / 2, w / 2):
        b.add("towel", style.metal, rod((x, 0, h), (x, 0.06, h), 0.012))
    count = int(rng.integers(1, 3))
    for k in range(count):
        wide = w * (0.8 if count == 1 else 0.4)
        x = -wide / 2 if count == 1 else (-w / 2 + 0.03 + k * w * 0.5)
        cloth = style.accents[int(rng.integers(3))]
        for y, drop in ((0.072, 0.5), (0.046, 0.36)):
            b.add("towel", cloth, curtain(rng, wide, drop, 2, 0.006).moved(x, y, h - drop))
        b.add("towel", cloth, box((x, 0.045, h - 0.004), (x + wide, 0.075, h + 0.012), 0.01))
    return b.item(w, 0.1, h + 0.02)


def radiator(rng: np.random.Generator, width: float = 0.9) -> Item:
    """A panel radiator below a window; z 0 is the floor."""
    b = Builder(rng)
    white = plain(srgb("#efede7"), 0.04, 0.1)
    b.add("otherstructure", white, box((-width / 2, 0.03, 0.14), (width / 2, 0.1, 0.62), 0.01))
    x = np.arange(-width / 2 + 0.03, width / 2 - 0.05, 0.045)
    fins = repeated(box((0, 0.1, 0.17), (0.025, 0.107, 0.59)), np.stack([x, 0 * x, 0 * x], 1))
    b.add("otherstructure", white, fins)
    b.add(
        "otherstructure",
        white,
        rod((width / 2 - 0.03, 0.06, 0), (width / 2 - 0.03, 0.06, 0.15), 0.01),
        cylinder(0.02, 0, 0.05, 10).moved(width / 2 + 0.02, 0.06, 0.56),
    )
    return b.item(width, 0.11, 0.62)
