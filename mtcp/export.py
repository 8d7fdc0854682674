"""A `Prediction` as files: one .npz with the numbers, PNGs to look at."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from mtcp import colour, legend
from mtcp.aside import write_aside

if TYPE_CHECKING:
    from mtcp.predict import Prediction
    from mtcp.tasks import Task

COMPRESSION = 3  # of PNG: half the time of Pillow's 6 for a tenth more bytes


def write_prediction(prediction: Prediction, folder: str | os.PathLike[str], stem: str) -> list[Path]:
    """Writes STEM.npz and PNGs to look at into `folder`, made if absent. Files of that stem are replaced.

    STEM.npz holds `TASK_initial` and `TASK_refined` as in `Prediction`: semseg uint8 (H, W); depth float32
    (H, W) in metres; normals float32 (H, W, 3), camera axes x right, y down, z forward. And `camera` (4,):
    fx, fy, cx, cy in pixels of the photo. Without trace-back there are no `_refined` keys and pictures.

    Per map there is STEM_TASK_STAGE.png, with a legend under classes and depth (whose colours span initial
    and refined alike); of depth also STEM_depth_STAGE_mm.png, 16-bit millimetres, 0 invalid.

    Returns:
        The files written, the .npz first.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = [write_aside(folder / f"{stem}.npz", lambda file: np.savez(file, **arrays(prediction)))]  # type: ignore[arg-type]
    for task in prediction.task_list():
        for stage, picture in pictures(prediction, task).items():
            written.append(_png(folder / f"{stem}_{task.name}_{stage}.png", picture))
        if task.kind == "depth":
            for stage, maps in prediction.stages().items():
                written.append(
                    _png(folder / f"{stem}_{task.name}_{stage}_mm.png", millimetres(maps[task.name]))
                )
    return written


def arrays(prediction: Prediction) -> dict[str, np.ndarray]:
    """What goes into the .npz, by key."""
    camera = prediction.camera
    maps = {
        f"{task}_{stage}": maps[task]
        for task in prediction.tasks
        for stage, maps in prediction.stages().items()
    }
    return {**maps, "camera": np.array([camera.fx, camera.fy, camera.cx, camera.cy])}


def pictures(prediction: Prediction, task: Task) -> dict[str, np.ndarray]:
    """A task's map by stage as RGB uint8, with the legend that its colours need below."""
    maps = {stage: of_stage[task.name] for stage, of_stage in prediction.stages().items()}
    if task.kind == "classes":
        return {stage: _with_classes(task, labels) for stage, labels in maps.items()}
    if task.kind == "depth":
        limits = colour.value_range(*maps.values())
        bar = legend.colour_bar(*limits, unit=task.unit, width=prediction.size[1])
        return {stage: legend.below(colour.depth(metres, limits), bar) for stage, metres in maps.items()}
    return {stage: colour.picture(task, values) for stage, values in maps.items()}


def millimetres(metres: np.ndarray) -> np.ndarray:
    """Depth in metres -> uint16 millimetres, at most 65.535 m; what is not finite or not positive is 0."""
    return np.nan_to_num(metres * 1000.0, nan=0.0, posinf=0.0).clip(0, 65535).round().astype(np.uint16)


def _with_classes(task: Task, labels: np.ndarray) -> np.ndarray:
    strip = legend.class_strip(legend.class_legend(task, labels), labels.shape[1])
    return legend.below(colour.picture(task, labels), strip)


def _png(path: Path, array: np.ndarray) -> Path:
    return write_aside(
        path, lambda file: Image.fromarray(array).save(file, "PNG", compress_level=COMPRESSION)
    )
