"""`python -m mtcp coherence`: .npz and photo in, scoreboard and JSON out, faults named."""

import argparse
import json

import numpy as np
import pytest
import torch
from geometry_scenes import box_room
from PIL import Image

from mtcp.checkpoint.store import save_checkpoint
from mtcp.cli import coherence as verb
from mtcp.config import ModelConfig
from mtcp.errors import InputError
from mtcp.geometry.camera import NYUV2, Camera
from mtcp.model import MTCP

CAMERA = NYUV2.resize(160, 120)
LABELS = np.array([1, 21, 0, 0, 0], np.uint8)


def call(*arguments):
    parser = argparse.ArgumentParser()
    verb.add_parser(parser.add_subparsers(required=True))
    args = parser.parse_args(["coherence", *map(str, arguments)])
    return args.run(args)


def arrays(camera=CAMERA):
    scene = box_room(camera)
    wrong = scene.normals.copy()
    wrong[40:80, 20:60] = [0, 0, -1]
    stages = {"initial": wrong, "refined": scene.normals}
    maps = {f"normals_{s}": n.astype(np.float32) for s, n in stages.items()}
    for stage in stages:
        maps[f"semseg_{stage}"] = LABELS[scene.surface]
        maps[f"depth_{stage}"] = scene.depth.astype(np.float32)
    return maps


def saved(tmp_path, maps, **more):
    np.savez(tmp_path / "room.npz", **maps, **more)
    return tmp_path / "room.npz"


def test_npz_with_its_camera(tmp_path, capsys):
    path = saved(tmp_path, arrays(), camera=np.array([CAMERA.fx, CAMERA.fy, CAMERA.cx, CAMERA.cy]))
    assert call(path, "--json", tmp_path / "out.json") == 0
    shown = capsys.readouterr().out
    assert "63.3 degrees" in shown and "fixed" in shown and "wall" in shown
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["camera"]["cx"] == pytest.approx(CAMERA.cx, abs=1e-3)
    assert found["refined"]["depth_normal"]["mean_deg"] < 1 < found["initial"]["depth_normal"]["mean_deg"]
    assert found["failures"][0]["status"] == "fixed"


def test_the_field_of_view_given_wins(tmp_path):
    path = saved(tmp_path, arrays(), camera=np.array([CAMERA.fx, CAMERA.fy, CAMERA.cx, CAMERA.cy]))
    call(path, "--fov", 90, "--json", tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["camera"]["fov_deg"] == pytest.approx(90)
    assert found["refined"]["depth_normal"]["mean_deg"] > 3  # the room is not seen through such a lens


def test_without_camera_sixty_degrees_without_refined_none(tmp_path, capsys):
    maps = {k: v for k, v in arrays(Camera.from_fov(160, 120)).items() if "refined" not in k}
    call(saved(tmp_path, maps), "--json", tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["camera"]["fov_deg"] == pytest.approx(60) and found["refined"] is None
    assert found["initial"]["depth_normal"]["median_deg"] < 0.1
    assert found["initial"]["room"]["floor_ceiling"]["normals_deg"] is None
    assert "no ceiling" in capsys.readouterr().out


def test_a_photo_goes_through_the_network(tmp_path, capsys):
    torch.manual_seed(0)
    config = ModelConfig(
        tasks=("semseg", "depth", "normals"),
        backbone="tf_efficientnet_lite0",
        width=8,
        queries=2,
        query_layers=1,
        query_heads=2,
        kv_stride=2,
        height=64,
        image_width=64,
    )
    save_checkpoint(tmp_path / "net.safetensors", MTCP(config).eval())
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (70, 90, 3), np.uint8)).save(
        tmp_path / "photo.png"
    )
    arguments = (tmp_path / "photo.png", "--checkpoint", tmp_path / "net.safetensors", "--device", "cpu")
    assert call(*arguments, "--fov", 50, "--json", tmp_path / "out.json") == 0
    found = json.loads((tmp_path / "out.json").read_text())
    assert (found["camera"]["width"], found["camera"]["height"]) == (90, 70)
    assert found["refined"]["depth_normal"]["known_pct"] == 100
    assert "50.0 degrees" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "more", "says"),
    [
        ({"depth_initial": None}, (), "depth_initial"),
        ({"depth_initial": np.ones(5)}, (), "(5,)"),
        ({"normals_refined": np.ones((5, 5, 3))}, (), "5x5x3"),
        ({"camera": np.ones(3)}, (), "(3,)"),
        ({"camera": np.array([1.0, 0, 3, 4])}, (), "fy=0"),
        ({}, ("--fov", "190"), "190"),
        ({}, ("--json", "no/such/folder/x.json"), "x.json"),
    ],
)
def test_faults_are_named(tmp_path, monkeypatch, change, more, says):
    monkeypatch.chdir(tmp_path)
    maps = {k: v for k, v in {**arrays(), **change}.items() if v is not None}
    with pytest.raises(InputError) as error:
        call(saved(tmp_path, maps), *more)
    assert says in str(error.value) and "\n" not in str(error.value)


def test_files_that_are_no_npz(tmp_path):
    for name, content in (("torn.npz", b"PK\x03\x04torn"), ("text.npz", b"hello"), ("empty.npz", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name):
            call(tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        call(tmp_path / "absent.npz")
    np.savez(tmp_path / "pickled.npz", depth_initial=np.array([{}], object))
    with pytest.raises(InputError, match="pickled"):
        call(tmp_path / "pickled.npz")
    with (tmp_path / "array.npz").open("wb") as file:
        np.save(file, np.ones(3))
    with pytest.raises(InputError, match="array"):
        call(tmp_path / "array.npz")
