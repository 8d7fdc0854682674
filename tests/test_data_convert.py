"""The NYU Depth v2 converter, from a folder and from a .mat with the official structure."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from data_made import labels, photo, plane_depth, save_image, tear, write_lines
from PIL import Image

from mtcp.__main__ import main
from mtcp.cli import data as cli
from mtcp.data.nyud import NYUD
from mtcp.data.nyud_convert import convert, open_source
from mtcp.data.nyud_sources import FolderSource
from mtcp.errors import InputError
from mtcp.geometry.camera import Camera
from mtcp.geometry.normals import angle_deg

H, W = 48, 64
CAMERA = Camera(52.0, 52.0, 31.0, 25.0, W, H)
NORMAL = (0.3, -0.2, -0.9)
FRAMES = ["0001", "0002", "0003"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A source folder of three frames, depth at half size."""
    root = tmp_path / "source"
    depth = plane_depth(CAMERA.resize(W // 2, H // 2), NORMAL, 2.0)
    for i, frame in enumerate(FRAMES):
        save_image(root / "images" / f"{frame}.jpg", photo(H, W, seed=i))
        save_image(root / "labels40" / f"{frame}.png", labels(H, W))
        save_image(root / "depth" / f"{frame}.png", np.round(depth * 1000).astype(np.uint16))
    write_lines(root / "train.txt", ["0001", "0003"])
    write_lines(root / "test.txt", ["0002"])
    return root


def made_mat(tmp_path: Path) -> tuple[Path, Path, Path]:
    """The three files of the official release: HDF5 with arrays transposed, as MATLAB stores them."""
    import h5py
    from scipy.io import savemat

    raw = np.zeros((H, W), np.uint16)
    raw[:, W // 2 :] = 894
    raw[: H // 4] = 21
    raw[:, 0] = 0
    depth = plane_depth(CAMERA, NORMAL, 2.0)
    mat = tmp_path / "nyu_depth_v2_labeled.mat"
    with h5py.File(mat, "w") as file:
        pictures = np.stack([photo(H, W, seed=i) for i in range(3)])  # (N, H, W, 3)
        file["images"] = pictures.transpose(0, 3, 2, 1)  # (N, 3, W, H)
        file["depths"] = np.stack([depth + i for i in range(3)]).transpose(0, 2, 1)
        file["labels"] = np.stack([raw] * 3).transpose(0, 2, 1)
    splits, mapping = tmp_path / "splits.mat", tmp_path / "classMapping40.mat"
    savemat(splits, {"trainNdxs": [[1], [3]], "testNdxs": [[2]]})
    classes = np.full((1, 894), 40, np.uint8)
    classes[0, 20] = 1  # raw label 21 is a wall
    savemat(mapping, {"mapClass": classes})
    return mat, splits, mapping


def test_folder_becomes_samples(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = convert(FolderSource(folder), out, camera=CAMERA, progress=False)
    assert (report.written, report.skipped, report.failures) == (3, 0, ())
    data = NYUD(out, "train", ("semseg", "depth", "normals", "edge"))
    assert data.ids == ["0001", "0003"]
    assert NYUD(out, "val").ids == ["0002"]
    sample = data[0]
    assert torch.equal(sample["semseg"], torch.from_numpy(labels(H, W)))
    assert (data.root / "images" / "0001.jpg").read_bytes() == (folder / "images" / "0001.jpg").read_bytes()
    assert sample["camera"].tolist() == [52.0, 52.0, 31.0, 25.0]
    truth = plane_depth(CAMERA, NORMAL, 2.0)
    assert np.abs(sample["depth"].numpy() / truth - 1).max() < 0.02  # half a stored pixel off at most
    angles = angle_deg(sample["normals"].permute(1, 2, 0).numpy(), np.array(NORMAL))
    assert np.nanmean(angles) < 0.5  # a wrong camera or axis would be degrees off
    edge = sample["edge"].numpy()
    assert edge[H // 2, W // 2 - 3 : W // 2 + 3].sum() == 1  # one line in the middle of the unlabelled seam
    assert edge[:, W // 2 + 3 :].sum() == 0


def test_mat_equals_its_source(tmp_path: Path) -> None:
    out = tmp_path / "out"
    source = open_source(*made_mat(tmp_path))
    report = convert(source, out, camera=CAMERA, progress=False)
    assert report.failures == ()
    train = NYUD(out, "train", ("semseg", "depth", "normals"))
    assert (train.ids, NYUD(out, "val").ids) == (["0001", "0003"], ["0002"])
    sample = train[1]
    difference = sample["image"].permute(1, 2, 0).numpy().astype(int) - photo(H, W, seed=2)
    assert np.abs(difference).max() <= 6  # JPEG; transposed or swapped channels differ by up to 150
    assert np.allclose(sample["depth"].numpy(), plane_depth(CAMERA, NORMAL, 2.0) + 2)
    semseg = sample["semseg"].numpy()
    assert set(np.unique(semseg[:, 0])) == {255}
    assert semseg[0, 5] == 0 and semseg[0, W - 1] == 0  # raw 21 -> class 1 -> wall
    assert semseg[H - 1, W - 1] == 39
    assert semseg[H - 1, 5] == 255


def test_reads_the_reversed_orders_of_hdf5_splits(tmp_path: Path) -> None:
    import h5py

    mat, splits, mapping = made_mat(tmp_path)
    splits.unlink()
    with h5py.File(splits, "w") as file:
        file["trainNdxs"] = np.array([[1.0, 2.0]])
        file["testNdxs"] = np.array([[3.0]])
    assert open_source(mat, splits, mapping).splits() == {"train": ["0001", "0002"], "val": ["0003"]}


def test_resumes_and_redoes_what_is_missing(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    convert(FolderSource(folder), out, camera=CAMERA, progress=False)
    lost = out / "normals" / "0003.npy"
    lost.unlink()
    kept = out / "depth" / "0001.npy"
    stamp = kept.stat().st_mtime_ns
    report = convert(FolderSource(folder), out, camera=CAMERA, progress=False)
    assert (report.written, report.skipped) == (1, 2)
    assert lost.is_file() and kept.stat().st_mtime_ns == stamp


def test_bad_frames_are_named_and_the_others_go_on(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    tear(folder / "images" / "0001.jpg")
    (folder / "depth" / "0002.png").unlink()
    report = convert(FolderSource(folder), out, camera=CAMERA, progress=False)
    assert report.written == 1
    assert "images/0001.jpg" in report.failures[0] and "depth/0002.png" in report.failures[1]
    assert NYUD(out, "train").ids == ["0003"]
    assert not list(out.rglob("*.part"))
    save_image(folder / "images" / "0001.jpg", photo(H, W))
    again = convert(FolderSource(folder), out, camera=CAMERA, progress=False)
    assert (again.written, again.skipped, len(again.failures)) == (1, 1, 1)
    assert NYUD(out, "train").ids == ["0001", "0003"]


def test_a_refused_source_is_one_line_and_exit_code_2(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "test.txt").write_text("0001\n")
    arguments = ["data", "nyud", "--source", str(folder), "--out", str(tmp_path / "out"), "--jobs", "1"]
    assert main(arguments) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "frame 0001 is in the training and in the test list" in message
    assert not (tmp_path / "out").exists()


def converted_labels(folder: Path, out: Path, unlabelled: int | None = None) -> np.ndarray:
    """What the file of frame 1 holds after a conversion."""
    convert(FolderSource(folder, unlabelled), out, camera=CAMERA, progress=False)
    return np.array(Image.open(out / "segmentation" / "0001.png"))


def from_one(values: np.ndarray) -> np.ndarray:
    """0..39 and 255 as 1..40 and 0."""
    return np.where(values == 255, 0, values + 1).astype(np.uint8)


def test_both_label_conventions_give_the_same_labels(folder: Path, tmp_path: Path) -> None:
    wanted = from_one(labels(H, W))
    assert np.array_equal(converted_labels(folder, tmp_path / "a"), wanted)
    for frame in FRAMES:  # only the last frame has class 40, and so decides for the others
        values = from_one(labels(H, W))
        if frame != "0003":
            values[values == 40] = 0
        save_image(folder / "labels40" / f"{frame}.png", values)
    wanted[wanted == 40] = 0
    assert np.array_equal(converted_labels(folder, tmp_path / "b"), wanted)
    meta = [json.loads((tmp_path / name / "meta.json").read_text()) for name in "ab"]
    assert [m["source_labels"] for m in meta] == ["0..39, 255 unlabelled", "1..40, 0 unlabelled"]
    assert set(NYUD(tmp_path / "b", "train", ("semseg",))[0]["semseg"].unique().tolist()) == {0, 4, 255}


def test_a_label_out_of_range_condemns_the_source(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    bad = labels(H, W)
    bad[3, 3] = 77
    save_image(folder / "labels40" / "0002.png", bad)
    with pytest.raises(
        InputError, match=r"labels40/0002\.png: label 77; expected 0\.\.39, 255 unlabelled or 1"
    ):
        convert(FolderSource(folder), out, camera=CAMERA, progress=False)
    bad[3, 3] = 40  # 255 is in every frame
    save_image(folder / "labels40" / "0002.png", bad)
    with pytest.raises(InputError, match=r"both 40 \(.*0002\.png\) and 255 \(.*0001\.png\)"):
        convert(FolderSource(folder), out, camera=CAMERA, progress=False)
    assert not out.exists()


def test_labels_that_tell_nothing_are_taken_as_documented_or_told(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    values = np.full((H, W), 7, np.uint8)
    values[0] = 0
    for frame in FRAMES:
        save_image(folder / "labels40" / f"{frame}.png", values)
    assert np.array_equal(converted_labels(folder, tmp_path / "a"), values + 1)
    assert "neither 40 nor 255 occurs" in caplog.text
    caplog.clear()
    assert np.array_equal(converted_labels(folder, tmp_path / "b", unlabelled=0), values)
    assert not caplog.text
    values[1] = 255
    save_image(folder / "labels40" / "0003.png", values)
    with pytest.raises(InputError, match=r"0003\.png: label 255, although 0 is declared unlabelled"):
        converted_labels(folder, tmp_path / "c", unlabelled=0)


def test_a_repaired_source_is_converted_again(folder: Path, tmp_path: Path) -> None:
    """Labels of another convention: all frames. One label, photo or depth: that frame."""
    out = tmp_path / "out"
    for frame in FRAMES:
        save_image(folder / "labels40" / f"{frame}.png", from_one(labels(H, W)))
    wanted = converted_labels(folder, out)
    for frame in FRAMES:
        save_image(folder / "labels40" / f"{frame}.png", labels(H, W))
    report = convert(FolderSource(folder), out, camera=CAMERA, progress=False)
    assert (report.written, report.skipped) == (3, 0)
    assert np.array_equal(np.array(Image.open(out / "segmentation" / "0001.png")), wanted)
    assert json.loads((out / "meta.json").read_text())["source_labels"] == "0..39, 255 unlabelled"
    depth = folder / "depth" / "0002.png"
    save_image(depth, np.asarray(Image.open(depth)) + np.uint16(500))
    before = np.load(out / "depth" / "0002.npy")
    report = convert(FolderSource(folder), out, camera=CAMERA, progress=False)
    assert (report.written, report.skipped) == (1, 2)
    assert np.allclose(np.load(out / "depth" / "0002.npy"), before + 0.5, atol=1e-5)


def test_frames_of_a_conversion_without_fingerprints_are_redone(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    convert(FolderSource(folder), out, camera=CAMERA, progress=False)
    meta = json.loads((out / "meta.json").read_text())
    del meta["source_labels"]
    (out / "meta.json").write_text(json.dumps(meta))
    old = out / "segmentation" / "0001.png"
    save_image(old, np.asarray(Image.open(old)))
    report = convert(FolderSource(folder), out, camera=CAMERA, progress=False)
    assert (report.written, report.skipped) == (1, 2)
    assert "source_labels" in json.loads((out / "meta.json").read_text())
    (out / "meta.json").write_text("{")
    with pytest.raises(InputError, match=r"meta\.json: not JSON"):
        convert(FolderSource(folder), out, camera=CAMERA, progress=False)


def test_a_frame_of_other_shapes_fails_alone(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    depth = np.asarray(Image.open(folder / "depth" / "0001.png"))
    save_image(folder / "depth" / "0001.png", np.ascontiguousarray(depth.T))
    save_image(folder / "labels40" / "0002.png", np.ascontiguousarray(labels(H, W).T))
    save_image(folder / "depth" / "0003.png", depth[::3, ::3])  # smaller, but of the photo's shape
    report = convert(FolderSource(folder), out, camera=CAMERA, progress=False)
    assert report.written == 1 and len(report.failures) == 2
    assert "depth/0001.png: 32x24 (height x width) for a photo of 48x64" in report.failures[0]
    assert "labels40/0002.png: 64x48" in report.failures[1] and "swapped" in report.failures[1]
    assert NYUD(out, "train").ids == ["0003"]
    assert not (out / "gt_sets" / "val.txt").exists()  # rather than an empty list
    with pytest.raises(InputError, match=r"val\.txt does not exist"):
        NYUD(out, "val")


def test_what_is_wrong_in_every_frame_is_said_once(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"size 64x48, but the camera is for 640x480.*any of the 3 frames"):
        convert(FolderSource(folder), out, progress=False)
    for frame in FRAMES:
        path = folder / "depth" / f"{frame}.png"
        save_image(path, np.asarray(Image.open(path)) // 100)  # 2 m as 20, as if in decimetres
    with pytest.raises(InputError, match=r"0001\.png, read as millimetres: the farthest depth is 0\.0\d+ m"):
        convert(FolderSource(folder), out, camera=CAMERA, progress=False)
    assert not out.exists()


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ((b"0001\n0003\n", b"0002\n0003\n"), "frame 0003 is in the training and in the test list"),
        ((b"0001\n0003\n0001\n", b"0002\n"), r"train\.txt: '0001' is listed twice"),
        ((b"0001\n", b"\r\n"), r"test\.txt: empty"),
        ((b"0001\n", b"../0002\n"), r"'\.\./0002': a name in a list is no path"),
    ],
)
def test_lists_that_cannot_be_meant_are_refused(
    folder: Path, tmp_path: Path, lists: tuple[bytes, bytes], message: str
) -> None:
    for name, content in zip(("train.txt", "test.txt"), lists, strict=True):
        (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        convert(FolderSource(folder), tmp_path / "out", camera=CAMERA, progress=False)
    assert not (tmp_path / "out").exists()


def test_lists_of_windows_are_read(folder: Path, tmp_path: Path) -> None:
    (folder / "train.txt").write_bytes(b"\xef\xbb\xbf0001\r\n0003\r\n")
    assert convert(FolderSource(folder), tmp_path / "out", camera=CAMERA, progress=False).failures == ()
    assert NYUD(tmp_path / "out", "train").ids == ["0001", "0003"]


def changed_mat(mat: Path, **arrays: np.ndarray) -> None:
    import h5py

    with h5py.File(mat, "r+") as file:
        for name, array in arrays.items():
            del file[name]
            file[name] = array


def mat_arrays(mat: Path) -> dict[str, np.ndarray]:
    import h5py

    with h5py.File(mat) as file:
        return {name: file[name][()] for name in ("images", "depths", "labels")}


AXES_WRONG = {
    "images (N, 3, H, W)": {"images": (0, 1, 3, 2)},
    "images (N, H, W, 3)": {"images": (0, 3, 2, 1)},
    "depth (H, W)": {"depths": (0, 2, 1)},
    "labels (H, W)": {"labels": (0, 2, 1)},
    "labels last": {"labels": (1, 2, 0)},
    "all (H, W)": {"images": (0, 1, 3, 2), "depths": (0, 2, 1), "labels": (0, 2, 1)},
}


@pytest.mark.parametrize("axes", AXES_WRONG.values(), ids=AXES_WRONG)
def test_arrays_of_other_axes_are_one_message(tmp_path: Path, axes: dict[str, tuple[int, ...]]) -> None:
    mat, splits, mapping = made_mat(tmp_path)
    arrays = mat_arrays(mat)
    changed_mat(mat, **{name: arrays[name].transpose(order) for name, order in axes.items()})
    with pytest.raises(InputError, match=r"MATLAB's axes|rows and columns are swapped"):
        convert(open_source(mat, splits, mapping), tmp_path / "out", camera=CAMERA, progress=False)
    assert not (tmp_path / "out").exists()


def test_arrays_of_other_kinds_and_units_are_one_message(tmp_path: Path) -> None:
    mat, splits, mapping = made_mat(tmp_path)
    arrays = mat_arrays(mat)
    for wrong, message in (
        ({"images": arrays["images"].astype(np.float32)}, "images holds float32"),
        ({"images": arrays["images"], "labels": arrays["labels"].astype(float)}, "labels holds float64"),
        ({"labels": arrays["labels"] + np.uint16(1)}, r"label 895; .*classMapping40\.mat has names 1\.\.894"),
        ({"labels": arrays["labels"].astype(np.int16) - 1}, "label -1; "),
        ({"labels": arrays["labels"], "depths": arrays["depths"] * 1000}, "millimetres taken as metres"),
    ):
        changed_mat(mat, **wrong)
        with pytest.raises(InputError, match=message):
            convert(open_source(mat, splits, mapping), tmp_path / "out", camera=CAMERA, progress=False)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("shift", "unlabelled"), [(0, 0), (-1, 255)])
def test_a_mapping_may_count_from_zero(tmp_path: Path, shift: int, unlabelled: int) -> None:
    from scipy.io import savemat

    mat, splits, mapping = made_mat(tmp_path)
    classes = 1 + np.arange(894) % 40
    savemat(mapping, {"mapClass": (classes + shift).astype(np.uint8)[None]})
    source = open_source(mat, splits, mapping).settled(FRAMES)
    assert source.unlabelled == unlabelled
    found = source.read("0001").labels  # raw 0, 21 and 894
    assert set(np.unique(found).tolist()) == {0, classes[20], classes[893]}
    savemat(mapping, {"mapClass": np.append(classes, 41)[None]})
    with pytest.raises(InputError, match=r"mapClass: label 41; expected 0\.\.39, 255"):
        open_source(mat, splits, mapping).settled(FRAMES)


def test_frames_of_a_changed_mat_or_mapping_are_redone(tmp_path: Path) -> None:
    from scipy.io import savemat

    mat, splits, mapping = made_mat(tmp_path)
    source, out = open_source(mat, splits, mapping), tmp_path / "out"
    runs = [convert(source, out, camera=CAMERA, progress=False) for _ in range(2)]
    assert [(run.written, run.skipped) for run in runs] == [(3, 0), (0, 3)]
    savemat(mapping, {"mapClass": np.full((1, 894), 40, np.uint8)})
    assert convert(source, out, camera=CAMERA, progress=False).written == 3
    stamp = mat.stat().st_mtime_ns + 10**9
    os.utime(mat, ns=(stamp, stamp))
    assert convert(source, out, camera=CAMERA, progress=False).written == 3


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ([1, 3], [2, 3], "frame 0003 is in the training and in the test list"),
        ([1, 3, 1], [2], "trainNdxs has frame 1 twice"),
        ([1, 3], [], "testNdxs is empty"),
        ([1, 2.5], [3], r"trainNdxs has frame 2\.5"),
        ([1, 4], [3], r"trainNdxs has frame 4; .* has 1\.\.3"),
    ],
)
def test_splits_that_cannot_be_meant_are_refused(
    tmp_path: Path, train: list[float], test: list[float], message: str
) -> None:
    from scipy.io import savemat

    mat, splits, mapping = made_mat(tmp_path)
    savemat(splits, {"trainNdxs": np.array(train)[:, None], "testNdxs": np.array(test)[:, None]})
    with pytest.raises(InputError, match=message):
        convert(open_source(mat, splits, mapping), tmp_path / "out", camera=CAMERA, progress=False)
    assert not (tmp_path / "out").exists()


def test_torn_mat_is_named(tmp_path: Path) -> None:
    mat, splits, mapping = made_mat(tmp_path)
    with pytest.raises(InputError, match="also needs --splits"):
        open_source(mat)
    tear(mapping)
    with pytest.raises(InputError, match=r"classMapping40\.mat"):
        open_source(mat, splits, mapping).settled(FRAMES)
    tear(mat)
    with pytest.raises(InputError, match=r"nyu_depth_v2_labeled\.mat"):
        open_source(mat, splits, mapping).splits()


def test_output_of_something_else_is_left_alone(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_lines(out / "thesis.txt", ["all my work"])
    with pytest.raises(InputError, match="holds other files"):
        convert(FolderSource(folder), out, camera=CAMERA, progress=False)
    with pytest.raises(InputError, match="no such file or folder"):
        open_source(tmp_path / "nowhere")
    (out / "thesis.txt").unlink()
    convert(FolderSource(folder), out, camera=CAMERA, progress=False)
    with pytest.raises(InputError, match="another source or camera"):
        convert(FolderSource(folder), out, camera=CAMERA.flip(), progress=False)


def test_command_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two processes, 640x480 photos with the Kinect's camera, one bad frame: exit code 1 and its name."""
    for i, frame in enumerate(FRAMES):
        save_image(folder / "images" / f"{frame}.jpg", photo(480, 640, seed=i))
        save_image(folder / "labels40" / f"{frame}.png", labels(480, 640))
    tear(folder / "labels40" / "0002.png")
    parser = argparse.ArgumentParser()
    cli.add_parser(parser.add_subparsers())
    out = tmp_path / "out"
    args = parser.parse_args(["data", "nyud", "--source", str(folder), "--out", str(out), "--jobs", "2"])
    assert args.run(args) == 1
    printed = capsys.readouterr().out
    assert "labels40/0002.png" in printed and "2 frames converted" in printed
    assert Image.open(out / "segmentation" / "0001.png").size == (640, 480)
    assert json.loads((out / "meta.json").read_text())["camera"]["fx"] == pytest.approx(518.858)
    save_image(folder / "labels40" / "0002.png", labels(480, 640))
    args.jobs = 1
    assert args.run(args) == 0
