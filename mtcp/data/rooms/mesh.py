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

    def retextured(self, offset: np.ndarray) -> Mesh:
        """Texture shifted, so that equal shapes do not show the same piece of wood."""
        return replace(self, texture=self.texture + offset)


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


def repeated(mesh: Mesh, offsets: np.ndarray) -> Mesh:
    """Copies of a mesh at offsets (K, 3), as one mesh."""
    k, n = len(offsets), len(mesh.vertices)
    return Mesh(
        (mesh.vertices[None] + offsets[:, None]).reshape(-1, 3),
        np.tile(mesh.normals, (k, 1)),
        np.tile(mesh.texture, (k, 1)),
        (mesh.triangles[None] + (np.arange(k) * n)[:, None, None]).reshape(-1, 3),
    )


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scaled to length 1 along the last axis; zero vectors stay zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross product along the last axis (np.cross, without its overhead on small arrays)."""
    return np.stack(
        [
            a[..., 1] * b[..., 2] - a[..., 2] * b[..., 1],
            a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2],
            a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0],
        ],
        -1,
    )


def _sheet_triangles(n: int, m: int) -> np.ndarray:
    """Triangles of an n x m grid of vertices: first halves of all cells, then second halves."""
    index = np.arange(n * m).reshape(n, m)
    a, b, c, d = (
        index[:-1, :-1].ravel(),
        index[1:, :-1].ravel(),
        index[:-1, 1:].ravel(),
        index[1:, 1:].ravel(),
    )
    return np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])


def _tangent(points: np.ndarray, axis: int) -> np.ndarray:
    """Differences between neighbours along an axis, central inside."""
    n = points.shape[axis]
    after = np.take(points, np.minimum(np.arange(n) + 1, n - 1), axis)
    before = np.take(points, np.maximum(np.arange(n) - 1, 0), axis)
    return after - before


def grid(points: np.ndarray, texture: np.ndarray | None = None, smooth: bool = True) -> Mesh:
    """A sheet through a grid of points (n, m, 3).

    Args:
        texture: (n, m, 3); None measures along the sheet from the first corner.
        smooth: shading normals from the grid's tangents; otherwise zero, for the caller to set.
    """
    n, m = points.shape[:2]
    triangles = _sheet_triangles(n, m)
    normals = (
        unit(cross(_tangent(points, 0), _tangent(points, 1))).reshape(-1, 3)
        if smooth
        else np.zeros((n * m, 3))
    )
    if texture is None:
        along = np.linalg.norm(np.diff(points, axis=0, prepend=points[:1]), axis=2).mean(1).cumsum()
        across = np.linalg.norm(np.diff(points, axis=1, prepend=points[:, :1]), axis=2).mean(0).cumsum()
        texture = np.zeros((n, m, 3))
        texture[..., 0], texture[..., 1] = along[:, None], across[None]
    return Mesh(points.reshape(-1, 3), normals, texture.reshape(-1, 3), triangles)


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


def _grain_first(texture: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Texture axes reordered: the longest side first, so that grain runs along it."""
    return texture[:, np.argsort(-size, kind="stable")]


def box(lo: Vec3, hi: Vec3, bevel: float = 0.0, fine: bool = False, cells: int = 1) -> Mesh:
    """An axis-aligned box, its edges rounded with radius `bevel` (0: sharp).

    Args:
        fine: four facets for a rounded edge instead of two.
        cells: pieces each flat side is cut into (for shapes that are bent afterwards).
    """
    low, high = np.minimum(lo, hi), np.maximum(lo, hi)
    size = high - low
    half = size / 2
    if bevel <= 0 and cells == 1:
        corners, flat, triangles = _CUBE
        return Mesh(
            corners * half + (low + high) / 2, flat, _grain_first((corners + 1) * half, size), triangles
        )
    bevel = min(bevel, 0.499 * float(size.min()))
    core = half - bevel
    steps = (1.0, 0.414, 0.0) if fine else (1.0, 0.0)
    corner = [core + bevel * s for s in steps] if bevel > 0 else [half]
    meshes = []
    for axis, sign in _FACES:
        i, j = (axis + 1) % 3, (axis + 2) % 3
        lines = []
        for k in (i, j):
            edge = [c[k] for c in corner]
            middle = list(np.linspace(-edge[-1], edge[-1], cells + 1)[1:-1])
            lines.append(np.array([-e for e in edge] + middle + edge[::-1]))
        surface = np.empty((len(lines[0]), len(lines[1]), 3))
        surface[..., axis] = sign * half[axis]
        surface[..., i], surface[..., j] = lines[0][:, None], lines[1][None]
        if bevel > 0:
            inner = np.clip(surface, -core, core)
            normals = unit(surface - inner)
            surface = inner + bevel * normals
        else:
            normals = np.zeros_like(surface)
            normals[..., axis] = sign
        sheet = grid(surface, surface, smooth=False)
        meshes.append(replace(sheet, normals=normals.reshape(-1, 3)))
    mesh = join(*meshes)
    return replace(
        mesh, vertices=mesh.vertices + (low + high) / 2, texture=_grain_first(mesh.texture + half, size)
    )


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
    sheet = grid(points, coordinates, smooth=False)
    normal = unit(cross(a, b))
    return replace(sheet, normals=np.broadcast_to(normal, sheet.vertices.shape))


def lathe(profile: list[tuple[float, float]], segments: int = 16, smooth: bool = False) -> Mesh:
    """The profile (radius, z), ... turned about the z axis.

    Args:
        smooth: shading continues over the profile's corners.
    """
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    circle = np.stack([np.cos(angle), np.sin(angle)], -1)
    corners = np.asarray(profile, float)
    if smooth:
        rings, tangent = corners, _tangent(corners, 0)
        triangles = _sheet_triangles(len(rings), segments + 1)
    else:  # every straight piece has rings of its own
        rings = np.repeat(corners, 2, axis=0)[1:-1]
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
    x = unit(cross(helper, z))
    mesh = mesh.rotated(np.stack([x, cross(z, x), z], 1))
    return mesh.moved(*a)


def cylinder(radius: float, bottom: float, top: float, segments: int = 20) -> Mesh:
    """An upright closed cylinder on the z axis."""
    return lathe([(1e-4, bottom), (radius, bottom), (radius, top), (1e-4, top)], segments)


def beam(start: Vec3, end: Vec3, thickness: float, depth: float | None = None) -> Mesh:
    """A square bar between two points; `thickness` across x-y, `depth` the other way."""
    a, b = np.asarray(start, float), np.asarray(end, float)
    length = float(np.linalg.norm(b - a))
    d = thickness if depth is None else depth
    mesh = box((-thickness / 2, -d / 2, 0), (thickness / 2, d / 2, length))
    z = (b - a) / max(length, 1e-9)
    helper = np.array([1.0, 0, 0]) if abs(z[0]) < 0.9 else np.array([0, 1.0, 0])
    y = unit(cross(z, helper))
    return mesh.rotated(np.stack([cross(y, z), y, z], 1)).moved(*a)


def frame(lo: Vec3, hi: Vec3, bar: float) -> Mesh:
    """Four bars round the rectangle lo..hi in the x-z plane, inside it, with the box's own y depth."""
    (x0, y0, z0), (x1, y1, z1) = lo, hi
    return join(
        box((x0, y0, z0), (x1, y1, z0 + bar)),
        box((x0, y0, z1 - bar), (x1, y1, z1)),
        box((x0, y0, z0 + bar), (x0 + bar, y1, z1 - bar)),
        box((x1 - bar, y0, z0 + bar), (x1, y1, z1 - bar)),
    )
