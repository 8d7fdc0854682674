"""A `Prediction` as files: one .npz with the numbers, PNGs to look at."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
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
STRIP_PIXELS = 1_000_000  # drawn at once: float copies of a whole 50-megapixel map would take 2 GB


def write_prediction(prediction: Prediction, folder: str | os.PathLike[str], stem: str) -> list[Path]:
    """Writes STEM.npz and PNGs to look at into `folder`, made if absent. Files of that stem are replaced.

    STEM.npz holds `TASK_initial` and `TASK_refined` as in `Prediction`: semseg uint8 (H, W); depth float32
    (H, W) in metres; normals float32 (H, W, 3), camera axes x right, y down, z forward. And `camera` (4,):
    fx, fy, cx, cy in pixels of the photo; and, if geometry does not hold for it, `pinhole` (), false. Without
    trace-back there are no `_refined` keys and pictures.

    Per map there is STEM_TASK_STAGE.png, with a legend under classes and depth (whose colours span initial
    and refined alike); of depth also STEM_depth_STAGE_mm.png, 16-bit millimetres, 0 invalid.

    Returns:
        The files written, the .npz first.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = [write_aside(folder / f"{stem}.npz", lambda file: np.savez(file, **arrays(prediction)))]  # type: ignore[arg-type]
    for task in prediction.task_list():
        for stage, draw in painters(prediction, task).items():
            written.append(_png(folder / f"{stem}_{task.name}_{stage}.png", draw()))
        if task.kind == "depth":
            for stage, maps in prediction.stages().items():
                depth = in_strips(millimetres, maps[task.name])
                written.append(_png(folder / f"{stem}_{task.name}_{stage}_mm.png", depth))
    return written


def arrays(prediction: Prediction) -> dict[str, np.ndarray]:
    """What goes into the .npz, by key."""
    camera = prediction.camera
    maps = {
        f"{task}_{stage}": maps[task]
        for task in prediction.tasks
        for stage, maps in prediction.stages().items()
    }
    told = {"pinhole": np.array(False)} if prediction.geometry_note else {}
    return {**maps, "camera": np.array([camera.fx, camera.fy, camera.cx, camera.cy]), **told}


def pictures(prediction: Prediction, task: Task) -> dict[str, np.ndarray]:
    """A task's map by stage as RGB uint8, with the legend that its colours need below."""
    return {stage: draw() for stage, draw in painters(prediction, task).items()}


def painters(prediction: Prediction, task: Task) -> dict[str, Callable[[], np.ndarray]]:
    """What makes each of `pictures`, so that not all have to be in memory at once."""
    maps = {stage: of_stage[task.name] for stage, of_stage in prediction.stages().items()}
    if task.kind != "depth":
        return {stage: functools.partial(_painted, task, values) for stage, values in maps.items()}
    limits = _limits(list(maps.values()))
    bar = legend.colour_bar(*limits, unit=task.unit, width=prediction.size[1])
    return {
        stage: functools.partial(_with, functools.partial(colour.depth, limits=limits), metres, bar)
        for stage, metres in maps.items()
    }


def in_strips(draw: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> np.ndarray:
    """`draw(values)` of a map (H, W, ...), some rows at a time; `draw` must treat each pixel by itself."""
    rows = max(1, STRIP_PIXELS // values.shape[1])
    parts = [draw(values[top : top + rows]) for top in range(0, len(values), rows)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def millimetres(metres: np.ndarray) -> np.ndarray:
    """Depth in metres -> uint16 millimetres, at most 65.535 m; what is not finite or not positive is 0."""
    return np.nan_to_num(metres * 1000.0, nan=0.0, posinf=0.0).clip(0, 65535).round().astype(np.uint16)


def _limits(maps: list[np.ndarray]) -> tuple[float, float]:
    """`colour.value_range` of all maps together."""
    rows = max(1, STRIP_PIXELS // maps[0].shape[1])
    strips = [values[top : top + rows] for values in maps for top in range(0, len(values), rows)]
    ends = [colour.value_range(strip) for strip in strips if (np.isfinite(strip) & (strip > 0)).any()]
    return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else colour.value_range()


def _painted(task: Task, values: np.ndarray) -> np.ndarray:
    draw = functools.partial(colour.picture, task)
    if task.kind != "classes":
        return in_strips(draw, values)
    strip = legend.class_strip(legend.class_legend(task, values), values.shape[1])
    return _with(draw, values, strip)


def _with(draw: Callable[[np.ndarray], np.ndarray], values: np.ndarray, strip: np.ndarray) -> np.ndarray:
    return legend.below(in_strips(draw, values), strip)


def _png(path: Path, array: np.ndarray) -> Path:
    return write_aside(
        path, lambda file: Image.fromarray(array).save(file, "PNG", compress_level=COMPRESSION)
    )
