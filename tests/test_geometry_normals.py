"""Normals from depth: against a brute-force plane fit, and on exact scenes of planes and a box."""

import numpy as np
import pytest
from geometry_scenes import box_room, plane_depth
from hypothesis import given, settings
from hypothesis import strategies as st

from mtcp.errors import InputError
from mtcp.geometry.camera import NYUV2, Camera
from mtcp.geometry.normals import angle_deg, derivative_normals, plane_fit_normals, scaled_window

METHODS = (plane_fit_normals, derivative_normals)


def brute_force(depth, camera, half, shifts):
    """The definition, pixel by pixel, by numpy's least squares: normals, gap to the second best score."""
    H, W = depth.shape
    x, y = camera.axes()
    fits = {}
    for i in range(H):
        for j in range(W):
            rows = slice(max(i - half, 0), i + half + 1)
            columns = slice(max(j - half, 0), j + half + 1)
            yy, xx = np.meshgrid(y[rows], x[columns], indexing="ij")
            z = depth[rows, columns]
            known = z > 0
            if known.sum() < (2 * half + 1) ** 2 // 8:
                continue
            A = np.stack((xx[known], yy[known], np.ones(known.sum())), axis=1)
            coefficients, _, rank, _ = np.linalg.lstsq(A, 1 / z[known], rcond=None)
            if rank == 3:
                fits[i, j] = coefficients, np.mean((A @ coefficients - 1 / z[known]) ** 2)
    normals, gap = np.zeros((H, W, 3)), np.zeros((H, W))
    for i in range(H):
        for j in range(W):
            scores = []
            for dy in shifts:
                for dx in shifts:
                    if depth[i, j] > 0 and (i + dy, j + dx) in fits:
                        (a, b, c), variance = fits[i + dy, j + dx]
                        misfit = 1 / depth[i, j] - (a * x[j] + b * y[i] + c)
                        scores.append((variance + 0.5 * misfit**2, -np.array([a, b, c])))
            scores.sort(key=lambda s: s[0])
            if scores:
                normals[i, j] = scores[0][1] / np.linalg.norm(scores[0][1])
                gap[i, j] = scores[1][0] - scores[0][0] if len(scores) > 1 else 1.0
    return normals, gap


@pytest.mark.parametrize("holes", [False, True])
def test_plane_fit_is_the_definition(holes):
    rng = np.random.default_rng(4)
    camera = NYUV2.resize(320, 240).crop(150, 100, 30, 24)
    depth = np.where(np.arange(30) < 14, 2.0, 3.0) + 0.02 * np.arange(24)[:, None]
    depth *= 1 + 0.01 * rng.standard_normal(depth.shape)
    if holes:
        depth[rng.random(depth.shape) < 0.3] = 0
        depth[12:, 20:] = 0
    expected, gap = brute_force(depth, camera, 5, (-5, -2, 0, 2, 5))
    got = plane_fit_normals(depth.astype(np.float32), camera)
    clear = gap > 1e-7  # a tie may go either way in float32
    assert clear.mean() > (0.5 if holes else 0.8)
    assert np.nanmax(angle_deg(got, expected)[clear]) < 0.05
    np.testing.assert_array_equal((got == 0).all(-1), (expected == 0).all(-1))


@pytest.mark.parametrize("method", METHODS)
@given(
    normal=st.tuples(st.floats(-0.8, 0.8), st.floats(-0.8, 0.8), st.floats(-1, -0.6)),
    distance=st.floats(0.5, 9),
    fov=st.floats(30, 80),
)
@settings(max_examples=25, deadline=None)
def test_exact_on_any_plane(method, normal, distance, fov):
    camera = Camera.from_fov(40, 30, fov)
    normal = np.array(normal) / np.linalg.norm(normal)
    depth = plane_depth(camera, normal, distance)
    if (depth == 0).any():  # the plane's horizon is in the picture
        return
    assert np.max(angle_deg(method(depth, camera), normal)) < 0.05


@pytest.mark.parametrize("method", METHODS)
def test_under_a_degree_away_from_edges_in_a_box(method):
    camera = Camera.from_fov(320, 240, 75)
    room = box_room(camera)
    error = angle_deg(method(room.depth, camera), room.normals)
    assert error[room.away_from_edges(8)].mean() < 0.1
    assert error.mean() < 1.0


@pytest.mark.parametrize("method", METHODS)
def test_flip_negates_x(method):
    camera = NYUV2.resize(160, 120)
    depth = box_room(camera).depth
    flipped = method(depth[:, ::-1], camera.flip())[:, ::-1] * [-1, 1, 1]
    assert np.median(angle_deg(flipped, method(depth, camera))) < 0.01
    assert np.mean(angle_deg(flipped, method(depth, camera))) < 0.3  # ties at creases may go the other way


