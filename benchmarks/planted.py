"""Rooms with exact depth, normals and classes, and one fault of a known kind planted in each.

The rooms are the page's examples (`Truth.of_example`) and bare boxes, some of them enlarged so that a surface lies too
far away, and bare planes seen too obliquely. Both maps carry a little noise besides the fault, like any prediction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import binary_dilation, gaussian_filter

from mtcp.evaluation.ground_truth import Truth
from mtcp.geometry.camera import Camera
from mtcp.geometry.cause_names import (
    DISCONTINUITY,
    FAR,
    MERGED,
    ROUGH_BOTH,
    ROUGH_DEPTH,
    ROUGH_NORMALS,
    TILTED,
    UNLIKE,
)
from mtcp.geometry.causes import SENSOR_STEP
from mtcp.geometry.normals import angle_deg, derivative_normals
from mtcp.geometry.regions import components
from mtcp.tasks import NYUD_CLASSES

EXAMPLES = Path(__file__).resolve().parents[1] / "app" / "examples"
LEAST_SHARE = 0.02
"""Of the picture: surfaces that faults are planted in."""
WIDE = 12
"""Pixels at 640: radius of a disc that such a surface holds."""
DEPTH_NOISE, NORMAL_NOISE_DEG = 0.001, 3.0
WALL, FLOOR, CEILING = (NYUD_CLASSES.index(name) for name in ("wall", "floor", "ceiling"))


@dataclass(frozen=True)
class Planted:
    """One fault. maps: as a prediction has them; mask: (H, W) where it was planted; unlike: see `cause_of`."""

    kind: str
    maps: dict[str, np.ndarray]
    camera: Camera
    mask: np.ndarray
    unlike: str = ""


@dataclass(frozen=True)
class Surface:
    """A visible piece of one plane. normal . point = offset; mask (H, W)."""

    normal: np.ndarray
    offset: float
    mask: np.ndarray


@dataclass(frozen=True)
class Room:
    """A room, without fault, and its larger surfaces."""

    maps: dict[str, np.ndarray]
    camera: Camera
    surfaces: tuple[Surface, ...]

    def view_deg(self, normal: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Angle between a normal and the direction to the camera at each pixel of a mask, (N,)."""
        return angle_deg(-self.camera.rays()[mask], np.asarray(normal, np.float32))

    def scaled(self, by: float) -> Room:
        """Everything `by` times as large and as far."""
        surfaces = tuple(replace(one, offset=one.offset * by) for one in self.surfaces)
        return Room({**self.maps, "depth": self.maps["depth"] * np.float32(by)}, self.camera, surfaces)


@cache
def example_room(name: str, size: tuple[int, int]) -> Room:
    """The example of that name at a size (H, W)."""
    path = EXAMPLES / f"{name}.jpg"
    truth = Truth.of_example(path).resized(size)
    maps = truth.maps
    normals, depth = maps["normals"], maps["depth"]
    offset = (normals * truth.camera.backproject(depth)).sum(-1)
    key = np.round(np.concatenate((normals, offset[..., None]), axis=-1), 2)
    _, plane = np.unique(key.reshape(-1, 4), axis=0, return_inverse=True)
    plane = plane.reshape(size) * 256 + maps["semseg"]
    found = []
    for index, count in zip(*np.unique(plane, return_counts=True), strict=True):
        if count < LEAST_SHARE * plane.size:
            continue
        for part, box in components(plane == index, int(LEAST_SHARE * plane.size)):
            if _radius(part) >= WIDE * max(size) / 640:
                mask = np.zeros(size, bool)
                mask[box] = part
                found.append(Surface(normals[mask].mean(axis=0), float(offset[mask].mean()), mask))
    return Room(maps, truth.camera, tuple(found))


