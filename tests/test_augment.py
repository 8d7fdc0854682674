"""Augmentation keeps the geometry: depth, normals and camera of the result describe one scene."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from data_made import labels, photo, plane_depth
from hypothesis import given, settings
from hypothesis import strategies as st

from mtcp.data.augment import Augment, Zoom, distort_colours, draw_zoom, flipped, zoomed
from mtcp.data.cache import shrunk
from mtcp.data.resample import Window, resample
from mtcp.data.sample import Sample, camera_tensor, image_tensor
from mtcp.errors import InputError
from mtcp.geometry.camera import Camera
from mtcp.geometry.normals import angle_deg, plane_fit_normals
from mtcp.tasks import task_named

H, W = 96, 128
SIZE = (48, 64)
CAMERA = Camera(100.0, 104.0, 70.0, 44.0, W, H)

facing = st.tuples(st.floats(-0.6, 0.6), st.floats(-0.6, 0.6), st.just(-1.0))
zooms = st.sampled_from((1.0, 1.2, 1.5))
seeds = st.integers(0, 2**32 - 1)


def plane_sample(normal: tuple[float, float, float], stored_at: int = 1) -> Sample:
    """A slanted plane, its depth and normals stored at 1/stored_at of the image's size."""
    camera = CAMERA.resize(W // stored_at, H // stored_at)
    unit = np.array(normal) / np.linalg.norm(normal)
    return {
        "image": image_tensor(photo(H, W)),
        "semseg": torch.from_numpy(labels(H, W)),
        "depth": torch.from_numpy(plane_depth(camera, normal, 2.0)),
        "normals": task_named("normals").target_of(np.broadcast_to(unit, (camera.height, camera.width, 3))),
        "camera": camera_tensor(CAMERA),
    }


def camera_of(sample: Sample) -> Camera:
    height, width = sample["image"].shape[-2:]
    return Camera(*sample["camera"].tolist(), width, height)


@settings(max_examples=50, deadline=None)
@given(size=st.tuples(st.integers(120, 500), st.integers(120, 700)), factor=st.floats(1.0, 3.0), seed=seeds)
def test_windows_stay_inside_wherever_they_fit(size: tuple[int, int], factor: float, seed: int) -> None:
    inside = (0.02, 0.03, 0.98, 0.95)
    left, top, right, bottom = draw_zoom(size, (factor,), np.random.default_rng(seed), inside).box
    for start, stop, side, (low, high) in (
        (left, right, size[1], inside[::2]),
        (top, bottom, size[0], inside[1::2]),
    ):
        assert stop - start == max(1, round(side / factor))
        if stop - start <= np.floor(high * side) - np.ceil(low * side):
            assert low * side <= start and stop <= high * side
        assert start >= 0 and stop <= side


def test_without_limits_windows_are_drawn_as_they_always_were() -> None:
    drawn = [draw_zoom((480, 640), (1.0, 1.2, 1.5), np.random.default_rng(seed)) for seed in range(20)]
    for seed, zoom in enumerate(drawn):
        rng = np.random.default_rng(seed)
        factor = (1.0, 1.2, 1.5)[rng.integers(3)]
        height, width = round(480 / factor), round(640 / factor)
        top, left = int(rng.integers(481 - height)), int(rng.integers(641 - width))
        assert zoom == Zoom(factor, (left, top, left + width, top + height))


def normals_of(sample: Sample) -> np.ndarray:
    return sample["normals"].permute(1, 2, 0).numpy()


@settings(max_examples=20, deadline=None)
@given(scale=zooms, seed=seeds)
def test_unknown_pixels_stay_unknown_and_alone(scale: float, seed: int) -> None:
    """Zeros or no numbers: the same pixels are unknown afterwards, and the others do not change."""
    augment = Augment(SIZE, (scale,), flip=True, photometric=False)
    results = []
    for unknown in (0.0, float("nan")):
        sample = plane_sample((0.2, 0.1, -1.0))
        sample["depth"][20:30, 40:60] = unknown
        sample["normals"][:, 30:40, 40:60] = unknown
        results.append(augment(shrunk(sample, SIZE), np.random.default_rng(seed)))
    for name in ("depth", "normals"):
        assert torch.equal(results[0][name], results[1][name].nan_to_num(0.0))
        assert torch.equal(results[0][name] == 0, results[1][name].isnan())


@settings(max_examples=60, deadline=None)
@given(normal=facing, scale=zooms, seed=seeds, stored_at=st.sampled_from((1, 2)))
def test_depth_normals_and_camera_agree(
    normal: tuple[float, float, float], scale: float, seed: int, stored_at: int
) -> None:
    """Plane-fit normals of the augmented depth, under the augmented camera, are the augmented normals."""
    augment = Augment(SIZE, (scale,), flip=True, photometric=False)
    result = augment(plane_sample(normal, stored_at), np.random.default_rng(seed))
    fitted = plane_fit_normals(result["depth"].numpy(), camera_of(result))
    angles = angle_deg(fitted, normals_of(result))
    # nearest neighbour lets depth jitter by half a stored pixel; unchanged normals would be 11 degrees off
    assert np.nanmedian(angles) < 1.5


@settings(max_examples=60, deadline=None)
@given(normal=facing, scale=zooms, seed=seeds)
def test_every_point_lies_on_the_transformed_plane(
    normal: tuple[float, float, float], scale: float, seed: int
) -> None:
    """(X, Y, Z) -> (X, Y, Z/s) and the mirror, up to nearest neighbour's half pixel: an analytic check."""
    augment = Augment((H, W), (scale,), flip=True, photometric=False)
    rng = np.random.default_rng(seed)
    result = augment(plane_sample(normal), rng)
    mirrored = np.sign(normals_of(result)[0, 0, 0]) != np.sign(normal[0])
    expected = np.array([-normal[0] if mirrored else normal[0], normal[1], normal[2] * scale])
    expected /= np.linalg.norm(np.array(normal))  # plane: expected . P = -2
    camera = camera_of(result)
    points = camera.backproject(result["depth"].numpy())
    error = np.abs(points @ expected + 2.0) / 2.0
    # moving the ray by half a pixel moves the depth by its slope times half a pixel
    slope = max(abs(expected[0]) / camera.fx, abs(expected[1]) / camera.fy) * points[..., 2].max()
    assert error.max() <= 1.1 * slope + 1e-5
    assert np.allclose(normals_of(result), expected / np.linalg.norm(expected), atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(scale=zooms, seed=seeds)
def test_crop_moves_the_centre_and_depth_takes_the_zoom(scale: float, seed: int) -> None:
    zoom = draw_zoom((H, W), (scale,), np.random.default_rng(seed))
    left, top, right, bottom = zoom.box
    assert 0 <= left < right <= W and 0 <= top < bottom <= H
    sample = plane_sample((0, 0, -1))
    result = zoomed(sample, zoom, SIZE)
    assert torch.allclose(result["depth"], torch.tensor(2.0 / scale))
    exact = CAMERA.crop(left, top, right - left, bottom - top).resize(SIZE[1], SIZE[0])
    camera = camera_of(result)
    assert (camera.cx, camera.cy) == pytest.approx((exact.cx, exact.cy), abs=1e-4)
    assert camera.fx * scale == pytest.approx(exact.fx, rel=1e-6)
    full = CAMERA.resize(SIZE[1], SIZE[0])
    assert camera.fx == pytest.approx(full.fx, rel=0.01)  # the box is rounded to whole pixels


def test_flip_is_the_mirror_and_its_own_inverse() -> None:
    sample = plane_sample((0.4, 0.1, -1))
    once = flipped(sample)
    assert torch.equal(once["image"], sample["image"].flip(-1))
    assert torch.equal(once["semseg"], sample["semseg"].flip(-1))
    assert torch.equal(once["normals"][0], -sample["normals"][0].flip(-1))
    assert torch.equal(once["normals"][1:], sample["normals"][1:].flip(-1))
    assert once["camera"].tolist() == [100.0, 104.0, W - 70.0, 44.0]
    twice = flipped(once)
    assert all(torch.equal(twice[name], sample[name]) for name in sample)


@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_same_generator_same_result_and_the_sample_is_left_alone(seed: int) -> None:
    sample = plane_sample((0.2, 0.1, -1), stored_at=2)
    before = {name: value.clone() for name, value in sample.items()}
    augment = Augment(SIZE)
    first = augment(sample, np.random.default_rng(seed))
    second = augment(sample, np.random.default_rng(seed))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(torch.equal(before[name], sample[name]) for name in sample)
    assert first["image"].dtype == first["semseg"].dtype == torch.uint8
    assert first["image"].shape == (3, *SIZE) and first["normals"].shape == (3, *SIZE)
    assert first["depth"].shape == first["semseg"].shape == SIZE
    assert set(first["semseg"].unique().tolist()) <= {0, 4, 39, 255}


def test_without_options_it_is_a_plain_resize() -> None:
    sample = plane_sample((0.2, 0.1, -1))
    result = Augment(SIZE, (1.0,), flip=False, photometric=False)(sample, np.random.default_rng(0))
    smooth = photo(H, W).astype(float).reshape(SIZE[0], 2, SIZE[1], 2, 3).mean((1, 3))
    inner = (slice(1, -1), slice(1, -1))
    assert np.abs(result["image"].permute(1, 2, 0).numpy()[inner] - smooth[inner]).max() <= 1.5
    assert torch.equal(result["normals"], sample["normals"][:, ::2, ::2])
    assert camera_of(result) == CAMERA.resize(SIZE[1], SIZE[0])


def test_invalid_pixels_stay_invalid() -> None:
    sample = plane_sample((0.2, 0.1, -1))
    sample["normals"][:, :, :64] = 0
    sample["depth"][:, :64] = 0
    result = zoomed(sample, Zoom(1.5, (20, 10, 105, 74)), SIZE)
    invalid = result["depth"] == 0
    assert invalid.any() and not invalid.all()
    assert torch.equal(result["normals"].abs().sum(0) == 0, invalid)
    assert not task_named("normals").zoomed(torch.zeros(3, 2, 2), 1.5).any()


def test_a_random_side_keeps_halved_labels_unbiased() -> None:
    """Halving has no pixel at the middle: one side in half of the samples, the other in the rest."""
    ramp = torch.arange(W, dtype=torch.float32).expand(H, W)
    sample = {"image": image_tensor(photo(H, W)), "depth": ramp + 1}
    augment = Augment(SIZE, (1.0,), flip=False, photometric=False)
    found = {augment(sample, np.random.default_rng(i))["depth"][0, 0].item() for i in range(20)}
    assert found == {1.0, 2.0}


def test_thin_edges_survive_shrinking() -> None:
    edge = torch.zeros(H, W, dtype=torch.uint8)
    edge[:, 41] = 1
    edge[10:12, 80:90] = 255
    half = resample("edge", edge, Window(), SIZE)
    assert half[:, 20].eq(1).all() and half.eq(1).sum() == SIZE[0]
    assert half[5, 40:45].eq(255).all() and half.eq(255).sum() == 5
    cropped = resample("edge", edge, Window(left=0.0, right=0.25), (H, 16))
    assert not cropped.any()  # column 41 lies outside of the window


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_colours_stay_in_range_and_grey_stays_grey(seed: int) -> None:
    grey = torch.arange(256, dtype=torch.uint8).view(1, 16, 16).expand(3, 16, 16)
    result = distort_colours(grey, np.random.default_rng(seed))
    assert result.shape == grey.shape and result.dtype == torch.uint8
    assert (result.float().amax(0) - result.float().amin(0)).max() <= 2  # hue and saturation leave it
    assert (result[0].flatten().diff().float() >= 0).all()  # no wrap-around


def test_colours_do_change() -> None:
    image = image_tensor(photo(H, W))
    changed = [not torch.equal(distort_colours(image, np.random.default_rng(i)), image) for i in range(40)]
    assert sum(changed) >= 30  # all four are left out in 1 of 16


@pytest.mark.parametrize("scales", [(), (0.8,), (1.0, float("nan"))])
def test_refuses_scales_it_cannot_fill(scales: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="zoom factors of 1 or more"):
        Augment(SIZE, scales)
