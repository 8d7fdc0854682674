"""Moves shared by the recipes: set a table top, hang pictures, light the ceiling, fill the corners."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mtcp.data.rooms.chance import any_of, odds, span
from mtcp.data.rooms.furniture import lamps, seating, things, wallware
from mtcp.data.rooms.parts import Item
from mtcp.data.rooms.plan import Plan, Spot
from mtcp.data.rooms.style import Style

Maker = Callable[[np.random.Generator, Style], Item]
SMALL: tuple[Maker, ...] = (
    things.book_stack,
    things.vase,
    things.bowl,
    things.cup,
    things.bottle,
    things.papers,
)


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
        return self.lamp if odds(self.rng, chance) else 0.0

    def some(self, count: int, makers: Sequence[Maker] = SMALL) -> list[Item]:
        """Things made by `count` different ones of `makers`."""
        chosen = self.rng.permutation(len(makers))[:count]
        return [makers[int(i)](self.rng, self.style) for i in chosen]

    def set_top(self, item: Item, spot: Spot, *placed: Item) -> None:
        """Puts things on the item's first free top, next to each other, as many as fit."""
        x0, y0, x1, y1, z = item.tops[0]
        edges = np.linspace(x0, x1, len(placed) + 1)
        for thing, low, high in zip(placed, edges[:-1], edges[1:], strict=True):
            if thing.size[0] < 1.1 * (high - low):
                y = span(self.rng, y0 + 0.3 * (y1 - y0), y1 - 0.3 * (y1 - y0))
                self.put(thing, spot, float(low + high) / 2, y, z, self.rng.normal(0, 0.25))

    def put(self, item: Item, spot: Spot, x: float, y: float, z: float, turn: float = 0.0) -> None:
        """Puts an item at a place in another's frame."""
        px, py, pz = spot.at(x, y, z)
        self.plan.place(item, px, py, spot.yaw + turn, pz, block=False)

    def lay(self, rug: Item, spot: Spot, x: float, y: float) -> None:
        """A rug under or before what stands at `spot`, if it lies inside the room."""
        px, py, _ = spot.at(x, y)
        if self.plan.inside(rug, px, py, spot.yaw):
            self.plan.place(rug, px, py, spot.yaw, block=False)

    def above(self, item: Item, spot: Spot, z: float) -> bool:
        """Hangs an item over what stands against a wall at `spot`."""
        return self.plan.on_wall(item, spot.wall, spot.u, z, 0.02)

    def hang(self, item: Item, z: float) -> None:
        """Hangs an item somewhere on a wall, if there is room where chance puts it."""
        wall = int(self.rng.integers(4))
        self.plan.on_wall(item, wall, span(self.rng, 0.15, 0.85) * self.plan.walls[wall].length, z, 0.04)

    def pictures(self, count: int) -> None:
        """Pictures at eye height."""
        for _ in range(count):
            h = span(self.rng, 0.35, 0.75)
            picture = wallware.picture(self.rng, self.style, h * any_of(self.rng, (0.72, 1.0, 1.35)), h)
            self.hang(picture, span(self.rng, 1.45, 1.6) - h / 2)

    def fill_corners(self, chance: float = 0.55) -> None:
        """Plants, a lamp, a basket where there is room at the ends of walls."""
        rng, style = self.rng, self.style
        makers: tuple[Callable[[], Item], ...] = (
            lambda: things.plant(rng, style, span(rng, 0.8, 1.5)),
            lambda: lamps.floor_lamp(rng, style, self.lit(0.7)),
            lambda: things.basket(rng, style),
            lambda: things.plant(rng, style, span(rng, 0.5, 1.0)),
        )
        for make in makers:
            if odds(rng, chance):
                self.plan.against(make(), places=[0.02, 0.98], gap=0.06, tries=6)

    def clutter(self, count: int) -> None:
        """Boxes, bags, clothes on the floor, near the walls."""
        for item in self.some(count, (things.carton, things.bag, things.clothes, things.basket)):
            self.plan.scatter(item, edge=0.7)

    def ceiling_light(self) -> None:
        """A lamp at the ceiling, in the middle."""
        plan = self.plan
        lamp = lamps.ceiling_lamp(self.rng, self.style, self.lit(0.9))
        plan.place(lamp, plan.width / 2, plan.depth / 2, 0.0, plan.height, block=False)

    def set_table(self, table: Item, spot: Spot) -> None:
        """Chairs on all sides of a table, reaching under it, and a few things on top."""
        plan, rng = self.plan, self.rng
        (long, deep, high), padded = table.size, odds(rng, 0.4)
        count = 1 if long < 1.35 else 2
        across = [(k - (count - 1) / 2) * long * 0.78 / count for k in range(count)]
        seats = [(x, y, turn) for x in across for y, turn in ((deep + 0.42, np.pi), (-0.42, 0.0))]
        seats += [(long / 2 + 0.4, deep / 2, np.pi / 2), (-long / 2 - 0.4, deep / 2, -np.pi / 2)]
        plan.taken.pop()  # the table's own floor, taken again below
        for sx, sy, turn in seats:
            if odds(rng, 0.85):
                x, y, _ = spot.at(sx + rng.normal(0, 0.03), sy)
                chair = seating.chair(rng, self.style, padded)
                plan.stand(chair, x, y, spot.yaw + turn + rng.normal(0, 0.1), -0.05)
        plan.block(spot.rect, high)
        plan.show(table, spot)
        self.set_top(table, spot, *self.some(3))
