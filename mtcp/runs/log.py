"""Reads a log.jsonl while it grows: only what is new, in bounded memory, whatever state the file is in."""

from __future__ import annotations

import json
import math
import os
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mtcp.runs.columns import Columns

CHUNK = 1 << 22
"""Bytes read at a time. A longer line is no log line and is skipped."""
RECENT = 50
MARK = 64


@dataclass(frozen=True, eq=False)
class EpochLine:
    """One epoch as it was logged. What is missing or not finite is NaN.

    weight: w_t applied in this epoch; next_weight: decided at its end; ratio: r_t behind those; floor: tasks
    that the floor acted on. cosine, norm: of the tasks' gradients, by pair and by task. metrics:
    {"initial"/"refined": {task: {metric: value}}}, empty if not evaluated. time: when it was logged, seconds since
    1970.
    """

    epoch: int
    step: int
    lr: float
    loss: dict[str, float]
    log_loss: dict[str, float]
    ratio: dict[str, float]
    weight: dict[str, float]
    next_weight: dict[str, float]
    floor: tuple[str, ...]
    cosine: dict[str, float]
    norm: dict[str, float]
    metrics: Mapping[str, Any]
    time: float


@dataclass(frozen=True, eq=False)
class RunData:
    """What a log holds.

    version: changes whenever anything else does. steps: columns of equal length, "step", "epoch", "lr",
    "images_per_s", "time", and "loss/TASK", "weight/TASK" for each task; NaN where a line lacks the value.
    every: one in so many step lines is in `steps`. gradients: columns of the lines that compare gradients, "step", and
    "cosine/PAIR", "norm/TASK" where there are any. lines: read in all. broken: lines that were no JSON object.
    epochs_planned, steps_per_epoch: None until known. started: the first line's time. began: the last "start" or
    "resume" line's time; ended: the reason on the "end" line after it. gaps: seconds between the last lines; evaluation: the longest before
    an epoch line with metrics. exists: False once the file
    has vanished (what was read of it stays) or if there never was one.
    """

    version: int
    tasks: tuple[str, ...]
    steps: Mapping[str, np.ndarray]
    every: int
    gradients: Mapping[str, np.ndarray]
    epochs: tuple[EpochLine, ...]
    lines: int
    broken: int
    epochs_planned: int | None
    steps_per_epoch: int | None
    started: float
    began: float
    ended: str | None
    last_time: float
    gaps: tuple[float, ...]
    evaluation: float
    exists: bool

    @property
    def last_step(self) -> int:
        """The last step that any line tells of."""
        steps = self.steps["step"]
        return max(int(steps[-1]) if len(steps) else 0, self.epochs[-1].step if self.epochs else 0)


