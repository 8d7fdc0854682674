"""Where NYU Depth v2 comes from: the official labelled `.mat`, or a plain folder of images, labels and depth.

Both give the same `Frame`; `mtcp.data.nyud_convert` turns frames into the NYUD_MT layout. Sources are small
and picklable, so that worker processes can hold their own; files are opened where they are read.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from mtcp.data.files import load_mat_array, open_hdf5, read_image, read_lines
from mtcp.data.nyud_labels import EXPECTED, SeenLabels, to_stored
from mtcp.data.shapes import require_aspect
from mtcp.data.units import require_metres, valid_depth
from mtcp.errors import InputError
from mtcp.io.photo import MAX_BYTES
from mtcp.io.safe_read import read_bytes
from mtcp.tasks import IGNORE


@dataclass(frozen=True)
class Frame:
    """One frame as the converter needs it.

    Attributes:
        jpeg: the photo, JPEG bytes that are known to decode.
        labels: uint8 (H, W), the photo's size; 0 = unlabelled, 1..40 = class.
        depth: float32 (h, w) metres, 0 = invalid; may be smaller than the photo, of its aspect.
    """

    jpeg: bytes
    labels: np.ndarray
    depth: np.ndarray


class Source(Protocol):
    """What the converter asks of a source."""

    @property
    def unlabelled(self) -> int | None:
        """The source's own value for "no label", 0 or 255; None until it is `settled`."""

    def describe(self) -> str:
        """A word for the kind of source, kept in `meta.json`."""

    def splits(self) -> dict[str, list[str]]:
        """Frame ids of "train" and "val" (the official test part), in the order given."""

    def settled(self, ids: Sequence[str]) -> Source:
        """The source with its label convention, for which all labels of the frames are looked through.

        Raises:
            InputError: a label of no convention, labels of two, arrays that do not belong together.
        """

    def read(self, frame_id: str) -> Frame:
        """One frame of a settled source.

        Raises:
            InputError: a file or array that is missing, truncated, out of range, of another shape or in another
                unit; it is named.
        """

    def fingerprint(self, frame_id: str) -> str:
        """What tells whether the frame, or how its labels are read, has changed.

        Raises:
            InputError: the frame is missing.
        """


@dataclass(frozen=True)
class FolderSource:
    """A plain folder: `images/ID.jpg`, `labels40/ID.png` (0..39, 255 = unlabelled; or 1..40, 0 = unlabelled),
    `depth/ID.png` (uint16 millimetres, may be smaller than the photo), `train.txt`, `test.txt`.

    unlabelled: 0 or 255; None to find it from the labels.
    """

    root: Path
    unlabelled: int | None = None

    def describe(self) -> str:
        return "folder"

    def splits(self) -> dict[str, list[str]]:
        for part in ("images", "labels40", "depth"):
            if not (self.root / part).is_dir():
                raise InputError(f"{self.root / part}: missing; a source holds images/, labels40/ and depth/")
        return {"train": read_lines(self.root / "train.txt"), "val": read_lines(self.root / "test.txt")}

    def settled(self, ids: Sequence[str]) -> FolderSource:
        seen = SeenLabels()
        for frame_id in ids:
            path = self._path("labels40", frame_id)
            try:
                labels = _label_map(path)
            except InputError:
                continue  # the frame fails by itself, in `read`
            seen.add(labels, str(path))
        found = seen.unlabelled(str(self.root / "labels40"), documented=IGNORE, declared=self.unlabelled)
        return dataclasses.replace(self, unlabelled=found)

    def read(self, frame_id: str) -> Frame:
        photo, labels_file, depth_file = (self._path(part, frame_id) for part in _SUFFIXES)
        size = read_image(photo).shape[:2]
        labels = _label_map(labels_file)
        if labels.shape != size:
            require_aspect(labels.shape, size, labels_file)
            raise InputError(f"{labels_file}: size {labels.shape}, but its photo has {size}")
        depth = read_image(depth_file, mode=None)
        if depth.ndim != 2 or depth.dtype == np.uint8:
            raise InputError(f"{depth_file}: {depth.dtype} {depth.shape}; expected 16-bit millimetres")
        require_aspect(depth.shape, size, depth_file)
        metres = valid_depth(depth.astype(np.float32) / 1000)
        require_metres(metres, f"{depth_file}, read as millimetres")
        return Frame(read_bytes(photo, MAX_BYTES), to_stored(labels, _known(self.unlabelled)), metres)

    def fingerprint(self, frame_id: str) -> str:
        digest = hashlib.sha256(f"unlabelled {self.unlabelled}".encode())
        for part in _SUFFIXES:
            digest.update(hashlib.sha256(read_bytes(self._path(part, frame_id), MAX_BYTES)).digest())
        return digest.hexdigest()

    def _path(self, part: str, frame_id: str) -> Path:
        return self.root / part / f"{frame_id}{_SUFFIXES[part]}"


_SUFFIXES = {"images": ".jpg", "labels40": ".png", "depth": ".png"}


def _label_map(path: Path) -> np.ndarray:
    labels = read_image(path, mode=None)
    if labels.ndim != 2:
        raise InputError(f"{path}: shape {labels.shape}; expected one map of labels")
    return labels


def _known(unlabelled: int | None) -> int:
    if unlabelled is None:
        raise InputError("the label convention is not known: settle the source first")
    return unlabelled


