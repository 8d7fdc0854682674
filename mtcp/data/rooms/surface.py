"""Points on surfaces: from ray hits to positions, normals, colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtcp.data.rooms.rays import Hits
from mtcp.data.rooms.room import Room

FAR = 1e3
"""Metres to what is outside of the room."""


@dataclass(frozen=True)
class Surface:
    """N points seen along `direction`. All vectors in world axes; both normals face the viewer.

    Attributes:
        triangle: int64 (N,); -1 is outside (only where a ray left the room), `FAR` away.
        position, direction, texture: (N, 3).
        face, normal: (N, 3), the triangle's own normal and the smooth one.
        distance: (N,) metres from where the ray began.
    """

    triangle: np.ndarray
    position: np.ndarray
    face: np.ndarray
    normal: np.ndarray
    direction: np.ndarray
    texture: np.ndarray
    distance: np.ndarray

    def __len__(self) -> int:
        return len(self.triangle)

    def take(self, index: np.ndarray) -> Surface:
        """Some of the points."""
        return Surface(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    def replaced(self, index: np.ndarray, by: Surface) -> Surface:
        """With some of the points exchanged."""
        fields = {name: getattr(self, name).copy() for name in self.__dataclass_fields__}
        for name, array in fields.items():
            array[index] = getattr(by, name)
        return Surface(**fields)


def surface_at(room: Room, hits: Hits, origin: np.ndarray, direction: np.ndarray) -> Surface:
    """The points where rays ended; unit `direction` is not needed."""
    out = hits.triangle < 0
    triangle = np.where(out, 0, hits.triangle)
    u, v = hits.uv[:, 0, None], hits.uv[:, 1, None]
    corners = room.corners[triangle]
    blend = corners[:, 0] * (1 - u - v) + corners[:, 1] * u + corners[:, 2] * v
    smooth, texture = blend[:, :3], blend[:, 3:]
    face = room.face[triangle]
    length = np.linalg.norm(direction, axis=1, keepdims=True)
    ahead = (direction / length).astype(np.float32)
    face *= np.where(np.einsum("nk,nk->n", face, ahead) > 0, np.float32(-1), np.float32(1))[:, None]
    smooth = smooth / np.maximum(np.linalg.norm(smooth, axis=1, keepdims=True), 1e-6)
    smooth *= np.where(np.einsum("nk,nk->n", smooth, face) < 0, np.float32(-1), np.float32(1))[:, None]
    distance = np.where(out, FAR, hits.distance).astype(np.float32)
    return Surface(
        triangle=hits.triangle,
        position=(origin + direction * distance[:, None]).astype(np.float32),
        face=face,
        normal=smooth.astype(np.float32),
        direction=ahead,
        texture=texture,
        distance=distance * length[:, 0].astype(np.float32),
    )


def albedo(room: Room, triangle: np.ndarray, texture: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Diffuse reflectance float32 (N, 3) of points on triangles (N,), each material once.

    Args:
        texture: (N, 3) texture coordinates.
        width: (N,) pixel size on the surface, metres.
    """
    result = np.empty((len(triangle), 3), np.float32)
    material = room.material[triangle]
    order = np.argsort(material, kind="stable")
    bounds = np.searchsorted(material[order], np.arange(len(room.materials) + 1))
    for index, paint in enumerate(room.materials):
        rows = order[bounds[index] : bounds[index + 1]]
        if len(rows):
            result[rows] = paint.texture(texture[rows], room.axis[triangle[rows]], width[rows])
    return result
