"""Moves shared by the recipes: set a table top, hang pictures, light the ceiling, fill the corners."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mtcp.data.rooms.furniture import books, lamps, plants, props, storage, wallware
from mtcp.data.rooms.parts import Item
from mtcp.data.rooms.plan import Plan, Spot, footprint
from mtcp.data.rooms.style import Style


@dataclass(frozen=True)
class Brief:
    """What a recipe works with.

    Attributes:
        lamp: brightness of the lamps that are on, 0 when all are off.
        window_walls, door_wall: indices of walls.
    """

    plan: Plan
    style: Style
    rng: np.random.Generator
    lamp: float
    window_walls: tuple[int, ...]
    door_wall: int

    @property
    def blank_walls(self) -> list[int]:
        """Walls without windows first, the door's last."""
        order = [int(i) for i in self.rng.permutation(4)]
        return sorted(order, key=lambda i: 2 * (i == self.door_wall) + (i in self.window_walls))

    def lit(self, chance: float) -> float:
        """Brightness for one lamp that is on with this chance, when lamps are on at all."""
        return self.lamp if self.rng.random() < chance else 0.0


def small_things(brief: Brief) -> list[Item]:
    """Candidates for table tops, round the origin."""
    rng, style = brief.rng, brief.style
    return [
        books.book_stack(rng), props.vase(rng, style), props.bowl(rng, style), props.cup(rng, style),
        props.bottle(rng), books.book_stack(rng, 1), books.papers(rng, 1),
    ]  # fmt: skip


def set_top(brief: Brief, item: Item, spot: Spot, things: Sequence[Item], top: int = 0) -> None:
    """Puts things on one of the item's tops, next to each other, as many as fit."""
    if not item.tops or top >= len(item.tops):
        return
    rng = brief.rng
    x0, y0, x1, y1, z = item.tops[top]
    things = [t for t in things if max(t.size[0], t.size[1]) <= max(x1 - x0, 0.24)]
    rooms = np.linspace(x0, x1, len(things) + 1)
    for thing, low, high in zip(things, rooms[:-1], rooms[1:], strict=True):
        if high - low < min(thing.size[0], thing.size[1]) * 0.9:
            continue
        x = (low + high) / 2 + rng.normal(0, 0.1) * max(0.0, high - low - thing.size[0])
        y = float(rng.uniform(y0 + 0.3 * (y1 - y0), y1 - 0.3 * (y1 - y0)))
        px, py, pz = spot.at(float(x), y, z)
        brief.plan.place(thing, px, py, spot.yaw + rng.normal(0, 0.25), pz, block=False)


def on_top(brief: Brief, item: Item, spot: Spot, x: float, y: float, z: float, turn: float = 0.0) -> None:
    """Puts an item at a place in another's frame."""
    px, py, pz = spot.at(x, y, z)
    brief.plan.place(item, px, py, spot.yaw + turn, pz, block=False)


def hang_pictures(brief: Brief, count: int, walls: Sequence[int] | None = None) -> None:
    """Pictures, now and then two or three in a row, at eye height."""
    plan, rng = brief.plan, brief.rng
    for _ in range(count):
        wall = int(rng.choice(list(walls) if walls else [0, 1, 2, 3]))
        length = plan.walls[wall].length
        row = int(rng.choice([1, 1, 2, 3]))
        h = float(rng.uniform(0.35, 0.75)) * (1 if row == 1 else 0.75)
        w = h * float(rng.choice([0.72, 1.0, 1.35])) if row == 1 else h * 0.75
        middle = float(rng.uniform(0.15, 0.85)) * length
        z = float(rng.uniform(1.3, 1.45)) - h / 2 + 0.15
        for k in range(row):
            item = wallware.picture(rng, brief.style, w, h)
            plan.on_wall(item, wall, middle + (k - (row - 1) / 2) * (w + 0.12), z, 0.04)


def above(brief: Brief, item: Item, spot: Spot, z: float) -> bool:
    """Hangs an item over what stands against a wall at `spot`."""
    return spot.wall >= 0 and brief.plan.on_wall(item, spot.wall, spot.u, z, 0.02)


