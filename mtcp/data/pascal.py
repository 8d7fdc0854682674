"""PASCAL-Context with five tasks, in the PASCAL_MT folder layout of ASTMT, MTI-Net, ATRC and InvPT.

    JPEGImages/ID.jpg              photo
    semseg/VOC12/ID.png            0..20, 255 = ignore; where there is none, semseg/pascal-context/ID.png
    human_parts/ID.mat             PASCAL-Part annotation ("anno")
    sal_distill/ID.png             saliency of a network, over 127 is salient
    normals_distill/ID.png         normals of a network, 2 v / 255 - 1
    pascal-context/trainval/ID.mat "LabelMap" of 459 classes: edges, and where normals are valid
    ImageSets/Context/{train,val}.txt

The normals were distilled from a network trained on NYU Depth v2, so only pixels of classes that NYU has
too are valid. Nothing in the folder tells their axes: x left, y up, z towards the camera is assumed, the
convention of the NYU normals that such networks learned; pass `normals_axes` if your copy differs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mtcp.data.axes import parse_axes
from mtcp.data.derive import semantic_edges
from mtcp.data.files import (
    common_suffix,
    load_mat,
    load_mat_array,
    read_image,
    read_lines,
    require_disjoint,
)
from mtcp.data.nyud import read_normals
from mtcp.data.sample import DataSet, Sample, camera_tensor, image_tensor
from mtcp.data.shapes import is_swapped
from mtcp.errors import InputError
from mtcp.geometry.camera import Camera
from mtcp.tasks import IGNORE, PASCAL_CLASSES, task_named, task_set

NORMALS_AXES = "-x-y-z"
PERSON = 15  # PASCAL VOC's number
FOLDERS = {
    "semseg": "semseg",
    "human_parts": "human_parts",
    "saliency": "sal_distill",
    "normals": "normals_distill",
    "edge": "pascal-context",
}
"""Where each task's maps are."""
UNLABELLED = -1  # no pixel of a LabelMap is

PARTS: dict[str, int] = {
    **dict.fromkeys(("hair", "head", "lear", "rear", "leye", "reye", "lebrow", "rebrow", "nose", "mouth"), 1),
    **dict.fromkeys(("neck", "torso"), 2),
    **dict.fromkeys(("luarm", "ruarm"), 3),
    **dict.fromkeys(("llarm", "rlarm", "lhand", "rhand"), 4),
    **dict.fromkeys(("luleg", "ruleg"), 5),
    **dict.fromkeys(("llleg", "rlleg", "lfoot", "rfoot"), 6),
}
"""The 24 parts of PASCAL-Part as head, torso, upper arm, lower arm, upper leg, lower leg."""

# PASCAL-Context's numbers of the classes whose names are among NYU's 894, and of tvmonitor
# fmt: off
NORMALS_CLASSES = (
    3, 4, 6, 9, 10, 11, 13, 15, 17, 18, 22, 23, 29, 30, 33, 34, 36, 37, 38, 39, 41, 43, 46, 49, 50, 51,
    53, 55, 56, 59, 61, 62, 65, 66, 68, 69, 72, 73, 78, 83, 84, 85, 87, 88, 95, 96, 101, 104, 105, 107,
    111, 113, 115, 122, 124, 135, 141, 142, 143, 146, 150, 154, 157, 158, 159, 165, 172, 174, 181, 183,
    184, 191, 193, 195, 197, 199, 202, 213, 215, 216, 219, 220, 223, 225, 228, 230, 232, 233, 238, 239,
    242, 243, 246, 250, 251, 252, 255, 260, 261, 263, 269, 272, 273, 275, 281, 283, 284, 285, 286, 287,
    288, 290, 291, 292, 293, 295, 304, 307, 309, 310, 314, 315, 319, 323, 329, 330, 331, 336, 342, 345,
    349, 350, 351, 352, 355, 357, 368, 370, 371, 374, 379, 380, 383, 384, 397, 401, 403, 405, 407, 408,
    411, 412, 413, 414, 417, 419, 421, 423, 427, 429, 430, 432, 440, 441, 442, 443, 444, 446, 454, 457,
)
# fmt: on


