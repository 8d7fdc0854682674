"""The numbers that the page and `/predict` tell about one task, before and after trace-back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtcp.drawing import colour
from mtcp.tasks import Task

QUANTILE = 0.99
"""Colour scales end at this quantile, so that a few stray pixels do not wash out the picture."""
STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


@dataclass(frozen=True)
class Share:
    """How much of the photo one class covers, as shares of all pixels (0..1)."""

    label: int
    name: str
    initial: float
    refined: float


@dataclass(frozen=True)
class Transition:
    """Pixels that trace-back took from class `before` to class `after`, as a share of all pixels (0..1)."""

    before: int
    after: int
    share: float


@dataclass(frozen=True)
class Spread:
    """Nearest, median and farthest value of a map, in its own unit."""

    low: float
    median: float
    high: float


def shares(initial: np.ndarray, refined: np.ndarray, classes: Sequence[str]) -> tuple[Share, ...]:
    """Classes present in either label map (H, W), the largest refined share first."""
    counts = [np.bincount(labels.ravel(), minlength=256) / labels.size for labels in (initial, refined)]
    present = [i for i in range(len(classes)) if counts[0][i] or counts[1][i]]
    found = [Share(i, classes[i], float(counts[0][i]), float(counts[1][i])) for i in present]
    return tuple(sorted(found, key=lambda share: (-share.refined, -share.initial)))


def transitions(initial: np.ndarray, refined: np.ndarray, limit: int = 4) -> tuple[Transition, ...]:
    """The `limit` most frequent changes of class between two label maps (H, W), the most frequent first."""
    pair = initial.astype(np.int64) * 256 + refined
    codes, counts = np.unique(pair[initial != refined], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:limit]
    return tuple(
        Transition(int(codes[i]) // 256, int(codes[i]) % 256, float(counts[i]) / initial.size) for i in order
    )


def spread(values: np.ndarray) -> Spread:
    """Smallest, median and largest of `values`."""
    low, median, high = np.quantile(values, (0.0, 0.5, 1.0))
    return Spread(float(low), float(median), float(high))


def limit(values: np.ndarray, at_least: float) -> float:
    """End of a colour scale from 0 that shows the magnitude of `values`, never under `at_least`.

    Their upper quantile, rounded up to one of `STEPS` times a power of ten, so that the ticks read well.
    """
    finite = np.abs(values[np.isfinite(values)])
    top = max(float(np.quantile(finite, QUANTILE)) if finite.size else 0.0, at_least)
    power = 10.0 ** np.floor(np.log10(top))
    return float(next(step * power for step in STEPS if step * power >= top * (1 - 1e-6)))


def summary(initial: np.ndarray, refined: np.ndarray | None, task: Task) -> dict[str, Any]:
    """The numbers of a task, as `/predict` returns them: plain JSON types, units in the key names.

    Without trace-back (`refined` None) only what describes the initial map is there.
    """
    maps = {"initial": initial} if refined is None else {"initial": initial, "refined": refined}
    result: dict[str, Any] = {"kind": task.kind}
    if task.kind == "classes":
        found = shares(initial, maps.get("refined", initial), task.classes)
        result["classes"] = [_rounded_share(share, tuple(maps)) for share in found]
    if task.kind == "depth":
        for name, values in maps.items():
            found_spread = spread(values)
            for part in ("low", "median", "high"):
                result[f"{name}_{part}_m"] = round(getattr(found_spread, part), 4)
    if refined is None:
        return result
    moved = colour.change(task, initial, refined)
    if task.kind == "classes":
        result["changed_percent"] = round(100 * float(moved.mean()), 3)
    elif task.kind == "normals":
        result["mean_change_deg"] = round(float(np.nanmean(moved)), 3)
    else:
        unit = "m" if task.kind == "depth" else "probability"
        result[f"mean_abs_change_{unit}"] = round(float(np.abs(moved).mean()), 5)
        result[f"mean_change_{unit}"] = round(float(moved.mean()), 5)
    return result


def _rounded_share(share: Share, maps: tuple[str, ...]) -> dict[str, Any]:
    return {"name": share.name} | {f"{name}_percent": round(100 * getattr(share, name), 3) for name in maps}
