"""Colours and legends: known values get known colours, whatever is invalid is black."""

import numpy as np
import pytest

from mtcp.drawing import colour, legend
from mtcp.drawing.colour import palette
from mtcp.errors import InputError
from mtcp.tasks import NYUD_CLASSES


def test_ends_and_middles_of_the_maps():
    assert colour.colour_map("viridis")[0].tolist() == [68, 1, 84]
    assert colour.colour_map("viridis")[-1].tolist() == [253, 231, 37]
    assert colour.colour_map("magma")[0].tolist() == [0, 0, 4]
    low, middle, high = (colour.colour_map("vik")[i].astype(int) for i in (0, 128, 255))
    assert low[2] > low[0] + 50
    assert high[0] > high[2] + 50
    assert middle.min() > 220
    with pytest.raises(InputError, match="unknown colour map 'jet'"):
        colour.colour_map("jet")


@pytest.mark.parametrize("name", ["viridis", "magma"])
def test_lightness_only_rises(name):
    luma = colour.colour_map(name) @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(luma) > -0.5).all()
    assert luma[-1] - luma[0] > 150


def test_mapped_clips_and_marks_invalid():
    values = np.array([[-1.0, 0.0, 1.0, 2.0, np.nan, 0.5]])
    picture = colour.mapped(values, 0, 1, "viridis", valid=np.array([[1, 1, 1, 1, 1, 0]], bool))
    table = colour.colour_map("viridis")
    assert picture.dtype == np.uint8
    assert picture[0, :4].tolist() == table[[0, 0, 255, 255]].tolist()
    assert picture[0, 4:].tolist() == [[0, 0, 0]] * 2
    assert colour.mapped(np.full((2, 2), 3.0), 3.0, 3.0, "viridis").tolist() == [[table[0].tolist()] * 2] * 2


def test_classes_and_ignored_labels():
    picture = colour.classes(np.array([[0, 39, 40, 255]], np.uint8), palette(40))
    assert picture[0].tolist() == [list(palette(40)[0]), list(palette(40)[39]), [0, 0, 0], [0, 0, 0]]


def test_depth_range_is_shared_and_valid_only():
    a = np.array([[0.0, 1.0, 2.0]], np.float32)
    b = np.array([[np.nan, 3.0, np.inf]], np.float32)
    assert colour.value_range(a, b) == (1.0, 3.0)
    assert colour.value_range(np.zeros((2, 2))) == (0.0, 1.0)
    picture = colour.depth(a, (1.0, 3.0))
    table = colour.colour_map("viridis")
    assert picture[0].tolist() == [[0, 0, 0], table[0].tolist(), table[128].tolist()]


def test_normals_convention():
    vectors = np.array([[[0, 0, -1], [1, 0, 0], [0, -1, 0], [0, 0, 0]]], np.float32)
    assert colour.normals(vectors)[0].tolist() == [
        [128, 128, 255],
        [255, 128, 128],
        [128, 255, 128],
        [0, 0, 0],
    ]


def test_class_legend_is_sorted_and_adds_up():
    labels = np.array([[3, 3, 3, 7]], np.uint8)
    entries = legend.class_legend(NYUD_CLASSES, labels)
    assert entries == [("bed", palette(40)[3], 0.75), ("door", palette(40)[7], 0.25)]
    ignored = legend.class_legend(NYUD_CLASSES, np.array([[3, 255]], np.uint8))
    assert ignored == [("bed", palette(40)[3], 0.5)]


@pytest.mark.parametrize("width", [16, 97, 320, 4000])
def test_strips_are_as_wide_as_the_picture(width):
    entries = legend.class_legend(NYUD_CLASSES, np.arange(40, dtype=np.uint8)[None])
    picture = np.zeros((10, width, 3), np.uint8)
    for strip in (legend.class_strip(entries, width), legend.colour_bar(0.7, 9.3, width=width)):
        both = legend.below(picture, strip)
        assert both.shape[1] == width
        assert both.shape[0] > 10
        assert both[10:].min() < 100  # something is drawn


def test_colour_bar_writes_its_numbers():
    a, b = (legend.colour_bar(0.7, high, width=320) for high in (9.3, 8.1))
    ramp = slice(0, 15)
    assert np.array_equal(a[ramp], b[ramp])
    assert not np.array_equal(a, b)
