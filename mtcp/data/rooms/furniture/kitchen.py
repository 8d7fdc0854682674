"""Kitchen: a run of base units under a worktop, wall units, cooker, hood, sink, refrigerator."""

from __future__ import annotations

import itertools

import numpy as np

from mtcp.data.rooms.chance import seed_of
from mtcp.data.rooms.colour import pick, srgb, varied
from mtcp.data.rooms.mesh import box, cylinder, frame, lathe, panel, rod
from mtcp.data.rooms.parts import Builder, Item, Material, plain
from mtcp.data.rooms.style import Style
from mtcp.data.rooms.textures.base import Brushed
from mtcp.data.rooms.textures.floors import Tiles

from .beds import doors, drawers

DEPTH, TOP = 0.62, 0.91  # metres: worktop
STEEL = Material(Brushed(srgb("#a5a7a8"), 3), 0.45, 0.08)
BLACK = plain(srgb("#151517"), 0.06, 0.04)


def refrigerator(rng: np.random.Generator) -> Item:
    """Freezer door over or under the main door, long handles."""
    b = Builder(rng)
    w, d, h = float(rng.uniform(0.62, 0.85)), 0.7, float(rng.uniform(1.65, 1.85))
    skin = (
        STEEL
        if rng.random() < 0.45
        else plain(pick(rng, ("#efeeea", "#e6e3da", "#2a2b2d", "#b7c7c4")), 0.05, 0.08)
    )
    b.add("refridgerator", skin, box((-w / 2, 0, 0.04), (w / 2, d - 0.06, h)))
    b.add("refridgerator", BLACK, box((-w / 2 + 0.02, 0.02, 0), (w / 2 - 0.02, d - 0.08, 0.04)))
    split = h * float(rng.choice([0.36, 0.66]))
    for z0, z1 in ((0.06, split - 0.004), (split + 0.004, h)):
        b.add("refridgerator", skin, box((-w / 2, d - 0.055, z0), (w / 2, d, z1), 0.012))
    for z0, z1 in ((split - 0.42, split - 0.06), (split + 0.06, min(split + 0.42, h - 0.08))):
        x = -w / 2 + 0.06
        b.add("refridgerator", style_handle(skin), rod((x, d + 0.045, z0), (x, d + 0.045, z1), 0.011))
        for z in (z0 + 0.03, z1 - 0.03):
            b.add("refridgerator", style_handle(skin), rod((x, d, z), (x, d + 0.045, z), 0.009))
    for _ in range(int(rng.integers(0, 4))):
        x, z = float(rng.uniform(-w / 2 + 0.15, w / 2 - 0.12)), float(rng.uniform(1.0, h - 0.2))
        b.add(
            "paper",
            plain(varied(rng, pick(rng, ("#f2efe4", "#f3e3a0", "#cfe0ea"))), mottle=0.0),
            box((x - 0.05, d, z - 0.06), (x + 0.05, d + 0.002, z + 0.06)),
        )
    return b.item(w, d + 0.05, h)


def style_handle(skin: Material) -> Material:
    """Steel handles on any door, dark ones on steel."""
    return BLACK if skin is STEEL else STEEL


def fronts(rng: np.random.Generator, style: Style) -> Material:
    """What the units are faced with."""
    if rng.random() < 0.45:
        return style.wood
    return plain(
        varied(rng, pick(rng, ("#eceae3", "#dfe3e1", "#5f7470", "#3f5566", "#b9c4b8", "#d9cfbe", "#f2f0ea"))),
        0.04,
        0.1,
    )


def base_units(
    rng: np.random.Generator,
    style: Style,
    length: float,
    face: Material,
    cooker: float | None,
    sink: float | None,
) -> Item:
    """A run of base units `length` wide, x centred. `cooker`, `sink`: x of their middles, or None."""
    b = Builder(rng)
    half = length / 2
    b.add("cabinet", plain(srgb("#2a2826")), box((-half, 0.02, 0), (half, DEPTH - 0.09, 0.1)))
    holes = sorted([(cooker - 0.3, cooker + 0.3)] if cooker is not None else [])
    at, runs = -half, []
    for low, high in holes:
        runs.append((at, low))
        at = high
    runs.append((at, half))
    for x0, x1 in runs:
        if x1 - x0 < 0.05:
            continue
        for low, high, top in _bodies(x0, x1, sink):
            b.add("cabinet", face, box((low, 0.0, 0.1), (high, DEPTH - 0.05, top)))
        count = max(1, round((x1 - x0) / 0.5))
        wide = (x1 - x0) / count
        for k in range(count):
            low = x0 + k * wide
            if rng.random() < 0.3 and not (sink is not None and low < sink < low + wide):
                drawers(
                    b, "cabinet", face, style.metal, (low, 0.11), (low + wide, TOP - 0.05), DEPTH - 0.05, 1, 3
                )
            else:
                drawers(
                    b,
                    "cabinet",
                    face,
                    style.metal,
                    (low, TOP - 0.2),
                    (low + wide, TOP - 0.05),
                    DEPTH - 0.05,
                    1,
                    1,
                )
                doors(
                    b,
                    "cabinet",
                    face,
                    style.metal,
                    (low, 0.11),
                    (low + wide, TOP - 0.205),
                    DEPTH - 0.05,
                    1,
                    high_handle=True,
                )
    _worktop(b, style, half, cooker, sink)
    if cooker is not None:
        _cooker(b, cooker)
    free = [(-half + 0.15, half - 0.15)]
    for middle, reach in ((cooker, 0.45), (sink, 0.5)):
        if middle is not None:
            free = [
                piece
                for lo, hi in free
                for piece in ((lo, min(hi, middle - reach)), (max(lo, middle + reach), hi))
            ]
    b.tops += [(lo, 0.1, hi, DEPTH - 0.15, TOP) for lo, hi in free if hi - lo > 0.1]
    return b.item(length, DEPTH, TOP)


