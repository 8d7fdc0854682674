"""What a person knows of their own photo: depth, normals and labels from files, as a `Truth`.

What a file holds is told by its content. A 16-bit PNG, or an NPY of floats (H, W), is depth; an NPY (H, W, 3) is
normals; an 8-bit PNG of one channel, or an NPY (H, W) of whole numbers, is labels.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtcp.data.derive import derive_normals
from mtcp.data.files import decode_image
from mtcp.data.shapes import require_aspect
from mtcp.data.units import require_metres, valid_depth
from mtcp.errors import InputError
from mtcp.evaluation.ground_truth import Truth
from mtcp.geometry.camera import Camera
from mtcp.geometry.coherence import resize_maps
from mtcp.geometry.regions import nearest
from mtcp.io.photo import MAX_BYTES
from mtcp.io.safe_read import read_bytes, read_npy
from mtcp.tasks import DEPTH, IGNORE, NORMALS, SEMSEG

_PNG, _NPY = b"\x89PNG\r\n\x1a\n", b"\x93NUMPY"
_WANTED = "depth is a 16-bit grey PNG or an NPY (H, W) of floats, labels an 8-bit PNG of one channel, normals an NPY"
_AXES = "x right, y down, z forward: a wall facing the camera is (0, 0, -1)"


@dataclass(frozen=True, eq=False)
class TrueMap:
    """One file's map, at its own size. name: the file's; task: of which task; values: as in a `Truth`."""

    name: str
    task: str
    values: np.ndarray


def read_true_map(
    path: str | os.PathLike[str], photo: tuple[int, int], camera: Camera, classes: Sequence[str]
) -> TrueMap:
    """The map in a file.

    Args:
        photo: (H, W) of the upright photo; the map may have another size of that aspect.
        camera: what the photo is seen through, at any size.
        classes: the network's, which labels count from 0; empty where it predicts none.

    Raises:
        InputError: no PNG or NPY, truncated, another kind of array, another aspect, nothing known in it, depth in
            another unit, no unit normals or such that face away from the camera, labels out of range. It names the
            file without its folder, and the value.
    """
    path = Path(path)
    try:
        stored, is_png = _stored(path)
        values, task = _map(stored, is_png, path.name, classes)
        require_aspect(values.shape[:2], photo, path.name)
        if task == NORMALS:
            _require_facing(values, camera, path.name)
    except InputError as error:
        raise InputError(str(error).replace(str(path), path.name)) from error
    return TrueMap(path.name, task, values)


def truth_of_maps(maps: Sequence[TrueMap], camera: Camera, classes: tuple[str, ...]) -> Truth:
    """The truth that these maps tell, at the size of `camera`, the one that the photo is seen through. Of several maps
    of a task the last counts. Without normals, those of the depth by plane fit stand for them.
    """
    found = {one.task: one for one in maps}
    sized = {task: resize_maps({task: one.values}, camera)[task] for task, one in found.items()}
    source = f"your {', '.join(one.name for one in found.values())}"
    if DEPTH in found and NORMALS not in found:
        derived = derive_normals(sized[DEPTH], camera)
        at = np.ix_(nearest(derived.shape[0], camera.height), nearest(derived.shape[1], camera.width))
        sized[NORMALS] = derived[at]
        source += "; normals by plane fit from that depth"
    return Truth(sized, camera, source, classes if SEMSEG in found else (), calibrated=False)


def _stored(path: Path) -> tuple[np.ndarray, bool]:
    """A file's array, and whether it is a PNG's."""
    content = read_bytes(path, MAX_BYTES)
    if content.startswith(_PNG):
        return decode_image(content, path.name, mode=None), True
    if content.startswith(_NPY):
        return read_npy(path), False
    raise InputError(f"{path.name}: neither PNG nor NPY; {_WANTED}")


def _map(stored: np.ndarray, is_png: bool, name: str, classes: Sequence[str]) -> tuple[np.ndarray, str]:
    if stored.ndim == 3 and stored.shape[2] == 1:
        stored = stored[..., 0]
    if not stored.size or stored.dtype.kind not in "iuf":
        raise InputError(f"{name}: {stored.dtype} of shape {stored.shape}; {_WANTED}")
    if stored.ndim == 3 and stored.shape[2] == 3 and not is_png:
        return _normals(stored, name), NORMALS
    if stored.ndim != 2:
        raise InputError(f"{name}: {stored.dtype} of shape {stored.shape}; {_WANTED}")
    if stored.dtype.kind == "f":
        return _depth(stored, name), DEPTH
    if is_png and stored.dtype.itemsize > 1:
        return _depth(stored / np.float32(1000), name), DEPTH
    return _labels(stored, name, classes), SEMSEG


def _depth(metres: np.ndarray, name: str) -> np.ndarray:
    depth = valid_depth(metres)
    if not depth.any():
        raise InputError(f"{name}: all {depth.size} depths are 0 or no number, so none is known")
    require_metres(depth, name)
    return depth


def _normals(values: np.ndarray, name: str) -> np.ndarray:
    """float32 unit vectors; zeros where the file's are zero or not finite."""
    if values.dtype.kind != "f":
        raise InputError(f"{name}: {values.dtype} of shape {values.shape}; normals are floats")
    normals = np.where(np.isfinite(values).all(axis=2, keepdims=True), values, 0).astype(np.float32)
    length = np.linalg.norm(normals, axis=2)
    known = length > 0
    if not known.any():
        raise InputError(f"{name}: all {length.size} normals are (0, 0, 0) or no number, so none is known")
    off = np.abs(length[known] - 1)
    if off.max() > 0.05:
        raise InputError(
            f"{name}: a normal of length {length[known][off.argmax()]:.3g}; expected unit vectors"
        )
    return normals / np.where(known, length, 1)[..., None]


def _require_facing(normals: np.ndarray, camera: Camera, name: str) -> None:
    """Surfaces that are seen face the camera."""
    height, width = normals.shape[:2]
    towards = (normals * camera.resize(width, height).rays()).sum(-1)
    known = np.abs(normals).max(-1) > 0
    away = 100 * float(np.mean(towards[known] > 0))
    if away > 50:
        raise InputError(
            f"{name}: {away:.0f} % of the normals face away from the camera; the axes are {_AXES}"
        )


def _labels(labels: np.ndarray, name: str, classes: Sequence[str]) -> np.ndarray:
    if not classes:
        raise InputError(f"{name}: these are labels, and this network predicts no classes")
    known = labels[labels != IGNORE]
    if not known.size:
        raise InputError(f"{name}: all {labels.size} labels are {IGNORE}, so none is known")
    wrong = known[(known < 0) | (known >= len(classes))]
    if wrong.size:
        hint = _hint(wrong, known, len(classes))
        raise InputError(
            f"{name}: label {wrong.max()} is out of range; this network's {len(classes)} classes are 0 to "
            f"{len(classes) - 1}, and {IGNORE} is unknown{hint}"
        )
    return labels.astype(np.uint8)


def _hint(wrong: np.ndarray, known: np.ndarray, count: int) -> str:
    if set(np.unique(wrong).tolist()) == {count}:
        return ". Classes from 1? Subtract 1, and make 0 unknown" if known.min() >= 0 else ""
    return ". Depth? As NPY it is floats in metres" if int(wrong.max()) > IGNORE else ""
