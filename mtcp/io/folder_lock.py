"""One process at a time in a folder: a lock of the operating system, which ends with the process however it ends."""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mtcp.errors import InputError
from mtcp.io.atomic import writing

log = logging.getLogger(__name__)
NAME = ".lock"
_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Locks `folder` (made if absent) by its file `.lock`, which stays there and says which process took it last.

    Where the file system knows no locks that is logged, and the folder is not locked.

    Raises:
        InputError: another process, or another part of this one, has the lock.
        WriteError: the folder cannot be written to.
    """
    path = folder / NAME
    # A lock that is only a file's existence, filelock's stand-in, would outlive a killed process: rather none.
    lock = FileLock(path, timeout=0, fallback_to_soft=False, preserve_lock_file=True, on_acquired=_sign)
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            raise InputError(f"{folder} is in use by {_holder(path)}: wait for it or end it") from None
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            log.warning("%s: this file system has no locks; let no second process write here", folder)
    try:
        yield
    finally:
        lock.release()


def _sign(file: int) -> None:
    """Writes who has the lock, behind a byte that Windows lets nobody else read."""
    os.truncate(file, 0)
    os.write(file, f"\n{os.getpid()} {socket.gethostname()}\n".encode())


def _holder(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(1)
        pid, _, host = file.read(300).decode("utf-8", "replace").strip().partition(" ")
    where = f" on {host}" if host and host != socket.gethostname() else ""
    return f"process {pid}{where}" if pid.isdigit() else "another process"
