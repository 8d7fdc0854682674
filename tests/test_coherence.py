"""The whole report: numbers known by hand, failures made by hand, missing parts, sizes, JSON."""

import dataclasses
import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from geometry_scenes import box_room
from hypothesis import given, settings
from hypothesis import strategies as st

from mtcp.errors import InputError
from mtcp.geometry.camera import Camera
from mtcp.geometry.coherence import NOISE_FLOOR, angle_stats, coherence, reduce_maps, stage_coherence
from mtcp.geometry.normals import angle_deg
from mtcp.tasks import NYUD_CLASSES

FLOOR, CEILING, WALL, SOFA = (NYUD_CLASSES.index(n) for n in ("floor", "ceiling", "wall", "sofa"))
LABELS = np.array([FLOOR, CEILING, WALL, WALL, WALL], np.uint8)


def exact(width=160, height=120, fov=80.0):
    camera = Camera.from_fov(width, height, fov)
    scene = box_room(camera)
    maps = {
        "semseg": LABELS[scene.surface],
        "depth": scene.depth.astype(np.float32),
        "normals": scene.normals.astype(np.float32),
    }
    return camera, maps


def turned(normals, degrees):
    """Turned about the axis through the camera's y by `degrees`."""
    a = np.radians(degrees)
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    return (normals @ turn.T).astype(np.float32)


def with_error(maps, rows, columns, degrees):
    """`maps` with wrong normals in a rectangle: off by `degrees` from the truth at every pixel."""
    normals = maps["normals"].copy()
    part = normals[rows, columns]
    across = np.cross(part, [0.36, 0.48, 0.8])
    across /= np.linalg.norm(across, axis=-1, keepdims=True)
    a = np.radians(degrees)
    normals[rows, columns] = np.cos(a) * part + np.sin(a) * across
    return {**maps, "normals": normals}


def test_an_exact_room_agrees_with_itself():
    camera, maps = exact()
    report = coherence(maps, maps, camera)
    assert report.initial.depth_normal.median_deg < 0.01
    assert report.initial.depth_normal.mean_deg < 1
    assert report.initial.depth_normal_derivative.mean_deg < 0.5
    assert report.initial.depth_normal.known_pct == 100
    assert report.initial.planarity.mean_rms_cm < 1e-3
    assert report.initial.room.floor_walls.depth_error_deg < 0.1
    assert report.failures == ()
    assert report.initial == report.refined
    assert report.working_size == (120, 160)


def test_the_angle_is_the_one_put_in():
    camera, maps = exact()
    tilted = {**maps, "normals": turned(maps["normals"], 17)}
    stats = coherence(tilted, None, camera).initial.depth_normal
    expected = angle_deg(tilted["normals"], maps["normals"])
    assert stats.mean_deg == pytest.approx(expected.mean(), abs=1)
    assert stats.median_deg == pytest.approx(np.median(expected), abs=0.3)
    assert stats.within_30 > 99


def test_angle_stats_by_hand():
    stats = angle_stats(np.array([[1.0, 11.25, 20.0], [29.0, 90.0, np.nan]]))
    assert stats.mean_deg == pytest.approx(151.25 / 5) and stats.median_deg == 20
    assert (stats.within_11, stats.within_22, stats.within_30) == pytest.approx((20, 60, 80))
    assert stats.known_pct == pytest.approx(100 * 5 / 6)
    nothing = angle_stats(np.full((2, 2), np.nan))
    assert nothing.mean_deg is None and nothing.within_30 is None and nothing.reason


def test_failures_made_by_hand():
    camera, maps = exact()
    bad = with_error(maps, slice(50, 70), slice(20, 60), 50)  # 800 px at 50: in both, worse before
    good = with_error(maps, slice(50, 70), slice(20, 60), 40)
    bad = with_error(bad, slice(80, 110), slice(90, 120), 60)  # 900 px at 60: fixed
    good = with_error(good, slice(10, 20), slice(100, 130), 70)  # 300 px at 70: new
    good = with_error(good, slice(100, 103), slice(5, 8), 80)  # 9 px: too small to tell
    failures = coherence(bad, good, camera).failures
    assert [f.status for f in failures] == ["remaining", "introduced", "fixed"]
    assert [f.found_in for f in failures] == ["refined", "refined", "initial"]  # these are numbered last
    assert [f.rank for f in failures] == [1, 2, 3]
    boxes = [(20, 50, 60, 70), (100, 10, 130, 20), (90, 80, 120, 110)]
    for failure, box, before, after in zip(failures, boxes, [50, 0, 60], [40, 70, 0], strict=True):
        assert failure.box == box
        assert failure.before_deg == pytest.approx(before, abs=1.5)
        assert failure.after_deg == pytest.approx(after, abs=1.5)
        x0, y0, x1, y1 = box
        expected = np.zeros((120, 160), bool)
        expected[y0:y1, x0:x1] = True
        np.testing.assert_array_equal(failure.region.mask(), expected)
        assert expected[failure.pixel[1], failure.pixel[0]]
        assert failure.share_pct == pytest.approx(100 * expected.mean())
        assert failure.score == pytest.approx(
            failure.share_pct * (before if failure.rank == 3 else after), rel=0.05
        )


