"""`make_room`: from a seed to a furnished room."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.decorate import Brief, window_sill
from mtcp.data.rooms.furniture import wallware
from mtcp.data.rooms.kinds import RECIPES
from mtcp.data.rooms.light.weather import draw_weather
from mtcp.data.rooms.plan import Plan
from mtcp.data.rooms.room import Portal, Room, assemble
from mtcp.data.rooms.shell import (
    REVEAL,
    Opening,
    blinds,
    cornice,
    door,
    drapes,
    floor_and_ceiling,
    skirting,
    wall_parts,
    window,
)
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
    openings = _doors_and_windows(plan, style, kind)
    into = plan.walls[openings[0][0]].normal
    sky, lamp = draw_weather(rng, float(np.arctan2(-into[1], -into[0])))
    door_wall = _hang_door(plan, style, [index for index, _ in openings])
    for index, hole in openings:
        _fit_window(plan, style, kind, index, hole)
    brief = Brief(plan, style, rng, lamp, tuple({index for index, _ in openings}), door_wall)
    RECIPES[kind](brief)
    for index, hole in openings:
        _dress_sill(brief, index, hole)
    _shell(plan, style, kind, openings, door_wall)
    portals = [_portal(plan, index, hole) for index, hole in openings]
    return assemble(
        seed, kind, (plan.width, plan.depth, plan.height), plan.parts, plan.lamps, portals, sky, plan.focus
    )


def _doors_and_windows(plan: Plan, style: Style, kind: str) -> list[tuple[int, Opening]]:
    """Window openings: (wall, hole)."""
    rng = plan.rng
    found: list[tuple[int, Opening]] = []
    walls = [int(i) for i in rng.permutation(4)]
    count = 1 if kind == "bathroom" else int(rng.choice([1, 2, 2]))
    for index in walls[:count]:
        length = plan.walls[index].length
        pieces = 2 if length > 4.2 and rng.random() < 0.4 and kind != "bathroom" else 1
        if kind == "bathroom":
            wide, high, sill = (
                float(rng.uniform(0.6, 0.9)),
                float(rng.uniform(0.6, 0.9)),
                float(rng.uniform(1.2, 1.4)),
            )
        elif kind == "kitchen":
            wide, high, sill = (
                float(rng.uniform(1.0, 1.6)),
                float(rng.uniform(0.9, 1.1)),
                float(rng.uniform(1.05, 1.15)),
            )
        else:
            tall = rng.random() < 0.25
            sill = float(rng.uniform(0.25, 0.4)) if tall else float(rng.uniform(0.78, 0.95))
            wide, high = float(rng.uniform(1.0, 2.0)), 0.0
            high = min(plan.height - 0.32 - sill, float(rng.uniform(1.2, 1.5)) + (0.5 if tall else 0.0))
        wide = min(wide, length / pieces - 0.9)
        for k in range(pieces):
            middle = length * (k + 0.5) / pieces + (rng.normal(0, 0.15) if pieces == 1 else 0.0)
            middle = float(np.clip(middle, wide / 2 + 0.4, length - wide / 2 - 0.4))
            found.append((index, Opening(middle - wide / 2, middle + wide / 2, sill, sill + high)))
    return found


def _hang_door(plan: Plan, style: Style, window_walls: list[int]) -> int:
    """A door near a corner of a wall without windows; returns that wall."""
    rng = plan.rng
    item = door(rng, style)
    order = sorted((int(i) for i in rng.permutation(4)), key=lambda i: i in window_walls)
    for index in order:
        wall = plan.walls[index]
        if index in window_walls and index != order[0]:
            continue
        from_corner = item.size[0] / 2 + float(rng.uniform(0.08, 0.35))
        u = from_corner if rng.random() < 0.5 else wall.length - from_corner
        x, y, _ = wall.point(u, 0, 0)
        plan.place(item, float(x), float(y), wall.yaw, block=False)
        plan.hang(wall, u - item.size[0] / 2, u + item.size[0] / 2, 0, item.size[2])
        corner, far = wall.point(u - 0.42, 0, 0), wall.point(u + 0.42, 0.75, 0)
        plan.block(
            (min(corner[0], far[0]), min(corner[1], far[1]), max(corner[0], far[0]), max(corner[1], far[1]))
        )
        return index
    raise AssertionError("a room has four walls")


def _fit_window(plan: Plan, style: Style, kind: str, index: int, hole: Opening) -> None:
    """The window itself and what covers it."""
    rng, wall = plan.rng, plan.walls[index]
    middle, wide, high = (hole.u0 + hole.u1) / 2, hole.u1 - hole.u0, hole.z1 - hole.z0
    x, y, _ = (float(v) for v in wall.point(middle, 0, 0))
    plan.place(window(rng, style, wide, high), x, y, wall.yaw, hole.z0, block=False)
    plan.hang(wall, hole.u0 - 0.08, hole.u1 + 0.08, hole.z0 - 0.04, hole.z1 + 0.1)
    draw = rng.random()
    if kind in ("living-room", "bedroom", "dining-room", "office") and draw < (
        0.45 if kind == "office" else 0.85
    ):
        rail = min(hole.z1 + float(rng.uniform(0.1, 0.18)), plan.height - 0.07)
        half = wide / 2 + 0.3
        room = (middle - half > 0.02, middle + half < wall.length - 0.02)
        item = drapes(rng, style, wide, rail, room)
        plan.place(item, x, y, wall.yaw, block=False)
        for wanted, low, up in ((room[0], middle - half, hole.u0), (room[1], hole.u1, middle + half)):
            if wanted:
                plan.hang(wall, low, up, 0.0, rail)
    elif draw < 0.9:
        plan.place(blinds(rng, wide, high), x, y, wall.yaw, hole.z0, block=False)
    if hole.z0 > 0.7 and rng.random() < 0.45 and kind not in ("kitchen", "bathroom"):
        item = wallware.radiator(rng, min(wide, 1.2))
        if plan.fits_wall(wall, middle, item):
            spot = plan.place(item, x, y, wall.yaw)
            plan.hang(wall, middle - item.size[0] / 2, middle + item.size[0] / 2, 0, item.size[2])
            del spot


def _dress_sill(brief: Brief, index: int, hole: Opening) -> None:
    from mtcp.data.rooms.parts import Item
    from mtcp.data.rooms.plan import Spot

    wall = brief.plan.walls[index]
    x, y, _ = (float(v) for v in wall.point((hole.u0 + hole.u1) / 2, 0, 0))
    window_sill(brief, Item((), (hole.u1 - hole.u0, 0.1, 0.0)), Spot(x, y, wall.yaw, (0, 0, 0, 0)), hole.z0)


def _shell(plan: Plan, style: Style, kind: str, openings: list[tuple[int, Opening]], door_wall: int) -> None:
    """Walls, floor, ceiling and their trim."""
    rng = plan.rng
    accent = int(rng.integers(4))
    split = float(rng.uniform(1.3, 2.0)) if kind == "bathroom" else 9.0
    crown = rng.random() < 0.3
    board = float(rng.uniform(0.07, 0.14))
    for wall in plan.walls:
        holes = [hole for index, hole in openings if index == wall.index]
        upper = style.accent_wall if kind == "bathroom" else None
        face = (
            style.accent_wall
            if style.accent_wall is not None and wall.index == accent and upper is None
            else style.wall
        )
        plan.parts += wall_parts(wall, plan.height, holes, face, upper, split)
        built_in = [
            (o.u0, o.u1)
            for o in plan.hung[wall.index]
            if o.z0 <= 0.0 and (o.z1 > 1.95 and wall.index == door_wall)
        ]
        if kind != "bathroom":
            plan.parts += skirting(wall, built_in, style.trim, board)
            if crown:
                plan.parts.append(cornice(wall, plan.height, style.trim))
    plan.parts += floor_and_ceiling(plan.width, plan.depth, plan.height, style)


def _portal(plan: Plan, index: int, hole: Opening) -> Portal:
    wall = plan.walls[index]
    return Portal(
        wall.point(hole.u0, -REVEAL + 0.005, hole.z0),
        wall.along * (hole.u1 - hole.u0),
        np.array([0, 0, hole.z1 - hole.z0]),
        wall.normal,
    )
