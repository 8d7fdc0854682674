"""The NYU Depth v2 converter, from a folder and from a .mat with the official structure."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from data_made import labels, photo, plane_depth, save_image, tear, write_lines
from PIL import Image

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


def test_label_out_of_range_is_named(folder: Path) -> None:
    bad = labels(H, W)
    bad[3, 3] = 77
    save_image(folder / "labels40" / "0001.png", bad)
    with pytest.raises(InputError, match=r"labels40/0001\.png: label 77"):
        FolderSource(folder).read("0001")


def test_torn_mat_is_named(tmp_path: Path) -> None:
    mat, splits, mapping = made_mat(tmp_path)
    with pytest.raises(InputError, match="also needs --splits"):
        open_source(mat)
    tear(mapping)
    with pytest.raises(InputError, match=r"classMapping40\.mat"):
        open_source(mat, splits, mapping).splits()
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
