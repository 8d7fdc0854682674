"""A finished room: flat arrays of triangles with classes and materials, and where its light comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtcp.data.rooms.parts import Lamp, Material, Part
from mtcp.data.rooms.sky import Sky


@dataclass(frozen=True)
class Portal:
    """A window that lets light in: a rectangle from `corner` along `a` and `b`, `normal` into the room."""

    corner: np.ndarray
    a: np.ndarray
    b: np.ndarray
    normal: np.ndarray


@dataclass(frozen=True)
class Room:
    """Triangles in world axes (metres, z up, floor at 0, walls at x = 0, width and y = 0, depth).

    Attributes:
        size: (width, depth, height).
        vertices: float32 (V, 3).
        triangles: int32 (T, 3).
        face: float32 (T, 3) unit normals of the triangles, either side.
        corners: float32 (T, 3, 6) per corner the shading normal (for the picture) and texture coordinates.
        label: uint8 (T,) class 0..39.
        material: int32 (T,) index into `materials`.
        patch: int32 (T,) pieces of surface that share indirect light, numbered from 0.
        axis: int8 (T,) texture axis nearest to the triangle's normal.
        focus: what a picture of the room should show.
    """

    seed: int
    kind: str
    size: tuple[float, float, float]
    vertices: np.ndarray
    triangles: np.ndarray
    face: np.ndarray
    corners: np.ndarray
    label: np.ndarray
    material: np.ndarray
    patch: np.ndarray
    axis: np.ndarray
    materials: tuple[Material, ...]
    lamps: tuple[Lamp, ...]
    portals: tuple[Portal, ...]
    sky: Sky
    focus: tuple[tuple[float, float, float], ...]


def _normals(vertices: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit normals (T, 3) and areas (T,), float64."""
    corners = vertices.astype(np.float64)[triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normal, axis=1)
    return normal / np.maximum(length, 1e-20)[:, None], length / 2


def assemble(
    seed: int, kind: str, size: tuple[float, float, float], parts: list[Part], lamps: list[Lamp],
    portals: list[Portal], sky: Sky, focus: list[tuple[float, float, float]],
) -> Room:  # fmt: skip
    """One room of many parts. Triangles without area are left out."""
    materials: dict[Material, int] = {}
    counts = np.array([len(p.mesh.vertices) for p in parts])
    starts = np.concatenate([[0], counts.cumsum()[:-1]])
    vertices = np.concatenate([p.mesh.vertices for p in parts]).astype(np.float32)
    texture = np.concatenate([p.mesh.texture for p in parts]).astype(np.float32)
    triangles = np.concatenate([p.mesh.triangles + s for p, s in zip(parts, starts, strict=True)]).astype(
        np.int32
    )
    owner = np.repeat(np.arange(len(parts)), [len(p.mesh.triangles) for p in parts])
    face, area = _normals(vertices, triangles)
    local = np.concatenate(
        [np.arange(len(p.mesh.triangles)) % max(1, len(p.mesh.triangles) // 2) for p in parts]
    )
    keep = area > 1e-10
    triangles, owner, local, face = triangles[keep], owner[keep], local[keep], face[keep]
    ids = np.array([materials.setdefault(p.material, len(materials)) for p in parts], np.int32)
    normals = np.concatenate([p.mesh.normals for p in parts]).astype(np.float32)
    return Room(
        seed=seed,
        kind=kind,
        size=size,
        vertices=vertices,
        triangles=triangles,
        face=face.astype(np.float32),
        corners=np.concatenate([normals, texture], 1)[triangles],
        label=np.array([p.label for p in parts], np.uint8)[owner],
        material=ids[owner],
        patch=_patches(face, owner, local, np.array([p.cells for p in parts])),
        axis=np.abs(_normals(texture, triangles)[0]).argmax(1).astype(np.int8),
        materials=tuple(materials),
        lamps=tuple(lamps),
        portals=tuple(portals),
        sky=sky,
        focus=tuple(focus),
    )


def _patches(normal: np.ndarray, owner: np.ndarray, local: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Cells of sheets, and the sides (six main directions) of everything else, numbered."""
    axis = np.abs(normal).argmax(1)
    positive = normal[np.arange(len(normal)), axis] > 0
    within = np.where(cells[owner], local, axis * 2 + positive)
    _, patch = np.unique(owner.astype(np.int64) * (1 << 20) + within, return_inverse=True)
    return patch.reshape(-1).astype(np.int32)
