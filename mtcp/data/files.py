"""Reading and writing data files: every failure names its file."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mtcp.errors import InputError
from mtcp.io.photo import MAX_BYTES, MAX_PIXELS
from mtcp.io.safe_read import ARRAY_BYTES, brief, read_bytes


def read_image(path: Path, mode: str | None = "RGB") -> np.ndarray:
    """An image file as an array: uint8 (H, W, 3) for mode "RGB"; for None its stored values, as of a palette.

    Raises:
        InputError: missing, truncated, not a JPEG or PNG, or of more than `mtcp.io.photo.MAX_PIXELS`.
    """
    return decode_image(read_bytes(path, MAX_BYTES), path, mode)  # of a file Pillow reads what chunks claim


def decode_image(content: bytes, where: object, mode: str | None = "RGB") -> np.ndarray:
    """As `read_image`, of the file's content. where: what messages begin with."""
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
            if image.width * image.height > MAX_PIXELS:
                raise InputError(f"{image.width}x{image.height} is over {MAX_PIXELS // 10**6} megapixels")
            return np.array(image if mode is None else image.convert(mode))
    except Exception as error:  # Pillow's decoders raise anything on truncated files
        raise InputError(f"{where}: truncated or not an image ({brief(error)})") from error


def read_lines(path: Path) -> list[str]:
    """The non-empty lines of a text file, stripped.

    Raises:
        InputError: missing file, not text, no line, or a line twice.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")  # Windows' editors begin with a byte order mark
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not text in UTF-8 ({error.reason} at byte {error.start})") from None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise InputError(f"{path}: empty")
    if len(set(lines)) < len(lines):
        twice = Counter(lines).most_common(1)[0][0]
        raise InputError(f"{path}: {twice[:60]!r} is listed twice")
    return lines


def require_disjoint(train: Path, val: Path) -> None:
    """Refuses lists to train and to measure on that share a line. A missing or damaged list shares none here.

    Raises:
        InputError: they do; one of the lines is named.
    """
    if not (train.is_file() and val.is_file()):
        return
    try:
        common = sorted(set(read_lines(train)) & set(read_lines(val)))
    except InputError:
        return  # who reads that list is told
    if common:
        raise InputError(
            f"{val}: {common[0][:60]!r} is in {train} too (in both lists: {len(common)}); take them out of one"
        )


def load_mat_array(path: Path, name: str) -> np.ndarray:
    """Variable `name` of a MATLAB file, of the old format or v7.3, in MATLAB's order of axes.

    Raises:
        InputError: no such file, not a MATLAB file, no such variable.
    """
    if path.is_file() and is_hdf5(path):
        with open_hdf5(path) as file:
            # MATLAB stores columns first, which HDF5 shows as axes in reverse
            found: dict[str, Any] = {name: _dataset(path, file, name).T} if name in file else {}
    else:
        found = load_mat(path, variable_names=[name])
    if name not in found:
        raise InputError(f"{path}: no variable {name!r}")
    values = np.asarray(found[name])
    if values.dtype.kind not in "biuf":
        raise InputError(f"{path}: {name} holds {str(values.dtype)[:40]}, expected numbers")
    return values


def _dataset(path: Path, file: Any, name: str) -> np.ndarray:
    try:
        dataset = file[name]
        if dataset.nbytes > ARRAY_BYTES:
            raise InputError(f"claims {dataset.nbytes} bytes")
        return dataset[()]
    except Exception as error:  # h5py: KeyError, RuntimeError, OSError and more
        raise InputError(f"{path}: {name} cannot be read ({brief(error)})") from error


def open_hdf5(path: Path) -> Any:
    """The file as an open `h5py.File`.

    Raises:
        InputError: missing, truncated or not HDF5, or h5py is not installed.
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
        raise InputError(f"{path}: truncated or not HDF5 ({error})") from error


def load_mat(path: Path, **options: Any) -> dict[str, Any]:
    """`scipy.io.loadmat` of a MATLAB file of the old format, with its options.

    Raises:
        InputError: missing, truncated or not such a file.
    """
    from scipy.io import loadmat

    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        return loadmat(path, **options)
    except Exception as error:  # on truncated files scipy raises its own and a dozen of Python's
        raise InputError(f"{path}: truncated or not a MATLAB file ({brief(error)})") from error


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
