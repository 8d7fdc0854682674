"""Where the camera stands: candidates are drawn, looked through at thumbnail size, the best one is taken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtcp.data.rooms.chance import any_of
from mtcp.data.rooms.light.rays import Rays
from mtcp.data.rooms.parts import LABELS
from mtcp.data.rooms.room import Room
from mtcp.geometry.camera import Camera

SHELL = tuple(LABELS[name] for name in ("wall", "floor", "ceiling"))
ROWS, COLUMNS = 24, 32  # of a thumbnail
NEAR, FAR = 0.7, 10.0  # metres: the range of the Kinect that took NYU Depth V2


@dataclass(frozen=True)
class View:
    """A camera in a room.

    Attributes:
        position: (3,) world metres.
        rotation: (3, 3), rows are the camera's x (right), y (down), z (forward) in world axes.
        fov_deg: horizontal field of view.
    """

    position: np.ndarray
    rotation: np.ndarray
    fov_deg: float

    def camera(self, height: int, width: int) -> Camera:
        """Its intrinsics at a picture size."""
        return Camera.from_fov(width, height, self.fov_deg)


def look(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """World-to-camera rotation for a heading (0 is +x, counterclockwise), pitch (up) and roll, radians."""
    forward = np.array([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)])
    right = np.array([np.sin(yaw), -np.cos(yaw), 0.0])
    down = np.cross(forward, right)
    c, s = np.cos(roll), np.sin(roll)
    return np.stack([c * right + s * down, -s * right + c * down, forward])


def choose_view(room: Room, rays: Rays, fov_deg: float | None = None, candidates: int = 40) -> View:
    """The best of `candidates` random views of a room; the same for the same room."""
    rng = np.random.default_rng([room.seed, 77])
    views = [_candidate(room, rng, fov_deg) for _ in range(candidates)]
    thumbnails = [view.camera(ROWS, COLUMNS).rays().reshape(-1, 3) @ view.rotation for view in views]
    origin = np.repeat([view.position for view in views], ROWS * COLUMNS, axis=0)
    hits = rays.first(origin, np.concatenate(thumbnails))
    shape = (candidates, ROWS, COLUMNS)
    scores = [
        _score(room, triangle, depth) + _shown(room, view)
        for view, triangle, depth in zip(
            views, hits.triangle.reshape(shape), hits.distance.reshape(shape), strict=True
        )
    ]
    return views[int(np.argmax(scores))]


def _candidate(room: Room, rng: np.random.Generator, fov_deg: float | None) -> View:
    """Near a wall or corner, at eye height, looking at what the room is about or across its middle."""
    width, depth, height = room.size
    fov = float(rng.uniform(56, 73)) if fov_deg is None else fov_deg
    angle = rng.uniform(0, 2 * np.pi)
    reach = rng.uniform(0.7, 1.0)
    x = width / 2 + np.clip(1.3 * np.cos(angle), -1, 1) * (width / 2 - 0.22) * reach
    y = depth / 2 + np.clip(1.3 * np.sin(angle), -1, 1) * (depth / 2 - 0.22) * reach
    z = min(rng.uniform(1.1, 1.75), height - 0.4)
    target = np.array([width, depth]) * rng.uniform(0.3, 0.7, 2)
    if room.focus and rng.random() < 0.8:
        target = np.array(any_of(rng, room.focus)[:2]) + rng.normal(0, 0.3, 2)
    yaw = float(np.arctan2(target[1] - y, target[0] - x)) + rng.normal(0, 0.08)
    pitch = -float(rng.uniform(0.06, 0.3)) * (0.4 + 0.7 * (z - 0.9))
    return View(np.array([x, y, z]), look(yaw, pitch, float(np.clip(rng.normal(0, 0.012), -0.03, 0.03))), fov)


def _shown(room: Room, view: View) -> float:
    """How well the picture holds what the room is about; the first of those things counts most."""
    total, weight = 0.0, 1.6
    camera = view.camera(ROWS, COLUMNS)
    for place in room.focus:
        x, y, z = view.rotation @ (np.asarray(place) - view.position)
        if z > 1.2:
            off = max(abs(x / z * camera.fx) / (COLUMNS / 2), abs(y / z * camera.fy) / (ROWS / 2))
            total += weight * float(np.clip(1.8 - 1.6 * off, 0, 1))
        weight = 0.6
    return total


def _score(room: Room, triangle: np.ndarray, depth: np.ndarray) -> float:
    """High for many things in sight, floor and two walls among them, nothing in front of the lens.

    Args:
        triangle, depth: (ROWS, COLUMNS) thumbnail of the view.
    """
    if (triangle < 0).any():
        return -100.0
    label = room.label[triangle]
    share = np.bincount(label.ravel(), minlength=40) / label.size
    normal = room.face[triangle]
    sides = [float(((label == LABELS["wall"]) & (np.abs(normal[..., k]) > 0.9)).mean()) for k in (0, 1)]
    thing = ~np.isin(label, SHELL)
    score = 2.2 * sum(np.sqrt(min(s, 0.14)) for i, s in enumerate(share) if i not in SHELL and s > 0.002)
    score -= (
        14.0 * float((depth < NEAR).mean())
        + 30.0 * float((depth < 0.5).mean())
        + 20.0 * float((depth > FAR).mean())
    )
    for border, weight in ((np.s_[-2:], 2.0), (np.s_[:, :2], 1.0), (np.s_[:, -2:], 1.0)):
        score -= weight * float((thing[border] & (depth[border] < 2.2)).mean())
    score -= 6.0 * max(0.0, float(share[[i for i in range(40) if i not in SHELL]].max()) - 0.3)
    floor = share[LABELS["floor"]] + share[LABELS["floor mat"]]
    score -= 15.0 * max(0.0, 0.1 - floor) + 5.0 * max(0.0, floor - 0.35)
    score -= 15.0 * max(0.0, 0.05 - min(sides)) + 3.0 * max(0.0, sum(sides) - 0.5)
    return score - 2.0 * max(0.0, 2.0 - float(np.median(depth)))
