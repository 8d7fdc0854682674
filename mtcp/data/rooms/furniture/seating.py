"""Sofas, armchairs, chairs, stools."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.chance import any_of
from mtcp.data.rooms.colour import srgb
from mtcp.data.rooms.mesh import beam, box, cylinder, rod
from mtcp.data.rooms.parts import Builder, Item, Material, plain
from mtcp.data.rooms.soft import cushion, pillow, superellipsoid
from mtcp.data.rooms.style import Style


def sofa(rng: np.random.Generator, style: Style, seats: int = 3, pillows: bool = True) -> Item:
    """Base, back, arms, seat and back cushions, feet, thrown pillows. `seats` 1 is an armchair."""
    b = Builder(rng)
    seat = float(rng.uniform(0.6, 0.72))
    arm = float(rng.uniform(0.13, 0.24))
    w, d = seats * seat + 2 * arm, float(rng.uniform(0.85, 0.98))
    back, arm_top, seat_top = (
        float(rng.uniform(0.76, 0.92)),
        float(rng.uniform(0.54, 0.66)),
        float(rng.uniform(0.42, 0.47)),
    )
    feet = float(rng.choice([0.05, 0.12, 0.15]))
    m = style.fabric
    round_arm = float(rng.choice([0.03, 0.06, 0.09]))
    b.add("sofa", m, box((-w / 2 + 0.02, 0.03, feet), (w / 2 - 0.02, d - 0.03, seat_top - 0.13), 0.02))
    b.add("sofa", m, box((-w / 2 + 0.03, 0, feet), (w / 2 - 0.03, 0.17, back - 0.06), 0.05, fine=True))
    for side in (-1, 1):
        x = side * (w / 2 - arm / 2)
        b.add("sofa", m, box((x - arm / 2, 0.02, feet), (x + arm / 2, d, arm_top), round_arm, fine=True))
    for i in range(seats):
        x = (i - (seats - 1) / 2) * seat
        b.add(
            "sofa",
            m,
            cushion(rng, seat - 0.008, d - 0.2, 0.16, 0.035, 0.045).moved(
                x, 0.17 + (d - 0.2) / 2, seat_top - 0.15
            ),
        )
        rest = cushion(rng, seat - 0.012, back - seat_top + 0.06, 0.17, 0.05, 0.06)
        rest = rest.moved(0, 0, -0.08).tilted(np.pi / 2 - float(rng.uniform(0.16, 0.24)))
        b.add("sofa", m, rest.moved(x, 0.28, seat_top + (back - seat_top) / 2 + 0.02))
    for x in (-w / 2 + 0.08, w / 2 - 0.08):
        for y in (0.08, d - 0.08):
            b.add("sofa", style.wood, cylinder(0.025, 0, feet + 0.01, 10).moved(x, y, 0))
    if pillows:
        _throw_pillows(b, style, seats, seat, seat_top)
    return b.item(w, d, back)


def _throw_pillows(b: Builder, style: Style, seats: int, seat: float, seat_top: float) -> None:
    rng = b.rng
    places = [-(seats * seat) / 2 + 0.22, (seats * seat) / 2 - 0.22, 0.12] if seats > 1 else [0.0]
    for place in places[: int(rng.integers(1, len(places) + 1))]:
        for k in range(int(rng.integers(1, 3)) if seats > 1 else 1):
            size = float(rng.uniform(0.38, 0.48))
            mesh = pillow(rng, size, size, 0.17).turned(rng.normal(0, 0.12)).tilted(np.pi / 2 - 0.42)
            x = place - np.sign(place) * k * 0.27 + rng.normal(0, 0.02)
            mesh = mesh.turned(-np.sign(place) * 0.25 * (k == 0) + rng.normal(0, 0.06))
            b.add(
                "pillow",
                any_of(rng, style.accents),
                mesh.moved(x, 0.46 + 0.07 * k, seat_top + 0.23),
            )


def chair(rng: np.random.Generator, style: Style, kind: str) -> Item:
    """A dining chair; its back is at y = 0. `kind`: slats, padded, shell, cross."""
    b = Builder(rng)
    w, d, seat, top = 0.44, 0.48, 0.45, 0.92
    half = w / 2
    if kind == "shell":
        return _shell_chair(b, style)
    wood = style.wood
    lean = 0.06
    for x in (-half + 0.02, half - 0.02):
        b.add(
            "chair",
            wood,
            beam((x, 0.06, 0), (x, 0.05, seat), 0.036),
            beam((x, 0.05, seat), (x, 0.05 - lean, top), 0.034),
        )
        b.add("chair", wood, beam((x * 0.97, d - 0.02, 0), (x, d - 0.03, seat - 0.03), 0.036))
        b.add("chair", wood, box((x - 0.011, 0.06, seat - 0.09), (x + 0.011, d - 0.04, seat - 0.03)))
    b.add("chair", wood, box((-half + 0.02, d - 0.045, seat - 0.09), (half - 0.02, d - 0.023, seat - 0.03)))
    if kind == "padded":
        b.add(
            "chair",
            style.fabric,
            cushion(rng, w + 0.01, d - 0.03, 0.085, 0.02, 0.03).moved(0, d / 2 + 0.01, seat - 0.04),
        )
        rest = cushion(rng, w + 0.01, top - seat - 0.03, 0.06, 0.02, 0.025).moved(0, 0, -0.03)
        b.add(
            "chair",
            style.fabric,
            rest.tilted(np.pi / 2 - lean / 0.47).moved(0, 0.055 - lean * 0.5, (seat + top) / 2 + 0.03),
        )
        return b.item(w + 0.02, d + 0.05, top)
    b.add("chair", wood, box((-half, 0.03, seat - 0.03), (half, d, seat), 0.012))
    if rng.random() < 0.4:
        b.add(
            "chair",
            style.accents[1],
            cushion(rng, w - 0.05, d - 0.08, 0.045, 0.015, 0.018).moved(0, d / 2 + 0.02, seat),
        )
    b.add("chair", wood, box((-half + 0.02, 0.035 - lean, top - 0.09), (half - 0.02, 0.058 - lean, top)))
    if kind == "slats":
        for z in (0.62, 0.735):
            y = 0.05 - lean * (z - seat) / (top - seat)
            b.add(
                "chair", wood, box((-half + 0.02, y - 0.009, z - 0.025), (half - 0.02, y + 0.009, z + 0.03))
            )
    else:
        for x in np.linspace(-half + 0.09, half - 0.09, 5):
            b.add("chair", wood, rod((x, 0.055, seat), (x, 0.047 - lean, top - 0.08), 0.008, sides=6))
    return b.item(w + 0.02, d + 0.05, top)


def _shell_chair(b: Builder, style: Style) -> Item:
    """A moulded seat on splayed legs."""
    rng = b.rng
    colour = style.colours[int(rng.integers(3))] if rng.random() < 0.6 else srgb("#efeeea")
    shell = plain(colour, 0.04, 0.15)
    b.add("chair", shell, superellipsoid(0.23, 0.22, 0.04, 0.6).moved(0, 0.27, 0.45))
    back = superellipsoid(0.22, 0.2, 0.022, 0.6).tilted(np.pi / 2 - 0.2).moved(0, 0.045, 0.66)
    b.add("chair", shell, back)
    for x in (-1, 1):
        for y in (-1, 1):
            b.add(
                "chair",
                style.wood,
                rod((0.11 * x, 0.27 + 0.11 * y, 0.43), (0.21 * x, 0.27 + 0.2 * y, 0), 0.016, 0.011),
            )
    b.add(
        "chair",
        style.metal,
        rod((-0.15, 0.13, 0.2), (0.15, 0.41, 0.2), 0.005),
        rod((0.15, 0.13, 0.2), (-0.15, 0.41, 0.2), 0.005),
    )
    return b.item(0.46, 0.5, 0.86)


def office_chair(rng: np.random.Generator, style: Style) -> Item:
    """Five-star base, gas spring, padded seat and back, armrests."""
    b = Builder(rng)
    black = plain(srgb("#1d1d20"), 0.04, 0.2)
    cloth = style.fabric if rng.random() < 0.5 else plain(srgb("#28282c"), mottle=0.08)
    y = 0.32
    for k in range(5):
        a = 2 * np.pi * k / 5 + 0.3
        tip = (0.29 * np.cos(a), y + 0.29 * np.sin(a), 0.07)
        b.add("chair", black, rod((0, y, 0.11), tip, 0.024, 0.016, 6))
        b.add("chair", black, superellipsoid(0.028, 0.028, 0.028, 1.0, 5).moved(tip[0], tip[1], 0.03))
    b.add("chair", style.metal, cylinder(0.025, 0.1, 0.42, 10).moved(0, y, 0))
    b.add("chair", cloth, cushion(rng, 0.5, 0.48, 0.09, 0.025, 0.04).moved(0, y, 0.42))
    rest = cushion(rng, 0.46, float(rng.uniform(0.48, 0.68)), 0.08, 0.03, 0.035).moved(0, 0, -0.04)
    b.add("chair", cloth, rest.tilted(np.pi / 2 - 0.14).moved(0, y - 0.26, 0.84))
    b.add("chair", black, beam((0, y - 0.2, 0.42), (0, y - 0.3, 0.75), 0.06, 0.025))
    for x in (-0.28, 0.28):
        b.add(
            "chair",
            black,
            box((x - 0.03, y - 0.12, 0.63), (x + 0.03, y + 0.14, 0.665), 0.012),
            beam((x, y, 0.44), (x, y, 0.635), 0.03, 0.05),
        )
    return b.item(0.64, 0.66, 1.1)


def stool(rng: np.random.Generator, style: Style) -> Item:
    """A round stool or pouf."""
    b = Builder(rng)
    if rng.random() < 0.5:
        b.add(
            "otherfurniture",
            style.accents[int(rng.integers(3))],
            superellipsoid(0.28, 0.28, 0.19, 0.55, 12).moved(0, 0.28, 0.19),
        )
        return b.item(0.56, 0.56, 0.38)
    b.add("otherprop", style.wood, cylinder(0.17, 0.42, 0.45).moved(0, 0.2, 0))
    for k in range(4):
        a = np.pi / 4 + k * np.pi / 2
        c, s = float(np.cos(a)), float(np.sin(a))
        b.add(
            "otherprop",
            style.wood,
            rod((0.1 * c, 0.2 + 0.1 * s, 0.43), (0.17 * c, 0.2 + 0.17 * s, 0), 0.015, 0.012),
        )
    return b.item(0.4, 0.4, 0.45)


def leather(rng: np.random.Generator) -> Material:
    """Dark upholstery with a sheen."""
    return plain(srgb(str(rng.choice(["#3b2a22", "#5a3524", "#23201f", "#77533a"]))), 0.04, 0.25, 0.12)
