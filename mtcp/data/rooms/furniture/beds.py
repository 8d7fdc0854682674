"""What stands in bedrooms: beds, night stands, dressers, wardrobes."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.colour import srgb
from mtcp.data.rooms.mesh import Mesh, box, cylinder, frame, rod
from mtcp.data.rooms.parts import Builder, Item, Material, plain
from mtcp.data.rooms.soft import cover, cushion, pillow, smoothed
from mtcp.data.rooms.style import Style


def bed(rng: np.random.Generator, style: Style, width: float = 1.6) -> Item:
    """Frame, headboard, mattress, cover turned back under pillows, perhaps a throw."""
    b = Builder(rng)
    length, base, top = 2.05, 0.3, float(rng.uniform(0.5, 0.58))
    half = width / 2
    _headboard(b, style, width)
    b.add("bed", style.wood, box((-half, 0.06, 0.12), (half, length + 0.03, base)))
    for x in (-half + 0.06, half - 0.06):
        for y in (0.12, length - 0.06):
            b.add("bed", style.wood, box((x - 0.035, y - 0.035, 0), (x + 0.035, y + 0.035, 0.12)))
    mattress = cushion(rng, width - 0.04, length - 0.06, top - base, 0.01, 0.06)
    b.add("bed", style.linen, mattress.moved(0, length / 2 + 0.03, base))
    start = float(rng.uniform(0.5, 0.68))
    duvet = cover(
        rng,
        width + 0.02,
        length - start + 0.05,
        top,
        float(rng.uniform(0.2, 0.34)),
        float(rng.uniform(0.01, 0.022)),
    )
    b.add("bed", style.cover, duvet.moved(0, start, 0.035))
    fold = smoothed(cushion(rng, width + 0.04, 0.3, 0.05, 0.012, 0.024))
    b.add("bed", style.linen, fold.moved(0, start + 0.1, top + 0.035))
    _pillows(b, style, width, top)
    if rng.random() < 0.55:
        throw = cover(rng, width + 0.06, 0.5, top + 0.05, 0.3, 0.008)
        flat = throw.vertices[:, 1] < 0.47  # no foot end: it lies across
        keep = flat[throw.triangles].all(1)
        mesh = Mesh(throw.vertices, throw.normals, throw.texture, throw.triangles[keep])
        b.add("bed", style.accents[2], mesh.moved(0, length - 0.66, 0))
    return b.item(width + 0.12, length + 0.1, 1.1)


def _headboard(b: Builder, style: Style, width: float) -> None:
    height = float(b.rng.uniform(0.95, 1.25))
    half = width / 2 + 0.03
    kind = b.rng.choice(["panel", "padded", "slats", "metal"])
    if kind == "padded":
        b.add("bed", style.fabric, box((-half, 0, 0.05), (half, 0.05, height), 0.02))
        count = max(2, round(width / 0.4))
        for i in range(count):
            pad = cushion(b.rng, 2 * half / count - 0.01, height - 0.42, 0.06, 0.03, 0.025)
            x = -half + (i + 0.5) * 2 * half / count
            b.add("bed", style.fabric, pad.tilted(-np.pi / 2).moved(x, 0.035, (height + 0.38) / 2))
    elif kind == "panel":
        b.add(
            "bed",
            style.wood,
            box((-half, 0, 0), (half, 0.045, height)),
            frame((-half, 0.04, 0.3), (half, 0.06, height), 0.09),
        )
        b.add("bed", style.wood, box((-half - 0.02, -0.0, height), (half + 0.02, 0.075, height + 0.035)))
    elif kind == "slats":
        b.add(
            "bed",
            style.wood,
            box((-half, 0, height - 0.08), (half, 0.05, height)),
            box((-half, 0, 0.35), (half, 0.05, 0.42)),
        )
        for x in (-half + 0.03, half - 0.03):
            b.add("bed", style.wood, box((x - 0.035, 0, 0), (x + 0.035, 0.06, height + 0.03)))
        for x in np.linspace(-half + 0.14, half - 0.14, round(width / 0.12)):
            b.add("bed", style.wood, box((x - 0.03, 0.012, 0.4), (x + 0.03, 0.03, height - 0.06)))
    else:
        black = plain(srgb("#26262a"), 0.06)
        for z in (height, height - 0.14, 0.45):
            b.add("bed", black, rod((-half, 0.03, z), (half, 0.03, z), 0.014))
        for x in np.linspace(-half, half, round(width / 0.14)):
            b.add(
                "bed", black, rod((x, 0.03, 0.0 if abs(x) > half - 0.01 else 0.45), (x, 0.03, height), 0.011)
            )


def _pillows(b: Builder, style: Style, width: float, top: float) -> None:
    rng = b.rng
    count = 2 if width > 1.25 else 1
    for i in range(count):
        x = (i - (count - 1) / 2) * width * 0.48 + rng.normal(0, 0.015)
        wide = min(0.72, width * 0.46) if count == 2 else min(0.78, width * 0.8)
        for layer in range(int(rng.integers(1, 3))):
            mesh = pillow(rng, wide * (1 - 0.06 * layer), 0.46, 0.19)
            lean = float(rng.uniform(0.35, 0.95)) if layer == 0 else float(rng.uniform(0.3, 0.7))
            mesh = mesh.turned(rng.normal(0, 0.05)).tilted(lean)
            material = style.linen if layer == 0 or rng.random() < 0.5 else style.cover
            height = 0.2 * np.sin(lean) + 0.08
            b.add("pillow", material, mesh.moved(x, 0.25 + 0.15 * layer, top + height))
    if rng.random() < 0.7:
        size = float(rng.uniform(0.36, 0.44))
        small = pillow(rng, size, size, 0.16, 10).tilted(0.85)
        b.add("pillow", style.accents[int(rng.integers(2))], small.moved(rng.normal(0, 0.1), 0.5, top + 0.23))


def drawers(
    b: Builder, label: str, material: Material, handle: Material,
    lo: tuple[float, float], hi: tuple[float, float], y: float, columns: int, rows: int,
) -> None:  # fmt: skip
    """Drawer fronts with handles on the plane `y`, filling x, z from `lo` to `hi`."""
    wide, high = (hi[0] - lo[0]) / columns, (hi[1] - lo[1]) / rows
    knob = b.rng.random() < 0.5
    for i in range(columns):
        for j in range(rows):
            x0, z0 = lo[0] + i * wide + 0.006, lo[1] + j * high + 0.006
            x1, z1 = x0 + wide - 0.012, z0 + high - 0.012
            b.add(label, material, box((x0, y - 0.01, z0), (x1, y + 0.018, z1)))
            x, z = (x0 + x1) / 2, (z0 + z1) / 2
            if knob:
                for k in (-0.25, 0.25) if wide > 0.6 else (0,):
                    b.add(
                        label,
                        handle,
                        rod((x + k * wide, y + 0.018, z), (x + k * wide, y + 0.045, z), 0.008, 0.017),
                    )
            else:
                b.add(label, handle, box((x - 0.07, y + 0.035, z - 0.006), (x + 0.07, y + 0.047, z + 0.006)))
                for k in (-0.06, 0.06):
                    b.add(
                        label,
                        handle,
                        box((x + k - 0.005, y + 0.015, z - 0.005), (x + k + 0.005, y + 0.04, z + 0.005)),
                    )


def doors(
    b: Builder, label: str, material: Material, handle: Material,
    lo: tuple[float, float], hi: tuple[float, float], y: float, columns: int, high_handle: bool = False,
) -> None:  # fmt: skip
    """Cupboard doors with a raised frame and a handle near the middle seam."""
    wide = (hi[0] - lo[0]) / columns
    framed = b.rng.random() < 0.65
    for i in range(columns):
        x0, x1 = lo[0] + i * wide + 0.003, lo[0] + (i + 1) * wide - 0.003
        z0, z1 = lo[1] + 0.003, hi[1] - 0.003
        b.add(label, material, box((x0, y - 0.01, z0), (x1, y + 0.014, z1)))
        if framed:
            b.add(label, material, frame((x0, y + 0.01, z0), (x1, y + 0.022, z1), 0.06))
        x = x1 - 0.03 if i % 2 == 0 and columns > 1 else x0 + 0.03
        z = z1 - 0.16 if high_handle else (z0 + 0.16 if hi[1] > 1.3 and lo[1] > 1.0 else (z0 + z1) / 2)
        b.add(label, handle, rod((x, y + 0.045, z - 0.07), (x, y + 0.045, z + 0.07), 0.006))
        for k in (-0.055, 0.055):
            b.add(label, handle, rod((x, y + 0.02, z + k), (x, y + 0.045, z + k), 0.005))


def night_stand(rng: np.random.Generator, style: Style) -> Item:
    """A low chest beside the bed."""
    b = Builder(rng)
    w, d, h = float(rng.uniform(0.4, 0.52)), float(rng.uniform(0.34, 0.42)), float(rng.uniform(0.48, 0.6))
    m = style.furniture
    legs = float(rng.choice([0.04, 0.14]))
    b.add("night stand", m, box((-w / 2 - 0.01, 0, h - 0.025), (w / 2 + 0.01, d + 0.015, h)))
    rows = int(rng.integers(1, 4))
    low = legs if rows > 1 else h - 0.22
    b.add("night stand", m, box((-w / 2, 0.01, low), (w / 2, d - 0.02, h - 0.02)))
    drawers(b, "night stand", m, style.metal, (-w / 2, low), (w / 2, h - 0.025), d - 0.02, 1, rows)
    for x in (-w / 2 + 0.02, w / 2 - 0.02):
        for y in (0.03, d - 0.04):
            b.add("night stand", m, box((x - 0.02, y - 0.02, 0), (x + 0.02, y + 0.02, low + 0.01)))
    if rows == 1:
        b.add("night stand", m, box((-w / 2, 0.01, 0.12), (w / 2, d - 0.02, 0.14)))
    b.tops.append((-w / 2, 0.02, w / 2, d, h))
    return b.item(w + 0.04, d + 0.06, h)


def dresser(rng: np.random.Generator, style: Style, label: str = "dresser") -> Item:
    """A wide chest of drawers."""
    b = Builder(rng)
    w, d, h = float(rng.uniform(0.9, 1.5)), float(rng.uniform(0.42, 0.5)), float(rng.uniform(0.75, 0.95))
    m = style.furniture
    b.add(
        label,
        m,
        box((-w / 2 - 0.015, 0, h - 0.03), (w / 2 + 0.015, d + 0.015, h)),
        box((-w / 2, 0.01, 0.1), (w / 2, d - 0.02, h - 0.025)),
    )
    drawers(
        b,
        label,
        m,
        style.metal,
        (-w / 2 + 0.01, 0.11),
        (w / 2 - 0.01, h - 0.035),
        d - 0.02,
        2 if w > 1.05 else 1,
        int(rng.integers(3, 5)),
    )
    for x in (-w / 2 + 0.03, w / 2 - 0.03):
        for y in (0.05, d - 0.05):
            b.add(label, m, box((x - 0.03, y - 0.03, 0), (x + 0.03, y + 0.03, 0.105)))
    b.tops.append((-w / 2 + 0.04, 0.03, w / 2 - 0.04, d - 0.04, h))
    return b.item(w + 0.04, d + 0.06, h)


def wardrobe(rng: np.random.Generator, style: Style) -> Item:
    """A tall cupboard with two or three doors."""
    b = Builder(rng)
    columns = int(rng.integers(2, 4))
    w, d, h = (
        columns * float(rng.uniform(0.45, 0.55)),
        float(rng.uniform(0.55, 0.62)),
        float(rng.uniform(1.9, 2.15)),
    )
    m = style.furniture
    b.add(
        "cabinet",
        m,
        box((-w / 2, 0, 0.08), (w / 2, d - 0.02, h)),
        box((-w / 2 + 0.02, 0.02, 0), (w / 2 - 0.02, d - 0.06, 0.08)),
    )
    b.add("cabinet", m, box((-w / 2 - 0.025, 0, h), (w / 2 + 0.025, d + 0.03, h + 0.05)))
    low = 0.1
    if rng.random() < 0.5:
        drawers(
            b,
            "cabinet",
            m,
            style.metal,
            (-w / 2, 0.1),
            (w / 2, 0.5),
            d - 0.02,
            columns if columns == 2 else 1,
            2,
        )
        low = 0.5
    doors(b, "cabinet", m, style.metal, (-w / 2, low), (w / 2, h), d - 0.02, columns)
    return b.item(w + 0.05, d + 0.05, h + 0.05)


def foot_bench(rng: np.random.Generator, style: Style, width: float = 1.2) -> Item:
    """An upholstered bench for the foot of a bed."""
    b = Builder(rng)
    d, h = 0.42, 0.46
    b.add(
        "otherfurniture", style.accents[2], cushion(rng, width, d, 0.14, 0.03, 0.04).moved(0, d / 2, h - 0.14)
    )
    for x in (-width / 2 + 0.06, width / 2 - 0.06):
        for y in (0.06, d - 0.06):
            b.add("otherfurniture", style.wood, cylinder(0.022, 0, h - 0.13, 10).moved(x, y, 0))
    return b.item(width, d, h)
