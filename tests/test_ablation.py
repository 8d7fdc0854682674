"""The ablation trains what its table says: switches, parameters, losses and weights of every row, and resuming."""

from __future__ import annotations

import copy
import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_training import MadeSamples, tiny_config

import mtcp.ablation.run as ablation_run
import mtcp.training.setup as setup
from mtcp.__main__ import main
from mtcp.ablation.costs import count_macs, supervised_maps
from mtcp.ablation.grid import DEFAULT, GRIDS, fields_of_grids, grid, systems
from mtcp.ablation.records import check_same, read_record, read_records, recorded, result_path, write_record
from mtcp.ablation.report import marks, tables, write_report
from mtcp.ablation.rows import AblationRow, by_name, configs, is_single, select, total_budgets
from mtcp.ablation.run import Plan, joined, run_grid
from mtcp.config import ModelConfig, TrainConfig
from mtcp.errors import InputError
from mtcp.model import MTCP
from mtcp.model.refinement.none import NoRefinement
from mtcp.presets import DESIGNS, PLAIN, preset
from mtcp.run_config import check_gradients, check_together
from mtcp.training import RunFolder, read_log

TASKS = ("semseg", "depth", "normals")
# Two cells at 1/32: over one, attention's softmax is 1 and the queries' gradient is zero but for rounding.
PICTURE = (32, 64)
MODEL = tiny_config(tasks=TASKS, height=PICTURE[0], image_width=PICTURE[1])
TRAIN = TrainConfig(
    data="made", epochs=3, batch=4, lr=3e-3, warmup=0.0, init="none", bf16="off", scales=(1.0,)
)
GRID = grid(DEFAULT, TASKS)
ROWS = {row.name: row for row in GRID}
BEGIN, END = marks(DEFAULT)

# What each row is meant to be, written down again: parts that are in it, residual of the CFM, how it balances, kappa if
# that matters, weight of the slope term, epochs behind it in budgets.
GATE, DECODERS, CFM, BACK = "query_gate", "task_decoder", "fusion", "refinement"
SWITCHES = {GATE: (False, True), DECODERS: (False, True), CFM: ("none", "cfm"), BACK: ("none", "trace_back")}
Expected = tuple[set[str], str, str, "float | None", float, int]
ALL = {DECODERS, CFM, BACK}
SINGLE: Expected = (set(), "", "uniform", None, 0.0, 2)
EXPECTED: dict[str, Expected] = {
    "single-semseg": SINGLE,
    "single-depth": SINGLE,
    "single-normals": SINGLE,
    "plain": (set(), "", "uniform", None, 0.0, 2),
    "decoders": ({DECODERS}, "", "uniform", None, 0.0, 1),
    "decoders-on": ({DECODERS}, "", "uniform", None, 0.0, 2),
    "cfm-published": ({DECODERS, CFM}, "none", "uniform", None, 0.0, 2),
    "cfm": ({DECODERS, CFM}, "input", "uniform", None, 0.0, 2),
    "mtcp": (ALL, "input", "uniform", None, 0.0, 2),
    "mtcp-slope": (ALL, "input", "uniform", None, 0.25, 2),
    "mtcp-lps": (ALL, "input", "lps", 7.5, 0.0, 2),
    "trace-back": ({DECODERS, BACK}, "", "uniform", None, 0.0, 2),
    "published": (ALL, "none", "uniform", None, 0.0, 2),
    "gate": ({*ALL, GATE}, "input", "uniform", None, 0.0, 2),
    "mtcp-uncertainty": (ALL, "input", "uncertainty", None, 0.0, 2),
    "mtcp-dwa": (ALL, "input", "dwa", None, 0.0, 2),
    "mtcp-lps-0": (ALL, "input", "lps", 0.0, 0.0, 2),
    "mtcp-lps-3": (ALL, "input", "lps", 3.0, 0.0, 2),
    "mtcp-lps-15": (ALL, "input", "lps", 15.0, 0.0, 2),
}
TRAINED = ("plain", "decoders", "cfm", "mtcp", "mtcp-lps")
"""Rows that are trained here: with and without fusion and trace-back, two ways of balancing."""
PARTS = {  # parameters that a switch is to add, by the start of their names
    "query_gate": ("shared.queries.",),
    "task_decoder": ("decoders.",),
    "fusion": ("fusion.",),
    "refinement": ("trace_back.", "intermediate_heads.", "refined_heads."),
}


