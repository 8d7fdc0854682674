"""The NYUD_MT reader: ours, and the folders of the community that tell nothing about themselves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from data_made import labels, photo, plane_depth, save_array, save_image, tear, write_lines

from mtcp.data import open_data
from mtcp.data.axes import find_axes, parse_axes
from mtcp.data.cache import Cached
from mtcp.data.files import read_lines
from mtcp.data.nyud import BLOCK, NYUD, read_depth, read_edge, read_normals, read_semseg
from mtcp.data.shapes import is_swapped, require_aspect
from mtcp.data.units import require_metres
from mtcp.errors import InputError
from mtcp.geometry.camera import NYUV2, Camera

H, W = 48, 64
CAMERA = NYUV2.resize(W, H)
NORMALS = [(0.5, -0.1, -0.8), (-0.4, -0.5, -0.7), (0.1, 0.6, -0.7), (-0.3, 0.2, -0.9)]


def made(root: Path, axes: str = "+x+y+z", pictures: bool = False, size: tuple[int, int] = (H, W)) -> Path:
    """Four frames without meta.json, one plane each; normals in a folder convention of the test's choice."""
    camera = Camera(CAMERA.fx, CAMERA.fy, CAMERA.cx, CAMERA.cy, size[1], size[0])
    for i, normal in enumerate(NORMALS):
        name = f"{i + 1:04d}"
        save_image(root / "images" / f"{name}.{'png' if pictures else 'jpg'}", photo(*size))
        semseg = labels(*size)
        save_image(
            root / "segmentation" / f"{name}.png", np.where(semseg == 255, 0, semseg + 1).astype(np.uint8)
        )
        save_array(root / "depth" / f"{name}.npy", plane_depth(camera, normal, 2.0))
        stored = stored_normals(normal, axes, size)
        if pictures:
            save_image(root / "normals" / f"{name}.png", np.round((stored + 1) * 127.5).astype(np.uint8))
            save_image(root / "edge" / f"{name}.png", (semseg == 4).astype(np.uint8) * 255)
        else:
            save_array(root / "normals" / f"{name}.npy", stored)
            save_array(root / "edge" / f"{name}.npy", (semseg == 4).astype(np.uint8))
    write_lines(root / "gt_sets" / "train.txt", ["0001", "0002", "0003"])
    write_lines(root / "gt_sets" / "val.txt", ["0004"])
    return root


def stored_normals(normal: tuple[float, float, float], axes: str, size: tuple[int, int]) -> np.ndarray:
    """float32 (H, W, 3) that `axes` turns back into the unit normal."""
    unit = np.array(normal) / np.linalg.norm(normal)
    axes_read = parse_axes(axes)
    stored = np.zeros(3)
    for ours, (channel, sign) in enumerate(zip(axes_read.channels, axes_read.signs, strict=True)):
        stored[channel] = sign * unit[ours]
    return np.broadcast_to(stored, (*size, 3)).astype(np.float32)


@pytest.mark.parametrize(("axes", "pictures"), [("+x+y+z", False), ("-x-y-z", True), ("+x-z-y", False)])
def test_axes_of_unmarked_folders_are_found(tmp_path: Path, axes: str, pictures: bool) -> None:
    data = NYUD(made(tmp_path, axes, pictures), "train", ("semseg", "depth", "normals", "edge"))
    assert str(data.axes) == axes
    sample = data[1]
    unit = np.array(NORMALS[1]) / np.linalg.norm(NORMALS[1])
    assert np.allclose(sample["normals"].permute(1, 2, 0).numpy(), unit, atol=0.01)
    assert torch.equal(sample["semseg"], torch.from_numpy(labels(H, W)))
    assert torch.equal(sample["edge"], torch.from_numpy((labels(H, W) == 4).astype(np.uint8)))
    assert sample["camera"].tolist() == pytest.approx([CAMERA.fx, CAMERA.fy, CAMERA.cx, CAMERA.cy])
    assert {name: value.dtype for name, value in sample.items()} == {
        "image": torch.uint8,
        "semseg": torch.uint8,
        "edge": torch.uint8,
        "depth": torch.float32,
        "normals": torch.float32,
        "camera": torch.float32,
    }


def test_meta_settles_the_axes(tmp_path: Path) -> None:
    root = made(tmp_path, "+x+y+z")
    (root / "meta.json").write_text(json.dumps({"normals_axes": "-x+y+z"}))
    assert NYUD(root, "train", ("normals",))[0]["normals"][0].max() < 0
    (root / "meta.json").write_text(json.dumps({"normals_axes": "xyz"}))
    with pytest.raises(InputError, match="'xyz'"):
        NYUD(root, "train", ("normals",))
    (root / "meta.json").write_text("{")
    with pytest.raises(InputError, match=r"meta\.json: not JSON"):
        NYUD(root, "train", ("normals",))


def test_axes_that_nothing_decides_are_refused() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(20, 20, 3))
    with pytest.raises(InputError, match="no certain axes"):
        find_axes([(noise, rng.normal(size=(20, 20, 3)))])
    facing = np.broadcast_to([0.0, 0.0, -1.0], (20, 20, 3))
    with pytest.raises(InputError, match="no certain axes"):  # x and y could be anything
        find_axes([(facing, facing)])


