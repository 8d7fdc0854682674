"""What the browser needs to tell every map's value under the cursor by itself: compact arrays, and what they mean.

All arrays of a photo have one grid, whose cells each stand for one pixel of the photo, the one under their middle. A
value is `offset + scale * number`; the largest number that the type holds stands for unknown.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.session import Analysis
from app.views import probe, scoreboard
from app.views.class_names import plain
from mtcp.drawing.colour import palette
from mtcp.geometry.regions import nearest
from mtcp.inference.prediction import STRIDE
from mtcp.tasks import SEMSEG, Task

CELLS = 80_000
"""Of the grid, at most: about as many as a map has pixels on the screen."""
STEP = 0.001
"""Depth is told in millimetres, and in coarser steps only where 16 bits would not reach the farthest point."""
BYTE, WORD = 2**8 - 1, 2**16 - 1


@dataclass(frozen=True)
class Plane:
    """One array (h, w), uint8 or uint16, of one stage; `row` of the readout reads it, in the order of its planes."""

    row: str
    stage: str
    numbers: np.ndarray
    scale: float = 1.0
    offset: float = 0.0

    def describe(self) -> dict[str, Any]:
        """Everything but the numbers."""
        wide = self.numbers.dtype == np.uint16
        return {
            "row": self.row,
            "stage": self.stage,
            "wide": wide,
            "scale": self.scale,
            "offset": self.offset,
        }


def grid(analysis: Analysis) -> tuple[int, int]:
    """(h, w) of the arrays: the photo's size, or as much of it as `CELLS` allows."""
    height, width = analysis.prediction.size
    share = min(1.0, (CELLS / (height * width)) ** 0.5)
    return max(1, int(height * share)), max(1, int(width * share))


def maps_file(analysis: Analysis) -> bytes:
    """Every task's map of every stage, see `packed`."""
    rows, columns = _pixels(analysis)
    planes: list[Plane] = []
    for stage, of_stage in probe.stages(analysis).items():
        for task in analysis.prediction.task_list():
            if task.name not in of_stage:
                continue
            values = of_stage[task.name][rows[:, None], columns]
            planes += _planes(task, stage, values)
            if task.name == SEMSEG and stage in analysis.prediction.probability:
                planes.append(_share(analysis, stage, values))
    return packed(analysis, [_describe(task) for task in analysis.prediction.task_list()], planes)


def angles_file(analysis: Analysis) -> bytes:
    """The angle between depth and normals of every stage for which it is known; it changes with the camera."""
    rows, columns = _pixels(analysis)
    planes = []
    for stage, compared in scoreboard.stages(analysis).items():
        (H, W), (h, w) = analysis.prediction.size, compared.maps.angle_deg.shape
        at = ((rows + 0.5) * h / H).astype(int)[:, None], ((columns + 0.5) * w / W).astype(int)
        planes.append(_byte("angle", stage, compared.maps.angle_deg[at], 180.0))
    row = {"row": "angle", "title": "angle", "kind": "number", "digits": 0, "unit": "\N{DEGREE SIGN}"}
    return packed(analysis, [row], planes)


def packed(analysis: Analysis, rows: Sequence[Mapping[str, Any]], planes: Sequence[Plane]) -> bytes:
    """A file for the browser, gzip of: the length of what follows as uint32, JSON that describes the numbers, and the
    numbers of each plane as their differences along its rows, which are small; of 16 bits all lower bytes, then all
    higher ones. rows: of the readout.
    """
    stages = list(probe.stages(analysis))
    described = json.dumps(
        {
            "size": analysis.prediction.size,
            "grid": grid(analysis),
            "stages": stages,
            "heads": [analysis.words.side(stage) for stage in stages],
            "rows": rows,
            "planes": [plane.describe() for plane in planes],
        }
    ).encode()
    parts = [len(described).to_bytes(4, "little"), described]
    for plane in planes:
        steps = np.diff(plane.numbers, axis=1, prepend=plane.numbers.dtype.type(0))
        parts.append((steps & BYTE).astype(np.uint8).tobytes())
        if steps.dtype == np.uint16:
            parts.append((steps >> 8).astype(np.uint8).tobytes())
    return gzip.compress(b"".join(parts), 1, mtime=0)


def _describe(task: Task) -> dict[str, Any]:
    row: dict[str, Any] = {"row": task.name, "title": task.title.lower()}
    if task.classes:
        colours = [
            "#{:02x}{:02x}{:02x}".format(*(int(c) for c in colour)) for colour in palette(task.channels)
        ]
        title = "class" if task.name == SEMSEG else row["title"]
        return {
            **row,
            "title": title,
            "kind": "label",
            "names": [plain(name) for name in task.classes],
            "colours": colours,
        }
    if task.directions:
        return {**row, "title": "normal", "kind": "vector", "digits": 2, "unit": ""}
    return {**row, "kind": "number", "digits": 2, "unit": " m" if task.unit == "m" else ""}


def _planes(task: Task, stage: str, values: np.ndarray) -> Iterator[Plane]:
    known = task.known(values)
    if task.classes:
        yield Plane(task.name, stage, values.astype(np.uint8))
    elif task.directions:
        for k in range(3):
            yield _byte(task.name, stage, np.where(known, values[..., k], np.nan), 2.0, -1.0)
    else:
        found = np.where(known, values, np.nan).astype(np.float32)
        step = max(STEP, float(np.max(found, where=known, initial=0.0)) / (WORD - 1))
        yield Plane(task.name, stage, _numbers(found / step, WORD).astype(np.uint16), step)


def _share(analysis: Analysis, stage: str, labels: np.ndarray) -> Plane:
    """The probability of the labels (h, w) that the photo's pixels have."""
    prediction = analysis.prediction
    (H, W), seen, grid_ = prediction.size, prediction.network_size, prediction.grid
    rows, columns = (
        np.minimum(((pixels + 0.5) * length / of / STRIDE).astype(int), count - 1)
        for pixels, length, of, count in zip(_pixels(analysis), seen, (H, W), grid_, strict=True)
    )
    share = prediction.probability[stage][labels, rows[:, None], columns]
    return _byte(SEMSEG, stage, share.astype(np.float32), 1.0)


def _byte(row: str, stage: str, values: np.ndarray, span: float, offset: float = 0.0) -> Plane:
    """Values from `offset` to `offset + span`, NaN unknown, in a byte."""
    scale = span / (BYTE - 1)
    return Plane(row, stage, _numbers((values - offset) / scale, BYTE).astype(np.uint8), scale, offset)


def _numbers(values: np.ndarray, unknown: int) -> np.ndarray:
    return np.where(np.isfinite(values), np.clip(np.round(values), 0, unknown - 1), unknown)


def _pixels(analysis: Analysis) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the photo that the cells of the grid stand for."""
    size, cells = analysis.prediction.size, grid(analysis)
    return nearest(size[0], cells[0]), nearest(size[1], cells[1])
