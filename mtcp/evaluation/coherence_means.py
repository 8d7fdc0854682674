"""Coherence over a data set: means over its frames of what `mtcp.geometry.coherence` measures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from torch import Tensor

from mtcp.errors import InputError
from mtcp.geometry.camera import Camera
from mtcp.geometry.coherence import stage_coherence
from mtcp.geometry.report import StageCoherence
from mtcp.tasks import DEPTH, NORMALS, SEMSEG, Task, lacking

NUMBERS: dict[str, Callable[[StageCoherence], float | None]] = {
    "depth_normal_mean": lambda s: s.depth_normal.mean_deg,
    "depth_normal_median": lambda s: s.depth_normal.median_deg,
    "depth_normal_within_30": lambda s: s.depth_normal.within_30,
    "derivative_mean": lambda s: s.depth_normal_derivative.mean_deg,
    "plane_rms": lambda s: s.planarity.mean_rms_cm,
    "plane_angle": lambda s: s.planarity.mean_angle_deg,
    "floor_walls_normals": lambda s: s.room.floor_walls.normals_error_deg,
    "floor_walls_depth": lambda s: s.room.floor_walls.depth_error_deg,
    "depth_edges": lambda s: s.boundaries.depth.on_boundary_pct,
    "normal_edges": lambda s: s.boundaries.normals.on_boundary_pct,
}
"""Name -> where it is in the report. Units and directions: `mtcp.evaluation.metric_table`."""


class CoherenceMeans:
    """Mean of each number over the frames that have it (no floor in sight: no floor angle); else NaN."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        """Raises InputError unless depth and normals are among the tasks."""
        names = {task.name for task in tasks}
        if lacking(names):
            raise InputError(
                f"coherence compares depth with normals; this network has {', '.join(sorted(names))}"
            )
        self.tasks = [task for task in tasks if task.name in (DEPTH, NORMALS, SEMSEG)]
        self.classes = next((task.classes for task in tasks if task.name == SEMSEG), ())
        self.found: dict[str, list[float]] = {name: [] for name in NUMBERS}

    def update(self, maps: Mapping[str, Tensor], camera: Tensor) -> None:
        """Adds a frame. maps: final, (1, C, H, W), by task; camera: (4,) = fx, fy, cx, cy at H x W."""
        arrays = {task.name: task.map_of(maps[task.name][0].float()).cpu().numpy() for task in self.tasks}
        H, W = arrays[DEPTH].shape
        fx, fy, cx, cy = camera.tolist()
        stage = stage_coherence(arrays, Camera(fx, fy, cx, cy, W, H), self.classes)
        for name, number in NUMBERS.items():
            value = number(stage)
            if value is not None:
                self.found[name].append(value)

    def compute(self) -> dict[str, float]:
        """The means so far."""
        return {name: float(np.mean(values)) if values else math.nan for name, values in self.found.items()}