def _bodies(x0: float, x1: float, sink: float | None) -> list[tuple[float, float, float]]:
    """(from, to, top) of the carcasses between x0 and x1: lower under the basin."""
    top = TOP - 0.04
    if sink is None or not x0 < sink < x1:
        return [(x0, x1, top)]
    s0, s1 = max(x0, sink - 0.275), min(x1, sink + 0.275)
    pieces = [(x0, s0, top), (s0, s1, TOP - 0.21), (s1, x1, top)]
    return [piece for piece in pieces if piece[1] - piece[0] > 0.005]


def _worktop(b: Builder, style: Style, half: float, cooker: float | None, sink: float | None) -> None:
    holes = [(cooker - 0.3, cooker + 0.3, 0.0, DEPTH + 1)] if cooker is not None else []
    edges = [-half, half]
    for h in holes:
        edges += [h[0], h[1]]
    xs = sorted(edges)
    for x0, x1 in zip(xs[::2], xs[1::2], strict=True):
        cuts = [(x0, x1)]
        if sink is not None and x0 < sink < x1:
            s0, s1 = sink - 0.27, sink + 0.27
            cuts = [(x0, s0), (s1, x1)]
            b.add(
                "counter",
                style.stone,
                box((s0, 0, TOP - 0.04), (s1, 0.12, TOP)),
                box((s0, DEPTH - 0.12, TOP - 0.04), (s1, DEPTH + 0.02, TOP)),
            )
            _basin(b, style, s0, s1)
        for c0, c1 in cuts:
            if c1 - c0 > 0.01:
                b.add("counter", style.stone, box((c0, 0, TOP - 0.04), (c1, DEPTH + 0.02, TOP)))


def _basin(b: Builder, style: Style, x0: float, x1: float) -> None:
    y0, y1, low = 0.12, DEPTH - 0.12, TOP - 0.2
    b.add(
        "sink",
        STEEL,
        frame((x0 - 0.015, -0.003, y0 - 0.015), (x1 + 0.015, 0.003, y1 + 0.015), 0.03)
        .tilted(np.pi / 2)
        .moved(0, 0, TOP)
        .rotated(np.diag([1.0, -1.0, 1.0])),
    )
    b.add("sink", STEEL, panel((x0, y0, low), (x1 - x0, 0, 0), (0, y1 - y0, 0)))
    up = (0, 0, TOP - low)
    b.add("sink", STEEL, panel((x0, y0, low), (x1 - x0, 0, 0), up), panel((x0, y1, low), (x1 - x0, 0, 0), up))
    b.add("sink", STEEL, panel((x0, y0, low), (0, y1 - y0, 0), up), panel((x1, y0, low), (0, y1 - y0, 0), up))
    faucet(b, "sink", (x0 + x1) / 2, 0.07, TOP, 0.26)


def faucet(b: Builder, label: str, x: float, y: float, z: float, height: float) -> None:
    """A swan-neck tap, its spout towards +y."""
    bend = [
        (0.0, 0.0),
        (0.0, height * 0.75),
        (0.035, height * 0.95),
        (0.09, height),
        (0.14, height * 0.93),
        (0.155, height * 0.78),
    ]
    for (y0, z0), (y1, z1) in itertools.pairwise(bend):
        b.add(label, STEEL, rod((x, y + y0, z + z0), (x, y + y1, z + z1), 0.011, sides=8))
    b.add(
        label,
        STEEL,
        cylinder(0.024, z, z + 0.03, 14).moved(x, y, 0),
        rod((x + 0.02, y, z + 0.05), (x + 0.08, y, z + 0.08), 0.007),
    )