def test_a_failure_says_what_both_surfaces_are():
    camera, maps = exact(fov=60)
    semseg = maps["semseg"].copy()
    rows, columns = slice(50, 70), slice(100, 120)  # of one wall
    semseg[rows, columns] = SOFA
    semseg[50:54, columns] = WALL
    bad = with_error({**maps, "semseg": semseg}, rows, columns, 45)
    (failure,) = coherence(maps, bad, camera).failures
    assert failure.label == "sofa" and failure.label_pct == pytest.approx(80)
    assert failure.status == "introduced" and failure.surfaces_deg == pytest.approx(45, abs=1)
    truth = maps["normals"][rows, columns].reshape(-1, 3).mean(axis=0)
    assert angle_deg(np.array(failure.depth_normal), truth) < 1
    assert angle_deg(np.array(failure.predicted_normal), bad["normals"][60, 110]) < 1


def test_a_failure_all_over_is_cut_by_class():
    camera, maps = exact()
    bad = with_error(maps, slice(0, 120), slice(0, 160), 60)
    failures = coherence(bad, None, camera).failures
    assert {f.label for f in failures} == {"wall", "floor", "ceiling"}
    assert all(f.label_pct == 100 for f in failures)
    union = np.sum([f.region.mask() for f in failures], axis=0)
    assert union.max() == 1 and union.mean() > 0.98
    scattered = {**bad, "semseg": np.random.default_rng(0).integers(0, 40, (120, 160)).astype(np.uint8)}
    (full,) = coherence(scattered, None, camera).failures
    assert full.share_pct > 98


def test_hairlines_are_no_failures():
    camera, maps = exact()
    assert coherence(maps, with_error(maps, slice(0, 120), slice(70, 72), 60), camera).failures == ()
    assert len(coherence(maps, with_error(maps, slice(0, 120), slice(70, 73), 60), camera).failures) == 1


def test_without_trace_back_or_semseg():
    camera, maps = exact()
    bad = with_error(maps, slice(50, 70), slice(20, 60), 50)
    report = coherence(bad, {}, camera)
    assert report.refined is None
    (failure,) = report.failures
    assert failure.found_in == "initial" and failure.after_deg is None and failure.status == "remaining"
    del bad["semseg"]
    report = coherence(bad, bad, camera)
    assert report.failures[0].label is None
    assert report.refined.planarity.reason == "no semantic segmentation"
    edges = report.refined.boundaries.depth
    assert edges.on_boundary_pct is None and edges.edges_pct is None and edges.reason
    json.dumps(report.to_dict(), allow_nan=False)


def test_truth_with_holes():
    camera, maps = exact()
    maps["depth"][:, :40] = 0
    maps["depth"][5, 5] = np.nan
    maps["normals"][:30] = 0
    maps["normals"][60, 60] = np.nan
    maps["semseg"][:, 150:] = 255
    stage = stage_coherence(maps, camera)
    known = (maps["depth"] > 0) & (maps["normals"] != 0).any(-1)
    known[60, 60] = False
    assert stage.depth_normal.known_pct == pytest.approx(100 * known.mean())
    assert stage.depth_normal.median_deg < 0.01
    assert stage.planarity.mean_rms_cm < 1e-3


def test_nothing_known_is_none_with_reasons():
    camera, maps = exact()
    empty = {**maps, "depth": np.zeros_like(maps["depth"])}
    report = coherence(empty, empty, camera)
    assert report.initial.depth_normal.mean_deg is None and report.initial.depth_normal.reason
    assert report.initial.planarity.mean_rms_cm is None and report.initial.planarity.reason
    assert report.failures == ()


def test_normals_need_not_be_unit():
    camera, maps = exact()
    longer = {**maps, "normals": 7 * maps["normals"]}
    assert coherence(longer, None, camera).initial.depth_normal.mean_deg == pytest.approx(
        coherence(maps, None, camera).initial.depth_normal.mean_deg, abs=1e-3
    )


@pytest.mark.parametrize("size", [(97, 131), (300, 200), (33, 20), (8, 8), (1, 1)])
def test_any_size(size):
    camera, maps = exact(*size)
    report = coherence(maps, maps, camera)
    json.dumps(report.to_dict(), allow_nan=False)
    assert report.initial.maps.angle_deg.shape == report.working_size == size[::-1]


