"""Where the camera stands: candidates are drawn, looked through at thumbnail size, the best one is taken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtcp.data.rooms.chance import any_of, odds, span
from mtcp.data.rooms.parts import LABELS
from mtcp.data.rooms.rays import Rays
from mtcp.data.rooms.room import Room
from mtcp.geometry.camera import Camera

SHELL = [LABELS[name] for name in ("wall", "floor", "ceiling")]
CLASSES = len(LABELS)
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
    grid = Camera.from_fov(COLUMNS, ROWS, 90.0).rays().reshape(-1, 3)
    wide = np.tan(np.radians([view.fov_deg for view in views]) / 2)
    directions = np.stack([grid * (t, t, 1) @ view.rotation for t, view in zip(wide, views, strict=True)])
    origins = np.repeat([view.position for view in views], ROWS * COLUMNS, axis=0)
    hits = rays.first(origins, directions.reshape(-1, 3))
    shape = (candidates, ROWS, COLUMNS)
    scores = _score(room, hits.triangle.reshape(shape), hits.distance.reshape(shape))
    return views[int(np.argmax(scores + [_shown(room, view) for view in views]))]


def _candidate(room: Room, rng: np.random.Generator, fov_deg: float | None) -> View:
    """Near a wall or corner, at eye height, looking at what the room is about or across its middle."""
    width, depth, height = room.size
    fov = span(rng, 56, 73) if fov_deg is None else fov_deg
    angle = rng.uniform(0, 2 * np.pi)
    reach = rng.uniform(0.7, 1.0)
    x = width / 2 + np.clip(1.3 * np.cos(angle), -1, 1) * (width / 2 - 0.22) * reach
    y = depth / 2 + np.clip(1.3 * np.sin(angle), -1, 1) * (depth / 2 - 0.22) * reach
    z = min(rng.uniform(1.1, 1.75), height - 0.4)
    target = np.array([width, depth]) * rng.uniform(0.3, 0.7, 2)
    if room.focus and odds(rng, 0.8):
        target = np.array(any_of(rng, room.focus)[:2]) + rng.normal(0, 0.3, 2)
    yaw = float(np.arctan2(target[1] - y, target[0] - x)) + rng.normal(0, 0.08)
    pitch = -span(rng, 0.06, 0.3) * (0.4 + 0.7 * (z - 0.9))
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


def _score(room: Room, triangle: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """High for many things in sight, floor and two walls among them, nothing in front of the lens.

    Args:
        triangle, depth: (K, ROWS, COLUMNS) thumbnails of K views.

    Returns:
        (K,) scores.
    """
    count, pixels = len(triangle), ROWS * COLUMNS
    label, near = room.label[triangle], depth.reshape(count, pixels)
    share = np.stack([(label == k).mean((1, 2)) for k in range(CLASSES)], 1)
    sides = ((label == LABELS["wall"])[..., None] & (np.abs(room.face[triangle]) > 0.9)).mean((1, 2))[:, :2]
    floor = share[:, LABELS["floor"]] + share[:, LABELS["floor mat"]]
    things = np.delete(share, SHELL, axis=1)
    score = 2.2 * np.sqrt(np.minimum(things, 0.14) * (things > 0.002)).sum(1)
    score -= 6.0 * np.maximum(0, things.max(1) - 0.3)
    score -= 14 * (near < NEAR).mean(1) + 30 * (near < 0.5).mean(1) + 20 * (near > FAR).mean(1)
    score -= 3 * (near < 0.45).any(1) + 2 * np.maximum(0, 2.0 - np.median(near, axis=1))
    score -= 15 * np.maximum(0, 0.1 - floor) + 5 * np.maximum(0, floor - 0.35) + 3 * (floor < 0.04)
    score -= 15 * np.maximum(0, 0.05 - sides.min(1)) + 3 * np.maximum(0, sides.sum(1) - 0.5)
    return np.where((triangle < 0).any((1, 2)), -100.0, score)
