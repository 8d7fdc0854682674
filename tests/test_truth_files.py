"""Depth, normals and labels of one's own photo, from files: what they are taken for, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake_predictor import room
from PIL import Image

from mtcp.errors import InputError
from mtcp.evaluation.truth_files import TrueMap, read_true_map, truth_of_maps
from mtcp.geometry.camera import Camera
from mtcp.geometry.normals import angle_deg
from mtcp.tasks import NYUD_CLASSES

H, W = 48, 64
CAMERA = Camera.from_fov(W, H)
MAPS = room(H, W, window=0.25, far=3.2)


def npy(folder: Path, name: str, values: np.ndarray) -> Path:
    np.save(folder / name, values)
    return folder / name


def png(folder: Path, name: str, values: np.ndarray, mode: str | None = None) -> Path:
    Image.fromarray(values).convert(mode).save(folder / name) if mode else Image.fromarray(values).save(
        folder / name
    )
    return folder / name


def read(path: Path, photo: tuple[int, int] = (H, W), classes: tuple[str, ...] = NYUD_CLASSES) -> TrueMap:
    return read_true_map(path, photo, CAMERA, classes)


def test_depth_is_millimetres_in_a_png_and_metres_in_an_npy(tmp_path: Path) -> None:
    depth = MAPS["depth"].copy()
    depth[0, 0] = 0
    stored = png(tmp_path, "depth.png", np.rint(1000 * depth).astype(np.uint16))
    for path in (
        stored,
        npy(tmp_path, "depth.npy", depth),
        npy(tmp_path, "deep.npy", depth[..., None].astype(float)),
    ):
        found = read(path)
        assert (found.name, found.task) == (path.name, "depth")
        assert np.allclose(found.values, depth, atol=6e-4)


def test_normals_and_labels_are_told_by_what_is_in_the_file(tmp_path: Path) -> None:
    labels = MAPS["semseg"].copy()
    labels[0] = 255
    palette = Image.fromarray(labels, "P")
    palette.putpalette([v for k in range(256) for v in (k, 0, 255 - k)])
    palette.save(tmp_path / "coloured.png")
    for path in (
        png(tmp_path, "labels.png", labels),
        tmp_path / "coloured.png",
        npy(tmp_path, "labels.npy", labels.astype(np.int64)),
    ):
        found = read(path)
        assert found.task == "semseg" and found.values.dtype == np.uint8
        assert np.array_equal(found.values, labels)
    normals = read(npy(tmp_path, "n.npy", MAPS["normals"].astype(np.float64) * 1.001))
    assert normals.task == "normals"
    assert np.allclose(normals.values, MAPS["normals"], atol=1e-5)


def test_maps_of_another_size_are_brought_to_the_photo(tmp_path: Path) -> None:
    large = room(3 * H, 3 * W, window=0.25, far=3.2)
    found = [read(npy(tmp_path, f"{name}.npy", large[name])) for name in ("depth", "normals", "semseg")]
    truth = truth_of_maps(found, CAMERA, NYUD_CLASSES)
    assert truth.size == (H, W) and not truth.calibrated and truth.classes == NYUD_CLASSES
    assert np.abs(truth.maps["depth"] - MAPS["depth"]).max() < 0.06
    assert (truth.maps["semseg"] == MAPS["semseg"]).mean() > 0.98
    assert truth.source == "your depth.npy, normals.npy, semseg.npy"


def test_depth_alone_has_normals_by_plane_fit(tmp_path: Path) -> None:
    x, y = CAMERA.axes()
    normal = np.array((0.3, -0.5, -1.0)) / np.linalg.norm((0.3, -0.5, -1.0))
    depth = -2.0 / (normal[0] * x[None] + normal[1] * y[:, None] + normal[2])
    truth = truth_of_maps([read(npy(tmp_path, "d.npy", depth))], CAMERA, NYUD_CLASSES)
    inside = truth.maps["normals"][4:-4, 4:-4]
    assert np.abs(angle_deg(inside, np.broadcast_to(normal.astype(np.float32), inside.shape))).max() < 1
    assert "plane fit" in truth.source and truth.classes == ()


def test_the_last_map_of_a_task_counts(tmp_path: Path) -> None:
    both = [read(npy(tmp_path, f"{k}.npy", MAPS["depth"] + k)) for k in (0, 1)]
    truth = truth_of_maps(both, CAMERA, ())
    assert np.allclose(truth.maps["depth"], MAPS["depth"] + 1) and truth.source.startswith("your 1.npy;")


REFUSED = {
    "other aspect": (
        "d.npy",
        MAPS["depth"][:, :40],
        r"d\.npy: 48x40 \(height x width\) for a photo of 48x64",
    ),
    "on its side": ("d.npy", MAPS["depth"].T, "64x48 .*for a photo of 48x64; rows and columns are swapped"),
    "zeros": ("d.npy", np.zeros((H, W), np.float32), "all 3072 depths are 0 or no number"),
    "not numbers": ("d.npy", np.full((H, W), np.nan), "all 3072 depths are 0 or no number"),
    "millimetres": ("d.npy", 1000 * MAPS["depth"], "the median depth is 3200 m.*Divide by 1000"),
    "complex": ("d.npy", MAPS["depth"].astype(complex), "complex128"),
    "no labels": ("l.npy", np.full((H, W), 255, np.uint8), "all 3072 labels are 255"),
    "label out of range": (
        "l.npy",
        MAPS["semseg"] + np.uint8(57),
        r"label \d\d is out of range.* 40 classes are 0 to 39",
    ),
    "labels from 1": ("l.npy", np.full((H, W), 40, np.uint8), "label 40 is out of range.*Subtract 1"),
    "negative": ("l.npy", np.full((H, W), -3), "label -3 is out of range"),
    "whole millimetres": (
        "l.npy",
        np.full((H, W), 3200),
        "label 3200 .*Depth. As NPY it is floats in metres",
    ),
    "zero normals": ("n.npy", np.zeros((H, W, 3)), r"all 3072 normals are \(0, 0, 0\)"),
    "long normals": ("n.npy", 3 * MAPS["normals"], "a normal of length 3; expected unit vectors"),
    "away": ("n.npy", -MAPS["normals"], "100 % of the normals face away.*x right, y down, z forward"),
    "bytes": ("n.npy", np.full((H, W, 3), 127, np.uint8), "uint8 of shape .48, 64, 3.; normals are floats"),
    "channels": ("d.npy", np.ones((H, W, 2)), r"float64 of shape \(48, 64, 2\); depth is a 16-bit"),
    "empty": ("d.npy", np.ones((0, W)), r"shape \(0, 64\)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_arrays_are_told_with_their_value(tmp_path: Path, case: str) -> None:
    name, values, message = REFUSED[case]
    with pytest.raises(InputError, match=message) as caught:
        read(npy(tmp_path, name, values))
    assert str(caught.value).startswith(name) and str(tmp_path) not in str(caught.value)


def test_bad_files_are_told_without_their_folder(tmp_path: Path) -> None:
    png(tmp_path, "rgb.png", np.full((H, W, 3), 9, np.uint8))
    png(tmp_path, "small.png", np.full((20, 64), 1000, np.uint16))
    Image.fromarray(MAPS["semseg"]).save(tmp_path / "labels.jpg")
    intact = png(tmp_path, "torn.png", np.full((H, W), 1000, np.uint16)).read_bytes()
    (tmp_path / "torn.png").write_bytes(intact[: len(intact) // 2])
    content = npy(tmp_path, "torn.npy", MAPS["depth"]).read_bytes()
    (tmp_path / "torn.npy").write_bytes(content[:300])
    (tmp_path / "empty.npy").write_bytes(b"")
    for name, message in {
        "rgb.png": r"uint8 of shape \(48, 64, 3\); depth is a 16-bit grey PNG",
        "small.png": "20x64 .*for a photo of 48x64",
        "labels.jpg": "neither PNG nor NPY",
        "torn.png": "truncated",
        "torn.npy": "truncated",
        "empty.npy": "neither PNG nor NPY",
        "none.npy": "no such file",
    }.items():
        with pytest.raises(InputError, match=message) as caught:
            read(tmp_path / name)
        assert str(caught.value).startswith(name) and str(tmp_path) not in str(caught.value), str(
            caught.value
        )


def test_labels_need_a_network_with_classes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this network predicts no classes"):
        read(npy(tmp_path, "l.npy", MAPS["semseg"]), classes=())
