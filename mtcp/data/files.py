"""Reading and writing data files: every failure names its file."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mtcp.errors import InputError

# what scipy raises on torn files, besides its own MatReadError
_TORN_MAT = (ValueError, TypeError, IndexError, EOFError, OSError, NotImplementedError, zlib.error)


def read_image(path: Path, mode: str | None = "RGB") -> np.ndarray:
    """An image file as an array: uint8 (H, W, 3) for mode "RGB"; for None its stored values, as of a palette.

    Raises:
        InputError: missing, torn or not an image.
    """
    try:
        with Image.open(path) as image:
            return np.array(image if mode is None else image.convert(mode))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, SyntaxError, ValueError) as error:  # Pillow raises all three on torn files
        raise InputError(f"{path}: torn or not an image ({error})") from error


def read_array(path: Path) -> np.ndarray:
    """A `.npy` file.

    Raises:
        InputError: missing, torn or not a numpy array.
    """
    try:
        return np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: torn or not a numpy array ({error})") from error


def read_lines(path: Path) -> list[str]:
    """The non-empty lines of a text file, stripped.

    Raises:
        InputError: missing file, no line, or a line twice.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not lines:
        raise InputError(f"{path}: empty")
    if len(set(lines)) < len(lines):
        twice = next(line for line in lines if lines.count(line) > 1)
        raise InputError(f"{path}: {twice!r} is listed twice")
    return lines


def load_mat_array(path: Path, name: str) -> np.ndarray:
    """Variable `name` of a MATLAB file, of the old format or v7.3 (there transposed, as HDF5 shows it).

    Raises:
        InputError: no such file, not a MATLAB file, no such variable.
    """
    if path.is_file() and is_hdf5(path):
        with open_hdf5(path) as file:
            found: dict[str, Any] = {name: file[name][()]} if name in file else {}
    else:
        found = load_mat(path, variable_names=[name])
    if name not in found:
        raise InputError(f"{path}: no variable {name!r}")
    return np.asarray(found[name])


def open_hdf5(path: Path) -> Any:
    """The file as an open `h5py.File`.

    Raises:
        InputError: missing, torn or not HDF5, or h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise InputError(
            f'{path}: reading MATLAB v7.3 files needs h5py: pip install "mtcp-explorer[train]"'
        ) from error
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise InputError(f"{path}: torn or not HDF5 ({error})") from error


def load_mat(path: Path, **options: Any) -> dict[str, Any]:
    """`scipy.io.loadmat` of a MATLAB file of the old format, with its options.

    Raises:
        InputError: missing, torn or not such a file.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        return loadmat(path, **options)
    except (MatReadError, *_TORN_MAT) as error:
        raise InputError(f"{path}: torn or not a MATLAB file ({error})") from error


def common_suffix(folder: Path, names: Sequence[str], suffixes: Sequence[str]) -> str:
    """The one of `suffixes` with which all `names` are files of the folder.

    Raises:
        InputError: some or all of the files are missing.
    """
    present = {path.name for path in folder.glob("*")}
    for suffix in suffixes:
        missing = [name for name in names if f"{name}{suffix}" not in present]
        if not missing:
            return suffix
        if len(missing) < len(names):
            first = folder / f"{missing[0]}{suffix}"
            raise InputError(f"{first}: no such file ({len(missing)} of {len(names)} are missing)")
    raise InputError(f"{folder}: none of the {len(names)} listed files ({' or '.join(suffixes)}) is in it")


def is_hdf5(path: Path) -> bool:
    """Whether the file is HDF5; MATLAB puts its own 512-byte header before the signature."""
    with path.open("rb") as file:
        head = file.read(520)
    return b"\x89HDF\r\n\x1a\n" in (head[:8], head[512:520])
