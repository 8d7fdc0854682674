"""The Predictions view: per task the pair initial | refined, what trace-back changed, and the legends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.session import Analysis
from app.views import change, legends, measure
from app.views.change import Change
from mtcp.drawing import colour
from mtcp.tasks import Task, palette


@dataclass(frozen=True)
class TaskView:
    """Everything the page shows of one task. Pictures are RGB uint8 (H, W, 3) in the photo's size.

    refined, change: None where the checkpoint has no trace-back.
    """

    name: str
    initial: np.ndarray
    refined: np.ndarray | None
    legend: str
    change: Change | None


def view(analysis: Analysis, task: Task) -> TaskView:
    """The view of `task` for one run."""
    initial = analysis.prediction.initial[task.name]
    refined = analysis.prediction.refined.get(task.name)
    maps = [initial] if refined is None else [initial, refined]
    limits = colour.value_range(*maps) if task.kind == "depth" else None  # one scale, or they do not compare
    before, *after = (colour.picture(task, values, limits) for values in maps)
    changed = None if refined is None else change.change(analysis.photo, initial, refined, task)
    return TaskView(task.name, before, after[0] if after else None, _legend(initial, refined, task), changed)


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
            task.name: measure.summary(prediction.initial[task.name], prediction.refined.get(task.name), task)
            for task in tasks
        },
    }


def _legend(initial: np.ndarray, refined: np.ndarray | None, task: Task) -> str:
    if task.kind == "classes":
        found = measure.shares(initial, initial if refined is None else refined, task.classes)
        return legends.labels(found, palette(task.channels), traced=refined is not None)
    if task.kind == "normals":
        return legends.normal_axes(normal_ball())
    if task.kind == "binary":
        return legends.scale(colour.colour_map("magma"), 0.0, 1.0, "", digits=1)
    maps = [initial] if refined is None else [initial, refined]
    low, high = colour.value_range(*maps)
    spreads = [measure.spread(values) for values in maps]
    bar = legends.scale(colour.colour_map("viridis"), low, high, "m", digits=1)
    return bar + legends.spreads(spreads, "m", ("nearest", "median", "farthest"))


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