class PASCAL(DataSet):
    """PASCAL-Context as `mtcp.data.sample` describes samples. The camera is a guess: 60 degrees horizontally.

    Args:
        root: folder in the PASCAL_MT layout.
        split: "train", "val" or another list in ImageSets/Context/.
        tasks: maps that samples hold, of semseg, human_parts, saliency, normals, edge.
        normals_axes: which channels of normals_distill/, with which signs, are x right, y down, z forward.

    Raises:
        InputError: unknown split, task or axes, a frame in both train and val, a listed file that is missing.
    """

    def __init__(
        self,
        root: Path | str,
        split: str = "train",
        tasks: tuple[str, ...] = ("semseg", "human_parts", "saliency", "normals", "edge"),
        normals_axes: str = NORMALS_AXES,
    ) -> None:
        self.root = Path(root)
        self.tasks = tuple(task.name for task in task_set("pascal", tuple(tasks)))
        self.split = split
        self.axes = parse_axes(normals_axes)
        self.ids = self._split_ids()
        self._readers = {
            "semseg": self._semseg,
            "human_parts": self._human_parts,
            "saliency": self._saliency,
            "normals": self._normals,
            "edge": self._edge,
        }
        self._check_files()

    def stored(self, index: int) -> Sample:
        """One sample with every map at its own size.

        Raises:
            InputError: a file that is truncated, out of range or lies on its side.
        """
        name = self.ids[index]
        image = read_image(self.root / "JPEGImages" / f"{name}.jpg")
        height, width = image.shape[:2]
        camera = Camera.from_fov(width, height)
        sample: Sample = {"image": image_tensor(image), "camera": camera_tensor(camera)}
        for task in self.tasks:
            sample[task] = task_named(task).target_of(self._readers[task](name))
            self._require_upright(task, sample[task].shape[-2:], name, (height, width))
        return sample

    def _require_upright(self, what: str, found: tuple[int, ...], name: str, size: tuple[int, ...]) -> None:
        """No more than lying on its side is refused: the published readers stretch maps of other sizes."""
        if is_swapped(found, size):
            raise InputError(f"{self.root}: {name}: rows and columns of {what} are swapped")

    def _split_ids(self) -> list[str]:
        path = self.root / "ImageSets" / "Context" / f"{self.split}.txt"
        if not path.is_file():
            known = ", ".join(sorted(found.stem for found in path.parent.glob("*.txt"))) or "none is there"
            raise InputError(f"split {self.split!r}: {path} does not exist; choose from: {known}")
        if self.split in ("train", "val"):
            require_disjoint(path.with_name("train.txt"), path.with_name("val.txt"))
        return read_lines(path)

    def _check_files(self) -> None:
        needed = {("JPEGImages", ".jpg")}
        folders = {
            "human_parts": [("human_parts", ".mat")],
            "saliency": [("sal_distill", ".png")],
            "normals": [("normals_distill", ".png"), ("pascal-context/trainval", ".mat")],
            "edge": [("pascal-context/trainval", ".mat")],
        }
        for task in self.tasks:
            needed.update(folders.get(task, []))
        for folder, suffix in sorted(needed):
            common_suffix(self.root / folder, self.ids, (suffix,))

    def _semseg(self, name: str) -> np.ndarray:
        """uint8 (H, W), 0..20 and 255."""
        path = self.root / "semseg" / "VOC12" / f"{name}.png"
        if not path.is_file():
            path = self.root / "semseg" / "pascal-context" / f"{name}.png"
        labels = read_image(path, mode=None)
        if labels.ndim != 2:
            raise InputError(f"{path}: shape {labels.shape}; expected one map of labels")
        wrong = (labels >= len(PASCAL_CLASSES)) & (labels != IGNORE)
        if wrong.any():
            last = len(PASCAL_CLASSES) - 1
            raise InputError(
                f"{path}: label {labels[wrong].max()} is out of range; expected 0..{last} or {IGNORE}"
            )
        return labels.astype(np.uint8)

    def _human_parts(self, name: str) -> np.ndarray:
        """uint8 (H, W), 0..6; all ignored, as published, where no person has parts (then 1 x 1)."""
        path = self.root / "human_parts" / f"{name}.mat"
        mat = load_mat(path, struct_as_record=False, squeeze_me=True)
        try:
            people = [o for o in np.atleast_1d(mat["anno"].objects) if int(o.class_ind) == PERSON]
            parts = [part for person in people for part in np.atleast_1d(person.parts)]
            return _painted([(str(part.part_name), np.asarray(part.mask)) for part in parts], path)
        except (KeyError, AttributeError) as error:
            raise InputError(f"{path}: not a PASCAL-Part annotation ({error})") from error

    def _saliency(self, name: str) -> np.ndarray:
        """uint8 (H, W) 0/1."""
        return (read_image(self.root / "sal_distill" / f"{name}.png", mode="L") > 127).astype(np.uint8)

    def _edge(self, name: str) -> np.ndarray:
        """uint8 (H, W) 0/1: borders between the 459 classes."""
        return semantic_edges(self._label_map(name), unlabelled=UNLABELLED)

    def _normals(self, name: str) -> np.ndarray:
        """float32 (H, W, 3) in our axes, zeros on classes that the distilled network never saw."""
        normals = self.axes.apply(read_normals(self.root / "normals_distill" / f"{name}.png"))
        labels = self._label_map(name)
        self._require_upright("LabelMap", labels.shape, name, normals.shape[:2])
        rows, columns = (
            ((np.arange(n) + 0.5) * m / n).astype(int)
            for n, m in zip(normals.shape[:2], labels.shape, strict=True)
        )
        return normals * np.isin(labels[rows][:, columns], NORMALS_CLASSES)[..., None]

    def _label_map(self, name: str) -> np.ndarray:
        return load_mat_array(self.root / "pascal-context" / "trainval" / f"{name}.mat", "LabelMap").astype(
            int
        )


def _painted(parts: list[tuple[str, Any]], path: Path) -> np.ndarray:
    if not parts:
        return np.full((1, 1), IGNORE, np.uint8)
    labels = np.zeros(parts[0][1].shape, np.uint8)
    for part_name, mask in parts:
        if part_name not in PARTS:
            raise InputError(f"{path}: unknown human part {part_name!r}; known: {', '.join(sorted(PARTS))}")
        labels[mask.astype(bool)] = PARTS[part_name]
    return labels
