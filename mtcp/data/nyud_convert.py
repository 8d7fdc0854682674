"""Conversion of NYU Depth v2 into the NYUD_MT layout, normals and semantic boundaries derived.

What `convert` writes below its output folder (see docs/data.md):

    images/ID.jpg          the photo
    segmentation/ID.png    uint8, 0 = unlabelled, 1..40; its text "source" is the frame's fingerprint
    depth/ID.npy           float32 (h, w) metres, 0 = invalid, at the source's own size
    normals/ID.npy         float32 (h, w, 3) unit vectors, zeros = invalid, about 320 px wide
    edge/ID.npy            uint8 (H, W), 1 edge, 0 none, 255 unknown
    gt_sets/{train,val}.txt  ids, one a line; val is the official test part
    meta.json              camera, the source's labels, axes: x right, y down, z forward; a facing wall is (0, 0, -1)
"""

from __future__ import annotations

import functools
import json
import multiprocessing
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from tqdm import tqdm

from mtcp.data.derive import derive_normals, semantic_edges
from mtcp.data.nyud_labels import CONVENTIONS
from mtcp.data.nyud_layout import AXES, META, PARTS
from mtcp.data.nyud_sources import FolderSource, Frame, MatSource, Source
from mtcp.errors import InputError
from mtcp.geometry.camera import NYUV2, Camera
from mtcp.io.atomic import write_atomic
from mtcp.io.safe_read import parse_object, read_bytes

TRIED = 12  # frames read before anything is written
SOURCE_TEXT = "source"


@dataclass(frozen=True)
class Report:
    """What a conversion did: counts of frames, and one line for each frame that failed."""

    written: int
    skipped: int
    failures: tuple[str, ...]


def open_source(
    path: Path,
    splits: Path | None = None,
    class_mapping: Path | None = None,
    unlabelled: int | None = None,
) -> Source:
    """The source at `path`: a folder, or the official `.mat` with its two companions.

    unlabelled: the label (of a `.mat`: the class in the mapping) that means none, 0 or 255; None to find it.

    Raises:
        InputError: nothing there, or a `.mat` without splits or class mapping.
    """
    if path.is_dir():
        return FolderSource(path, unlabelled)
    if not path.is_file():
        raise InputError(f"{path}: no such file or folder")
    if splits is None or class_mapping is None:
        raise InputError(
            f"{path}: a .mat also needs --splits (splits.mat) and --class-mapping (classMapping40.mat)"
        )
    return MatSource(path, splits, class_mapping, unlabelled)


