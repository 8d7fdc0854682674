"""Rooms written to disk: a data set in the NYUD_MT layout."""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image
from tqdm import tqdm

from mtcp.data.nyud_layout import AXES, META, PARTS
from mtcp.data.rooms.build import make_room
from mtcp.data.rooms.dataset import edges
from mtcp.data.rooms.rays import require_open3d
from mtcp.data.rooms.render import render
from mtcp.errors import InputError
from mtcp.geometry.camera import DEFAULT_FOV_DEG, Camera
from mtcp.io.atomic import write_atomic
from mtcp.io.safe_read import parse_object, read_bytes

SIZE = (480, 640)
VALIDATION = 5  # every fifth room is for validation, of fewer the last
LEAST = 2  # one room to train on, one to validate on


def write_nyud(
    out: Path,
    count: int,
    size: tuple[int, int] = SIZE,
    seed: int = 0,
    quality: Literal["high", "fast"] = "fast",
    fov_deg: float = DEFAULT_FOV_DEG,
    jobs: int = 1,
    progress: bool = True,
) -> int:
    """Writes `count` rooms as a folder that `mtcp.data.nyud.NYUD` reads; finished frames are kept.

    Frame NNNN is the room of seed `seed + NNNN - 1`; every fifth (of fewer, the last) is in val, the others in
    train. One field of view for all, because the layout has one camera.

    Args:
        size: (height, width) in pixels.
        jobs: worker processes; 1 works in this one.

    Returns:
        The number of frames written now.

    Raises:
        InputError: a count below 2, no jobs, a negative seed, `out` holding something else, no open3d.
    """
    if count < LEAST or jobs < 1 or seed < 0:
        raise InputError(
            f"count {count}, jobs {jobs}, seed {seed}: expected at least {LEAST} (a room to train on and one to "
            "validate on), 1 and 0"
        )
    require_open3d()
    camera = Camera.from_fov(size[1], size[0], fov_deg)
    _claim(out, seed, quality, camera)
    names = [f"{i + 1:04d}" for i in range(count)]
    todo = [i for i, name in enumerate(names) if not (out / "images" / f"{name}{PARTS['images']}").is_file()]
    work = functools.partial(_write_frame, out, size, seed, quality, fov_deg)
    for _ in tqdm(_spread(work, todo, jobs), total=len(todo), unit="room", disable=not progress):
        pass
    val = names[VALIDATION - 1 :: VALIDATION] or names[-1:]
    for split, lines in (("val", val), ("train", [name for name in names if name not in set(val)])):
        _write_text(out / "gt_sets" / f"{split}.txt", "".join(f"{line}\n" for line in lines))
    return len(todo)


def _spread(work: Any, todo: list[int], jobs: int) -> Iterator[None]:
    if jobs == 1:
        yield from map(work, todo)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:  # fork is unsafe with threads
        yield from pool.map(work, todo)


def _claim(out: Path, seed: int, quality: str, camera: Camera) -> None:
    """Writes `meta.json`, or checks that the one there is of the same rooms."""
    intrinsics = {name: getattr(camera, name) for name in ("fx", "fy", "cx", "cy", "width", "height")}
    source = f"rooms, seed {seed}, {quality}"
    meta = {"format": "NYUD_MT", "axes": AXES, "normals": "exact", "source": source, "camera": intrinsics}
    path = out / META
    if path.is_file():
        if parse_object(path, read_bytes(path)) != meta:
            raise InputError(f"{path}: of another source, seed, quality or size; choose another --out")
        return
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out}: holds other files (no {META}); choose an empty or new folder")
    _write_text(path, json.dumps(meta, indent=2) + "\n")


def _write_frame(
    out: Path, size: tuple[int, int], seed: int, quality: Literal["high", "fast"], fov_deg: float, index: int
) -> None:
    """One room. The photo is written last: its presence says that the frame is whole."""
    frame = render(make_room(seed + index), size, quality, fov_deg=fov_deg)
    paths = {part: out / part / f"{index + 1:04d}{suffix}" for part, suffix in PARTS.items()}
    labels = Image.fromarray(frame.semseg + np.uint8(1))
    write_atomic(paths["segmentation"], lambda file: labels.save(file, "PNG"))
    arrays = {"depth": frame.depth, "normals": frame.normals.astype(np.float16), "edge": edges(frame.semseg)}
    for part, array in arrays.items():
        write_atomic(paths[part], functools.partial(np.save, arr=array))
    _write_jpeg(paths["images"], frame.image)


def _write_jpeg(path: Path, image: np.ndarray) -> None:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=92)
    write_atomic(path, lambda file: file.write(buffer.getvalue()))


def _write_text(path: Path, text: str) -> None:
    write_atomic(path, lambda file: file.write(text.encode()))
