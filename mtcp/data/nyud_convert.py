"""Conversion of NYU Depth v2 into the NYUD_MT layout, normals and semantic boundaries derived.

What `convert` writes below its output folder (see docs/data.md):

    images/ID.jpg          the photo
    segmentation/ID.png    uint8, 0 = unlabelled, 1..40
    depth/ID.npy           float32 (h, w) metres, 0 = invalid, at the source's own size
    normals/ID.npy         float32 (h, w, 3) unit vectors, zeros = invalid, about 320 px wide
    edge/ID.npy            uint8 (H, W), 1 edge, 0 none, 255 unknown
    gt_sets/{train,val}.txt  ids, one a line; val is the official test part
    meta.json              camera and axes: x right, y down, z forward; a facing wall is (0, 0, -1)
"""

from __future__ import annotations

import functools
import json
import multiprocessing
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image
from tqdm import tqdm

from mtcp.aside import write_aside
from mtcp.data.derive import derive_normals, semantic_edges
from mtcp.data.nyud_layout import AXES, META, PARTS
from mtcp.data.nyud_sources import FolderSource, MatSource, Source
from mtcp.errors import InputError
from mtcp.geometry.camera import NYUV2, Camera


@dataclass(frozen=True)
class Report:
    """What a conversion did: counts of frames, and one line for each frame that failed."""

    written: int
    skipped: int
    failures: tuple[str, ...]


def open_source(path: Path, splits: Path | None = None, class_mapping: Path | None = None) -> Source:
    """The source at `path`: a folder, or the official `.mat` with its two companions.

    Raises:
        InputError: nothing there, or a `.mat` without splits or class mapping.
    """
    if path.is_dir():
        return FolderSource(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file or folder")
    if splits is None or class_mapping is None:
        raise InputError(
            f"{path}: a .mat also needs --splits (splits.mat) and --class-mapping (classMapping40.mat)"
        )
    return MatSource(path, splits, class_mapping)


def convert(
    source: Source, out: Path, jobs: int = 1, camera: Camera = NYUV2, progress: bool = True
) -> Report:
    """Converts every frame of the source's splits that `out` does not hold yet.

    A frame that fails does not stop the others; the split lists then leave it out, and another call tries it
    again.

    Args:
        source: see `open_source`.
        out: the folder to fill; made if missing. An unfinished conversion of the same source is continued.
        jobs: worker processes; 1 works in this one.
        camera: of the photos, at the photos' size.
        progress: shows a bar.

    Raises:
        InputError: the source as a whole cannot be used, or `out` holds something else.
    """
    splits = source.splits()
    _claim(out, source, camera)
    ids = sorted(set().union(*splits.values()))
    todo = [frame_id for frame_id in ids if not _finished(out, frame_id)]
    failures: dict[str, str] = {}
    work = functools.partial(_attempt, source, out, camera)
    with tqdm(total=len(ids), initial=len(ids) - len(todo), unit="frame", disable=not progress) as bar:
        for frame_id, problem in _run(work, todo, jobs):
            bar.update()
            if problem is not None:
                failures[frame_id] = f"frame {frame_id}: {problem}"
                bar.set_postfix(failed=len(failures))
    for name, members in splits.items():
        text = "".join(f"{frame_id}\n" for frame_id in members if frame_id not in failures)
        write_aside(out / "gt_sets" / f"{name}.txt", functools.partial(_write_text, text))
    lines = tuple(failures[key] for key in sorted(failures))
    return Report(len(todo) - len(failures), len(ids) - len(todo), lines)


def _run(work: Any, ids: Iterable[str], jobs: int) -> Iterator[tuple[str, str | None]]:
    """(id, problem or None) in the order in which frames end."""
    if jobs <= 1:
        for frame_id in ids:
            yield frame_id, work(frame_id)
        return
    context = multiprocessing.get_context("spawn")  # fork is unsafe once a thread runs (OpenMP, tqdm)
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_leave_interrupts) as pool:
        pending = {pool.submit(work, frame_id): frame_id for frame_id in ids}
        try:
            for future in as_completed(pending):
                yield pending.pop(future), future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _leave_interrupts() -> None:
    """Ctrl-C reaches workers too; the parent alone answers it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _attempt(source: Source, out: Path, camera: Camera, frame_id: str) -> str | None:
    """Converts one frame; a user-caused problem is returned, so that the other frames go on."""
    try:
        write_frame(source, out, camera, frame_id)
    except InputError as error:
        return str(error)
    return None


def write_frame(source: Source, out: Path, camera: Camera, frame_id: str) -> None:
    """Converts one frame. The photo is written last: its presence says that the frame is whole.

    Raises:
        InputError: the frame's data are missing, torn or out of range.
    """
    frame = source.read(frame_id)
    if frame.labels.shape != (camera.height, camera.width):
        height, width = frame.labels.shape
        raise InputError(f"size {width}x{height}, but the camera is for {camera.width}x{camera.height}")
    paths = {part: out / part / f"{frame_id}{suffix}" for part, suffix in PARTS.items()}
    write_aside(paths["segmentation"], lambda file: Image.fromarray(frame.labels).save(file, "PNG"))
    arrays = {
        "depth": frame.depth,
        "normals": derive_normals(frame.depth, camera),
        "edge": semantic_edges(frame.labels),
    }
    for part, array in arrays.items():
        write_aside(paths[part], functools.partial(np.save, arr=array))
    write_aside(paths["images"], lambda file: file.write(frame.jpeg))


def _write_text(text: str, file: BinaryIO) -> None:
    file.write(text.encode())


def _finished(out: Path, frame_id: str) -> bool:
    return all((out / part / f"{frame_id}{suffix}").is_file() for part, suffix in PARTS.items())


def _claim(out: Path, source: Source, camera: Camera) -> None:
    """Writes `meta.json`, or checks that the one there came from the same kind of source and camera."""
    meta = {
        "format": "NYUD_MT",
        "axes": AXES,
        "normals": "edge-preserving plane fit of depth",
        "source": source.describe(),
        "camera": {name: getattr(camera, name) for name in ("fx", "fy", "cx", "cy", "width", "height")},
    }
    path = out / META
    if path.is_file():
        if json.loads(path.read_text(encoding="utf-8")) != meta:
            raise InputError(f"{path}: of another source or camera; choose another --out")
        return
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out}: holds other files (no {META}); choose an empty or new folder")
    out.mkdir(parents=True, exist_ok=True)
    write_aside(path, functools.partial(_write_text, json.dumps(meta, indent=2) + "\n"))
