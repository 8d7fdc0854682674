"""Recipes: what each kind of room contains and how it is arranged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mtcp.data.rooms.chance import odds, span
from mtcp.data.rooms.decorate import Brief
from mtcp.data.rooms.furniture import cupboards, lamps, seating, things, wallware
from mtcp.data.rooms.kitchens import bathroom, kitchen
from mtcp.data.rooms.parts import Item
from mtcp.data.rooms.plan import Spot

MIDDLE, ENDS = [0.5, 0.35, 0.65], [0.02, 0.98]


def living_room(brief: Brief) -> None:
    """Sofa with coffee table and rug, television across, bookshelves, armchair, lamps, plants."""
    plan, style, rng = brief.plan, brief.style, brief.rng
    walls = brief.blank_walls
    for seats, clear in ((int(rng.integers(2, 4)), 1.3), (2, 0.8)):
        couch = seating.sofa(rng, style, seats)
        spot = plan.against(couch, walls, MIDDLE, gap=0.05, clear=clear)
        if spot is not None:
            plan.show(couch, spot)
            _round_sofa(brief, couch, spot)
            walls = [(spot.wall + k) % 4 for k in (2, 1, 3)]
            break
    stand = cupboards.sideboard(rng, style, span(rng, 1.3, 1.8), span(rng, 0.45, 0.55))
    there = plan.against(stand, walls, MIDDLE, clear=0.5)
    if there is not None:
        plan.show(stand, there)
        tv = cupboards.screen(rng, "television", span(rng, 0.9, 1.25), odds(rng, 0.4))
        brief.put(tv, there, 0.0, 0.12, stand.size[2])
        plan.hang(plan.walls[there.wall], there.u - 0.65, there.u + 0.65, 0.5, 1.4)
    for _ in range(int(rng.integers(1, 3))):
        _shelves(brief)
    _finish(brief, pictures=4)


def _round_sofa(brief: Brief, couch: Item, spot: Spot) -> None:
    """A picture above, a table and a rug before, an armchair and lamps beside it."""
    plan, style, rng = brief.plan, brief.style, brief.rng
    wide, deep = span(rng, 0.8, 1.2), span(rng, 0.5, 0.8)
    brief.above(wallware.picture(rng, style, wide, 0.65 * wide), spot, 1.25)
    low = seating.table(rng, style, wide, deep if odds(rng, 0.7) else wide, span(rng, 0.38, 0.46))
    put = plan.stand(low, *spot.at(0.0, couch.size[1] + 0.38)[:2], spot.yaw)
    if put is not None:
        brief.set_top(low, put, *brief.some(3))
    if odds(rng, 0.85):
        brief.lay(
            wallware.rug(rng, style, span(rng, 1.9, 2.6), span(rng, 1.3, 1.8)),
            spot,
            0.0,
            couch.size[1] - 0.25,
        )
    chair = seating.sofa(rng, style, 1)
    for side in rng.permutation([-1.0, 1.0]):
        x, y, _ = spot.at(side * (couch.size[0] / 2 + 0.75), couch.size[1] + 0.7)
        if plan.stand(chair, x, y, spot.yaw + side * np.pi / 2 * 0.8) is not None:
            break
    for side in (-1, 1):
        end = seating.table(rng, style, 0.45, 0.45, span(rng, 0.5, 0.6))
        at = plan.stand(end, *spot.at(side * (couch.size[0] / 2 + 0.3), 0.12)[:2], spot.yaw)
        if at is not None:
            lamp = lamps.table_lamp(rng, style, brief.lit(0.7))
            brief.put(lamp if odds(rng, 0.6) else things.vase(rng, style), at, 0, 0.22, end.size[2])


def bedroom(brief: Brief) -> None:
    """Bed with night stands and lamps, dresser with mirror, wardrobe, rug, a desk or an armchair."""
    plan, style, rng = brief.plan, brief.style, brief.rng
    for width in (float(rng.choice([0.95, 1.4, 1.6, 1.8], p=[0.2, 0.2, 0.35, 0.25])), 0.95):
        bed = seating.bed(rng, style, width)
        spot = plan.against(bed, brief.blank_walls, MIDDLE if width > 1.2 else ENDS, clear=0.4)
        if spot is not None:
            plan.show(bed, spot)
            _round_bed(brief, bed, spot)
            break
    chest = cupboards.chest(rng, style, "dresser", span(rng, 0.9, 1.5), span(rng, 0.75, 0.95), 3)
    at = plan.against(chest, None, MIDDLE, clear=0.4)
    if at is not None:
        plan.show(chest, at)
        brief.set_top(chest, at, lamps.table_lamp(rng, style, brief.lit(0.3)), *brief.some(3))
        brief.above(wallware.mirror(rng, style, 0.7, 0.8), at, chest.size[2] + 0.18)
    plan.against(cupboards.wardrobe(rng, style), brief.blank_walls, ENDS, clear=0.4)
    if odds(rng, 0.5):
        _work_place(brief)
    else:
        plan.against(seating.sofa(rng, style, 1), None, ENDS, gap=0.12)
    brief.clutter(int(rng.integers(0, 3)))
    _finish(brief, pictures=3)


def _round_bed(brief: Brief, bed: Item, spot: Spot) -> None:
    plan, style, rng = brief.plan, brief.style, brief.rng
    for side in (-1, 1):
        size = span(rng, 0.4, 0.52), span(rng, 0.48, 0.6)
        stand = cupboards.chest(rng, style, "night stand", *size, int(rng.integers(1, 4)))
        x, y, _ = spot.at(side * (bed.size[0] + stand.size[0] + 0.1) / 2, 0.0)
        at = plan.stand(stand, x, y, spot.yaw)
        if at is not None:
            brief.put(lamps.table_lamp(rng, style, brief.lit(0.85)), at, 0.0, 0.18, stand.size[2])
            (thing,) = brief.some(1, (things.book_stack, things.cup))
            brief.put(thing, at, -0.1 * side, 0.31, stand.size[2])
    wide = span(rng, 0.7, 1.1)
    brief.above(wallware.picture(rng, style, wide, wide * 0.6), spot, 1.42)
    if odds(rng, 0.75):
        brief.lay(wallware.rug(rng, style, bed.size[0] + 1.0, 1.7), spot, rng.normal(0, 0.3), 0.9)


def _work_place(brief: Brief) -> None:
    """A desk with a screen and what lies round it, and its chair."""
    plan, style, rng = brief.plan, brief.style, brief.rng
    desk = seating.desk(rng, style)
    at = plan.against(desk, None, [0.5, 0.1, 0.9], clear=0.6)
    if at is None:
        return
    plan.show(desk, at)
    x0, y0, x1, y1, z = desk.tops[0]
    brief.put(
        cupboards.screen(rng, "otherprop", span(rng, 0.5, 0.62), odds(rng, 0.7)),
        at,
        0.0,
        y0,
        z,
        rng.normal(0, 0.06),
    )
    brief.put(cupboards.keyboard(rng, style), at, 0.0, y1 - 0.12, z)
    lamp = lamps.desk_lamp(rng, style, brief.lit(0.5))
    places = ((x0 + 0.1, y0 + 0.12), (x1 - 0.15, y0 + 0.1), (x1 - 0.1, y1 - 0.1), (x0 + 0.1, y1 - 0.1))
    for thing, (x, y) in zip([lamp, *brief.some(3)], places, strict=True):
        brief.put(thing, at, x, y, z, rng.normal(0, 0.3))
    chair = seating.office_chair(rng, style) if odds(rng, 0.7) else seating.chair(rng, style, False)
    x, y, _ = at.at(rng.normal(0, 0.08), desk.size[1] + chair.size[1] * span(rng, 0.6, 0.95))
    plan.stand(chair, x, y, at.yaw + np.pi + rng.normal(0, 0.35), -0.22)
    if odds(rng, 0.5):
        brief.above(cupboards.wall_shelf(rng, style), at, 1.5)


def _shelves(brief: Brief) -> None:
    shelf = cupboards.bookshelf(brief.rng, brief.style)
    at = brief.plan.against(shelf, brief.blank_walls, [*ENDS, 0.5])
    if at is not None and odds(brief.rng, 0.5):
        brief.set_top(shelf, at, *brief.some(2, (things.carton, things.vase, things.book_stack)))


def office(brief: Brief) -> None:
    """One or two desks with screens, shelves, a filing cabinet, a whiteboard, boxes."""
    plan, style, rng = brief.plan, brief.style, brief.rng
    for _ in range(int(rng.integers(1, 3))):
        _work_place(brief)
    for _ in range(int(rng.integers(1, 4))):
        _shelves(brief)
    rows = int(rng.integers(2, 5))
    cabinet = cupboards.chest(rng, style, "cabinet", 0.46, 0.1 + 0.31 * rows, rows)
    at = plan.against(cabinet, None, ENDS)
    if at is not None and rows < 4:
        brief.put(things.plant(rng, style, 0.4), at, 0.0, 0.1, cabinet.size[2])
    for _ in range(int(rng.integers(0, 3))):
        wide = span(rng, 1.0, 1.7)
        brief.hang(wallware.whiteboard(rng, style, wide, wide * 0.62), 1.0)
    if odds(rng, 0.4):
        plan.against(seating.sofa(rng, style, 2), None, [0.5], gap=0.05)
    brief.clutter(int(rng.integers(1, 4)))
    _finish(brief, pictures=3)


def dining_room(brief: Brief) -> None:
    """A table with chairs round it under a pendant, on a rug; sideboard with mirror or picture, shelves."""
    plan, style, rng = brief.plan, brief.style, brief.rng
    board = cupboards.sideboard(rng, style, span(rng, 1.2, 1.8))
    spot = plan.against(board, brief.blank_walls, MIDDLE, clear=0.3)
    if spot is not None:
        plan.show(board, spot)
        brief.set_top(board, spot, lamps.table_lamp(rng, style, brief.lit(0.6)), *brief.some(4))
        make = wallware.mirror if odds(rng, 0.5) else wallware.picture
        brief.above(make(rng, style, span(rng, 0.7, 1.0), 0.7), spot, 1.25)
    long = span(rng, 1.05, 1.9)
    deep = long if long < 1.25 else span(rng, 0.85, 1.0)
    yaw = 0.0 if plan.width >= plan.depth else np.pi / 2
    x, y = plan.width / 2 + deep / 2 * np.sin(yaw), plan.depth / 2 - deep / 2 * np.cos(yaw)
    table = seating.table(rng, style, long, deep, 0.75)
    at = plan.stand(table, float(x), float(y), yaw)
    if at is not None:
        brief.set_table(table, at)
        brief.lay(wallware.rug(rng, style, long + 1.3, deep + 1.2), at, 0, -0.6)
        px, py, _ = at.at(0, deep / 2)
        plan.place(lamps.pendant(rng, style, brief.lit(0.9)), px, py, 0.0, plan.height, block=False)
    _shelves(brief)
    brief.fill_corners()
    brief.pictures(4)


def _finish(brief: Brief, pictures: int) -> None:
    """What every living space ends with."""
    brief.fill_corners()
    brief.pictures(pictures)
    brief.ceiling_light()


RECIPES: dict[str, Callable[[Brief], None]] = {
    "living-room": living_room,
    "bedroom": bedroom,
    "office": office,
    "kitchen": kitchen,
    "dining-room": dining_room,
    "bathroom": bathroom,
}