def ceiling_light(
    brief: Brief, x: float | None = None, y: float | None = None, hanging: bool = False
) -> None:
    """A lamp at the ceiling, in the middle unless told."""
    plan = brief.plan
    make: Callable[..., Item] = lamps.pendant if hanging else lamps.ceiling_lamp
    item = make(brief.rng, brief.style, brief.lit(0.9))
    plan.place(
        item,
        plan.width / 2 if x is None else x,
        plan.depth / 2 if y is None else y,
        0.0,
        plan.height,
        block=False,
    )


def fill_corners(brief: Brief, chance: float = 0.6) -> None:
    """Plants, lamps, baskets and the like where there is room along the walls."""
    plan, rng, style = brief.plan, brief.rng, brief.style
    makers: list[Callable[[], Item]] = [
        lambda: plants.plant(rng, style, float(rng.uniform(0.8, 1.5))),
        lambda: lamps.floor_lamp(rng, style, brief.lit(0.7)),
        lambda: props.basket(rng, style),
        lambda: plants.plant(rng, style, float(rng.uniform(0.5, 1.0))),
    ]
    for make in makers:
        if rng.random() < chance:
            plan.against(make(), places=[0.02, 0.98], gap=0.06, tries=6)


def clutter(brief: Brief, count: int) -> None:
    """Boxes, bags, clothes on the floor, near the walls."""
    rng, style = brief.rng, brief.style
    makers: list[Callable[[], Item]] = [
        lambda: props.carton(rng),
        lambda: props.bag(rng),
        lambda: props.clothes(rng, style),
        lambda: props.basket(rng, style),
    ]
    for _ in range(count):
        brief.plan.scatter(makers[int(rng.integers(4))](), edge=0.7)


def window_sill(brief: Brief, sill: Item, spot: Spot, z: float) -> None:
    """A plant or a bottle on a sill."""
    rng = brief.rng
    if rng.random() < 0.5:
        thing = plants.plant(rng, brief.style, float(rng.uniform(0.18, 0.3)))
        on_top(brief, thing, spot, float(rng.uniform(-0.3, 0.3)) * sill.size[0], -0.09, z)


def desk_things(brief: Brief, desk: Item, spot: Spot) -> None:
    """Monitor or laptop, keyboard, lamp, papers, cup."""
    rng, style = brief.rng, brief.style
    x0, y0, x1, y1, z = desk.tops[0]
    side = float(rng.choice([-1.0, 1.0]))
    if rng.random() < 0.75:
        on_top(brief, storage.monitor(rng, rng.random() < 0.7), spot, 0.0, y0, z, rng.normal(0, 0.06))
        if x1 - x0 > 1.3 and rng.random() < 0.4:
            on_top(brief, storage.monitor(rng), spot, -side * 0.62, y0 + 0.03, z, side * 0.3)
        on_top(brief, storage.keyboard(rng), spot, 0.0, y1 - 0.12, z)
    else:
        on_top(brief, storage.laptop(rng), spot, 0.0, y1 - 0.2, z, rng.normal(0, 0.15))
    if rng.random() < 0.7:
        on_top(
            brief,
            lamps.desk_lamp(rng, style, brief.lit(0.5)),
            spot,
            side * (x1 - 0.1),
            y0 + 0.12,
            z,
            side * 0.7,
        )
    on_top(brief, books.papers(rng, int(rng.integers(1, 4))), spot, -side * (x1 - 0.2), y1 - 0.2, z)
    on_top(brief, props.cup(rng, style), spot, side * 0.42, y1 - 0.1, z)
    if rng.random() < 0.7:
        on_top(brief, books.book_stack(rng), spot, -side * (x1 - 0.14), y0 + 0.12, z, 0.1)


def lay(brief: Brief, carpet: Item, x: float, y: float, yaw: float) -> None:
    """A rug if it lies inside the room; furniture may stand on it."""
    r = footprint(carpet, x, y, yaw)
    plan = brief.plan
    if r[0] > 0.05 and r[1] > 0.05 and r[2] < plan.width - 0.05 and r[3] < plan.depth - 0.05:
        plan.place(carpet, x, y, yaw, block=False)
