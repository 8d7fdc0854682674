"""Planar segments, room angles, boundaries and regions, on scenes whose numbers are known by hand."""

import numpy as np
import pytest
from geometry_scenes import box_room, plane_depth
from hypothesis import given, settings
from hypothesis import strategies as st

from mtcp.geometry.boundaries import boundary_agreement, depth_edges, normal_edges, semantic_boundary
from mtcp.geometry.camera import Camera
from mtcp.geometry.planes import fit_plane, planarity
from mtcp.geometry.regions import Region, components, interior_pixel
from mtcp.geometry.room import room_geometry
from mtcp.tasks import NYUD_CLASSES

WALL, FLOOR, CEILING, TABLE = (NYUD_CLASSES.index(n) for n in ("wall", "floor", "ceiling", "table"))
LABELS = np.array([FLOOR, CEILING, WALL, WALL, WALL], np.uint8)  # of box_room's surfaces


def room(camera=None, **turn):
    camera = camera or Camera.from_fov(160, 120, 80)
    scene = box_room(camera, **turn)
    return camera, scene, LABELS[scene.surface]


def planes_of(camera, scene, semseg, normals=None, depth=None):
    normals = scene.normals.astype(np.float32) if normals is None else normals
    depth = scene.depth if depth is None else depth
    return planarity(semseg, normals, depth, camera, NYUD_CLASSES, (camera.height, camera.width))


def test_fit_plane():
    rng = np.random.default_rng(0)
    normal = np.array([0.6, 0.0, -0.8])
    u, v = np.array([0.8, 0, 0.6]), np.array([0, 1.0, 0])
    offsets = np.tile([0.02, -0.02], 500)[:, None]
    points = (
        [0, 0, 3] + rng.uniform(-1, 1, (1000, 1)) * u + rng.uniform(-1, 1, (1000, 1)) * v + offsets * normal
    )
    found, rms = fit_plane(points.mean(axis=0), np.cov(points.T, bias=True))
    np.testing.assert_allclose(found, normal, atol=5e-3)
    assert rms == pytest.approx(0.02, rel=0.02)


def test_an_exact_room_is_planar_and_walls_are_cut_at_corners():
    camera, scene, semseg = room()
    result = planes_of(camera, scene, semseg)
    seen = np.bincount(scene.surface.ravel(), minlength=5) >= 0.01 * scene.surface.size
    assert [s.label for s in result.segments].count("wall") == seen[2:].sum() >= 2
    assert {s.label for s in result.segments} == {"wall", "floor", "ceiling"}
    assert result.mean_rms_cm < 1e-3 and result.mean_angle_deg < 0.01
    for segment in result.segments:
        x, y = segment.pixel
        np.testing.assert_allclose(segment.plane_normal, scene.normals[y, x], atol=1e-5)
        assert segment.region.mask()[y, x]
        assert segment.share_pct == pytest.approx(100 * segment.region.mask().mean())
    assert [s.share_pct for s in result.segments] == sorted(
        (s.share_pct for s in result.segments), reverse=True
    )


def test_a_bent_floor_and_tilted_normals_are_measured():
    camera, scene, semseg = room()
    flat = planes_of(camera, scene, semseg)
    floor = semseg == FLOOR
    ripple = np.where(np.arange(120)[:, None] % 8 < 4, 1.01, 0.99)
    bent = planes_of(camera, scene, semseg, depth=np.where(floor, scene.depth * ripple, scene.depth))
    tilt = np.radians(12)
    turn = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    tilted = np.where(floor[..., None], scene.normals @ turn.T, scene.normals).astype(np.float32)
    leaning = planes_of(camera, scene, semseg, normals=tilted)

    def of(result):
        return next(s for s in result.segments if s.label == "floor")

    # moving points by 1 % along their rays moves them by 1 % of the plane's distance, 1.4 m, off the plane
    assert of(bent).rms_cm == pytest.approx(1.4, rel=0.1)
    assert of(flat).rms_cm < 1e-3
    floor_normal = scene.normals[floor][0]
    expected = np.degrees(np.arccos(floor_normal @ turn @ floor_normal))
    assert of(leaning).angle_deg == pytest.approx(expected, abs=0.05)


