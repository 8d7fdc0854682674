"""Room photos with pseudo-labels, from the archives they come in into the layout of `mtcp.data.places`."""

from __future__ import annotations

import functools
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from tqdm import tqdm

from mtcp.data.files import decode_image, read_lines
from mtcp.data.places import MARKER, PARTS, about, checked_depth, checked_labels, require_places
from mtcp.errors import InputError
from mtcp.io.atomic import write_atomic, write_together
from mtcp.io.safe_read import brief, read_bytes
from mtcp.tasks import ADE_CLASSES

HELD_OUT = 300
MEMBER_BYTES = 16 * 2**20
"""No photo of 256x256 and no map of one is larger."""


@dataclass(frozen=True)
class Report:
    """What a conversion did, in photos: written, already there, left out because they have no file; and the lists."""

    written: int
    skipped: int
    left_out: int
    train: int
    val: int


class Archive:
    """A zip of small files, read by name.

    Raises:
        InputError: missing, no zip or damaged; in `read` also a member that is missing, damaged or too large.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise InputError(f"{path}: truncated or not a zip ({brief(error)})") from error
        self._members = {PurePosixPath(member.filename).name: member for member in self._zip.infolist()}

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def read(self, name: str) -> bytes:
        """The content of the member called `name`, in whatever folder of the archive."""
        if name not in self._members:
            raise InputError(f"{self.path}: has no {name}")
        member = self._members[name]
        if member.file_size > MEMBER_BYTES:
            raise InputError(
                f"{self.path}: {name} has {member.file_size} bytes; expected at most {MEMBER_BYTES}"
            )
        try:
            return self._zip.read(member)
        except Exception as error:  # zipfile and zlib each have their own
            raise InputError(f"{self.path}: {name} is damaged ({brief(error)})") from error


class Source:
    """The folder with list.tsv, ade150.txt, ade150.zip, depth.zip and photos.zip; `photos` has the photos that the last
    one lacks, under the paths in list.tsv or as NUMBER.jpg.

    numbers: all that are listed. found: those with a photo, in the same order.

    Raises:
        InputError: one of these is missing or damaged, has other classes or lacks a listed map; no photo in `photos`.
    """

    def __init__(self, root: Path, photos: Path | None = None) -> None:
        if not root.is_dir():
            raise InputError(f"--source {root}: no such folder")
        if photos is not None and not photos.is_dir():
            raise InputError(f"--photos {photos}: no such folder")
        _require_classes(root / "ade150.txt")
        paths = _listed(root / "list.tsv")
        self.numbers = list(paths)
        self._archives = {"labels": Archive(root / "ade150.zip"), "depth": Archive(root / "depth.zip")}
        for archive in self._archives.values():
            lacking = [number for number in paths if f"{number}.png" not in archive]
            if lacking:
                counted = f"{len(lacking)} of {len(paths)} listed maps are missing"
                raise InputError(f"{archive.path}: has no {lacking[0]}.png ({counted})")
        self._zipped = Archive(root / "photos.zip")
        self._outside = self._search(photos, paths)
        self.found = [n for n in paths if f"{n}.jpg" in self._zipped or n in self._outside]

    def _search(self, photos: Path | None, paths: Mapping[str, str]) -> dict[str, Path]:
        """The files of the photos that photos.zip lacks, by number."""
        wanted = [number for number in paths if f"{number}.jpg" not in self._zipped]
        if photos is None or not wanted:
            return {}
        places = {number: (photos / paths[number], photos / f"{number}.jpg") for number in wanted}
        found = {
            number: next((path for path in both if path.is_file()), None) for number, both in places.items()
        }
        if not any(found.values()):
            first = " nor ".join(str(path) for path in places[wanted[0]])
            raise InputError(
                f"--photos {photos}: has none of the {len(wanted)} photos wanted, neither {first}"
            )
        return {number: path for number, path in found.items() if path is not None}

    def read(self, number: str) -> dict[str, bytes]:
        """The content of a photo's files by part of the layout, looked into.

        Raises:
            InputError: one is damaged, or its values or shape cannot be.
        """
        outside = self._outside.get(number)
        photo = f"{number}.jpg"
        content = {
            "images": self._zipped.read(photo) if outside is None else read_bytes(outside, MEMBER_BYTES)
        }
        decode_image(content["images"], outside or f"{self._zipped.path}: {photo}")
        for part, check in (("labels", checked_labels), ("depth", checked_depth)):
            archive = self._archives[part]
            where = f"{archive.path}: {number}.png"
            content[part] = archive.read(f"{number}.png")
            check(decode_image(content[part], where, mode=None), where)
        return content


def convert(source: Source, out: Path, held_out: int = HELD_OUT, progress: bool = True) -> Report:
    """Writes every photo of the source that `out` does not hold yet, then the lists.

    Args:
        source: see `Source`.
        out: the folder to fill; made if missing. An unfinished conversion is continued.
        held_out: how many photos, the last of those that are found, are in val.txt instead of train.txt.
        progress: shows a bar.

    Raises:
        InputError: a damaged file (those before it are kept), no photo left to train on, `out` holds something else.
        WriteError: a file could not be written.
    """
    train, val = source.found[:-held_out], source.found[-held_out:]
    if not train:
        raise InputError(
            f"{len(source.found)} photos are too few to hold {held_out} out: give more with --photos, or a lower --val"
        )
    _claim(out)
    todo = [number for number in source.found if not _whole(out, number)]
    skipped = len(source.found) - len(todo)
    with tqdm(
        total=len(source.found), initial=skipped, unit="photo", disable=not progress, mininterval=1
    ) as bar:
        for number in todo:
            content = source.read(number)
            files = {
                path: functools.partial(_write, content[part]) for part, path in _files(out, number).items()
            }
            write_together(files, flush=False)
            bar.update()
    report = Report(len(todo), skipped, len(source.numbers) - len(source.found), len(train), len(val))
    lists = {out / "train.txt": _lines(train), out / "val.txt": _lines(val)}
    marker = _marker(photos=len(source.found), train=report.train, val=report.val)
    write_together(
        {path: functools.partial(_write, text) for path, text in {**lists, out / MARKER: marker}.items()}
    )
    return report


def _require_classes(path: Path) -> None:
    found = read_lines(path)
    if tuple(found) != ADE_CLASSES:
        pairs = zip(found, ADE_CLASSES, strict=False)
        wrong = next(
            (f"{name[:30]!r} where {known!r} is expected" for name, known in pairs if name != known), ""
        )
        raise InputError(f"{path}: {wrong or f'{len(found)} classes, expected {len(ADE_CLASSES)}'}")


def _listed(path: Path) -> dict[str, str]:
    """The path in the photos' repository by number, in the list's order."""
    found: dict[str, str] = {}
    for line in read_lines(path):
        fields = line.split("\t")
        if len(fields) != 3 or not fields[0].isascii() or not fields[0].isdigit():
            raise InputError(f"{path}: {line[:60]!r} is not NUMBER, ROOM and PATH with tabs between them")
        number, _, photo = fields
        if PurePosixPath(photo).is_absolute() or ".." in PurePosixPath(photo).parts:
            raise InputError(f"{path}: {photo[:60]!r} leads out of the folder")
        if number in found:
            raise InputError(f"{path}: number {number} is listed twice")
        found[number] = photo
    return found


def _claim(out: Path) -> None:
    """Marks `out` before anything is in it, or sees that it is such a folder."""
    if (out / MARKER).is_file():
        require_places(out)
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: holds other files (no {MARKER}); choose an empty or new folder")
    else:
        write_atomic(out / MARKER, functools.partial(_write, _marker()))


def _files(out: Path, number: str) -> dict[str, Path]:
    return {part: out / part / f"{number}{suffix}" for part, suffix in PARTS.items()}


def _whole(out: Path, number: str) -> bool:
    """Whether all files of a photo are there; after a power cut they may be empty."""
    return all(path.is_file() and path.stat().st_size for path in _files(out, number).values())


def _marker(**counts: int) -> bytes:
    return (json.dumps({**about(), **counts}, indent=2) + "\n").encode()


def _lines(numbers: Sequence[str]) -> bytes:
    return "".join(f"{number}\n" for number in numbers).encode()


def _write(content: bytes, file: BinaryIO) -> None:
    file.write(content)
