"""Where the steps of logged runs lie on the horizontal axis: in epochs, steps, or the time since each began."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from mtcp.runs.log import RunData

Kind = Literal["epoch", "step", "time"]
TITLES: dict[Kind, str] = {"epoch": "epochs done", "step": "steps done", "time": "time"}
UNITS = (("hours", 3600.0, 7200.0), ("minutes", 60.0, 180.0), ("seconds", 1.0, 0.0))
"""Of time: name, seconds in it, from how many seconds on it is used."""


@dataclass(frozen=True, eq=False)
class Logged:
    """A run to draw. `index` of those chosen: it has a dash pattern of its own.

    measured: metrics of the finished network, as on its card, {stage: {task: {metric: value}}}; on: what they were
    measured on.
    """

    index: int
    name: str
    data: RunData
    measured: Mapping[str, Any] = field(default_factory=dict)
    on: str = ""


@dataclass(frozen=True)
class Axis:
    """kind: as it came out. places: by run's index, from steps (N,) to what the axis counts (N,)."""

    kind: Kind
    title: str
    places: Mapping[int, Callable[[np.ndarray], np.ndarray]]


def axis_of(runs: Sequence[Logged], wanted: Kind) -> Axis:
    """One axis for all runs; steps where a run cannot be placed on the one that is wanted."""
    if wanted == "epoch" and all(run.data.steps_per_epoch for run in runs):
        lengths = {run.index: run.data.steps_per_epoch or 1 for run in runs}
        return Axis("epoch", TITLES["epoch"], {i: _per(length) for i, length in lengths.items()})
    clocks = {run.index: _clock(run.data) for run in runs}
    if wanted == "time" and all(len(steps) for steps, _ in clocks.values()):
        longest = max((float(seconds[-1]) for _, seconds in clocks.values()), default=0.0)
        unit, size = next((name, size) for name, size, least in UNITS if longest >= least)
        places = {i: _at(steps, seconds / size) for i, (steps, seconds) in clocks.items()}
        return Axis("time", f"{unit} since the run began", places)
    return Axis("step", TITLES["step"], {run.index: _per(1) for run in runs})


def _per(length: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda steps: np.asarray(steps, dtype=float) / length


def _at(known: np.ndarray, places: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda steps: np.interp(np.asarray(steps, dtype=float), known, places)


def _clock(data: RunData) -> tuple[np.ndarray, np.ndarray]:
    """Steps whose time was logged, ascending, and the seconds since the run began; pauses count."""
    steps = np.concatenate([[0.0], data.steps["step"], [line.step for line in data.epochs]])
    times = np.concatenate([[data.started], data.steps["time"], [line.time for line in data.epochs]])
    known = np.isfinite(times)
    order = np.lexsort((times[known], steps[known]))
    steps, times = steps[known][order], times[known][order]
    first = np.append(np.diff(steps) > 0, True)[
        : len(steps)
    ]  # of a step that several lines tell of, the last
    steps, times = steps[first], np.maximum.accumulate(times[first]) if first.any() else times[first]
    return steps, times - times[0] if len(times) else times
