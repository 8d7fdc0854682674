"""A data folder with ground truth, frame by frame, and the numbers measured on it so far."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app import session
from app.session import Analysis, Predict
from mtcp.data import open_data
from mtcp.errors import InputError
from mtcp.evaluation.ground_truth import Truth, errors
from mtcp.evaluation.ranking import TriageRow, error_numbers, error_quantities, stage_numbers
from mtcp.geometry.quantities import COHERENCE, Quantity
from mtcp.io.photo import LONGEST_SIDE, shrink
from mtcp.tasks import SEMSEG, Task, lacking

log = logging.getLogger(__name__)

FORMAT = 2
"""Of the file of measured numbers. Raised whenever the same frame would get other numbers."""


@dataclass(frozen=True)
class Frame:
    """photo: uint8 (H, W, 3) RGB; truth: at the same size."""

    id: str
    photo: np.ndarray
    truth: Truth


@dataclass(frozen=True, eq=False)
class Frames:
    """The frames of one split of a data folder. Shared by all visitors.

    name: of the folder, without its place. measured: the numbers of the frames measured so far.
    """

    name: str
    split: str
    ids: tuple[str, ...]
    tasks: tuple[Task, ...]
    data: Any
    measured: Measured

    @classmethod
    def open(
        cls,
        source: str | os.PathLike[str],
        split: str = "val",
        tasks: Sequence[Task] = (),
        weights: str = "",
        measured: Path | None = None,
    ) -> Frames:
        """The frames of `source` (see `mtcp.data.open_data`).

        Args:
            tasks: those of the network; the folder must have them.
            weights: what tells the network's weights from others, such as their sha256: numbers measured
                with other weights are never shown.
            measured: file that keeps measured numbers; None: one in the user's cache folder, named after
                all of this.

        Raises:
            InputError: what `open_data` refuses; no frames; a `measured` file of other frames or weights.
        """
        data = open_data(source, split, tuple(task.name for task in tasks))
        ids = tuple(getattr(data, "ids", ()) or (f"{i:04d}" for i in range(len(data))))
        if not ids:
            raise InputError(f"data {os.fspath(source)!r}, split {split!r}: no frames in it")
        text = os.fspath(source)
        place = text if text.startswith("rooms") else str(Path(text).expanduser().resolve())
        about = {
            "format": FORMAT,
            "data": _digest(place, *ids),
            "split": split,
            "weights": weights,
            "tasks": [task.name for task in tasks],
        }
        name = f"{Path(text).name or 'data'}-{split}-{_digest(json.dumps(about))}.jsonl"
        kept = Measured.open(measured or cache_folder() / "measured" / name, about)
        return cls(Path(text).name, split, ids, tuple(tasks), data, kept)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What is measured: errors of every task, then coherence."""
        lacks = lacking(task.name for task in self.tasks)
        return error_quantities(self.tasks) + (() if lacks else COHERENCE)

    def frame(self, index: int) -> Frame:
        """Frame number `index`, from 0.

        Raises:
            InputError: a file of it is missing or damaged; the message does not tell the folder's place.
        """
        try:
            sample = self.data[index]
        except InputError as error:
            root = os.fspath(getattr(self.data, "root", ""))
            raise InputError(str(error).replace(root, self.name) if root else str(error)) from error
        photo = np.ascontiguousarray(sample["image"].permute(1, 2, 0).numpy())
        source = f"frame {self.ids[index]} of {self.name}, {self.split}"
        classes = next((task.classes for task in self.tasks if task.name == SEMSEG), ())
        return Frame(self.ids[index], photo, Truth.of_sample(sample, source, classes))

    def run(self, index: int, predict: Predict) -> Analysis:
        """What the network makes of a frame, with the frame's truth, seen through its camera."""
        frame = self.frame(index)
        photo = shrink(frame.photo, LONGEST_SIDE)
        height, width = frame.photo.shape[:2]
        made = Analysis(photo, predict(photo), f"{frame.id}.png", (height, width))
        return session.known(made, frame.truth)

    def measure(self, index: int, predict: Predict) -> TriageRow:
        """Runs the network on a frame and keeps the numbers. A frame that cannot be read becomes a row with
        its problem."""
        try:
            found = row_of(self.run(index, predict), self.ids[index], self.tasks)
        except InputError as error:
            found = TriageRow(self.ids[index], problem=str(error))
        self.measured.add(found)
        return found

    def rows(self) -> list[TriageRow]:
        """One per frame, in the order of `ids`; without numbers where it is not measured yet."""
        known = self.measured.rows
        return [known.get(frame_id, TriageRow(frame_id)) for frame_id in self.ids]

    def unmeasured(self, after: int = -1) -> int | None:
        """The first frame beyond `after` that is not measured, or None."""
        known = self.measured.rows
        return next((i for i in range(after + 1, len(self)) if self.ids[i] not in known), None)

    def find(self, asked: str) -> int:
        """A frame's index from its id, or from its number in the list (1 is the first).

        Raises:
            InputError: neither.
        """
        asked = asked.strip()
        if asked in self.ids:
            return self.ids.index(asked)
        if asked.isdecimal() and 1 <= int(asked) <= len(self):
            return int(asked) - 1
        raise InputError(
            f"no frame {asked!r}: give an id such as {self.ids[0]}, or a number from 1 to {len(self)}"
        )


