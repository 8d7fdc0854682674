"""Room photos with pseudo-labels: 150 classes and depth up to a factor, to teach features before a real data set.

    images/NUMBER.jpg    photo, squashed to a square from its own shape
    labels/NUMBER.png    uint8 (192, 256): ADE20K's classes 1..150, 0 unlabelled
    depth/NUMBER.png     uint16 (48, 64): millimetres, right only up to a factor per photo; 0 unknown
    train.txt, val.txt   numbers, one a line
    places.json          what the folder is (`about`), and how many photos it has

`python -m mtcp data places` makes such folders (`mtcp.data.places_convert`). The labels are networks' answers: hints.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mtcp.data.files import common_suffix, read_image, read_lines, require_disjoint
from mtcp.data.resample import resample_image
from mtcp.data.sample import DataSet, Sample, camera_tensor, image_tensor
from mtcp.data.shapes import require_aspect
from mtcp.errors import InputError
from mtcp.geometry.camera import Camera
from mtcp.io.safe_read import parse_object, read_bytes
from mtcp.tasks import ADE_CLASSES, task_named, task_set

MARKER = "places.json"
PARTS = {"images": ".jpg", "labels": ".png", "depth": ".png"}
SIZE = (192, 256)
"""Height and width that a photo is stretched to: 4 to 3, the shape most photos had before they were squashed."""


def about() -> dict[str, Any]:
    """What `places.json` says of every such folder."""
    return {"format": "places", "version": 1, "classes": list(ADE_CLASSES)}


def require_places(root: Path) -> None:
    """Raises InputError where `places.json` is damaged, of another version or of other classes."""
    found = parse_object(root / MARKER, read_bytes(root / MARKER))
    for key, expected in about().items():
        if found.get(key) != expected:
            what = "not ADE20K's 150" if key == "classes" else f"{found.get(key)!r}, expected {expected!r}"
            raise InputError(
                f"{root / MARKER}: {key} {what[:60]}: make the folder anew with `mtcp data places`"
            )


def checked_labels(labels: np.ndarray, where: object) -> np.ndarray:
    """The stored labels, uint8 (h, w) of 0..150.

    Raises:
        InputError: of another type or shape, or a label beyond.
    """
    if labels.ndim != 2 or labels.dtype != np.uint8:
        raise InputError(f"{where}: {labels.dtype} {labels.shape}; expected one map of 8-bit labels")
    require_aspect(labels.shape, SIZE, where)
    if labels.max() > len(ADE_CLASSES):
        raise InputError(f"{where}: label {labels.max()} is out of range; expected 0..{len(ADE_CLASSES)}")
    return labels


def checked_depth(depth: np.ndarray, where: object) -> np.ndarray:
    """The stored depth, uint16 (h, w).

    Raises:
        InputError: of another type or shape.
    """
    if depth.ndim != 2 or depth.dtype not in (np.uint16, np.int32):  # which one is Pillow's choice
        raise InputError(f"{where}: {depth.dtype} {depth.shape}; expected 16-bit millimetres")
    require_aspect(depth.shape, SIZE, where)
    return depth


class Places(DataSet):
    """Room photos as `mtcp.data.sample` describes samples: image (3, 192, 256), semseg (192, 256), relative_depth
    (48, 64). The camera is a guess: 60 degrees horizontally.

    Args:
        root: a folder that `mtcp data places` made.
        split: "train", "val", or another list that the folder has.
        tasks: maps that samples hold, of semseg and relative_depth.

    Raises:
        InputError: a damaged or unfinished folder, an unknown split or task, a listed file that is missing.
    """

    def __init__(
        self, root: Path | str, split: str = "train", tasks: tuple[str, ...] = ("semseg", "relative_depth")
    ) -> None:
        self.root = Path(root)
        self.tasks = tuple(task.name for task in task_set("places", tuple(tasks)))
        self.split = split
        require_places(self.root)
        self.ids = self._split_ids()
        self._readers = {"semseg": self._semseg, "relative_depth": self._relative_depth}
        for folder, suffix in PARTS.items():
            common_suffix(self.root / folder, self.ids, (suffix,))

    def stored(self, index: int) -> Sample:
        """One sample with every map at its own size.

        Raises:
            InputError: a file that is truncated, or whose values or shape cannot be.
        """
        name = self.ids[index]
        photo = image_tensor(read_image(self.root / "images" / f"{name}.jpg"))
        camera = Camera.from_fov(SIZE[1], SIZE[0])
        sample: Sample = {"image": resample_image(photo, SIZE), "camera": camera_tensor(camera)}
        for task in self.tasks:
            sample[task] = task_named(task).target_of(self._readers[task](name))
        return sample

    def _split_ids(self) -> list[str]:
        path = self.root / f"{self.split}.txt"
        if not path.is_file():
            known = ", ".join(sorted(found.stem for found in self.root.glob("*.txt")))
            hint = f"choose from: {known}" if known else "run `mtcp data places` again, it has not finished"
            raise InputError(f"split {self.split!r}: {path} does not exist; {hint}")
        require_disjoint(self.root / "train.txt", self.root / "val.txt")
        return read_lines(path)

    def _semseg(self, name: str) -> np.ndarray:
        """uint8 (h, w), 0..149 and 255."""
        path = self.root / "labels" / f"{name}.png"
        return checked_labels(read_image(path, mode=None), path) - np.uint8(1)  # 0 wraps around to 255

    def _relative_depth(self, name: str) -> np.ndarray:
        """float32 (h, w), 0 unknown."""
        path = self.root / "depth" / f"{name}.png"
        return checked_depth(read_image(path, mode=None), path).astype(np.float32) / 1000
