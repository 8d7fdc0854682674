"""`mtcp train`: flags to configuration, a run on a made data set, exit codes, Ctrl-C, warm starts."""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_training import NETWORK, made_nyud, tiny_config
from torch import nn

from mtcp.checkpoint.store import DEFAULT_CHECKPOINT, load_checkpoint, save_checkpoint
from mtcp.cli import train
from mtcp.cli.fields import flag
from mtcp.config import ModelConfig, TrainConfig
from mtcp.data.cache import Cached
from mtcp.errors import InputError
from mtcp.model import MTCP
from mtcp.objective.auxiliary import Auxiliary
from mtcp.objective.balancing import KAPPA, make_balancer
from mtcp.runs.preparing import read_preparing
from mtcp.tasks import TASK_SETS
from mtcp.training import RunFolder, read_log
from mtcp.training.targets import check_targets
from mtcp.training.warm_start import initialise, take_heads, take_over

ROOT = Path(__file__).parents[1]
OLDEST = DEFAULT_CHECKPOINT.with_name("mtcp-no-slope-nyud.safetensors")
"""Written by an early version, whose names for some fields were others."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six frames in the NYUD_MT layout, four to train on."""
    return made_nyud(tmp_path_factory.mktemp("nyud"))


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    train.add_parser(parser.add_subparsers())
    return parser.parse_args(["train", *arguments])


def run(*arguments: object) -> int:
    args = parse(*map(str, arguments))
    return args.run(args)


def test_flags_make_configurations() -> None:
    args = parse(
        "--name", "x", "--tasks", "semseg,edge", "--fusion", "none", "--lr", "0.01", "--scales", "1,1.5"
    )
    model, training = train._configs(args)
    assert (model.tasks, model.fusion, model.kv_stride) == (
        ("semseg", "edge"),
        "none",
        2,
    )  # the preset's kv_stride
    assert (training.lr, training.scales, training.batch) == (0.01, (1.0, 1.5), 8)


def test_flags_win_over_a_file_and_the_file_over_the_preset(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"model": {"width": 32, "queries": 8}, "train": {"lr": 0.5}}))
    model, training = train._configs(parse("--name", "x", "--config", str(path), "--width", "16"))
    assert (model.width, model.queries, training.lr) == (16, 8, 0.5)
    path.write_text('{"model": {"widht": 32}}')
    with pytest.raises(InputError, match="widht"):
        train._configs(parse("--name", "x", "--config", str(path)))


@pytest.mark.slow
def test_a_run_from_start_to_end(data: Path, tmp_path: Path) -> None:
    common = ["--runs", tmp_path, "--name", "made"]
    new = [
        "--data",
        data,
        "--val-split",
        "val",
        "--batch",
        2,
        "--epochs",
        2,
        "--eval-every",
        1,
        "--init",
        "none",
        *NETWORK,
    ]
    assert run(*common, *new, "--stop-after", 1) == train.PAUSED
    with pytest.raises(InputError, match="holds a run already"):
        run(*common, *new)
    for named in (("--lr", 1), ("--preset", "paper"), ("--config", "x.json")):
        with pytest.raises(InputError, match=f"leave {named[0]} out"):
            run(*common, "--resume", *named)
    assert run(*common, "--resume") == 0
    folder = RunFolder(tmp_path / "made")
    epochs = [entry for entry in read_log(folder.log_path) if entry["kind"] == "epoch"]
    assert [entry["epoch"] for entry in epochs] == [0, 1]
    assert all(set(entry["metrics"]) == {"initial", "refined"} for entry in epochs)
    for path in (folder.best_path, folder.last_path):
        model, card = load_checkpoint(path)
        assert model.config.backbone == "test_efficientnet"
        assert card["config"]["width"] == 8
        assert "--resume" not in card["command"]
    assert folder.read_config()[0].tasks == ("semseg", "depth", "normals")


