"""Procedural rooms: the same for the same seed, the truth exact, the pictures lit by what is there."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mtcp.cli import data_rooms
from mtcp.data import open_data
from mtcp.data.derive import semantic_edges
from mtcp.data.nyud import NYUD
from mtcp.data.rooms import KINDS, Frame, Rooms, make_room, render, write_nyud
from mtcp.data.rooms.light import bounce
from mtcp.data.rooms.light.smooth import smooth
from mtcp.data.rooms.noise import fbm, hash_unit, value_noise
from mtcp.data.rooms.rays import Hits, Rays
from mtcp.data.rooms.view import FAR, View, choose_view, look
from mtcp.errors import InputError
from mtcp.geometry.normals import plane_fit_normals
from mtcp.tasks import NYUD_CLASSES

pytest.importorskip("open3d")

TINY = (30, 40)
LABEL = {name: index for index, name in enumerate(NYUD_CLASSES)}


def same(a: Frame, b: Frame) -> bool:
    """Equal in every picture and map."""
    return all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in ("image", "depth", "normals", "semseg")
    )


def world_points(frame: Frame, view: View) -> np.ndarray:
    """(H, W, 3) positions of the pixels in the room's axes."""
    points = frame.camera.backproject(frame.depth.astype(np.float64))
    return points @ view.rotation + view.position


def test_a_ray_that_slips_out_of_the_room_shows_nothing_true(monkeypatch: pytest.MonkeyPatch) -> None:
    room = make_room(3)
    view = choose_view(room, Rays(room), None)
    full = render(room, TINY, "none", view)
    first = Rays.first

    def leaking(rays: Rays, origin: np.ndarray, direction: np.ndarray) -> Hits:
        hits = first(rays, origin, direction)
        triangle = hits.triangle.copy()
        triangle[7] = -1
        return dataclasses.replace(hits, triangle=triangle)

    monkeypatch.setattr(Rays, "first", leaking)
    frame = render(room, TINY, "none", view)
    assert frame.depth[0, 7] == 0 and frame.semseg[0, 7] == 255
    rest = np.arange(frame.depth.size).reshape(TINY) != 7
    assert (frame.depth == full.depth)[rest].all() and (frame.semseg == full.semseg)[rest].all()


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_picture_other_seed_another(kind: str) -> None:
    first, again, other = (render(make_room(seed, kind), TINY, "fast") for seed in (4, 4, 5))
    assert same(first, again)
    assert not np.array_equal(first.image, other.image)
    assert not np.array_equal(first.depth, other.depth)
    assert first.kind == kind


@pytest.mark.slow
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**31), kind=st.sampled_from([None, *KINDS]))
def test_every_seed_gives_a_valid_room(seed: int, kind: str | None) -> None:
    room = make_room(seed, kind)
    frame = render(room, TINY, "fast")
    assert {LABEL[name] for name in ("wall", "floor", "ceiling", "window", "door")} <= set(
        room.label.tolist()
    )
    assert room.label.max() < len(NYUD_CLASSES) and frame.semseg.max() < len(NYUD_CLASSES)
    assert LABEL["wall"] in frame.semseg and len(np.unique(frame.semseg)) >= 3
    assert np.isfinite(frame.depth).all() and frame.depth.min() > 0.1 and frame.depth.max() < FAR
    np.testing.assert_allclose(np.linalg.norm(frame.normals, axis=-1), 1, atol=1e-5)
    facing = (frame.normals * frame.camera.rays()).sum(-1)
    assert (facing < 1e-6).all()
    assert 50 <= frame.camera.fov_deg <= 75
    assert frame.image.dtype == np.uint8 and 40 < frame.image.mean() < 230 and frame.image.std() > 12
    stands = choose_view(room, Rays(room)).position
    assert (stands > 0.05).all() and (stands < np.array(room.size) - 0.05).all()


@pytest.mark.parametrize("kind", ["living-room", "kitchen"])
def test_depth_normals_and_labels_describe_the_same_planes(kind: str) -> None:
    room = make_room(9, kind)
    view = choose_view(room, Rays(room))
    frame = render(room, (60, 80), "none", view)
    points, up = world_points(frame, view), view.rotation[:, 2]
    for label, height, sign in (("floor", 0.0, 1.0), ("ceiling", room.size[2], -1.0)):
        here = frame.semseg == LABEL[label]
        np.testing.assert_allclose(points[here][:, 2], height, atol=2e-5)
        np.testing.assert_allclose(
            frame.normals[here], np.broadcast_to(sign * up, (here.sum(), 3)), atol=1e-5
        )
    assert (frame.semseg == LABEL["floor"]).sum() > 20
    walls = points[frame.semseg == LABEL["wall"]]
    off_wall = np.minimum(walls[:, :2], np.array(room.size[:2]) - walls[:, :2]).min(1)
    assert off_wall.min() > -1e-4
    assert off_wall.max() < 0.04  # the thickest trim


