"""Files that are whole or absent: written aside, flushed to the disk, then renamed."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from mtcp.errors import one_line

Write = Callable[[BinaryIO], object]
"""Writes the content into the open file."""
PART = ".part"

_FULL = {errno.ENOSPC: "disk full", getattr(errno, "EDQUOT", -1): "disk full: the quota is used up"}


class WriteError(OSError):
    """A file could not be written. Its text is one line that names the file and the reason.

    `errno`, `strerror` and `filename` are those of any OSError; of a full disk `strerror` says "disk full".
    """

    def __str__(self) -> str:
        return one_line(f"{self.filename}: not written: {self.strerror}")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns an OSError within it into a `WriteError` that names `path`."""
    try:
        yield
    except WriteError:
        raise
    except OSError as error:
        raise _named(path, error) from error


def write_atomic(path: Path, write: Write) -> Path:
    """Puts a file at `path`, made by `write`. Until it is complete, what was there stays. Returns `path`.

    Raises:
        WriteError: it could not be written (a full disk, a forbidden folder); what was there is kept.
    """
    return write_together({path: write})[0]


def write_together(files: Mapping[Path, Write], *, flush: bool = True) -> list[Path]:
    """Several files that belong together: none is renamed before all are complete. Returns their paths.

    flush: False for thousands of files that can be made again. After a power cut, but no other end, they may be empty.

    Raises:
        WriteError: as `write_atomic`.
    """
    written = {path: path.with_name(f".{path.name}.{os.getpid()}{PART}") for path in files}
    try:
        for path, write in files.items():
            with writing(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                _write_through(written[path], write, flush)
        for path, temporary in written.items():
            with writing(path):
                temporary.replace(path)
    finally:
        for temporary in written.values():
            temporary.unlink(missing_ok=True)
    return list(files)


def drop_unfinished(folder: Path) -> None:
    """Removes what processes that were killed left unfinished in `folder`. None may be writing there."""
    for path in folder.glob(f".*{PART}"):
        path.unlink(missing_ok=True)


class _Noting(io.FileIO):
    """A file that remembers why a write failed: torch hides the reason behind a RuntimeError of its own."""

    error: OSError | None = None

    def write(self, content: Any) -> int:
        try:
            return super().write(content)
        except OSError as error:
            self.error = error
            raise


def _write_through(path: Path, write: Write, flush: bool) -> None:
    raw = _Noting(path, "wb")
    try:
        with io.BufferedWriter(raw) as file:
            write(file)
            file.flush()
            if flush:
                os.fsync(file.fileno())
    except Exception as error:
        if raw.error is not None and raw.error is not error:
            raise raw.error from error
        raise


def _named(path: Path, error: OSError) -> WriteError:
    why = error.strerror or str(error)
    if full := _FULL.get(error.errno or 0):
        why = f"{full} ({why}); make room and go on"
    return WriteError(error.errno, why, str(path))
