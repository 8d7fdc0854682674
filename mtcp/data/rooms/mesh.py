"""Triangle meshes and the hard shapes: boxes, turned shapes, rods, panels. Metres; z is up.

A mesh carries two things beside its geometry: shading normals (smooth, for the picture only; the truth uses
the triangles) and texture coordinates, which stay with the surface when the mesh is moved.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

Vec3 = tuple[float, float, float]


@dataclass(frozen=True)
class Mesh:
    """Attributes:
    vertices: (V, 3) metres.
    normals: (V, 3) unit shading normals.
    texture: (V, 3) metres along the surface's own axes; wood grain runs along the first.
    triangles: (T, 3) indices.
    """

    vertices: np.ndarray
    normals: np.ndarray
    texture: np.ndarray
    triangles: np.ndarray

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
        """Shifted."""
        return replace(self, vertices=self.vertices + np.array([x, y, z]))

    def rotated(self, matrix: np.ndarray) -> Mesh:
        """Turned about the origin by a rotation matrix."""
        return replace(self, vertices=self.vertices @ matrix.T, normals=self.normals @ matrix.T)

    def turned(self, yaw: float) -> Mesh:
        """Turned about the vertical through the origin, radians."""
        return self.rotated(rotation(2, yaw))

    def tilted(self, angle: float, axis: int = 0) -> Mesh:
        """Turned about the x (0) or y (1) axis through the origin, radians."""
        return self.rotated(rotation(axis, angle))


def rotation(axis: int, angle: float) -> np.ndarray:
    """3x3 rotation about x (0), y (1) or z (2) by `angle` radians."""
    c, s = np.cos(angle), np.sin(angle)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = c
    matrix[i, j], matrix[j, i] = -s, s
    return matrix


def join(*meshes: Mesh) -> Mesh:
    """One mesh of several."""
    starts = np.cumsum([0, *(len(m.vertices) for m in meshes)])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.normals for m in meshes]),
        np.concatenate([m.texture for m in meshes]),
        np.concatenate([m.triangles + start for m, start in zip(meshes, starts, strict=False)]),
    )


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scaled to length 1 along the last axis; zero vectors stay zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _sheet_triangles(n: int, m: int) -> np.ndarray:
    """Triangles of an n x m grid of vertices: first halves of all cells, then second halves."""
    index = np.arange(n * m).reshape(n, m)
    a, b, c, d = (part.ravel() for part in (index[:-1, :-1], index[1:, :-1], index[:-1, 1:], index[1:, 1:]))
    return np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])


def grid(points: np.ndarray, texture: np.ndarray | None = None) -> Mesh:
    """A smoothly shaded sheet through a grid of points (n, m, 3).

    Args:
        texture: (n, m, 3); None measures along the sheet from the first corner.
    """
    n, m = points.shape[:2]
    normals = unit(np.cross(np.gradient(points, axis=0), np.gradient(points, axis=1)))
    if texture is None:
        along = np.linalg.norm(np.diff(points, axis=0, prepend=points[:1]), axis=2).mean(1).cumsum()
        across = np.linalg.norm(np.diff(points, axis=1, prepend=points[:, :1]), axis=2).mean(0).cumsum()
        texture = np.zeros((n, m, 3))
        texture[..., 0], texture[..., 1] = along[:, None], across[None]
    return Mesh(points.reshape(-1, 3), normals.reshape(-1, 3), texture.reshape(-1, 3), _sheet_triangles(n, m))


def smoothed(mesh: Mesh) -> Mesh:
    """Shading normals averaged over the triangles that meet at a place (seams between sheets included)."""
    corners = mesh.vertices[mesh.triangles]
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lattice = np.round(mesh.vertices * 2e4).astype(np.int64)
    _, place = np.unique(lattice @ np.array([1, 1 << 20, 1 << 40]), return_inverse=True)
    # Sheets may be wound either way: align each face with the normal its vertices came with.
    given = mesh.normals[mesh.triangles].sum(1)
    face = face * np.where((face * given).sum(1, keepdims=True) < 0, -1.0, 1.0)
    total = np.zeros((place.max() + 1, 3))
    for corner in range(3):
        np.add.at(total, place[mesh.triangles[:, corner]], face)
    return replace(mesh, normals=unit(total[place]))


_FACES = ((0, -1), (0, 1), (1, -1), (1, 1), (2, -1), (2, 1))  # axis and sign


def _cube() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The cube of half size 1 with flat sides: vertices (24, 3), normals, triangles (12, 3)."""
    corners, normals, triangles = [], [], []
    for k, (axis, sign) in enumerate(_FACES):
        i, j = (axis + 1) % 3, (axis + 2) % 3
        face = np.zeros((4, 3))
        face[:, axis] = sign
        face[:, i] = (-1, -1, 1, 1)
        face[:, j] = (-1, 1, -1, 1)
        corners.append(face)
        normals.append(np.eye(3)[axis] * sign * np.ones((4, 1)))
        triangles.append(np.array([(0, 2, 1), (2, 3, 1)]) + 4 * k)
    return np.concatenate(corners), np.concatenate(normals), np.concatenate(triangles)


