"""Bounced light: radiosity between patches of surface, and the gather that reads it at a point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtcp.data.rooms.colour import LUMINANCE
from mtcp.data.rooms.light import direct
from mtcp.data.rooms.light.rays import OFFSET, Rays
from mtcp.data.rooms.mesh import cross
from mtcp.data.rooms.room import Room
from mtcp.data.rooms.surface import albedo

BRIGHT = (
    2.5  # times the mean radiosity: what exceeds it is sampled as a light source, the rest is met by chance
)


@dataclass(frozen=True)
class Beacons:
    """Points on the few bright patches (where the sun falls), which light the room like lamps.

    Attributes:
        position, normal: float32 (M, 3).
        flux: float32 (M, 3), radiosity above the common level times area.
        cumulative: float64 (M,) running share of the flux, ending in 1.
    """

    position: np.ndarray
    normal: np.ndarray
    flux: np.ndarray
    cumulative: np.ndarray


@dataclass(frozen=True)
class Radiosity:
    """Attributes:
    irradiance: float32 (P, 3) what each patch receives.
    reflectance: float32 (P, 3) its mean albedo.
    common: float32 (P, 3) radiosity (radiance times pi) of each patch, cut at `BRIGHT` times the mean.
    beacons: what was cut off.
    """

    irradiance: np.ndarray
    reflectance: np.ndarray
    common: np.ndarray
    beacons: Beacons


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
    light = direct.sun(room, rays, position, normal, normal, through, rng)
    light += direct.windows(room, rays, position, normal, normal, through, 1, rng)
    light += direct.lamps(room, rays, position, normal, normal, through, 1, rng)
    direction = hemisphere(normal, rng.random(len(position)), rng.random(len(position)))
    hits = rays.first(position + normal * OFFSET, direction, solid=True)
    seen = np.where(hits.triangle >= 0, room.patch[hits.triangle], count)
    reflect = _mean(colour, patch, count)
    straight = _mean(light, patch, count)
    irradiance = straight
    for _ in range(bounces):
        sent = np.concatenate([reflect * irradiance, np.zeros((1, 3), np.float32)])
        irradiance = straight + _mean(sent[seen], patch, count)
    sent = reflect * irradiance
    area = np.bincount(room.patch, _areas(room), count)
    level = sent @ LUMINANCE
    limit = BRIGHT * float((level * area).sum() / area.sum())
    share = np.where(level > limit, limit / np.maximum(level, 1e-9), 1)[:, None]
    bright = np.flatnonzero(share[patch, 0] < 1)
    flux = (sent * (1 - share) * area[:, None])[patch[bright]] / samples
    power = np.cumsum(flux @ LUMINANCE, dtype=np.float64)
    beacons = Beacons(
        position[bright], normal[bright], flux.astype(np.float32), power / power[-1] if len(power) else power
    )
    return Radiosity(irradiance.astype(np.float32), reflect, (sent * share).astype(np.float32), beacons)


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
    return triangle, position, _into(room, position, normal).astype(np.float32), inside[:, 3:]


def _areas(room: Room) -> np.ndarray:
    corners = room.vertices[room.triangles]
    return np.linalg.norm(cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)


def _into(room: Room, position: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Normals of the room's own walls point inside, whichever way they were wound."""
    size = np.asarray(room.size, np.float32)
    middle = size / 2
    at_wall = (np.minimum(position, size - position) < 0.005) & (np.abs(normal) > 0.9)
    outward = (at_wall & (normal * (position - middle) > 0)).any(1, keepdims=True)
    return np.where(outward, -normal, normal)


def _mean(values: np.ndarray, patch: np.ndarray, count: int) -> np.ndarray:
    """Per-patch mean of per-point values (N, 3)."""
    number = np.maximum(np.bincount(patch, minlength=count), 1)
    return np.stack([np.bincount(patch, values[:, k], count) / number for k in range(3)], 1).astype(
        np.float32
    )


def gather(
    room: Room, rays: Rays, radiosity: Radiosity, position: np.ndarray, normal: np.ndarray, face: np.ndarray,
    samples: int, rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Irradiance (N, 3) from the patches that `samples` stratified rays see; it darkens corners by itself."""
    total = _from_beacons(rays, radiosity.beacons, position, normal, face, max(1, samples // 3), rng)
    rest = np.zeros((len(position), 3), np.float32)
    start = position + face * OFFSET
    side = max(1, round(samples**0.5))
    rows = -(-samples // side)
    sent = np.concatenate([radiosity.common, np.zeros((1, 3), np.float32)])
    for k in range(side * rows):
        u = (k % side + rng.random(len(position))) / side
        v = (k // side + rng.random(len(position))) / rows
        hits = rays.first(start, hemisphere(normal, u, v), solid=True)
        rest += sent[np.where(hits.triangle >= 0, room.patch[hits.triangle], -1)]
    return total + rest / (side * rows)


def _from_beacons(
    rays: Rays, beacons: Beacons, position: np.ndarray, normal: np.ndarray, face: np.ndarray, samples: int,
    rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Irradiance (N, 3) from `samples` beacons drawn by their flux."""
    total = np.zeros((len(position), 3), np.float32)
    if len(beacons.cumulative) == 0:
        return total
    chance = np.diff(beacons.cumulative, prepend=0.0)
    worth = (beacons.flux / np.maximum(chance, 1e-12)[:, None] / np.pi / samples).astype(np.float32)
    for k in range(samples):
        draw = np.searchsorted(beacons.cumulative, (k + rng.random(len(position))) / samples)
        index = np.minimum(draw, len(chance) - 1)
        towards = beacons.position[index] + beacons.normal[index] * OFFSET - position
        squared = np.maximum((towards * towards).sum(1), 1e-6)
        cosines = (towards * normal).sum(1) * -(towards * beacons.normal[index]).sum(1)
        weight = np.where((towards * normal).sum(1) > 0, cosines, 0) / squared / np.maximum(squared, 0.09)
        lit = np.flatnonzero(weight > 1e-5)
        lit = lit[~rays.hidden(position[lit] + face[lit] * OFFSET, towards[lit], 0.999)]
        total[lit] += weight[lit, None] * worth[index[lit]]
    return total