def test_normals_agree_with_normals_from_depth() -> None:
    frame = render(make_room(3, "bedroom"), (120, 160), "none")
    derived = plane_fit_normals(frame.depth, frame.camera)
    cosine = np.clip((derived * frame.normals).sum(-1), -1, 1)
    assert np.degrees(np.arccos(np.median(cosine))) < 0.5
    assert (cosine > np.cos(np.radians(10))).mean() > 0.7


def test_truth_and_view_depend_neither_on_quality_nor_on_size() -> None:
    room = make_room(2, "bathroom")
    fast, high = (render(room, (24, 32), quality) for quality in ("fast", "high"))  # type: ignore[arg-type]
    for name in ("depth", "normals", "semseg"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(high, name))
    assert np.abs(fast.image.astype(float) - high.image).mean() < 12  # same light, other noise
    larger = render(room, (72, 96), "none")  # its pixel (3i + 1, 3j + 1) has the centre of pixel (i, j)
    np.testing.assert_array_equal(larger.semseg[1::3, 1::3], fast.semseg)
    np.testing.assert_allclose(larger.depth[1::3, 1::3], fast.depth, rtol=1e-4)
    assert larger.camera.fov_deg == pytest.approx(fast.camera.fov_deg)


def test_field_of_view_and_view_can_be_told() -> None:
    room = make_room(6, "office")
    assert render(room, TINY, "none", fov_deg=58).camera.fov_deg == pytest.approx(58)
    width, depth, _ = room.size
    up = View(np.array([width / 2, depth / 2, 1.5]), look(0.0, 1.2, 0.0), 60.0)
    assert (render(room, TINY, "none", up).semseg == LABEL["ceiling"]).mean() > 0.5


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: make_room(-1), "-1"),
        (lambda: make_room(0, "garage"), "garage"),
        (lambda: render(make_room(0), (4, 40)), "4x40"),
        (lambda: render(make_room(0), TINY, "best"), "best"),  # type: ignore[arg-type]
        (lambda: Rooms(0), "0"),
        (lambda: Rooms(1, tasks=("depht",)), "depht"),
    ],
)
def test_wrong_input_is_named(call, named: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=named):
        call()


def test_data_set_gives_samples_of_the_contract() -> None:
    rooms = Rooms(3, size=TINY, seed=40, tasks=("edge", "semseg", "depth", "normals"))
    sample, frame = rooms[1], render(make_room(41), TINY, "fast")
    assert len(rooms) == 3 and rooms.ids[1] == "room-0000041" and len(set(rooms.ids)) == 3
    assert {name: (value.dtype, tuple(value.shape)) for name, value in sample.items()} == {
        "image": (torch.uint8, (3, *TINY)),
        "semseg": (torch.uint8, TINY),
        "depth": (torch.float32, TINY),
        "normals": (torch.float32, (3, *TINY)),
        "edge": (torch.uint8, TINY),
        "camera": (torch.float32, (4,)),
    }
    np.testing.assert_array_equal(sample["image"].permute(1, 2, 0), frame.image)
    np.testing.assert_array_equal(sample["normals"].permute(1, 2, 0), frame.normals)
    np.testing.assert_array_equal(sample["edge"], semantic_edges(frame.semseg.astype(int) + 1))
    assert sample["camera"].tolist() == pytest.approx([frame.camera.fx, frame.camera.fy, 20, 15])
    assert set(Rooms(1, size=TINY, tasks=("depth",))[0]) == {"image", "camera", "depth"}
    with pytest.raises(IndexError):
        rooms[3]


@pytest.mark.slow
def test_written_folder_is_read_back_and_continued(tmp_path: Path) -> None:
    out = tmp_path / "rooms"
    assert write_nyud(out, 2, TINY, seed=70, progress=False) == 2
    assert [NYUD(out, split, ("depth",)).ids for split in ("train", "val")] == [["0001"], ["0002"]]
    assert write_nyud(out, 5, TINY, seed=70, progress=False) == 3
    train = NYUD(out, "train", ("semseg", "depth", "normals", "edge"))
    assert train.ids == ["0001", "0002", "0003", "0004"] and NYUD(out, "val").ids == ["0005"]
    frame = render(make_room(71), TINY, "fast", fov_deg=60)
    sample = train[1]
    np.testing.assert_array_equal(sample["semseg"], frame.semseg)
    np.testing.assert_array_equal(sample["depth"], frame.depth)
    np.testing.assert_allclose(sample["normals"].permute(1, 2, 0), frame.normals, atol=2e-3)
    np.testing.assert_array_equal(sample["edge"], semantic_edges(frame.semseg.astype(int) + 1))
    assert sample["camera"].tolist() == pytest.approx([frame.camera.fx, frame.camera.fy, 20, 15])
    assert np.abs(sample["image"].permute(1, 2, 0).numpy().astype(float) - frame.image).mean() < 12  # JPEG
    with pytest.raises(InputError, match="another"):
        write_nyud(out, 5, TINY, seed=71, progress=False)
    (out / "meta.json").write_text("{")
    with pytest.raises(InputError, match=r"meta\.json: not JSON"):
        write_nyud(out, 5, TINY, seed=70, progress=False)


