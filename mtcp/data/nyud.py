"""NYU Depth v2 in the community's NYUD_MT folder layout.

    images/ID.jpg|png          photo
    segmentation/ID.png|mat    0 = unlabelled, 1..40 ("segmentation" in a .mat)
    depth/ID.npy|mat           metres, 0 = invalid ("depth" in a .mat)
    normals/ID.npy|png|jpg     unit vectors: floats, int8 / 127, or pictures 2 v / 255 - 1; zeros = invalid
    edge/ID.npy|png            .npy: 0/1, 255 = ignore; .png: over 127 is an edge
    gt_sets/{train,val}.txt    ids, one a line; val is the official test part
    meta.json                  optional; see below

Normals and camera: `meta.json`, which our converter writes, tells both ("camera", and "normals_axes" where
they are not x right, y down, z forward). Without it (published folders differ and do not say), the camera
is the Kinect's and the axes are found by comparing some frames' normals with those of their depth.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np

from mtcp.data.axes import Axes, find_axes, parse_axes
from mtcp.data.derive import derive_normals
from mtcp.data.files import (
    common_suffix,
    load_mat_array,
    read_image,
    read_lines,
    require_disjoint,
)
from mtcp.data.nyud_layout import CROP, META
from mtcp.data.sample import DataSet, Sample, camera_tensor, image_tensor
from mtcp.data.shapes import require_aspect
from mtcp.data.units import require_metres, valid_depth
from mtcp.errors import InputError
from mtcp.geometry.camera import NYUV2, Camera
from mtcp.io.safe_read import parse_object, read_bytes, read_npy
from mtcp.tasks import IGNORE, NORMALS, NYUD_CLASSES, task_named, task_set

log = logging.getLogger(__name__)

SUFFIXES = {
    "images": (".jpg", ".png"),
    "segmentation": (".png", ".mat"),
    "depth": (".npy", ".mat"),
    "normals": (".npy", ".png", ".jpg"),
    "edge": (".npy", ".png"),
}
FOLDERS = {"semseg": "segmentation", "depth": "depth", "normals": "normals", "edge": "edge"}
BLOCK, EVERY = 20, 5  # the frames of DEV: every fifth block of 20 neighbours in the training list
DEV, FIT = "train-dev", "train-fit"
RENAMED = {"train-held": DEV}
"""Today's name of a split by one it had before, which is still read."""
CHECKED_FRAMES = 6


