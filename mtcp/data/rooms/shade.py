"""From surface points to colour: light times albedo, what glossy surfaces mirror, what glows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtcp.data.rooms.light import bounce, direct
from mtcp.data.rooms.light.direct import Points
from mtcp.data.rooms.light.smooth import smooth
from mtcp.data.rooms.rays import OFFSET, Rays
from mtcp.data.rooms.room import Room
from mtcp.data.rooms.surface import Surface, albedo, surface_at

FAINT = 0.012  # mirrored shares below this are left out
MIRROR = 0.5  # materials at least this reflective show the room as it is
ROUGH = 0.04  # radians: the spread of what others mirror


@dataclass(frozen=True)
class Quality:
    """How much is spent on a picture.

    Attributes:
        samples: rays per pixel.
        gather, window, lamp, sun: rays per point for bounced light, per window (a square number), per lamp, to the sun.
        patch: points per patch of the radiosity solution.
    """

    samples: int
    gather: int
    window: int
    lamp: int
    sun: int
    patch: int


QUALITY = {
    "high": Quality(samples=7, gather=24, window=9, lamp=4, sun=3, patch=48),
    "fast": Quality(samples=2, gather=2, window=1, lamp=1, sun=1, patch=6),
}
SMOOTHING = 5  # passes over the soft light


class Shader:
    """Shades points of one room."""

    def __init__(self, room: Room, rays: Rays, quality: Quality, rng: np.random.Generator) -> None:
        self.room, self.rays, self.quality, self.rng = room, rays, quality, rng
        self.radiosity = bounce.solve(room, rays, quality.patch, 4, rng)
        self._glare = 6 * float(self.radiosity.sent.mean())  # brighter reflections only make noise
        self._through = np.array([m.translucency for m in room.materials], np.float32)
        self._gloss = np.array([m.gloss for m in room.materials], np.float32)
        self._glow = np.array([m.glow for m in room.materials], np.float32)
        self._pane = np.array([m.pane for m in room.materials])

    def through_mirrors(self, surface: Surface) -> Surface:
        """What is seen, a mirror followed."""
        mirror = np.flatnonzero(self._gloss[self.room.material[surface.triangle]] >= MIRROR)
        return surface.replaced(mirror, self._reflected(surface.take(mirror), 0.0))

    def _reflected(self, surface: Surface, rough: float) -> Surface:
        """The points seen in mirror direction, spread by `rough` radians."""
        d, n = surface.direction, surface.normal
        towards = d - 2 * (d * n).sum(1, keepdims=True) * n
        towards = towards + rough * self.rng.normal(size=towards.shape)
        below = (towards * surface.face).sum(1, keepdims=True)
        towards = towards - np.minimum(2 * below, 0) * surface.face
        towards = (towards / np.linalg.norm(towards, axis=1, keepdims=True)).astype(np.float32)
        start = surface.position + surface.face * OFFSET
        return surface_at(self.room, self.rays.first(start, towards), start, towards)

    def _points(self, surface: Surface) -> Points:
        through = self._through[self.room.material[surface.triangle]]
        return Points(surface.position, surface.normal, surface.face, through)

    def soft_light(self, surface: Surface) -> np.ndarray:
        """Irradiance (N, 3) of everything but the sun: windows, lamps, bounces. None for what glows itself."""
        points, q = self._points(surface), self.quality
        light = bounce.gather(self.room, self.rays, self.radiosity, points, q.gather, self.rng)
        light += direct.windows(self.room, self.rays, points, q.window, self.rng)
        light += direct.lamps(self.room, self.rays, points, q.lamp, self.rng)
        light[self._glow[self.room.material[surface.triangle]].max(1) > 0] = (
            0  # it would outshine all round it
        )
        return light

    def light_map(self, surface: Surface, shape: tuple[int, int], angle: float) -> np.ndarray:
        """Smoothed soft light (H * W, 3) at the pixel centres; `angle` of a pixel, radians."""
        scale = np.maximum(surface.distance * angle * 4, 0.006).reshape(shape)
        light, position, normal = (
            a.reshape(*shape, 3) for a in (self.soft_light(surface), surface.position, surface.normal)
        )
        return smooth(light, position, normal, scale, SMOOTHING).reshape(-1, 3)

    def radiance(self, surface: Surface, centre: Surface, light: np.ndarray, angle: float) -> np.ndarray:
        """Colour (N, 3), linear, of sample points; `centre` and its soft `light` (N, 3) are of their pixels."""
        off = np.abs(((surface.position - centre.position) * centre.normal).sum(1))
        alike = ((surface.normal * centre.normal).sum(1) > 0.9) & (off < 0.01 + 2 * surface.distance * angle)
        other = np.flatnonzero(~alike)  # of another thing than the pixel's centre
        light = light.copy()
        light[other] = self.soft_light(surface.take(other))
        light += direct.sun(self.room, self.rays, self._points(surface), self.rng, self.quality.sun)
        material = self.room.material[surface.triangle]
        slant = np.maximum(-(surface.direction * surface.face).sum(1), 0.15)
        width = (surface.distance * angle / np.sqrt(slant)).astype(np.float32)
        colour = albedo(self.room, surface.triangle, surface.texture, width)
        result = colour * light + self._own_light(surface, material, colour)
        share = self._fresnel(surface, material)[:, None]
        glossy = np.flatnonzero(share > FAINT)
        mirrored = self._mirrored(surface.take(glossy))
        result[glossy] += share[glossy] * (mirrored - result[glossy])
        return result

    def _own_light(self, surface: Surface, material: np.ndarray, colour: np.ndarray) -> np.ndarray:
        """What glows, and the outside seen through panes."""
        result = self._glow[material] * colour
        pane = np.flatnonzero(self._pane[material])
        result[pane] = np.pi * self.room.sky.view(surface.direction[pane])
        return result

    def _fresnel(self, surface: Surface, material: np.ndarray) -> np.ndarray:
        """Share of light mirrored, after Schlick's approximation, its rise at grazing angles held back."""
        base = self._gloss[material]
        cosine = np.clip(-(surface.direction * surface.normal).sum(1), 0, 1)
        rise = (1 - base) * (1 - cosine) ** 5 * np.clip(base * 12, 0, 0.6)
        return np.where(base > 0, base + rise, 0).astype(np.float32)

    def _mirrored(self, surface: Surface) -> np.ndarray:
        """Light (N, 3) from the mirror direction, shaded from the patches that the ray meets."""
        seen = self._reflected(surface, ROUGH)
        material, patch = self.room.material[seen.triangle], self.room.patch[seen.triangle]
        colour = self.radiosity.reflectance[patch]
        light = colour * self.radiosity.irradiance[patch] + self._own_light(seen, material, colour)
        return np.minimum(light, self._glare)
