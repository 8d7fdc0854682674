"""Light that arrives straight: from the sun, through windows, from lamps; as irradiance, linear RGB."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtcp.data.rooms.rays import OFFSET, Rays
from mtcp.data.rooms.room import Room

SUN_RADIUS = 0.0047  # radians


@dataclass(frozen=True)
class Points:
    """N points that light falls on.

    Attributes:
        position, normal, face: float32 (N, 3); the smooth normal and the triangle's own.
        through: float32 (N,), what counts of light on the back (translucent cloth).
    """

    position: np.ndarray
    normal: np.ndarray
    face: np.ndarray
    through: np.ndarray

    def __len__(self) -> int:
        return len(self.position)

    def received(
        self, rays: Rays, towards: np.ndarray, weight: np.ndarray, far: float = np.inf
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which points a light is seen from, and what each takes of it.

        Args:
            towards: (N, 3) to the light, any length.
            weight: (N,) or number: strength at perpendicular incidence; none is no light.
            far: the light's place in units of `towards`.

        Returns:
            Indices (M,) of lit points and float32 (M, 1) the weight times the cosine.
        """
        cosine = np.einsum("nk,nk->n", self.normal, towards) / np.linalg.norm(towards, axis=1)
        share = np.where(cosine >= 0, cosine, -cosine * self.through) * weight
        lit = np.flatnonzero(share > 1e-5)
        side = np.where(cosine[lit, None] >= 0, np.float32(OFFSET), np.float32(-OFFSET))
        lit = lit[~rays.hidden(self.position[lit] + self.face[lit] * side, towards[lit], far)]
        return lit, share[lit, None].astype(np.float32)


def sun(room: Room, rays: Rays, points: Points, rng: np.random.Generator, samples: int = 1) -> np.ndarray:
    """Sunlight, `samples` shadow rays towards points of the sun. (N, 3)."""
    result = np.zeros((len(points), 3), np.float32)
    if max(room.sky.sun_power) <= 0:
        return result
    for _ in range(samples):
        spread = rng.normal(0, SUN_RADIUS / 2, (len(points), 3))
        lit, share = points.received(
            rays, (room.sky.sun + spread).astype(np.float32), np.float32(1 / samples)
        )
        result[lit] += share * np.asarray(room.sky.sun_power, np.float32)
    return result


def windows(room: Room, rays: Rays, points: Points, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Sky light through the windows, `samples` (a square number) stratified points on each. (N, 3)."""
    result = np.zeros((len(points), 3), np.float32)
    side = round(samples**0.5)
    for portal in room.portals:
        area = float(np.linalg.norm(np.cross(portal.a, portal.b)))
        for k in range(side * side):
            s, t = ((n + rng.random((len(points), 1))) / side for n in (k % side, k // side))
            target = (portal.corner + s * portal.a + t * portal.b).astype(np.float32)
            towards = target - points.position
            squared = (towards * towards).sum(1)
            towards /= np.sqrt(squared)[:, None]
            seen = np.maximum(-(towards @ portal.normal.astype(np.float32)), 0)
            lit, share = points.received(rays, towards, seen * area / np.maximum(squared, 0.05) / side**2)
            result[lit] += share * room.sky.light(towards[lit])
    return result


def lamps(room: Room, rays: Rays, points: Points, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Lamps as balls of light, `samples` shadow rays each. (N, 3)."""
    result = np.zeros((len(points), 3), np.float32)
    for lamp in room.lamps:
        for _ in range(samples):
            ball = rng.normal(size=(len(points), 3)).astype(np.float32)
            ball *= lamp.radius / np.maximum(np.linalg.norm(ball, axis=1, keepdims=True), 1e-6)
            towards = np.asarray(lamp.position, np.float32) + ball - points.position
            weight = 1 / np.maximum((towards * towards).sum(1), 0.02) / samples
            lit, share = points.received(rays, towards, weight, 1.0)
            result[lit] += share * np.asarray(lamp.power, np.float32)
    return result