def test_small_and_unknown_segments_are_left_out():
    camera, scene, semseg = room()
    semseg[:] = 255
    semseg[50:60, 50:69] = FLOOR  # 190 of 19,200: under 1 %
    result = planes_of(camera, scene, semseg)
    assert result.segments == () and result.mean_rms_cm is None
    assert "1%" in result.reason
    semseg[50:60, 50:70] = FLOOR
    assert len(planes_of(camera, scene, semseg).segments) == 1
    unknown = planes_of(camera, scene, semseg, depth=np.zeros_like(scene.depth))
    assert unknown.segments == ()


def test_a_table_shows_its_top_and_its_side():
    camera = Camera.from_fov(80, 60)
    top, side = np.array([0, -0.8, -0.6]), np.array([0, 0.6, -0.8])
    upper = np.arange(60)[:, None] < 30
    depth = np.where(upper, plane_depth(camera, top, 1.5), plane_depth(camera, side, 1.5))
    normals = np.where(upper[..., None], top, side) * np.ones((60, 80, 1))
    semseg = np.full((60, 80), TABLE, np.uint8)
    result = planarity(semseg, normals.astype(np.float32), depth, camera, NYUD_CLASSES, (60, 80))
    assert len(result.segments) == 2 and result.mean_rms_cm < 1e-3


@pytest.mark.parametrize("turn", [{"yaw_deg": 25, "pitch_deg": 8}, {"yaw_deg": -40, "pitch_deg": -5}])
def test_room_angles_of_an_exact_room(turn):
    geometry = room_geometry(planes_of(*room(**turn)))
    assert geometry.floor_ceiling.normals_deg == pytest.approx(180, abs=0.1)
    assert geometry.floor_ceiling.depth_deg == pytest.approx(180, abs=0.1)
    assert geometry.floor_walls.normals_error_deg == pytest.approx(0, abs=0.1)
    assert geometry.floor_walls.depth_error_deg == pytest.approx(0, abs=0.1)
    assert geometry.floor_walls.pairs >= 2 and geometry.floor_walls.reason is None


def test_a_ceiling_that_leans_by_ten_degrees():
    camera, scene, semseg = room(pitch_deg=0.0, yaw_deg=0.0)
    lean = np.radians(10)
    normals = scene.normals.astype(np.float32)
    normals[semseg == CEILING] = [0, np.cos(lean), -np.sin(lean)]
    geometry = room_geometry(planes_of(camera, scene, semseg, normals=normals))
    assert geometry.floor_ceiling.normals_error_deg == pytest.approx(10, abs=0.01)
    assert geometry.floor_ceiling.depth_error_deg == pytest.approx(0, abs=0.01)


def test_what_is_not_seen_is_none_with_a_reason():
    camera, scene, semseg = room()
    without_ceiling = np.where(semseg == CEILING, 255, semseg).astype(np.uint8)
    angle = room_geometry(planes_of(camera, scene, without_ceiling)).floor_ceiling
    assert angle.normals_deg is None and angle.depth_error_deg is None and "no ceiling" in angle.reason
    nothing = room_geometry(planes_of(camera, scene, np.full_like(semseg, 255)))
    assert "no floor and no wall" in nothing.floor_walls.reason
    assert nothing.floor_walls.pairs == 0


def step_scene(column=40, shape=(60, 80)):
    depth = np.where(np.arange(shape[1]) < column, 2.0, 3.0) * np.ones(shape)
    semseg = np.where(np.arange(shape[1]) < column, 0, 1).astype(np.uint8) * np.ones(shape, np.uint8)
    normals = np.tile(np.float32([0, 0, -1]), (*shape, 1))
    return semseg, depth, normals


