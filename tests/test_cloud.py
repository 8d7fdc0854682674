"""Point clouds: where points lie, which are dropped, and that the files say the same."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from mtcp.errors import InputError
from mtcp.geometry import cloud
from mtcp.geometry.camera import Camera
from mtcp.geometry.cloud_files import Cloud, write_glb, write_ply


@pytest.mark.parametrize("size", [(480, 640), (768, 1024), (7, 3), (1, 500), (500, 1)])
@pytest.mark.parametrize("budget", [1, 10, 1000, 100_000, None])
def test_sample_keeps_to_the_budget_and_is_even(size: tuple[int, int], budget: int | None) -> None:
    rows, columns = cloud.sample(*size, budget)
    count = len(rows) * len(columns)
    assert 1 <= count <= (budget or size[0] * size[1])
    if budget is None or budget >= size[0] * size[1]:
        assert count == size[0] * size[1]
    for picked, length in ((rows, size[0]), (columns, size[1])):
        assert picked.min() >= 0
        assert picked.max() < length
        steps = np.diff(picked)
        assert not len(steps) or (steps.min() >= 1 and np.ptp(steps) <= 1)


def test_a_usual_photo_uses_the_budget_up() -> None:
    rows, columns = cloud.sample(768, 1024, 100_000)
    assert len(rows) * len(columns) > 99_000


def test_budget_under_one_is_refused() -> None:
    with pytest.raises(InputError, match="point budget 0"):
        cloud.sample(4, 4, 0)


def test_points_project_back_to_their_pixels_centres() -> None:
    camera = Camera(500.0, 510.0, 31.0, 25.0, 64, 48)
    depth = np.random.default_rng(0).uniform(1, 5, (48, 64)).astype(np.float32)
    pixels = np.array([[0, 0], [63, 47], [10, 20]])
    points = cloud.lift(depth, camera, pixels)
    assert camera.project(points) == pytest.approx(pixels + 0.5, abs=1e-3)
    assert points[:, 2] == pytest.approx(depth[pixels[:, 1], pixels[:, 0]])
    assert points == pytest.approx(camera.backproject(depth)[pixels[:, 1], pixels[:, 0]], abs=1e-5)


def test_filter_drops_both_sides_of_a_step_and_what_hangs_between() -> None:
    depth = np.full((6, 20), 2.0, np.float32)
    depth[:, 10], depth[:, 11:] = 3.0, 4.0
    jumps = cloud.depth_jumps(depth)
    keep = cloud.shown(depth, jumps, cloud.jump_limit(0.1))
    assert np.flatnonzero(~keep.all(axis=0)).tolist() == [9, 10, 11]
    assert cloud.shown(depth, jumps, cloud.jump_limit(0)).all()
    assert jumps[0, 9] * cloud.JUMP_STEP == pytest.approx(0.5, abs=cloud.JUMP_STEP)  # 3 m behind 2 m


def test_filter_keeps_a_wall_and_takes_no_part_in_unknown_depth() -> None:
    camera = Camera.from_fov(64, 48)
    x, _ = camera.axes()
    depth = np.broadcast_to(2.0 / (1 + 0.3 * x), (48, 64)).astype(np.float32).copy()
    depth[20:25, 30:40] = 0
    depth[0, 0] = np.nan
    keep = cloud.shown(depth, cloud.depth_jumps(depth), cloud.jump_limit(0.05))
    assert not keep[20:25, 30:40].any()
    assert not keep[0, 0]
    assert keep.sum() == depth.size - 51


def test_needles_stand_evenly_and_never_too_many() -> None:
    mask = np.zeros((100, 100), bool)
    mask[10:90, 20:80] = True
    pixels = cloud.pick_pixels(mask, 400)
    assert 200 < len(pixels) <= 400
    assert mask[pixels[:, 1], pixels[:, 0]].all()
    assert cloud.pick_pixels(np.zeros((5, 5), bool), 400).shape == (0, 2)
    single = np.zeros((50, 50), bool)
    single[13, 17] = True
    assert cloud.pick_pixels(single, 400).tolist() == [[17, 13]]


def test_disc_is_round() -> None:
    disc = cloud.disc((40, 60), (30, 20), 5)
    assert disc.sum() == pytest.approx(np.pi * 25, rel=0.1)
    assert disc[20, 35]
    assert not disc[20, 36]


def eye(view: cloud.Viewpoint) -> np.ndarray:
    yaw, pitch = np.radians((view.yaw_deg, view.pitch_deg))
    return np.array([-np.sin(yaw) * np.cos(pitch), -np.sin(pitch), -np.cos(yaw) * np.cos(pitch)])


def test_view_of_a_floor_goes_above_it() -> None:
    x, z = np.meshgrid(np.linspace(-0.5, 0.5, 9), np.linspace(3, 4, 9))
    floor = np.stack((x, np.full_like(x, 1.2), z), axis=-1).reshape(-1, 3)
    view = cloud.viewpoint(floor, np.array([0, -1, 0]))
    assert view is not None
    assert view.centre == pytest.approx((0, 1.2, 3.5))
    assert view.yaw_deg == pytest.approx(0, abs=1)
    assert 40 < view.pitch_deg <= 60
    assert view.half_width == pytest.approx(0.5, rel=0.15)
    assert view.half_height == pytest.approx(0.5 * np.sin(np.radians(view.pitch_deg)), rel=0.15)
    assert eye(view) @ np.array([0, -1, 0]) > 0.6


def test_view_of_a_wall_goes_aside_but_stays_in_front() -> None:
    x, y = np.meshgrid(np.linspace(0.5, 1.5, 9), np.linspace(-0.5, 0.5, 9))
    wall = np.stack((x, y, np.full_like(x, 3.0)), axis=-1).reshape(-1, 3)
    view = cloud.viewpoint(wall, np.array([0, 0, 1]))  # the sign of a normal does not matter
    assert view is not None
    assert 0 < view.yaw_deg <= 60  # from the right part of the photo: the eye goes left, to the middle
    assert eye(view) @ np.array([0, 0, -1]) > 0.4
    assert cloud.viewpoint(wall) is not None
    assert cloud.viewpoint(wall[:0]) is None


def test_view_of_a_ceiling_at_the_edge_is_not_from_under_the_floor() -> None:
    """Turned as far as its slope asks for, the eye would be under the floor, which hides everything."""
    x, z = np.meshgrid(np.linspace(1.5, 2.5, 20), np.linspace(4, 6, 20))
    ceiling = np.stack((x, np.full_like(x, -1.3), z), axis=-1).reshape(-1, 3)
    x, z = np.meshgrid(np.linspace(-3, 3, 150), np.linspace(0.5, 6, 150))
    floor = np.stack((x, np.full_like(x, 0.6), z), axis=-1).reshape(-1, 3)
    around = np.concatenate((floor, ceiling))
    down = np.array([0, 1, 0])
    blind, clear = cloud.viewpoint(ceiling, down), cloud.viewpoint(ceiling, down, around)
    assert blind is not None and clear is not None
    assert cloud._in_sight(ceiling, around, blind) < 0.7
    assert cloud._in_sight(ceiling, around, clear) > 0.8
    assert abs(clear.pitch_deg) < abs(blind.pitch_deg)
    assert cloud.viewpoint(ceiling, down, ceiling) == blind  # nothing in the way: as before


@pytest.fixture
def made() -> Cloud:
    points = np.array([[0.5, 1.0, 2.0], [-1.0, 0.25, 4.0]], np.float32)
    normals = np.array([[0, -1, 0], [0, 0, 0]], np.float32)
    return Cloud(points, np.array([[255, 128, 0], [0, 0, 10]], np.uint8), normals)


def read_glb(path: Path) -> tuple[dict, bytes]:
    data = path.read_bytes()
    magic, version, length, json_length, json_kind = struct.unpack("<4sIII4s", data[:20])
    assert (magic, version, length, json_kind) == (b"glTF", 2, len(data), b"JSON")
    start = 20 + json_length
    binary_length, binary_kind = struct.unpack("<I4s", data[start : start + 8])
    assert binary_kind == b"BIN\0"
    assert json_length % 4 == binary_length % 4 == 0
    return json.loads(data[20:start]), data[start + 8 : start + 8 + binary_length]


def accessor(document: dict, binary: bytes, index: int) -> np.ndarray:
    entry = document["accessors"][index]
    view = document["bufferViews"][entry["bufferView"]]
    assert entry["componentType"] == 5126  # float32
    assert not entry.get("normalized", False)  # the specification forbids it for floats
    data = binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
    return np.frombuffer(data, "<f4").reshape(entry["count"], int(entry["type"][-1]))


def test_glb_is_in_gltf_axes_with_linear_colours(made: Cloud, tmp_path: Path) -> None:
    write_glb(tmp_path / "a.glb", {"initial": made, "refined": made})
    document, binary = read_glb(tmp_path / "a.glb")
    assert [node["name"] for node in document["nodes"]] == ["initial", "refined"]
    assert document["nodes"][1]["translation"][0] > 1.5  # beside, not inside
    primitive = document["meshes"][1]["primitives"][0]
    assert primitive["mode"] == 0
    position, normal, colour = (
        accessor(document, binary, primitive["attributes"][name])
        for name in ("POSITION", "NORMAL", "COLOR_0")
    )
    assert position == pytest.approx(made.points * (1, -1, -1))
    entry = document["accessors"][primitive["attributes"]["POSITION"]]
    assert (entry["min"], entry["max"]) == (position.min(axis=0).tolist(), position.max(axis=0).tolist())
    assert normal[0] == pytest.approx((0, 1, 0))
    assert np.linalg.norm(normal, axis=1) == pytest.approx(1)  # also the unknown one
    assert colour[0] == pytest.approx((1.0, 0.2158605, 0.0), abs=1e-6)  # 128 / 255 of sRGB
    assert colour[1] == pytest.approx((0.0, 0.0, 10 / 255 / 12.92), abs=1e-9)


def test_glb_without_points_is_refused(made: Cloud, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'initial' has no points"):
        write_glb(tmp_path / "a.glb", {"initial": Cloud(made.points[:0], made.colours[:0], made.normals[:0])})


def test_ply_keeps_axes_colours_and_normals(made: Cloud, tmp_path: Path) -> None:
    import open3d as o3d

    write_ply(tmp_path / "a.ply", made)
    assert b"binary_little_endian" in (tmp_path / "a.ply").read_bytes()[:100]
    back = o3d.t.io.read_point_cloud(str(tmp_path / "a.ply"))
    assert back.point.positions.numpy() == pytest.approx(made.points)
    assert back.point.normals.numpy() == pytest.approx(made.normals)
    assert (back.point.colors.numpy() == made.colours).all()