def test_command_writes_a_folder_and_refuses_a_bad_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    data_rooms.add_parser(parser.add_subparsers())
    out = str(tmp_path / "made")
    args = parser.parse_args(["rooms", "--out", out, "--count", "4", "--size", "24x32", "--seed", "3"])
    assert args.run(args) == 0
    assert [open_data(out, split, ("depth",)).ids for split in ("train", "val")] == [
        ["0001", "0002", "0003"],
        ["0004"],
    ]
    assert "4 rooms written" in capsys.readouterr().out
    with Image.open(tmp_path / "made" / "images" / "0001.jpg") as picture:
        assert picture.size == (32, 24)
    args = parser.parse_args(["rooms", "--out", out, "--size", "640"])
    with pytest.raises(InputError, match="640"):
        args.run(args)
    args = parser.parse_args(["rooms", "--out", str(tmp_path / "one"), "--count", "1"])
    with pytest.raises(InputError, match=r"count 1, .*at least 2"):
        args.run(args)
    assert not (tmp_path / "one").exists()


def test_without_open3d_one_line_says_so_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "open3d", None)
    for call in (
        lambda: write_nyud(tmp_path / "made", 2, TINY),
        lambda: open_data("rooms:2", "train", ("depth",)),
    ):
        with pytest.raises(InputError, match=r"open3d: pip install -e .\.\[rooms\]") as error:
            call()
        assert "\n" not in str(error.value)
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_all_forty_classes_but_a_few_occur_and_light_comes_from_everywhere() -> None:
    rooms = [make_room(seed, kind) for kind in KINDS for seed in range(3)]
    seen = {NYUD_CLASSES[label] for room in rooms for label in np.unique(room.label)}
    assert set(NYUD_CLASSES) - seen <= {"person"}, "classes that no room has"
    assert (
        {len(room.lamps) > 0 for room in rooms}
        == {max(room.sky.sun_power) > 0 for room in rooms}
        == {True, False}
    )


def test_noise_is_uniform_smooth_and_fades_where_pixels_are_coarse() -> None:
    numbers = hash_unit(np.arange(20000), 3)
    assert numbers.min() >= 0 and numbers.max() < 1
    assert np.histogram(numbers, 10, (0, 1))[0].min() > 1800
    line = np.stack([np.linspace(-5, 5, 4001), np.full(4001, 0.3)], 1)
    assert np.abs(np.diff(value_noise(line, 1))).max() < 0.02
    assert np.abs(fbm(line * 50, 3, 1, np.float32(100.0))).max() == 0


def test_light_is_smoothed_within_a_surface_and_not_across_an_edge() -> None:
    rng = np.random.default_rng(0)
    position = np.zeros((16, 16, 3), np.float32)
    position[..., 0], position[..., 1] = np.meshgrid(np.arange(16), np.arange(16))
    normal = np.zeros_like(position)
    normal[:, :8, 2], normal[:, 8:, 1] = 1, 1  # two surfaces at right angles
    level = np.where(np.arange(16) < 8, 1.0, 5.0)[None, :, None]
    light = (level + rng.normal(0, 0.2, (16, 16, 3))).astype(np.float32)
    even = smooth(light, position, normal, np.full((16, 16), 0.5, np.float32), 3)
    assert np.abs(even - level).max() < 0.35 < np.abs(light - level).max()


def test_hemisphere_has_cosine_density_about_the_normal() -> None:
    rng = np.random.default_rng(1)
    for normal in ((0, 0, 1), (0, 0, -1), (0.6, 0, 0.8), (0, -1, 0)):
        normals = np.broadcast_to(np.asarray(normal, np.float32), (20000, 3))
        directions = bounce.hemisphere(normals, rng.random(20000), rng.random(20000))
        cosine = (directions * normals).sum(1)
        assert cosine.min() >= -1e-5
        assert cosine.mean() == pytest.approx(2 / 3, abs=0.01)
        np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-4)


def test_radiosity_lights_a_room_and_loses_nothing_to_darkness() -> None:
    room = make_room(1, "living-room")
    rays = Rays(room)
    solved = bounce.solve(room, rays, 8, 4, np.random.default_rng(0))
    off = (0.0, 0.0, 0.0)
    night = dataclasses.replace(room.sky, sun_power=off, zenith=off, horizon=off, ground=off)
    dark = dataclasses.replace(room, lamps=(), sky=night)
    assert bounce.solve(dark, rays, 8, 4, np.random.default_rng(0)).irradiance.max() == 0
    assert solved.irradiance.min() >= 0 and np.median(solved.irradiance) > 0
    assert solved.reflectance.max() <= 1
    once = bounce.solve(room, rays, 8, 1, np.random.default_rng(0)).irradiance
    assert (solved.irradiance >= once - 1e-4).all() and solved.irradiance.sum() > 1.05 * once.sum()
