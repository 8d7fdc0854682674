"""Reading and writing data files: every failure names its file."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from mtcp.errors import InputError


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


def write_aside(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write through `write(file)` aside, then rename: `path` is whole or absent, never torn."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".part")
    buffer = io.BytesIO()
    write(buffer)
    aside.write_bytes(buffer.getvalue())
    aside.replace(path)


def load_mat_array(path: Path, name: str) -> np.ndarray:
    """Variable `name` of a MATLAB file, of the old format or v7.3 (there transposed, as HDF5 shows it).

    Raises:
        InputError: no such file, not a MATLAB file, no such variable.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if is_hdf5(path):
        import h5py

        with h5py.File(path, "r") as file:
            found: dict[str, Any] = {key: file[key][()] for key in file if key == name}
    else:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError

        try:
            found = loadmat(path, variable_names=[name])
        except (MatReadError, ValueError, TypeError, EOFError, OSError) as error:
            raise InputError(f"{path}: not a whole MATLAB file ({error})") from error
    if name not in found:
        raise InputError(f"{path}: no variable {name!r}")
    return np.asarray(found[name])


def is_hdf5(path: Path) -> bool:
    """Whether the file is HDF5; MATLAB puts its own 512-byte header before the signature."""
    with path.open("rb") as file:
        head = file.read(520)
    return b"\x89HDF\r\n\x1a\n" in (head[:8], head[512:520])
