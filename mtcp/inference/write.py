"""A `Prediction` as files: one .npz with the numbers, PNGs to look at."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from mtcp.drawing import legend
from mtcp.io.atomic import write_atomic

if TYPE_CHECKING:
    from mtcp.inference.prediction import Prediction

COMPRESSION = 3  # of PNG: half the time of Pillow's 6 for a tenth more bytes
STRIP_PIXELS = 1_000_000  # drawn at once: float copies of a whole 50-megapixel map would take 2 GB


def write_prediction(prediction: Prediction, folder: str | os.PathLike[str], stem: str) -> list[Path]:
    """Writes STEM.npz and PNGs to look at into `folder`, made if absent. Files of that stem are replaced.

    STEM.npz holds `TASK_initial` and `TASK_refined` as in `Prediction`: semseg uint8 (H, W); depth float32
    (H, W) in metres; normals float32 (H, W, 3), camera axes x right, y down, z forward. And `camera` (4,):
    fx, fy, cx, cy in pixels of the maps; for each task of labels `TASK_classes`, text (C,): what they mean;
    `checkpoint` (), text: the network's file; and, if geometry does not hold for the photo, `pinhole` (), false.
    Without a refinement there are no `_refined` keys and pictures.

    Per map there is STEM_TASK_STAGE.png. Of classes and depth (whose colours span initial and refined alike) it
    has a legend below, and STEM_TASK_STAGE_plain.png is the map alone, (H, W); of depth there is also
    STEM_depth_STAGE_mm.png, 16-bit millimetres, 0 invalid.

    Returns:
        The files written, the .npz first.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = [write_atomic(folder / f"{stem}.npz", lambda file: np.savez(file, **arrays(prediction)))]  # type: ignore[arg-type]
    for task in prediction.task_list():
        maps = {stage: of_stage[task.name] for stage, of_stage in prediction.stages().items()}
        scale = task.scale(*(strip for values in maps.values() for strip in strips(values)))
        for stage, values in maps.items():
            name = f"{stem}_{task.name}_{stage}"
            picture = in_strips(functools.partial(task.picture, scale=scale), values)
            strip = task.legend(values, scale)
            if strip is not None:
                written.append(_png(folder / f"{name}_plain.png", picture))
                picture = legend.below(picture, strip)  # in its place: of 50 megapixels each is 150 MB
            written.append(_png(folder / f"{name}.png", picture))
            for suffix, draw in task.exports.items():
                written.append(_png(folder / f"{name}_{suffix}.png", in_strips(draw, values)))
    return written


def arrays(prediction: Prediction) -> dict[str, np.ndarray]:
    """What goes into the .npz, by key."""
    camera = prediction.camera
    maps = {
        f"{task}_{stage}": maps[task]
        for task in prediction.tasks
        for stage, maps in prediction.stages().items()
    }
    names = {
        f"{task.name}_classes": np.array(task.classes) for task in prediction.task_list() if task.classes
    }
    pinhole = {"pinhole": np.array(False)} if prediction.geometry_note else {}
    about = {
        "camera": np.array([camera.fx, camera.fy, camera.cx, camera.cy]),
        "checkpoint": np.array(prediction.checkpoint),
    }
    return {**maps, **names, **about, **pinhole}


def in_strips(draw: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> np.ndarray:
    """`draw(values)` of a map (H, W, ...), some rows at a time; `draw` must treat each pixel by itself."""
    parts = [draw(strip) for strip in strips(values)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def strips(values: np.ndarray) -> Iterator[np.ndarray]:
    """A map (H, W, ...) some rows at a time, so that copies of it stay small."""
    rows = max(1, STRIP_PIXELS // values.shape[1])
    return (values[top : top + rows] for top in range(0, len(values), rows))


def _png(path: Path, array: np.ndarray) -> Path:
    return write_atomic(
        path, lambda file: Image.fromarray(array).save(file, "PNG", compress_level=COMPRESSION)
    )
