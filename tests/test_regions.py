"""Parts, windows and neighbourhoods of a mask against SciPy and plain sums: any shape, up to the picture's edge."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from app.views import outlines
from mtcp.geometry import stage
from mtcp.geometry.normals import _box_sum
from mtcp.geometry.regions import components, interior_pixel

SIZES = [(1, 1), (1, 9), (7, 1), (3, 2), (37, 51), (120, 160)]


def blobs(size: tuple[int, int]) -> np.ndarray:
    """A mask of patches of all sizes, some of which touch the edge."""
    noise = np.random.default_rng(sum(size)).random(size)
    return ndimage.uniform_filter(noise, 3) > 0.5


each_size = pytest.mark.parametrize("size", SIZES)


@each_size
@pytest.mark.parametrize("least", [1, 4, 30])
def test_components_are_those_of_scipy(size: tuple[int, int], least: int) -> None:
    mask = blobs(size)
    labels, count = ndimage.label(mask)
    boxes = ndimage.find_objects(labels)
    expected = [(boxes[k - 1], labels == k) for k in range(1, count + 1) if (labels == k).sum() >= least]
    found = components(mask, least)
    assert [box for _, box in found] == [box for box, _ in expected]
    for (part, box), (_, full) in zip(found, expected, strict=True):
        assert np.array_equal(part, full[box])


def test_nothing_has_no_components() -> None:
    assert components(np.zeros((4, 5), bool), 0) == []


@each_size
def test_the_marked_pixel_is_as_far_inside_as_any(size: tuple[int, int]) -> None:
    for part, _ in components(blobs(size), 1):
        distance = ndimage.distance_transform_edt(np.pad(part, 1))[1:-1, 1:-1]
        x, y = interior_pixel(part)
        assert distance[y, x] == pytest.approx(distance.max(), abs=4 * max(1, max(part.shape) // 64))


@each_size
@pytest.mark.parametrize("half", [1, 5])
def test_box_sums_are_clipped_to_the_picture(size: tuple[int, int], half: int) -> None:
    values = np.random.default_rng(0).normal(size=size)
    sums = [
        [
            values[max(0, i - half) : i + half + 1, max(0, j - half) : j + half + 1].sum()
            for j in range(size[1])
        ]
        for i in range(size[0])
    ]
    np.testing.assert_allclose(_box_sum(values, half), sums, rtol=1e-9, atol=1e-9)


@each_size
def test_masks_are_opened_grown_and_smoothed_as_by_scipy(size: tuple[int, int]) -> None:
    mask = blobs(size)
    low = ndimage.minimum_filter(mask, 3, mode="nearest")
    opened = ndimage.maximum_filter(low, 3, mode="nearest")
    assert np.array_equal(stage.over(np.where(mask, 90.0, np.nan), 30.0), opened)
    assert np.array_equal(outlines._grown(mask, 1), ndimage.maximum_filter(mask, 3, mode="constant"))
    evened = ndimage.uniform_filter(mask.astype(float), 5) > 0.5
    assert np.array_equal(outlines.smooth(mask, 5), evened if evened.any() else mask)
    inner = ndimage.binary_erosion(mask, border_value=1)
    assert np.array_equal(outlines.border(mask), mask & ~inner)
