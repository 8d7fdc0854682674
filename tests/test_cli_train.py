"""`mtcp train`: flags to configuration, a run on a made data set, exit codes, Ctrl-C, warm starts."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tiny_training import NETWORK, made_nyud, tiny_config

from mtcp.checkpoint import load_checkpoint, save_checkpoint
from mtcp.cli import train
from mtcp.errors import InputError
from mtcp.model import MTCP
from mtcp.train import RunFolder, read_log
from mtcp.train.setup import initialise, take_over

ROOT = Path(__file__).parents[1]


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
    args = parse("--name", "x", "--tasks", "semseg,edge", "--cfm", "no", "--lr", "0.01", "--scales", "1,1.5")
    model, training = train._configs(args)
    assert (model.tasks, model.cfm, model.kv_stride) == (
        ("semseg", "edge"),
        False,
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


def test_a_run_from_start_to_end(data: Path, tmp_path: Path) -> None:
    common = ["--runs", tmp_path, "--name", "made"]
    new = [
        "--data",
        data,
        "--held",
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
    with pytest.raises(InputError, match="leave --lr out"):
        run(*common, "--resume", "--lr", 1)
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


def test_what_cannot_be_used_is_refused_before_anything_is_trained(data: Path, tmp_path: Path) -> None:
    common = ["--runs", tmp_path, "--name", "bad", "--init", "none", *NETWORK]
    with pytest.raises(InputError, match="no such folder"):
        run(*common, "--data", tmp_path / "nothing")
    with pytest.raises(InputError, match="no batch of 64"):
        run(*common, "--data", data, "--batch", 64)
    with pytest.raises(InputError, match="'gradnorm'"):
        run(*common, "--data", data, "--batch", 2, "--balancing", "gradnorm")
    with pytest.raises(InputError, match=r"config\.json is missing"):
        run("--runs", tmp_path, "--name", "never", "--resume")
    assert not (tmp_path / "bad" / "log.jsonl").exists()


def test_ctrl_c_to_the_whole_group_stops_cleanly(data: Path, tmp_path: Path) -> None:
    """As a terminal sends it: workers get it too."""
    code = "import sys; from tests.test_cli_train import run; sys.exit(run(*sys.argv[1:]))"
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
        [sys.executable, "-c", code, *map(str, [*new, "--workers", 2, "--init", "none", *NETWORK])],
        cwd=ROOT,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
        },
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


def test_a_plain_network_warms_up_the_whole_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    plain = MTCP(tiny_config(query_gate=False, cfm=False, trace_back=False, task_decoder=False))
    whole = MTCP(tiny_config())
    before = {name: tensor.clone() for name, tensor in whole.state_dict().items()}
    taken = take_over(whole, save(plain, tmp_path / "plain.safetensors"))
    assert taken == ["shared.backbone", "shared.fpn"]  # its heads are built differently
    after, source = whole.state_dict(), plain.state_dict()
    for name in after:
        fits = name.startswith(("shared.backbone.", "shared.fpn.")) and name in source
        torch.testing.assert_close(after[name], source[name] if fits else before[name], rtol=1e-3, atol=1e-3)


def test_of_several_warm_starts_the_last_one_wins(tmp_path: Path) -> None:
    torch.manual_seed(0)
    first = MTCP(tiny_config())
    shared = MTCP(tiny_config(cfm=False, trace_back=False, task_decoder=False))
    whole = MTCP(tiny_config())
    files = [save(first, tmp_path / "first.safetensors"), save(shared, tmp_path / "shared.safetensors")]
    initialise(whole, ",".join(files))
    for name, tensor in whole.state_dict().items():
        source = shared if name.startswith("shared.") else first
        torch.testing.assert_close(tensor, source.state_dict()[name], rtol=1e-3, atol=1e-3)


def test_warm_starts_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    source = save(MTCP(tiny_config(width=16)), tmp_path / "wide.safetensors")
    with pytest.raises(InputError, match=r"expected \("):
        initialise(MTCP(tiny_config()), source)


def test_training_leaves_the_processor_as_it_was(tmp_path: Path) -> None:
    """Flushing denormals is the process's state: left on, it would change everyone else's arithmetic."""
    assert sys.float_info.min / 2 > 0
    with pytest.raises(InputError, match="absent"):
        run("--name", "x", "--runs", tmp_path, "--data", tmp_path / "absent")
    assert sys.float_info.min / 2 > 0