def test_large_photos_are_measured_at_the_working_size():
    camera, maps = exact(500, 365)
    bad = with_error(maps, slice(150, 210), slice(50, 150), 50)
    report = coherence(maps, bad, camera, working_side=320)
    assert report.working_size == (234, 320)
    assert report.camera == camera
    assert report.initial.depth_normal.median_deg < 0.05
    assert report.initial.planarity.mean_rms_cm < 0.05
    (failure,) = report.failures
    np.testing.assert_allclose(failure.box, (50, 150, 150, 210), atol=3)
    x, y = failure.pixel
    assert 50 <= x < 150 and 150 <= y < 210
    assert failure.region.mask((365, 500))[165:195, 65:135].all()


@given(st.integers(100, 200), st.integers(100, 200), st.integers(20, 99))
@settings(max_examples=25, deadline=None)
def test_reducing_keeps_the_geometry(width, height, side):
    camera, maps = exact(width, height)
    reduced, small = reduce_maps(maps, camera, side)
    assert max(small.width, small.height) == side
    assert reduced["depth"].shape == (small.height, small.width) == reduced["semseg"].shape
    assert small.fov_deg == pytest.approx(camera.fov_deg)
    truth = box_room(small)  # the same room through the small camera
    same = truth.away_from_edges(2)
    np.testing.assert_allclose(reduced["depth"][same], truth.depth[same], rtol=1e-5)
    np.testing.assert_allclose(reduced["normals"][same], truth.normals[same], atol=1e-6)


def test_reducing_does_not_blend_across_steps():
    camera = Camera.from_fov(100, 10)
    depth = np.where(np.arange(100) < 51, 1.0, 4.0) * np.ones((10, 1))
    reduced, _ = reduce_maps({"depth": depth, "normals": np.ones((10, 100, 3))}, camera, 37)
    assert set(np.unique(reduced["depth"])) == {1.0, 4.0}


def test_json_has_the_promised_keys():
    camera, maps = exact()
    bad = with_error(maps, slice(50, 70), slice(20, 60), 50)
    report = coherence(bad, maps, camera)
    found = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert found["camera"]["fov_deg"] == pytest.approx(80)
    for stage in ("initial", "refined"):
        for method in ("depth_normal", "depth_normal_derivative"):
            keys = {"mean_deg", "median_deg", "within_11", "within_22", "within_30"}
            assert keys <= found[stage][method].keys()
        assert {"planarity", "room", "boundaries"} <= found[stage].keys()
        assert "maps" not in found[stage]
    (failure,) = found["failures"]
    size, runs = failure["region"]["size"], failure["region"]["runs"]
    mask = np.zeros(size[0] * size[1], bool)
    for start, length in runs:
        mask[start : start + length] = True
    assert mask.reshape(size)[50:70, 20:60].all() and mask.sum() == 800
    assert found["noise_floor"] == NOISE_FLOOR


def test_the_report_is_frozen():
    camera, maps = exact(40, 30)
    report = coherence(maps, None, camera)
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.initial = None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"depth": None}, "'depth'"),
        ({"normals": None}, "'normals'"),
        ({"depth": np.ones((120, 159))}, "120x159"),
        ({"normals": np.ones((120, 160))}, "(120, 160)"),
        ({"depth": np.ones((1, 120, 160))}, "(1, 120, 160)"),
        ({"semseg": np.zeros((120, 160))}, "float64"),
        ({"semseg": np.full((120, 160), 40, np.uint8)}, "40"),
    ],
)
def test_nonsense_is_named(change, says):
    camera, maps = exact()
    maps = {k: v for k, v in {**maps, **change}.items() if v is not None}
    with pytest.raises(InputError) as error:
        coherence(maps, None, camera)
    assert says in str(error.value) and "\n" not in str(error.value)


@pytest.fixture(scope="module")
def frames():
    rooms = pytest.importorskip("mtcp.data.rooms")
    return [rooms.render(rooms.make_room(seed), (120, 160), "none") for seed in (0, 1)]


@pytest.mark.parametrize("method", ["plane fit", "derivative"])
def test_under_a_degree_away_from_edges_in_furnished_rooms(frames, method):
    measure = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "normals.py"))["measure"]
    row = measure(frames, method, 0.0)
    assert row.away_mean_deg < 1 and row.away_median_deg < 0.1
    noisy = measure(frames, method, 1.0)
    assert noisy.away_mean_deg > row.away_mean_deg


def test_the_truth_of_a_furnished_room_is_coherent(frames):
    stages = [
        stage_coherence({"depth": f.depth, "normals": f.normals, "semseg": f.semseg}, f.camera)
        for f in frames
    ]
    for stage in stages:
        assert stage.depth_normal.median_deg < 0.5
        assert stage.depth_normal_derivative.mean_deg < 2 * NOISE_FLOOR["plane_fit_mean_deg"]
    angles = [s.room.floor_walls.depth_error_deg for s in stages if s.room.floor_walls.pairs]
    assert angles and max(angles) < 3
