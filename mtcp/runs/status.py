"""How a run is doing, from its log and the clock."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mtcp.runs.log import RunData
from mtcp.runs.preparing import Preparing

State = Literal["starting", "running", "stalled", "paused", "interrupted", "finished", "vanished"]
LEAST_PATIENCE = 60.0
FIRST_PATIENCE = 300.0
PATIENCE = 5.0
"""A run has stalled when its last line is older than 5 of its usual gaps, and a minute at least. Until two
lines have shown a gap, five minutes: the first steps are slow. After an epoch's last step, five minutes and
twice the longest evaluation so far at least: the network may be evaluated now."""
SPEED_LINES = 20


@dataclass(frozen=True)
class Status:
    """epoch: that it is in, 1-based, or the number done once it has ended. silent: seconds since the last line.
    images_per_s, seconds_left: NaN while unknown. preparing: while it reads its data, if it says how far it is.
    """

    state: State
    epoch: int
    epochs: int | None
    silent: float
    images_per_s: float
    seconds_left: float
    preparing: Preparing | None = None

    @property
    def live(self) -> bool:
        """Whether more lines may come."""
        return self.state in ("starting", "running", "stalled")


def status(data: RunData, now: float, preparing: Preparing | None = None) -> Status:
    """now: seconds since 1970, by the clock that wrote the log. preparing: as `RunRef.preparing`."""
    done = epochs_done(data)
    if preparing is not None and not preparing.time <= data.last_time:  # before the first line, or resumed
        return _reading(preparing, done, data.epochs_planned, now)
    state = _state(data, now)
    planned = data.epochs_planned
    under_way = state in ("running", "stalled") and (planned is None or done < planned)
    return Status(
        state=state,
        epoch=done + 1 if under_way else done,
        epochs=planned,
        silent=max(0.0, now - data.last_time),
        images_per_s=_images_per_s(data),
        seconds_left=_seconds_left(data),
    )


def _reading(preparing: Preparing, done: int, planned: int | None, now: float) -> Status:
    silent = max(0.0, now - preparing.time)
    state: State = "starting" if silent <= FIRST_PATIENCE else "stalled"
    return Status(state, done, planned, silent, math.nan, math.nan, preparing)


def patience(data: RunData) -> float:
    """Seconds after which a silent run counts as stalled."""
    if not data.gaps:
        return FIRST_PATIENCE
    usual = max(LEAST_PATIENCE, PATIENCE * statistics.median(data.gaps))
    return max(usual, FIRST_PATIENCE, 2 * data.evaluation) if _epoch_line_is_next(data) else usual


def _epoch_line_is_next(data: RunData) -> bool:
    steps = data.steps["step"]
    if data.steps_per_epoch is None or len(steps) < 2:
        return False
    next_logged = 2 * steps[-1] - steps[-2]
    return bool(next_logged > (epochs_done(data) + 1) * data.steps_per_epoch)


def epochs_done(data: RunData) -> int:
    """Whole epochs logged."""
    return data.epochs[-1].epoch + 1 if data.epochs else 0


def _state(data: RunData, now: float) -> State:
    if not data.exists:
        return "vanished" if data.lines else "starting"
    if data.ended is not None:
        return "finished" if data.ended == "finished" else _stopped(data.ended)
    if math.isnan(data.last_time):
        return "starting"
    return "running" if now - data.last_time <= patience(data) else "stalled"


def _stopped(reason: str) -> State:
    return "interrupted" if reason == "interrupted" else "paused"


def _recent(data: RunData, name: str) -> np.ndarray:
    """The last values of a column, of this session of the run only."""
    this_session = ~(data.steps["time"] < data.began)
    return data.steps[name][this_session][-SPEED_LINES:]


def _images_per_s(data: RunData) -> float:
    values = _recent(data, "images_per_s")
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else math.nan


def _seconds_left(data: RunData) -> float:
    """By the wall clock of the last lines, evaluations among them included."""
    steps, times = _recent(data, "step"), _recent(data, "time")
    known = np.isfinite(times)
    steps, times = steps[known], times[known]
    if data.epochs_planned is None or data.steps_per_epoch is None or len(steps) < 2 or steps[-1] <= steps[0]:
        return math.nan
    left = data.epochs_planned * data.steps_per_epoch - data.last_step
    return max(0.0, left * float((times[-1] - times[0]) / (steps[-1] - steps[0])))
