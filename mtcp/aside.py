"""Files that are whole or absent: written aside, flushed to the disk, then renamed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

Write = Callable[[BinaryIO], object]
"""Writes the content into the open file."""


def write_aside(path: Path, write: Write) -> Path:
    """Puts a file at `path`, made by `write`. Until it is complete, what was there stays. Returns `path`.

    Raises:
        OSError: it could not be written (a full disk, a forbidden folder); what was there is kept.
    """
    return write_together({path: write})[0]


def write_together(files: Mapping[Path, Write]) -> list[Path]:
    """Several files that belong together: none is renamed before all are complete. Returns their paths.

    Raises:
        OSError: as `write_aside`.
    """
    asides = {path: path.with_name(f".{path.name}.{os.getpid()}.part") for path in files}
    try:
        for path, write in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with asides[path].open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
        for path, aside in asides.items():
            aside.replace(path)
    finally:
        for aside in asides.values():
            aside.unlink(missing_ok=True)
    return list(files)
