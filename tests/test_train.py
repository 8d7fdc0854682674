"""The trainer: exact resume, clean stops, errors that name the step and the task, a log that survives
crashes.
"""

from __future__ import annotations

import copy
import itertools
import json
import math
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_training import SIZE, TASKS, MadeSamples, make_trainer, tiny_config
from torch import Tensor

from mtcp.config import TrainConfig
from mtcp.errors import InputError
from mtcp.model import MTCP
from mtcp.objective.balancing import BALANCERS, EpochReport, Uniform, lps_weights, make_balancer
from mtcp.presets import preset
from mtcp.training import Trainer, TrainingError, read_log
from mtcp.training.distributed import synchronised
from mtcp.training.optimizer import decayed, load_optimizer, make_optimizer
from mtcp.training.schedule import lr_factor
from mtcp.training.selection import overall_score

CLOCK = ("time", "seconds", "images_per_s")


def log_lines(trainer: Trainer, *kinds: str) -> list[dict[str, Any]]:
    """What was logged, without what the clock says."""
    lines = [
        entry for entry in read_log(trainer.folder.log_path) if entry["kind"] in (kinds or ("step", "epoch"))
    ]
    return [{key: value for key, value in entry.items() if key not in CLOCK} for entry in lines]


def assert_same_training(one: Trainer, other: Trainer) -> None:
    assert one.step == other.step
    assert_same(one.model.state_dict(), other.model.state_dict())
    assert_same(one.optimizer.state_dict(), other.optimizer.state_dict())
    assert_same(one.balancer.state_dict(), other.balancer.state_dict())
    assert one.balancer.weights == other.balancer.weights
    if one.average is not None:
        assert other.average is not None
        assert_same(one.average.state_dict(), other.average.state_dict())
    assert log_lines(one) == log_lines(other)


def assert_same(one: Any, other: Any) -> None:
    """Equal to the last bit, tensors included."""
    if isinstance(one, Tensor):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    else:
        assert one == other


class Interrupts(MadeSamples):
    """Sends the process a signal when the n-th sample is read."""

    def __init__(self, number: int, at: int) -> None:
        super().__init__()
        self.number, self.at, self.reads = number, at, 0

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        self.reads += 1
        if self.reads == self.at:
            signal.raise_signal(self.number)
        return super().__getitem__(i)


class Broken(MadeSamples):
    """Sample 5 has a depth whose loss overflows."""

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        sample = super().__getitem__(i)
        if i == 5:
            sample["depth"][3:9, 3:9] = 3e38
        return sample


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    """Four epochs in one go, what every broken and resumed run must end at."""
    trainer = make_trainer(tmp_path_factory.mktemp("runs") / "whole", ema=0.9)
    assert trainer.run()
    return trainer


def test_four_epochs_are_two_and_two_resumed(unbroken: Trainer, tmp_path: Path) -> None:
    first = make_trainer(tmp_path / "halves", ema=0.9)
    assert not first.run(until_epoch=2)
    assert first.epoch == 2
    second = make_trainer(tmp_path / "halves", ema=0.9, resume=True)
    assert second.run()
    assert_same_training(unbroken, second)
    kinds = [entry["kind"] for entry in log_lines(second, "start", "resume", "end")]
    assert kinds == ["start", "end", "resume", "end"]


@pytest.mark.slow
@pytest.mark.parametrize("balancing", ["uncertainty", "dtp", "gradnorm", "pcgrad", "nash"])
def test_balancing_that_remembers_or_draws_resumes_too(tmp_path: Path, balancing: str) -> None:
    settings = {"balancing": balancing, "log_gradients": 1, "data": MadeSamples(4)}  # a step an epoch
    unbroken = make_trainer(tmp_path / "unbroken", **settings)
    unbroken.run(until_epoch=2)
    make_trainer(tmp_path / "halves", **settings).run(until_epoch=1)
    second = make_trainer(tmp_path / "halves", resume=True, **settings)
    second.run(until_epoch=2)
    assert_same_training(unbroken, second)
    assert log_lines(unbroken, "gradients") == log_lines(second, "gradients")


