"""The command line as a person uses it: exit codes, files, and one line for whatever is wrong."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mtcp import __version__
from mtcp.__main__ import NOBODY_READS, VERBS, build_parser, main
from mtcp.checkpoint.parameters import parameters
from mtcp.checkpoint.store import save_checkpoint
from mtcp.cli.predict import stems
from mtcp.config import ModelConfig
from mtcp.evaluation.metric_table import table
from mtcp.io.photo import LONGEST_SIDE
from mtcp.model import MTCP
from mtcp.presets import preset
from mtcp.tasks import task_named

TINY = ModelConfig(width=8, queries=2, query_layers=1, query_heads=2, kv_stride=2, height=48, image_width=64)
DEPTH = task_named("depth")
METRICS = {
    "initial": {"semseg": {"miou": 20.0}, "depth": {"rmse": 0.8}, "normals": {"mean": 30.0}},
    "refined": {"semseg": {"miou": 22.0}, "depth": {"rmse": 0.7}, "normals": {"mean": None}},
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("nets") / "tiny.safetensors"
    save_checkpoint(path, MTCP(TINY), data="made in a test", metrics=METRICS)
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("nets") / "plain.safetensors"
    save_checkpoint(path, MTCP(TINY.replace(refinement="none")))
    return path


def save_photo(path, seed=0, size=(40, 56)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (*size, 3), np.uint8)).save(path)
    return path


def run(*arguments):
    return main([str(a) for a in arguments])


@pytest.fixture
def made_data(monkeypatch):
    """`--data made` is three frames of noise, whatever split is asked for."""
    from mtcp import data

    def frame(seed):
        rng = np.random.default_rng(seed)
        normals = np.tile(np.array([0, 0, -1], np.float32)[:, None, None], (1, 60, 80))
        return {
            "image": torch.from_numpy(rng.integers(0, 255, (3, 60, 80), np.uint8)),
            "semseg": torch.from_numpy(rng.integers(0, 40, (60, 80)).astype(np.uint8)),
            "depth": torch.from_numpy(rng.uniform(1, 5, (60, 80)).astype(np.float32)),
            "normals": torch.from_numpy(normals),
            "camera": torch.tensor([70.0, 70.0, 40.0, 30.0]),
        }

    frames = [frame(seed) for seed in range(3)]
    monkeypatch.setattr(data, "open_data", lambda source, split, tasks: frames)


def test_help_is_quick_and_names_every_verb():
    slow = ("torch", "timm", "torchmetrics", "open3d", "scipy")
    code = f"""
import sys
from mtcp.__main__ import main
try:
    main(["--help"])
