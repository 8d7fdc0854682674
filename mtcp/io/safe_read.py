"""Files that people give, read with bounded memory: what a file claims is checked before it is believed."""

from __future__ import annotations

import io
import json
import math
import os
import stat
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from mtcp.errors import InputError

TEXT_BYTES = 64 * 2**20
"""No card, configuration or list is larger."""
ARRAY_BYTES = 2 * 2**30
"""No map, nor all maps of an archive together, is larger: 50 megapixels of everything are 1.8 GB."""


def read_bytes(path: Path, limit: int = TEXT_BYTES) -> bytes:
    """A whole file.

    Raises:
        InputError: missing, no ordinary file, unreadable, or larger than `limit` bytes.
    """
    try:
        with open(path, "rb", opener=_no_waiting) as file:  # Path.open has no opener
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise InputError(f"{path}: is no ordinary file")
            if found.st_size > limit:
                raise InputError(f"{path}: {found.st_size} bytes; expected at most {limit}")
            return file.read(found.st_size)  # not `limit`: read() takes that much room at once
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def parse_object(path: Path, text: bytes) -> dict[str, Any]:
    """The JSON object in a file's content.

    Raises:
        InputError: not JSON, or another kind of value.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON, so it is damaged ({brief(error)})") from error
    if not isinstance(value, dict):
        raise InputError(f"{path}: a JSON {type(value).__name__}, expected an object")
    return value


def read_npy(path: Path) -> np.ndarray:
    """The array of numbers in a .npy file.

    Raises:
        InputError: missing, truncated, not a numpy array or not of numbers, larger than `ARRAY_BYTES`.
    """
    content = read_bytes(path, ARRAY_BYTES)
    try:
        header, dtype, shape, fortran = _header(content)
        _check_room(shape, dtype, len(content) - header)
        flat = np.frombuffer(content, dtype, math.prod(shape), header)
        return flat.reshape(shape, order="F" if fortran else "C").copy()
    except Exception as error:  # numpy parses headers as Python: anything may come of rubbish
        raise InputError(f"{path}: truncated or not a numpy array of numbers ({brief(error)})") from error


def read_npz(path: Path, wanted: Collection[str]) -> dict[str, np.ndarray]:
    """Those of the `wanted` arrays of numbers that an .npz holds. Other members are not even unpacked.

    Raises:
        InputError: missing, damaged, not an .npz, larger than `ARRAY_BYTES` unpacked.
    """
    if not path.is_file():
        raise InputError(f"{path}: " + ("is no ordinary file" if path.exists() else "no such file"))
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if m.filename.removesuffix(".npy") in wanted]
            unpacked = sum(member.file_size for member in members)
            if unpacked > ARRAY_BYTES:
                raise InputError(f"{unpacked} bytes unpacked; expected at most {ARRAY_BYTES}")
            return {m.filename.removesuffix(".npy"): _member(archive, m) for m in members}
    except Exception as error:  # zipfile, zlib, bz2, lzma and numpy each have their own
        raise InputError(f"{path}: not a readable .npz ({brief(error)})") from error


def brief(error: Exception) -> str:
    """An error of some library in one short line."""
    text = " ".join(str(error).split())[:120]
    return text if isinstance(error, InputError) and text else f"{type(error).__name__}: {text}"


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as file:
        start = file.read(min(member.file_size, 2**16))
        header, dtype, shape, fortran = _header(start)
        _check_room(shape, dtype, member.file_size - header)
        array = np.empty(math.prod(shape), dtype)
        room = memoryview(array.view(np.uint8).data)
        first = start[header : header + len(room)]
        room[: len(first)] = first
        _fill(file, room[len(first) :])
        return array.reshape(shape, order="F" if fortran else "C")


def _fill(file: Any, room: memoryview) -> None:
    while room:
        part = file.read(min(len(room), 2**24))
        if not part:
            raise InputError("cut short")
        room[: len(part)] = part
        room = room[len(part) :]


def _header(start: bytes) -> tuple[int, np.dtype, tuple[int, ...], bool]:
    """Of a .npy: bytes of header, dtype, shape, Fortran order."""
    file: BinaryIO = io.BytesIO(start[: 2**16])
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise InputError(f"npy version {version}, expected (1, 0)")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise InputError(f"holds {str(dtype)[:40]}, expected numbers")
    if len(shape) > 8 or any(side < 0 for side in shape):
        raise InputError(f"impossible shape {str(shape)[:60]}")
    return file.tell(), dtype, shape, fortran


def _check_room(shape: tuple[int, ...], dtype: np.dtype, room: int) -> None:
    need = math.prod(shape) * dtype.itemsize
    if need > room:
        raise InputError(f"claims shape {str(shape)[:60]} of {dtype}, {need} bytes, but has {room}")


def _no_waiting(path: str, flags: int) -> int:
    """Opens; a named pipe without its other end is not waited for."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
