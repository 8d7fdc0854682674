"""Data sets. `open_data` opens any of them; each gives samples as described in `mtcp.data.sample`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mtcp.errors import InputError

if TYPE_CHECKING:
    from mtcp.data.sample import Samples

__all__ = ["Found", "find_data", "open_data"]

ROOMS = 64
_ROOM_SEEDS = {"train": 0, "val": 1_000_000}  # far apart: no room is in both
Names = tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """A data set that is there.

    task_set: whose classes its labels are (a key of `mtcp.tasks.TASK_SETS`); empty for photos without labels.
    tasks: names of the maps that it has, of that set. open: the samples of a split with the maps named.
    """

    task_set: str
    tasks: Names
    open: Callable[[str, Names], Samples]


def open_data(source: str | os.PathLike[str], split: str, tasks: Names) -> Samples:
    """The data set at `source`.

    Args:
        source: a folder in the NYUD_MT layout (it has gt_sets/), one in the PASCAL_MT layout (ImageSets/), one that
            `data places` made (places.json), or "rooms" / "rooms:COUNT" for rooms made on the fly.
        split: "train" or "val", or another list that the folder has.
        tasks: names of the maps that samples must hold.

    Raises:
        InputError: none of these, or what the data set itself refuses.
    """
    return find_data(source).open(split, tasks)


def find_data(source: str | os.PathLike[str], *, photos: bool = False) -> Found:
    """What is at `source`, of which no sample is read yet.

    photos: whether a folder of photos without labels will do; it has one split, whatever that is called.

    Raises:
        InputError: as `open_data`.
    """
    text = os.fspath(source)
    if text == "rooms" or text.startswith("rooms:"):
        return Found("nyud", _named("nyud"), lambda split, tasks: _rooms(text, split, tasks))
    root = Path(text).expanduser()
    if (root / "gt_sets").is_dir():
        from mtcp.data.nyud import FOLDERS, NYUD

        return Found("nyud", _there(root, FOLDERS), lambda split, tasks: NYUD(root, split, tasks))
    if (root / "ImageSets").is_dir():
        from mtcp.data.pascal import FOLDERS as PASCAL_FOLDERS
        from mtcp.data.pascal import PASCAL

        return Found("pascal", _there(root, PASCAL_FOLDERS), lambda split, tasks: PASCAL(root, split, tasks))
    if (root / "places.json").is_file():
        from mtcp.data.places import Places

        return Found("places", _named("places"), lambda split, tasks: Places(root, split, tasks))
    if photos and root.is_dir():
        from mtcp.data.photos import Photos

        return Found("", (), lambda split, tasks: Photos(root))
    what = (
        "has neither gt_sets/ (NYUD_MT) nor ImageSets/ (PASCAL_MT) nor places.json in it"
        if root.is_dir()
        else "no such folder"
    )
    raise InputError(f"data {text!r}: {what}; or give rooms, rooms:COUNT")


def _named(task_set: str) -> Names:
    from mtcp.tasks import TASK_SETS

    return tuple(task.name for task in TASK_SETS[task_set])


def _there(root: Path, folders: dict[str, str]) -> Names:
    """The tasks whose folder of maps is there."""
    return tuple(task for task, folder in folders.items() if (root / folder).is_dir())


def _rooms(text: str, split: str, tasks: Names) -> Samples:
    from mtcp.data.rooms import Rooms

    count = text.partition(":")[2] if ":" in text else str(ROOMS)
    if not count.isdecimal() or not 1 <= int(count) <= 999_999:
        raise InputError(f"data {text!r}: expected rooms:COUNT with a count from 1 to 999999")
    if split not in _ROOM_SEEDS:
        raise InputError(f"split {split!r} of rooms: choose {' or '.join(_ROOM_SEEDS)}")
    return Rooms(seed=_ROOM_SEEDS[split], count=int(count), tasks=tasks)