class Tail:
    """One log file, read from where the last reading stopped.

    A line counts once its newline is there: a truncated last line is left for later. A file that shrank or was
    replaced (a resumed run rewrites its log) is read anew.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._version = 0
        self._data: RunData | None = None
        self._dirty = True
        self._start_over()

    def poll(self, *, readable: bool = True) -> RunData:
        """Reads what is new. readable: False if the caller has found that the file must not be opened."""
        with self._lock:
            exists = readable and self._read()
            if self._data is None or self._dirty or exists != self._data.exists:
                self._version += 1
                self._dirty = False
                self._data = self._state.freeze(self._version, exists)
            return self._data

    def _start_over(self) -> None:
        self._offset, self._mark, self._identity = 0, b"", (0, 0)
        self._state = _State()
        self._dirty = True

    def _read(self) -> bool:
        try:
            with self.path.open("rb") as file:
                self._check_same(file)
                self._read_new(file)
        except OSError:
            return False
        return True

    def _check_same(self, file: BinaryIO) -> None:
        """Starts over unless the file is the one of last time, with the same bytes where reading stopped."""
        stat = os.fstat(file.fileno())
        identity = (stat.st_dev, stat.st_ino)
        file.seek(self._offset - len(self._mark))
        if (
            identity != self._identity
            or stat.st_size < self._offset
            or file.read(len(self._mark)) != self._mark
        ):
            self._start_over()
        self._identity = identity

    def _read_new(self, file: BinaryIO) -> None:
        while True:
            file.seek(self._offset)
            chunk = file.read(CHUNK)
            end = chunk.rfind(b"\n") + 1
            if end == 0:
                if len(chunk) < CHUNK:
                    return
                end = len(chunk)
            for line in chunk[:end].split(b"\n"):
                if line.strip():
                    self._state.take(line)
            self._offset += end
            self._mark = chunk[max(0, end - MARK) : end]
            self._dirty = True


@dataclass
class _State:
    """What the lines so far add up to."""

    steps: Columns = field(default_factory=Columns)
    gradients: Columns = field(default_factory=Columns)
    epochs: list[EpochLine] = field(default_factory=list)
    tasks: dict[str, None] = field(default_factory=dict)
    lines: int = 0
    broken: int = 0
    planned: int | None = None
    steps_per_epoch: int | None = None
    started: float = math.nan
    began: float = math.nan
    ended: str | None = None
    last_time: float = math.nan
    evaluation: float = 0.0
    gaps: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))

    def take(self, line: bytes) -> None:
        """Adds one line."""
        self.lines += 1
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict):
            self.broken += 1
            return
        kind = entry.get("kind")
        if kind in ("start", "resume"):
            self._begin(entry)
        elif kind == "step":
            self._step(entry)
        elif kind == "gradients":
            self._gradients(entry)
        elif kind == "epoch":
            self._epoch(entry)
        elif kind == "end":
            self.ended = str(entry.get("reason") or "ended")
        self._clock(entry, kind)

    def freeze(self, version: int, exists: bool) -> RunData:
        """What there is now, safe to hand out."""
        names = ["step", "epoch", "lr", "images_per_s", "time"]
        names += [f"{kind}/{task}" for kind in ("loss", "weight") for task in self.tasks]
        return RunData(
            version=version,
            tasks=tuple(self.tasks),
            steps=self.steps.arrays(names),
            every=self.steps.every,
            gradients=self.gradients.arrays(),
            epochs=tuple(self.epochs),
            lines=self.lines,
            broken=self.broken,
            epochs_planned=self.planned,
            steps_per_epoch=self._epoch_length(),
            started=self.started,
            began=self.began,
            ended=self.ended,
            last_time=self.last_time,
            gaps=tuple(self.gaps),
            evaluation=self.evaluation,
            exists=exists,
        )

    def _clock(self, entry: Mapping[str, Any], kind: object) -> None:
        time = number(entry.get("time"))
        if math.isnan(time):
            return
        if math.isnan(self.started):
            self.started = time
        if kind in ("start", "resume"):
            self.gaps.clear()
        elif time >= self.last_time:
            gap = time - self.last_time
            if kind == "epoch" and entry.get("metrics"):
                self.evaluation = max(self.evaluation, gap)
            else:
                self.gaps.append(gap)
        self.last_time = time

    def _begin(self, entry: Mapping[str, Any]) -> None:
        """A resumed run does the steps after its last saved state again: what is known of them is forgotten."""
        self.began, self.ended = number(entry.get("time")), None
        self.planned = count(entry.get("epochs")) or self.planned
        self.steps_per_epoch = count(entry.get("steps_per_epoch")) or self.steps_per_epoch
        step = count(entry.get("step")) or 0
        self.epochs = [line for line in self.epochs if line.step <= step]
        self.steps.drop_after(step)
        self.gradients.drop_after(step)

    def _step(self, entry: Mapping[str, Any]) -> None:
        step = count(entry.get("step"))
        if step is None:
            return
        row = {name: number(entry.get(name)) for name in ("epoch", "lr", "images_per_s", "time")}
        row["step"] = float(step)
        for kind in ("loss", "weight"):
            for task, value in numbers(entry.get(kind)).items():
                self.tasks.setdefault(task)
                row[f"{kind}/{task}"] = value
        self.steps.add(row)

    def _gradients(self, entry: Mapping[str, Any]) -> None:
        step = count(entry.get("step"))
        if step is None:
            return
        row = {"step": float(step)}
        for kind in ("cosine", "norm"):
            row |= {f"{kind}/{name}": value for name, value in numbers(entry.get(kind)).items()}
        self.gradients.add(row)

    def _epoch(self, entry: Mapping[str, Any]) -> None:
        epoch, step = count(entry.get("epoch")), count(entry.get("step"))
        if epoch is None or step is None:
            return
        named = {
            name: numbers(entry.get(name)) for name in ("loss", "log_loss", "ratio", "weight", "next_weight")
        }
        for task in named["loss"] or named["weight"]:
            self.tasks.setdefault(task)
        floor, metrics = entry.get("floor"), entry.get("metrics")
        gradients = entry.get("gradients")
        gradients = gradients if isinstance(gradients, dict) else {}
        self.epochs.append(
            EpochLine(
                epoch=epoch,
                step=step,
                lr=number(entry.get("lr")),
                floor=tuple(map(str, floor)) if isinstance(floor, list) else (),
                cosine=numbers(gradients.get("cosine")),
                norm=numbers(gradients.get("norm")),
                metrics=metrics if isinstance(metrics, dict) else {},
                time=number(entry.get("time")),
                **named,
            )
        )

    def _epoch_length(self) -> int | None:
        """Steps per epoch: as the run said, or else as its epoch lines tell."""
        if self.steps_per_epoch or not self.epochs:
            return self.steps_per_epoch
        return max(1, round(self.epochs[-1].step / (self.epochs[-1].epoch + 1)))


def number(value: object) -> float:
    """`value` if it is a finite number, else NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value) if math.isfinite(value) else math.nan
    except OverflowError:
        return math.nan


def numbers(values: object) -> dict[str, float]:
    """The numbers of a mapping by name; empty if it is none."""
    return {str(k): number(v) for k, v in values.items()} if isinstance(values, dict) else {}


def count(value: object) -> int | None:
    """`value` if it is an integer >= 0, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None
