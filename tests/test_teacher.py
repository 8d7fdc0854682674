"""The mean teacher by hand, sizes that grow, and that both resume exactly."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from data_made import photo, save_image
from test_also import TINY, log, train
from test_train import assert_same
from tiny_training import made_nyud, tiny_config

from mtcp.config import ModelConfig, TrainConfig
from mtcp.data.augment import Augment
from mtcp.errors import InputError
from mtcp.model import MTCP, Decoded
from mtcp.objective.losses import Objective
from mtcp.run_config import check_together
from mtcp.tasks import TASK_SETS, task_set
from mtcp.training.also import open_also
from mtcp.training.batches import Batches
from mtcp.training.schedule import ramp
from mtcp.training.teacher import teach

SEMSEG, DEPTH, NORMALS, EDGE = TASK_SETS["nyud"]


def test_classes_are_trusted_above_a_confidence() -> None:
    logits = torch.full((1, 40, 1, 3), -50.0)
    logits[0, 7, 0], logits[0, 2, 0] = (
        torch.tensor([math.log(9.5), math.log(8.5), 0]),
        0.0,
    )  # 0.905, 0.895, 1/2
    target = SEMSEG.trusted(logits, logits, 0.9)
    assert target.tolist() == [[[7, 255, 255]]]
    assert target.dtype == torch.uint8
    other = -logits  # the mean of both says nothing
    assert SEMSEG.trusted(logits, other, 0.5).tolist() == [[[255, 255, 255]]]


def test_binary_answers_are_trusted_both_ways() -> None:
    logits = torch.tensor([[[[math.log(9.5), math.log(8.5), -math.log(9.5)]]]])
    assert EDGE.trusted(logits, logits, 0.9).tolist() == [[[1, 255, 0]]]


def test_depth_is_trusted_where_both_agree_after_one_factor() -> None:
    depth = torch.tensor([[[[1.0, 2.0, 4.0, 8.0]]]])
    other = 1.5 * depth * torch.tensor([0.0, 0.04, -0.04, 0.2]).exp()
    target = DEPTH.trusted(depth, other, 0.9)
    assert target.shape == (1, 1, 4)
    assert (target > 0).tolist() == [[[True, True, True, False]]]
    assert target[0, 0, 0].item() == pytest.approx(math.sqrt(1.5))


def test_normals_are_trusted_where_both_agree_in_the_mirror() -> None:
    def turned(degrees: float) -> list[float]:
        return [math.sin(math.radians(degrees)), 0.0, -math.cos(math.radians(degrees))]

    normals = torch.tensor([turned(10), turned(10)]).T.reshape(1, 3, 1, 2)
    other = torch.tensor([turned(4), turned(6)]).T.reshape(1, 3, 1, 2)  # mirrored: 14 and 16 degrees away
    target = NORMALS.trusted(normals, other, 0.9)
    assert target[0, :, 0, 0].tolist() == pytest.approx(turned(3), abs=1e-6)
    assert not target[..., 1].any()
    assert NORMALS.valid(target).tolist() == [[[True, False]]]


def make_batch() -> dict[str, torch.Tensor]:
    """Three samples: all labelled, classes alone, nothing."""
    batch = {
        "semseg": torch.zeros(3, 64, 64, dtype=torch.uint8),
        "depth": torch.ones(3, 64, 64),
        "image": torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8),
    }
    batch["undistorted"] = batch["image"].clone()
    batch["depth"][1:], batch["semseg"][2] = 0, 255
    return batch


def test_only_what_a_sample_lacks_is_taught_and_the_loss_is_the_tasks_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = MTCP(tiny_config(refinement="none")).eval()
    seen: list[torch.Tensor] = []

    def inspect(photos: torch.Tensor) -> Decoded:
        seen.append(photos)
        logits = torch.zeros(len(photos), 40, 16, 16)
        logits[:, 3, :4] = 20.0  # sure in a quarter
        return Decoded({"semseg": logits, "depth": torch.full((len(photos), 1, 16, 16), math.log(3))})

    monkeypatch.setattr(model, "inspect", inspect)
    batch = make_batch()
    lesson = teach(model, batch, 0.9)
    assert len(seen) == 1
    torch.testing.assert_close(seen[0][:2], batch["undistorted"][1:].float() / 255)
    torch.testing.assert_close(seen[0][2:], batch["undistorted"][1:].flip(-1).float() / 255)
    assert {name: int(number) for name, number in lesson.asked.items()} == {"semseg": 256, "depth": 512}
    assert {name: int(number) for name, number in lesson.taught.items()} == {"semseg": 64, "depth": 512}
    semseg, depth = lesson.targets["teacher:semseg"], lesson.targets["teacher:depth"]
    assert (semseg[:2] == 255).all() and (semseg[2, :4] == 3).all() and (semseg[2, 4:] == 255).all()
    assert not depth[0].any()
    torch.testing.assert_close(depth[1:], torch.full((2, 16, 16), 3.0))

    objective = Objective(model).eval()
    objective.teacher_weight = 0.5
    losses = objective(batch | lesson.targets)
    assert losses["depth"].item() == pytest.approx(2.0)  # |3 - 1| by the label, |3 - 3| by the teacher
    monkeypatch.setattr(model, "inspect", lambda photos: Decoded({
        "semseg": torch.zeros(3, 40, 16, 16), "depth": torch.full((3, 1, 16, 16), math.log(5))
    }))  # fmt: skip
    losses = objective(batch | lesson.targets)
    assert losses["depth"].item() == pytest.approx(4 + 0.5 * 2)
    assert losses["semseg"].item() == pytest.approx(1.5 * math.log(40))


def test_a_batch_that_lacks_nothing_asks_nobody() -> None:
    batch = {name: value[:1] for name, value in make_batch().items()}
    lesson = teach(MTCP(tiny_config()).eval(), batch, 0.9)
    assert [int(number) for number in (*lesson.asked.values(), *lesson.taught.values())] == [0] * 4
    assert not lesson.targets["teacher:depth"].any()


def test_the_teachers_weight_rises_over_the_first_fifth() -> None:
    assert ramp(0, 100) == pytest.approx(math.exp(-5))
    assert ramp(10, 100) == pytest.approx(math.exp(-1.25))
    assert ramp(20, 100) == ramp(99, 100) == 1


def test_the_undistorted_photo_has_the_same_geometry() -> None:
    import numpy as np

    sample = {"image": torch.from_numpy(photo(48, 64)).permute(2, 0, 1), "depth": torch.ones(48, 64)}
    kept = Augment(size=(24, 32), keep_undistorted=True)
    plain = Augment(size=(24, 32), photometric=False)
    changed = 0
    for seed in range(8):
        one, other = (augment(sample, np.random.default_rng(seed)) for augment in (kept, plain))
        assert torch.equal(one["undistorted"], other["image"])
        changed += not torch.equal(one["image"], one["undistorted"])
    assert changed > 4


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """NYUD in `nyud`, photos without labels in `photos`."""
    root = tmp_path_factory.mktemp("data")
    made_nyud(root / "nyud")
    for i in range(3):
        save_image(root / f"photos/kitchen/{i}.png", photo(40, 60, seed=i))
    (root / "photos/notes.txt").write_text("no photo")
    return root


def test_a_taught_run_that_grows_resumes_exactly(data: Path, tmp_path: Path) -> None:
    teacher = ["--ema=0.9", "--teacher-weight=1", "--teacher-confidence=0.02"]
    grow = "--grow=32x64:0.5"
    flags = [f"--data={data / 'nyud'}", f"--also={data / 'photos'}:0.5", "--epochs=2", grow, *teacher, *TINY]
    assert train(tmp_path, "whole", *flags) == 0
    assert train(tmp_path, "halves", *flags, "--stop-after=1") == 3
    assert train(tmp_path, "halves", "--resume") == 0
    one, other = (torch.load(tmp_path / name / "last.pt", weights_only=True) for name in ("whole", "halves"))
    for state in (one, other):
        state["sums"].pop("seconds")
    assert_same(one, other)
    lines = log(tmp_path, "whole", "epoch")
    assert lines == log(tmp_path, "halves", "epoch")
    assert [line["supervised"]["depth"] for line in lines] == [2 * 16 * 32, 2 * 32 * 48]
    for line in lines:
        assert set(line["taught"]) == {"semseg", "depth", "normals"}
        assert all(0 <= share <= 1 for share in line["taught"].values())
        assert line["taught"]["depth"] > 0


def test_sizes_switch_at_the_borders_of_epochs() -> None:
    config = TrainConfig(epochs=10, grow="48x64:0.25,96x128:.5")
    assert config.sizes() == [(2, (48, 64)), (5, (96, 128))]

    class One:
        def __len__(self) -> int:
            return 1

        def __getitem__(self, i: int) -> dict[str, torch.Tensor]:
            return {"image": torch.zeros(3, 96, 128, dtype=torch.uint8)}

    first = [(until, Augment(size)) for until, size in config.sizes()]
    batches = Batches(One(), Augment((192, 256)), batch=1, seed=0, first=first)
    sizes = [tuple(next(batches.epoch(epoch))["image"].shape[-2:]) for epoch in range(10)]
    assert sizes == [(48, 64)] * 2 + [(96, 128)] * 3 + [(192, 256)] * 5


@pytest.mark.parametrize(
    "grow", ["48x64", "48x64:1", "48x64:0", "48:0.5", "48x64:0.5,96x128:0.5", "ax64:0.5", "48x64:-.5"]
)
def test_what_is_no_size_and_share_is_refused(grow: str) -> None:
    with pytest.raises(InputError, match="is not HxW:UNTIL"):
        TrainConfig(grow=grow)


def test_sizes_must_grow_to_the_networks() -> None:
    model = ModelConfig(height=240, image_width=320)
    check_together(model, TrainConfig(grow="144x192:0.5"))
    for grow in ("288x384:0.5", "192x256:0.3,144x192:0.6", "16x32:0.5"):
        with pytest.raises(InputError, match="the size after it"):
            check_together(model, TrainConfig(grow=grow))


def test_a_teacher_needs_an_average_and_something_to_teach(data: Path) -> None:
    with pytest.raises(InputError, match=r"without ema \(the teacher is the average"):
        TrainConfig(teacher_weight=1.0, also="a:0.5")
    with pytest.raises(InputError, match="it teaches nothing without also"):
        TrainConfig(teacher_weight=1.0, ema=0.9)
    with pytest.raises(InputError, match=r"teacher_confidence=1\.0: must be between 0 and 1"):
        TrainConfig(teacher_confidence=1.0)
    half = {str(data / "photos"): Fraction(1, 2)}
    with pytest.raises(InputError, match="it has no labels; with --teacher-weight photos alone will do"):
        open_also(half, task_set("nyud"))
    (also,) = open_also(half, task_set("nyud"), teacher=True)
    assert (len(also.data), also.keys) == (3, {})
    assert set(also.data[0]) == {"image", "camera"}