class Normals(MadeSamples):
    """The made samples with normals and a camera."""

    def __init__(self, tasks: tuple[str, ...], count: int = 4) -> None:
        super().__init__(count)
        self.tasks = tasks

    def __getitem__(self, i: int) -> dict[str, torch.Tensor]:
        g = torch.Generator().manual_seed(100 + i)
        sample = super().__getitem__(i)
        h, w = PICTURE
        sample = {name: value[..., :h, :w] for name, value in sample.items()}
        sample["normals"] = torch.nn.functional.normalize(torch.randn(3, h, w, generator=g), dim=0)
        kept = {name: sample[name] for name in ("image", *self.tasks)}
        return {**kept, "camera": torch.tensor([30.0, 30.0, w / 2, h / 2])}


@pytest.fixture
def made_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """`data="made"` is four samples of noise, whatever split is asked for."""

    def open_made(source: str, split: str, tasks: tuple[str, ...]) -> Normals:
        assert source == "made"
        return Normals(tasks)

    monkeypatch.setattr(setup, "open_data", open_made)
    monkeypatch.setattr(ablation_run, "open_data", open_made)
    monkeypatch.setattr(
        ablation_run, "count_macs", lambda *_: 1
    )  # has its own test and takes half of the time


def of(name: str, seed: int = 0) -> tuple[ModelConfig, TrainConfig]:
    return configs(ROWS[name], GRID, MODEL, TRAIN, seed)


def plan(out: Path, *rows: str, **changes: Any) -> Plan:
    chosen = select(GRID, rows)
    made = Plan(out, MODEL, TRAIN, chosen, torch.device("cpu"), coherence_frames=1, progress=False)
    return dataclasses.replace(made, **changes)


