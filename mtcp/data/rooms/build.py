"""`make_room`: from a seed to a furnished room."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.chance import any_of, odds, span
from mtcp.data.rooms.decorate import Brief
from mtcp.data.rooms.furniture import things
from mtcp.data.rooms.plan import Plan, footprint
from mtcp.data.rooms.recipes import RECIPES
from mtcp.data.rooms.room import Portal, Room, assemble
from mtcp.data.rooms.shell import (
    REVEAL,
    Opening,
    blinds,
    door,
    drapes,
    floor_and_ceiling,
    skirting,
    wall_parts,
    window,
)  # fmt: skip
from mtcp.data.rooms.sky import draw_weather
from mtcp.data.rooms.style import Style, draw_style
from mtcp.errors import InputError

KINDS: tuple[str, ...] = tuple(RECIPES)
SIZES = {  # metres: width and depth from, to
    "living-room": ((3.9, 3.6), (5.6, 4.8)),
    "bedroom": ((3.3, 3.3), (4.6, 4.3)),
    "office": ((3.0, 3.0), (4.4, 4.2)),
    "kitchen": ((3.2, 2.9), (4.6, 4.2)),
    "dining-room": ((3.4, 3.4), (4.8, 4.4)),
    "bathroom": ((2.3, 2.2), (3.2, 3.0)),
}


def make_room(seed: int, kind: str | None = None) -> Room:
    """A furnished room, the same for the same seed and kind.

    Args:
        seed: any integer from 0.
        kind: one of `KINDS`; None draws one.

    Raises:
        InputError: an unknown kind, or a negative seed.
    """
    if seed < 0:
        raise InputError(f"seed {seed}: give an integer from 0")
    if kind is not None and kind not in RECIPES:
        raise InputError(f"unknown kind of room {kind!r}: choose one of {', '.join(KINDS)}")
    if kind is None:
        kind = KINDS[int(np.random.default_rng([seed, 1]).integers(len(KINDS)))]
    rng = np.random.default_rng([seed, 2, KINDS.index(kind)])
    low, high = SIZES[kind]
    width, depth = (float(v) for v in rng.uniform(low, high))
    if rng.random() < 0.5:
        width, depth = depth, width
    plan = Plan(width, depth, float(rng.uniform(2.4, 2.75)), rng)
    style = draw_style(rng, kind)
    openings = _window_openings(plan, kind)
    walls = [index for index, _ in openings]
    into = plan.walls[walls[0]].normal
    sky, lamp = draw_weather(rng, float(np.arctan2(-into[1], -into[0])))
    door_wall = _hang_door(plan, style, walls)
    brief = Brief(plan, style, rng, lamp, tuple(set(walls)), door_wall)
    for index, hole in openings:
        _fit_window(brief, kind, index, hole)
    RECIPES[kind](brief)
    _shell(plan, style, kind, openings, door_wall)
    portals = [_portal(plan, index, hole) for index, hole in openings]
    return assemble(
        seed, kind, (plan.width, plan.depth, plan.height), plan.parts, plan.lamps, portals, sky, plan.focus
    )


def _window_openings(plan: Plan, kind: str) -> list[tuple[int, Opening]]:
    """(wall, hole) of one or two windows."""
    rng, found = plan.rng, []
    for index in rng.permutation(4)[: 1 if kind == "bathroom" else any_of(rng, (1, 2, 2))]:
        length = plan.walls[index].length
        if kind == "bathroom":
            wide, high, sill = span(rng, 0.6, 0.9), span(rng, 0.6, 0.9), span(rng, 1.2, 1.4)
        elif kind == "kitchen":
            wide, high, sill = span(rng, 1.0, 1.6), span(rng, 0.9, 1.1), span(rng, 1.05, 1.15)
        else:
            sill = span(rng, 0.25, 0.4) if odds(rng, 0.25) else span(rng, 0.78, 0.95)
            wide, high = span(rng, 1.0, 2.0), span(rng, 1.2, 1.9)
            high = min(plan.height - 0.32 - sill, high)
        wide = min(wide, length - 0.9)
        middle = float(np.clip(rng.normal(length / 2, 0.3), wide / 2 + 0.4, length - wide / 2 - 0.4))
        found.append((int(index), Opening(middle - wide / 2, middle + wide / 2, sill, sill + high)))
    return found


def _hang_door(plan: Plan, style: Style, window_walls: list[int]) -> int:
    """A door near a corner of a wall without windows; returns that wall."""
    rng, item = plan.rng, door(plan.rng, style)
    wall = plan.walls[min(rng.permutation(4), key=lambda i: i in window_walls)]
    corner = item.size[0] / 2 + span(rng, 0.08, 0.35)
    u = corner if odds(rng, 0.5) else wall.length - corner
    x, y, _ = wall.point(u, 0, 0)
    plan.place(item, float(x), float(y), wall.yaw, block=False)
    plan.hang(wall, u - item.size[0] / 2, u + item.size[0] / 2, 0, item.size[2])
    plan.block(footprint(item, float(x), float(y), wall.yaw, 0.7))
    return wall.index


def _fit_window(brief: Brief, kind: str, index: int, hole: Opening) -> None:
    """The window itself, what covers it, and perhaps a plant on its sill."""
    plan, style, rng = brief.plan, brief.style, brief.rng
    wall, wide, middle = plan.walls[index], hole.u1 - hole.u0, (hole.u0 + hole.u1) / 2
    high = hole.z1 - hole.z0
    x, y, _ = (float(v) for v in wall.point(middle, 0, 0))
    item = window(rng, style, wide, high)
    spot = plan.place(item, x, y, wall.yaw, hole.z0, block=False)
    plan.hang(wall, hole.u0 - 0.08, hole.u1 + 0.08, hole.z0 - 0.04, hole.z1 + 0.1)
    if odds(rng, {"kitchen": 0.0, "bathroom": 0.0, "office": 0.45}.get(kind, 0.85)):
        rail, half = min(hole.z1 + 0.14, plan.height - 0.07), wide / 2 + 0.3
        sides = (middle - half > 0.02, middle + half < wall.length - 0.02)
        plan.place(drapes(rng, style, wide, rail, sides), x, y, wall.yaw, block=False)
        for wanted, low, up in ((sides[0], middle - half, hole.u0), (sides[1], hole.u1, middle + half)):
            if wanted:
                plan.hang(wall, low, up, 0.0, rail)
    elif odds(rng, 0.6):
        plan.place(blinds(rng, wide, high), x, y, wall.yaw, hole.z0, block=False)
    if odds(rng, 0.4):
        pot = things.plant(rng, style, span(rng, 0.18, 0.3))
        brief.put(pot, spot, span(rng, -0.3, 0.3) * wide, -0.09, hole.z0)


def _shell(plan: Plan, style: Style, kind: str, openings: list[tuple[int, Opening]], door_wall: int) -> None:
    """Walls, floor, ceiling and their trim."""
    rng, wet = plan.rng, kind == "bathroom"
    accent, split, board = int(rng.integers(4)), span(rng, 1.3, 2.0), span(rng, 0.07, 0.14)
    for wall in plan.walls:
        holes = [hole for index, hole in openings if index == wall.index]
        face = style.accent_wall if style.accent_wall and wall.index == accent and not wet else style.wall
        plan.parts += wall_parts(wall, plan.height, holes, face, style.accent_wall if wet else None, split)
        if not wet:
            gaps = [(o.u0, o.u1) for o in plan.hung[wall.index][:1] if wall.index == door_wall]
            plan.parts += skirting(wall, gaps, style.trim, board)
    plan.parts += floor_and_ceiling(plan.width, plan.depth, plan.height, style)


def _portal(plan: Plan, index: int, hole: Opening) -> Portal:
    wall = plan.walls[index]
    return Portal(
        wall.point(hole.u0, -REVEAL + 0.005, hole.z0),
        wall.along * (hole.u1 - hole.u0),
        np.array([0, 0, hole.z1 - hole.z0]),
        wall.normal,
    )
