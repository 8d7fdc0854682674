"""What a task's kind decides beside its loss and its metrics, which have tests of their own."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from mtcp.drawing.scale import Scale
from mtcp.errors import InputError
from mtcp.tasks import TASK_SETS, Task, lacking, task_named, task_set, title

SEMSEG, DEPTH, NORMALS, EDGE = task_set("nyud")
EVERY = [pytest.param(task, id=f"{name} {task.name}") for name, tasks in TASK_SETS.items() for task in tasks]
PHOTO = np.full((6, 8, 3), 100, np.uint8)


def two_maps(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Final maps (6, 8, ...) that differ everywhere, made by way of the head's output."""
    ramp = torch.arange(48).view(6, 8) / 100  # else two maps are alike up to a factor
    raw = torch.stack([ramp + 0.5 + i for i in range(task.channels)])[None]
    first, second = (task.map_of(task.activate(values)[0]).numpy() for values in (raw, -raw))
    made = task.empty_map((6, 8))
    assert (made.shape, made.dtype) == (first.shape, first.dtype)
    return first, second


def test_naming_tasks_needs_no_torch() -> None:
    code = "import sys, mtcp.tasks; print(sorted({'torch', 'torchmetrics', 'timm', 'scipy', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("task", EVERY)
def test_every_task_has_a_picture_a_change_and_an_error(task: Task) -> None:
    a, b = two_maps(task)
    scale = task.scale(a, b)
    for picture in (task.picture(a, scale), task.picture(b)):
        assert picture.shape == (6, 8, 3)
        assert picture.dtype == np.uint8
    same, other = task.change(a, a), task.change(a, b)
    assert same.shape == other.shape == (6, 8)
    assert not same.any() and other.all()
    shown = task.change_picture(other, task.change_scale(other), b, PHOTO)
    assert shown.shape == (6, 8, 3)
    assert (shown != task.change_picture(same, task.change_scale(other), a, PHOTO)).any()
    true = (b > 0.5).astype(np.uint8) if task.highest_label == 1 else b
    assert task.known(true).all()
    off = task.error(a, true)
    assert (off.shape, off.dtype) == ((6, 8), np.float32)
    assert off.all() and not task.error(true, true).any()
    assert task.error_picture(off, task.error_scale(off), a, PHOTO).shape == (6, 8, 3)
    metric = task.new_metric()
    metric.update(*task.to_metric(a, true))
    assert tuple(metric.compute()) == task.metrics
    assert task.metric in task.metrics


@pytest.mark.parametrize("task", EVERY)
def test_any_target_is_valid_and_has_a_loss(task: Task) -> None:
    target = task.any_target((6, 8))
    assert task.valid(target).shape == (1, 6, 8)
    assert task.valid(target).all()
    final = task.activate(torch.ones(1, task.channels, 6, 8))
    assert task.loss(final, target).shape == ()


@pytest.mark.parametrize("task", EVERY)
def test_a_target_is_the_map_it_was_made_of(task: Task) -> None:
    values, _ = two_maps(task)
    target = task.target_of(values)
    assert target.shape[-2:] == (6, 8)
    assert np.array_equal(target.permute(1, 2, 0) if target.ndim == 3 else target, values)


@pytest.mark.parametrize("task", EVERY)
def test_summary_has_numbers_of_both_stages_and_of_the_change(task: Task) -> None:
    a, b = two_maps(task)
    alone, both = task.summary(a), task.summary(a, b)
    assert alone["kind"] == both["kind"] == task.kind
    assert not [key for key in alone if "refined" in key or "change" in key]
    assert [key for key in both if "change" in key]


