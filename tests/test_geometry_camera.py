"""The camera's arithmetic: exact under crop, resize and flip."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtcp.errors import InputError
from mtcp.geometry.camera import NYUV2, Camera

CAMERAS = st.builds(
    Camera,
    fx=st.floats(20, 2000),
    fy=st.floats(20, 2000),
    cx=st.floats(-50, 700),
    cy=st.floats(-50, 700),
    width=st.integers(1, 640),
    height=st.integers(1, 640),
)
POINTS = st.tuples(st.floats(-3, 3), st.floats(-3, 3), st.floats(0.3, 10)).map(np.array)


@given(CAMERAS, POINTS, st.integers(-40, 200), st.integers(-40, 200))
def test_crop_subtracts_the_offset(camera, point, x0, y0):
    cropped = camera.crop(x0, y0, 50, 40)
    np.testing.assert_allclose(cropped.project(point), camera.project(point) - [x0, y0], atol=1e-6)
    assert (cropped.width, cropped.height) == (50, 40)


@given(CAMERAS, POINTS, st.integers(1, 900), st.integers(1, 900))
def test_resize_multiplies_the_pixels(camera, point, width, height):
    resized = camera.resize(width, height)
    expected = camera.project(point) * [width / camera.width, height / camera.height]
    np.testing.assert_allclose(resized.project(point), expected, rtol=1e-9, atol=1e-6)


@given(CAMERAS, POINTS)
def test_flip_mirrors_the_scene(camera, point):
    u, v = camera.project(point)
    np.testing.assert_allclose(camera.flip().project(point * [-1, 1, 1]), [camera.width - u, v], atol=1e-6)
    back = camera.flip().flip()
    assert back.cx == pytest.approx(camera.cx, abs=1e-9)
    assert (back.fx, back.fy, back.cy, back.width, back.height) == (
        camera.fx, camera.fy, camera.cy, camera.width, camera.height
    )  # fmt: skip


@given(CAMERAS, st.integers(1, 900), st.integers(1, 900))
def test_field_of_view_survives_resize_and_flip(camera, width, height):
    assert camera.resize(width, height).fov_deg == pytest.approx(camera.fov_deg)
    assert camera.flip().fov_deg == pytest.approx(camera.fov_deg)


@given(st.integers(1, 5000), st.integers(1, 5000), st.floats(1, 179))
def test_fov_is_kept(width, height, fov):
    camera = Camera.from_fov(width, height, fov)
    assert camera.fov_deg == pytest.approx(fov)
    assert camera.fx == camera.fy


@given(CAMERAS, st.randoms(use_true_random=False))
def test_pixels_project_back_onto_their_centres(camera, random):
    i, j = random.randrange(camera.height), random.randrange(camera.width)
    np.testing.assert_allclose(camera.project(camera.rays(np.float64)[i, j]), [j + 0.5, i + 0.5], atol=1e-6)


def test_focal35():
    # a 50 mm lens on 36 x 24 mm: 39.6 degrees across
    assert Camera.from_focal35(3600, 2400, 50).fov_deg == pytest.approx(math.degrees(2 * math.atan(18 / 50)))
    # portrait: the same lens, the short side across
    assert Camera.from_focal35(2400, 3600, 50).fov_deg == pytest.approx(math.degrees(2 * math.atan(12 / 50)))
    # another aspect: the diagonal counts
    camera = Camera.from_focal35(4000, 3000, 26)
    assert camera.focal35_mm == pytest.approx(26)
    assert camera.fx == pytest.approx(26 * 5000 / math.hypot(36, 24))


def test_backproject():
    camera = Camera(100.0, 200.0, 2.0, 1.0, 4, 3)
    depth = np.full((3, 4), 2.0, np.float32)
    depth[0, 0] = 0
    points = camera.backproject(depth)
    assert points.dtype == np.float32 and points.shape == (3, 4, 3)
    np.testing.assert_allclose(points[2, 3], [2 * 1.5 / 100, 2 * 1.5 / 200, 2], rtol=1e-6)
    np.testing.assert_array_equal(points[0, 0], 0)
    assert camera.backproject(depth.astype(np.float64)).dtype == np.float64
    with pytest.raises(InputError, match="4x3"):
        camera.backproject(depth.T)


def test_nyuv2():
    half = NYUV2.resize(320, 240)
    assert (half.fx, half.cy) == (518.858 / 2, 253.736 / 2)
    assert half.fov_deg == pytest.approx(63.4, abs=0.1)
    assert half.to_dict()["fov_deg"] == half.fov_deg


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Camera.from_fov(10, 10, 0), "0"),
        (lambda: Camera.from_fov(10, 10, 180), "180"),
        (lambda: Camera.from_fov(10, 10, math.nan), "nan"),
        (lambda: Camera.from_focal35(10, 10, 0), "0"),
        (lambda: Camera.from_focal35(10, 10, math.inf), "inf"),
        (lambda: Camera(-1, 1, 0, 0, 10, 10), "fx=-1"),
        (lambda: Camera(1, math.nan, 0, 0, 10, 10), "fy=nan"),
        (lambda: Camera.from_fov(0, 10), "width=0"),
        (lambda: Camera(1, 1, 0, 0, 10, 0), "height=0"),
        (lambda: Camera(1, 1, 0, 0, 10, 2.5), "height=2.5"),
    ],
)
def test_nonsense_is_named(make, says):
    with pytest.raises(InputError, match=says.replace(".", r"\.")):
        make()
