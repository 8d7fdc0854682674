"""Folders that may be anywhere fsspec reaches: pictures in them, and files that are complete or absent."""

from __future__ import annotations

import posixpath
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtcp.errors import InputError
from mtcp.io.atomic import write_atomic
from mtcp.io.photo import MAX_BYTES, is_picture
from mtcp.io.safe_read import brief

if TYPE_CHECKING:
    import numpy as np

    from mtcp.io.photo_facts import PhotoFacts


@dataclass(frozen=True)
class Place:
    """A folder or file. It can be pickled: another process opens its own connection.

    url: as the person gave it; fs: an fsspec file system; root: the path in it.
    """

    url: str
    fs: Any
    root: str

    def path(self, name: str = "") -> str:
        """The path of `name` (slashes between folders) in this folder."""
        return posixpath.join(self.root, name) if name else self.root

    @property
    def local(self) -> bool:
        """Whether it is on this machine's disks."""
        return "file" in _protocols(self.fs)

    @property
    def of_this_process(self) -> bool:
        """Whether other processes would see something else there: memory://."""
        return "memory" in _protocols(self.fs)


def open_place(url: str) -> Place:
    """The place that a path or URL names; nothing has to be there yet.

    Raises:
        InputError: a protocol that fsspec does not know, or whose package is missing.
    """
    from fsspec.core import url_to_fs

    try:
        fs, root = url_to_fs(url)
    except (ImportError, ValueError, OSError) as error:  # fsspec names the package to install
        raise InputError(f"{url}: cannot be reached ({brief(error)})") from error
    return Place(url, fs, root.rstrip("/") or root)


def pictures(place: Place) -> tuple[Place, list[str]]:
    """The pictures in a folder and the folders in it, by suffix, and the folder that their names start from.

    Names are relative, sorted, with slashes between folders. Hidden files (name starting with a dot) are left
    out. A place that is a file is its folder with this one picture.

    Raises:
        InputError: nothing is there, or it cannot be listed.
    """
    try:
        if place.fs.isfile(place.root):
            folder, name = posixpath.split(place.root)
            return Place(posixpath.dirname(place.url.rstrip("/")), place.fs, folder), [name]
        if not place.fs.exists(place.root):
            raise InputError(f"{place.url}: no such folder or file")
        found = place.fs.find(place.root)
    except OSError as error:
        raise InputError(f"{place.url}: cannot be listed ({brief(error)})") from error
    names = (posixpath.relpath(path, place.root) for path in found)
    return place, sorted(name for name in names if is_picture(name))


def read_photo(place: Place, name: str) -> tuple[np.ndarray, PhotoFacts]:
    """`mtcp.io.photo.open_photo` of a picture anywhere.

    Raises:
        InputError: what `open_photo` refuses, or a picture that cannot be fetched. It names `name`.
    """
    import io

    from mtcp.io.photo import open_photo

    path = place.path(name)
    if place.local:
        return open_photo(path, name)
    try:
        size = place.fs.size(path)
        if size is not None and size > MAX_BYTES:
            raise InputError(f"{name}: {size >> 20} MiB; photos may have {MAX_BYTES >> 20} MiB")
        content = place.fs.cat_file(path, end=MAX_BYTES)
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({brief(error)})") from error
    return open_photo(io.BytesIO(content), name)


def write_whole(place: Place, name: str, content: bytes) -> None:
    """Writes a file that others see complete or not at all: to a temporary name, then renamed.

    Raises:
        OSError: it could not be written; nothing is left under its name.
    """
    path = place.path(name)
    if place.local:
        write_atomic(Path(path), lambda file: file.write(content))
        return
    folder, base = posixpath.split(path)
    temporary = posixpath.join(folder, f".{base}.{uuid.uuid4().hex}.part")
    place.fs.makedirs(folder, exist_ok=True)
    place.fs.pipe_file(temporary, content)
    place.fs.mv(temporary, path)


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