@pytest.fixture(scope="module")
def looking(tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    """Two epochs that compare the gradients at every step."""
    trainer = make_trainer(tmp_path_factory.mktemp("runs") / "looking", epochs=2, log_gradients=1)
    assert trainer.run()
    return trainer


@pytest.mark.slow
def test_comparing_gradients_changes_nothing_and_resumes_within_an_epoch(
    looking: Trainer, tmp_path: Path
) -> None:
    silent = make_trainer(tmp_path / "silent", epochs=2)
    silent.run()
    for key, value in silent.model.state_dict().items():
        assert torch.equal(value, looking.model.state_dict()[key]), key
    assert log_lines(silent, "gradients") == []
    assert "gradients" not in log_lines(silent, "epoch")[0]
    crashed = make_trainer(tmp_path / "crashed", epochs=2, log_gradients=1)
    crashed._must_stop = lambda _: crashed.step == 3  # type: ignore[method-assign]
    crashed.run()
    make_trainer(tmp_path / "crashed", epochs=2, log_gradients=1, resume=True).run()
    assert log_lines(crashed, "gradients") == log_lines(looking, "gradients")
    assert log_lines(crashed, "epoch") == log_lines(looking, "epoch")


@pytest.mark.slow
def test_gradients_are_compared_every_n_steps(looking: Trainer, tmp_path: Path) -> None:
    second = make_trainer(tmp_path / "second", epochs=2, log_gradients=2)
    second.run()
    found = log_lines(looking, "gradients")
    assert [entry["step"] for entry in found] == [1, 2, 3, 4]
    assert [entry["step"] for entry in log_lines(second, "gradients")] == [2, 4]
    for entry in found:
        assert -1 <= entry["cosine"]["semseg-depth"] <= 1
        assert all(norm > 0 for norm in entry["norm"].values()) and set(entry["norm"]) == set(TASKS)
    for epoch, (one, other) in enumerate((found[:2], found[2:])):
        means = log_lines(looking, "epoch")[epoch]["gradients"]
        for kind, name in (("cosine", "semseg-depth"), ("norm", "semseg"), ("norm", "depth")):
            assert means[kind][name] == pytest.approx((one[kind][name] + other[kind][name]) / 2)
        assert log_lines(second, "epoch")[epoch]["gradients"]["norm"] == pytest.approx(other["norm"])


@pytest.mark.slow
@pytest.mark.parametrize("balancing", ["gradnorm", "mgda"])
def test_what_a_strategy_compares_is_logged_unasked(looking: Trainer, tmp_path: Path, balancing: str) -> None:
    factors = {"task_factors": "depth=4"}
    unasked = make_trainer(tmp_path / "unasked", balancing=balancing, epochs=2, log_every=2, **factors)
    unasked.gradients.look = unable  # type: ignore[method-assign]
    assert unasked.run()
    assert [entry["step"] for entry in log_lines(unasked, "gradients")] == [2, 4]
    for line, epoch in zip(log_lines(unasked, "gradients"), log_lines(unasked, "epoch"), strict=True):
        assert epoch["gradients"] == {kind: pytest.approx(line[kind]) for kind in ("cosine", "norm")}
    asked = make_trainer(tmp_path / "asked", balancing=balancing, log_every=2, log_gradients=1, **factors)
    asked.run(until_epoch=1)
    found = log_lines(asked, "gradients")
    assert [entry["step"] for entry in found] == [1, 2]
    first = log_lines(looking, "gradients")[0]  # that of a strategy which does not look, without factors
    for kind in ("cosine", "norm"):
        assert found[0][kind] == pytest.approx(first[kind], rel=1e-3, abs=1e-5)


def unable(*_: object) -> dict[str, dict[str, float | None]]:
    """In place of what costs passes through the network."""
    raise AssertionError


@pytest.mark.slow
def test_a_state_from_before_comparisons_were_logged_unasked_resumes(tmp_path: Path) -> None:
    first = make_trainer(tmp_path / "run", balancing="mgda", epochs=2)
    first.run(until_epoch=1)
    state = first.folder.load_state()
    state["sums"] = {key: v for key, v in state["sums"].items() if not key.startswith(("cosine", "norm"))}
    first.folder.save_state(state)
    second = make_trainer(tmp_path / "run", balancing="mgda", epochs=2, resume=True)
    assert second.run()
    assert set(log_lines(second, "epoch")[-1]["gradients"]) == {"cosine", "norm"}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_after_the_step_and_loses_nothing(
    unbroken: Trainer, tmp_path: Path, number: int
) -> None:
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    data = Interrupts(number, at=10)  # read for the first of the two steps of epoch 1
    stopped = make_trainer(tmp_path / "stopped", data=data, ema=0.9)
    assert not stopped.run()
    assert stopped.step == 3
    assert log_lines(stopped, "end")[-1]["reason"] == "interrupted"
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    if number == signal.SIGINT:
        resumed = make_trainer(tmp_path / "stopped", resume=True, ema=0.9)
        assert resumed.run()
        assert_same_training(unbroken, resumed)


@pytest.mark.slow
def test_max_minutes_stops_cleanly(unbroken: Trainer, tmp_path: Path) -> None:
    short = make_trainer(tmp_path / "short", ema=0.9)
    assert not short.run(max_minutes=0)
    assert short.step == 1
    assert log_lines(short, "end")[-1]["reason"] == "paused"
    resumed = make_trainer(tmp_path / "short", resume=True, ema=0.9)
    assert resumed.run(max_minutes=60)
    assert_same_training(unbroken, resumed)


@pytest.mark.slow
def test_a_crash_loses_no_more_than_the_steps_since_the_last_save(unbroken: Trainer, tmp_path: Path) -> None:
    crashed = make_trainer(tmp_path / "crashed", ema=0.9)
    crashed.run(until_epoch=2)
    crashed.folder.log("step", step=5, epoch=2, loss={})  # a step that last.pt knows nothing of
    with crashed.folder.log_path.open("ab") as f:
        f.write(b'{"kind": "step", "step": 6, "lo')
    assert [entry["step"] for entry in log_lines(crashed, "step")] == [1, 2, 3, 4, 5]
    resumed = make_trainer(tmp_path / "crashed", resume=True, ema=0.9)
    resumed.run()
    assert_same_training(unbroken, resumed)
    for line in resumed.folder.log_path.read_text().splitlines():
        json.loads(line)


@pytest.mark.slow
@pytest.mark.parametrize("balancing", sorted(BALANCERS))
def test_every_balancing_trains_and_logs_what_it_applied(tmp_path: Path, balancing: str) -> None:
    trainer = make_trainer(tmp_path / "run", balancing=balancing, epochs=2)
    before = [p.detach().clone() for p in trainer.model.parameters()]
    assert trainer.run()
    assert all(not torch.equal(a, b) for a, b in zip(before, trainer.model.parameters(), strict=True))
    epochs = log_lines(trainer, "epoch")
    assert [entry["epoch"] for entry in epochs] == [0, 1]
    steps = [entry["weight"] for entry in log_lines(trainer, "step")]
    for task in TASKS:
        mean = (steps[0][task] + steps[1][task]) / 2
        assert epochs[0]["weight"][task] == pytest.approx(mean)
    if balancing != "uncertainty" and not BALANCERS[balancing].several_passes:  # they move at every step
        assert epochs[0]["weight"] == pytest.approx(dict.fromkeys(TASKS, 1.0))
        for one, following in itertools.pairwise(epochs):
            assert following["weight"] == pytest.approx(one["next_weight"])


@pytest.mark.slow
def test_task_factors_scale_the_total_and_nothing_else(tmp_path: Path) -> None:
    plain, scaled = (
        make_trainer(tmp_path / name, balancing="uniform", epochs=1, task_factors=factors)
        for name, factors in (("plain", ""), ("scaled", "depth=4"))
    )
    plain.run(), scaled.run()
    first, other = log_lines(plain, "step")[0], log_lines(scaled, "step")[0]
    assert (first["loss"], first["weight"]) == (other["loss"], other["weight"])
    assert other["total"] - first["total"] == pytest.approx(3 * math.log1p(first["loss"]["depth"]))


@pytest.mark.parametrize(
    "factors, complaint",
    [
        ("edge=2", "names 'edge': the tasks are semseg, depth"),
        ("depth=0", "'depth=0' is not"),
        ("4", "'4' is not"),
    ],
)
def test_wrong_task_factors_are_named(tmp_path: Path, factors: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        make_trainer(tmp_path / "run", task_factors=factors)


@pytest.mark.slow
def test_factors_reach_a_likelihood_as_factors_of_the_loss(tmp_path: Path) -> None:
    """Not of its logarithm: with s = 0 at the first step, uncertainty minimises L_semseg + 4 L_depth."""
    trainer = make_trainer(tmp_path / "run", balancing="uncertainty", epochs=1, task_factors="depth=4")
    trainer.run()
    first = log_lines(trainer, "step")[0]
    assert first["total"] == pytest.approx(first["loss"]["semseg"] + 4 * first["loss"]["depth"])


@pytest.mark.slow
def test_a_strategy_logs_its_own_numbers(tmp_path: Path) -> None:
    class Counting(Uniform):
        def _decide(self, history: Sequence[Mapping[str, float]]) -> EpochReport:
            return EpochReport(super()._decide(history).weights, {"epochs_seen": len(history)})

    trainer = make_trainer(tmp_path / "run", balancer=Counting(TASKS), epochs=2)
    trainer.run()
    assert [entry["epochs_seen"] for entry in log_lines(trainer, "epoch")] == [1, 2]


def test_the_log_is_enough_to_replay_lps(unbroken: Trainer) -> None:
    epochs = log_lines(unbroken, "epoch")
    replay = lps_weights([entry["log_loss"] for entry in epochs], kappa=unbroken.config.kappa)
    for e, entry in enumerate(epochs):
        assert entry["next_weight"] == pytest.approx(replay.weights[e + 1])
        assert entry["floor"] == list(replay.clamped[e + 1])
        ratios = replay.ratios[e + 1]
        assert entry["ratio"] == (dict.fromkeys(TASKS) if ratios is None else pytest.approx(ratios))


def test_a_loss_that_is_not_finite_stops_and_names_step_and_task(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path / "run", data=Broken())
    order = [index for s in trainer.batches._keys(0) + trainer.batches._keys(1) for _, _, index in s]
    step = order.index(5) // 4
    with pytest.raises(TrainingError, match=rf"step {step}: the loss of depth is inf"):
        trainer.run()
    assert all(torch.isfinite(p).all() for p in trainer.model.parameters())
    assert [entry["step"] for entry in log_lines(trainer, "step")] == list(range(1, step + 1))


def test_a_log_line_after_a_torn_one_stands_alone(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path / "run")
    trainer.folder.log("start", step=0)
    with trainer.folder.log_path.open("ab") as f:
        f.write(b'{"kind": "step", "st\xff')
    trainer.folder.log("end", step=0)
    assert [entry["kind"] for entry in read_log(trainer.folder.log_path)] == ["start", "end"]


@pytest.mark.slow
def test_workers_give_the_same_training(tmp_path: Path) -> None:
    alone = make_trainer(tmp_path / "alone", epochs=1)
    alone.run()
    helped = make_trainer(tmp_path / "helped", epochs=1, workers=2)
    helped.run()
    assert_same_training(alone, helped)


def test_tensorboard_has_the_same_numbers(unbroken: Trainer) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = reader.EventAccumulator(str(unbroken.folder.path)).Reload()
    logged = [entry["loss"]["depth"] for entry in log_lines(unbroken, "step")]
    assert [event.value for event in events.Scalars("step/loss/depth")] == pytest.approx(logged)
    weights = [entry["weight"]["semseg"] for entry in log_lines(unbroken, "epoch")]
    assert [event.value for event in events.Scalars("epoch/weight/semseg")] == pytest.approx(weights)
    assert len(events.Scalars("epoch/ratio/depth")) == 3  # undefined after epoch 0


@pytest.mark.slow
def test_wrong_use_of_a_run_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to resume"):
        make_trainer(tmp_path / "none", resume=True)
    trainer = make_trainer(tmp_path / "run", epochs=1)
    trainer.run()
    with pytest.raises(InputError, match="holds a run already"):
        make_trainer(tmp_path / "run")
    trainer.folder.state_path.write_bytes(b"torn")
    with pytest.raises(InputError, match=r"last\.pt cannot be read"):
        make_trainer(tmp_path / "run", resume=True)
    with pytest.raises(InputError, match="9 training samples are no batch of 16"):
        make_trainer(tmp_path / "big", batch=16)


@pytest.mark.slow
def test_other_training_data_is_no_resumption(tmp_path: Path) -> None:
    make_trainer(tmp_path / "run").run(until_epoch=1)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    with pytest.raises(
        InputError, match=r"9 training samples in batches of 4, now there are 40 in batches of 4"
    ):
        make_trainer(tmp_path / "run", data=MadeSamples(40), resume=True)
    with pytest.raises(InputError, match="in batches of 4, now there are 9 in batches of 2"):
        make_trainer(tmp_path / "run", batch=2, resume=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


@pytest.mark.slow
def test_epochs_are_counted_anew_when_told_to(tmp_path: Path) -> None:
    first = make_trainer(tmp_path / "run", epochs=1)
    first.run()
    again = make_trainer(tmp_path / "run", epochs=1, data=MadeSamples(13), resume=True, restart=True)
    assert (again.step, again.total_steps, again.balancer.history) == (0, 3, [])
    assert_same(again.model.state_dict(), first.model.state_dict())
    assert again.run()
    assert [entry["step"] for entry in log_lines(again, "step")] == [1, 2, 3]
    assert log_lines(again, "step")[0]["lr"] < max(entry["lr"] for entry in log_lines(again, "step"))
    old = [entry["step"] for entry in read_log(tmp_path / "run/log-1.jsonl") if entry["kind"] == "step"]
    assert old == [1, 2]


@pytest.mark.slow
def test_a_state_that_the_configuration_no_longer_fits_is_one_line(tmp_path: Path) -> None:
    make_trainer(tmp_path / "run", epochs=1).run()
    with pytest.raises(InputError, match=r"last\.pt does not fit the run's config\.json") as caught:
        make_trainer(tmp_path / "run", resume=True, model=MTCP(tiny_config(width=16)))
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="does not fit the run's config"):
        make_trainer(tmp_path / "run", resume=True, ema=0.9)


def test_decay_acts_on_layers_and_on_no_table() -> None:
    model = MTCP(preset("lite", query_gate=True))
    acted_on = decayed(model)
    spared = {name for name, parameter in model.named_parameters() if parameter.ndim > 1} - acted_on.keys()
    tables = {f"decoders.{t}.stages.{s}.blocks.{b}.attn.relative_position_bias_table"
              for t in model.config.tasks for s, b in ((0, 0), (1, 0), (1, 1), (2, 0))}  # fmt: skip
    assert spared == {"shared.queries.query", "shared.queries.level", *tables}
    assert all(parameter.ndim > 1 for parameter in acted_on.values())
    optimizer = make_optimizer(model, make_balancer("uncertainty", model.config.tasks), TrainConfig())
    decays = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        assert decays[id(parameter)] == (0.01 if name in acted_on else 0.0), name


def test_an_embedding_has_no_decay_though_its_table_is_called_weight() -> None:
    model = torch.nn.ModuleDict({"table": torch.nn.Embedding(3, 4), "layer": torch.nn.Linear(4, 4)})
    assert set(decayed(model)) == {"layer.weight"}


@pytest.mark.parametrize("balancing", ["uniform", "uncertainty"])
def test_an_optimizer_saved_with_decayed_tables_goes_on_parameter_by_parameter(balancing: str) -> None:
    model = MTCP(tiny_config())
    balancer = make_balancer(balancing, TASKS)
    new = make_optimizer(model, balancer, TrainConfig())
    in_backbone = {id(p) for p in model.shared.backbone.parameters()}
    groups = [[p for p in model.parameters() if (id(p) in in_backbone, p.ndim > 1) == key]
              for key in ((False, False), (False, True), (True, False), (True, True))]  # fmt: skip
    groups += [own] if (own := list(balancer.parameters())) else []
    old = torch.optim.AdamW([{"params": group, "base_lr": 1.0} for group in groups])
    for i, parameter in enumerate(p for group in groups for p in group):
        parameter.grad = torch.full_like(parameter, 1.0 + i)
    old.step()
    load_optimizer(new, old.state_dict(), model)
    for parameter in (p for group in groups for p in group):
        assert torch.equal(new.state[parameter]["exp_avg"], old.state[parameter]["exp_avg"])
    assert [group["weight_decay"] for group in new.param_groups] != [0.01] * len(new.param_groups)


def test_batch_norm_over_all_ranks_computes_the_same_network() -> None:
    """In eval mode, from the same weights and statistics, activations included; also through a state dict."""
    torch.manual_seed(0)
    model = MTCP(tiny_config())
    photo = torch.rand(2, 3, *SIZE)
    model.train()(photo)  # statistics that are not the initial ones
    converted = synchronised(copy.deepcopy(model))
    assert any(isinstance(module, torch.nn.SyncBatchNorm) for module in converted.modules())
    assert not any(type(module) is torch.nn.BatchNorm2d for module in converted.modules())
    loaded = MTCP(tiny_config())
    loaded.load_state_dict(converted.state_dict())
    with torch.inference_mode():
        wanted, *others = (net.eval().inspect(photo) for net in (model, converted, loaded))
        levels = model.shared.backbone(photo)
        for level, same in zip(levels, converted.shared.backbone(photo), strict=True):
            torch.testing.assert_close(same, level)
    for other in others:
        torch.testing.assert_close(other.initial, wanted.initial)
        torch.testing.assert_close(other.refined, wanted.refined)


def test_the_run_folder_gives_its_configuration_back(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path / "run", balancing="dwa")
    assert trainer.folder.read_config() == (trainer.model.config, trainer.config)
    assert trainer.folder.read_command() == "test"
    path = tmp_path / "run" / "config.json"
    path.write_text(path.read_text()[:-20])
    with pytest.raises(InputError, match=r"config.json: not JSON"):
        trainer.folder.read_config()
    path.unlink()
    with pytest.raises(InputError, match="is missing"):
        trainer.folder.read_config()


@pytest.mark.parametrize("schedule", ["onecycle", "poly"])
def test_schedule_warms_up_and_ends_near_zero(schedule: str) -> None:
    factors = [lr_factor(step, 100, schedule=schedule, warmup=0.1) for step in range(100)]
    assert factors[0] == pytest.approx(1 / 11)
    assert max(factors) == factors[10] == 1.0
    assert factors[:11] == sorted(factors[:11])
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert 0 < factors[-1] < 0.02
    assert lr_factor(0, 100, schedule=schedule, warmup=0.0) == 1.0


def test_a_task_without_labels_does_not_keep_the_best_weights_from_being_found() -> None:
    tasks = tiny_config(tasks=("semseg", "depth")).task_list()

    def score(miou: float, rmse: float) -> float:
        return overall_score({"initial": {"semseg": {"miou": miou}, "depth": {"rmse": rmse}}}, tasks)

    assert score(20.0, 0.5) > score(20.0, 1.0) > score(10.0, 1.0)
    assert score(20.0, math.nan) == pytest.approx(math.log(20))
    assert score(20.0, math.nan) > score(10.0, math.nan)
    assert score(math.nan, math.nan) == -math.inf
