"""AffineMix and ColorAug: what is pasted, against cells gone through one by one, and a training with both."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_also import TINY, log, train
from test_teacher import data  # noqa: F401 - a fixture
from test_train import assert_same
from torch import Tensor

from mtcp.config import ModelConfig, TrainConfig
from mtcp.data.augment import BRIGHTNESS
from mtcp.data.mixing import CELL, Answered, affine_mix, color_aug, draw_scale, half_of_classes
from mtcp.errors import InputError
from mtcp.objective.mixing_options import MixingOptions
from mtcp.run_config import check_together
from mtcp.tasks import IGNORE, TASK_SETS
from mtcp.training.mixing import mix

SEMSEG, DEPTH, NORMALS, _EDGE = TASK_SETS["nyud"]
TASKS = (SEMSEG, DEPTH, NORMALS)
RELATIVE = TASK_SETS["places"][1]
SIZE = (22, 31)  # no multiples of a cell
CELLS = (6, 8)
seeds = st.integers(0, 10**6)


def answered(seed: int, light: int, camera: tuple[float, float, float, float] | None = None) -> Answered:
    """Three classes, depth from 1 to 5 m, a fifth of every answer unknown; the photo of one light."""
    rng = np.random.default_rng(seed)
    normals = rng.normal(size=(3, *CELLS))
    normals /= np.linalg.norm(normals, axis=0)
    unknown = rng.random((3, *CELLS)) < 0.2
    return Answered(
        torch.full((3, *SIZE), light, dtype=torch.uint8),
        {
            "semseg": torch.from_numpy(
                np.where(unknown[0], IGNORE, rng.integers(0, 3, CELLS)).astype(np.uint8)
            ),
            "depth": torch.from_numpy(np.where(unknown[1], 0, rng.uniform(1, 5, CELLS)).astype(np.float32)),
            "normals": torch.from_numpy(np.where(unknown[2], 0, normals).astype(np.float32)),
        },
        camera,
    )


def source_cell(cell: tuple[int, int], scale: float) -> tuple[int, int] | None:
    """Which cell of the other photo lands on `cell` when all grows about the picture's middle."""
    found = []
    for at, side, cells in zip(cell, SIZE, CELLS, strict=True):
        pixel = side / 2 + (CELL * (at + 0.5) - side / 2) / scale
        assume(abs(pixel / CELL - round(pixel / CELL)) > 1e-4)  # on the border of two cells rounding decides
        place = math.floor(pixel / CELL)
        if not 0 <= place < cells:
            return None
        found.append(place)
    return found[0], found[1]


@settings(deadline=None, max_examples=30)
@given(seeds, st.floats(0.6, 1.7))
def test_what_is_in_front_is_pasted_and_nothing_else(seed: int, scale: float) -> None:
    photo, other = answered(seed, 50), answered(seed + 1, 200)
    classes = torch.tensor([0, 2], dtype=torch.uint8)
    mixed = affine_mix(photo, other, TASKS, classes, scale)
    for cell in np.ndindex(CELLS):
        at = source_cell(cell, scale)
        mine = {name: value[(..., *cell)] for name, value in photo.answers.items()}
        theirs = {name: value[(..., *at)] for name, value in other.answers.items()} if at else mine
        depth = theirs["depth"] / scale
        pasted = at is not None and theirs["semseg"] in (0, 2) and 0 < depth < mine["depth"]
        found = {name: value[(..., *cell)] for name, value in mixed.answers.items()}
        rows, columns = (slice(CELL * i, CELL * i + CELL) for i in cell)
        assert (mixed.image[:, rows, columns] == (200 if pasted else 50)).all()
        if not pasted:
            assert all(torch.equal(found[name], mine[name]) for name in found)
            continue
        assert found["semseg"] == theirs["semseg"]
        assert found["depth"].item() == pytest.approx(theirs["depth"].item() / scale)
        followed = theirs["normals"] * torch.tensor([1, 1, scale])
        torch.testing.assert_close(found["normals"], followed / followed.norm().clamp(min=1e-6))
    unknown = photo.answers["depth"] == 0  # nobody knows what is in front there
    assert torch.equal(mixed.answers["semseg"][unknown], photo.answers["semseg"][unknown])
    assert torch.equal(photo.image, torch.full_like(photo.image, 50))  # the originals stay


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_at_scale_one_what_is_behind_changes_nothing(seed: int) -> None:
    photo, other = answered(seed, 50), answered(seed + 1, 200)
    other.answers["depth"].clamp_(min=5)
    mixed = affine_mix(photo, other, TASKS, torch.arange(3, dtype=torch.uint8), 1.0)
    assert torch.equal(mixed.image, photo.image)
    assert all(torch.equal(mixed.answers[name], photo.answers[name]) for name in photo.answers)
    mixed = affine_mix(photo, photo, TASKS, torch.arange(3, dtype=torch.uint8), 1.0)
    assert torch.equal(mixed.image, photo.image)  # it is not in front of itself


