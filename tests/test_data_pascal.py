"""The PASCAL_MT reader on a made miniature with the published folder structure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from data_made import photo, save_image, write_lines
from scipy.io import savemat

from mtcp.data import open_data
from mtcp.data.pascal import PASCAL
from mtcp.errors import InputError
from mtcp.tasks import task_set

H, W = 30, 40
PERSON_ID, SKY = 284, 360


def mask(rows: slice, columns: slice) -> np.ndarray:
    result = np.zeros((H, W), np.uint8)
    result[rows, columns] = 1
    return result


def struct_array(items: list[dict[str, Any]]) -> np.ndarray:
    """A 1 x n MATLAB struct array."""
    result = np.zeros((1, len(items)), dtype=[(name, object) for name in items[0]])
    for i, item in enumerate(items):
        for name, value in item.items():
            result[0, i][name] = value
    return result


def save_parts(path: Path, objects: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    anno = struct_array([{"imname": path.stem, "objects": struct_array(objects)}])
    savemat(path, {"anno": anno})


def person(*parts: tuple[str, np.ndarray]) -> dict[str, Any]:
    made = struct_array([{"part_name": name, "mask": m} for name, m in parts]) if parts else np.zeros((0, 0))
    return {"class": "person", "class_ind": 15, "mask": mask(slice(0, 20), slice(0, 20)), "parts": made}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two images: one with two people, one with a dog alone, whose labels are only in pascal-context."""
    for name in ("2008_000002", "2008_000008"):
        save_image(tmp_path / "JPEGImages" / f"{name}.jpg", photo(H, W))
        context = np.full((H, W), SKY, np.uint16)
        context[:, 20:] = PERSON_ID
        (tmp_path / "pascal-context" / "trainval").mkdir(parents=True, exist_ok=True)
        savemat(tmp_path / "pascal-context" / "trainval" / f"{name}.mat", {"LabelMap": context})
        normals = np.full((H, W, 3), 127, np.uint8)
        normals[..., 0], normals[..., 2] = 255, 127  # x in the file's axes
        save_image(tmp_path / "normals_distill" / f"{name}.png", normals)
        save_image(tmp_path / "sal_distill" / f"{name}.png", mask(slice(5, 9), slice(5, 9)) * 200)
    semseg = np.zeros((H, W), np.uint8)
    semseg[:, 20:], semseg[0] = 15, 255
    save_image(tmp_path / "semseg" / "VOC12" / "2008_000002.png", semseg)
    save_image(tmp_path / "semseg" / "pascal-context" / "2008_000002.png", np.full((H, W), 3, np.uint8))
    save_image(tmp_path / "semseg" / "pascal-context" / "2008_000008.png", np.full((H, W), 12, np.uint8))
    head, foot = mask(slice(0, 4), slice(0, 4)), mask(slice(9, 12), slice(0, 4))
    arm = mask(slice(20, 25), slice(30, 35))
    save_parts(
        tmp_path / "human_parts" / "2008_000002.mat",
        [person(("head", head), ("lfoot", foot)), person(("ruarm", arm)), person()],
    )
    dog = {**person(("head", head)), "class": "dog", "class_ind": 12}
    save_parts(tmp_path / "human_parts" / "2008_000008.mat", [dog])
    write_lines(tmp_path / "ImageSets" / "Context" / "train.txt", ["2008_000002"])
    write_lines(tmp_path / "ImageSets" / "Context" / "val.txt", ["2008_000008"])
    return tmp_path


