"""A photograph of a room with its exact truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mtcp.data.rooms.film import CLIP, develop, exposure
from mtcp.data.rooms.rays import Rays
from mtcp.data.rooms.room import Room
from mtcp.data.rooms.shade import QUALITY, Quality, Shader
from mtcp.data.rooms.surface import Surface, surface_at
from mtcp.data.rooms.view import View, choose_view
from mtcp.errors import InputError
from mtcp.geometry.camera import Camera
from mtcp.tasks import IGNORE

_PLASTIC = np.array([0.7548777, 0.5698403], np.float32)
"""Steps of the R2 sequence (Roberts 2018): any number of samples, spread evenly over a pixel."""


@dataclass(frozen=True)
class Frame:
    """A rendered photograph and what is true of it, at pixel centres.

    Attributes:
        image: uint8 (H, W, 3) sRGB; black where only the truth was asked for.
        depth: float32 (H, W) metres along z; 0 where a ray slipped out between two walls.
        normals: float32 (H, W, 3) unit normals of the triangles, facing the camera; x right, y down, z
            forward.
        semseg: uint8 (H, W) classes 0..39 of `mtcp.tasks.NYUD_CLASSES`; 255 where depth is 0.
        camera: intrinsics for this size.
    """

    image: np.ndarray
    depth: np.ndarray
    normals: np.ndarray
    semseg: np.ndarray
    camera: Camera
    seed: int
    kind: str


def render(
    room: Room,
    size: tuple[int, int] = (480, 640),
    quality: Literal["high", "fast", "none"] = "high",
    view: View | None = None,
    fov_deg: float | None = None,
) -> Frame:
    """Photographs a room. Needs open3d.

    Args:
        size: (height, width) in pixels.
        quality: "high" for people, "fast" for training, "none" for the truth alone; the truth is the same.
        view: where the camera stands; None: the room's own view (`choose_view`), the same at every size.
        fov_deg: horizontal field of view of the room's own view; None: drawn from the room's seed.

    Raises:
        InputError: an unknown quality, or a size below 8 x 8.
    """
    if quality not in (*QUALITY, "none"):
        raise InputError(f"unknown quality {quality!r}: choose one of {', '.join((*QUALITY, 'none'))}")
    height, width = size
    if min(height, width) < 8:
        raise InputError(f"size {height}x{width}: at least 8x8 pixels")
    rays = Rays(room)
    if view is None:
        view = choose_view(room, rays, fov_deg)
    camera = view.camera(height, width)
    centres = _shoot(
        room, rays, view, camera, *(g.ravel() for g in np.mgrid[:height, :width].astype(np.float32))
    )
    if quality == "none":
        image = np.zeros((height, width, 3), np.uint8)
    else:
        image = _expose(room, rays, view, camera, centres, QUALITY[quality])
    forward = centres.direction @ view.rotation[2].astype(np.float32)
    out = centres.triangle < 0  # unknown, where a ray slipped through between two walls
    labels = np.where(out, IGNORE, room.label[centres.triangle])
    return Frame(
        image=image,
        depth=np.where(out, 0, centres.distance * forward).reshape(height, width).astype(np.float32),
        normals=_unit(centres.face.astype(np.float64) @ view.rotation.T)
        .reshape(height, width, 3)
        .astype(np.float32),
        semseg=labels.reshape(height, width).astype(np.uint8),
        camera=camera,
        seed=room.seed,
        kind=room.kind,
    )


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _shoot(
    room: Room, rays: Rays, view: View, camera: Camera, row: np.ndarray, column: np.ndarray
) -> Surface:
    """What the camera sees at picture positions, in pixels (the centre of the first pixel is 0, 0)."""
    x = (column + 0.5 - camera.cx) / camera.fx
    y = (row + 0.5 - camera.cy) / camera.fy
    direction = np.stack([x, y, np.ones_like(x)], 1).astype(np.float32) @ view.rotation.astype(np.float32)
    origin = np.broadcast_to(view.position.astype(np.float32), direction.shape)
    return surface_at(room, rays.first(origin, direction), origin, direction)


def _expose(
    room: Room, rays: Rays, view: View, camera: Camera, centres: Surface, quality: Quality
) -> np.ndarray:
    """The photograph: soft light at pixel centres, then samples shaded and averaged pixel by pixel."""
    h, w = camera.height, camera.width
    angle = 1.0 / camera.fx
    rng = np.random.default_rng([room.seed, 5])
    shader = Shader(room, rays, quality, rng)
    seen = shader.through_mirrors(centres)
    light = shader.light_map(seen, (h, w), angle)
    row, column = (g.ravel().astype(np.float32) for g in np.mgrid[:h, :w])
    gain, total = None, np.zeros((h * w, 3), np.float32)
    for k in range(quality.samples):
        dy, dx = (0.5 + _PLASTIC * k) % 1 - 0.5
        samples = shader.through_mirrors(_shoot(room, rays, view, camera, row + dy, column + dx))
        colour = shader.radiance(samples, seen, light, angle)
        if gain is None:
            gain = _gain(room, samples, colour)
        total += np.minimum(colour * gain, CLIP)
    return develop(total.reshape(h, w, 3) / quality.samples, rng)


def _gain(room: Room, seen: Surface, colour: np.ndarray) -> np.ndarray:
    """Exposure for what is not window."""
    panes = np.array([m.pane for m in room.materials])[room.material[seen.triangle]]
    return exposure(colour[~panes] if (~panes).sum() > 50 else colour)