_CUBE = _cube()


def box(lo: Vec3, hi: Vec3) -> Mesh:
    """An axis-aligned box. Its texture's first axis is the longest side, so that grain runs along it."""
    low, high = np.minimum(lo, hi), np.maximum(lo, hi)
    half = (high - low) / 2
    corners, flat, triangles = _CUBE
    texture = ((corners + 1) * half)[:, np.argsort(-half, kind="stable")]
    return Mesh(corners * half + (low + high) / 2, flat, texture, triangles)


def panel(corner: Vec3, along: Vec3, up: Vec3, cell: float = 0.0, texture: np.ndarray | None = None) -> Mesh:
    """A flat parallelogram; texture (distance along, distance up, 0) from the corner.

    Args:
        cell: cut into pieces about this large (0: one piece), so that light can differ over it.
        texture: (3,) added to the texture coordinates.
    """
    a, b = np.asarray(along, float), np.asarray(up, float)
    la, lb = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    n = max(1, round(la / cell)) if cell else 1
    m = max(1, round(lb / cell)) if cell else 1
    s, t = np.meshgrid(np.linspace(0, 1, n + 1), np.linspace(0, 1, m + 1), indexing="ij")
    points = np.asarray(corner, float) + s[..., None] * a + t[..., None] * b
    coordinates = np.stack([s * la, t * lb, np.zeros_like(s)], -1)
    if texture is not None:
        coordinates = coordinates + texture
    return grid(points, coordinates)


def lathe(profile: list[tuple[float, float]], segments: int = 20) -> Mesh:
    """The profile (radius, z), ... turned about the z axis, an edge at each of its corners."""
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    circle = np.stack([np.cos(angle), np.sin(angle)], -1)
    corners = np.asarray(profile, float)
    rings = np.repeat(corners, 2, axis=0)[1:-1]  # every straight piece has rings of its own
    tangent = np.repeat(np.diff(corners, axis=0), 2, axis=0)
    piece = _sheet_triangles(2, segments + 1)
    starts = np.arange(len(corners) - 1) * 2 * (segments + 1)
    triangles = (piece[None] + starts[:, None, None]).reshape(-1, 3)
    across = unit(np.stack([tangent[:, 1], -tangent[:, 0]], -1))  # the profile's normal: (radial, z)
    points, normals, texture = (np.empty((len(rings), segments + 1, 3)) for _ in range(3))
    points[..., :2], points[..., 2] = rings[:, None, :1] * circle, rings[:, 1:]
    normals[..., :2], normals[..., 2] = across[:, None, :1] * circle, across[:, 1:]
    texture[..., 0], texture[..., 2] = rings[:, 1:], rings[:, :1]
    texture[..., 1] = angle * max(float(corners[:, 0].max()), 1e-3)
    flat = np.abs(across[:, 1]) > 0.95  # tops and bottoms are cut from a board, not bent round
    texture[flat] = points[flat] * (1, 1, 0)
    return Mesh(points.reshape(-1, 3), normals.reshape(-1, 3), texture.reshape(-1, 3), triangles)


def rod(start: Vec3, end: Vec3, radius: float, end_radius: float | None = None, sides: int = 8) -> Mesh:
    """A closed round bar between two points, tapered when `end_radius` is given."""
    a, b = np.asarray(start, float), np.asarray(end, float)
    length = float(np.linalg.norm(b - a))
    tip = radius if end_radius is None else end_radius
    mesh = lathe([(1e-4, 0), (radius, 0), (tip, length), (1e-4, length)], sides)
    z = (b - a) / max(length, 1e-9)
    helper = np.array([1.0, 0, 0]) if abs(z[0]) < 0.9 else np.array([0, 1.0, 0])
    x = unit(np.cross(helper, z))
    mesh = mesh.rotated(np.stack([x, np.cross(z, x), z], 1))
    return mesh.moved(*a)


def cylinder(radius: float, bottom: float, top: float, segments: int = 20) -> Mesh:
    """An upright closed cylinder on the z axis."""
    return lathe([(1e-4, bottom), (radius, bottom), (radius, top), (1e-4, top)], segments)


def frame(lo: Vec3, hi: Vec3, bar: float) -> Mesh:
    """Four bars round the rectangle lo..hi in the x-z plane, inside it, with the box's own y depth."""
    (x0, y0, z0), (x1, y1, z1) = lo, hi
    return join(
        box((x0, y0, z0), (x1, y1, z0 + bar)),
        box((x0, y0, z1 - bar), (x1, y1, z1)),
        box((x0, y0, z0 + bar), (x0 + bar, y1, z1 - bar)),
        box((x1 - bar, y0, z0 + bar), (x1, y1, z1 - bar)),
    )
