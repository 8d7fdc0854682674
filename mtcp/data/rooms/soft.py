"""Soft shapes: cushions, pillows, covers, curtains, leaves, stones. Smooth, slightly irregular, seeded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mtcp.data.rooms.chance import seed_of
from mtcp.data.rooms.mesh import Mesh, box, cross, grid, join, unit
from mtcp.data.rooms.noise import fbm, value_noise


def smoothed(mesh: Mesh) -> Mesh:
    """Shading normals averaged over the triangles that meet at a place (seams between sheets included)."""
    corners = mesh.vertices[mesh.triangles]
    face = cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lattice = np.round(mesh.vertices * 2e4).astype(np.int64)
    _, place = np.unique(lattice @ np.array([1, 1 << 20, 1 << 40]), return_inverse=True)
    # Sheets may be wound either way: align each face with the normal its vertices came with.
    given = mesh.normals[mesh.triangles].sum(1)
    face = face * np.where((face * given).sum(1, keepdims=True) < 0, -1.0, 1.0)
    total = np.zeros((place.max() + 1, 3))
    for k in range(3):
        for corner in range(3):
            total[:, k] += np.bincount(place[mesh.triangles[:, corner]], face[:, k], len(total))
    return replace(mesh, normals=unit(total[place]))


def cushion(
    rng: np.random.Generator,
    width: float,
    depth: float,
    height: float,
    crown: float = 0.03,
    bevel: float = 0.05,
) -> Mesh:
    """A padded block on the floor plane, centred in x and y: rounded edges, crowned top, a little uneven."""
    mesh = box((-width / 2, -depth / 2, 0), (width / 2, depth / 2, height), bevel, fine=True, cells=5)
    v = mesh.vertices.copy()
    x, y = v[:, 0] / (width / 2), v[:, 1] / (depth / 2)
    rise = np.clip(1 - x * x, 0, 1) * np.clip(1 - y * y, 0, 1)
    seed = seed_of(rng)
    uneven = fbm(v[:, :2] / 0.25 + 3, 2, seed) * 0.25 + 1
    v[:, 2] += crown * rise * uneven * (v[:, 2] / height)
    v[:, 1] += (
        np.sign(v[:, 1])
        * 0.3
        * crown
        * np.clip(1 - x * x, 0, 1)
        * np.clip(1 - (2 * v[:, 2] / height - 1) ** 2, 0, 1)
    )
    return smoothed(replace(mesh, vertices=v))


def pillow(rng: np.random.Generator, width: float, height: float, thickness: float, cells: int = 12) -> Mesh:
    """A stuffed pillow, centred, in the x-y plane: full in the middle, thin at the seam."""
    s = np.sin(np.linspace(-np.pi / 2, np.pi / 2, cells + 1))
    x, y = np.meshgrid(s, s, indexing="ij")
    seed = seed_of(rng)
    flat = np.stack([x, y], -1).reshape(-1, 2)
    sides = []
    for side, sign in enumerate((1, -1)):
        full = np.clip((1 - np.abs(x) ** 3) * (1 - np.abs(y) ** 3), 0, 1) ** 0.5
        dents = 1 + 0.16 * fbm(flat * 1.7 + 7.1 * side, 3, seed).reshape(x.shape)
        z = sign * thickness / 2 * full * dents
        px = x * width / 2 * (1 - 0.05 * (1 - y * y) - 0.05 * (x * y) ** 8)
        py = y * height / 2 * (1 - 0.05 * (1 - x * x) - 0.05 * (x * y) ** 8)
        points = np.stack([px, py, z], -1)
        texture = np.stack([px + width / 2, py + height / 2, np.zeros_like(z)], -1)
        mesh = grid(points, texture)
        sides.append(replace(mesh, normals=mesh.normals * np.sign(mesh.normals[:, 2:] * sign + 1e-9)))
    return smoothed(join(*sides))


def cover(
    rng: np.random.Generator, width: float, length: float, top: float, drop: float, wrinkle: float = 0.012
) -> Mesh:
    """A bed cover on a mattress: x +-width/2, y 0 to `length`, hanging `drop` over both sides and the foot.

    The hanging part falls in folds that grow towards the hem; the top has soft wrinkles.
    """
    radius = 0.05
    seed = seed_of(rng)
    across = _draped(width, drop, radius, both=True)  # (n, 2): sideways, height below the top
    along = _draped(length, drop, radius, both=False)
    n, m = len(across), len(along)
    x = np.broadcast_to(across[:, None, 0], (n, m)).copy()
    y = np.broadcast_to(along[None, :, 0], (n, m)).copy()
    z = -np.maximum(across[:, None, 1], along[None, :, 1])
    flat = np.stack([x, y], -1).reshape(-1, 2)
    soft = fbm(flat / 0.5, 3, seed).reshape(n, m) + 0.5 * fbm(
        flat / np.array([0.16, 0.4]), 2, seed + 9
    ).reshape(n, m)
    hang = np.clip(-z / drop, 0, 1)
    z = z + wrinkle * soft * (1 - 0.7 * hang) + 0.012
    s = np.broadcast_to(_arclength(across)[:, None], (n, m))
    t = np.broadcast_to(_arclength(along)[None], (n, m))
    fold_y = 0.03 * np.sin(t * 19 + 2.5 * value_noise(t.reshape(-1, 1) * 2.3, seed + 1).reshape(n, m))
    fold_x = 0.03 * np.sin(s * 19 + 2.5 * value_noise(s.reshape(-1, 1) * 2.3, seed + 2).reshape(n, m))
    over_side = across[:, None, 1] > along[None, :, 1]
    x = x + np.where(over_side, np.sign(x) * hang * (fold_y + 0.025), 0)
    y = y + np.where(over_side, 0, hang * (fold_x + 0.025))
    points = np.stack([x, y, top + z], -1)
    texture = np.stack([t, s, np.zeros_like(x)], -1)
    return smoothed(grid(points, texture))


def _draped(size: float, drop: float, radius: float, both: bool) -> np.ndarray:
    """Cross-section of cloth over an edge: (position, distance below the top), (n, 2)."""
    angles = np.linspace(0, np.pi / 2, 4)[1:]
    end = size / 2 if both else size
    inner = np.linspace(0, end - radius, 9 if both else 15)
    flat = np.stack([inner, np.zeros_like(inner)], 1)
    turn = np.stack([end - radius + radius * np.sin(angles), radius * (1 - np.cos(angles))], 1)
    down = np.linspace(radius, drop, 6)[1:]
    side = np.concatenate([flat, turn, np.stack([np.full_like(down, end), down], 1)])
    return np.concatenate([side[:0:-1] * (-1, 1), side]) if both else side


def _arclength(curve: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.diff(curve, axis=0, prepend=curve[:1]), axis=1).cumsum()


def curtain(rng: np.random.Generator, width: float, height: float, folds: int, depth: float = 0.05) -> Mesh:
    """A curtain in the x-z plane, x 0..width, z 0..height, folds along y: pinched on top, wide at the hem."""
    columns, rows = folds * 8 + 1, 9
    u = np.linspace(0, 1, columns)
    v = np.linspace(0, 1, rows)
    seed = seed_of(rng)
    phase = 1.6 * value_noise(u[:, None] * folds * 0.6, seed)
    strength = 0.75 + 0.35 * value_noise(u[:, None] * folds * 0.8 + 5, seed + 1)
    sway = 0.5 * value_noise(
        np.stack(np.meshgrid(u * 3, v * 1.5, indexing="ij"), -1).reshape(-1, 2), seed + 2
    )
    wave = 2 * np.pi * folds * u[:, None] + phase[:, None] + sway.reshape(columns, rows)
    amplitude = depth * strength[:, None] * (0.6 + 0.5 * (1 - v[None]))
    x = u[:, None] * width + 0.35 * amplitude * np.cos(wave)
    y = amplitude * np.sin(wave)
    points = np.stack([x, y, np.broadcast_to(v[None] * height, x.shape)], -1)
    cloth = np.stack(
        [np.broadcast_to(u[:, None] * width * 1.7, x.shape), points[..., 2], np.zeros_like(x)], -1
    )
    return grid(points, cloth)


def superellipsoid(rx: float, ry: float, rz: float, square: float = 0.5, cells: int = 10) -> Mesh:
    """A rounded solid about the origin: `square` 1 is an ellipsoid, towards 0 a box with rounded edges."""
    theta = np.linspace(-np.pi / 2, np.pi / 2, cells + 1)
    phi = np.linspace(-np.pi, np.pi, 2 * cells + 1)

    def power(value: np.ndarray) -> np.ndarray:
        return np.sign(value) * np.abs(value) ** square

    ct, st = power(np.cos(theta)), power(np.sin(theta))
    points = np.stack(
        [
            rx * ct[:, None] * power(np.cos(phi))[None],
            ry * ct[:, None] * power(np.sin(phi))[None],
            rz * np.broadcast_to(st[:, None], (cells + 1, 2 * cells + 1)),
        ],
        -1,
    )
    mesh = grid(points, points)
    return smoothed(replace(mesh, normals=unit(mesh.vertices)))


def leaf(length: float, width: float, bend: float, cup: float = 0.25, cells: int = 5) -> Mesh:
    """A leaf from the origin along +x, bending down by `bend` radians over its length."""
    s = np.linspace(0, 1, cells + 1)
    angle = -bend * s
    step = np.stack([np.cos(angle), np.sin(angle)], -1) * (length / cells)
    spine = np.concatenate([np.zeros((1, 2)), step[:-1].cumsum(0)])
    half = width / 2 * np.sin(np.pi * np.clip(s * 0.93 + 0.07, 0, 1)) ** 0.8
    t = np.array([-1.0, 0.0, 1.0])
    points = np.empty((cells + 1, 3, 3))
    points[..., 0] = spine[:, None, 0]
    points[..., 1] = half[:, None] * t
    points[..., 2] = spine[:, None, 1] + cup * half[:, None] * np.abs(t)
    texture = np.zeros_like(points)
    texture[..., 0], texture[..., 1] = s[:, None] * length, t[None] * width / 2
    return grid(points, texture)


def heap(rng: np.random.Generator, width: float, depth: float, height: float, cells: int = 14) -> Mesh:
    """Crumpled cloth lying on the floor plane: clothes, a thrown blanket."""
    s = np.linspace(-1, 1, cells + 1)
    x, y = np.meshgrid(s, s, indexing="ij")
    seed = seed_of(rng)
    flat = np.stack([x, y], -1).reshape(-1, 2)
    ridge = 1 - np.abs(fbm(flat * 1.6, 3, seed)).reshape(x.shape)
    r = np.sqrt(x * x + y * y) * (1 + 0.25 * value_noise(flat * 1.3, seed + 4).reshape(x.shape))
    z = height * np.clip(1 - r**2, 0, 1) ** 0.6 * (0.45 + 0.6 * ridge)
    points = np.stack([x * width / 2, y * depth / 2, z + 0.004], -1)
    return smoothed(grid(points, points * (1, 1, 0)))
