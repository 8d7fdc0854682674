"""Further training data (`--also`): how it is mixed in, and what lacking and foreign labels do to the losses."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from data_made import photo, save_image, write_lines
from hypothesis import assume, given
from hypothesis import strategies as st
from test_train import assert_same, log_lines
from tiny_training import NETWORK, MadeSamples, made_nyud, make_trainer, tiny_config
from torch import Tensor

from mtcp.__main__ import main
from mtcp.checkpoint.store import load_checkpoint
from mtcp.config import TrainConfig
from mtcp.data.places import about
from mtcp.errors import InputError
from mtcp.model import MTCP, Decoded
from mtcp.objective.auxiliary import Auxiliary
from mtcp.objective.losses import Objective
from mtcp.tasks import TASK_SETS, Task, task_set
from mtcp.tasks.classes import Classes
from mtcp.training import read_log
from mtcp.training.also import open_also, read_also
from mtcp.training.batches import Batches, Source
from mtcp.training.mixture import steps_of

SEMSEG, DEPTH, _NORMALS, _EDGE = TASK_SETS["nyud"]
ADE, RELATIVE = TASK_SETS["places"]
TINY = [*NETWORK, "--init=none", "--batch=4", "--bf16=off", "--log-every=1"]


def made_places(root: Path, count: int = 5) -> Path:
    """A places folder of `count` photos."""
    for i in range(count):
        save_image(root / f"images/{i:05d}.jpg", photo(64, 64, seed=i))
        labels = np.full((192, 256), 1 + i, np.uint8)
        labels[:96] = 150 * (i > 0)
        save_image(root / f"labels/{i:05d}.png", labels)
        save_image(root / f"depth/{i:05d}.png", np.full((48, 64), 1000 + i, np.uint16))
    write_lines(root / "train.txt", [f"{i:05d}" for i in range(count)])
    (root / "places.json").write_text(json.dumps(about()))
    return root


@pytest.fixture(scope="module")
def nyud(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_nyud(tmp_path_factory.mktemp("data") / "nyud")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_places(tmp_path_factory.mktemp("data") / "places")


def train(runs: Path, name: str, *flags: object) -> int:
    return main(["train", "--runs", str(runs), "--name", name, *map(str, flags)])


def log(runs: Path, name: str, *kinds: str) -> list[dict[str, Any]]:
    clock = ("time", "seconds", "images_per_s")
    entries = (entry for entry in read_log(runs / name / "log.jsonl") if entry["kind"] in kinds)
    return [{key: value for key, value in entry.items() if key not in clock} for entry in entries]


def test_shares_become_whole_numbers_by_hand() -> None:
    assert steps_of(9, 4) == [(4,), (4,)]
    assert steps_of(9, 4, [Fraction(1, 4)]) == [(3, 1)] * 3
    # 1.2 samples of 4: one, and every fifth step one more
    steps = steps_of(100, 4, [Fraction(3, 10)])
    assert [extra for _, extra in steps[:10]] == [1, 1, 2, 1, 1, 1, 1, 2, 1, 1]
    assert steps_of(3, 2, [Fraction(3, 4)])[:2] == [(1, 1), (0, 2)]


@given(
    st.integers(1, 12),
    st.lists(st.integers(1, 30), min_size=1, max_size=3),
    st.integers(20, 60),
)
def test_no_source_is_off_by_a_sample_per_other_source(batch: int, parts: list[int], count: int) -> None:
    shares = [Fraction(part, 100) for part in parts]
    assume(min(shares) * batch * (count // batch) > len(parts) + 1)  # else a source may get nothing
    steps = steps_of(count, batch, shares)
    assert all(sum(taken) == batch and min(taken) >= 0 for taken in steps)
    for source, share in enumerate([1 - sum(shares), *shares]):
        for done, given_out in enumerate(accumulate(taken[source] for taken in steps), start=1):
            assert abs(given_out - done * batch * share) < len(parts) + 1
    used = sum(taken[0] for taken in steps)
    assert count - batch < used <= count


class Tagged:
    """Samples that say where they are from."""

    def __init__(self, tag: int, count: int) -> None:
        self.tag, self.count = tag, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        return {
            "image": torch.full((3, 4, 4), i, dtype=torch.uint8),
            "depth": torch.full((4, 4), 1.0 + self.tag),
            "semseg": torch.full((4, 4), self.tag, dtype=torch.uint8),
        }


def tagged(rank: int = 0, ranks: int = 1) -> Batches:
    sources = [Source(Tagged(1, 3), Fraction(1, 4), {"depth": "relative_depth"})]
    targets = {"depth": DEPTH, "semseg": SEMSEG, "relative_depth": RELATIVE}
    return Batches(
        Tagged(0, 9), lambda sample, _: sample, batch=4, seed=0, rank=rank, ranks=ranks, sources=sources,
        targets=targets,
    )  # fmt: skip


def test_an_epoch_is_a_pass_over_the_training_set_and_sources_are_endless() -> None:
    batches = tagged()
    seen = [key for epoch in range(4) for step in batches._keys(epoch) for key in step]
    for epoch in range(4):
        of_data = sorted(key.place for key in seen if key.source == 0 and key.turn == epoch)
        assert of_data == list(range(9))
    drawn = [key for key in seen if key.source == 1]
    assert [key.turn for key in drawn] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    for turn in range(4):
        assert sorted(key.place for key in drawn if key.turn == turn) == [0, 1, 2]
    assert len({tuple(key.place for key in drawn if key.turn == turn) for turn in range(4)}) > 1


def test_what_a_sample_lacks_is_unknown() -> None:
    (batch, *_) = list(tagged().epoch(0))
    extra = (batch["relative_depth"] > 0).all(-1).all(-1)
    assert extra.tolist() == [False, False, False, True]
    assert (batch["depth"][extra] == 0).all() and (batch["depth"][~extra] == 1).all()
    assert (batch["semseg"][extra] == 255).all() and (batch["semseg"][~extra] == 0).all()


def test_ranks_share_every_source() -> None:
    unbroken_keys, first, second = tagged()._keys(1), tagged(0, 2)._keys(1), tagged(1, 2)._keys(1)
    for step, one, other in zip(unbroken_keys, first, second, strict=True):
        assert len(one) == len(other) == 2
        assert sorted(step) == sorted(one + other)


@pytest.mark.parametrize(
    "task", [task for tasks in TASK_SETS.values() for task in tasks], ids=lambda t: t.name
)
def test_an_unlabelled_target_gives_zero_with_a_gradient(task: Task) -> None:
    target = task.no_target((4, 6))
    assert target.shape == task.any_target((4, 6))[0].shape
    assert target.dtype == task.any_target((4, 6)).dtype
    assert not task.valid(target).any()
    raw = torch.randn(2, task.channels, 4, 6, requires_grad=True)
    loss = task.loss(task.activate(raw), torch.stack([target, target]), torch.ones(task.channels))
    loss.backward()
    assert loss.item() == 0
    assert raw.grad is not None and not raw.grad.any()


def test_a_batch_of_mixed_labels_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two photos: the first has metric depth, the second depth up to a factor, and four classes of its own."""
    four = Classes.of("semseg", "Four", "Four", ("a", "b", "c", "d"))
    auxiliary = (
        Auxiliary("relative_depth", RELATIVE, "depth", head=False),
        Auxiliary("semseg:made", four, "semseg", head=True),
    )
    model = MTCP(tiny_config(refinement="none"))
    weight = {"semseg:made": torch.tensor([3.0, 1.0, 1.0, 1.0])}
    objective = Objective(model, weight, auxiliary=auxiliary, auxiliary_weight=0.5).eval()
    log_depth = torch.full((2, 1, 2, 2), math.log(2), requires_grad=True)
    decoded = Decoded(
        {"semseg": torch.zeros(2, 40, 2, 2), "depth": log_depth}, features={"semseg": torch.ones(2, 8, 2, 2)}
    )
    monkeypatch.setattr(model, "inspect", lambda _: decoded)
    head = objective.heads["semseg:made"]
    torch.nn.init.zeros_(head.weight)
    with torch.no_grad():
        head.bias.copy_(torch.tensor([math.log(3), 0, 0, 0]))  # softmax 1/2, 1/6, 1/6, 1/6
    batch = {
        "image": torch.zeros(2, 3, 8, 8),
        "semseg": torch.stack([torch.zeros(8, 8), torch.full((8, 8), 255)]).byte(),
        "depth": torch.stack([torch.full((8, 8), 3.0), torch.zeros(8, 8)]),
        "relative_depth": torch.stack([torch.zeros(8, 8), torch.full((8, 8), 7.0)]),
        "semseg:made": torch.full((2, 8, 8), 255, dtype=torch.uint8),
    }
    batch["relative_depth"][1, :2] = 28.0  # a quarter of the rows four times as far
    batch["semseg:made"][1, :4], batch["semseg:made"][1, 4:] = 0, 3
    losses = objective(batch)
    relative = math.log(4) / 4
    classes = (3 * math.log(2) + math.log(6)) / 4  # class weights 3 and 1
    assert losses["depth"].item() == pytest.approx(1 + 0.5 * relative)
    assert losses["semseg"].item() == pytest.approx(math.log(40) + 0.5 * classes)
    found = objective.found
    assert {name: loss.item() for name, loss in found.auxiliary.items()} == pytest.approx(
        {"relative_depth": relative, "semseg:made": classes}
    )
    assert {name: int(number) for name, number in found.pixels.items()} == {
        "semseg": 16, "depth": 16, "relative_depth": 16, "semseg:made": 16
    }  # fmt: skip
    losses["depth"].backward()
    assert log_depth.grad is not None and log_depth.grad[0].any() and log_depth.grad[1].any()


