"""Rooms as a data set: rendered when asked for, the same sample for the same index."""

from __future__ import annotations

from typing import Literal

import numpy as np

from mtcp.data.derive import semantic_edges
from mtcp.data.rooms.build import make_room
from mtcp.data.rooms.rays import require_open3d
from mtcp.data.rooms.render import Frame, render
from mtcp.data.sample import DataSet, Sample, camera_tensor, image_tensor
from mtcp.errors import InputError
from mtcp.tasks import task_named, task_set


class Rooms(DataSet):
    """`count` rooms of all kinds with exact maps, as `mtcp.data.sample` describes them. Needs open3d.

    Args:
        count: number of rooms; room i has seed `seed + i`.
        size: (height, width) in pixels.
        tasks: maps that samples hold, of semseg, depth, normals, edge.
        quality: of the pictures, see `mtcp.data.rooms.render`.

    Raises:
        InputError: a count below 1, a negative seed, an unknown task, no open3d.
    """

    def __init__(
        self,
        count: int,
        size: tuple[int, int] = (240, 320),
        seed: int = 0,
        tasks: tuple[str, ...] = ("semseg", "depth", "normals"),
        quality: Literal["high", "fast"] = "fast",
    ) -> None:
        if count < 1:
            raise InputError(f"count {count}: give at least 1 room")
        if seed < 0:
            raise InputError(f"seed {seed}: give an integer from 0")
        require_open3d()
        self.size, self.seed, self.quality = size, seed, quality
        self.tasks = tuple(task.name for task in task_set("nyud", tuple(tasks)))
        self.ids = [f"room-{seed + i:07d}" for i in range(count)]

    def frame(self, index: int) -> Frame:
        """The rendered frame behind a sample."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"room {index} of {len(self)}")
        return render(make_room(self.seed + index % len(self)), self.size, self.quality)

    def stored(self, index: int) -> Sample:
        """One sample; every map has the image's size."""
        frame = self.frame(index)
        sample: Sample = {"image": image_tensor(frame.image), "camera": camera_tensor(frame.camera)}
        for task in self.tasks:
            sample[task] = task_named(task).target_of(_MAPS[task](frame))
        return sample


def edges(semseg: np.ndarray) -> np.ndarray:
    """Semantic boundaries uint8 (H, W), 0/1, of classes 0..39."""
    return semantic_edges(semseg.astype(np.int16) + 1)


_MAPS = {
    "semseg": lambda frame: frame.semseg,
    "depth": lambda frame: frame.depth,
    "normals": lambda frame: frame.normals,
    "edge": lambda frame: edges(frame.semseg),
}