@dataclass(frozen=True)
class MatSource:
    """The official `nyu_depth_v2_labeled.mat` (HDF5), `splits.mat` and the 894-to-40 class mapping.

    MATLAB stores arrays column first, so HDF5 shows them transposed: images (N, 3, W, H), depths and labels
    (N, W, H). Raw label 0 is unlabelled. The mapping's classes may be 1..40 or 0..39; `unlabelled` is the value
    in it for no class.
    """

    mat: Path
    splits_file: Path
    mapping_file: Path
    unlabelled: int | None = None

    def describe(self) -> str:
        return "mat"

    def splits(self) -> dict[str, list[str]]:
        with self._open() as file:
            count = file["images"].shape[0]
        result = {}
        for split, name in (("train", "trainNdxs"), ("val", "testNdxs")):
            numbers = load_mat_array(self.splits_file, name).ravel().astype(np.float64)
            if not numbers.size:
                raise InputError(f"{self.splits_file}: {name} is empty")
            wrong = ~((numbers >= 1) & (numbers <= count) & (numbers == np.floor(numbers)))
            if wrong.any():
                raise InputError(
                    f"{self.splits_file}: {name} has frame {numbers[wrong][0]:g}; {self.mat} has 1..{count}"
                )
            found, times = np.unique(numbers, return_counts=True)
            if (times > 1).any():
                raise InputError(f"{self.splits_file}: {name} has frame {found[times > 1][0]:g} twice")
            result[split] = [f"{int(number):04d}" for number in numbers]
        return result

    def settled(self, ids: Sequence[str]) -> MatSource:
        classes = self._classes()
        seen = SeenLabels()
        seen.add(classes, f"{self.mapping_file}: mapClass")
        # all 894 names have a class, so a 0 among them is one, unless there is a 40
        documented = IGNORE if 0 in seen.where else 0
        found = seen.unlabelled(f"{self.mapping_file}: mapClass", documented, self.unlabelled)
        with self._open() as file:
            for frame_id in ids:
                self._raw_labels(file, frame_id, last=len(classes))
        return dataclasses.replace(self, unlabelled=found)

    def read(self, frame_id: str) -> Frame:
        index = int(frame_id) - 1
        mapping = np.concatenate([[0], to_stored(self._classes(), _known(self.unlabelled))]).astype(np.uint8)
        with self._open() as file:
            raw = self._raw_labels(file, frame_id, last=len(mapping) - 1)
            try:
                image = file["images"][index].transpose(2, 1, 0)  # (H, W, 3)
                depth = valid_depth(file["depths"][index].T)  # (H, W)
            except OSError as error:
                raise InputError(f"{self.mat}: frame {frame_id} is truncated ({error})") from error
        require_metres(depth, f"{self.mat}: frame {frame_id}")
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(image)).save(buffer, "JPEG", quality=95, subsampling=0)
        return Frame(buffer.getvalue(), mapping[raw], depth)

    def fingerprint(self, frame_id: str) -> str:
        """By the .mat's size and time: its content is 3 GB. The mapping counts by content."""
        about = self.mat.stat()
        digest = hashlib.sha256(f"{about.st_size} {about.st_mtime_ns} {self.unlabelled} {frame_id}".encode())
        digest.update(self._classes().tobytes())
        return digest.hexdigest()

    def _open(self) -> Any:
        file = open_hdf5(self.mat)
        try:
            self._check_arrays(file)
        except InputError:
            file.close()
            raise
        return file

    def _check_arrays(self, file: Any) -> None:
        """One line for arrays that are missing or whose axes are not MATLAB's, before a frame is read."""
        kinds = {"images": "u", "depths": "fiu", "labels": "iu"}
        missing = [name for name in kinds if name not in file]
        if missing:
            raise InputError(f"{self.mat}: no array {', '.join(missing)}; expected nyu_depth_v2_labeled.mat")
        shapes = {name: tuple(getattr(file[name], "shape", ())) for name in kinds}
        found = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        images, depths, labels = shapes.values()
        right = len(images) == 4 and images[1] == 3 and labels == (images[0], *images[2:])
        if not right or len(depths) != 3 or depths[0] != images[0]:
            raise InputError(
                f"{self.mat}: {found}; expected MATLAB's axes as HDF5 shows them: images (N, 3, W, H), "
                "depths and labels (N, W, H)"
            )
        require_aspect(depths[:0:-1], images[:1:-1], f"{self.mat}: depths")
        for name, kind in kinds.items():
            dtype = file[name].dtype
            if dtype.kind not in kind or (name == "images" and dtype != np.uint8):
                raise InputError(
                    f"{self.mat}: {name} holds {dtype}; expected uint8 images, whole-number labels"
                )

    def _raw_labels(self, file: Any, frame_id: str, last: int) -> np.ndarray:
        """Whole numbers (H, W), 0..last."""
        try:
            raw = file["labels"][int(frame_id) - 1].T
        except OSError as error:
            raise InputError(f"{self.mat}: frame {frame_id} is truncated ({error})") from error
        if raw.min() < 0 or raw.max() > last:
            bad = raw.max() if raw.max() > last else raw.min()
            raise InputError(
                f"{self.mat}: frame {frame_id}: label {bad}; {self.mapping_file} has names 1..{last}, 0 is none"
            )
        return raw

    def _classes(self) -> np.ndarray:
        """int64 (894,): class of each raw label from 1, in the mapping's own convention."""
        classes = load_mat_array(self.mapping_file, "mapClass").ravel().astype(np.float64)
        if not classes.size or (classes != np.floor(classes)).any():
            raise InputError(f"{self.mapping_file}: mapClass holds no classes; expected {EXPECTED}")
        return classes.astype(np.int64)