WRONG = {
    "--balancing rlw": "balancing='rlw': choose one of lps, uniform, uncertainty, dwa",
    "--cagrad-c 1 --balancing cagrad": "cagrad_c=1.0",
    "--cagrad-c 0.2 --balancing mgda": "--cagrad-c changes nothing with --balancing mgda: it needs --balancing cagrad;",
    "--log-gradients -1": "log_gradients=-1",
    "--preset single --balancing nash": "--balancing nash weighs tasks by their gradients",
    "--preset single --log-gradients 5": "--log-gradients 5 compares the tasks' gradients",
    "--schedule cosine": "schedule='cosine': choose one of onecycle, poly",
    "--bf16 maybe": "bf16='maybe'",
    "--task-factors depht=2": "task_factors names 'depht': the tasks are semseg, depth, normals",
    "--kappa -1": "kappa=-1.0",
    "--floor 1": "floor=1.0",
    "--temperature 0 --balancing dwa": "temperature=0.0",
    "--temperature 3": "--temperature changes nothing with --balancing lps: it needs --balancing dwa",
    "--kappa 3 --balancing uniform": "--kappa changes nothing with --balancing uniform: it needs --balancing lps",
    "--mask-gate normalised --query-gate no": "with --query-gate no: it needs --query-gate yes; add that",
    "--kv-stride 2 --fusion none": "with --fusion none, --refinement trace_back: it needs --fusion cfm or ",
    "--slope-scales 1,2": "with --slope 0.0, --agreement 0.0: it needs --slope or --agreement; add that,",
    "--also-weight 0.5": "with no --also: it needs --also;",
    "--seed -1": "seed=-1",
    "--scales 0.5": "scales=",
    "--split trian": "split 'trian'",
    "--val-split tset": "split 'tset'",
    "--batch 64": "no batch of 64",
    "--init missing.safetensors": "missing.safetensors: no such checkpoint",
    "--restart-epochs": "pass --resume",
    "--stop-after 0": "--stop-after 0",
    "--batch 1 --height 32 --image-width 32": "one sample per step at 32 x 32 leaves a level of one pixel",
}