def convert(
    source: Source, out: Path, jobs: int = 1, camera: Camera = NYUV2, progress: bool = True
) -> Report:
    """Converts every frame of the source's splits that `out` does not hold yet, or holds of an earlier source.

    What concerns the source as a whole (lists, label convention, shape, unit) is settled before anything is
    written. A frame that fails does not stop the others; the split lists then leave it out, and another call
    tries it again.

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
    _check_splits(splits)
    ids = sorted(set().union(*splits.values()))
    source = source.settled(ids)
    _try_out(source, ids, camera)
    _claim(out, source, camera)
    todo = [frame_id for frame_id in ids if not _current(out, source, frame_id)]
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
        path = out / "gt_sets" / f"{name}.txt"
        if text:
            write_atomic(path, functools.partial(_write_text, text))
        else:  # of this part no frame is whole; an empty list would be refused by every reader
            path.unlink(missing_ok=True)
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


def read_frame(source: Source, camera: Camera, frame_id: str) -> Frame:
    """One frame that the camera can have taken.

    Raises:
        InputError: the frame's data are missing, truncated, out of range or of another size.
    """
    frame = source.read(frame_id)
    if frame.labels.shape != (camera.height, camera.width):
        height, width = frame.labels.shape
        swapped = "; rows and columns are swapped" if (width, height) == (camera.height, camera.width) else ""
        raise InputError(
            f"size {width}x{height}, but the camera is for {camera.width}x{camera.height} (width x height){swapped}"
        )
    return frame


def write_frame(source: Source, out: Path, camera: Camera, frame_id: str) -> None:
    """Converts one frame. The labels are written last: the fingerprint in them says that the frame is whole.

    Raises:
        InputError: see `read_frame`.
    """
    about = PngInfo()  # made before the frame is read, so that a change meanwhile is noticed
    about.add_text(SOURCE_TEXT, source.fingerprint(frame_id))
    frame = read_frame(source, camera, frame_id)
    paths = {part: out / part / f"{frame_id}{suffix}" for part, suffix in PARTS.items()}
    paths["segmentation"].unlink(missing_ok=True)  # of an earlier source: half of each would look whole
    arrays = {
        "depth": frame.depth,
        "normals": derive_normals(frame.depth, camera),
        "edge": semantic_edges(frame.labels),
    }
    for part, array in arrays.items():
        write_atomic(paths[part], functools.partial(np.save, arr=array))
    write_atomic(paths["images"], lambda file: file.write(frame.jpeg))
    labels = Image.fromarray(frame.labels)
    write_atomic(paths["segmentation"], lambda file: labels.save(file, "PNG", pnginfo=about))


def _write_text(text: str, file: BinaryIO) -> None:
    file.write(text.encode())


def _check_splits(splits: Mapping[str, Sequence[str]]) -> None:
    train, val = splits["train"], splits["val"]
    common = sorted(set(train) & set(val))
    if common:
        raise InputError(
            f"frame {common[0]} is in the training and in the test list (frames in both: {len(common)}); "
            "take them out of one"
        )
    outside = [frame_id for frame_id in (*train, *val) if "/" in frame_id or "\\" in frame_id]
    if outside:
        raise InputError(f"frame {outside[0][:60]!r}: a name in a list is no path")


def _try_out(source: Source, ids: Sequence[str], camera: Camera) -> None:
    """Reads some frames. Raises InputError with the first one's problem if all have one: then it is the source's."""
    tried = ids[:: max(1, len(ids) // TRIED)][:TRIED]
    problem = ""
    for frame_id in tried:
        try:
            read_frame(source, camera, frame_id)
            return
        except InputError as error:
            problem = problem or f"frame {frame_id}: {error}"
    others = f" (nor can any of the {len(tried)} frames tried)" if len(tried) > 1 else ""
    raise InputError(f"{problem}; it cannot be converted{others}")


def _current(out: Path, source: Source, frame_id: str) -> bool:
    """Whether `out` has the frame whole and as the source has it now."""
    paths = [out / part / f"{frame_id}{suffix}" for part, suffix in PARTS.items()]
    if not all(path.is_file() for path in paths):
        return False
    try:
        with Image.open(out / "segmentation" / f"{frame_id}.png", formats=("PNG",)) as labels:
            return labels.info.get(SOURCE_TEXT) == source.fingerprint(frame_id)
    except (OSError, SyntaxError, ValueError, InputError):  # truncated, or no source: tried again
        return False


def _claim(out: Path, source: Source, camera: Camera) -> None:
    """Writes `meta.json`, or checks that the one there came from the same kind of source and camera.

    The label convention alone may differ: a repaired source's frames are converted again.
    """
    meta = {
        "format": "NYUD_MT",
        "axes": AXES,
        "normals": "edge-preserving plane fit of depth",
        "source": source.describe(),
        "source_labels": CONVENTIONS[source.unlabelled or 0],
        "camera": {name: getattr(camera, name) for name in ("fx", "fy", "cx", "cy", "width", "height")},
    }
    path = out / META
    if path.is_file():
        found = parse_object(path, read_bytes(path))
        if {**found, "source_labels": meta["source_labels"]} != meta:
            raise InputError(f"{path}: of another source or camera; choose another --out")
    elif out.exists() and any(out.iterdir()):
        raise InputError(f"{out}: holds other files (no {META}); choose an empty or new folder")
    out.mkdir(parents=True, exist_ok=True)
    write_atomic(path, functools.partial(_write_text, json.dumps(meta, indent=2) + "\n"))
