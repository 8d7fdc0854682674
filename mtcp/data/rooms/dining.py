"""Recipe of the dining room."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.decorate import (
    Brief,
    above,
    ceiling_light,
    fill_corners,
    hang_pictures,
    lay,
    on_top,
    set_top,
    small_things,
)
from mtcp.data.rooms.furniture import beds, books, lamps, props, seating, storage, tables, wallware
from mtcp.data.rooms.plan import Spot


def dining_room(brief: Brief) -> None:
    """A table with chairs round it under a pendant, on a rug; sideboard with mirror or pictures, cabinets."""
    plan, style, rng = brief.plan, brief.style, brief.rng
    board = sideboard_with_things(brief)
    square = rng.random() < 0.3
    length = float(rng.uniform(1.05, 1.25)) if square else float(rng.uniform(1.4, 1.9))
    deep = length if square else float(rng.uniform(0.85, 1.0))
    dining_group(
        brief, length, deep, plan.width / 2 + rng.normal(0, 0.1), plan.depth / 2 + rng.normal(0, 0.1), True
    )
    if board is None or rng.random() < 0.6:
        plan.against(storage.bookshelf(rng, style), brief.blank_walls, [0.02, 0.98, 0.5])
    if rng.random() < 0.35:
        plan.against(beds.wardrobe(rng, style), brief.blank_walls, [0.02, 0.98])
    for _ in range(3):
        if rng.random() < 0.35:
            plan.against(seating.chair(rng, style, "padded"), None, gap=0.05)
    fill_corners(brief, 0.55)
    hang_pictures(brief, 4)


def sideboard_with_things(brief: Brief) -> Spot | None:
    """A sideboard, set, with a mirror or picture above."""
    plan, style, rng = brief.plan, brief.style, brief.rng
    board = storage.sideboard(rng, style)
    spot = plan.against(board, brief.blank_walls, [0.5, 0.4, 0.6], clear=0.3)
    if spot is None:
        return None
    plan.show(board, spot)
    set_top(brief, board, spot, [lamps.table_lamp(rng, style, brief.lit(0.6)), *small_things(brief)[:4]])
    wide = float(rng.uniform(0.7, 1.0))
    if rng.random() < 0.5:
        above(brief, wallware.mirror(rng, style, wide, 0.75, rng.random() < 0.4), spot, 1.25)
    else:
        above(brief, wallware.picture(rng, style, wide, wide * 0.7), spot, 1.3)
    return spot


def dining_group(brief: Brief, length: float, deep: float, x: float, y: float, hanging: bool) -> None:
    """Table, chairs on its sides, settings or a centrepiece, rug and lamp; (x, y) is the middle."""
    plan, style, rng = brief.plan, brief.style, brief.rng
    yaw = 0.0 if plan.width >= plan.depth else np.pi / 2
    table = tables.dining_table(rng, style, length, deep)
    away = -deep / 2 * np.array([-np.sin(yaw), np.cos(yaw)])
    spot = plan.stand(table, float(x + away[0]), float(y + away[1]), yaw)
    if spot is None:
        return
    kind = str(rng.choice(["slats", "padded", "shell", "spindles"]))
    per_side = 1 if length < 1.35 else (2 if length < 1.75 else 3)
    seats = [
        ((k - (per_side - 1) / 2) * length * 0.78 / per_side, deep + 0.42, np.pi) for k in range(per_side)
    ]
    seats += [(sx, -0.42, 0.0) for sx, _, _ in seats]
    if rng.random() < 0.7:
        seats += [(length / 2 + 0.4, deep / 2, np.pi / 2), (-length / 2 - 0.4, deep / 2, -np.pi / 2)]
    settings = rng.random() < 0.4
    plan.taken.pop()  # chairs reach under the table; the table's floor is taken again below
    for sx, sy, turn in seats:
        chair = seating.chair(rng, style, kind)
        px, py, _ = spot.at(sx + rng.normal(0, 0.03), sy + rng.normal(0, 0.05) * np.sign(sy - deep / 2))
        plan.stand(chair, px, py, spot.yaw + turn + rng.normal(0, 0.09), -0.05)
        if settings:
            inward = (np.clip(sx, -length / 2 + 0.2, length / 2 - 0.2), np.clip(sy, 0.19, deep - 0.19))
            on_top(
                brief, props.plate(rng, style), spot, float(inward[0]), float(inward[1]), table.size[2], turn
            )
    plan.block(spot.rect, table.size[2])
    plan.show(table, spot)
    on_top(
        brief,
        props.bowl(rng, style) if rng.random() < 0.5 else props.vase(rng, style),
        spot,
        rng.normal(0, 0.06),
        deep / 2,
        table.size[2],
    )
    if not settings and rng.random() < 0.6:
        set_top(brief, table, spot, [props.cup(rng, style), books.papers(rng, 2), books.book_stack(rng, 1)])
    if rng.random() < 0.6 and hanging:
        carpet = wallware.rug(rng, style, length + 1.3, deep + 1.2)
        px, py, _ = spot.at(0, -0.6)
        lay(brief, carpet, px, py, spot.yaw)
    px, py, _ = spot.at(0, deep / 2)
    ceiling_light(brief, px, py, hanging)
