"""Angles that every room has: floor against ceiling 180 degrees, floor against walls 90 degrees."""

from __future__ import annotations

import numpy as np

from mtcp.geometry.normals import angle_deg
from mtcp.geometry.report import Planarity, PlaneSegment, RoomAngle, RoomGeometry


def room_geometry(planarity: Planarity) -> RoomGeometry:
    """From the planar segments: the largest floor, the largest ceiling, every piece of wall.

    Both normals face the camera, so floor and ceiling of an upright room look at each other.
    """
    floor, ceiling = _largest(planarity, "floor"), _largest(planarity, "ceiling")
    walls = [s for s in planarity.segments if s.label == "wall"]
    return RoomGeometry(
        floor_ceiling=_angle(180.0, floor, [ceiling] if ceiling else [], "ceiling"),
        floor_walls=_angle(90.0, floor, walls, "wall"),
    )


def _largest(planarity: Planarity, label: str) -> PlaneSegment | None:
    return next((s for s in planarity.segments if s.label == label), None)  # they come largest first


def _angle(ideal: float, floor: PlaneSegment | None, others: list[PlaneSegment], name: str) -> RoomAngle:
    missing = [word for word, there in (("floor", floor), (name, others)) if not there]
    if floor is None or not others:
        return RoomAngle(
            ideal, None, None, None, None, 0, f"no {' and no '.join(missing)} large enough is seen"
        )
    area = np.array([s.share_pct for s in others])
    by_normals, by_depth = (
        _over(others, floor, key, ideal, area) for key in ("predicted_normal", "plane_normal")
    )
    return RoomAngle(ideal, *by_normals[:2], *by_depth[:2], len(others), None, by_normals[2], by_depth[2])


def _over(
    others: list[PlaneSegment], floor: PlaneSegment, key: str, ideal: float, area: np.ndarray
) -> tuple[float, float, tuple[float, float]]:
    """Mean angle, mean distance from `ideal`, smallest and largest angle of the others' `key` to the floor's."""
    angles = angle_deg(np.array([getattr(s, key) for s in others]), np.array(getattr(floor, key)))
    error = float(np.average(np.abs(angles - ideal), weights=area))
    return float(np.average(angles, weights=area)), error, (float(angles.min()), float(angles.max()))
