"""Bounced light: radiosity between patches of surface, and the gather that reads it at a point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtcp.data.rooms.light import direct
from mtcp.data.rooms.light.direct import Points
from mtcp.data.rooms.rays import OFFSET, Rays
from mtcp.data.rooms.room import Room
from mtcp.data.rooms.surface import albedo

GLARE = 30.0  # times the mean radiosity: what one ray may bring at most, or few rays would sparkle


@dataclass(frozen=True)
class Radiosity:
    """Attributes:
    irradiance: float32 (P, 3) what each patch receives.
    reflectance: float32 (P, 3) its mean albedo.
    sent: float32 (P + 1, 3) radiosity (radiance times pi) of each patch; the last one is what misses the room.
    """

    irradiance: np.ndarray
    reflectance: np.ndarray
    sent: np.ndarray


def hemisphere(normal: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Directions about `normal` (N, 3) with cosine density, from u, v in 0..1 (N,). float32 (N, 3)."""
    r, phi = np.sqrt(u), 2 * np.pi * v
    sign = np.where(normal[:, 2] >= 0, 1.0, -1.0)
    a = -1.0 / (sign + normal[:, 2])  # orthonormal basis after Duff et al. 2017
    b = normal[:, 0] * normal[:, 1] * a
    tangent = np.stack([1 + sign * normal[:, 0] ** 2 * a, sign * b, -sign * normal[:, 0]], 1)
    bitangent = np.stack([b, sign + normal[:, 1] ** 2 * a, -normal[:, 1]], 1)
    x, y, z = r * np.cos(phi), r * np.sin(phi), np.sqrt(np.maximum(1 - u, 0))
    return (tangent * x[:, None] + bitangent * y[:, None] + normal * z[:, None]).astype(np.float32)


def solve(room: Room, rays: Rays, samples: int, bounces: int, rng: np.random.Generator) -> Radiosity:
    """Radiosity of all patches from `samples` points on each, light going round `bounces` times."""
    count = int(room.patch.max()) + 1
    triangle, position, normal, texture = _points(room, count, samples, rng)
    patch = room.patch[triangle]
    through = np.array([m.translucency for m in room.materials], np.float32)[room.material[triangle]]
    colour = albedo(room, triangle, texture, np.full(len(triangle), 0.05, np.float32))
    points = Points(position, normal, normal, through)
    light = direct.sun(room, rays, points, rng)
    light += direct.windows(room, rays, points, 1, rng)
    light += direct.lamps(room, rays, points, 1, rng)
    direction = hemisphere(normal, rng.random(len(position)), rng.random(len(position)))
    hits = rays.first(position + normal * OFFSET, direction, solid=True)
    seen = np.where(hits.triangle >= 0, room.patch[hits.triangle], count)
    reflect = _mean(colour, patch, count)
    straight = _mean(light, patch, count)
    irradiance = straight
    for _ in range(bounces):
        sent = np.concatenate([reflect * irradiance, np.zeros((1, 3), np.float32)])
        irradiance = straight + _mean(sent[seen], patch, count)
    sent = np.concatenate([reflect * irradiance, np.zeros((1, 3), np.float32)])
    area = np.bincount(room.patch, _areas(room), count)[:, None]
    return Radiosity(
        irradiance, reflect, np.minimum(sent, GLARE * float((sent[:-1] * area).sum() / area.sum() / 3))
    )


def _points(
    room: Room, count: int, samples: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """`samples` random points on every patch, on the side that looks into the room."""
    area = _areas(room)
    order = np.argsort(room.patch, kind="stable")
    total = np.cumsum(area[order].astype(np.float64))
    ends = np.searchsorted(room.patch[order], np.arange(count), side="right") - 1
    high = total[ends]
    low = np.concatenate([[0.0], high[:-1]])
    draw = (
        low[:, None] + (high - low)[:, None] * (np.arange(samples) + rng.random((count, samples))) / samples
    )
    first = np.concatenate([[0], ends[:-1] + 1])
    index = np.clip(np.searchsorted(total, draw.ravel()), np.repeat(first, samples), np.repeat(ends, samples))
    triangle = order[index]
    s, t = rng.random((2, len(triangle), 1)).astype(np.float32)
    flip = s + t > 1
    s, t = np.where(flip, 1 - s, s), np.where(flip, 1 - t, t)
    at = room.triangles[triangle]
    position = (
        room.vertices[at[:, 0]] * (1 - s - t) + room.vertices[at[:, 1]] * s + room.vertices[at[:, 2]] * t
    )
    corners = room.corners[triangle]
    inside = corners[:, 0] * (1 - s - t) + corners[:, 1] * s + corners[:, 2] * t
    normal = room.face[triangle]
    outward = (normal * inside[:, :3]).sum(1, keepdims=True) >= 0
    normal = np.where(outward, normal, -normal)
    return triangle, position, normal, inside[:, 3:]


def _areas(room: Room) -> np.ndarray:
    corners = room.vertices[room.triangles]
    return np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)


def _mean(values: np.ndarray, patch: np.ndarray, count: int) -> np.ndarray:
    """Per-patch mean of per-point values (N, 3)."""
    number = np.maximum(np.bincount(patch, minlength=count), 1)
    return np.stack([np.bincount(patch, values[:, k], count) / number for k in range(3)], 1).astype(
        np.float32
    )


def gather(
    room: Room, rays: Rays, radiosity: Radiosity, points: Points, samples: int, rng: np.random.Generator
) -> np.ndarray:
    """Irradiance (N, 3) from the patches that `samples` rays see; it darkens corners by itself."""
    total = np.zeros((len(points), 3), np.float32)
    start = points.position + points.face * OFFSET
    for k in range(samples):
        u = (k + rng.random(len(points))) / samples
        hits = rays.first(start, hemisphere(points.normal, u, rng.random(len(points))), solid=True)
        total += radiosity.sent[np.where(hits.triangle >= 0, room.patch[hits.triangle], -1)]
    return total / samples