def _cooker(b: Builder, x: float) -> None:
    body = STEEL if b.rng.random() < 0.6 else plain(srgb("#efeeea"), 0.05)
    x0, x1 = x - 0.295, x + 0.295
    b.add("otherstructure", body, box((x0, 0, 0.04), (x1, DEPTH - 0.01, TOP - 0.02)))
    b.add("otherstructure", BLACK, box((x0, 0.0, TOP - 0.02), (x1, DEPTH, TOP + 0.004)))
    b.add("otherstructure", BLACK, box((x0 + 0.07, DEPTH - 0.012, 0.3), (x1 - 0.07, DEPTH - 0.004, 0.62)))
    b.add(
        "otherstructure", STEEL, rod((x0 + 0.06, DEPTH + 0.04, 0.69), (x1 - 0.06, DEPTH + 0.04, 0.69), 0.011)
    )
    for s in (-0.22, 0.22):
        b.add("otherstructure", STEEL, rod((x + s, DEPTH - 0.01, 0.69), (x + s, DEPTH + 0.04, 0.69), 0.008))
    for k in range(5):
        knob = rod(
            (x - 0.2 + 0.1 * k, DEPTH - 0.01, 0.8), (x - 0.2 + 0.1 * k, DEPTH + 0.02, 0.8), 0.02, 0.017, 12
        )
        b.add("otherstructure", BLACK if body is STEEL else STEEL, knob)
    for sx in (-0.14, 0.14):
        for y, r in ((0.17, 0.075), (0.44, 0.095)):
            b.add(
                "otherstructure",
                plain(srgb("#2f2f31"), 0.02),
                lathe(
                    [(r, TOP + 0.004), (r, TOP + 0.012), (r * 0.7, TOP + 0.012), (r * 0.7, TOP + 0.004)], 20
                ).moved(x + sx, y, 0),
            )
    if b.rng.random() < 0.7:
        pot = STEEL if b.rng.random() < 0.6 else plain(pick(b.rng, ("#b23a30", "#2f4f6f", "#2a2a2c")), 0.05)
        r = 0.1
        mesh = lathe(
            [
                (1e-3, 0),
                (r, 0),
                (r, 0.12),
                (r + 0.006, 0.125),
                (r * 0.9, 0.14),
                (0.02, 0.155),
                (0.02, 0.18),
                (1e-3, 0.18),
            ],
            22,
        )
        b.add("otherprop", pot, mesh.moved(x - 0.14, 0.44, TOP + 0.012))
        b.add("otherprop", pot, rod((x - 0.26, 0.44, TOP + 0.11), (x - 0.02, 0.44, TOP + 0.11), 0.009))


def wall_units(rng: np.random.Generator, style: Style, length: float, face: Material) -> Item:
    """Hanging units, x centred, z 0 is their underside."""
    b = Builder(rng)
    h, d = 0.7, 0.34
    b.add(
        "cabinet",
        face,
        box((-length / 2, 0, 0), (length / 2, d - 0.015, h)),
        box((-length / 2 - 0.005, 0, h), (length / 2 + 0.005, d + 0.02, h + 0.04)),
    )
    doors(
        b,
        "cabinet",
        face,
        style.metal,
        (-length / 2, 0),
        (length / 2, h),
        d - 0.015,
        max(1, round(length / 0.42)),
    )
    return b.item(length, d + 0.03, h + 0.04)


def hood(rng: np.random.Generator) -> Item:
    """Extractor over the cooker, z 0 is its underside."""
    b = Builder(rng)
    b.add(
        "otherstructure",
        STEEL,
        box((-0.3, 0, 0), (0.3, 0.46, 0.06)),
        box((-0.13, 0, 0.06), (0.13, 0.26, 0.9)),
    )
    slope = box((-0.3, 0, 0), (0.3, 0.46, 0.16))
    v = slope.vertices.copy()
    high = v[:, 2] > 0.1
    v[high] *= (0.43, 0.57, 1.0)
    b.add(
        "otherstructure",
        STEEL,
        type(slope)(v, slope.normals, slope.texture, slope.triangles).moved(0, 0, 0.06),
    )
    return b.item(0.62, 0.47, 0.9)


def backsplash(rng: np.random.Generator) -> Material:
    """Tiles for the wall between worktop and wall units."""
    tile = varied(rng, pick(rng, ("#e9e7e0", "#c9d6d6", "#dccfb8", "#b9c9c0", "#8fa6ad", "#f0efe9")))
    size = (0.15, 0.075) if rng.random() < 0.5 else (0.1, 0.1)
    return Material(
        Tiles(
            tile,
            srgb("#c9c5bc"),
            size,
            0.003,
            0.5 if size[0] != size[1] else 0.0,
            0.06,
            0.0,
            None,
            seed_of(rng),
        ),
        0.05,
        0.04,
    )