@pytest.mark.parametrize("method", METHODS)
def test_crop_of_the_camera_gives_the_same_normals(method):
    camera = NYUV2.resize(160, 120)
    depth = box_room(camera).depth
    part = (slice(20, 100), slice(30, 130))
    cropped = method(depth[part], camera.crop(30, 20, 100, 80))
    inner = (slice(12, -12), slice(12, -12))
    error = angle_deg(cropped[inner], method(depth, camera)[part][inner])
    assert np.mean(error) < 0.1


@pytest.mark.parametrize("method", METHODS)
def test_invalid_depth_is_zero_and_does_not_spread(method):
    camera = Camera.from_fov(60, 50)
    depth = plane_depth(camera, np.array([0.3, 0.2, -0.9]) / np.linalg.norm([0.3, 0.2, -0.9]), 2.0)
    truth = depth.copy()
    holes = {(10, 10): 0.0, (20, 30): np.nan, (30, 40): np.inf, (49, 59): -1.0}
    for at, value in holes.items():
        depth[at] = value
    normals = method(depth, camera)
    assert normals.dtype == np.float32 and normals.shape == (50, 60, 3)
    for at in holes:
        np.testing.assert_array_equal(normals[at], 0)
    assert np.isfinite(normals).all()
    known = np.ones_like(depth, bool)
    for at in holes:
        known[at] = False
    assert np.max(angle_deg(normals, method(truth, camera))[known]) < 0.05
    np.testing.assert_allclose(np.linalg.norm(normals[known], axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_always_unit_and_facing_whatever_the_depth(method, seed):
    rng = np.random.default_rng(seed)
    camera = Camera.from_fov(24, 17)
    depth = rng.uniform(0.3, 10, (17, 24)) * (rng.random((17, 24)) > 0.2)
    normals = method(depth, camera)
    known = (normals != 0).any(-1)
    assert not known[depth == 0].any()
    np.testing.assert_allclose(np.linalg.norm(normals[known], axis=-1), 1, atol=1e-5)
    assert (np.einsum("hwc,hwc->hw", normals, camera.rays())[known] <= 1e-5).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 2), (3, 3), (97, 131)])
def test_any_size(method, size):
    normals = method(np.full(size, 2.0), Camera.from_fov(size[1], size[0]))
    assert normals.shape == (*size, 3)
    if min(size) > 4:
        np.testing.assert_allclose(normals, np.broadcast_to([0, 0, -1], normals.shape), atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_all_invalid(method):
    assert (method(np.zeros((12, 16)), Camera.from_fov(16, 12)) == 0).all()


def test_the_fit_keeps_a_crease_and_a_step():
    camera = Camera.from_fov(80, 60)
    left, right = np.array([0.6, 0, -0.8]), np.array([-0.6, 0, -0.8])
    depth = np.where(np.arange(80) < 40, plane_depth(camera, left, 2.0), plane_depth(camera, right, 3.0))
    for method in METHODS:
        normals = method(depth, camera)
        assert np.max(angle_deg(normals[:, :39], left)) < 0.5
        assert np.max(angle_deg(normals[:, 41:], right)) < 0.5


def test_noise_reverses_the_ranking():
    camera = NYUV2.resize(160, 120)
    room = box_room(camera)
    noisy = room.depth * (1 + 0.01 * np.random.default_rng(0).standard_normal(room.depth.shape))
    depths = (room.depth, noisy)
    exact, rough = ([np.mean(angle_deg(m(d, camera), room.normals)) for m in METHODS] for d in depths)
    assert rough[0] < 0.5 * rough[1]
    assert exact[1] < exact[0] < rough[0]


def test_scaled_window():
    assert scaled_window(320, 240) == (11, (-5, -2, 0, 2, 5))
    assert scaled_window(240, 320) == (11, (-5, -2, 0, 2, 5))
    assert scaled_window(640, 480) == (21, (-10, -4, 0, 4, 10))
    window, shifts = scaled_window(20, 15)
    assert window == 5 and max(shifts) <= 2


def test_angle():
    assert angle_deg(np.array([0, 0, -1.0]), np.array([0, 0, -5.0])) == 0
    assert angle_deg(np.array([0, 0, -1.0]), np.array([0, 0, 1.0])) == pytest.approx(180)
    assert angle_deg(np.array([1.0, 0, 0]), np.array([0, 1.0, 0])) == pytest.approx(90)
    assert angle_deg(np.array([1.0, 0, 0]), np.array([1.0, 1e-7, 0])) == pytest.approx(np.degrees(1e-7))
    assert np.isnan(angle_deg(np.zeros(3), np.array([0, 0, 1.0])))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda c: plane_fit_normals(np.ones((5, 5)), c), "5x5"),
        (lambda c: derivative_normals(np.ones((1, 6, 8)), c), "(1, 6, 8)"),
        (lambda c: plane_fit_normals(np.ones((6, 8)), c, window=4), "window 4"),
        (lambda c: plane_fit_normals(np.ones((6, 8)), c, window=5, shifts=(0, 3)), "(0, 3)"),
    ],
)
def test_nonsense_is_named(call, says):
    with pytest.raises(InputError) as error:
        call(Camera.from_fov(8, 6))
    assert says in str(error.value)
