"""The run folder `runs/NAME/`: config.json, log.jsonl, last.pt, best.safetensors, TensorBoard events."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import torch

from mtcp.config import ModelConfig, TrainConfig
from mtcp.errors import InputError
from mtcp.io.atomic import drop_unfinished, write_atomic, writing
from mtcp.io.folder_lock import lock_folder
from mtcp.io.safe_read import parse_object, read_bytes
from mtcp.runs.preparing import NAME as PREPARING
from mtcp.runs.preparing import counting

T = TypeVar("T")

LONGEST_LINE = 1 << 22
"""Bytes. A longer line is no log line."""


def read_log(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a log.jsonl, skipping what is no whole JSON object (a truncated last line, say) and what is
    longer than `LONGEST_LINE`.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with path.open("rb") as f:
            yield from (entry for entry in map(_entry, _lines(f)) if entry is not None)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Whole lines; too long ones are passed over piece by piece."""
    inside_long = False
    while line := file.readline(LONGEST_LINE):
        complete = len(line) < LONGEST_LINE or line.endswith(b"\n")
        if complete and not inside_long:
            yield line
        inside_long = not complete


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def _step(entry: dict[str, Any]) -> float:
    step = entry.get("step", 0)
    return step if isinstance(step, (int, float)) else 0


class RunFolder:
    """One run on disk. Lines are appended and flushed one at a time; states are written aside and renamed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state_path = path / "last.pt"
        self.log_path = path / "log.jsonl"
        self.best_path = path / "best.safetensors"
        self.last_path = path / "model.safetensors"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Within it no other process may train into this folder, which is made if absent.

        What a killed process left half written is removed.

        Raises:
            InputError: another process has it; the message names that one.
            WriteError: the folder cannot be written to.
        """
        with lock_folder(self.path):
            drop_unfinished(self.path)
            yield

    def create(self, model: ModelConfig, train: TrainConfig, command: str, *, resume: bool) -> None:
        """Makes the folder and writes config.json.

        Raises:
            InputError: the folder holds a run already and `resume` is false, or `resume` finds no state.
        """
        if resume and not self.state_path.exists():
            raise InputError(f"{self.path}: nothing to resume, no {self.state_path.name}; leave --resume out")
        if not resume and self.log_path.exists():
            raise InputError(f"{self.path} holds a run already: pass --resume to go on, or another --name")
        self.path.mkdir(parents=True, exist_ok=True)
        if not resume:
            config = {"model": model.to_dict(), "train": train.to_dict(), "command": command}
            text = json.dumps(config, indent=2) + "\n"
            write_atomic(self.path / "config.json", lambda file: file.write(text.encode()))

    @contextmanager
    def preparing(self, samples: int, writes: bool) -> Iterator[Callable[[], object]]:
        """While `samples` are read: what is called after each, so that the page can say how far it is.

        writes: whether this process is the one that does.
        """
        try:
            yield counting(self.path, samples) if writes else lambda: None
        finally:
            if writes:
                (self.path / PREPARING).unlink(missing_ok=True)

    def discard(self) -> None:
        """Takes config.json of a run back that was refused before its first step."""
        (self.path / "config.json").unlink(missing_ok=True)

    def read_config(self) -> tuple[ModelConfig, TrainConfig]:
        """The configuration of an existing run. Raises InputError when config.json is missing or damaged."""
        return self._read(lambda v: (ModelConfig.from_dict(v["model"]), TrainConfig.from_dict(v["train"])))

    def read_command(self) -> str:
        """The command that started the run. Errors as in `read_config`."""
        return self._read(lambda values: str(values["command"]))

    def _read(self, take: Callable[[dict[str, Any]], T]) -> T:
        path = self.path / "config.json"
        if not path.exists():
            raise InputError(f"{path} is missing: is {self.path} a run folder?")
        values = parse_object(path, read_bytes(path))
        try:
            return take(values)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} is damaged: {error}") from None

    def log(self, kind: str, **values: Any) -> None:
        """Appends one line. An earlier process's truncated last line is closed first, so that only it is lost.

        Raises:
            WriteError: it cannot be written (a full disk).
        """
        line = json.dumps({"kind": kind, **values, "time": round(time.time(), 3)}) + "\n"
        with writing(self.log_path), self.log_path.open("a+b") as f:
            if f.tell() > 0:
                f.seek(-1, os.SEEK_END)
                if f.read(1) != b"\n":
                    f.write(b"\n")
            f.write(line.encode())

    def drop_lines_after(self, step: int) -> None:
        """Forgets log lines of steps that a resumed run will do again: those after its last saved state."""
        if not self.log_path.exists():
            return
        kept = [entry for entry in read_log(self.log_path) if _step(entry) <= step]
        text = "".join(json.dumps(entry) + "\n" for entry in kept)
        write_atomic(self.log_path, lambda file: file.write(text.encode()))

    def put_log_aside(self) -> None:
        """Renames log.jsonl to the first free of log-1.jsonl, log-2.jsonl, ...: the next line begins a new one."""
        if not self.log_path.exists():
            return
        names = (self.path / f"log-{number}.jsonl" for number in itertools.count(1))
        with writing(self.log_path):
            self.log_path.rename(next(path for path in names if not path.exists()))

    def save_state(self, state: dict[str, Any]) -> None:
        """Writes last.pt so that a crash in between leaves the previous one.

        Raises:
            WriteError: it cannot be written (a full disk); the previous one is kept.
        """
        write_atomic(self.state_path, lambda file: torch.save(state, file))

    def load_state(self) -> dict[str, Any]:
        """Reads last.pt, tensors and plain types only. Raises InputError when it is damaged."""
        try:
            return torch.load(self.state_path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise InputError(f"{self.state_path} cannot be read: {error}") from error
