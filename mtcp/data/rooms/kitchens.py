"""Recipes of the rooms with built-in furniture: kitchen and bathroom."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.chance import any_of, odds, span
from mtcp.data.rooms.colour import pick, varied
from mtcp.data.rooms.decorate import Brief
from mtcp.data.rooms.furniture import cupboards, seating, things, wallware, wet
from mtcp.data.rooms.parts import LABELS, Item, Material, Part
from mtcp.data.rooms.plan import Spot, footprint
from mtcp.data.rooms.style import tiled


def kitchen(brief: Brief) -> None:
    """A run of units with cooker and sink along one wall, refrigerator, wall units, a small table."""
    plan, rng, style = brief.plan, brief.rng, brief.style
    face, fridge = wet.fronts(rng, style), wet.refrigerator(rng)
    for index in brief.blank_walls[:3]:
        if _run(brief, index, face, fridge):
            break
    table = seating.table(rng, style, span(rng, 0.9, 1.2), span(rng, 0.65, 0.85), 0.75)
    spot = plan.against(
        table, brief.blank_walls[::-1], [0.5, 0.3, 0.7], gap=any_of(rng, (0.05, 0.5)), clear=0.5
    )
    if spot is not None:
        brief.set_table(table, spot)
    for item in (cupboards.sideboard(rng, style, 1.0), cupboards.bookshelf(rng, style)):
        if odds(rng, 0.5):
            plan.against(item, brief.blank_walls)
    brief.fill_corners(0.3)
    brief.pictures(3)
    brief.ceiling_light()


def _run(brief: Brief, index: int, face: Material, fridge: Item) -> bool:
    """Units along a wall, the refrigerator at one end. False if the wall has no room."""
    plan, style, rng = brief.plan, brief.style, brief.rng
    wall, cold = plan.walls[index], fridge.size[0]
    length = min(wall.length - cold - 0.15, span(rng, 2.2, 3.2))
    if length < 1.9:
        return False
    places = cold + 0.05 + length / 2, cold / 2 + 0.03  # of units and refrigerator, from one end
    u_units, u_fridge = places if odds(rng, 0.5) else (wall.length - place for place in places)
    windows = [(o.u0 + o.u1) / 2 - u_units for o in plan.hung[index] if o.z0 > 0.5]
    sink = float(
        np.clip(windows[0] if windows else span(rng, -0.5, 0.5), -length / 2 + 0.4, length / 2 - 0.4)
    )
    cooker = float(np.clip(sink + (0.95 if sink < 0 else -0.95), -length / 2 + 0.31, length / 2 - 0.31))
    run = wet.base_units(rng, style, length, face, cooker, sink)
    placed = []
    for item, u, high in ((run, u_units, run.size[2]), (fridge, u_fridge, 1.3)):
        x, y, _ = (float(v) for v in wall.point(u, 0.0, 0))
        free = plan.free(footprint(item, x, y, wall.yaw))
        if not free or not plan.fits_wall(wall, u, Item((), (item.size[0], 0.7, high))):
            return False
        placed.append((item, x, y, u))
    for item, x, y, u in placed:
        at = plan.place(item, x, y, wall.yaw)
        plan.hang(wall, u - item.size[0] / 2, u + item.size[0] / 2, 0.0, item.size[2])
        plan.show(item, at)
    units = Spot(
        placed[0][1], placed[0][2], wall.yaw, footprint(run, *placed[0][1:3], wall.yaw), index, u_units
    )
    _above_run(brief, units, length, face, cooker)
    for x0, y0, x1, _, z in run.tops:
        left = x0
        if x1 - x0 > 0.6 and odds(rng, 0.5):
            brief.put(wet.microwave(rng), units, x0 + 0.24, 0.05, z)
            left += 0.55
        count = min(4, max(1, int((x1 - left) / 0.28)))
        brief.set_top(Item((), run.size, (), ((left, y0, x1, y0 + 0.3, z),)), units, *brief.some(count))
    return True


def _above_run(brief: Brief, spot: Spot, length: float, face: Material, cooker: float) -> None:
    """Wall units and hood where no window is; tiles between."""
    plan, style, rng = brief.plan, brief.style, brief.rng
    wall = plan.walls[spot.wall]
    plan.on_wall(wet.hood(rng), spot.wall, spot.u + cooker, 1.55, 0.0)
    for low, high in ((-length / 2, cooker - 0.33), (cooker + 0.33, length / 2)):
        half = (high - low) / 2
        for start in (low, low + half):
            if half > 0.2:
                item = wet.wall_units(rng, style, half, face)
                plan.on_wall(item, spot.wall, spot.u + start + half / 2, 1.48, -0.001)
    tile = varied(rng, pick(rng, ("#e9e7e0", "#c9d6d6", "#dccfb8", "#b9c9c0", "#8fa6ad")))
    tiles = tiled(rng, tile, any_of(rng, ((0.15, 0.075), (0.1, 0.1))))
    sills = [o.z0 - 0.04 for o in plan.hung[spot.wall] if 0.9 < o.z0 < 1.45]
    mesh = wall.piece(spot.u - length / 2, spot.u + length / 2, wet.TOP, min([1.48, *sills]), 0.006)
    plan.parts.append(Part(mesh, LABELS["wall"], tiles, cells=True))


def bathroom(brief: Brief) -> None:
    """Tub with shower curtain, vanity with mirror, toilet, towels, mat, a basket."""
    plan, style, rng = brief.plan, brief.style, brief.rng
    for index in sorted(brief.blank_walls, key=lambda i: plan.walls[i].length):
        wide = plan.walls[index].length
        tub = wet.bathtub(rng, wide if wide < 1.95 else 1.7)
        at = plan.against(tub, [index], [0.0, 1.0], gap=0.0, tries=0)
        if at is not None:
            plan.show(tub, at)
            break
    stand = wet.vanity(rng, style, span(rng, 0.6, 1.15))
    at = plan.against(stand, brief.blank_walls, [0.5, 0.3, 0.7], gap=0.0, clear=0.4)
    if at is not None:
        plan.show(stand, at)
        brief.set_top(stand, at, things.bottle(rng, style))
        brief.above(wallware.mirror(rng, style, min(stand.size[0], 0.8), 0.8), at, 1.12)
        brief.lay(wallware.rug(rng, style, 0.75, 0.5), at, 0.0, stand.size[1] + 0.12)
    loo = wet.toilet(rng)
    at = plan.against(loo, None, [0.5, 0.2, 0.8], gap=0.01, clear=0.3)
    if at is not None:
        plan.show(loo, at)
    for _ in range(2):
        brief.hang(wallware.towel_rail(rng, style), 0.85)
    brief.fill_corners(0.3)
    brief.clutter(1)
    brief.pictures(2)
    brief.ceiling_light()
