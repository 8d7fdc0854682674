"""From surface points to colour: light times albedo, what glossy surfaces mirror, what glows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtcp.data.rooms.light import bounce, direct
from mtcp.data.rooms.light.bounce import Radiosity
from mtcp.data.rooms.light.denoise import LightMap, lookup, smooth
from mtcp.data.rooms.light.rays import OFFSET, Rays
from mtcp.data.rooms.room import Room
from mtcp.data.rooms.surface import Surface, albedo, surface_at

ROUGH = 0.025  # radians: rougher reflections are smoothed like soft light, finer ones traced per sample
FAINT = 0.012  # mirrored shares below this are left out
MIRROR = 0.5  # materials at least this reflective, and smooth, show the room as it is


@dataclass(frozen=True)
class Quality:
    """How much is spent on a picture.

    Attributes:
        samples: rays per pixel (1, 3, 4 or 9), `edge_samples` where surfaces meet.
        pitch: one pixel of the light map for this many pixels.
        gather, window, lamp: rays per light-map pixel for bounced light, per window, per lamp.
        sun, sun_radius: rays per subpixel, and the sun's angular radius: few rays want a smaller sun.
        mirror: rays per light-map pixel for what rough glossy surfaces mirror.
        patch: points per patch of the radiosity solution.
        levels: smoothing passes over the light map.
    """

    samples: int
    edge_samples: int
    pitch: int
    gather: int
    window: int
    lamp: int
    sun: int
    sun_radius: float
    mirror: int
    patch: int
    levels: int


QUALITY = {
    "high": Quality(
        samples=4,
        edge_samples=9,
        pitch=2,
        gather=36,
        window=9,
        lamp=6,
        sun=3,
        sun_radius=0.006,
        mirror=4,
        patch=48,
        levels=4,
    ),
    "fast": Quality(
        samples=1,
        edge_samples=3,
        pitch=2,
        gather=4,
        window=1,
        lamp=1,
        sun=1,
        sun_radius=0.0025,
        mirror=1,
        patch=6,
        levels=4,
    ),
}


class Shader:
    """Shades points of one room."""

    def __init__(self, room: Room, rays: Rays, quality: Quality, rng: np.random.Generator) -> None:
        self.room, self.rays, self.quality, self.rng = room, rays, quality, rng
        self.radiosity: Radiosity = bounce.solve(room, rays, quality.patch, 4, rng)
        self._through = np.array([m.translucency for m in room.materials], np.float32)
        self._gloss = np.array([m.gloss for m in room.materials], np.float32)
        self._rough = np.array([m.rough for m in room.materials], np.float32)
        self._glow = np.array([m.glow for m in room.materials], np.float32)
        self._glare = 12 * float(self.radiosity.common.mean())  # brighter reflections only make noise
        self._pane = np.array([m.pane for m in room.materials])

    def through_mirrors(self, surface: Surface, depth: int = 2) -> tuple[Surface, np.ndarray]:
        """What is seen, mirrors followed; and the share of light the mirrors leave, (N,)."""
        share = np.ones(len(surface), np.float32)
        for _ in range(depth):
            material = self.room.material[surface.triangle]
            mirror = np.flatnonzero((self._gloss[material] >= MIRROR) & (self._rough[material] < 0.02))
            if len(mirror) == 0:
                break
            seen = self._reflected(surface.take(mirror), np.zeros(len(mirror), np.float32))
            share[mirror] *= 0.88
            surface = _replaced(surface, mirror, seen)
        return surface, share

    def _reflected(self, surface: Surface, rough: np.ndarray) -> Surface:
        """The points seen in mirror direction, spread by `rough` (N,) radians."""
        d, n = surface.direction, surface.normal
        towards = d - 2 * (d * n).sum(1, keepdims=True) * n
        towards = towards + rough[:, None] * self.rng.normal(size=towards.shape).astype(np.float32)
        below = (towards * surface.face).sum(1, keepdims=True)
        towards = towards - np.minimum(2 * below, 0) * surface.face
        towards = (towards / np.linalg.norm(towards, axis=1, keepdims=True)).astype(np.float32)
        start = surface.position + surface.face * OFFSET
        return surface_at(self.room, self.rays.first(start, towards), start, towards)

    def soft_light(self, surface: Surface) -> np.ndarray:
        """Irradiance (N, 3) of everything but the sun: windows, lamps, bounces. None for what glows itself."""
        room, rays, q = self.room, self.rays, self.quality
        p, n, f = surface.position, surface.normal, surface.face
        material = room.material[surface.triangle]
        through = self._through[material]
        light = bounce.gather(room, rays, self.radiosity, p, n, f, q.gather, self.rng)
        light += direct.windows(room, rays, p, n, f, through, q.window, self.rng)
        light += direct.lamps(room, rays, p, n, f, through, q.lamp, self.rng)
        light[self._glow[material].max(1) > 0] = 0  # or a lamp's own shade would outshine all round it
        return light

    def light_map(self, surface: Surface, pitch: int, shape: tuple[int, int], angle: float) -> LightMap:
        """Smoothed light on a grid of points (already every `pitch`-th pixel); `angle` of a pixel, radians.

        Channels: soft irradiance (3), what rough glossy surfaces mirror (3), where that is known (1).
        """
        h, w = shape
        scale = np.maximum(surface.distance * angle * pitch * 3, 0.006).reshape(h, w)
        light = np.zeros((h * w, 7), np.float32)
        light[:, :3] = self.soft_light(surface)
        material = self.room.material[surface.triangle]
        glossy = np.flatnonzero(self._blurred(material) & (self._fresnel(surface, material) > FAINT))
        if len(glossy):
            for _ in range(self.quality.mirror):
                light[glossy, 3:6] += self.mirrored(surface.take(glossy), angle) / self.quality.mirror
            light[glossy, 6] = 1
        grid = LightMap(
            light.reshape(h, w, 7),
            surface.position.reshape(h, w, 3),
            surface.normal.reshape(h, w, 3),
            scale,
            pitch,
        )
        return smooth(grid, self.quality.levels)

    def radiance(
        self, surface: Surface, grid: LightMap, row: np.ndarray, column: np.ndarray, angle: float
    ) -> np.ndarray:
        """Colour (N, 3), linear, of sample points at picture positions (row, column)."""
        room = self.room
        known, missing = lookup(grid, row, column, surface.position, surface.normal)
        light = known[:, :3]
        lost = np.flatnonzero(missing)
        if len(lost):
            light[lost] = self.soft_light(surface.take(lost))
        material = room.material[surface.triangle]
        s, through = surface, self._through[material]
        q = self.quality
        light += direct.sun(
            room, self.rays, s.position, s.normal, s.face, through, self.rng, q.sun, q.sun_radius
        )
        slant = np.maximum(-(surface.direction * surface.face).sum(1), 0.15)
        width = surface.distance * angle / np.sqrt(slant)
        colour = albedo(room, surface.triangle, surface.texture, width.astype(np.float32))
        result = colour * light + self._own_light(surface, material, colour)
        return self._add_gloss(result, surface, material, known, angle)

    def _own_light(self, surface: Surface, material: np.ndarray, colour: np.ndarray) -> np.ndarray:
        """What glows, and the outside seen through panes."""
        result = self._glow[material] * colour
        pane = np.flatnonzero(self._pane[material])
        if len(pane):
            result[pane] = np.pi * self.room.sky.view(surface.direction[pane])
        return result

    def _blurred(self, material: np.ndarray) -> np.ndarray:
        return (self._rough[material] > ROUGH) & (self._gloss[material] > 0)

    def _fresnel(self, surface: Surface, material: np.ndarray) -> np.ndarray:
        """Share of light mirrored, after Schlick's approximation, its rise at grazing angles held back."""
        base = self._gloss[material]
        cosine = np.clip(-(surface.direction * surface.normal).sum(1), 0, 1)
        rise = (1 - base) * (1 - cosine) ** 5 * np.clip(base * 12, 0, 0.6)
        return np.where(base > 0, base + rise, 0).astype(np.float32)

    def mirrored(self, surface: Surface, angle: float) -> np.ndarray:
        """Light (N, 3) from the mirror direction, shaded from the patches that the ray meets."""
        room = self.room
        rough = self._rough[room.material[surface.triangle]]
        seen = self._reflected(surface, rough)
        there, patch = room.material[seen.triangle], room.patch[seen.triangle]
        colour = self.radiosity.reflectance[patch]
        sharp = np.flatnonzero(rough <= ROUGH)
        if len(sharp):
            at = seen.take(sharp)
            colour[sharp] = albedo(room, at.triangle, at.texture, at.distance * (2 * angle) + 0.01)
        light = colour * self.radiosity.irradiance[patch] + self._own_light(seen, there, colour)
        return np.minimum(light, self._glare)

    def _add_gloss(
        self, result: np.ndarray, surface: Surface, material: np.ndarray, known: np.ndarray, angle: float
    ) -> np.ndarray:
        """Mirrored light laid over the diffuse colour."""
        share = self._fresnel(surface, material)
        blurred = self._blurred(material) & (known[:, 6] > 0.05)
        mirrored = known[:, 3:6] / np.maximum(known[:, 6:], 0.05)
        traced = np.flatnonzero((share > FAINT) & ~blurred)
        if len(traced):
            mirrored[traced] = self.mirrored(surface.take(traced), angle)
        share = np.where(share > FAINT, share, 0)[:, None]
        return result * (1 - share) + share * mirrored


def _replaced(surface: Surface, rows: np.ndarray, by: Surface) -> Surface:
    """`surface` with some of its points exchanged."""
    fields = []
    for name in surface.__dataclass_fields__:
        array = getattr(surface, name).copy()
        array[rows] = getattr(by, name)
        fields.append(array)
    return Surface(*fields)