def test_at_scale_one_the_pixels_are_those_of_the_other_photo() -> None:
    photo, other = answered(0, 50), answered(1, 200)
    other.image.copy_(torch.randint(0, 256, other.image.shape, dtype=torch.uint8))
    for one in (photo, other):
        one.answers["semseg"].fill_(1)
    photo.answers["depth"].fill_(9)
    other.answers["depth"].fill_(2)
    mixed = affine_mix(photo, other, TASKS, torch.tensor([1], dtype=torch.uint8), 1.0)
    assert torch.equal(mixed.image, other.image)


@settings(deadline=None, max_examples=25)
@given(st.floats(0.7, 1.5), st.floats(-0.4, 0.4), st.floats(-0.4, 0.4))
def test_a_pasted_plane_is_a_plane_with_its_normal(scale: float, tilt: float, lean: float) -> None:
    """m (X, Y, Z / s) = d with m = (nx, ny, s nz), whatever the two cameras are, up to half a cell."""
    h, w = 96, 128
    cameras = (300.0, 310.0, 250.0, 200.0), (420.0, 400.0, 270.0, 180.0)  # of the photo, of the other
    n = np.array([tilt, lean, -1.0]) / np.linalg.norm([tilt, lean, -1.0])
    v, u = (CELL * (np.indices((h, w)) + 0.5)).astype(np.float64)

    def rays(camera: tuple[float, float, float, float]) -> np.ndarray:
        fx, fy, cx, cy = camera
        return np.stack([(u - cx) / fx, (v - cy) / fy, np.ones_like(u)])

    depth = -3.0 / np.tensordot(n, rays(cameras[1]), 1)
    image = torch.zeros(3, CELL * h, CELL * w, dtype=torch.uint8)
    labels = torch.zeros(h, w, dtype=torch.uint8)
    flat = torch.from_numpy(np.broadcast_to(n[:, None, None], (3, h, w)).astype(np.float32).copy())
    other = {"semseg": labels, "depth": torch.from_numpy(depth.astype(np.float32)), "normals": flat}
    photo = {"semseg": labels + 1, "depth": torch.full((h, w), 99.0), "normals": flat}
    mixed = affine_mix(
        Answered(image, photo, cameras[0]), Answered(image, other, cameras[1]), TASKS, labels[:1, 0], scale
    )
    pasted = (mixed.answers["semseg"] == 0).numpy()
    assert pasted.mean() > 0.1
    m = n * [1, 1, scale]
    points = rays(cameras[0]) * mixed.answers["depth"].numpy()
    np.testing.assert_allclose(np.tensordot(m, points, 1)[pasted], -3.0, rtol=0.02)
    wanted = m / np.linalg.norm(m)
    np.testing.assert_allclose(
        mixed.answers["normals"].numpy()[:, pasted].T, np.tile(wanted, (pasted.sum(), 1)), atol=1e-5
    )


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_colours_change_by_class_and_only_where_there_is_one(seed: int) -> None:
    labels = answered(seed, 0).answers["semseg"]
    rng = np.random.default_rng(seed)
    palette = torch.from_numpy(rng.integers(0, 256, (256, 3), dtype=np.uint8))
    pixels = labels.repeat_interleave(CELL, 0).repeat_interleave(CELL, 1)[: SIZE[0], : SIZE[1]]
    image = palette[pixels.long()].permute(2, 0, 1).contiguous()
    before = image.clone()
    changed = color_aug(image, labels, np.random.default_rng(seed))
    assert (changed.dtype, changed.shape) == (torch.uint8, image.shape)
    assert torch.equal(image, before)
    assert torch.equal(changed[:, pixels == IGNORE], image[:, pixels == IGNORE])
    for label in pixels.unique():  # one change for all of a class
        assert len(changed[:, pixels == label].T.unique(dim=0)) == 1
    assert torch.equal(changed, color_aug(image, labels, np.random.default_rng(seed)))


def test_every_second_class_gets_other_colours() -> None:
    assert BRIGHTNESS  # else `distort_colours` would do less than this counts on
    labels = torch.arange(40, dtype=torch.uint8).view(5, 8)
    image = torch.full((3, 20, 32), 100, dtype=torch.uint8)
    image[0] = 140
    counts = []
    for seed in range(20):
        changed = (color_aug(image, labels, np.random.default_rng(seed)) != image).any(0)
        counts.append(int(changed[::CELL, ::CELL].sum()))
    assert 12 < np.mean(counts) < 22  # of 40, one in 16 of the changes is none


def test_scales_and_classes_are_drawn_within_bounds() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_scale(1.5, rng) for _ in range(200)]
    assert 1 / 1.5 <= min(drawn) < 0.75 and 1.4 < max(drawn) <= 1.5
    assert draw_scale(1.0, rng) == 1
    labels = torch.tensor([[3, 3, 7], [9, IGNORE, 3]], dtype=torch.uint8)
    for _ in range(10):
        chosen = half_of_classes(labels, rng).tolist()
        assert len(chosen) == 2 and set(chosen) < {3, 7, 9}
    assert not len(half_of_classes(torch.full((2, 2), IGNORE, dtype=torch.uint8), rng))