def test_reads_all_tasks(root: Path) -> None:
    tasks = tuple(task.name for task in task_set("pascal"))
    sample = PASCAL(root, "train", tasks)[0]
    assert set(sample) == {"image", "camera", *tasks}
    for name in ("semseg", "human_parts", "saliency", "edge"):
        assert (sample[name].dtype, tuple(sample[name].shape)) == (torch.uint8, (H, W))
    assert sample["semseg"][0].unique().tolist() == [255]
    assert sample["semseg"][5, [0, 39]].tolist() == [0, 15]  # VOC12 goes before pascal-context
    parts = sample["human_parts"]
    assert (parts[1, 1], parts[10, 1], parts[22, 32], parts[15, 15]) == (1, 6, 3, 0)
    assert sample["saliency"].sum() == 16
    assert sample["edge"].sum() == H and sample["edge"][:, 19].eq(1).all()
    assert sample["camera"].tolist() == pytest.approx(
        [W / 2 / np.tan(np.pi / 6)] * 2 + [W / 2, H / 2], rel=1e-5
    )


def test_normals_only_of_classes_the_network_knew(root: Path) -> None:
    normals = PASCAL(root, "train", ("normals",))[0]["normals"]
    assert not normals[:, :, :20].any()  # sky
    assert torch.allclose(normals[:, :, 20:], torch.tensor([-1.0, 0, 0]).view(3, 1, 1), atol=0.01)
    other = PASCAL(root, "train", ("normals",), normals_axes="+x+y+z")[0]["normals"]
    assert torch.allclose(other, -normals)


def test_images_without_people_are_ignored(root: Path) -> None:
    sample = PASCAL(root, "val", ("human_parts", "semseg"))[0]
    assert sample["human_parts"].shape == (H, W) and sample["human_parts"].unique().tolist() == [255]
    assert sample["semseg"].unique().tolist() == [12]


def test_problems_are_named(root: Path) -> None:
    with pytest.raises(InputError, match=r"'tset'.*train, val"):
        PASCAL(root, "tset")
    with pytest.raises(InputError, match="depth"):
        PASCAL(root, "train", ("depth",))
    save_image(root / "semseg" / "VOC12" / "2008_000002.png", np.full((H, W), 21, np.uint8))
    with pytest.raises(InputError, match=r"2008_000002\.png: label 21"):
        PASCAL(root, "train", ("semseg",))[0]
    save_parts(root / "human_parts" / "2008_000002.mat", [person(("tail", mask(slice(0, 2), slice(0, 2))))])
    with pytest.raises(InputError, match=r"2008_000002\.mat: unknown human part 'tail'"):
        PASCAL(root, "train", ("human_parts",))[0]
    (root / "human_parts" / "2008_000002.mat").write_bytes(b"MATLAB 5.0 MAT-file" + b" " * 200)
    with pytest.raises(InputError, match=r"2008_000002\.mat: truncated"):
        PASCAL(root, "train", ("human_parts",))[0]
    (root / "sal_distill" / "2008_000002.png").unlink()
    with pytest.raises(InputError, match="sal_distill"):
        PASCAL(root, "train", ("saliency",))


def test_a_map_on_its_side_is_refused(root: Path) -> None:
    save_image(root / "sal_distill" / "2008_000002.png", np.zeros((W, H), np.uint8))
    with pytest.raises(InputError, match="2008_000002: rows and columns of saliency are swapped"):
        PASCAL(root, "train", ("saliency",))[0]
    save_image(root / "sal_distill" / "2008_000002.png", np.zeros((H // 2, W // 2), np.uint8))
    savemat(
        root / "pascal-context" / "trainval" / "2008_000002.mat", {"LabelMap": np.zeros((W, H), np.uint16)}
    )
    for task in ("normals", "edge"):
        with pytest.raises(InputError, match=r"2008_000002: rows and columns of .* are swapped"):
            PASCAL(root, "train", (task,))[0]
    assert PASCAL(root, "train", ("saliency",))[0]["saliency"].shape == (H, W)


def test_an_image_in_train_and_val_is_refused(root: Path) -> None:
    write_lines(root / "ImageSets" / "Context" / "val.txt", ["2008_000002", "2008_000008"])
    for split in ("train", "val"):
        with pytest.raises(InputError, match="'2008_000002' is in"):
            PASCAL(root, split, ("semseg",))


def test_opens_by_its_folder(root: Path) -> None:
    assert isinstance(open_data(root, "val", ("semseg",)), PASCAL)
