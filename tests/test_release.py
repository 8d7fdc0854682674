"""`mtcp release`: weights written once, metrics of what was written, and no path of this machine."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import pytest
import torch
from tiny_training import MadeSamples, tiny_config

import mtcp.checkpoint.store
from mtcp.checkpoint.store import DEFAULT_CHECKPOINT, load_checkpoint, read_card, save_checkpoint, update_card
from mtcp.cli import release
from mtcp.cli.release import portable, run_bases
from mtcp.config import TrainConfig
from mtcp.errors import InputError
from mtcp.model import MTCP


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/srv/wor/runs/full/model.safetensors", "runs/full/model.safetensors"),
        ("/srv/wor/runs/a/m.pt,/srv/wor/runs/b/m.pt", "runs/a/m.pt,runs/b/m.pt"),
        ("train --runs=/srv/wor/runs --name x", "train --runs=runs --name x"),
        ("train --data '/srv/wor/my rooms/nyud'", "train --data 'my rooms/nyud'"),
        ("/srv/wor val", ". val"),
        ("/srv/worker/x", "worker/x"),
        ("/mnt/big/sets/nyud train", "sets/nyud train"),
        (r"--data C:\Users\someone\sets\nyud", "--data sets/nyud"),
        ("runs/full/model.safetensors", "runs/full/model.safetensors"),
        ("facebook/mask2former-swin-small-ade-semantic", "facebook/mask2former-swin-small-ade-semantic"),
        ("rooms:200 lr 3/4 https://example.org/a/b", "rooms:200 lr 3/4 https://example.org/a/b"),
    ],
)
def test_names_are_made_relative(text: str, expected: str) -> None:
    bases = [Path("/srv/wor"), Path("/srv")]
    assert portable(text, bases) == expected
    assert portable({"a": [text, 3, None, True]}, bases) == {"a": [expected, 3, None, True]}


def test_the_innermost_folder_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = tmp_path / "work"
    (work / "main").mkdir(parents=True)
    monkeypatch.chdir(work / "main")
    bases = run_bases(work / "runs" / "full")
    assert portable(f"{work}/main/data/nyud {work}/runs/a", bases) == "data/nyud runs/a"
    monkeypatch.chdir("/")
    assert (
        portable("/runs/full/x", run_bases(Path("/runs/full"))) == "full/x"
    )  # the root is no folder to name


def test_shipped_texts_name_no_folder_of_this_machine() -> None:
    for path in (DEFAULT_CHECKPOINT.with_suffix(".json"), DEFAULT_CHECKPOINT.with_suffix(".run.json")):
        card = json.loads(path.read_text(encoding="utf-8"))
        assert portable(card, []) == card, path


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A run whose files name where they are."""
    folder = tmp_path / "runs" / "made"
    train = TrainConfig(data=f"{tmp_path}/data/made", init=f"{tmp_path}/runs/plain/model.safetensors")
    command = f"python -m mtcp train --runs {tmp_path}/runs --init {train.init}"
    torch.manual_seed(0)
    save_checkpoint(
        folder / "model.safetensors", MTCP(tiny_config(height=64, image_width=64)), data=f"{train.data} train",
        command=command, commit="abc", train=train.to_dict(),
    )  # fmt: skip
    config = {"model": tiny_config().to_dict(), "train": train.to_dict(), "command": command}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "log.jsonl").write_text('{"kind": "end", "reason": "finished"}\n')
    return folder


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    release.add_parser(parser.add_subparsers())
    args = parser.parse_args(["release", *map(str, arguments)])
    return args.run(args)


def test_a_release(run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    together = mtcp.checkpoint.store.write_together
    monkeypatch.setattr("mtcp.data.open_data", lambda *_: MadeSamples(2))
    monkeypatch.setattr(
        mtcp.checkpoint.store,
        "write_together",
        lambda files: (written.extend(p.name for p in files), together(files)),
    )
    out = tmp_path / "shipped" / "net.safetensors"
    assert run(run_folder, "--data", "made", "--out", out, "--size", "64x96", "--device", "cpu") == 0
    assert written == ["net.safetensors", "net.json"]
    assert sorted(p.name for p in out.parent.iterdir()) == [
        "net.json", "net.log.jsonl", "net.run.json", "net.safetensors",
    ]  # fmt: skip
    model, card = load_checkpoint(out)
    assert (model.config.height, model.config.image_width) == (64, 96)
    assert set(card["metrics"]) == {"initial", "refined"}
    assert card["measured_on"] == {"split": "val", "frames": 2, "size": [64, 96]}
    assert (card["dtype"], card["data"], card["commit"]) == ("float16", "data/made train", "abc")
    assert card["command"] == "python -m mtcp train --runs runs --init runs/plain/model.safetensors"
    assert card["train"]["init"] == "runs/plain/model.safetensors"
    for path in out.parent.glob("*.json*"):
        assert str(tmp_path) not in path.read_text()
    with pytest.raises(InputError, match=r"best\.safetensors is missing"):
        run(run_folder, "--data", "made", "--out", out, "--weights", "best")


def test_a_card_is_updated_alone(run_folder: Path) -> None:
    path = run_folder / "model.safetensors"
    before, stat = path.read_bytes(), path.stat()
    card = update_card(path, metrics={"initial": {"depth": {"rmse": 0.5}}}, note="mine")
    assert card == read_card(path) and list(card)[-1] == "sha256"
    assert (card["metrics"]["initial"]["depth"]["rmse"], card["note"]) == (0.5, "mine")
    assert path.stat().st_mtime_ns == stat.st_mtime_ns and path.stat().st_ino == stat.st_ino
    assert card["sha256"] == hashlib.sha256(before).hexdigest()
    with pytest.raises(InputError, match="config belongs to the weights"):
        update_card(path, config={})