def test_changes_by_hand() -> None:
    labels = np.array([[0, 1]], np.uint8), np.array([[0, 2]], np.uint8)
    assert SEMSEG.change(*labels)[0].tolist() == [False, True]
    metres = np.array([[1.0, 2.0, 3.0]], np.float32), np.array([[1.5, 2.0, 2.5]], np.float32)
    moved = DEPTH.change(*metres)
    assert moved.tolist() == [[0.5, 0.0, -0.5]]
    scale = DEPTH.change_scale(moved)
    assert scale == Scale("vik", -0.5, 0.5, "m", ("closer", "farther"))
    red, white, blue = scale.picture(moved)[0].astype(int)
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert white.min() > 220
    millimetre = np.full((1, 3), 0.001, np.float32)
    scale = DEPTH.change_scale(millimetre)
    assert scale is not None and scale.picture(millimetre).min() > 200  # near white
    vectors = np.array([[[0, 0, -1], [0, 0, -1], [0, 0, 0]]], np.float32)
    turned = np.array([[[1, 0, -1], [0, 0, -1], [0, 0, -1]]], np.float32)
    degrees = NORMALS.change(vectors, turned)[0]
    assert degrees[:2] == pytest.approx([45, 0], abs=1e-3)
    assert np.isnan(degrees[2])


def test_a_label_map_shows_what_is_wrong_in_the_colours_of_the_classes() -> None:
    said, true = np.array([[3, 3, 3]], np.uint8), np.array([[3, 7, 255]], np.uint8)
    off = SEMSEG.error(said, true)
    photo = np.full((1, 3, 3), 100, np.uint8)
    right, wrong, unknown = SEMSEG.error_picture(off, SEMSEG.error_scale(off), said, photo)[0].tolist()
    assert right[0] == right[1] == right[2] > 100
    assert wrong == SEMSEG.picture(said)[0, 1].tolist()
    assert unknown == [0, 0, 0]


def test_values_and_errors_in_words() -> None:
    bed, door, unknown = (np.uint8(label) for label in (3, 7, 255))
    assert [SEMSEG.value_in_words(label) for label in (bed, unknown)] == ["bed", "unknown"]
    assert [SEMSEG.error_in_words(bed, true) for true in (bed, door, unknown)] == ["", "wrong", ""]
    metres = [np.float32(value) for value in (2.0, 2.5, 0.0, np.nan)]
    assert [DEPTH.value_in_words(value) for value in metres] == ["2.00 m", "2.50 m", "unknown", "unknown"]
    assert [DEPTH.error_in_words(metres[0], true) for true in metres[:3]] == [
        "(0.00 m)",
        "(\N{MINUS SIGN}0.50 m)",
        "",
    ]
    wall, right, none = (np.array(vector, np.float32) for vector in ((0, 0, -1), (1, 0, 0), (0, 0, 0)))
    assert [NORMALS.value_in_words(vector) for vector in (wall, none)] == [
        "(0.00, 0.00, \N{MINUS SIGN}1.00)",
        "unknown",
    ]
    assert [NORMALS.error_in_words(wall, true) for true in (right, none)] == ["90.0° off", ""]
    assert [EDGE.value_in_words(value) for value in (np.float32(0.25), unknown)] == ["0.25", "unknown"]


def test_mirroring_negates_the_normals_x_and_nothing_else() -> None:
    values = torch.ones(1, 3, 2, 2)
    assert NORMALS.mirrored(values)[0, :, 0, 0].tolist() == [-1, 1, 1]
    assert all(task.mirrored(values) is values for task in (SEMSEG, DEPTH, EDGE))


def test_maps_of_a_photo_and_its_mirror_are_averaged() -> None:
    four, nine = torch.full((1, 1, 1, 1), 4.0), torch.full((1, 1, 1, 1), 9.0)
    assert DEPTH.mean_of_flips(four, nine).item() == 6  # geometric
    assert EDGE.mean_of_flips(four, nine).item() == SEMSEG.mean_of_flips(four, nine).item() == 6.5
    left, right = (torch.tensor([x, 0.0, -0.8]).view(1, 3, 1, 1) for x in (-0.6, 0.6))
    assert NORMALS.mean_of_flips(left, right).flatten().tolist() == pytest.approx([-0.6, 0, -0.8])


def test_tasks_are_found_by_name() -> None:
    assert task_named("human_parts").channels == 7
    with pytest.raises(InputError, match="unknown task 'attic'"):
        task_named("attic")
    assert [title(name) for name in ("edge", "of_another_version")] == ["Edges", "Of another version"]
    assert lacking(("semseg", "normals")) == ("depth",)
    assert lacking(("depth", "edge", "normals")) == ()