@pytest.mark.parametrize("flags", WRONG)
def test_what_cannot_be_is_refused_before_any_data_is_read(
    data: Path, tmp_path: Path, flags: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        pytest.fail("data was read")

    monkeypatch.setattr("mtcp.training.setup.Cached", read)
    common = ["--runs", tmp_path, "--name", "bad", "--data", data, "--init", "none", "--batch", 2, *NETWORK]
    with pytest.raises(InputError) as caught:
        run(*common, *flags.split())
    assert WRONG[flags] in str(caught.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.name != ".lock"]


def test_data_and_runs_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        run("--runs", tmp_path, "--name", "bad", "--data", tmp_path / "nothing")
    with pytest.raises(InputError, match=r"config\.json is missing"):
        run("--runs", tmp_path, "--name", "never", "--resume")


def test_one_sample_per_step_trains_where_it_can(data: Path, tmp_path: Path) -> None:
    flags = ["--batch", 1, "--epochs", 1, "--init", "none", "--stop-after", 1, *NETWORK]
    assert run("--runs", tmp_path, "--name", "one", "--data", data, *flags) == 0


def test_a_task_without_a_single_label_is_refused(tmp_path: Path) -> None:
    root = made_nyud(tmp_path / "nyud")
    for path in (root / "depth").glob("*.npy"):
        np.save(path, np.full((72, 96), np.nan, np.float32))
    common = ["--runs", tmp_path, "--name", "bad", "--data", root, "--init", "none", "--batch", 2, *NETWORK]
    with pytest.raises(InputError, match=r"none of its 4 samples has a label of depth.*leave the task out"):
        run(*common)
    assert not list((tmp_path / "bad").glob("*.json*"))


def test_labels_are_checked_and_counted_before_the_first_step() -> None:
    class Two:
        ids = ("a", "b")

        def __init__(self, worst: int) -> None:
            self.maps = [torch.tensor([[0, 2, 255]]), torch.tensor([[worst, 2, 255]])]

        def __len__(self) -> int:
            return 2

        def __getitem__(self, i: int) -> dict[str, torch.Tensor]:
            return {"semseg": self.maps[i].to(torch.uint8), "depth": torch.tensor([[0.0, 0.0, float(i)]])}

    tasks = tiny_config().task_list()
    counts = check_targets(Two(39), tasks, "made")
    assert {i: int(n) for i, n in enumerate(counts["semseg"]) if n} == {0: 1, 2: 2, 39: 1}
    assert len(counts["semseg"]) == 40
    with pytest.raises(InputError, match=r"made: b: semseg label 40 is out of range 0\.\.39"):
        check_targets(Two(40), tasks, "made")
    with pytest.raises(InputError, match="made: a has no target for task 'edge'"):
        check_targets(Two(39), tiny_config(tasks=("semseg", "edge")).task_list(), "made")


def test_kappa_follows_the_tasks_unless_it_is_named(tmp_path: Path) -> None:
    pascal = ["--name", "x", "--task-set", "pascal", "--tasks", "semseg,normals"]
    assert train._configs(parse("--name", "x"))[1].kappa == 7.5
    assert train._configs(parse(*pascal))[1].kappa == 1.6
    assert train._configs(parse(*pascal, "--kappa", "3"))[1].kappa == 3
    assert set(KAPPA) == set(TASK_SETS)


def test_every_field_has_a_flag_and_a_help_text(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse("--help")
    text = "".join(capsys.readouterr().out.split())  # lines are broken anywhere
    for field in dataclasses.fields(TrainConfig):
        assert f"--{flag(field.name)}{field.metadata['help']}".replace(" ", "") in re.sub(
            r"(?<=[a-z\d])(INT|FLOAT|STR|yes\|no|A,B,\.\.\.)", "", text
        )
    for form in ("imagenet(", "none(random)", "A.safetensors[,B.safetensors,...]"):
        assert form in text
    assert "lps,uniform,uncertainty,dwa,dtp,gradnorm,mgda,pcgrad,cagrad,imtl,nash,upgrad" in text
    assert "optionsof--balancingdwa:--temperature" in text


@pytest.mark.slow
def test_a_flag_of_a_strategy_reaches_it(data: Path, tmp_path: Path) -> None:
    flags = [
        "--balancing",
        "dwa",
        "--temperature",
        5,
        "--batch",
        2,
        "--epochs",
        1,
        "--init",
        "none",
        *NETWORK,
    ]
    run("--runs", tmp_path, "--name", "dwa", "--data", data, *flags)
    model, config = RunFolder(tmp_path / "dwa").read_config()
    assert config.options() == {"temperature": 5.0}
    assert make_balancer("dwa", model.tasks, **config.options()).options.temperature == 5.0


def test_a_shipped_runs_configuration_still_reads() -> None:
    path = OLDEST.with_suffix(".run.json")
    values = json.loads(path.read_text())["train"]
    config = TrainConfig.from_dict(values)
    assert (config.kappa, config.floor, config.factors()) == (7.5, 0.05, {"depth": 1.5, "normals": 4.0})
    values = TrainConfig.current(values)
    assert {name: config.to_dict()[name] for name in values} == values


def test_names_that_fields_once_had_still_read(tmp_path: Path) -> None:
    """On cards, in --config files and in commands; a run folder's file is read as a --config file is."""
    card = json.loads(OLDEST.with_suffix(".json").read_text())["config"]
    assert "task_set" not in card and ModelConfig.from_dict(card).task_set == card["data"]
    path = tmp_path / "recipe.json"
    path.write_text('{"model": {"data": "pascal", "tasks": ["semseg", "normals"]}, "train": {"held": "val"}}')
    model, training = train._configs(parse("--name", "x", "--config", str(path)))
    assert (model.task_set, training.val_split) == ("pascal", "val")
    named = ("--task-set", "nyud", "--held", "train-dev")
    model, training = train._configs(parse("--name", "x", "--config", str(path), *named))
    assert (model.task_set, training.val_split) == ("nyud", "train-dev")
    path.write_text('{"train": {"held": "val", "val_split": "val"}}')
    with pytest.raises(InputError, match="held is the old name of val_split: give val_split alone"):
        train._configs(parse("--name", "x", "--config", str(path)))


@pytest.mark.parametrize(
    "content", ["[]", '{"trian": {}}', '{"train": []}', "{", '{"train": {"lr": "fast"}}']
)
def test_a_configuration_file_of_another_form_is_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(content)
    with pytest.raises(InputError):
        train._configs(parse("--name", "x", "--config", str(path)))


@pytest.mark.slow
def test_ctrl_c_to_the_whole_group_stops_cleanly(data: Path, tmp_path: Path) -> None:
    """As a terminal sends it: workers get it too."""
    new = [
        "--runs",
        tmp_path,
        "--name",
        "made",
        "--data",
        data,
        "--batch",
        2,
        "--epochs",
        1000,
        "--log-every",
        1,
    ]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "mtcp",
            "train",
            *map(str, [*new, "--workers", 2, "--init", "none", *NETWORK]),
        ],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    log = tmp_path / "made" / "log.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if log.exists() and any(entry["kind"] == "step" for entry in read_log(log)):
            os.killpg(process.pid, signal.SIGINT)
            break
        time.sleep(0.1)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == train.PAUSED, errors[-3000:]
    entries = list(read_log(log))
    assert entries[-1]["reason"] == "interrupted"
    assert RunFolder(tmp_path / "made").load_state()["step"] == entries[-1]["step"]


def save(model: MTCP, path: Path) -> str:
    save_checkpoint(path, model, data="made", command="test", commit="", train={})
    return str(path)


def test_a_plain_network_warms_up_the_whole_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    torch.manual_seed(0)
    plain = MTCP(tiny_config(query_gate=False, fusion="none", refinement="none", task_decoder=False))
    network = MTCP(tiny_config())
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with caplog.at_level("INFO"):
        result = take_over(network, save(plain, tmp_path / "plain.safetensors"))
    assert result.taken == ("shared.backbone", "shared.fpn")
    assert result.skipped["initial_heads.depth"] == "is built differently"
    assert result.skipped["decoders.depth"] == "is not in the checkpoint"
    assert "skipped decoders.depth" in caplog.text
    after, source = network.state_dict(), plain.state_dict()
    for name in after:
        fits = name.startswith(("shared.backbone.", "shared.fpn.")) and name in source
        torch.testing.assert_close(after[name], source[name] if fits else before[name], rtol=1e-3, atol=1e-3)


PARTS = ("shared.backbone", "shared.fpn", "shared.queries")


def of(task: str) -> set[str]:
    groups = ("decoders", "fusion", "trace_back", "intermediate_heads", "initial_heads", "refined_heads")
    return {f"{group}.{task}" for group in groups}


@pytest.mark.parametrize(
    ("there", "taken", "skipped"),
    [
        # other classes: the heads of semseg do not fit, all the rest does
        ({"task_set": "pascal", "tasks": ("semseg", "normals")},
         {*PARTS, "decoders.semseg", "fusion.semseg", "trace_back.semseg", *of("normals")},
         {"initial_heads.semseg", "refined_heads.semseg", "intermediate_heads.semseg"}),
        # one task more: a fusion of three is no fusion of two
        ({"tasks": ("semseg", "depth", "normals")},
         {*PARTS, *of("semseg"), *of("normals")} - {"fusion.semseg", "fusion.normals"},
         {"fusion.semseg", "fusion.normals", *of("depth")}),
        # another task in the other's place: of the same shape, but made for depth
        ({"tasks": ("semseg", "depth")},
         {*PARTS, *of("semseg")} - {"fusion.semseg"},
         {"fusion.semseg", *of("depth"), *of("normals")}),
        # another width: the backbone is the same
        ({"tasks": ("semseg", "normals"), "width": 16},
         {"shared.backbone"},
         {"shared.fpn", "shared.queries", *of("semseg"), *of("normals")}),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_are_skipped_and_named(
    tmp_path: Path, there: dict[str, object], taken: set[str], skipped: set[str]
) -> None:
    torch.manual_seed(0)
    other, network = MTCP(tiny_config(**there)), MTCP(tiny_config(tasks=("semseg", "normals")))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    result = take_over(network, save(other, tmp_path / "other.safetensors"))
    assert (set(result.taken), set(result.skipped)) == (taken, skipped)
    source = other.state_dict()
    for name, tensor in network.state_dict().items():
        part = ".".join(name.split(".")[:2])
        torch.testing.assert_close(tensor, source[name] if part in taken else before[name])


def test_of_several_warm_starts_the_last_one_wins(tmp_path: Path) -> None:
    torch.manual_seed(0)
    first = MTCP(tiny_config())
    shared = MTCP(tiny_config(fusion="none", refinement="none", task_decoder=False))
    network = MTCP(tiny_config())
    files = [save(first, tmp_path / "first.safetensors"), save(shared, tmp_path / "shared.safetensors")]
    initialise(network, ",".join(files))
    for name, tensor in network.state_dict().items():
        source = shared if name.startswith("shared.") else first
        torch.testing.assert_close(tensor, source.state_dict()[name], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        ("shared", PARTS),
        ("shared.backbone+shared.fpn", ("shared.backbone", "shared.fpn")),
        ("shared.fpn + trace_back.depth", ("shared.fpn", "trace_back.depth")),
    ],
)
def test_only_the_named_parts_of_a_warm_start_are_taken(
    asked: str, taken: tuple[str, ...], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    other, network = MTCP(tiny_config()), MTCP(tiny_config())
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    (result,) = initialise(network, f"{save(other, tmp_path / 'other.safetensors')}:{asked}")
    assert set(result.taken) == set(taken)
    assert result.skipped["decoders.depth"] == "was not asked for"
    for name, tensor in network.state_dict().items():
        source = other.state_dict() if name.startswith(tuple(f"{part}." for part in taken)) else before
        torch.testing.assert_close(tensor, source[name], rtol=1e-3, atol=1e-3)


def test_auxiliary_heads_start_from_named_parts_only(tmp_path: Path) -> None:
    other = MTCP(tiny_config())
    source = save(other, tmp_path / "other.safetensors")
    target = Auxiliary("semseg:made", other.tasks[0], "semseg", head=True)
    heads = nn.ModuleDict({target.key: copy.deepcopy(other.initial_heads["semseg"])})
    for parameter in heads.parameters():
        nn.init.zeros_(parameter)
    assert take_heads(heads, [target], f"{source}:shared") == []
    assert not any(parameter.any() for parameter in heads.parameters())
    assert take_heads(heads, [target], f"{source}:shared+initial_heads.semseg") == [target.key]
    assert any(parameter.any() for parameter in heads.parameters())


@pytest.mark.parametrize("name", ["shared.neck", "share", "fpn", ""])
def test_a_warm_start_lacks_a_named_part(name: str, tmp_path: Path) -> None:
    source = save(MTCP(tiny_config()), tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=rf"no part '{name}'; its parts are shared\.backbone, "):
        initialise(MTCP(tiny_config()), f"{source}:shared.backbone+{name}")


def test_a_warm_start_with_nothing_in_common_is_refused(tmp_path: Path) -> None:
    other = tiny_config(width=16, backbone="test_resnet")
    source = save(MTCP(other), tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r"no part of it fits this network .*shared\.fpn has another shape"):
        initialise(MTCP(tiny_config()), source)


def test_training_leaves_the_processor_as_it_was(tmp_path: Path) -> None:
    """Flushing denormals is the process's state: left on, it would change everyone else's arithmetic."""
    assert sys.float_info.min / 2 > 0
    with pytest.raises(InputError, match="absent"):
        run("--name", "x", "--runs", tmp_path, "--data", tmp_path / "absent")
    assert sys.float_info.min / 2 > 0


def test_the_run_folder_tells_how_much_of_the_data_is_read(tmp_path: Path) -> None:
    folder, seen = RunFolder(tmp_path / "run"), []
    folder.path.mkdir()
    samples = [{"image": torch.zeros(3, 8, 8)}] * 3
    with folder.preparing(3, True) as each:
        Cached(samples, (8, 8), progress=False, each=lambda: seen.append(each()))
        progress = read_preparing(folder.path)
    assert progress is not None and (progress.done, progress.of, len(seen)) == (3, 3, 3)
    assert read_preparing(folder.path) is None  # gone once it is read
    with folder.preparing(3, False) as each:  # a process that is not the main one
        each()
        assert read_preparing(folder.path) is None