class NYUD(DataSet):
    """Frames of NYU Depth v2 as `mtcp.data.sample` describes them.

    Args:
        root: folder in the NYUD_MT layout.
        split: "train", "val" (the official test part), "train-fit" / "train-dev" (train without / only every
            fifth block of 20 neighbouring frames, to choose recipes on), or another list in gt_sets/.
        tasks: maps that samples hold, of semseg, depth, normals, edge.

    Raises:
        InputError: unknown split or task, a frame in both train and val, a listed file that is missing, axes
            or camera that cannot be told.
    """

    def __init__(
        self,
        root: Path | str,
        split: str = "train",
        tasks: tuple[str, ...] = ("semseg", "depth", "normals"),
    ) -> None:
        self.root = Path(root)
        self.tasks = tuple(task.name for task in task_set("nyud", tuple(tasks)))
        self.split = split
        self.ids = split_ids(self.root, split)
        self._meta = _read_meta(self.root / META)
        folders = ("images", *(FOLDERS[task] for task in self.tasks))
        self._suffixes = {folder: self._suffix(folder) for folder in folders}
        self.axes = self._find_axes() if NORMALS in self.tasks else Axes()

    def stored(self, index: int) -> Sample:
        """One sample with depth and normals at their own size.

        Raises:
            InputError: a file that is truncated, out of range, of another shape than the photo or in another unit.
        """
        frame_id = self.ids[index]
        image = read_image(self._path("images", frame_id))
        height, width = image.shape[:2]
        sample: Sample = {"image": image_tensor(image), "camera": camera_tensor(self.camera(width, height))}
        for task in self.tasks:
            values = self._map(task, frame_id, (height, width))
            if task == NORMALS:
                values = self.axes.apply(values)
            sample[task] = task_named(task).target_of(values)
        return sample

    def _map(self, task: str, frame_id: str, photo: tuple[int, ...]) -> np.ndarray:
        """As the file has it (normals in its own axes), of the shape of the photo (H, W)."""
        path = self._path(FOLDERS[task], frame_id)
        values = _READERS[task](path)
        require_aspect(values.shape[:2], photo, path)
        return values

    def camera(self, width: int, height: int) -> Camera:
        """The camera of a photo of this size. Raises InputError where nothing tells it."""
        if "camera" in self._meta:
            return _camera(self._meta["camera"], self.root / META).resize(width, height)
        if (width, height) == CROP[2:]:
            return NYUV2.crop(*CROP)
        if width * NYUV2.height != height * NYUV2.width:
            raise InputError(
                f"{self.root}: {width}x{height} photos are not the Kinect's shape: "
                f'tell fx, fy, cx, cy, width, height as "camera" in {META}'
            )
        return NYUV2.resize(width, height)

    def _path(self, folder: str, frame_id: str) -> Path:
        return self.root / folder / f"{frame_id}{self._suffixes[folder]}"

    def _suffix(self, folder: str) -> str:
        return common_suffix(self.root / folder, self.ids, SUFFIXES[folder])

    def _find_axes(self) -> Axes:
        if "normals_axes" in self._meta:
            return parse_axes(str(self._meta["normals_axes"]))
        if "axes" in self._meta:  # ours
            return Axes()
        if "depth" not in self._suffixes:
            self._suffixes["depth"] = self._suffix("depth")
        ids = self._comparable_ids()
        step = max(1, len(ids) // CHECKED_FRAMES)
        axes = find_axes(self._stored_and_derived(frame_id) for frame_id in ids[::step][:CHECKED_FRAMES])
        log.info("%s: normals have axes %s (found by comparison with depth)", self.root, axes)
        return axes

    def _comparable_ids(self) -> list[str]:
        """Frames of all splits, so that every split finds the same axes."""
        needed = [(self.root / folder, self._suffixes[folder]) for folder in ("images", "depth", "normals")]
        listed = {frame_id for path in (self.root / "gt_sets").glob("*.txt") for frame_id in read_lines(path)}
        return [
            i for i in sorted(listed) if all((folder / f"{i}{suffix}").is_file() for folder, suffix in needed)
        ]

    def _stored_and_derived(self, frame_id: str) -> tuple[np.ndarray, np.ndarray]:
        height, width = read_image(self._path("images", frame_id)).shape[:2]
        depth, stored = (self._map(task, frame_id, (height, width)) for task in ("depth", "normals"))
        derived = derive_normals(depth, self.camera(width, height))
        rows, columns = (
            ((np.arange(n) + 0.5) * m / n).astype(int)
            for n, m in zip(derived.shape[:2], stored.shape[:2], strict=True)
        )
        return stored[rows][:, columns], derived


def split_ids(root: Path, split: str) -> list[str]:
    """Frame ids of a split (see `NYUD`). Raises InputError for an unknown one, or a frame in train and val."""
    split = RENAMED.get(split, split)
    if split in ("train", "val", FIT, DEV):
        require_disjoint(root / "gt_sets" / "train.txt", root / "gt_sets" / "val.txt")
    if split not in (FIT, DEV):
        path = root / "gt_sets" / f"{split}.txt"
        if not path.is_file():
            known = sorted(found.stem for found in (root / "gt_sets").glob("*.txt"))
            raise InputError(
                f"split {split!r}: {path} does not exist; choose {', '.join([*known, FIT, DEV])}"
            )
        return read_lines(path)
    ids = sorted(read_lines(root / "gt_sets" / "train.txt"))
    in_dev = (i // BLOCK % EVERY == EVERY - 1 for i in range(len(ids)))
    chosen = [frame_id for frame_id, is_dev in zip(ids, in_dev, strict=True) if is_dev == (split == DEV)]
    if not chosen:
        raise InputError(f"split {split!r}: {len(ids)} training frames are fewer than {BLOCK * EVERY}")
    return chosen


def read_semseg(path: Path) -> np.ndarray:
    """uint8 (H, W), 0..39 and 255, of a file with 1..40 and 0.

    Raises:
        InputError: missing, truncated, or a label above 40.
    """
    is_mat = path.suffix == ".mat"
    labels = _one_map(load_mat_array(path, "segmentation") if is_mat else read_image(path, mode=None), path)
    if labels.min() < 0 or labels.max() > len(NYUD_CLASSES):
        bad = labels.max() if labels.max() > len(NYUD_CLASSES) else labels.min()
        raise InputError(
            f"{path}: label {bad} is out of range; expected 0 (unlabelled) to {len(NYUD_CLASSES)}"
        )
    return _SHIFT[labels.astype(np.uint8)]


def read_depth(path: Path) -> np.ndarray:
    """float32 (h, w) metres; anything not finite or below 0 becomes 0 (invalid).

    Raises:
        InputError: missing, truncated, not one channel, or in another unit (see `mtcp.data.units`).
    """
    is_mat = path.suffix == ".mat"
    depth = valid_depth(_one_map(load_mat_array(path, "depth") if is_mat else read_npy(path), path))
    require_metres(depth, str(path))
    return depth


def read_normals(path: Path) -> np.ndarray:
    """float32 (h, w, 3) unit vectors in the file's own axes, zeros (invalid) where the file's are shorter than 1/2 or
    not finite.

    Raises:
        InputError: missing, truncated, not three channels, or floats beyond -1..1.
    """
    if path.suffix == ".npy":
        values = read_npy(path)
        if values.dtype.kind in "iu" and values.itemsize > 1:
            raise InputError(f"{path}: {values.dtype}; expected floats, int8 or uint8")
        scale = {"i": 127.0, "u": 127.5}.get(values.dtype.kind, 1.0)
        normals = values.astype(np.float32) / scale - (values.dtype.kind == "u")
    else:
        normals = read_image(path).astype(np.float32) / 127.5 - 1
    if normals.ndim != 3 or normals.shape[2] != 3 or not normals.size:
        raise InputError(f"{path}: shape {normals.shape}; expected (height, width, 3)")
    if not np.isfinite(normals).all():
        normals = np.where(np.isfinite(normals).all(axis=2, keepdims=True), normals, np.float32(0))
    with np.errstate(over="ignore"):
        squared = np.einsum("hwc,hwc->hw", normals, normals)
    if not squared.max() < 3.2:
        raise InputError(f"{path}: a normal of length {np.sqrt(squared.max()):.3g}; expected unit vectors")
    length = np.sqrt(squared)
    scale = np.divide(1, length, out=np.zeros_like(length), where=length > 0.5)
    return normals * scale[..., None]


def read_edge(path: Path) -> np.ndarray:
    """uint8 (H, W) 0/1, 255 = ignore (a .png has no ignored pixels).

    Raises:
        InputError: missing, truncated, or not one channel.
    """
    if path.suffix == ".png":
        values = read_image(path, mode="L")
        return (values > 127).astype(np.uint8)
    values = _one_map(read_npy(path), path)
    return np.where(values == IGNORE, IGNORE, values > 0).astype(np.uint8)


_READERS = {"semseg": read_semseg, "depth": read_depth, "normals": read_normals, "edge": read_edge}
_SHIFT = np.arange(-1, 255, dtype=np.int16).astype(np.uint8)  # 0 -> 255, k -> k - 1


def _one_map(values: np.ndarray, path: Path) -> np.ndarray:
    """The map (height, width), without a third axis of length 1."""
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.ndim != 2 or not values.size:
        raise InputError(f"{path}: shape {values.shape}; expected one map (height, width)")
    return values


def _read_meta(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    return parse_object(path, read_bytes(path))


def _camera(values: Any, path: Path) -> Camera:
    names = ("fx", "fy", "cx", "cy", "width", "height")
    try:
        return Camera(**{name: values[name] for name in names})
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        reason = f" ({error})" if isinstance(error, InputError) else ""
        raise InputError(f'{path}: "camera" needs {", ".join(names)} as numbers{reason}') from error
