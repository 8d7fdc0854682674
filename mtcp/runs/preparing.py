"""How far a run is with reading its data, before its first log line: a small file in its folder."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mtcp.errors import InputError
from mtcp.io.atomic import write_atomic
from mtcp.io.safe_read import parse_object, read_bytes

NAME = "preparing.json"
EVERY_SECONDS = 1.0
"""It is written no more often."""
MOST_BYTES = 4096


@dataclass(frozen=True)
class Preparing:
    """done: samples read, of `of`. time: when that was, seconds since 1970."""

    done: int
    of: int
    time: float


def counting(folder: Path, of: int, clock: Callable[[], float] = time.time) -> Callable[[], None]:
    """What is called once for each of `of` samples that is read, and tells a page that looks into `folder`.

    Raises, when called:
        WriteError: the file cannot be written.
    """
    done, written_at = 0, 0.0

    def one_more() -> None:
        nonlocal done, written_at
        done += 1
        now = clock()
        if done == 1 or done == of or now - written_at >= EVERY_SECONDS:
            written_at = now
            text = json.dumps({"done": done, "of": of, "time": round(now, 3)})
            write_atomic(folder / NAME, lambda file: file.write(text.encode()))

    return one_more


def read_preparing(folder: Path) -> Preparing | None:
    """What the file says; None where there is none, or none that can be read."""
    try:
        found = parse_object(folder / NAME, read_bytes(folder / NAME, MOST_BYTES))
    except InputError:
        return None
    done, of, when = found.get("done"), found.get("of"), found.get("time")
    if any(isinstance(value, bool) for value in (done, of, when)):
        return None
    if not isinstance(done, int) or not isinstance(of, int) or not isinstance(when, int | float):
        return None
    return Preparing(done, of, float(when)) if 0 <= done <= of else None
