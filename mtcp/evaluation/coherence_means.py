"""Coherence over a data set: means over its frames of what `mtcp.geometry.coherence` measures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from mtcp.errors import InputError
from mtcp.geometry.camera import Camera
from mtcp.geometry.coherence import stage_coherence
from mtcp.geometry.quantities import COHERENCE, coherence_numbers
from mtcp.tasks import DEPTH, NORMALS, SEMSEG, Task, lacking


class CoherenceMeans:
    """Mean of each of `COHERENCE` over the frames that have it (no floor in sight: no floor angle); else NaN."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        """Raises InputError unless depth and normals are among the tasks."""
        names = {task.name for task in tasks}
        if lacking(names):
            raise InputError(
                f"coherence compares depth with normals; this network has {', '.join(sorted(names))}"
            )
        self.tasks = [task for task in tasks if task.name in (DEPTH, NORMALS, SEMSEG)]
        self.classes = next((task.classes for task in tasks if task.name == SEMSEG), ())
        self.found: dict[str, list[float]] = {one.key: [] for one in COHERENCE}

    def update(self, maps: Mapping[str, Tensor], camera: Tensor) -> None:
        """Adds a frame. maps: final, (1, C, H, W), by task; camera: (4,) = fx, fy, cx, cy at H x W."""
        arrays = {task.name: task.map_of(maps[task.name][0].float()).cpu().numpy() for task in self.tasks}
        H, W = arrays[DEPTH].shape
        fx, fy, cx, cy = camera.tolist()
        stage = stage_coherence(arrays, Camera(fx, fy, cx, cy, W, H), self.classes)
        for key, value in coherence_numbers(stage).items():
            if value is not None:
                self.found[key].append(value)

    def compute(self) -> dict[str, float]:
        """The means so far."""
        return {key: float(np.mean(values)) if values else math.nan for key, values in self.found.items()}
