"""Data sets. `open_data` opens any of them; each gives samples as described in `mtcp.data.sample`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mtcp.errors import InputError

if TYPE_CHECKING:
    from mtcp.data.sample import Samples

__all__ = ["open_data"]

ROOMS = 64
_ROOM_SEEDS = {"train": 0, "val": 1_000_000}  # far apart: no room is in both


def open_data(source: str | os.PathLike[str], split: str, tasks: tuple[str, ...]) -> Samples:
    """The data set at `source`.

    Args:
        source: a folder in the NYUD_MT layout (it has gt_sets/), one in the PASCAL_MT layout (ImageSets/), one that
            `data places` made (places.json), or "rooms" / "rooms:COUNT" for rooms made on the fly.
        split: "train" or "val", or another list that the folder has.
        tasks: names of the maps that samples must hold.

    Raises:
        InputError: none of these, or what the data set itself refuses.
    """
    text = os.fspath(source)
    if text == "rooms" or text.startswith("rooms:"):
        return _rooms(text, split, tasks)
    root = Path(text).expanduser()
    if (root / "gt_sets").is_dir():
        from mtcp.data.nyud import NYUD

        return NYUD(root, split, tasks)
    if (root / "ImageSets").is_dir():
        from mtcp.data.pascal import PASCAL

        return PASCAL(root, split, tasks)
    if (root / "places.json").is_file():
        from mtcp.data.places import Places

        return Places(root, split, tasks)
    what = (
        "has neither gt_sets/ (NYUD_MT) nor ImageSets/ (PASCAL_MT) nor places.json in it"
        if root.is_dir()
        else "no such folder"
    )
    raise InputError(f"data {text!r}: {what}; or give rooms, rooms:COUNT")


def _rooms(text: str, split: str, tasks: tuple[str, ...]) -> Samples:
    from mtcp.data.rooms import Rooms

    count = text.partition(":")[2] if ":" in text else str(ROOMS)
    if not count.isdecimal() or not 1 <= int(count) <= 999_999:
        raise InputError(f"data {text!r}: expected rooms:COUNT with a count from 1 to 999999")
    if split not in _ROOM_SEEDS:
        raise InputError(f"split {split!r} of rooms: choose {' or '.join(_ROOM_SEEDS)}")
    return Rooms(seed=_ROOM_SEEDS[split], count=int(count), tasks=tasks)
