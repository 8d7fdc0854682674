"""Point clouds from depth maps, and what is drawn with them: needles along normals, the view of a region.

Everything is in the camera's axes, metres: x right, y down, z forward; the photo was taken from the origin.
A cloud has a point at the centre of each pixel of a regular sample of the depth map.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mtcp.errors import InputError
from mtcp.geometry.camera import Camera

BUDGET = 100_000
"""Points of a cloud, unless more are asked for."""
MOST_NEEDLES = 100
"""More would hide the surface that they stand on."""

JUMP_STEP = 0.002
"""Depth jumps are kept in whole steps of this share of the depth; 255 stands for that many or more."""
_REFERENCE_SIDE = 320  # neighbours are one pixel apart in maps of this width, farther in larger ones

_FRONTAL_DEG = 40.0  # a surface seen flatter than this is looked at more from its front
_SIDE_DEG = 22.0  # how far the view moves to the side of where the photo was taken, to show a frontal surface's relief
_MOST_TURN_DEG = 60.0  # nothing was seen from behind
_OUTER = 0.05  # of the points at either end of an axis may lie outside of what is framed: flying pixels
_LEAST_EXTENT = 0.05  # metres
# Shares of the turn away from the photo's ray that are tried, until enough is in sight.
_TURNS = (1.0, 0.7, 0.4, 0.15)
_IN_SIGHT = 0.8  # of the points, for a view to be good
_CELLS = 40  # of a side of the picture in which it is found what hides what
_BEFORE = 0.04  # what is nearer to the eye than a point by more than this share of the distance hides it


def sample(height: int, width: int, budget: int | None = BUDGET) -> tuple[np.ndarray, np.ndarray]:
    """The rows and the columns, int (h,) and (w,), of an even sample of at most `budget` pixels; None: all.

    Entry k of an axis of n entries is the pixel under the centre of its k-th of n equal parts.

    Raises:
        InputError: a budget under 1.
    """
    if budget is not None and budget < 1:
        raise InputError(f"point budget {budget}: give at least 1")
    scale = 1.0 if budget is None else min(1.0, math.sqrt(budget / (height * width)))
    h, w = max(1, int(height * scale)), max(1, int(width * scale))
    if budget is not None and h * w > budget:  # one pixel wide: the other axis alone must keep to it
        h, w = min(h, budget), min(w, budget)
    return _centres(height, h), _centres(width, w)


def depth_jumps(depth: np.ndarray) -> np.ndarray:
    """How much the depth (H, W) jumps at each pixel: uint8 (H, W), steps of `JUMP_STEP`.

    The largest difference to one of the four neighbours, relative to the nearer of the two. Neighbours are
    as far away as one pixel is at a width of 320, because larger maps are smoother copies of such. Points
    with a large jump are the "flying pixels" between two surfaces.
    """
    reach = max(1, round(max(depth.shape) / _REFERENCE_SIDE))
    known = np.isfinite(depth) & (depth > 0)
    inverse = np.divide(1.0, depth, out=np.zeros(depth.shape, np.float32), where=known)
    jump = np.zeros(depth.shape, np.float32)
    for axis in (0, 1):
        if depth.shape[axis] <= reach:
            continue
        near, far = (np.moveaxis(m, axis, 0) for m in (inverse, jump))
        a, b = near[:-reach], near[reach:]
        low, high = np.minimum(a, b), np.maximum(a, b)
        change = np.divide(high, low, out=np.ones_like(low), where=low > 0) - 1  # (far - near) / near
        np.maximum(far[:-reach], change, out=far[:-reach])
        np.maximum(far[reach:], change, out=far[reach:])
    return np.minimum(np.rint(jump / JUMP_STEP), 255).astype(np.uint8)


def jump_limit(share: float | None) -> int:
    """The largest jump, as in `depth_jumps`, that passes a filter at `share` of the depth; None or 0: all do."""
    return 255 if not share else min(254, round(share / JUMP_STEP))


def shown(depth: np.ndarray, jumps: np.ndarray, limit: int = 255) -> np.ndarray:
    """Which points there are: known depth (metres, any shape), and a jump of at most `limit`. bool."""
    return np.isfinite(depth) & (depth > 0) & (jumps <= limit)


def lift(depth: np.ndarray, camera: Camera, pixels: np.ndarray) -> np.ndarray:
    """Points float32 (N, 3), metres, at the centres of `pixels` int (N, 2) = (x, y) of the depth map (H, W).

    Raises:
        InputError: the map does not have the camera's size.
    """
    camera.require(depth, "depth")
    x, y = pixels[:, 0], pixels[:, 1]
    z = depth[y, x].astype(np.float64)
    ray_x, ray_y = camera.axes()
    return np.stack((ray_x[x] * z, ray_y[y] * z, z), axis=1).astype(np.float32)


def pick_pixels(mask: np.ndarray, most: int) -> np.ndarray:
    """At most `most` pixels (x, y), int (N, 2), of a boolean mask (H, W), on an even lattice."""
    y, x = np.nonzero(mask)
    step = max(1, int(math.sqrt(len(x) / most)) if most else 1)
    while True:
        on = (x % step == step // 2) & (y % step == step // 2)
        if np.count_nonzero(on) <= most:
            break
        step += 1
    if not on.any() and len(x):  # a region that slips between the lattice's points
        on[len(x) // 2] = most > 0
    return np.stack((x[on], y[on]), axis=1)


def disc(size: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    """bool (H, W): the pixels within `radius` pixels of `centre` = (x, y)."""
    y, x = np.ogrid[: size[0], : size[1]]
    return (x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2


@dataclass(frozen=True)
class Viewpoint:
    """Where to look from to frame some points.

    centre: what to look at. half_width, half_height: how far they reach to either side of it and up and down, as seen
    from there; nearer: how far towards the eye. All in metres.
    yaw_deg, pitch_deg: how far the eye went round the centre, to the left and up, from where it would look
    along z. The eye is in direction (-sin(yaw) cos(pitch), -sin(pitch), -cos(yaw) cos(pitch)).
    """

    centre: tuple[float, float, float]
    half_width: float
    half_height: float
    nearer: float
    yaw_deg: float
    pitch_deg: float


def viewpoint(
    points: np.ndarray, normal: np.ndarray | None = None, around: np.ndarray | None = None
) -> Viewpoint | None:
    """A view of the points (N, 3) from the front or a little to the side; None without points.

    normal: (3,) which way their surface faces. A surface that the photo saw at a grazing angle is turned to the
    eye; one that faced the photo is seen from the side, where its relief shows.
    around: (M, 3) what else is there. Where it would hide the points, the eye stays nearer to the photo's ray, from
    which nothing hid them.
    """
    if not len(points):
        return None
    centre = np.median(points, axis=0).astype(np.float64)
    back = -centre / max(float(np.linalg.norm(centre)), 1e-6)  # towards the photo's camera
    facing = back if normal is None or not np.any(normal) else np.asarray(normal, np.float64)
    facing = facing / np.linalg.norm(facing)
    if facing @ back < 0:
        facing = -facing
    yaw, pitch = _angles(back)
    if math.degrees(math.acos(min(1.0, float(facing @ back)))) > _FRONTAL_DEG:
        yaw, pitch = _angles(facing + back)
    else:
        yaw += _SIDE_DEG if centre[0] >= 0 else -_SIDE_DEG  # towards the middle of the room
        pitch += 10.0
    wanted, ray = np.clip((yaw, pitch), -_MOST_TURN_DEG, _MOST_TURN_DEG), np.array(_angles(back))
    best, most = None, -1.0
    for share in _TURNS:
        view = _framed(points, centre, *(ray + share * (wanted - ray)))
        seen = 1.0 if around is None else _in_sight(points, around, view)
        if seen > most:
            best, most = view, seen
        if seen >= _IN_SIGHT:
            break
    return best


def _framed(points: np.ndarray, centre: np.ndarray, yaw: float, pitch: float) -> Viewpoint:
    axes = _view_axes(yaw, pitch)
    low, high = np.quantile((points - centre) @ axes.T, (_OUTER, 1 - _OUTER), axis=0)
    middle, half = (low + high) / 2, np.maximum((high - low) / (2 - 4 * _OUTER), _LEAST_EXTENT)
    x, y, z = (float(v) for v in centre + middle @ axes)
    return Viewpoint((x, y, z), float(half[0]), float(half[1]), float(half[2]), float(yaw), float(pitch))


def _in_sight(points: np.ndarray, around: np.ndarray, view: Viewpoint) -> float:
    """The share of the points (N, 3) that nothing of `around` (M, 3) hides in a view that they fill about half of."""
    half = max(view.half_width, view.half_height)
    distance = 4 * half + view.nearer
    axes = _view_axes(view.yaw_deg, view.pitch_deg)
    eye = np.array(view.centre) + distance * axes[2]

    def seen(of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # their cells, and how far away they are
        x, y, back = ((of - eye) @ axes.T).T
        away = -back
        with np.errstate(divide="ignore", invalid="ignore"):
            across, down = (np.abs(v / away) * distance <= 1.5 * half for v in (x, y))
        inside = (away > distance / 100) & across & down
        column, row = (((v[inside] / away[inside] * distance / (3 * half) + 0.5) * _CELLS) for v in (x, y))
        cell = np.minimum(row.astype(np.intp), _CELLS - 1) * _CELLS + np.minimum(
            column.astype(np.intp), _CELLS - 1
        )
        return cell, away[inside]

    front = np.full(_CELLS * _CELLS, np.inf)
    np.minimum.at(front, *seen(around))
    cell, away = seen(points)
    return float(np.count_nonzero(away <= (1 + _BEFORE) * front[cell])) / len(points)


def _view_axes(yaw_deg: float, pitch_deg: float) -> np.ndarray:
    """Right, up and towards the eye, unit vectors in the rows of (3, 3), of a view with that yaw and pitch."""
    yaw, pitch = math.radians(yaw_deg), math.radians(pitch_deg)
    back = np.array((-math.sin(yaw) * math.cos(pitch), -math.sin(pitch), -math.cos(yaw) * math.cos(pitch)))
    right = np.array((math.cos(yaw), 0.0, -math.sin(yaw)))
    return np.stack((right, np.cross(right, -back), back))


def _angles(towards: np.ndarray) -> tuple[float, float]:
    """Yaw and pitch in degrees of the direction from the centre to the eye."""
    x, y, z = towards / np.linalg.norm(towards)
    return math.degrees(math.atan2(-x, -z)), math.degrees(math.asin(min(1.0, max(-1.0, -y))))


def _centres(have: int, want: int) -> np.ndarray:
    return ((np.arange(want) + 0.5) * have / want).astype(np.intp)
