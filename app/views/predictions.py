"""The Predictions view: per task the pair initial | refined or A | B, what differs between them, and the legends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.session import Analysis
from app.sides import Words
from app.views import change, legends
from app.views.change import Change
from mtcp.drawing import colour
from mtcp.drawing.colour import palette
from mtcp.drawing.scale import Scale
from mtcp.tasks import Task, measure


@dataclass(frozen=True)
class TaskView:
    """Everything the page shows of one task. Pictures are RGB uint8 (H, W, 3) in the photo's size.

    refined, change: None where the checkpoint has no refinement.
    """

    name: str
    initial: np.ndarray
    refined: np.ndarray | None
    legend: str
    change: Change | None


def view(analysis: Analysis, task: Task, *beside: np.ndarray) -> TaskView:
    """The view of `task` for one run. beside: further maps that are to be drawn in the same scale."""
    initial = analysis.prediction.initial[task.name]
    refined = analysis.prediction.refined.get(task.name)
    maps = [initial] if refined is None else [initial, refined]
    scale = task.scale(*maps, *beside)  # one, or they do not compare
    before, *after = (task.picture(values, scale) for values in maps)
    words = analysis.words
    changed = None if refined is None else change.change(analysis.photo, initial, refined, task, words)
    legend = _legend(maps, task, scale, words)
    return TaskView(task.name, before, after[0] if after else None, legend, changed)


def summary(analysis: Analysis, tasks: tuple[Task, ...]) -> dict[str, Any]:
    """What `/predict` returns beside the zip: plain JSON types, units in the key names."""
    prediction = analysis.prediction
    return {
        "photo": analysis.name,
        "size": list(prediction.size),
        "network_size": list(prediction.network_size),
        "seconds": round(prediction.seconds, 4),
        "device": prediction.device,
        "checkpoint": prediction.checkpoint,
        "camera": prediction.camera.to_dict(),
        "camera_from": prediction.camera_words,
        "note": prediction.note,
        "geometry_note": prediction.geometry_note,
        "tasks": {
            task.name: task.summary(prediction.initial[task.name], prediction.refined.get(task.name))
            for task in tasks
        },
    }


def _legend(maps: Sequence[np.ndarray], task: Task, scale: Scale | None, words: Words) -> str:
    if task.classes:
        shares = measure.shares(maps[0], maps[-1], task.classes)
        return legends.labels(shares, palette(task.channels), traced=len(maps) > 1, words=words)
    legend = map_legend(task, scale)
    if task.spread_words is not None:
        found = [measure.spread(values) for values in maps]
        legend += legends.spreads(found, task.unit, task.spread_words, words)
    return legend


def map_legend(task: Task, scale: Scale | None) -> str:
    """What the colours of a task's maps mean, where they do not stand for classes: a ball of directions or a bar."""
    if task.directions:
        return legends.normal_axes(normal_ball())
    return "" if scale is None else legends.bar(scale)


def normal_ball(size: int = 128) -> np.ndarray:
    """Every normal that a camera can see, as a ball on nothing: RGBA uint8 (size, size, 4).

    Its middle faces the camera, (0, 0, -1); x grows to the right, y downwards.
    """
    across = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
    x, y = np.meshgrid(across, across)
    radius = np.hypot(x, y)
    z = -np.sqrt(np.clip(1 - radius**2, 0, None))
    rgb = colour.normals(np.stack((x, y, z), axis=-1))
    edge = np.clip((1 - radius) * size / 2, 0, 1) * 255  # one pixel wide, so that the rim is smooth
    return np.concatenate((rgb, edge[..., None].astype(np.uint8)), axis=2)
