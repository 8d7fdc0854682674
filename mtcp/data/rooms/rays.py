"""Rays against triangles: open3d's RaycastingScene behind two questions, what is hit and what is hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mtcp.data.rooms.room import Room
from mtcp.errors import InputError

OFFSET = 1e-3  # metres: rays start this far off their surface


@dataclass(frozen=True)
class Hits:
    """First hits of N rays.

    Attributes:
        distance: float32 (N,) in units of the ray's direction; inf where nothing is hit.
        triangle: int64 (N,), -1 where nothing is hit.
        uv: float32 (N, 2) barycentric coordinates of the triangle's second and third corner.
    """

    distance: np.ndarray
    triangle: np.ndarray
    uv: np.ndarray


class Rays:
    """The acceleration structures of one room. Needs open3d.

    Two scenes: everything, as a camera sees it, and what stops light (without window panes and lampshades).
    """

    def __init__(self, room: Room) -> None:
        passes = np.array([m.passes_light for m in room.materials])
        self._solid = np.flatnonzero(~passes[room.material])
        self._all_scene = _scene(room.vertices, room.triangles)
        self._solid_scene = _scene(room.vertices, room.triangles[self._solid])

    def first(self, origin: np.ndarray, direction: np.ndarray, solid: bool = False) -> Hits:
        """First hits of rays (N, 3) + t (N, 3).

        Args:
            solid: through window panes and lamp shades.
        """
        if len(origin) == 0:
            return Hits(np.zeros(0, np.float32), np.zeros(0, np.int64), np.zeros((0, 2), np.float32))
        answer = (self._solid_scene if solid else self._all_scene).cast_rays(_rays(origin, direction))
        distance = answer["t_hit"].numpy()
        triangle = answer["primitive_ids"].numpy().astype(np.int64)
        hit = np.isfinite(distance)
        triangle = np.where(hit, triangle, 0)
        if solid:
            triangle = self._solid[triangle]
        return Hits(distance, np.where(hit, triangle, -1), answer["primitive_uvs"].numpy())

    def hidden(self, origin: np.ndarray, direction: np.ndarray, far: float = np.inf) -> np.ndarray:
        """Whether something solid lies on origin + t direction, t < far. bool (N,)."""
        if len(origin) == 0:
            return np.zeros(0, bool)
        return self._solid_scene.test_occlusions(_rays(origin, direction), tnear=0.0, tfar=far).numpy()


def require_open3d() -> None:
    """Raises InputError if rooms cannot be rendered: asked before anything is written."""
    try:
        import open3d  # noqa: F401
    except ImportError as error:
        raise InputError(f'rooms are rendered by open3d: pip install -e ".[rooms]" ({error})') from error


def _rays(origin: np.ndarray, direction: np.ndarray) -> Any:
    from open3d.core import Tensor

    return Tensor.from_numpy(np.concatenate([origin, direction], 1).astype(np.float32))


def _scene(vertices: np.ndarray, triangles: np.ndarray) -> Any:
    from open3d.core import Tensor
    from open3d.t.geometry import RaycastingScene

    scene = RaycastingScene()
    scene.add_triangles(
        Tensor.from_numpy(np.ascontiguousarray(vertices)),
        Tensor.from_numpy(np.ascontiguousarray(triangles, np.uint32)),
    )
    return scene