def make_batch() -> dict[str, Tensor]:
    """Two photos with classes, nobody's, one with relative depth, nobody's; the teacher has answers for all."""
    five = [answered(seed, 40 * seed + 20) for seed in range(5)]
    batch = {"image": torch.stack([one.image for one in five])}
    for task in TASKS:
        batch[task.name] = task.no_target(SIZE).expand(5, *task.no_target(SIZE).shape).clone()
        batch[f"teacher:{task.name}"] = torch.stack([one.answers[task.name] for one in five])
    batch["relative_depth"] = torch.zeros(5, *SIZE)
    batch["semseg"][:2] = 4
    batch["relative_depth"][3] = 2.0
    # the teacher is not asked for what is labelled; the unlabelled photos are far and near
    batch["teacher:semseg"][:2] = IGNORE
    batch["teacher:depth"][2], batch["teacher:depth"][4] = 5.0, 1.0
    return batch


def mixed_batch(seed: int = 0, **options: float) -> dict[str, Tensor]:
    targets = {task.name: task for task in (*TASKS, RELATIVE)}
    return mix(make_batch(), TASKS, targets, MixingOptions(**options), np.random.default_rng(seed))


def changed_rows(found: dict[str, Tensor], name: str) -> list[int]:
    return (found[name] != make_batch()[name]).flatten(1).any(1).nonzero()[:, 0].tolist()


def test_only_photos_without_any_label_are_mixed() -> None:
    found = mixed_batch(affine_mix=1.0)
    assert changed_rows(found, "image") == changed_rows(found, "teacher:depth") == [2]  # 4 is in front of it
    assert set(found["image"][2].unique().tolist()) == {20 + 40 * 2, 20 + 40 * 4}
    assert set(found) == {"image", "teacher:semseg", "teacher:depth", "teacher:normals"}
    assert changed_rows(mixed_batch(affine_mix=1.0, affine_scale=1.0), "image") == [2]


def test_colours_change_in_every_photo_with_classes_of_the_teacher() -> None:
    rows = {row for seed in range(4) for row in changed_rows(mixed_batch(seed, color_aug=1.0), "image")}
    assert rows == {2, 3, 4}
    assert not any(changed_rows(mixed_batch(color_aug=1.0), f"teacher:{task.name}") for task in TASKS)


def test_without_a_probability_nothing_changes_and_a_seed_says_all() -> None:
    assert not any(changed_rows(mixed_batch(), name) for name in mixed_batch())
    one, again = (mixed_batch(3, affine_mix=0.7, color_aug=0.7) for _ in range(2))
    assert all(torch.equal(one[name], again[name]) for name in one)


def test_a_training_with_both_is_finite_resumes_exactly_and_is_another(data: Path, tmp_path: Path) -> None:  # noqa: F811
    teacher = ["--ema=0.9", "--teacher-weight=1", "--teacher-confidence=0.02"]
    flags = [f"--data={data / 'nyud'}", f"--also={data / 'photos'}:0.5", "--epochs=2", *teacher, *TINY]
    mixing = ["--affine-mix=1", "--color-aug=1"]
    assert train(tmp_path, "without", *flags) == 0
    assert train(tmp_path, "whole", *flags, *mixing) == 0
    assert train(tmp_path, "halves", *flags, *mixing, "--stop-after=1") == 3
    assert train(tmp_path, "halves", "--resume") == 0
    states = {}
    for name in ("without", "whole", "halves"):
        states[name] = torch.load(tmp_path / name / "last.pt", weights_only=True)
        states[name]["sums"].pop("seconds")
    assert_same(states["whole"], states["halves"])
    assert log(tmp_path, "whole", "epoch") == log(tmp_path, "halves", "epoch")
    for line in log(tmp_path, "whole", "step"):
        assert all(map(math.isfinite, line["loss"].values()))
    weights: list[dict[str, Any]] = [states[name]["model"] for name in ("without", "whole")]
    assert any(not torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"affine_mix": 1.5}, r"affine_mix=1\.5: must be a probability from 0 to 1"),
        ({"color_aug": -0.1}, r"color_aug=-0\.1: must be a probability"),
        ({"affine_scale": 0.5}, r"affine_scale=0\.5: must be a finite factor of 1 or more"),
    ],
)
def test_what_is_no_probability_or_factor_is_refused(options: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        TrainConfig(**options)


def test_mixing_needs_a_teacher_and_its_tasks() -> None:
    taught = TrainConfig(also="a:0.5", ema=0.9, teacher_weight=1.0, affine_mix=0.5, color_aug=0.5)
    check_together(ModelConfig(), taught)
    with pytest.raises(InputError, match=r"--affine-mix 0\.5 .* give --teacher-weight"):
        check_together(ModelConfig(), taught.replace(teacher_weight=0.0))
    with pytest.raises(InputError, match=r"predicted semseg and depth: .* add depth to --tasks"):
        check_together(ModelConfig(tasks=("semseg", "normals")), taught)
    with pytest.raises(InputError, match=r"--color-aug 0\.5 goes by predicted semseg: .* add semseg"):
        check_together(ModelConfig(tasks=("depth", "normals")), taught.replace(affine_mix=0.0))
