"""Where NYU Depth v2 comes from: the official labelled `.mat`, or a plain folder of images, labels and depth.

Both give the same `Frame`; `mtcp.data.nyud_convert` turns frames into the NYUD_MT layout. Sources are small
and picklable, so that worker processes can hold their own; files are opened where they are read.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from mtcp.data.files import load_mat_array, open_hdf5, read_image, read_lines
from mtcp.errors import InputError
from mtcp.tasks import IGNORE, NYUD_CLASSES

CLASSES = len(NYUD_CLASSES)


@dataclass(frozen=True)
class Frame:
    """One frame as the converter needs it.

    Attributes:
        jpeg: the photo, JPEG bytes that are known to decode.
        labels: uint8 (H, W), 0 = unlabelled, 1..40 = class.
        depth: float32 (h, w) metres, 0 = invalid; may be smaller than the photo.
    """

    jpeg: bytes
    labels: np.ndarray
    depth: np.ndarray


class Source(Protocol):
    """What the converter asks of a source."""

    def describe(self) -> str:
        """A word for the kind of source, kept in `meta.json`."""

    def splits(self) -> dict[str, list[str]]:
        """Frame ids of "train" and "val" (the official test part), in the order given."""

    def read(self, frame_id: str) -> Frame:
        """One frame. Raises InputError naming the file that is missing, torn or out of range."""


@dataclass(frozen=True)
class FolderSource:
    """A plain folder: `images/ID.jpg`, `labels40/ID.png` (0..39, 255 = unlabelled), `depth/ID.png` (uint16
    millimetres, may be smaller than the photo), `train.txt`, `test.txt`.
    """

    root: Path

    def describe(self) -> str:
        return "folder"

    def splits(self) -> dict[str, list[str]]:
        for part in ("images", "labels40", "depth"):
            if not (self.root / part).is_dir():
                raise InputError(f"{self.root / part}: missing; a source holds images/, labels40/ and depth/")
        return {"train": read_lines(self.root / "train.txt"), "val": read_lines(self.root / "test.txt")}

    def read(self, frame_id: str) -> Frame:
        photo = self.root / "images" / f"{frame_id}.jpg"
        size = read_image(photo).shape[:2]
        labels_file = self.root / "labels40" / f"{frame_id}.png"
        labels = read_image(labels_file, mode=None)
        if labels.shape != size:
            raise InputError(f"{labels_file}: size {labels.shape}, but its photo has {size}")
        wrong = (labels >= CLASSES) & (labels != IGNORE)
        if wrong.any():
            worst = labels[wrong].max()
            raise InputError(f"{labels_file}: label {worst}; expected 0..{CLASSES - 1} or {IGNORE}")
        shifted = np.where(labels == IGNORE, 0, labels + 1).astype(np.uint8)
        depth_file = self.root / "depth" / f"{frame_id}.png"
        depth = read_image(depth_file, mode=None)
        if depth.ndim != 2 or depth.dtype == np.uint8:
            raise InputError(f"{depth_file}: {depth.dtype} {depth.shape}; expected 16-bit millimetres")
        return Frame(photo.read_bytes(), shifted, depth.astype(np.float32) / 1000)


@dataclass(frozen=True)
class MatSource:
    """The official `nyu_depth_v2_labeled.mat` (HDF5), `splits.mat` and the 894-to-40 class mapping.

    MATLAB stores arrays column first, so HDF5 shows them transposed: images (N, 3, W, H), depths and labels
    (N, W, H).
    """

    mat: Path
    splits_file: Path
    mapping_file: Path

    def describe(self) -> str:
        return "mat"

    def splits(self) -> dict[str, list[str]]:
        with self._open() as file:
            count = file["images"].shape[0]
        result = {}
        for split, name in (("train", "trainNdxs"), ("val", "testNdxs")):
            numbers = load_mat_array(self.splits_file, name).ravel().astype(int)
            if numbers.size and (numbers.min() < 1 or numbers.max() > count):
                bad = numbers[(numbers < 1) | (numbers > count)][0]
                raise InputError(f"{self.splits_file}: {name} has frame {bad}; {self.mat} has 1..{count}")
            result[split] = [f"{number:04d}" for number in numbers]
        self._mapping()
        return result

    def read(self, frame_id: str) -> Frame:
        index = int(frame_id) - 1
        with self._open() as file:
            try:
                image = file["images"][index].transpose(2, 1, 0)  # (H, W, 3)
                depth = file["depths"][index].T.astype(np.float32)  # (H, W)
                raw = file["labels"][index].T  # (H, W), 0..894
            except OSError as error:
                raise InputError(f"{self.mat}: frame {frame_id} is torn ({error})") from error
        mapping = self._mapping()
        last = len(mapping) - 1
        if raw.max() > last:
            raise InputError(
                f"{self.mat}: frame {frame_id}: label {raw.max()}; {self.mapping_file} ends at {last}"
            )
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(image)).save(buffer, "JPEG", quality=95, subsampling=0)
        return Frame(buffer.getvalue(), mapping[raw], np.nan_to_num(depth, posinf=0.0, neginf=0.0))

    def _open(self) -> Any:
        file = open_hdf5(self.mat)
        missing = [name for name in ("images", "depths", "labels") if name not in file]
        if missing:
            file.close()
            raise InputError(f"{self.mat}: no array {', '.join(missing)}; expected nyu_depth_v2_labeled.mat")
        return file

    def _mapping(self) -> np.ndarray:
        """uint8 (895,): class 1..40 of raw label i, 0 for unlabelled."""
        classes = load_mat_array(self.mapping_file, "mapClass").ravel().astype(int)
        if classes.size == 0 or classes.min() < 0 or classes.max() > CLASSES:
            worst = classes.max() if classes.size else "nothing"
            raise InputError(f"{self.mapping_file}: mapClass holds {worst}; expected classes 0..{CLASSES}")
        return np.concatenate([[0], classes]).astype(np.uint8)