def difference(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    return {key for key in one if one[key] != other[key]}


def test_the_grid_is_the_one_that_was_asked_for() -> None:
    assert list(ROWS) == list(EXPECTED)
    for name, (parts, residual, balancing, kappa, slope, budgets) in EXPECTED.items():
        model, train = of(name)
        for switch, (off, on) in SWITCHES.items():
            assert getattr(model, switch) == (on if switch in parts else off), f"{switch} of {name}"
        assert not residual or model.cfm_residual == residual, name
        assert train.balancing == balancing, name
        assert kappa is None or train.kappa == kappa, name
        assert train.slope == slope, name
        assert model.tasks == ((name.removeprefix("single-"),) if name.startswith("single-") else TASKS)
        assert total_budgets(ROWS[name], GRID) == budgets, name
        assert train.epochs == TRAIN.epochs * ROWS[name].budgets


@pytest.mark.parametrize("row", [row for row in GRID if row.base], ids=lambda row: row.name)
def test_a_row_differs_from_its_base_in_exactly_what_it_names(row: AblationRow) -> None:
    assert row.base
    (model, train), (base_model, base_train) = of(row.name), of(row.base)
    changed = difference(model.to_dict(), base_model.to_dict()) | difference(
        train.to_dict(), base_train.to_dict()
    )
    named = {**row.model, **row.train}
    assert changed - {"epochs"} <= set(named)
    assert set(named) - changed <= {
        "kappa",
        "cfm_residual",
        "cfm_scale",
        "fusion",
    }  # at their defaults already


@pytest.mark.parametrize("name", GRIDS)
def test_rows_come_after_what_they_build_on_and_share_the_budget(name: str) -> None:
    lite, train = preset("lite"), TrainConfig()
    rows = grid(name, lite.tasks)
    assert len({row.name for row in rows}) == len(rows)
    fields = fields_of_grids()
    seen: set[str] = set()
    for row in rows:
        assert row.start is None or row.start in seen
        seen.add(row.name)
        model, row_train = configs(row, rows, lite, train, 3)
        assert difference(model.to_dict(), lite.to_dict()) <= {*fields[0], "tasks"}
        assert difference(row_train.to_dict(), train.to_dict()) <= {*fields[1], "epochs"}
        assert row_train.seed == 3
        looking = configs(row, rows, lite, train.replace(log_gradients=5), 3)
        assert looking[1].log_gradients == (0 if len(looking[0].tasks) == 1 else 5)
        check_gradients(*looking)
    assert all(by_name(rows, row.base) for row in rows if row.base)


def test_the_rows_of_systems_are_the_presets() -> None:
    rows = grid("systems", TASKS)
    trained = {row.name: configs(row, rows, preset("lite"), TrainConfig(), 0)[0] for row in rows}
    wanted = {**DESIGNS, "mtcp": preset("lite"), "mtcp-published": preset("published")}
    assert {name: model for name, model in trained.items() if name in wanted} == wanted
    plain = DESIGNS["plain"]
    assert all(trained[f"single-{task}"] == plain.replace(tasks=(task,)) for task in TASKS)
    small = configs(by_name(rows, "kem"), rows, preset("lite", width=16, height=96), TrainConfig(), 0)[0]
    assert small == DESIGNS["kem"].replace(width=16, height=96)


def test_what_is_called_published_is() -> None:
    rows = grid(DEFAULT, TASKS)
    for name in ("cfm-published", "published"):
        model = configs(by_name(rows, name), rows, preset("lite"), TrainConfig(), 0)[0]
        published = preset("published")
        for field in ("fusion", "cfm_residual", "cfm_scale", "kv_stride"):
            assert getattr(model, field) == getattr(published, field), field


@pytest.mark.parametrize("name", GRIDS)
def test_a_single_task_row_leaves_out_what_is_said_of_other_tasks(name: str) -> None:
    lite = preset("lite")
    train = TrainConfig(
        task_factors="depth=1.5,normals=4", depth_gradient=0.5, agreement=0.5, mask_supervision=1.0, also="photos:0.3",
        ema=0.9, teacher_weight=1.0, affine_mix=0.5, color_aug=0.5,
    )  # fmt: skip
    rows = grid(name, lite.tasks)
    alone = {row.name: configs(row, rows, lite, train, 0) for row in rows if is_single(row)}
    for model, row_train in alone.values():
        if model.tasks == ("semseg",):  # its query masks are the grid's to decide
            row_train = row_train.replace(mask_supervision=0.0)
        check_together(model, row_train)
    kept = {task: train for (task,), train in ((model.tasks, train) for model, train in alone.values())}
    assert {task: kept[task].task_factors for task in kept} == {
        "semseg": "", "depth": "depth=1.5", "normals": "normals=4",
    }  # fmt: skip
    assert (kept["depth"].depth_gradient, kept["semseg"].color_aug, kept["semseg"].mask_supervision) == (
        0.5,
        0.5,
        1.0,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The rows `TRAINED`, three epochs, with what each trainer's network was before and what gradients it saw."""
    out = tmp_path_factory.mktemp("ablation")
    seen: dict[str, Any] = {}
    build = ablation_run.build_trainer

    def watching(model: ModelConfig, config: TrainConfig, folder: RunFolder, **rest: Any) -> Any:
        trainer = build(model, config, folder, **rest)
        before = copy.deepcopy(trainer.model.state_dict())
        gradients: set[str] = set()
        for name, parameter in trainer.model.named_parameters():
            parameter.register_hook(
                lambda g, name=name: gradients.add(name) if bool(g.ne(0).any()) else None  # type: ignore[misc]
            )
        seen[folder.path.name] = (trainer, before, gradients)
        return trainer

    def open_made(source: str, split: str, tasks: tuple[str, ...]) -> Normals:
        return Normals(tasks)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ablation_run, "build_trainer", watching)
        patch.setattr(setup, "open_data", open_made)
        patch.setattr(ablation_run, "open_data", open_made)
        patch.setattr(ablation_run, "count_macs", lambda *_: 1)
        assert run_grid(plan(out, *TRAINED))
    yield out, seen


@pytest.mark.parametrize("name", EXPECTED)
def test_a_row_has_the_parameters_of_its_switches(name: str) -> None:
    names = {key for key, _ in MTCP(of(name)[0]).named_parameters()}
    for switch, starts in PARTS.items():
        for start in starts:
            present = any(key.startswith(start) for key in names)
            assert present == (switch in EXPECTED[name][0]), f"{start} in {name}"
    assert {key.split(".")[1] for key in names if key.startswith("initial_heads.")} == set(of(name)[0].tasks)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_a_row_trains_all_of_its_parameters(trained: tuple[Path, dict[str, Any]], name: str) -> None:
    trainer, before, gradients = trained[1][f"{name}-s0"]
    names = {key for key, _ in trainer.model.named_parameters()}
    assert names == {key for key, _ in MTCP(of(name)[0]).named_parameters()}
    # CBAM's bottleneck has one hidden unit at this width: where its ReLU is off for every picture, nothing flows
    assert {name for name in names - gradients if ".channel.fc" not in name} == set()
    after = trainer.model.state_dict()
    assert [key for key in sorted(names) if torch.equal(before[key], after[key])] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_a_rows_losses_and_only_they_are_active(trained: tuple[Path, dict[str, Any]], name: str) -> None:
    record = json.loads(result_path(trained[0], name, 0).read_text())
    maps = ["initial"]
    if EXPECTED[name][0] == ALL:
        maps = ["initial", "intermediate 1", "intermediate 2", "refined"]
    assert {task: sorted(found) for task, found in record["supervised"].items()} == dict.fromkeys(TASKS, maps)
    for epoch in record["loss"]:
        assert tuple(epoch) == TASKS
        assert all(value > 0 for value in epoch.values())
    assert set(record["metrics"]) == ({"initial", "refined"} if len(maps) > 1 else {"initial"})


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_the_logged_weights_are_those_of_the_rows_balancing(
    trained: tuple[Path, dict[str, Any]], name: str
) -> None:
    lines = [e for e in read_log(trained[0] / f"{name}-s0" / "log.jsonl") if e["kind"] == "epoch"]
    weights = [list(line["weight"].values()) for line in lines]
    logs = [line["log_loss"] for line in lines]
    _, _, balancing, kappa, _, _ = EXPECTED[name]
    if balancing == "uniform":
        assert weights == [[1.0] * 3] * len(weights)
        return
    assert len(weights) == 3 and weights[0] == [1.0] * 3
    total = sum(logs[0].values())
    assert weights[1] == pytest.approx([total / logs[0][task] for task in TASKS])
    ratio = {t: logs[1][t] / logs[0][t] / (sum(logs[1].values()) / total) for t in TASKS}
    mean = sum(ratio.values()) / 3
    assert kappa is not None
    raw = [mean + kappa * (ratio[task] - mean) for task in TASKS]
    if not lines[1]["floor"]:
        assert weights[2] == pytest.approx(raw)
    assert sum(weights[2]) == pytest.approx(sum(raw))
    assert min(weights[2]) > 0


@pytest.mark.slow
def test_rows_of_one_network_start_from_the_same_weights_and_end_apart(
    trained: tuple[Path, dict[str, Any]],
) -> None:
    names = [name for name in TRAINED if name.startswith("mtcp")]
    starts = [trained[1][f"{name}-s0"][1] for name in names]
    for other in starts[1:]:
        assert all(torch.equal(value, other[key]) for key, value in starts[0].items())
    ends = [trained[1][f"{name}-s0"][0].model.refined_heads["depth"].weight for name in names]
    assert len({tuple(end.flatten().tolist()) for end in ends}) == len(names)


@pytest.mark.slow
def test_results_say_what_a_table_needs(trained: tuple[Path, dict[str, Any]]) -> None:
    records = {record["row"]: record for record in read_records(trained[0])}
    assert set(records) == set(TRAINED)
    for record in records.values():
        assert record["environment"]["date"]
        assert any(key.startswith("depth_normal_mean") for key in record["metrics"]["initial"]["coherence"])
    plain, decoders, cfm, mtcp, lps = (records[name]["parameters"]["in all"] for name in TRAINED)
    assert plain < decoders < cfm < mtcp == lps
    text = tables(list(records.values()))
    assert all(ROWS[name].title in text for name in TRAINED)


@pytest.mark.slow
def test_single_task_rows_are_measured_together(
    made_data: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablation_run, "count_macs", count_macs)
    pair = ("depth", "normals")
    singles = tuple(row for row in grid(DEFAULT, pair) if is_single(row))
    short = plan(
        tmp_path, rows=singles, model=MODEL.replace(tasks=pair), train=TRAIN.replace(epochs=1), limit=1
    )
    assert run_grid(short)
    records = {record["row"]: record for record in read_records(tmp_path)}
    parts = [records[f"single-{task}"] for task in pair]
    assert records["single"]["macs"] == sum(part["macs"] for part in parts)
    assert set(records["single"]["metrics"]["initial"]) == {*pair, "coherence"}


def test_macs_of_a_network_that_can_be_counted_by_hand() -> None:
    model = MTCP(MODEL.replace(**PLAIN, tasks=("depth",)))
    twice = MTCP(MODEL.replace(**PLAIN, tasks=("depth", "normals")))
    head = 8 * 8 * (9 * 8 * 8 + 3 * 8)  # 3x3 and 1x1 of the normals' head on the 8 x 8 grid
    assert count_macs(twice, (32, 32)) - count_macs(model, (32, 32)) == head
    assert next(model.parameters()).device.type == "cpu"


def test_an_unsupervised_map_is_noticed() -> None:
    model = MTCP(MODEL)
    model.trace_back = NoRefinement(MODEL)
    assert supervised_maps(model) == {task: ["initial"] for task in TASKS}


def test_a_finished_row_is_skipped_and_another_budget_refused(made_data: None, tmp_path: Path) -> None:
    assert run_grid(plan(tmp_path, "plain"))
    path, log = result_path(tmp_path, "plain", 0), tmp_path / "plain-s0" / "log.jsonl"
    before = (path.read_bytes(), log.read_bytes())
    assert run_grid(plan(tmp_path, "plain"))
    assert (path.read_bytes(), log.read_bytes()) == before
    with pytest.raises(InputError, match=r"epochs=6, now it is 8"):
        run_grid(plan(tmp_path, "plain", train=TRAIN.replace(epochs=4)))
    with pytest.raises(InputError, match="measured on"):
        run_grid(plan(tmp_path, "plain", limit=2))


@pytest.mark.slow
def test_a_stopped_row_goes_on_to_the_same_end(
    made_data: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, parts = tmp_path / "whole", tmp_path / "parts"
    assert run_grid(plan(at_once, "plain"))
    with monkeypatch.context() as patch:
        patch.setattr(ablation_run, "left", lambda deadline: 1e-9)
        assert not run_grid(plan(parts, "plain"))
        assert not run_grid(plan(parts, "plain"))
        patch.setattr(ablation_run, "left", lambda deadline: 0.0)
        assert not run_grid(plan(parts, "plain"))
    assert RunFolder(parts / "plain-s0").load_state()["step"] == 2  # one for each call that had time
    assert not result_path(parts, "plain", 0).exists()
    assert run_grid(plan(parts, "plain"), max_minutes=60)
    one, other = (json.loads(result_path(out, "plain", 0).read_text()) for out in (at_once, parts))
    assert other["loss"] == one["loss"]
    assert other["metrics"] == one["metrics"]


def test_a_trained_row_that_was_not_measured_is_not_trained_again(made_data: None, tmp_path: Path) -> None:
    assert run_grid(plan(tmp_path, "plain"))
    log = (tmp_path / "plain-s0" / "log.jsonl").read_bytes()
    result_path(tmp_path, "plain", 0).unlink()
    assert run_grid(plan(tmp_path, "plain"))
    assert (tmp_path / "plain-s0" / "log.jsonl").read_bytes() == log
    assert "metrics" in json.loads(result_path(tmp_path, "plain", 0).read_text())


@pytest.mark.slow
def test_a_row_that_diverges_is_recorded_and_the_others_go_on(
    made_data: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = ablation_run._train

    def failing(plan: Plan, row: AblationRow, seed: int, deadline: float | None) -> None:
        if row.name == "decoders":
            raise ablation_run.TrainingError("step 3: the loss of depth is nan")
        train(plan, row, seed, deadline)

    monkeypatch.setattr(ablation_run, "_train", failing)
    assert run_grid(plan(tmp_path, "plain", "decoders", "decoders-on"))
    records = {record["row"]: record for record in read_records(tmp_path)}
    assert "metrics" not in records["decoders"]
    assert "metrics" in records["plain"]
    assert "decoders failed" in records["decoders-on"]["failed"]
    assert "step 3: the loss of depth is nan" in tables(list(records.values()))


def test_a_row_starts_from_the_network_that_it_names(made_data: None, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="starts from decoders"):
        run_grid(plan(tmp_path, "decoders-on"))
    assert run_grid(plan(tmp_path, "decoders"))
    assert run_grid(plan(tmp_path, "decoders-on"))
    folder = RunFolder(tmp_path / "decoders-on-s0")
    assert folder.read_config()[1].init == str(tmp_path / "decoders-s0" / "model.safetensors")
    (start, *_) = read_log(folder.log_path)
    assert not start["init"][0]["skipped"]
    record = read_record(result_path(tmp_path, "decoders-on", 0))
    assert (record["start"], record["total_budgets"], record["train"]["init"]) == ("decoders", 2, "none")


def test_rows_without_a_conclusion_take_one_seed(made_data: None, tmp_path: Path) -> None:
    short = TRAIN.replace(epochs=1)
    assert run_grid(plan(tmp_path, "decoders", "trace-back", train=short, seeds=(1, 0), limit=1))
    assert sorted(record["seed"] for record in read_records(tmp_path) if record["row"] == "trace-back") == [1]
    assert "(trace-back): seed" not in tables(read_records(tmp_path))


def made_record(row: str, seed: int, miou: float, rmse: float, mean: float, **more: Any) -> dict[str, Any]:
    model, train = of(row, seed)
    stage = {"semseg": {"miou": miou}, "depth": {"rmse": rmse}, "normals": {"mean": mean}}
    initial: dict[str, Any] = {task: stage[task] for task in model.tasks}
    if len(model.tasks) > 1:
        # as it was written before, and as it is
        key = "depth_normal_mean_deg" if seed else "depth_normal_mean"
        initial["coherence"] = {key: 12.0 + seed, "plane_rms_cm": None}
    return {
        "grid": DEFAULT, "row": row, "title": ROWS[row].title, "seed": seed, "base": ROWS[row].base, "switch": {},
        "start": ROWS[row].start, "budgets": ROWS[row].budgets, "total_budgets": 2,
        **recorded(model, train), "parameters": {"in all": 2_500_000}, "macs": 3_400_000_000, "macs_are": "counted",
        "supervised": {task: ["initial"] for task in model.tasks},
        "weight": [dict.fromkeys(model.tasks, 1.0)], "training_seconds": 1800.0, "metrics": {"initial": initial},
        "measured_on": {"data": "made", "split": "val", "limit": None, "coherence_frames": 50},
        "environment": {"device": "cpu", "processor": "Abacus", "threads": 2, "torch": "2.x", "commit": "abc1234",
                        "date": f"2026-01-0{seed + 1}"},
        **more,
    }  # fmt: skip


def made_out(out: Path) -> Path:
    for seed in (0, 1):
        for task in TASKS:
            record = made_record(f"single-{task}", seed, 20.0, 0.8, 30.0)
            write_record(result_path(out, record["row"], seed), record)
        write_record(result_path(out, "plain", seed), made_record("plain", seed, 22.0 + 2 * seed, 0.72, 27.0))
    write_record(result_path(out, "mtcp", 0), made_record("mtcp", 0, 30.0, 0.8, 30.0))
    return out


def line_of(text: str, start: str) -> str:
    (line, *_) = [line for line in text.splitlines() if line.startswith(start)]
    return line


def test_the_table_says_what_the_files_say(tmp_path: Path) -> None:
    text = tables(read_records(made_out(tmp_path)))
    # plain: gains of 10 and 20 %, 10 %, 10 %, so 10 and 13.33 %; mean and sample deviation over the seeds
    assert line_of(text, "| plain multi-task | initial") == (
        "| plain multi-task | initial | 2 | 23.00 ± 1.41 | 0.720 ± 0.000 | 27.00 ± 0.00 | +11.67 ± 2.36 |"
    )
    assert "| 1 | 30.00 | 0.800 | 30.00 | +16.67 |" in text
    assert "| plain multi-task | initial | 12.5 ± 0.7 | - | - |" in text
    assert f"{ROWS['mtcp'].title} (mtcp): seed 1" in text
    assert f"{ROWS['mtcp-lps'].title} (mtcp-lps): seed 0, 1" in text
    assert "single-depth" not in text  # nothing of it is missing
    assert "budgets of 3 epochs" in text
    assert "seeds 0, 1" in text
    assert "Abacus, 2 threads, torch 2.x, commit abc1234, 2026-01-01 to 2026-01-02" in text


def test_differences_are_taken_seed_by_seed(tmp_path: Path) -> None:
    """What seeds do to both sides cancels out; a seed that one side lacks, and a row with one seed, do not count."""
    for seed, miou in enumerate((20.0, 30.0, 70.0)):
        write_record(result_path(tmp_path, "plain", seed), made_record("plain", seed, miou, 0.8, 30.0))
    for seed, miou in enumerate((21.0, 33.0)):
        record = made_record("decoders-on", seed, miou, 0.7 + seed / 10, 30.0)
        refined = {**record["metrics"]["initial"], "semseg": {"miou": miou - 4}}
        record["metrics"]["refined"] = refined
        write_record(result_path(tmp_path, "decoders-on", seed), record)
    write_record(result_path(tmp_path, "cfm", 0), made_record("cfm", 0, 1.0, 1.0, 1.0))
    text = tables(read_records(tmp_path)).partition("### Differences")[2].partition("###")[0]
    against = "| + task decoders, refined, against plain multi-task, initial "  # `decoders` has half of the training
    assert line_of(text, against).split(" | ")[1:4] == ["-2.00 ± 1.41", "-0.050 ± 0.071", "+0.00 ± 0.00"]
    assert (
        line_of(text, "| + task decoders, refined, against its own initial").split(" | ")[1] == "-4.00 ± 0.00"
    )
    assert "CFM" not in text
    for seed in (1, 2):
        result_path(tmp_path, "plain", seed).unlink()
    assert against not in tables(read_records(tmp_path))


def test_delta_m_waits_for_the_single_task_rows(tmp_path: Path) -> None:
    out = made_out(tmp_path)
    result_path(out, "single-depth", 1).unlink()
    line = line_of(tables(read_records(out)), "| plain multi-task | initial")
    assert line.endswith("| +10.00 |")  # seed 0 only


def test_the_report_keeps_what_others_wrote_and_can_be_made_again(tmp_path: Path) -> None:
    out, report = made_out(tmp_path / "runs"), tmp_path / "docs" / "results.md"
    report.parent.mkdir()
    report.write_text("# What we found\n\nMine.\n")
    write_report(out, report)
    first = report.read_text()
    report.write_text(first.replace("Mine.", "Yours.") + "\nAfter.\n")
    assert main(["ablate", "--out", str(out), "--report", str(report)]) == 0
    second = report.read_text()
    assert second == first.replace("Mine.", "Yours.") + "\nAfter.\n"
    assert second.count(BEGIN) == second.count(END) == 1
    assert len(list((report.parent / "results").glob("*.json"))) == 9
    shutil.rmtree(out)
    write_report(report.parent, report)  # from the committed files alone
    assert report.read_text() == second


def test_another_grid_has_its_own_place_in_a_document(tmp_path: Path) -> None:
    out, report = made_out(tmp_path / "runs"), tmp_path / "docs" / "systems.md"
    report.parent.mkdir()
    write_report(out, report)
    alone = report.read_text()
    for task in TASKS:
        record = made_record(f"single-{task}", 0, 20.0, 0.8, 30.0, grid="systems")
        write_record(result_path(tmp_path / "systems", record["row"], 0), record)
    arguments = ["ablate", "--grid", "systems", "--report", str(report), "--out"]
    assert main([*arguments, str(tmp_path / "systems")]) == 0
    text = report.read_text()
    assert text.startswith(alone.rstrip()) and marks("systems")[0] in text
    assert "MT-CP as published (mtcp-published): seed 0" in text
    assert main([*arguments, str(report.parent / "systems")]) == 0  # from the committed files alone
    assert report.read_text() == text
    assert main([*arguments, str(out)]) == 2  # results of the other grid


def test_results_of_different_budgets_make_no_table(tmp_path: Path) -> None:
    out = made_out(tmp_path)
    other = made_record("decoders", 0, 1.0, 1.0, 1.0)
    write_record(result_path(out, "decoders", 0), {**other, "train": {**other["train"], "epochs": 9}})
    with pytest.raises(InputError, match="epochs"):
        tables(read_records(out))


def test_paths_of_this_machine_do_not_travel() -> None:
    _, train = of("plain")
    there = {"data": "../nyud", "init": "a.safetensors,b.safetensors", "also": "places:0.3,more:0.1"}
    mine = {
        "data": "/home/me/data/nyud",
        "init": "/home/me/a.safetensors,b.safetensors",
        "also": "/home/me/places:0.3,/home/me/more:0.1",
    }
    here = recorded(MODEL, train.replace(**mine))
    assert {key: here["train"][key] for key in mine} == {**there, "data": "nyud"}
    check_same(Path("x"), here, recorded(MODEL, train.replace(**there)))


def test_the_command_refuses_what_it_cannot_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        (["--rows", "best"], "--rows best"),
        (["--out", str(tmp_path)], "--data is missing"),
        (["--out", str(tmp_path), "--report", str(tmp_path / "x.md")], "no results yet"),
        (["--tasks", "depth", "--list"], "needs two tasks"),
    ):
        assert main(["ablate", *arguments]) == 2
        assert message in capsys.readouterr().err
    assert main(["ablate", "--list", "--rows", "single,cfm"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_single_rows_need_not_have_what_is_said_of_other_tasks(tmp_path: Path) -> None:
    """They are trained without it, and the table takes them all the same."""
    train = TRAIN.replace(task_factors="depth=1.5,normals=4", log_gradients=7, agreement=0.5)
    for row in (*(f"single-{task}" for task in TASKS), "plain"):
        model, own = configs(ROWS[row], GRID, MODEL, train, 0)
        record = {**made_record(row, 0, 20.0, 0.8, 30.0), **recorded(model, own)}
        write_record(result_path(tmp_path, row, 0), record)
    singles = [one for one in read_records(tmp_path) if one["row"] != "plain"]
    together = {**joined(singles), "metrics": {"initial": {}}}
    write_record(result_path(tmp_path, "single", 0), together)
    assert "plain multi-task" in tables(read_records(tmp_path))
    record["train"]["lr"] *= 2
    write_record(result_path(tmp_path, "plain", 0), record)
    with pytest.raises(InputError, match="was made with lr="):
        tables(read_records(tmp_path))


def test_a_record_from_before_a_field_was_there_was_made_with_its_default() -> None:
    wanted = recorded(MODEL, TRAIN)
    found = {"model": dict(wanted["model"]), "train": dict(wanted["train"])}
    del found["train"]["kappa"]
    check_same(Path("old.json"), found, wanted)
    with pytest.raises(InputError, match=r"made with kappa=7\.5, now it is 3\.0"):
        check_same(Path("old.json"), found, recorded(MODEL, TRAIN.replace(kappa=3.0)))


def test_what_nothing_reads_may_differ() -> None:
    model = MODEL.replace(**PLAIN, mask_gate="sum")
    other = model.replace(mask_gate="sigmoid", kv_stride=2)
    check_same(Path("plain.json"), recorded(model, TRAIN), recorded(other, TRAIN))
    gated = recorded(other.replace(query_gate=True), TRAIN)
    with pytest.raises(InputError, match="made with mask_gate=sum, now it is sigmoid"):
        check_same(Path("plain.json"), recorded(model, TRAIN), gated)


def test_a_record_with_the_switches_of_earlier_versions_is_read_as_today(tmp_path: Path) -> None:
    record = made_record("plain", 0, 22.0, 0.7, 27.0, switch=dict(PLAIN))
    old = {"cfm": False, "trace_back": False}
    for part in ("model", "switch"):
        kept = {key: value for key, value in record[part].items() if key not in ("fusion", "refinement")}
        write_record(result_path(tmp_path, "plain", 0), {**record, part: {**kept, **old}})
        found = read_record(result_path(tmp_path, "plain", 0))
        assert (found["model"], found["switch"]) == (record["model"], record["switch"])


def test_results_from_before_fields_were_renamed_make_a_table(tmp_path: Path) -> None:
    for row in ("plain", "mtcp"):
        record = made_record(row, 0, 22.0, 0.7, 27.0)
        record["train"]["held"] = record["train"].pop("val_split")
        record["model"]["data"] = record["model"].pop("task_set")
        write_record(result_path(tmp_path, row, 0), record)
    records = read_records(tmp_path)
    assert {record["model"]["task_set"] for record in records} == {"nyud"}
    assert {record["train"]["val_split"] for record in records} == {""}
    assert "MT-CP" in tables(records)


def test_a_row_is_what_differs_and_is_read(tmp_path: Path) -> None:
    """Of the fields of a design neither those that all rows have nor those that nothing reads; a "|" is escaped."""
    for row in systems(TASKS):
        if row.name not in ("plain", "fafs", "mtcp"):
            continue
        model, train = configs(row, systems(TASKS), MODEL, TRAIN, 0)
        own = {
            "row": row.name,
            "title": row.title,
            "switch": {**row.model, **row.train},
            **recorded(model, train),
        }
        record = made_record("plain", 0, 20.0, 0.8, 30.0, grid="systems", budgets=1)
        write_record(result_path(tmp_path, row.name, 0), {**record, **own})
    text = tables(read_records(tmp_path)).partition("### What each row is")[2]
    assert line_of(text, "| plain").split(" | ")[1] == (
        "shared=timm, fusion=none, refinement=none, task_decoder=no"
    )
    assert "semseg\\|depth\\|normals" in line_of(text, "| fafs")
    assert "cfm_residual=input" in line_of(text, "| MT-CP")
    assert "slots" not in text and "uniform" not in text
