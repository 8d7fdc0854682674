"""Where things stand: a floor plan that knows what is taken, and the moves that place furniture in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mtcp.data.rooms.mesh import rotation
from mtcp.data.rooms.parts import Item, Lamp, Part
from mtcp.data.rooms.shell import Opening, Wall, four_walls

Rect = tuple[float, float, float, float]  # x0, y0, x1, y1


def overlap(a: Rect, b: Rect) -> bool:
    """Whether two rectangles share area."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@dataclass(frozen=True)
class Spot:
    """A placed item: turned by `yaw`, its origin at (x, y); `wall` and `u` where it stands against one."""

    x: float
    y: float
    yaw: float
    rect: Rect
    wall: int = -1
    u: float = 0.0

    def at(self, x: float, y: float, z: float = 0.0) -> tuple[float, float, float]:
        """World position of a point in the item's frame."""
        px, py, pz = rotation(2, self.yaw) @ (x, y, z) + (self.x, self.y, 0.0)
        return float(px), float(py), float(pz)


@dataclass
class Plan:
    """A room being furnished.

    Attributes:
        taken: rectangles of floor, each with the height of what stands there.
        focus: places that a picture of the room should show.
        hung: per wall (u0, u1, z0, z1) taken by openings, tall furniture and pictures.
    """

    width: float
    depth: float
    height: float
    rng: np.random.Generator
    parts: list[Part] = field(default_factory=list)
    lamps: list[Lamp] = field(default_factory=list)
    taken: list[tuple[Rect, float]] = field(default_factory=list)
    focus: list[tuple[float, float, float]] = field(default_factory=list)
    hung: dict[int, list[Opening]] = field(default_factory=lambda: {i: [] for i in range(4)})

    @property
    def walls(self) -> tuple[Wall, ...]:
        return four_walls(self.width, self.depth)

    def free(self, rect: Rect, margin: float = 0.0) -> bool:
        """Inside the room and clear of everything that stands."""
        x0, y0, x1, y1 = rect[0] - margin, rect[1] - margin, rect[2] + margin, rect[3] + margin
        standing = any(overlap((x0, y0, x1, y1), taken) for taken, _ in self.taken)
        return self._within(rect, -1e-6) and not standing

    def _within(self, rect: Rect, margin: float) -> bool:
        x0, y0, x1, y1 = rect
        return min(x0, y0, self.width - x1, self.depth - y1) >= margin

    def inside(self, item: Item, x: float, y: float, yaw: float) -> bool:
        """Whether an item on the floor keeps off the walls; furniture may stand on it."""
        return self._within(footprint(item, x, y, yaw), 0.05)

    def block(self, rect: Rect, height: float = 0.0) -> None:
        """Keeps a piece of floor free of furniture (a door's swing) or notes what stands there."""
        self.taken.append((rect, height))

    def place(
        self, item: Item, x: float, y: float, yaw: float = 0.0, z: float = 0.0, block: bool = True
    ) -> Spot:
        """Puts an item with its origin (back, centre) at (x, y), without asking."""
        offset = np.array([x, y, z])
        self.parts += [part.placed(yaw, offset) for part in item.parts]
        self.lamps += [lamp.placed(yaw, offset) for lamp in item.lamps]
        rect = footprint(item, x, y, yaw)
        if block:
            self.block(rect, item.size[2] + z)
        return Spot(x, y, yaw, rect)

    def show(self, item: Item, spot: Spot) -> None:
        """Marks a placed item as one of the things a picture should show."""
        self.focus.append(spot.at(0.0, item.size[1] / 2, item.size[2] / 2))

    def fits_wall(self, wall: Wall, u: float, item: Item, z: float = 0.0) -> bool:
        """The item's silhouette clear of what the wall carries."""
        low, high = u - item.size[0] / 2, u + item.size[0] / 2
        if low < 0 or high > wall.length:
            return False
        top = z + item.size[2]
        return not any(low < o.u1 and o.u0 < high and z < o.z1 and o.z0 < top for o in self.hung[wall.index])

    def against(
        self, item: Item, walls: list[int] | None = None, places: list[float] | None = None,
        gap: float = 0.02, clear: float = 0.0, tries: int = 24,
    ) -> Spot | None:  # fmt: skip
        """Back to a wall, somewhere it fits; None if it fits nowhere.

        Args:
            walls: the walls to try, in this order; None: all, in random order.
            places: fractions 0..1 along the wall (0 the left corner) to try first.
            clear: free floor wanted in front, metres.
        """
        order = walls if walls is not None else [int(i) for i in self.rng.permutation(4)]
        for index in order:
            wall = self.walls[index]
            room = wall.length - item.size[0]
            if room < 0:
                continue
            for place in [*(places or []), *self.rng.random(tries)]:
                u = item.size[0] / 2 + place * room
                if not self.fits_wall(wall, u, item):
                    continue
                x, y, _ = wall.point(u, gap, 0)
                rect = footprint(item, x, y, wall.yaw)
                ahead = footprint(item, x, y, wall.yaw, clear)
                if self.free(rect) and (clear == 0 or self.free(ahead)):
                    self.place(item, x, y, wall.yaw)
                    self.hang(wall, u - item.size[0] / 2, u + item.size[0] / 2, 0.0, item.size[2])
                    return Spot(float(x), float(y), wall.yaw, rect, index, u)
        return None

    def hang(self, wall: Wall, u0: float, u1: float, z0: float, z1: float) -> None:
        """Notes a piece of wall as taken."""
        self.hung[wall.index].append(Opening(u0, u1, z0, z1))

    def on_wall(self, item: Item, wall: int, u: float, z: float, margin: float = 0.05) -> bool:
        """Hangs an item with its lower edge at `z` if that piece of wall is free."""
        w = self.walls[wall]
        padded = Item((), (item.size[0] + 2 * margin, item.size[1], item.size[2] + 2 * margin))
        if z + item.size[2] > self.height - 0.05 or not self.fits_wall(w, u, padded, z - margin):
            return False
        x, y, _ = w.point(u, 0, 0)
        self.place(item, x, y, w.yaw, z, block=False)
        self.hang(w, u - item.size[0] / 2, u + item.size[0] / 2, z, z + item.size[2])
        return True

    def stand(self, item: Item, x: float, y: float, yaw: float, margin: float = 0.0) -> Spot | None:
        """Free-standing with its origin at (x, y) if the floor is free there."""
        rect = footprint(item, x, y, yaw)
        return self.place(item, x, y, yaw) if self.free(rect, margin) else None

    def scatter(self, item: Item, tries: int = 30, margin: float = 0.05, edge: float = 0.0) -> Spot | None:
        """Somewhere free on the floor, turned at will; `edge` > 0: within that distance of a wall."""
        for _ in range(tries):
            yaw = float(self.rng.uniform(0, 2 * np.pi))
            x, y = float(self.rng.uniform(0, self.width)), float(self.rng.uniform(0, self.depth))
            if edge and min(x, y, self.width - x, self.depth - y) > edge:
                continue
            spot = self.stand(item, x, y, yaw, margin)
            if spot is not None:
                return spot
        return None


def footprint(item: Item, x: float, y: float, yaw: float, ahead: float = 0.0) -> Rect:
    """Bounding rectangle of an item on the floor, with `ahead` metres before it."""
    w, d = item.size[0] / 2, item.size[1] + ahead
    corners = np.array([(-w, 0, 0), (w, 0, 0), (-w, d, 0), (w, d, 0)]) @ rotation(2, yaw).T
    xs, ys = corners[:, 0] + x, corners[:, 1] + y
    return float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max())