except SystemExit:
    print([m for m in {slow} if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    for verb in VERBS:
        assert f"    {verb}" in done.stdout


def test_info_needs_no_network(checkpoint):
    slow = ("torch", "timm", "torchmetrics", "torchvision", "gradio", "scipy", "open3d")
    code = f"""
import sys
from mtcp.__main__ import main
assert main(["info", sys.argv[1]]) == 0
print([m for m in {slow} if m in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, checkpoint], capture_output=True, text=True, check=True
    )
    assert "0.700" in done.stdout  # the metrics too
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "command", ["-m mtcp --help", "-m mtcp train --help", "-m mtcp info", "-u -m mtcp info"]
)
def test_a_reader_that_leaves_ends_it_quietly(command):
    """As `| head -1` does, but at once: nobody ever reads."""
    reader, writer = os.pipe()
    os.close(reader)
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    try:
        done = subprocess.run(
            [sys.executable, *command.split()],
            stdout=writer,
            env=buffered,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (NOBODY_READS, "")


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help(verb, capsys):
    with pytest.raises(SystemExit) as stopped:
        run(verb, "--help")
    assert stopped.value.code == 0
    assert "usage: mtcp" in capsys.readouterr().out


def test_version_and_no_verb(capsys):
    with pytest.raises(SystemExit) as stopped:
        run("--version")
    assert stopped.value.code == 0
    assert capsys.readouterr().out.strip() == f"mtcp {__version__}"
    with pytest.raises(SystemExit) as stopped:
        run()
    assert stopped.value.code == 2


def test_wrong_input_is_one_line_and_two(tmp_path, capsys):
    assert run("info", tmp_path / "none.safetensors") == 2
    error = capsys.readouterr().err
    assert error.startswith("mtcp info: ")
    assert error.count("\n") == 1
    assert "none.safetensors" in error


def test_interrupt_is_130(monkeypatch, capsys):
    def interrupted(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(
        argparse.ArgumentParser,
        "parse_args",
        lambda *_: argparse.Namespace(run=interrupted, verb="predict"),
    )
    assert main([]) == 130
    assert capsys.readouterr().err == "mtcp predict: interrupted\n"


def test_predict_goes_on_after_bad_files(checkpoint, tmp_path, capsys):
    good = save_photo(tmp_path / "good.png")
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"not a photo")
    out = tmp_path / "out"
    code = run(
        "predict",
        bad,
        good,
        tmp_path / "gone.png",
        "--checkpoint",
        checkpoint,
        "--out",
        out,
        "--device",
        "cpu",
    )
    captured = capsys.readouterr()
    assert code == 1
    assert f"mtcp predict: {bad}: not a picture" in captured.err
    assert "gone.png: no such file" in captured.err
    assert "2 of 3 photos failed" in captured.err
    assert "Traceback" not in captured.err
    assert f"{good} -> {out / 'good.npz'}" in captured.out
    with np.load(out / "good.npz") as file:
        assert file["semseg_refined"].shape == (40, 56)
        assert file["normals_initial"].shape == (40, 56, 3)
    assert {path.name.split("_")[0].split(".")[0] for path in out.iterdir()} == {"good"}


def test_predict_writes_every_photo_once(checkpoint, tmp_path, capsys):
    photos = [save_photo(tmp_path / folder / "room.png", seed) for seed, folder in enumerate("ab")]
    out = tmp_path / "out"
    options = ["--checkpoint", checkpoint, "--out", out, "--device", "cpu", "--fov", 75, "--size", "32x48"]
    assert run("predict", *photos, *options) == 0
    captured = capsys.readouterr()
    assert f"{photos[1]} -> {out / 'room-2.npz'}" in captured.out
    assert "network saw 32x48" in captured.out
    assert "field of view 75 degrees, given" in captured.out
    with np.load(out / "room.npz") as first, np.load(out / "room-2.npz") as second:
        assert not np.array_equal(first["depth_refined"], second["depth_refined"])


@pytest.mark.parametrize("options", [(), ("--full-size",)])
def test_large_photos_are_worked_at_the_pages_size(checkpoint, tmp_path, capsys, options):
    photo = save_photo(tmp_path / "large.png", size=(60, 2 * LONGEST_SIDE))
    more = ["--checkpoint", checkpoint, "--device", "cpu", *options]
    assert run("predict", photo, *more, "--out", tmp_path) == 0
    output = capsys.readouterr().out
    assert run("coherence", photo, *more, "--json", tmp_path / "numbers.json") == 0
    camera = json.loads((tmp_path / "numbers.json").read_text())["camera"]
    size = (60, 2 * LONGEST_SIDE) if options else (30, LONGEST_SIDE)
    with np.load(tmp_path / "large.npz") as maps:
        assert maps["depth_initial"].shape == (camera["height"], camera["width"]) == size
    assert ("of the photo's 60x2048 (--full-size for all)" in output) == (not options)


def test_stems_never_meet():
    photos = [Path(name) for name in ("a/x.jpg", "b/X.png", "c/x-2.jpg", "d/x.jpg", "y.jpg")]
    assert stems(photos) == ["x", "X-3", "x-2", "x-4", "y"]


def test_predict_without_trace_back_says_so(plain, tmp_path, capsys):
    photo = save_photo(tmp_path / "a.png")
    assert run("predict", photo, "--checkpoint", plain, "--out", tmp_path, "--device", "cpu") == 0
    assert "no refined maps" in capsys.readouterr().err
    assert not list(tmp_path.glob("*refined*"))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--size", "big"], "HEIGHTxWIDTH"),
        (["--fov", "0"], "field of view 0"),
        (["--device", "toaster"], "device 'toaster'"),
    ],
)
def test_predict_refuses_options_before_any_photo(checkpoint, tmp_path, capsys, option, message):
    photo = save_photo(tmp_path / "a.png")
    assert run("predict", photo, "--checkpoint", checkpoint, "--out", tmp_path / "out", *option) == 2
    assert message in capsys.readouterr().err


def test_predict_where_no_folder_can_be(checkpoint, tmp_path, capsys):
    photo = save_photo(tmp_path / "a.png")
    assert run("predict", photo, "--checkpoint", checkpoint, "--device", "cpu", "--out", photo) == 2
    assert "cannot be made" in capsys.readouterr().err


def test_evaluate_prints_and_writes(checkpoint, made_data, tmp_path, capsys):
    path = tmp_path / "numbers.json"
    options = ["--checkpoint", checkpoint, "--device", "cpu", "--size", "32x48", "--limit", 2]
    assert run("evaluate", "--data", "made", *options, "--coherence", "--json", path) == 0
    out = capsys.readouterr().out
    assert "2 frames, network saw 32x48" in out
    numbers = json.loads(path.read_text())
    assert set(numbers) == {"initial", "refined", "about"}
    assert tuple(numbers["refined"]["depth"]) == DEPTH.metrics
    assert (numbers["about"]["protocol"], numbers["about"]["depth_below"]) == ("full", None)
    assert "protocol full: whole pictures" in out
    assert numbers["refined"]["coherence"]["depth_normal_mean_deg"] > 0
    assert f"{numbers['refined']['semseg']['miou']:.2f}" in out
    assert numbers["about"]["frames"] == 2
    assert table({k: numbers[k] for k in ("initial", "refined")}) in out


def test_evaluate_gives_delta_m(checkpoint, made_data, tmp_path, capsys):
    files = []
    for task, metrics in METRICS["initial"].items():
        files.append(tmp_path / f"{task}.json")
        files[-1].write_text(json.dumps({"initial": {task: metrics}}))
    options = ["--checkpoint", checkpoint, "--device", "cpu", "--limit", 1, "--json", tmp_path / "n.json"]
    assert run("evaluate", "--data", "made", *options, "--single-task", *files) == 0
    out = capsys.readouterr().out
    numbers = json.loads((tmp_path / "n.json").read_text())
    initial = numbers["initial"]
    expected = (
        (initial["semseg"]["miou"] - 20) / 20
        - (initial["depth"]["rmse"] - 0.8) / 0.8
        - (initial["normals"]["mean"] - 30) / 30
    ) * (100 / 3)
    assert numbers["about"]["delta_m"]["initial"] == pytest.approx(expected)
    assert f"initial {expected:+.2f} %" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--single-task", "{tmp}/none.json"], "none.json: No such file"),
        (["--single-task", "{tmp}/odd.json"], "not a file that evaluate --json wrote"),
        (["--json", "{tmp}/no/such/folder/x.json"], "its folder does not exist"),
        (["--limit", "0"], "limit 0"),
        (["--protocol", "nyud-mt"], "NYUv2's whole pictures: 0: expected a 640x480 picture"),
        (["--depth-below", "-1"], "give metres above 0"),
    ],
)
def test_evaluate_refuses(checkpoint, made_data, tmp_path, capsys, options, message):
    (tmp_path / "odd.json").write_text("[1]")
    options = [option.format(tmp=tmp_path) for option in options]
    assert run("evaluate", "--data", "made", "--checkpoint", checkpoint, "--device", "cpu", *options) == 2
    assert message in capsys.readouterr().err


def test_evaluate_leaves_far_truth_out(checkpoint, made_data, tmp_path, capsys):
    found = []
    for options in ([], ["--depth-below", 3], ["--depth-below", 9]):
        path = tmp_path / f"{len(found)}.json"
        common = [
            "--data",
            "made",
            "--checkpoint",
            checkpoint,
            "--device",
            "cpu",
            "--limit",
            1,
            "--json",
            path,
        ]
        assert run("evaluate", *common, *options) == 0
        found.append(json.loads(path.read_text()))
    assert "true depth of 9 m and more left out" in capsys.readouterr().out
    every, near, all_near = (one["refined"] for one in found)
    assert near["depth"] != every["depth"] == all_near["depth"]
    assert near["semseg"] == every["semseg"]
    assert [one["about"]["depth_below"] for one in found] == [None, 3, 9]


def test_evaluate_names_missing_data(checkpoint, tmp_path, capsys):
    assert run("evaluate", "--data", tmp_path / "none", "--checkpoint", checkpoint, "--device", "cpu") == 2
    assert "no such folder" in capsys.readouterr().err


def test_info_shows_everything(checkpoint, capsys):
    assert run("info", checkpoint) == 0
    out = capsys.readouterr().out
    for text in (
        "tasks",
        "semseg",
        "40 classes",
        "in all",
        "shared.backbone",
        "made in a test",
        "kv_stride",
        "0.700",
    ):
        assert text in out, text
    assert run("info", checkpoint, "--json") == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == METRICS


def test_info_without_metrics_says_how_to_get_them(plain, capsys):
    assert run("info", plain) == 0
    assert "measure them with python -m mtcp evaluate" in capsys.readouterr().out


@pytest.mark.slow
def test_info_of_a_preset_builds_its_network(capsys, monkeypatch):
    def refuse(*_):
        raise AssertionError("nothing is to be downloaded")

    monkeypatch.setattr("socket.getaddrinfo", refuse)
    assert run("info", "--preset", "published", "--json") == 0
    output = json.loads(capsys.readouterr().out)
    assert output["parameters"].pop("in all") == sum(output["parameters"].values())
    assert output["size"] == [240, 320]
    assert output["macs"] > 0
    assert ModelConfig.from_dict(output["config"]) == preset("published")
    assert run("info", "--preset", "lite") == 0
    out = capsys.readouterr().out
    for text in ("in all", "shared.backbone", "40 classes", "kv_stride", "multiply-adds at 240x320: "):
        assert text in out, text


def test_info_refuses_a_preset_that_is_none_and_both(checkpoint, capsys):
    assert run("info", "--preset", "huge") == 2
    assert "unknown preset 'huge'" in capsys.readouterr().err
    assert run("info", checkpoint, "--preset", "lite") == 2
    assert "not both" in capsys.readouterr().err


def test_info_of_a_preset_without_its_package(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert run("info", "--preset", "paper") == 2
    assert "pip install transformers" in capsys.readouterr().err


def test_parameters_add_up():
    model = MTCP(TINY)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    counts = parameters(shapes)
    assert counts.pop("in all") == sum(counts.values()) == sum(p.numel() for p in model.parameters())
    assert {"shared.backbone", "decoders", "fusion", "trace_back", "refined_heads"} <= set(counts)


def test_module_entry_point():
    done = subprocess.run(
        [sys.executable, "-m", "mtcp", "predict"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "PHOTO" in done.stderr


def test_parser_is_built_of_all_verbs():
    assert build_parser().parse_args(["info"]).verb == "info"


def arguments_of(parser, verb="mtcp"):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from arguments_of(inner, f"{verb} {name}")
        else:
            yield verb, action


def test_help_explains_every_argument():
    found = list(arguments_of(build_parser()))
    assert len(found) > 100
    assert [(verb, action.dest) for verb, action in found if not action.help] == []
