"""The readout: what every map says at one pixel, initial beside refined (beside the truth)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.scene import Scene
from app.session import Analysis
from app.views import html
from app.views.class_names import plain
from mtcp.drawing.colour import palette
from mtcp.geometry.report import StageCoherence
from mtcp.tasks import DEPTH, IGNORE, NORMALS, NYUD_CLASSES, SEMSEG, Task

Vector = np.ndarray
NONE = "\N{EN DASH}"


@dataclass(frozen=True)
class Reading:
    """What one stage says at a pixel. None where it says nothing.

    share: the probability of `label`, 0..1. depth: metres. normal, from_depth: unit vectors in camera axes.
    angle: between those two, degrees.
    """

    label: int | None = None
    share: float | None = None
    depth: float | None = None
    normal: Vector | None = None
    from_depth: Vector | None = None
    angle: float | None = None


def stages(analysis: Analysis) -> dict[str, dict[str, np.ndarray]]:
    """The columns, in the order of every table: the maps of "initial", "refined" and "truth", where there are such."""
    true = {} if analysis.truth is None else {"truth": analysis.truth.maps}
    return {**analysis.prediction.stages(), **true}


def readings(scene: Scene) -> dict[str, Reading]:
    """By stage, as `stages`. From the truth's depth only once the truth's own coherence has been computed."""
    analysis, found = scene.analysis, {}
    for stage, maps in stages(analysis).items():
        compared = getattr(analysis.coherence, stage, None)
        if stage == "truth" and analysis.coherence is not None:
            compared = analysis.cache.get("truth.coherence")
        found[stage] = _reading(scene, maps, compared, _share(scene, stage, maps))
    return found


def readout(scene: Scene) -> str:
    """The readings as a table, HTML; of normals one row for each component, so that all columns fit."""
    found = readings(scene)
    tasks = {task.name: task for task in scene.analysis.prediction.task_list()}
    rows = []
    if SEMSEG in tasks:
        rows.append(["class", *(_label(reading, tasks[SEMSEG]) for reading in found.values())])
    if DEPTH in tasks:
        rows.append(["depth", *(_number(reading.depth, ".2f", " m") for reading in found.values())])
    if NORMALS in tasks:
        rows += _vectors("normal", [reading.normal for reading in found.values()])
    if scene.analysis.coherence is not None:
        rows += _vectors("from depth", [reading.from_depth for reading in found.values()])
        rows.append(
            ["angle", *(_number(reading.angle, ".1f", "\N{DEGREE SIGN}") for reading in found.values())]
        )
    words = scene.analysis.words
    table = html.table(["", *map(words.side, found)], rows)
    note = "Normals in camera axes x right, y down, z forward: a wall facing the camera is (0, 0, \N{MINUS SIGN}1)."
    return f'<div class="mt-legend mt-readout">{table}<p class="mt-subdued">{note}</p></div>'


def marker(scene: Scene | None) -> str:
    """Where the + goes in every picture, as CSS variables: fractions of the photo, and the photo's shape. Also what the
    badges on pictures say.
    """
    if scene is None:
        return "<style>:root{--probe:none}</style>"
    height, width = scene.analysis.prediction.size
    x, y = (scene.probe[0] + 0.5) / width, (scene.probe[1] + 0.5) / height
    names = scene.analysis.words.long
    badges = "".join(f"--badge-{side}:{_css_text(name)};" for side, name in names.items())
    return (
        f"<style>:root{{--probe:block;--probe-x:{100 * x:.3f}%;--probe-y:{100 * y:.3f}%;{badges}"
        f"--ratio:{width / height:.5f}}}</style>"
    )


def _css_text(text: str) -> str:
    """A string of CSS, within a style sheet in HTML: of what may end either only its escape."""
    return '"{}"'.format("".join(c if c.isalnum() or c in " -_.:()" else f"\\{ord(c):x} " for c in text))


def _reading(
    scene: Scene, maps: Mapping[str, np.ndarray], stage: StageCoherence | None, share: float | None
) -> Reading:
    x, y = scene.probe
    label = int(maps[SEMSEG][y, x]) if SEMSEG in maps else IGNORE
    depth = float(maps[DEPTH][y, x]) if DEPTH in maps else 0.0
    normal = _known(maps[NORMALS][y, x]) if NORMALS in maps else None
    from_depth = angle = None
    if stage is not None:
        row, column = _working(scene, stage)
        from_depth = _known(stage.maps.depth_normals[row, column])
        value = float(stage.maps.angle_deg[row, column])
        angle = value if np.isfinite(value) else None
    return Reading(
        None if label == IGNORE else label, share, depth if depth > 0 else None, normal, from_depth, angle
    )


def _share(scene: Scene, stage: str, maps: Mapping[str, np.ndarray]) -> float | None:
    prediction = scene.analysis.prediction
    if stage not in prediction.probability or SEMSEG not in maps:
        return None
    column, row = prediction.cell(*scene.probe)
    x, y = scene.probe
    return float(prediction.probability[stage][maps[SEMSEG][y, x], row, column])


def _working(scene: Scene, stage: StageCoherence) -> tuple[int, int]:
    """(row, column) of the probe in the maps of a stage's coherence."""
    (H, W), (h, w) = scene.analysis.prediction.size, stage.maps.angle_deg.shape
    return int((scene.probe[1] + 0.5) * h / H), int((scene.probe[0] + 0.5) * w / W)


def _known(vector: np.ndarray) -> np.ndarray | None:
    return vector if np.isfinite(vector).all() and np.abs(vector).max() > 0 else None


def _label(reading: Reading, task: Task) -> str:
    if reading.label is None:
        return NONE
    name = (task.classes or NYUD_CLASSES)[reading.label]
    share = "" if reading.share is None else f" {reading.share:.2f}"
    return f"{html.swatch(palette(task.channels)[reading.label])}{html.text(plain(name))}{share}"


def _number(value: float | None, digits: str, unit: str) -> str:
    return NONE if value is None else f"{value:{digits}}{unit}"


def _vectors(name: str, values: Sequence[Vector | None]) -> list[list[str]]:
    """A row for each component."""
    return [
        [f"{name} {axis}", *(NONE if value is None else _signed(float(value[k])) for value in values)]
        for k, axis in enumerate("xyz")
    ]


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "\N{MINUS SIGN}")