def bare_room(rng: np.random.Generator, size: tuple[int, int]) -> Room:
    """Floor, ceiling and walls alone, of any size, seen from anywhere in it. Size (H, W)."""
    camera = Camera.from_fov(size[1], size[0], rng.uniform(55, 70))
    yaw, pitch = np.radians([rng.uniform(0, 90), rng.uniform(-15, 25)])
    (cos, sin), (rise, dip) = ((np.cos(angle), np.sin(angle)) for angle in (yaw, pitch))
    axes = np.array([[1, 0, 0], [0, rise, -dip], [0, dip, rise]]) @ [[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]
    away = (*rng.uniform(1.0, 1.6, 2), *rng.uniform(1.5, 4.5, 4))  # floor, ceiling, four walls
    inner = np.array([(0, -1, 0), (0, 1, 0), (1, 0, 0), (-1, 0, 0), (0, 0, 1), (0, 0, -1)]) @ axes.T
    along = camera.rays(np.float64) @ inner.T  # (H, W, 6)
    depths = np.where(along < -1e-6, -np.array(away) / np.minimum(along, -1e-6), np.inf)
    plane = depths.argmin(axis=-1)
    maps = {
        "depth": depths.min(axis=-1).astype(np.float32),
        "normals": inner[plane].astype(np.float32),
        "semseg": np.array([FLOOR, CEILING, *[WALL] * 4], np.uint8)[plane],
    }
    seen = [Surface(inner[k], -away[k], plane == k) for k in range(6)]
    large = tuple(one for one in seen if one.mask.mean() >= LEAST_SHARE)
    return Room(maps, camera, tuple(one for one in large if _radius(one.mask) >= WIDE * max(size) / 640))


def plant(kind: str, seed: int, size: tuple[int, int] = (480, 640)) -> Planted:
    """A fault of `kind` (a key of `FAULTS`), the same one for the same seed. Size (H, W)."""
    rng = np.random.default_rng([list(FAULTS).index(kind), seed])
    while True:
        planted = FAULTS[kind](rng, size)
        if planted is not None:
            return _noisy(replace(planted, kind=kind), rng)


def _radius(part: np.ndarray) -> float:
    return float(cv2.distanceTransform(np.pad(part, 1).view(np.uint8), cv2.DIST_L2, 3).max())


def _noisy(planted: Planted, rng: np.random.Generator) -> Planted:
    depth, normals = planted.maps["depth"], planted.maps["normals"]
    depth = depth * (1 + DEPTH_NOISE * rng.normal(size=depth.shape))
    turned = normals + np.tan(np.radians(NORMAL_NOISE_DEG)) * rng.normal(size=normals.shape)
    maps = {**planted.maps, "depth": depth.astype(np.float32), "normals": _unit(turned)}
    return replace(planted, maps=maps)


def _unit(normals: np.ndarray) -> np.ndarray:
    return (normals / np.linalg.norm(normals, axis=-1, keepdims=True)).astype(np.float32)


def _any_room(rng: np.random.Generator, size: tuple[int, int]) -> Room:
    if rng.random() < 0.5:
        return bare_room(rng, size)
    names = sorted(path.stem for path in EXAMPLES.glob("*.npz"))
    return example_room(str(rng.choice(names)), size)


def _surface(rng: np.random.Generator, room: Room, most_view_deg: float = 60.0) -> Surface | None:
    """Any of the room's surfaces that is not seen too obliquely."""
    flat = [one for one in room.surfaces if room.view_deg(one.normal, one.mask).mean() < most_view_deg]
    return flat[rng.integers(len(flat))] if flat else None


def _tilted(rng: np.random.Generator, size: tuple[int, int]) -> Planted | None:
    """The depth of a whole surface, turned by 35 to 60 degrees about a point of it; the normals stay."""
    room = _any_room(rng, size)
    one = _surface(rng, room)
    if one is None:
        return None
    points = room.camera.backproject(room.maps["depth"])[one.mask]
    axis = np.cross(one.normal, rng.normal(size=3))
    turn, _ = cv2.Rodrigues(axis / np.linalg.norm(axis) * np.radians(rng.uniform(35, 60)))
    normal = turn @ one.normal
    centre = points[rng.integers(len(points))]
    along = room.camera.rays()[one.mask] @ normal
    if angle_deg(-room.camera.rays()[one.mask], normal.astype(np.float32)).max() > 75:
        return None
    depth = room.maps["depth"].copy()
    depth[one.mask] = (normal @ centre) / along
    return Planted("", {**room.maps, "depth": depth}, room.camera, one.mask)


def _field(rng: np.random.Generator, size: tuple[int, int], least: float, most: float) -> np.ndarray:
    """Ripples (parallel waves) or bumps (smoothed noise) of unit spread, (H, W). least, most: pixels at 640 from crest
    to crest, about.
    """
    length = rng.uniform(least, most) * max(size) / 640
    if rng.random() < 0.5:
        turn, phase = rng.uniform(0, 2 * np.pi, 2)
        v, u = np.indices(size)
        return math.sqrt(2) * np.sin(2 * np.pi / length * (u * np.cos(turn) + v * np.sin(turn)) + phase)
    bumps = gaussian_filter(rng.normal(size=size), length / 5)
    return bumps / bumps.std()


def _rough_depth(rng: np.random.Generator, size: tuple[int, int]) -> Planted | None:
    """Ripples or bumps on a surface's depth, with a slope of 50 to 65 degrees (root mean square)."""
    room = _any_room(rng, size)
    one = _surface(rng, room, 50.0)
    if one is None:
        return None
    depth = _rippled(room, one, _field(rng, size, 20, 60), rng.uniform(50, 65))
    return Planted("", {**room.maps, "depth": depth}, room.camera, one.mask)


def _rippled(room: Room, one: Surface, field: np.ndarray, slope_deg: float) -> np.ndarray:
    """The room's depth with `field` (H, W) on one surface, scaled to that slope (root mean square)."""
    slope = np.hypot(*np.gradient(field))[one.mask]
    wanted = np.tan(np.radians(slope_deg)) / room.camera.fx
    depth = room.maps["depth"].copy()
    depth[one.mask] *= np.exp(field[one.mask] * wanted / np.sqrt((slope**2).mean()))
    return depth


def _rough_both(rng: np.random.Generator, size: tuple[int, int]) -> Planted | None:
    """Ripples or bumps on a surface's depth; its predicted normals are those of other ripples of the same slope."""
    room = _any_room(rng, size)
    one = _surface(rng, room, 50.0)
    if one is None:
        return None
    slope = rng.uniform(50, 65)
    depth, other = (_rippled(room, one, _field(rng, size, 30, 60), slope) for _ in range(2))
    turned = derivative_normals(other.astype(np.float32), room.camera)
    normals = np.where(one.mask[..., None], turned, room.maps["normals"])
    return Planted("", {**room.maps, "depth": depth, "normals": normals}, room.camera, one.mask)


def _rough_normals(rng: np.random.Generator, size: tuple[int, int]) -> Planted | None:
    """Ripples or bumps in a surface's predicted normals, or noise: turned by 40 to 60 degrees (root mean square)."""
    room = _any_room(rng, size)
    one = _surface(rng, room)
    if one is None:
        return None
    across = np.linalg.svd(one.normal[None])[2][1:]  # two axes in the surface
    if rng.random() < 0.3:
        fields = [gaussian_filter(rng.normal(size=size), rng.uniform(1, 3)) for _ in range(2)]
        fields = [field / field.std() for field in fields]
    else:
        fields = [_field(rng, size, 12, 60) for _ in range(2)]
    turn = np.radians(rng.uniform(40, 60)) / math.sqrt(2)
    by = np.stack(fields, axis=-1)[one.mask] * turn  # (N, 2) radians along both axes
    amount = np.maximum(np.linalg.norm(by, axis=-1, keepdims=True), 1e-9)
    normals = room.maps["normals"].copy()
    normals[one.mask] = np.cos(amount) * one.normal + np.sin(amount) * (by / amount) @ across
    return Planted("", {**room.maps, "normals": normals}, room.camera, one.mask)


def _discontinuity(rng: np.random.Generator, size: tuple[int, int]) -> Planted | None:
    """A part of a surface moved away by 25 to 70 % or nearer by 20 to 40 %, blurred as a network blurs steps."""
    room = _any_room(rng, size)
    one = _surface(rng, room)
    if one is None:
        return None
    rows, columns = np.nonzero(one.mask)
    k = rng.integers(len(rows))
    v, u = np.indices(size)
    turn = rng.uniform(0, 2 * np.pi)
    away = (u - columns[k]) * np.cos(turn) + (v - rows[k]) * np.sin(turn)
    if rng.random() < 0.4:  # a disc in place of a half
        away = np.hypot(u - columns[k], v - rows[k]) - rng.uniform(25, 80) * max(size) / 640
    width = rng.uniform(3, 5) * max(size) / 640
    part = 1 / (1 + np.exp(-np.clip(away / width, -50, 50)))
    band = one.mask & (np.abs(away) < 4 * width)
    cut = one.mask & (np.abs(away) < 1)
    share = part[one.mask].mean()
    if not 0.1 < share < 0.9 or cut.sum() < 40 * max(size) / 640:
        return None
    factor = 1 / (1 + (rng.uniform(0.25, 0.7) if rng.random() < 0.5 else -rng.uniform(0.2, 0.4)))
    depth = room.maps["depth"].copy()
    depth[one.mask] /= (1 + (factor - 1) * part)[one.mask]
    return Planted("", {**room.maps, "depth": depth}, room.camera, band)


def _merged(rng: np.random.Generator, size: tuple[int, int]) -> Planted | None:
    """Two surfaces that meet at 65 to 115 degrees get one label, and one normal in one of the two maps."""
    room = _any_room(rng, size)
    pairs = list(_meeting(room))
    if not pairs:
        return None
    first, second = pairs[rng.integers(len(pairs))]
    mask = first.mask | second.mask
    normal = (first.normal + second.normal) / np.linalg.norm(first.normal + second.normal)
    semseg = room.maps["semseg"].copy()
    semseg[mask] = semseg[first.mask][0]
    maps = {**room.maps, "semseg": semseg}
    if rng.random() < 0.6:
        maps["normals"] = np.where(mask[..., None], normal, room.maps["normals"])
        return Planted("", maps, room.camera, mask)
    centre = room.camera.backproject(room.maps["depth"])[mask].mean(axis=0)
    along = room.camera.rays() @ normal
    if angle_deg(-room.camera.rays()[mask], normal.astype(np.float32)).max() > 75:
        return None
    maps["depth"] = np.where(mask, (normal @ centre) / np.where(mask, along, -1), room.maps["depth"])
    return Planted("", maps, room.camera, mask)


def _meeting(room: Room) -> Iterator[tuple[Surface, Surface]]:
    """Pairs of surfaces of like size that touch in an edge of the room."""
    near = [binary_dilation(one.mask, iterations=2) for one in room.surfaces]
    for i, first in enumerate(room.surfaces):
        for j in range(i + 1, len(room.surfaces)):
            second = room.surfaces[j]
            areas = sorted((first.mask.sum(), second.mask.sum()))
            edge = near[i] & near[j]
            if edge.sum() < 200 * max(edge.shape) / 640 or areas[0] < 0.25 * areas[1]:
                continue
            rays = room.camera.rays()[edge]
            ratio = (first.offset / (rays @ first.normal)) / (second.offset / (rays @ second.normal))
            if 65 <= angle_deg(first.normal, second.normal) <= 115 and np.abs(np.log(ratio)).mean() < 0.05:
                yield first, second


def _far(rng: np.random.Generator, size: tuple[int, int]) -> Planted | None:
    """A surface at 9 to 12 metres, or one seen at 82 to 87 degrees, and the coarse steps of a sensor's depth."""
    return _distant(rng, size) if rng.random() < 0.5 else _oblique(rng, size)


def _distant(rng: np.random.Generator, size: tuple[int, int]) -> Planted | None:
    room = _any_room(rng, size)
    one = _surface(rng, room)
    if one is None:
        return None
    room = room.scaled(rng.uniform(9, 12) / float(np.median(room.maps["depth"][one.mask])))
    depth = room.maps["depth"].copy()
    depth[one.mask] = _quantised(depth[one.mask], SENSOR_STEP * rng.uniform(2, 4), rng)
    return Planted("", {**room.maps, "depth": depth}, room.camera, one.mask)


def _oblique(rng: np.random.Generator, size: tuple[int, int]) -> Planted | None:
    """A wall across the picture, and before it a surface that recedes from the camera."""
    camera = Camera.from_fov(size[1], size[0], rng.uniform(55, 70))
    rays = camera.rays(np.float64)
    turn = rng.uniform(0, 2 * np.pi)
    lean = np.radians(rng.uniform(82, 87))
    middle = rays[size[0] // 2, size[1] // 2]
    side = np.array([np.cos(turn), np.sin(turn), 0.0])
    normal = np.sin(lean) * side - np.cos(lean) * np.array([0.0, 0.0, 1.0])
    distance = rng.uniform(3, 6)
    wall = np.array([0.0, 0.0, -1.0])
    mask = np.zeros(size, bool)
    v, u = np.indices(size)
    along = (u - size[1] / 2) * side[0] + (v - size[0] / 2) * side[1]
    across = -(u - size[1] / 2) * side[1] + (v - size[0] / 2) * side[0]
    half = rng.uniform(25, 50) * max(size) / 640
    mask = (np.abs(along) < half) & (np.abs(across) < 5 * half)
    depth = np.full(size, 2 * distance)
    seen = distance * (normal @ middle) / (rays[mask] @ normal)
    if seen.min() < 0.5 or seen.max() > 4 * distance:
        return None
    depth[mask] = seen
    step = np.abs(1 / seen.min() - 1 / seen.max()) / rng.uniform(1.2, 2)
    depth[mask] = _quantised(depth[mask], step, rng)
    maps: dict[str, np.ndarray] = {
        "depth": depth.astype(np.float32),
        "normals": np.where(mask[..., None], normal, wall).astype(np.float32),
        "semseg": np.where(mask, WALL + 1, WALL).astype(np.uint8),
    }
    return Planted("", maps, camera, mask)


def _quantised(depth: np.ndarray, step: float, rng: np.random.Generator) -> np.ndarray:
    """Depth whose inverse is a multiple of `step` (1/m), as of a sensor that measures disparities."""
    inverse = 1 / depth + 0.1 * step * rng.normal(size=depth.shape)
    return 1 / (np.maximum(np.round(inverse / step), 1) * step)


def _unlike(rng: np.random.Generator, size: tuple[int, int]) -> Planted | None:
    """Any other fault, in a photo that something else found to be unlike those of training."""
    kinds = [kind for kind in FAULTS if kind != UNLIKE]
    planted = FAULTS[kinds[rng.integers(len(kinds))]](rng, size)
    return planted and replace(
        planted, unlike="its classes are less certain than those of any photo of training"
    )


FAULTS: dict[str, Callable[[np.random.Generator, tuple[int, int]], Planted | None]] = {
    TILTED: _tilted,
    ROUGH_DEPTH: _rough_depth,
    ROUGH_NORMALS: _rough_normals,
    DISCONTINUITY: _discontinuity,
    MERGED: _merged,
    FAR: _far,
    UNLIKE: _unlike,
    ROUGH_BOTH: _rough_both,
}
"""Cause -> what plants it, or None where the room drawn has no place for it."""
