"""A run over many photos: finds what is still to do, hands it to an engine in blocks, and reports progress."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mtcp.batch.measure import Job, Outcome, Predict, check_tasks, measure_block
from mtcp.batch.storage import open_place, pictures
from mtcp.batch.table import BAD, PHOTOS, agree, arrow, column, forget_bad, stored_name
from mtcp.errors import InputError
from mtcp.io.photo import LONGEST_SIDE
from mtcp.io.safe_read import brief

LARGEST_BLOCK = 256
"""Photos whose rows are written together, at most, by default: what a crash costs each worker."""
BLOCKS_PER_WORKER = 8
"""Small runs have smaller blocks, so that no worker waits long for the last ones."""

Block = Sequence[str]
Engine = Callable[[Job, Sequence[Block]], Iterator[Outcome]]
"""Measures blocks of photos and writes their rows; tells of each block when its rows are written."""


def prepare(
    source: str,
    dest: str,
    checkpoint: str | os.PathLike[str],
    fov_deg: float | None = None,
    size: tuple[int, int] | None = None,
    longest: int | None = LONGEST_SIDE,
) -> tuple[Job, list[str]]:
    """The job, checked, and the names of all its photos. The settings are fields of the `Job`.

    Raises:
        InputError: pyarrow missing, nothing at `source`, `dest` unusable or filled with other settings, a checkpoint
            without depth or normals.
    """
    from mtcp.checkpoint.store import read_card

    arrow()
    card = read_card(checkpoint)
    check_tasks(card["tasks"])
    place, names = pictures(open_place(source))
    if not names:
        raise InputError(f"{source}: no pictures in it (known by their suffix: .jpg, .png, .heic ...)")
    job = Job(place, open_place(dest), card["sha256"], fov_deg, size, longest)
    settings = {
        "checkpoint": Path(checkpoint).name,
        "checkpoint_sha256": card["sha256"],
        "field_of_view_deg": fov_deg,
        "network_size": list(size) if size else None,
        "longest_side": longest,
    }
    try:
        agree(job.dest, settings)
    except OSError as error:
        raise InputError(f"--out {dest}: cannot be written ({brief(error)})") from error
    return job, names


def left(job: Job, names: Sequence[str], retry_bad: bool = False) -> list[str]:
    """Those of the photos that stand in neither table.

    retry_bad: photos that could not be measured before are forgotten, and so are left.

    Raises:
        InputError: a table that cannot be read.
    """
    if retry_bad:
        forget_bad(job.dest)
    done = {*column(job.dest, PHOTOS, "photo"), *column(job.dest, BAD, "path")}
    return [name for name in names if stored_name(name) not in done]


def blocks(names: Sequence[str], workers: int, largest: int | None = None) -> list[Block]:
    """The photos in blocks; each is one unit of work and one part of the table.

    largest: photos in a block; None: by their number and the workers'.
    """
    even = -(-len(names) // (workers * BLOCKS_PER_WORKER))
    step = largest or min(max(even, 1), LARGEST_BLOCK)
    return [names[first : first + step] for first in range(0, len(names), step)]


def plain_engine(predict: Predict) -> Engine:
    """One block after the other, in this process."""

    def run(job: Job, work: Sequence[Block]) -> Iterator[Outcome]:
        for block in work:
            yield measure_block(predict, job, block)

    return run
