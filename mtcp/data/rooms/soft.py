"""Soft shapes: cushions, pillows, covers, curtains, leaves, stones. Smooth, slightly irregular, seeded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mtcp.data.rooms.chance import seed_of
from mtcp.data.rooms.mesh import Mesh, Vec3, grid, join, smoothed, unit
from mtcp.data.rooms.noise import fbm


def block(lo: Vec3, hi: Vec3, square: float = 0.15) -> Mesh:
    """A box with rounded edges: upholstery, ceramic."""
    low, high = np.asarray(lo, float), np.asarray(hi, float)
    rx, ry, rz = (high - low) / 2
    return superellipsoid(rx, ry, rz, square, 12).moved(*(low + high) / 2)


def cushion(rng: np.random.Generator, width: float, depth: float, height: float, crown: float = 0.03) -> Mesh:
    """A padded block on the floor plane, centred in x and y: rounded edges, crowned top, a little uneven."""
    mesh = block((-width / 2, -depth / 2, 0), (width / 2, depth / 2, height), 0.25)
    v = mesh.vertices.copy()
    rise = np.clip(1 - (2 * v[:, :2] / (width, depth)) ** 2, 0, 1).prod(1)
    v[:, 2] += crown * rise * (1 + 0.25 * fbm(v[:, :2] / 0.25 + 3, 2, seed_of(rng))) * v[:, 2] / height
    return smoothed(replace(mesh, vertices=v))


def pillow(rng: np.random.Generator, width: float, height: float, thickness: float, cells: int = 12) -> Mesh:
    """A stuffed pillow, centred, in the x-y plane: full in the middle, thin at the seam."""
    s = np.sin(np.linspace(-np.pi / 2, np.pi / 2, cells + 1))
    x, y = np.meshgrid(s, s, indexing="ij")
    flat, seed = np.stack([x, y], -1).reshape(-1, 2), seed_of(rng)
    sides = []
    for side, sign in enumerate((1, -1)):
        full = np.clip((1 - np.abs(x) ** 3) * (1 - np.abs(y) ** 3), 0, 1) ** 0.5
        dents = 1 + 0.16 * fbm(flat * 1.7 + 7.1 * side, 3, seed).reshape(x.shape)
        px = x * width / 2 * (1 - 0.05 * (1 - y * y))
        py = y * height / 2 * (1 - 0.05 * (1 - x * x))
        points = np.stack([px, py, sign * thickness / 2 * full * dents], -1)
        mesh = grid(points, points * (1, 1, 0))
        sides.append(replace(mesh, normals=mesh.normals * np.sign(mesh.normals[:, 2:] * sign + 1e-9)))
    return smoothed(join(*sides))


def cover(rng: np.random.Generator, width: float, length: float, top: float, drop: float) -> Mesh:
    """A bed cover: x +-width/2, y 0 to `length`, hanging `drop` over both sides and the foot in growing folds."""
    across, along = np.linspace(-width / 2 - drop, width / 2 + drop, 60), np.linspace(0, length + drop, 60)
    s, t = np.meshgrid(across, along, indexing="ij")
    side, foot = np.maximum(np.abs(s) - width / 2, 0), np.maximum(t - length, 0)
    hang = np.maximum(side, foot)
    out = 0.02 + hang / drop * (0.025 + 0.02 * np.sin(np.where(side > foot, t, s) * 19))
    x = np.clip(s, -width / 2, width / 2) + np.where(side > foot, np.sign(s) * out, 0)
    y = np.minimum(t, length) + np.where((foot > 0) & (side <= foot), out, 0)
    wrinkles = fbm(np.stack([s, t], -1).reshape(-1, 2) / 0.4, 3, seed_of(rng)).reshape(s.shape)
    z = top + 0.015 + 0.015 * wrinkles - hang
    return smoothed(grid(np.stack([x, y, z], -1), np.stack([t, s, np.zeros_like(s)], -1)))


def curtain(rng: np.random.Generator, width: float, height: float, folds: int, swing: float = 0.035) -> Mesh:
    """Hanging cloth from x = 0 to `width`, z 0 to `height`, folded in y."""
    u, v = np.linspace(0, 1, folds * 10 + 1), np.linspace(0, 1, 13)
    depth = swing * np.sin(2 * np.pi * folds * u + 1.2 * np.sin(5 * u + float(rng.uniform(0, 6))))
    x = np.broadcast_to(u[:, None] * width, (len(u), len(v)))
    z = np.broadcast_to(v * height, x.shape)
    y = depth[:, None] * (1.1 - 0.4 * v)
    return grid(np.stack([x, y, z], -1), np.stack([x * 1.7, z, np.zeros_like(x)], -1))


def superellipsoid(rx: float, ry: float, rz: float, square: float = 1.0, cells: int = 10) -> Mesh:
    """A rounded solid about the origin: `square` 1 is an ellipsoid, towards 0 a box with rounded edges."""
    theta, phi = np.linspace(-np.pi / 2, np.pi / 2, cells + 1), np.linspace(-np.pi, np.pi, 2 * cells + 1)

    def power(value: np.ndarray) -> np.ndarray:
        return np.sign(value) * np.abs(value) ** square

    ring = np.stack([rx * power(np.cos(phi)), ry * power(np.sin(phi)), np.ones_like(phi)], -1)
    levels = np.stack([power(np.cos(theta)), power(np.cos(theta)), rz * power(np.sin(theta))], -1)
    points = levels[:, None] * ring
    mesh = grid(points, points)
    return smoothed(replace(mesh, normals=unit(mesh.vertices)))


def leaf(length: float, width: float, bend: float, cells: int = 5) -> Mesh:
    """A leaf from the origin along +x, bending down by `bend` radians over its length."""
    s = np.linspace(0, 1, cells + 1)
    step = np.stack([np.cos(-bend * s), np.sin(-bend * s)], -1) * (length / cells)
    spine = np.concatenate([np.zeros((1, 2)), step[:-1].cumsum(0)])
    half = width / 2 * np.sin(np.pi * np.clip(s * 0.93 + 0.07, 0, 1)) ** 0.8
    t = np.array([-1.0, 0.0, 1.0])
    points = np.empty((cells + 1, 3, 3))
    points[..., 0] = spine[:, None, 0]
    points[..., 1] = half[:, None] * t
    points[..., 2] = spine[:, None, 1] + 0.25 * half[:, None] * np.abs(t)
    return grid(points)
