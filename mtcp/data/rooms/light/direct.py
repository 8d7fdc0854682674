"""Light that arrives straight: from the sun, through windows, from lamps; as irradiance, linear RGB."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.light.rays import OFFSET, Rays
from mtcp.data.rooms.room import Room

SUN_RADIUS = 0.0047  # radians


def _received(
    normal: np.ndarray, direction: np.ndarray, through: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Share of light from `direction` that a surface takes, and the side it comes from (+1 front, -1 back).

    `through` (N,): what counts of light on the back (translucent cloth).
    """
    cosine = np.einsum("nk,nk->n", normal, direction)
    side = np.where(cosine >= 0, 1.0, -1.0).astype(np.float32)
    return np.where(cosine >= 0, cosine, -cosine * through), side


def sun(
    room: Room, rays: Rays, position: np.ndarray, normal: np.ndarray, face: np.ndarray, through: np.ndarray,
    rng: np.random.Generator, samples: int = 1, radius: float = SUN_RADIUS,
) -> np.ndarray:  # fmt: skip
    """Sunlight, `samples` shadow rays towards points of a sun of this angular radius. (N, 3)."""
    result = np.zeros((len(position), 3), np.float32)
    if max(room.sky.sun_power) <= 0:
        return result
    across, up = _disc_axes(room.sky.sun)
    power = np.asarray(room.sky.sun_power, np.float32) / samples
    cosine = normal @ np.asarray(room.sky.sun, np.float32)
    facing = np.flatnonzero((cosine > -radius) | (through > 0))
    for _ in range(samples):
        r, turn = radius * np.sqrt(rng.random(len(facing))), 2 * np.pi * rng.random(len(facing))
        offset = (r * np.cos(turn))[:, None] * across + (r * np.sin(turn))[:, None] * up
        towards = (np.asarray(room.sky.sun) + offset).astype(np.float32)
        share, side = _received(normal[facing], towards, through[facing])
        lit = np.flatnonzero(share > 1e-4)
        start = position[facing[lit]] + face[facing[lit]] * (OFFSET * side[lit, None])
        lit = lit[~rays.hidden(start, towards[lit])]
        result[facing[lit]] += share[lit, None] * power
    return result


def _disc_axes(sun: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors across the direction of the sun (which never stands in the zenith)."""
    across = np.cross(sun, (0.0, 0.0, 1.0))
    across /= np.linalg.norm(across)
    return across, np.cross(across, sun)


def windows(
    room: Room, rays: Rays, position: np.ndarray, normal: np.ndarray, face: np.ndarray, through: np.ndarray,
    samples: int, rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Sky light through the windows, `samples` stratified points on each. (N, 3)."""
    result = np.zeros((len(position), 3), np.float32)
    side_count = max(1, round(samples**0.5))
    for portal in room.portals:
        area = float(np.linalg.norm(np.cross(portal.a, portal.b)))
        total = side_count * side_count
        for k in range(total):
            s = (k % side_count + rng.random((len(position), 1))) / side_count
            t = (k // side_count + rng.random((len(position), 1))) / side_count
            target = (portal.corner + s * portal.a + t * portal.b).astype(np.float32)
            towards = target - position
            squared = (towards * towards).sum(1)
            towards /= np.sqrt(squared)[:, None]
            share, side = _received(normal, towards, through)
            seen = -(towards @ portal.normal.astype(np.float32))
            weight = share * np.maximum(seen, 0) * area / np.maximum(squared, 0.05) / total
            lit = np.flatnonzero(weight > 1e-5)
            start = position[lit] + face[lit] * (OFFSET * side[lit, None])
            lit = lit[~rays.hidden(start, towards[lit])]
            result[lit] += weight[lit, None] * room.sky.light(towards[lit])
    return result


def lamps(
    room: Room, rays: Rays, position: np.ndarray, normal: np.ndarray, face: np.ndarray, through: np.ndarray,
    samples: int, rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Lamps as balls of light, `samples` shadow rays each. (N, 3)."""
    result = np.zeros((len(position), 3), np.float32)
    for lamp in room.lamps:
        for _ in range(samples):
            ball = rng.normal(size=(len(position), 3)).astype(np.float32)
            ball *= lamp.radius / np.maximum(np.linalg.norm(ball, axis=1, keepdims=True), 1e-6)
            towards = np.asarray(lamp.position, np.float32) + ball - position
            squared = (towards * towards).sum(1)
            share, side = _received(normal, towards / np.sqrt(squared)[:, None], through)
            weight = share / np.maximum(squared, 0.02) / samples
            lit = np.flatnonzero(weight > 1e-5)
            start = position[lit] + face[lit] * (OFFSET * side[lit, None])
            lit = lit[~rays.hidden(start, towards[lit], 1.0)]
            result[lit] += weight[lit, None] * np.asarray(lamp.power, np.float32)
    return result
