"""Recipes: what each kind of room contains and how it is arranged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mtcp.data.rooms.decorate import (
    Brief,
    above,
    ceiling_light,
    clutter,
    desk_things,
    fill_corners,
    hang_pictures,
    lay,
    on_top,
    set_top,
    small_things,
)
from mtcp.data.rooms.dining import dining_room
from mtcp.data.rooms.furniture import beds, books, lamps, plants, props, seating, storage, tables, wallware
from mtcp.data.rooms.kitchens import bathroom, kitchen
from mtcp.data.rooms.parts import Item
from mtcp.data.rooms.plan import Spot


def living_room(brief: Brief) -> None:
    """Sofa with coffee table and rug, television across or a bookshelf, armchair, lamp, plants."""
    plan, style, rng = brief.plan, brief.style, brief.rng
    couch = seating.sofa(rng, style, int(rng.integers(2, 4)))
    spot = plan.against(couch, brief.blank_walls, [0.5, 0.4, 0.6], gap=0.05, clear=1.3)
    if spot is None:
        couch = seating.sofa(rng, style, 2)
        spot = plan.against(couch, None, None, gap=0.05, clear=0.8)
    if spot is not None:
        plan.show(couch, spot)
        _before_sofa(brief, couch, spot)
        wide = float(rng.uniform(0.9, 1.3))
        if rng.random() < 0.75:
            above(
                brief, wallware.picture(rng, style, wide, wide * float(rng.uniform(0.55, 0.75))), spot, 1.25
            )
    stand = storage.sideboard(rng, style, float(rng.uniform(1.3, 1.8)), float(rng.uniform(0.45, 0.55)))
    walls = (
        brief.blank_walls if spot is None else [(spot.wall + 2) % 4, (spot.wall + 1) % 4, (spot.wall + 3) % 4]
    )
    there = plan.against(stand, walls, [0.5, 0.35, 0.65], clear=0.5)
    if there is not None:
        plan.show(stand, there)
        tv = storage.television(rng, style, float(rng.uniform(0.9, 1.25)), rng.random() < 0.4)
        on_top(brief, tv, there, 0.0, 0.12, stand.size[2])
        plan.hang(plan.walls[there.wall], there.u - 0.65, there.u + 0.65, 0.5, 1.4)
        on_top(brief, books.book_stack(rng), there, stand.size[0] / 2 - 0.2, 0.2, stand.size[2])
    for _ in range(int(rng.integers(1, 3))):
        shelf = storage.bookshelf(rng, style)
        at = plan.against(shelf, brief.blank_walls)
        if at is not None and rng.random() < 0.5:
            set_top(brief, shelf, at, [props.carton(rng), props.vase(rng, style)])
    _tail(brief, pictures=4)


def _before_sofa(brief: Brief, couch: Item, spot: Spot) -> None:
    plan, style, rng = brief.plan, brief.style, brief.rng
    table = tables.coffee_table(rng, style)
    x, y, _ = spot.at(0.0, couch.size[1] + 0.38)
    put = plan.stand(table, x, y, spot.yaw)
    if put is not None:
        things = small_things(brief)
        set_top(brief, table, put, [things[int(i)] for i in rng.permutation(len(things))[:3]])
    if rng.random() < 0.85:
        w, d = float(rng.uniform(1.9, 2.6)), float(rng.uniform(1.3, 1.8))
        x, y, _ = spot.at(0.0, couch.size[1] - 0.25)
        carpet = wallware.rug(rng, style, w, d)
        lay(brief, carpet, x, y, spot.yaw)
    side = float(rng.choice([-1.0, 1.0]))
    chair = seating.sofa(rng, style, 1, pillows=rng.random() < 0.7)
    x, y, _ = spot.at(side * (couch.size[0] / 2 + 0.75), couch.size[1] + 0.7)
    turned = plan.stand(chair, x, y, spot.yaw + side * np.pi / 2 * 0.8)
    if turned is None:
        x, y, _ = spot.at(-side * (couch.size[0] / 2 + 0.75), couch.size[1] + 0.7)
        plan.stand(chair, x, y, spot.yaw - side * np.pi / 2 * 0.8)
    for s in (-1, 1):
        end = tables.side_table(rng, style)
        x, y, _ = spot.at(s * (couch.size[0] / 2 + end.size[0] / 2 + 0.06), 0.12)
        at = plan.stand(end, x, y, spot.yaw)
        if at is not None:
            on_top(
                brief,
                lamps.table_lamp(rng, style, brief.lit(0.7))
                if rng.random() < 0.6
                else props.vase(rng, style),
                at,
                0,
                end.size[1] / 2,
                end.size[2],
            )


def bedroom(brief: Brief) -> None:
    """Bed with night stands and lamps, dresser with mirror, wardrobe, rug, perhaps a desk."""
    plan, style, rng = brief.plan, brief.style, brief.rng
    width = float(rng.choice([0.95, 1.4, 1.6, 1.8], p=[0.2, 0.2, 0.35, 0.25]))
    bed = beds.bed(rng, style, width)
    places = [0.5, 0.4, 0.6] if width > 1.2 else [0.02, 0.98, 0.3, 0.7]
    spot = plan.against(bed, brief.blank_walls, places, clear=0.4)
    if spot is None:
        bed = beds.bed(rng, style, 0.95)
        spot = plan.against(bed)
    if spot is not None:
        plan.show(bed, spot)
        for side in (-1, 1):
            stand = beds.night_stand(rng, style)
            x, y, _ = spot.at(side * (bed.size[0] / 2 + stand.size[0] / 2 + 0.05), 0.0)
            at = plan.stand(stand, x, y, spot.yaw)
            if at is not None:
                things = [lamps.table_lamp(rng, style, brief.lit(0.85))]
                on_top(brief, things[0], at, 0.0, 0.18, stand.size[2])
                on_top(
                    brief,
                    books.book_stack(rng, 2) if rng.random() < 0.5 else props.cup(rng, style),
                    at,
                    -0.1 * side,
                    0.31,
                    stand.size[2],
                )
        wide = float(rng.uniform(0.7, 1.1))
        if rng.random() < 0.75:
            above(brief, wallware.picture(rng, style, wide, wide * 0.6), spot, 1.42)
        if rng.random() < 0.75:
            x, y, _ = spot.at(float(rng.choice([-0.5, 0.0, 0.5])) * width, 0.9)
            lay(brief, wallware.rug(rng, style, bed.size[0] + 1.0, 1.7), x, y, spot.yaw)
        if rng.random() < 0.35:
            x, y, _ = spot.at(0.0, bed.size[1] + 0.06)
            bench = plan.stand(beds.foot_bench(rng, style, min(width, 1.3)), x, y, spot.yaw)
            if bench is not None:
                on_top(brief, props.blankets(rng), bench, 0.2, 0.21, 0.47)
    chest = beds.dresser(rng, style)
    at = plan.against(chest, None, [0.5, 0.3, 0.7], clear=0.4)
    if at is not None:
        plan.show(chest, at)
        things = [lamps.table_lamp(rng, style, brief.lit(0.3)), *small_things(brief)[:3]]
        set_top(brief, chest, at, things)
        if rng.random() < 0.8:
            above(brief, wallware.mirror(rng, style, 0.7, 0.8, rng.random() < 0.3), at, chest.size[2] + 0.18)
    plan.against(beds.wardrobe(rng, style), brief.blank_walls, [0.02, 0.98], clear=0.4)
    if rng.random() < 0.5:
        _work_place(brief)
    else:
        plan.against(seating.sofa(rng, style, 1), None, [0.05, 0.95], gap=0.12)
    clutter(brief, int(rng.integers(0, 3)))
    _tail(brief, pictures=3)


def _work_place(brief: Brief) -> None:
    plan, style, rng = brief.plan, brief.style, brief.rng
    desk = tables.desk(rng, style)
    at = plan.against(desk, None, [0.5, 0.1, 0.9], clear=0.6)
    if at is None:
        return
    plan.show(desk, at)
    desk_things(brief, desk, at)
    chair = seating.office_chair(rng, style) if rng.random() < 0.7 else seating.chair(rng, style, "shell")
    x, y, _ = at.at(float(rng.normal(0, 0.08)), desk.size[1] + chair.size[1] * float(rng.uniform(0.6, 0.95)))
    plan.stand(chair, x, y, at.yaw + np.pi + rng.normal(0, 0.35), -0.22)
    if rng.random() < 0.5:
        above(brief, wallware.wall_shelf(rng, style), at, 1.5)


def office(brief: Brief) -> None:
    """One or two desks with monitors, shelves, a filing cabinet, a whiteboard, boxes."""
    plan, style, rng = brief.plan, brief.style, brief.rng
    for _ in range(int(rng.integers(1, 3))):
        _work_place(brief)
    for _ in range(int(rng.integers(1, 4))):
        shelf = storage.bookshelf(rng, style) if rng.random() < 0.65 else storage.open_frame(rng, style)
        at = plan.against(shelf, brief.blank_walls, [0.02, 0.98, 0.5])
        if at is not None and shelf.tops and rng.random() < 0.6:
            set_top(brief, shelf, at, [props.carton(rng), books.book_stack(rng)])
    cabinet = storage.filing_cabinet(rng, style)
    at = plan.against(cabinet, None, [0.05, 0.95])
    if at is not None and cabinet.size[2] < 1.2:
        on_top(
            brief,
            storage.printer(rng) if rng.random() < 0.6 else plants.plant(rng, style, 0.4),
            at,
            0.0,
            0.1,
            cabinet.size[2],
        )
    for wall in brief.blank_walls[:2]:
        if rng.random() < 0.6:
            wide = float(rng.uniform(1.0, 1.7))
            plan.on_wall(
                wallware.whiteboard(rng, wide, wide * 0.62),
                wall,
                float(rng.uniform(0.3, 0.7)) * plan.walls[wall].length,
                1.0,
            )
    for wall in range(4):
        if rng.random() < 0.5:
            plan.on_wall(
                wallware.poster(rng, 0.45, 0.62),
                wall,
                float(rng.uniform(0.15, 0.85)) * plan.walls[wall].length,
                1.2,
            )
    if rng.random() < 0.5:
        carpet = wallware.rug(rng, style, float(rng.uniform(1.6, 2.2)), float(rng.uniform(1.2, 1.6)))
        lay(brief, carpet, plan.width / 2, plan.depth / 2 - carpet.size[1] / 2, 0.0)
    if rng.random() < 0.4:
        plan.against(seating.sofa(rng, style, 2), None, [0.5], gap=0.05)
    clutter(brief, int(rng.integers(1, 4)))
    _tail(brief, pictures=2)


def _tail(brief: Brief, pictures: int) -> None:
    """What every living space ends with: light, pictures, something in the corners."""
    fill_corners(brief)
    hang_pictures(brief, pictures)
    if brief.rng.random() < 0.35:
        wall = int(brief.rng.integers(4))
        brief.plan.on_wall(
            wallware.clock(brief.rng),
            wall,
            float(brief.rng.uniform(0.2, 0.8)) * brief.plan.walls[wall].length,
            1.75,
        )
    ceiling_light(brief)


RECIPES: dict[str, Callable[[Brief], None]] = {
    "living-room": living_room,
    "bedroom": bedroom,
    "office": office,
    "kitchen": kitchen,
    "dining-room": dining_room,
    "bathroom": bathroom,
}