def test_a_batch_without_foreign_labels_still_reaches_their_head() -> None:
    """DDP waits for a gradient of every parameter."""
    torch.manual_seed(0)
    auxiliary = (
        Auxiliary("relative_depth", RELATIVE, "depth", head=False),
        Auxiliary("semseg:places", ADE, "semseg", head=True),
    )
    objective = Objective(MTCP(tiny_config()), auxiliary=auxiliary)
    tasks = {"semseg": SEMSEG, "depth": DEPTH, "relative_depth": RELATIVE, "semseg:places": ADE}
    batch = {key: torch.stack([task.no_target((64, 64))] * 2) for key, task in tasks.items()}
    batch["image"] = torch.rand(2, 3, 64, 64)
    losses = objective(batch)
    assert [loss.item() for loss in losses.values()] == [0, 0]
    sum(losses.values()).backward()  # type: ignore[union-attr]
    for name, parameter in objective.named_parameters():
        assert parameter.grad is not None and not parameter.grad.any(), name


class Sparse(MadeSamples):
    """Only sample 3 has depth."""

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        sample = super().__getitem__(i)
        return sample if i == 3 else {**sample, "depth": DEPTH.no_target(sample["depth"].shape[-2:])}


def test_steps_without_a_label_do_not_count_for_the_means(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path / "run", data=Sparse(8), epochs=1)
    trainer.run()
    steps, (epoch,) = log_lines(trainer, "step"), log_lines(trainer, "epoch")
    taught = [step["loss"]["depth"] for step in steps if step["loss"]["depth"] > 0]
    assert (len(steps), len(taught)) == (2, 1)
    assert epoch["loss"]["depth"] == pytest.approx(taught[0])
    assert epoch["log_loss"]["depth"] == pytest.approx(math.log1p(taught[0]))
    assert epoch["loss"]["semseg"] == pytest.approx(sum(step["loss"]["semseg"] for step in steps) / 2)
    assert epoch["supervised"] == {"semseg": 4 * 16 * 32, "depth": 16 * 32 // 2}


@pytest.fixture(scope="module")
def unbroken(nyud: Path, places: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs of two steps with room photos mixed in."""
    runs = tmp_path_factory.mktemp("runs")
    flags = [f"--data={nyud}", f"--also={places}:0.5", "--epochs=2", "--ema=0.9", "--class-power=0.5", *TINY]
    assert train(runs, "whole", *flags) == 0
    assert train(runs, "halves", *flags, "--stop-after=1") == 3
    assert train(runs, "halves", "--resume") == 0
    return runs


def test_a_mixed_run_resumes_exactly(unbroken: Path) -> None:
    one, other = (torch.load(unbroken / name / "last.pt", weights_only=True) for name in ("whole", "halves"))
    for state in (one, other):
        state["sums"].pop("seconds")
    assert_same(one, other)
    assert log(unbroken, "whole", "step", "epoch") == log(unbroken, "halves", "step", "epoch")


def test_the_head_for_other_classes_is_trained_kept_and_not_shipped(unbroken: Path) -> None:
    state = torch.load(unbroken / "whole" / "last.pt", weights_only=True)
    head = {name.removeprefix("semseg:places."): values for name, values in state["auxiliary"].items()}
    assert head["0.weight"].shape == (8, 8, 3, 3)
    assert head["3.weight"].shape == (150, 8, 1, 1)
    model, card = load_checkpoint(unbroken / "whole" / "model.safetensors")
    assert model.state_dict().keys() == state["model"].keys()
    assert ":0.5" in card["data"]


def test_the_log_tells_the_parts_and_what_was_supervised(unbroken: Path) -> None:
    for line in log(unbroken, "whole", "epoch"):
        assert set(line["auxiliary"]) == {"semseg:places", "relative_depth"}
        assert all(value >= 0 for value in line["auxiliary"].values())
        assert line["supervised"]["normals"] == 2 * 32 * 48
        assert line["supervised"]["relative_depth"] == 2 * 32 * 48
        assert 0 < line["supervised"]["semseg:places"] <= 2 * 32 * 48


def test_other_extra_data_is_no_resumption(
    unbroken: Path, places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (places / "train.txt").read_text()
    try:
        write_lines(places / "train.txt", lines.split()[:4])
        assert train(unbroken, "halves", "--resume") == 2
        assert "the sources of --also had 5 samples, now they have 4" in capsys.readouterr().err
    finally:
        (places / "train.txt").write_text(lines)


def test_class_counts_are_kept_by_target_and_weighed_by_how_often_they_are_drawn(
    places: Path, nyud: Path
) -> None:
    also = open_also({str(places): Fraction(1, 4)}, task_set("nyud", ("semseg", "depth")))
    sources, counts = read_also(also, (48, 64), {"semseg": torch.tensor([4, 0])}, 9)
    assert counts["semseg"].tolist() == [4, 0]
    # photo 0 has no label above, the others class 149
    assert {i: int(n) for i, n in enumerate(counts["semseg:places"]) if n} == {
        **dict.fromkeys(range(5), 48 * 128), 149: 4 * 48 * 128
    }  # fmt: skip
    assert [source.keys for source in sources] == [
        {"semseg": "semseg:places", "relative_depth": "relative_depth"}
    ]
    same = open_also({str(nyud): Fraction(1, 2)}, task_set("nyud", ("semseg",)))
    _, counts = read_also(same, (36, 48), {"semseg": torch.zeros(40)}, 8)
    # half the samples are drawn from four frames, half from eight: each frame's pixels count double
    assert int(counts["semseg"].sum()) == 2 * sum(
        int((sample["semseg"] != 255).sum()) for sample in (same[0].data[i] for i in range(4))
    )


def test_metric_depth_teaches_relative_depth(nyud: Path) -> None:
    (also,) = open_also({str(nyud): Fraction(1, 2)}, task_set("places"))
    assert also.keys == {"semseg": "semseg:nyud", "depth": "relative_depth"}
    assert [(target.key, target.of) for target in also.auxiliary] == [("semseg:nyud", "semseg")]


@pytest.mark.parametrize(
    ("also", "complaint"),
    [
        ("places", "'places' is not SOURCE:SHARE"),
        ("places:0", "'places:0' is not SOURCE:SHARE, SHARE between 0 and 1"),
        ("places:1", "'places:1' is not"),
        ("places:nan", "'places:nan' is not"),
        ("places:many", "'places:many' is not"),
        (":0.5", "':0.5' is not"),
        ("places:0.5,places:0.1", "places is named twice"),
        ("a:0.5,b:0.5", "leave nothing of a step"),
        ("rooms:200:0.5", "rooms:200 is the --data already"),
    ],
)
def test_what_is_no_source_and_share_is_refused(also: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        TrainConfig(also=also)


def test_a_source_may_have_colons_of_its_own() -> None:
    assert TrainConfig(also="rooms:48:0.25,C:/photos:0.5").sources() == {
        "rooms:48": Fraction(1, 4), "C:/photos": Fraction(1, 2)
    }  # fmt: skip


def test_sources_that_teach_nothing_are_refused(
    places: Path, nyud: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = {str(places): Fraction(1, 2)}
    with pytest.raises(InputError, match="nothing in it teaches normals; it has semseg, relative_depth"):
        open_also(half, task_set("nyud", ("normals",)))
    with pytest.raises(InputError, match="nothing in it teaches depth; it has no labels"):
        open_also({str(places / "images"): Fraction(1, 2)}, task_set("nyud", ("depth",)))
    with pytest.raises(InputError, match=r"'nowhere'.*no such folder"):
        open_also({"nowhere": Fraction(1, 2)}, task_set("nyud"))
    empty = made_places(tmp_path / "empty", 2)
    for path in (empty / "labels").glob("*.png"):
        save_image(path, np.zeros((192, 256), np.uint8))
    with pytest.raises(InputError, match="none of its 2 samples has a label"):
        read_also(open_also({str(empty): Fraction(1, 2)}, task_set("nyud", ("semseg",))), (48, 64), {}, 9)
    flags = [f"--data={nyud}", f"--also={places}:0.01", "--epochs=1", *TINY]
    assert train(tmp_path, "thin", *flags) == 2
    assert "a share of 0.01 of 1 steps of 4 samples is not one sample" in capsys.readouterr().err
