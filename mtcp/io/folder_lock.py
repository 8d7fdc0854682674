"""One process at a time in a folder: a lock of the operating system, which ends with the process however it ends."""

from __future__ import annotations

import errno
import logging
import os
import socket
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mtcp.errors import InputError
from mtcp.io.atomic import writing

log = logging.getLogger(__name__)
NAME = ".lock"
_FAR = 2**30
"""Windows locks bytes, which nobody else can read then: one far behind those that say who holds the lock."""
_HELD = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}
_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Holds `folder` (made if absent) by its file `.lock`, which stays there and says which process holds it.

    Where the file system knows no locks that is logged, and the folder is not held.

    Raises:
        InputError: another process, or another part of this one, holds it.
        WriteError: the folder cannot be written to.
    """
    with writing(folder / NAME):
        folder.mkdir(parents=True, exist_ok=True)
        opened = (folder / NAME).open("a+b", buffering=0)
    with opened as file:
        try:
            _lock(file)
        except OSError as error:
            if error.errno in _HELD:
                raise InputError(f"{folder} is in use by {_holder(file)}: wait for it or end it") from None
            if error.errno not in _UNSUPPORTED:
                raise
            log.warning("%s: this file system has no locks; let no second process write here", folder)
            yield
            return
        _not_for_children(file)
        file.truncate(0)
        file.write(f"{os.getpid()} {socket.gethostname()}\n".encode())
        try:
            yield
        finally:
            file.truncate(0)
            _unlock(file)


def _holder(file: IO[bytes]) -> str:
    file.seek(0)
    pid, _, host = file.read(300).decode("utf-8", "replace").strip().partition(" ")
    where = f" on {host}" if host and host != socket.gethostname() else ""
    return f"process {pid}{where}" if pid.isdigit() else "another process"


def _not_for_children(file: IO[bytes]) -> None:
    """A forked child (a data worker) shares the lock and would keep it when this process is killed."""
    if not hasattr(os, "register_at_fork"):
        return
    held = weakref.ref(file)

    def let_go() -> None:
        if (mine := held()) is not None and not mine.closed:
            mine.close()

    os.register_at_fork(after_in_child=let_go)


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(_FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _unlock(file: IO[bytes]) -> None:
        file.seek(_FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
