"""Recipes of the rooms with built-in furniture: kitchen and bathroom."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.decorate import Brief, above, ceiling_light, fill_corners, hang_pictures, on_top, set_top
from mtcp.data.rooms.furniture import bath, books, lamps, plants, props, seating, storage, tables, wallware
from mtcp.data.rooms.furniture import kitchen as units
from mtcp.data.rooms.mesh import panel
from mtcp.data.rooms.parts import LABELS, Item, Material, Part
from mtcp.data.rooms.plan import Spot, footprint
from mtcp.data.rooms.shell import Wall


def kitchen(brief: Brief) -> None:
    """A run of units with cooker and sink along one wall, refrigerator, wall units, a small table."""
    plan, rng = brief.plan, brief.rng
    face = units.fronts(rng, brief.style)
    fridge = units.refrigerator(rng)
    for index in brief.blank_walls[:3]:
        if _run(brief, index, face, fridge):
            break
    side = float(rng.uniform(0.8, 1.05))
    _breakfast(brief, side)
    for k in range(2):
        if rng.random() < 0.5:
            plan.against(
                storage.sideboard(rng, brief.style, 1.0) if k else storage.bookshelf(rng, brief.style, 0.7),
                brief.blank_walls,
            )
    if rng.random() < 0.5:
        wall = int(rng.integers(4))
        plan.on_wall(wallware.clock(rng), wall, float(rng.uniform(0.2, 0.8)) * plan.walls[wall].length, 1.75)
    fill_corners(brief, 0.3)
    hang_pictures(brief, 3)
    ceiling_light(brief)


def _run(brief: Brief, index: int, face: Material, fridge: Item) -> bool:
    """Units along a wall, the refrigerator at one end. False if the wall has no room."""
    plan, style, rng = brief.plan, brief.style, brief.rng
    wall = plan.walls[index]
    length = float(min(wall.length - fridge.size[0] - 0.15, rng.uniform(2.2, 3.2)))
    if length < 1.9:
        return False
    left = bool(rng.random() < 0.5)
    u_units = fridge.size[0] + 0.05 + length / 2 if left else wall.length - fridge.size[0] - 0.05 - length / 2
    u_fridge = fridge.size[0] / 2 + 0.03 if left else wall.length - fridge.size[0] / 2 - 0.03
    windows = [o for o in plan.hung[index] if o.z0 > 0.5]
    sink_at = (
        float(rng.uniform(-0.3, 0.3)) * length / 2
        if not windows
        else float(
            np.clip((windows[0].u0 + windows[0].u1) / 2 - u_units, -length / 2 + 0.4, length / 2 - 0.4)
        )
    )
    cooker_at = sink_at + (0.95 if sink_at < 0 else -0.95)
    cooker_at = float(np.clip(cooker_at, -length / 2 + 0.31, length / 2 - 0.31))
    run = units.base_units(rng, style, length, face, cooker_at, sink_at)
    if not plan.fits_wall(wall, u_units, run) or not plan.fits_wall(
        wall, u_fridge, Item((), (fridge.size[0], 0.7, 1.3))
    ):
        return False
    spots = []
    for item, u in ((run, u_units), (fridge, u_fridge)):
        x, y, _ = wall.point(u, 0.0, 0)
        if not plan.free(footprint(item, x, y, wall.yaw)):
            return False
        spots.append((item, float(x), float(y), u))
    placed = []
    for item, x, y, u in spots:
        at = plan.place(item, x, y, wall.yaw)
        plan.hang(wall, u - item.size[0] / 2, u + item.size[0] / 2, 0.0, item.size[2])
        plan.show(item, at)
        placed.append(Spot(at.x, at.y, at.yaw, at.rect, index, u))
    _above_run(brief, placed[0], length, face, cooker_at)
    _on_worktop(brief, run, placed[0])
    return True


def _above_run(brief: Brief, spot: Spot, length: float, face: Material, cooker: float) -> None:
    """Wall units and hood where no window is; tiles between."""
    plan, style, rng = brief.plan, brief.style, brief.rng
    wall = plan.walls[spot.wall]
    plan.on_wall(units.hood(rng), spot.wall, spot.u + cooker, 1.55, 0.0)
    for low, high in ((-length / 2, cooker - 0.33), (cooker + 0.33, length / 2)):
        if high - low < 0.4:
            continue
        item = units.wall_units(rng, style, high - low, face)
        if not plan.on_wall(item, spot.wall, spot.u + (low + high) / 2, 1.48, -0.001):
            shorter = (high - low) / 2
            for start in (low, low + shorter):
                half = units.wall_units(rng, style, shorter, face)
                plan.on_wall(half, spot.wall, spot.u + start + shorter / 2, 1.48, -0.001)
    tiles = units.backsplash(rng)
    u0, u1 = spot.u - length / 2, spot.u + length / 2
    holes = sorted(
        (max(o.u0 - 0.1, u0), min(o.u1 + 0.1, u1), o.z0)
        for o in plan.hung[spot.wall]
        if 0.9 < o.z0 < 1.45 and o.u0 < u1 and o.u1 > u0
    )
    at = u0
    for low, high, sill in [*holes, (u1, u1, 9.0)]:
        if low > at + 0.02:
            _tile(brief, tiles, wall, at, low, units.TOP, 1.48)
        if high > low and sill - 0.04 > units.TOP + 0.03:
            _tile(brief, tiles, wall, low, high, units.TOP, sill - 0.04)
        at = max(at, high)


def _tile(brief: Brief, tiles: Material, wall: Wall, u0: float, u1: float, z0: float, z1: float) -> None:
    mesh = panel(
        tuple(wall.point(u0, 0.006, z0)),
        tuple(wall.along * (u1 - u0)),
        (0, 0, z1 - z0),
        0.4,
        np.array([u0, z0, 0]),
    )
    brief.plan.parts.append(Part(mesh, LABELS["wall"], tiles, cells=True))


def _on_worktop(brief: Brief, run: Item, spot: Spot) -> None:
    rng, style = brief.rng, brief.style
    things = [
        props.bottle(rng), storage.kettle(rng, style), props.bowl(rng, style), props.cup(rng, style),
        props.bottle(rng), props.vase(rng, style), books.book_stack(rng),
    ]  # fmt: skip
    for index, (x0, y0, x1, _, z) in enumerate(run.tops):
        if x1 - x0 > 0.6 and index == 0 and rng.random() < 0.7:
            on_top(brief, storage.microwave(rng), spot, x0 + 0.24, 0.05, z)
            x0 += 0.55
        count = int(min(len(things), max(1, (x1 - x0) / 0.28)))
        chosen = [things[int(i)] for i in rng.permutation(len(things))[:count]]
        set_top(brief, Item((), run.size, (), ((x0, y0, x1, y0 + 0.3, z),)), spot, chosen)


def _breakfast(brief: Brief, side: float) -> None:
    """A small table with chairs, standing free or against a wall."""
    plan, style, rng = brief.plan, brief.style, brief.rng
    table = tables.dining_table(rng, style, side * 1.15, side * 0.8)
    spot = plan.against(
        table, brief.blank_walls[::-1], [0.5, 0.3, 0.7], gap=float(rng.choice([0.05, 0.5])), clear=0.5
    )
    if spot is None:
        return
    plan.taken.pop()
    kind = str(rng.choice(["slats", "shell", "spindles", "padded"]))
    for sx, sy, turn in (
        (-0.25, side * 0.8 + 0.38, np.pi),
        (0.28, side * 0.8 + 0.38, np.pi),
        (side * 0.57 + 0.38, side * 0.4, np.pi / 2),
        (-side * 0.57 - 0.38, side * 0.4, -np.pi / 2),
    ):
        if rng.random() < 0.75:
            x, y, _ = spot.at(sx, sy)
            plan.stand(seating.chair(rng, style, kind), x, y, spot.yaw + turn + rng.normal(0, 0.12), -0.05)
    plan.block(spot.rect, 0.75)
    plan.show(table, spot)
    set_top(brief, table, spot, [props.bowl(rng, style), props.cup(rng, style), books.papers(rng, 1)])


def bathroom(brief: Brief) -> None:
    """Tub with shower curtain, toilet, vanity with mirror and light, towels, mat."""
    plan, style, rng = brief.plan, brief.style, brief.rng
    short = sorted(range(4), key=lambda i: (plan.walls[i].length, i == brief.door_wall))
    for index in short:
        length = plan.walls[index].length
        if length > 1.95:
            continue
        tub = bath.bathtub(rng, length, rng.random() < 0.8)
        at = None if index == brief.door_wall else plan.against(tub, [index], [0.5], gap=0.0)
        if at is not None:
            plan.show(tub, at)
            break
    else:
        for index in brief.blank_walls:
            tub = bath.bathtub(rng, 1.7, rng.random() < 0.8)
            at = plan.against(tub, [index], [0.0, 1.0], gap=0.0, tries=0)
            if at is not None:
                plan.show(tub, at)
                break
    _vanity(brief)
    loo = bath.toilet(rng)
    at = plan.against(loo, None, [0.5, 0.2, 0.8], gap=0.01, clear=0.3)
    if at is not None:
        plan.show(loo, at)
        plan.on_wall(bath.paper_roll(rng), at.wall, at.u + 0.42, 0.7, 0.0)
        if rng.random() < 0.5:
            on_top(brief, props.bottle(rng, 0.15), at, 0.08, 0.09, loo.size[2])
    for _ in range(2):
        wall = int(rng.integers(4))
        plan.on_wall(
            wallware.towel_rail(rng, style),
            wall,
            float(rng.uniform(0.2, 0.8)) * plan.walls[wall].length,
            0.85,
        )
    plan.scatter(bath.bin_with_lid(rng), edge=0.5)
    if rng.random() < 0.6:
        plan.scatter(props.basket(rng, style), edge=0.6)
    _stool(brief)
    if rng.random() < 0.6:
        plan.against(
            plants.plant(rng, style, float(rng.uniform(0.5, 0.9))), None, [0.02, 0.98], gap=0.05, tries=4
        )
    hang_pictures(brief, 2)
    ceiling_light(brief)


def _vanity(brief: Brief) -> None:
    plan, style, rng = brief.plan, brief.style, brief.rng
    wide = float(rng.uniform(0.7, 1.15))
    stand = bath.vanity(rng, style, wide) if rng.random() < 0.8 else bath.stand_basin(rng)
    at = plan.against(stand, brief.blank_walls, [0.5, 0.3, 0.7], gap=0.0, clear=0.5)
    if at is None:
        at = plan.against(bath.stand_basin(rng), None, None, gap=0.0)
    if at is None:
        return
    plan.show(stand, at)
    glass = wallware.mirror(rng, style, min(wide, 0.8), 0.8, rng.random() < 0.25)
    if above(brief, glass, at, 1.12):
        above(brief, lamps.sconce(rng, style, brief.lit(0.9)), at, 1.12 + glass.size[2] + 0.08)
    if rng.random() < 0.7:
        x, y, _ = at.at(0.0, stand.size[1] + 0.12)
        plan.place(wallware.rug(rng, style, 0.75, 0.5), x, y, at.yaw, block=False)


def _stool(brief: Brief) -> None:
    """A stool with folded towels, when there is room."""
    if brief.rng.random() < 0.4:
        spot = brief.plan.scatter(seating.stool(brief.rng, brief.style), edge=0.6)
        if spot is not None:
            on_top(brief, props.blankets(brief.rng), spot, 0.0, 0.2, 0.45)
