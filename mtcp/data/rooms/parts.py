"""What furniture is made of: materials, parts (mesh, material, label), items (parts that belong together)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from mtcp.data.rooms.colour import Colour
from mtcp.data.rooms.mesh import Mesh, Vec3, box, rotation
from mtcp.data.rooms.textures.surfaces import Paint, Texture
from mtcp.tasks import NYUD_CLASSES

LABELS = {name: index for index, name in enumerate(NYUD_CLASSES)}


@dataclass(frozen=True)
class Material:
    """How a surface looks.

    Attributes:
        texture: diffuse albedo.
        gloss: share of mirror reflection looked at straight (Schlick's F0): 0 matt, 0.04 varnish, 1 a mirror.
        translucency: share of the light on the back that shines through (curtains).
        glow: radiance given off, linear RGB; a texture is multiplied with it.
        pane: window glass: shows the outside, lets light pass.
    """

    texture: Texture
    gloss: float = 0.0
    translucency: float = 0.0
    glow: Colour = (0.0, 0.0, 0.0)
    pane: bool = False

    @property
    def passes_light(self) -> bool:
        """Shadow and bounce rays go through: glass and what glows."""
        return self.pane or max(self.glow) > 0


@dataclass(frozen=True)
class Part:
    """A mesh of one class and one material.

    `cells`: a large flat sheet in pieces, each of which takes light of its own.
    """

    mesh: Mesh
    label: int
    material: Material
    cells: bool = False

    def placed(self, yaw: float, offset: np.ndarray) -> Part:
        mesh = self.mesh.turned(yaw) if yaw else self.mesh
        return replace(self, mesh=mesh.moved(*offset))


@dataclass(frozen=True)
class Lamp:
    """A ball of light: centre, radius in metres, power as its irradiance (linear RGB) at one metre."""

    position: Vec3
    radius: float
    power: Colour

    def placed(self, yaw: float, offset: np.ndarray) -> Lamp:
        x, y, z = rotation(2, yaw) @ np.asarray(self.position) + offset
        return replace(self, position=(float(x), float(y), float(z)))


@dataclass(frozen=True)
class Item:
    """Parts in their own frame: x along the width (centred), y from the back (0) to the front, z up.

    `size` is (width, depth, height). `tops` are free horizontal places for small things: (x0, y0, x1, y1, z).
    """

    parts: tuple[Part, ...]
    size: Vec3
    lamps: tuple[Lamp, ...] = ()
    tops: tuple[tuple[float, float, float, float, float], ...] = field(default=())


class Builder:
    """Collects the parts of one item, of class `label` unless told otherwise."""

    def __init__(self, rng: np.random.Generator, label: str = "otherprop") -> None:
        self.rng, self.label = rng, label
        self.parts: list[Part] = []
        self.lamps: list[Lamp] = []
        self.tops: list[tuple[float, float, float, float, float]] = []

    def add(self, material: Material, *meshes: Mesh, label: str = "", shift: bool = True) -> None:
        """One part for each mesh.

        Args:
            shift: move the texture by chance, so that equal pieces differ; off for pictures, which must fit.
        """
        for mesh in meshes:
            if shift:
                mesh = replace(mesh, texture=mesh.texture + self.rng.uniform(0, 20, 3))
            self.parts.append(Part(mesh, LABELS[label or self.label], material))

    def legs(self, material: Material, x: float, y0: float, y1: float, high: float, thick: float) -> None:
        """Four square legs round (+-x, y0) and (+-x, y1)."""
        for px in (-x, x):
            for py in (y0, y1):
                half = thick / 2
                self.add(material, box((px - half, py - half, 0), (px + half, py + half, high)))

    def put(self, item: Item, x: float = 0.0, y: float = 0.0, z: float = 0.0, yaw: float = 0.0) -> None:
        """A whole item inside this one."""
        offset = np.array([x, y, z])
        self.parts += [part.placed(yaw, offset) for part in item.parts]
        self.lamps += [lamp.placed(yaw, offset) for lamp in item.lamps]

    def item(self, width: float, depth: float, height: float) -> Item:
        return Item(tuple(self.parts), (width, depth, height), tuple(self.lamps), tuple(self.tops))


def plain(colour: Colour, gloss: float = 0.0, mottle: float = 0.0) -> Material:
    """One colour: paint, plastic, ceramic by `gloss`."""
    return Material(Paint(colour, mottle), gloss)