def test_a_step_on_the_boundary_counts_and_one_elsewhere_does_not():
    semseg, depth, normals = step_scene()
    hit = boundary_agreement(semseg, depth, normals)
    assert hit.depth.on_boundary_pct == 100
    assert hit.depth.chance_pct == pytest.approx(100 * 4 / 80)  # the boundary is two pixels wide, within 1
    assert hit.normals.on_boundary_pct is None and hit.normals.reason == "no strong normal discontinuity"
    missed = boundary_agreement(np.roll(semseg, 20, axis=1), depth, normals)
    assert missed.depth.on_boundary_pct == 0
    normals[:, 40:] = [-0.6, 0, -0.8]
    assert boundary_agreement(semseg, depth, normals).normals.on_boundary_pct == 100
    assert boundary_agreement(np.roll(semseg, 20, axis=1), depth, normals).normals.on_boundary_pct == 0


def test_within_grows_the_tolerance():
    semseg, depth, normals = step_scene()
    shifted = np.roll(semseg, 5, axis=1)
    assert boundary_agreement(shifted, depth, normals, within=0.02).depth.on_boundary_pct == 0
    agreement = boundary_agreement(shifted, depth, normals, photo_scale=3.0, within=0.1)
    assert agreement.depth.on_boundary_pct == 100 and agreement.depth.within_px == 24


def test_edges_are_thin_and_blurred_steps_found():
    _, depth, _ = step_scene(320, (480, 640))
    edges = depth_edges(depth)
    assert edges[:, 318:322].any(axis=1).all() and edges.sum() == 480
    ramp = np.interp(np.arange(640), [317, 323], [2.0, 3.0]) * np.ones((480, 1))
    found = depth_edges(ramp)
    assert found.any(axis=1).all() and not found[:, :310].any() and not found[:, 330:].any()


def test_slanted_floors_and_holes_are_no_edges():
    scene = room(Camera.from_fov(320, 240, 75))[1]
    assert not depth_edges(scene.depth).any()  # a closed room has creases but no steps
    depth = scene.depth.copy()
    depth[100:120, 100:120] = 0
    assert not depth_edges(depth).any()
    creases = normal_edges(scene.normals.astype(np.float32))
    assert creases.any() and not creases[scene.away_from_edges(3)].any()


def test_unlabelled_seams_are_no_boundary():
    semseg = np.full((20, 30), 3, np.uint8)
    semseg[:, 10:12] = 255
    assert not semantic_boundary(semseg).any()
    semseg[:, 20:] = 4
    assert semantic_boundary(semseg)[:, 19:21].all() and semantic_boundary(semseg).sum() == 40


def test_tiny_pictures_have_no_edges_but_no_trouble():
    semseg, depth, normals = step_scene(1, (2, 2))
    assert boundary_agreement(semseg, depth, normals).depth.on_boundary_pct is None


@given(
    seed=st.integers(0, 10_000),
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    density=st.floats(0.05, 1),
)
@settings(max_examples=30, deadline=None)
def test_regions_keep_their_mask(seed, height, width, density):
    mask = np.random.default_rng(seed).random((height, width)) < density
    rebuilt = np.zeros_like(mask)
    for part, box in components(mask, 1):
        region = Region.of(part, box, (height, width))
        own = region.mask()
        assert own.sum() == region.count and not (rebuilt & own).any()
        x, y = region.pixel
        assert own[y, x]
        x0, y0, x1, y1 = region.box
        assert own[y0:y1, x0:x1].sum() == region.count and own[y0].any() and own[:, x1 - 1].any()
        big = region.scaled_pixel((3 * height, 2 * width))
        assert region.mask((3 * height, 2 * width))[big[1], big[0]]
        rebuilt |= own
    np.testing.assert_array_equal(rebuilt, mask)


def test_the_interior_pixel_is_in_the_fat_part():
    mask = np.zeros((300, 400), bool)
    mask[10:12, 5:390] = True
    mask[200:260, 300:360] = True
    mask[12:200, 330] = True
    x, y = interior_pixel(mask)
    assert 310 <= x <= 350 and 210 <= y <= 250