def test_maps_take_the_size_of_the_image(tmp_path: Path) -> None:
    root = made(tmp_path)
    small = np.load(root / "depth" / "0001.npy")[::2, ::2]
    save_array(root / "depth" / "0001.npy", small)
    data = NYUD(root, "train", ("depth",))
    assert data.stored(0)["depth"].shape == (H // 2, W // 2)
    assert np.array_equal(data[0]["depth"].numpy(), small.repeat(2, 0).repeat(2, 1))


def test_crop_of_425_by_560_has_its_camera(tmp_path: Path) -> None:
    camera = NYUD(made(tmp_path), "train", ("depth",)).camera(560, 425)
    assert (camera.fx, camera.cx, camera.cy) == (NYUV2.fx, NYUV2.cx - 40, NYUV2.cy - 45)
    with pytest.raises(InputError, match="500x400"):
        NYUD(tmp_path, "train", ("depth",)).camera(500, 400)


def test_blocks_to_choose_recipes_on(tmp_path: Path) -> None:
    ids = [f"{i:04d}" for i in range(1, 231)]
    write_lines(tmp_path / "gt_sets" / "train.txt", ids[::-1])
    for name in ids:
        save_image(tmp_path / "images" / f"{name}.jpg", photo(4, 4))
        save_array(tmp_path / "depth" / f"{name}.npy", np.ones((4, 4), np.float32))
    fit = NYUD(tmp_path, "train-fit", ("depth",)).ids
    dev = NYUD(tmp_path, "train-dev", ("depth",)).ids
    assert sorted([*fit, *dev]) == ids
    assert dev == ids[4 * BLOCK : 5 * BLOCK] + ids[9 * BLOCK : 10 * BLOCK]
    assert NYUD(tmp_path, "train-held", ("depth",)).ids == dev  # the name it had before


def test_labels_out_of_range_are_named(tmp_path: Path) -> None:
    root = made(tmp_path)
    save_image(root / "segmentation" / "0004.png", np.full((H, W), 41, np.uint8))
    with pytest.raises(InputError, match=r"0004\.png: label 41"):
        NYUD(root, "val")[0]


def test_bad_requests_are_named(tmp_path: Path) -> None:
    root = made(tmp_path)
    with pytest.raises(InputError, match=r"'tset'.*train, val, train-fit, train-dev"):
        NYUD(root, "tset")
    with pytest.raises(InputError, match="saliency"):
        NYUD(root, "train", ("saliency",))
    with pytest.raises(InputError, match="fewer than 100"):
        NYUD(root, "train-dev")
    (root / "depth" / "0003.npy").unlink()
    with pytest.raises(InputError, match=r"depth/0003\.npy: no such file"):
        NYUD(root, "train")
    tear(root / "depth" / "0004.npy")
    with pytest.raises(InputError, match=r"0004\.npy: truncated"):
        NYUD(root, "val", ("depth",))[0]


def test_files_of_other_types(tmp_path: Path) -> None:
    from scipy.io import savemat

    savemat(tmp_path / "s.mat", {"segmentation": np.array([[0, 1], [40, 3]], np.uint16)})
    assert read_semseg(tmp_path / "s.mat").tolist() == [[255, 0], [39, 2]]
    savemat(tmp_path / "d.mat", {"depth": np.array([[1.5, np.nan], [-1, 2]])})
    assert read_depth(tmp_path / "d.mat").tolist() == [[1.5, 0], [0, 2]]
    save_array(tmp_path / "n.npy", np.array([[[0, 0, -127], [0, 0, 0]]], np.int8))
    assert read_normals(tmp_path / "n.npy").tolist() == [[[0, 0, -1], [0, 0, 0]]]
    save_array(tmp_path / "m.npy", np.array([[[0, 0, 128.0]]]))
    with pytest.raises(InputError, match="length 128"):
        read_normals(tmp_path / "m.npy")
    save_array(tmp_path / "e.npy", np.array([[0, 1, 255]], np.uint8))
    assert read_edge(tmp_path / "e.npy").tolist() == [[0, 1, 255]]
    save_array(tmp_path / "three.npy", np.ones((2, 2, 3)))
    with pytest.raises(InputError, match="expected one map"):
        read_depth(tmp_path / "three.npy")


def test_old_and_new_matlab_files_lie_the_same_way(tmp_path: Path) -> None:
    import h5py
    from scipy.io import savemat

    depth = np.arange(1.0, 13.0).reshape(3, 4)
    savemat(tmp_path / "old.mat", {"depth": depth, "segmentation": depth.astype(np.uint8)})
    with h5py.File(tmp_path / "new.mat", "w") as file:  # as MATLAB writes v7.3: columns first
        file["depth"], file["segmentation"] = depth.T, depth.T.astype(np.uint8)
    for name in ("old", "new"):
        assert np.array_equal(read_depth(tmp_path / f"{name}.mat"), depth)
        assert np.array_equal(read_semseg(tmp_path / f"{name}.mat"), depth - 1)


@pytest.mark.parametrize("part", ["segmentation", "depth", "normals", "edge"])
def test_maps_of_another_shape_than_the_photo_are_refused(tmp_path: Path, part: str) -> None:
    root = made(tmp_path)
    data = NYUD(root, "train", ("semseg", "depth", "normals", "edge"))
    if part == "segmentation":
        save_image(root / part / "0002.png", np.ones((W, H), np.uint8))
    else:
        path = root / part / "0002.npy"
        save_array(path, np.swapaxes(np.load(path), 0, 1))
    with pytest.raises(
        InputError, match=rf"{part}/0002\.\w+: 64x48 .* photo of 48x64; rows and columns are swapped"
    ):
        data[1]
    assert data[0]["semseg"].shape == (H, W)


def test_a_map_of_any_rounded_size_fits() -> None:
    for small in ((24, 32), (23, 31), (12, 16), (1, 1), (96, 128)):
        require_aspect(small, (48, 64), "map")
        assert not is_swapped(small, (48, 64))
    for wrong in ((32, 24), (48, 48), (24, 64), (64, 48)):
        with pytest.raises(InputError, match="map: "):
            require_aspect(wrong, (48, 64), "map")


@pytest.mark.parametrize(
    ("factor", "guess"),
    [
        (1000, r"beyond any room.*millimetres taken as metres\? Divide by 1000"),
        (100, r"beyond any room.*centimetres taken as metres\? Divide by 100"),
        (0.001, r"nearer than any room.*metres taken as millimetres\? Multiply by 1000"),
        (0.01, r"nearer than any room.*metres taken as centimetres\? Multiply by 100"),
        (1e8, r"beyond any room \(50 m\): expected metres"),
    ],
)
def test_depth_in_another_unit_is_refused_with_a_guess(tmp_path: Path, factor: float, guess: str) -> None:
    root = made(tmp_path)
    depth = np.load(root / "depth" / "0004.npy")
    save_array(root / "depth" / "0004.npy", np.where(depth < np.median(depth), 0, depth) * np.float32(factor))
    data = NYUD(root, "val", ("depth",))
    with pytest.raises(InputError, match=rf"depth/0004\.npy: .*{guess}"):
        data[0]
    for far in (40.0, 0.06):  # an unusual room
        require_metres(np.full((2, 2), far, np.float32), "map")
    require_metres(np.zeros((2, 2), np.float32), "map")


def test_normals_that_are_not_numbers_are_invalid(tmp_path: Path) -> None:
    values = np.zeros((1, 4, 3), np.float32)
    values[..., 2] = -1
    values[0, 0], values[0, 1, 0], values[0, 2, 1] = np.nan, np.nan, np.inf
    save_array(tmp_path / "n.npy", values)
    assert read_normals(tmp_path / "n.npy").tolist() == [[[0, 0, 0]] * 3 + [[0, 0, -1]]]


def test_lists_with_a_byte_order_mark_and_windows_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_bytes(b"\xef\xbb\xbf0001\r\n0002\r\n\r\n")
    assert read_lines(path) == ["0001", "0002"]
    path.write_bytes(b"\xef\xbb\xbf\r\n")
    with pytest.raises(InputError, match=r"train\.txt: empty"):
        read_lines(path)
    path.write_bytes(b"\xef\xbb\xbf0001\r\n0001\n")
    with pytest.raises(InputError, match="'0001' is listed twice"):
        read_lines(path)


def test_a_frame_in_train_and_val_is_refused(tmp_path: Path) -> None:
    root = made(tmp_path)
    write_lines(root / "gt_sets" / "val.txt", ["0004", "0003"])
    for split in ("train", "val", "train-fit", "train-dev"):
        with pytest.raises(InputError, match=r"val\.txt: '0003' is in .*train\.txt too"):
            NYUD(root, split, ("depth",))
    write_lines(root / "gt_sets" / "few.txt", ["0003"])  # a list of one's own may choose from either
    assert NYUD(root, "few", ("depth",)).ids == ["0003"]
    write_lines(root / "gt_sets" / "val.txt", [])
    assert len(NYUD(root, "train", ("depth",))) == 3


def test_opens_by_its_folder(tmp_path: Path) -> None:
    assert isinstance(open_data(made(tmp_path), "val", ("depth",)), NYUD)


def test_cache_keeps_what_training_needs(tmp_path: Path) -> None:
    data = NYUD(made(tmp_path), "train", ("semseg", "depth", "normals"))
    full = Cached(data, (H, W), progress=False)
    assert (len(full), full.ids) == (3, data.ids)
    for name, value in data[1].items():
        assert full[1][name].dtype == value.dtype
        assert torch.allclose(full[1][name].float(), value.float(), atol=5e-4)
    half = Cached(data, (H // 4, W // 4), progress=False)
    assert half[0]["image"].shape == (3, H // 2, W // 2)
    assert half[0]["camera"].tolist() == pytest.approx((data[0]["camera"] / 2).tolist())
    assert half.bytes < 0.27 * full.bytes
    with pytest.raises(InputError, match="size"):
        Cached(data, (0, 4))
