"""What one stage, initial or refined, brings to the search for failures and their causes."""

from __future__ import annotations

import dataclasses
from functools import cached_property

import cv2
import numpy as np

from mtcp.geometry.boundaries import depth_jumps
from mtcp.geometry.camera import Camera
from mtcp.geometry.normals import scaled_window
from mtcp.geometry.report import StageMaps

FAILURE_DEG = 30.0
"""Depth and normals fail where the plane-fit angle is over this."""


@dataclasses.dataclass(frozen=True, eq=False)
class StageInput:
    """The maps of a stage at the working size, and their camera.

    normals: predicted unit vectors (h, w, 3), zeros unknown; semseg: (h, w) or None; depth: (h, w) metres, 0 unknown.
    """

    maps: StageMaps
    normals: np.ndarray
    semseg: np.ndarray | None
    depth: np.ndarray
    camera: Camera

    @cached_property
    def failing(self) -> np.ndarray:
        """Boolean (h, w): over `FAILURE_DEG`, without hairlines under three pixels wide, as along discontinuities."""
        return over(self.maps.angle_deg, FAILURE_DEG)

    @cached_property
    def jumps(self) -> np.ndarray:
        """Boolean (h, w): the steepest pixel across each jump of the depth, see `depth_jumps`."""
        return depth_jumps(self.depth, self.window // 2)

    @cached_property
    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """x (w,) and y (h,) of the viewing rays with z = 1, see `Camera.axes`."""
        return self.camera.axes()

    def prepare(self) -> StageInput:
        """Computes now, in the thread that calls, what the search for failures would compute when it first asks."""
        _ = self.failing, self.jumps
        return self

    @cached_property
    def window(self) -> int:
        """Pixels along a side of the window that a plane is fitted in."""
        return scaled_window(self.camera.width, self.camera.height)[0]


def over(angle: np.ndarray, limit_deg: float) -> np.ndarray:
    """Where an angle map (h, w) is over the limit, opened with 3 x 3 pixels; what is NaN is not."""
    bad = angle > limit_deg
    return cv2.morphologyEx(bad.view(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).view(bool)
