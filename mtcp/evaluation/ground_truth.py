"""What is true of one photo, and how far predicted maps are from it."""

from __future__ import annotations

import dataclasses
import filecmp
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mtcp.errors import InputError
from mtcp.geometry.camera import Camera
from mtcp.geometry.coherence import resize_maps
from mtcp.io.safe_read import read_npz
from mtcp.tasks import DEPTH, NORMALS, NYUD_CLASSES, SEMSEG, Task

if TYPE_CHECKING:
    from torch import Tensor

Errors = dict[str, dict[str, float | None]]
"""Task -> metric of `mtcp.evaluation.metrics` -> number in its unit (`UNITS`); None where nothing could be compared."""

_NOT_MAPS = ("image", "camera")
_EXAMPLE = ("planes", "plane", "semseg", "camera")  # what an example's .npz holds, see `Truth.of_example`


@dataclass(frozen=True, eq=False)
class Truth:
    """Ground truth of one photo, by task.

    maps: at the size of `camera`, as in a `Prediction`: depth float32 (H, W) metres, 0 unknown; normals
        float32 (H, W, 3) unit vectors in camera axes, zeros unknown; what is not finite is unknown in both;
        semseg, human_parts, edge, saliency uint8 (H, W), 255 unknown.
    camera: the one the depth was measured or rendered with.
    source: where it is from, in a few words.
    classes: names of the labels in "semseg"; empty where nothing tells them.
    calibrated: whether `camera` was measured. If not, it is the one that the photo is seen through: see `through`.

    Raises:
        InputError: a map that has not the camera's size.
    """

    maps: dict[str, np.ndarray]
    camera: Camera
    source: str
    classes: tuple[str, ...] = ()
    calibrated: bool = True

    def __post_init__(self) -> None:
        for name, values in self.maps.items():
            self.camera.require(values, f"true {name}")

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the maps."""
        return self.camera.height, self.camera.width

    def through(self, camera: Camera) -> Truth:
        """The same where it has a camera of its own; else seen through `camera`, of the same size."""
        return self if self.calibrated else dataclasses.replace(self, camera=camera)

    def of_classes(self, classes: Sequence[str]) -> Truth:
        """The same for a network with these classes: without labels that mean something else."""
        if not self.classes or tuple(classes) == self.classes:
            return self
        maps = {name: values for name, values in self.maps.items() if name != SEMSEG}
        return dataclasses.replace(self, maps=maps)

    @classmethod
    def of_sample(cls, sample: Mapping[str, Tensor], source: str, classes: tuple[str, ...] = ()) -> Truth:
        """From a sample of a data set (see `mtcp.data.sample`). source: its id, or some words."""
        height, width = sample["image"].shape[-2:]
        fx, fy, cx, cy = sample["camera"].tolist()
        maps = {
            name: np.ascontiguousarray(value.permute(1, 2, 0).numpy() if value.ndim == 3 else value.numpy())
            for name, value in sample.items()
            if name not in _NOT_MAPS
        }
        return cls(maps, Camera(fx, fy, cx, cy, width, height), source, classes)

    @classmethod
    def of_example(cls, path: str | os.PathLike[str]) -> Truth:
        """The exact truth of a shipped example picture, from the `.npz` of its name beside it.

        The examples are synthetic rooms, so all in them is flat triangles, and the file holds those instead of maps:
        `planes` float32 (P, 4), a unit normal and its product with any point of the plane; `plane` uint16
        (H, W), the plane that a pixel sees; `semseg` uint8 (H, W); `camera` fx, fy, cx, cy. Depth and normals
        follow exactly, and the file is a tenth of its maps.

        Raises:
            InputError: no such file, or a damaged one.
        """
        file = Path(path).with_suffix(".npz")
        stored = read_npz(file, _EXAMPLE)
        if set(stored) != set(_EXAMPLE) or stored["plane"].max() >= len(stored["planes"]):
            raise InputError(f"{file}: expected {', '.join(_EXAMPLE)} that belong together, so it is damaged")
        height, width = stored["semseg"].shape
        fx, fy, cx, cy = stored["camera"].tolist()
        camera = Camera(fx, fy, cx, cy, width, height)
        seen = stored["planes"][stored["plane"]]
        normals = np.ascontiguousarray(seen[..., :3])
        depth = (seen[..., 3] / (normals * camera.rays()).sum(-1)).astype(np.float32)
        maps = {SEMSEG: stored["semseg"], DEPTH: depth, NORMALS: normals}
        return cls(maps, camera, f"exact: a synthetic room, {file.stem.replace('-', ' ')}", NYUD_CLASSES)

    def resized(self, size: tuple[int, int]) -> Truth:
        """At another size (H, W), the geometry kept: see `resize_maps`."""
        if size == self.size:
            return self
        camera = self.camera.resize(size[1], size[0])
        return dataclasses.replace(self, maps=resize_maps(self.maps, camera), camera=camera)


def shipped_example(path: str | os.PathLike[str], examples: Sequence[Path]) -> Path | None:
    """Which of the `examples` the file at `path` is a copy of (uploads are copies), byte for byte, or None."""
    return next((example for example in examples if filecmp.cmp(path, example, shallow=False)), None)


def errors(predicted: Mapping[str, np.ndarray], truth: Truth, tasks: Sequence[Task]) -> Errors:
    """The metrics of `mtcp.evaluation.metrics` over one frame, for the tasks that both sides have.

    predicted: final maps as in a `Prediction`, at the truth's size. mIoU is over the classes in the truth.

    Raises:
        InputError: sizes that differ.
    """
    found: Errors = {}
    for task in _common(predicted, truth, tasks):
        said, true = predicted[task.name], truth.maps[task.name]
        if not task.known(true).any():
            found[task.name] = dict.fromkeys(task.metrics)
            continue
        metric = task.new_metric()
        metric.update(*task.to_metric(said, true))
        found[task.name] = {
            name: value if math.isfinite(value) else None for name, value in metric.compute().items()
        }
    return found


def error_maps(
    predicted: Mapping[str, np.ndarray], truth: Truth, tasks: Sequence[Task]
) -> dict[str, np.ndarray]:
    """Where the predicted maps are off, by task: see `Task.error`.

    Raises:
        InputError: sizes that differ.
    """
    return {
        task.name: task.error(predicted[task.name], truth.maps[task.name])
        for task in _common(predicted, truth, tasks)
    }


def _common(predicted: Mapping[str, np.ndarray], truth: Truth, tasks: Sequence[Task]) -> list[Task]:
    common = [task for task in tasks if task.name in predicted and task.name in truth.maps]
    for task in common:
        truth.camera.require(predicted[task.name], f"predicted {task.name}")
    return common