class Measured:
    """Rows by frame id, in memory and in a file of one JSON object a line, which survives a restart.

    The file is appended to a line at a time; a truncated last line is dropped. Safe to use from several threads.
    """

    def __init__(self, path: Path, rows: dict[str, TriageRow]) -> None:
        self.path = path
        self._rows = rows
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path, about: Mapping[str, Any]) -> Measured:
        """The file at `path`, made if it is not there. about: what its numbers were measured on, its first
        line.

        Raises:
            InputError: it was measured on something else, is no such file, or cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.is_file() or not path.stat().st_size:
                path.write_text(json.dumps(about) + "\n", encoding="utf-8")
                return cls(path, {})
            complete, _, rest = path.read_text(encoding="utf-8").rpartition("\n")
            if rest:
                log.warning("%s: last line is cut short and was dropped", path)
                path.write_text(f"{complete}\n", encoding="utf-8")
            first, *lines = complete.split("\n")
            if json.loads(first) != about:
                raise InputError(
                    f"{path}: measured on other frames, weights or tasks; choose another file for them"
                )
            found = [_row(line) for line in lines]
        except (OSError, ValueError, TypeError, KeyError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{path}: cannot keep measured numbers there ({error})") from error
        return cls(path, {row.name: row for row in found})

    @property
    def rows(self) -> dict[str, TriageRow]:
        """A copy of what is known."""
        with self._lock:
            return dict(self._rows)

    def add(self, row: TriageRow) -> None:
        """Keeps a row, here and in the file."""
        with self._lock:
            self._rows[row.name] = row
            if row.problem:
                return  # not in the file: the next start tries again
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(dataclasses.asdict(row)) + "\n")


def row_of(analysis: Analysis, name: str, tasks: Sequence[Task]) -> TriageRow:
    """All numbers of a run: errors against its truth, then coherence."""
    initial, refined = stage_numbers(analysis.coherence)
    if analysis.truth is not None:
        prediction = analysis.prediction
        initial = error_numbers(errors(prediction.initial, analysis.truth, tasks)) | initial
        if prediction.refined:
            refined = error_numbers(errors(prediction.refined, analysis.truth, tasks)) | refined
    return TriageRow(name, initial, refined)


def cache_folder() -> Path:
    """Where this program keeps what it can compute again: the user's cache folder of the operating system."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "mtcp-explorer"


def _row(line: str) -> TriageRow:
    values = json.loads(line)
    return TriageRow(str(values["name"]), dict(values["initial"]), dict(values["refined"]))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
