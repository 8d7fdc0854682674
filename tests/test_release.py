"""`mtcp release`: weights written once, metrics of what was written, and no path of this machine."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_training import MadeSamples, tiny_config

import mtcp.checkpoint.store
from mtcp.checkpoint.store import DEFAULT_CHECKPOINT, load_checkpoint, read_card, save_checkpoint, update_card
from mtcp.cli import release
from mtcp.cli.release import AGREEMENT, check_coherence, portable, run_bases
from mtcp.config import TrainConfig
from mtcp.errors import InputError
from mtcp.evaluation.evaluate import evaluate
from mtcp.inference.typical import LEAST_PHOTOS, SIGNALS, Typical
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


def test_a_release_knows_its_typical_range_where_there_are_photos_enough(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "shipped" / "net.safetensors"
    for count in (LEAST_PHOTOS - 1, LEAST_PHOTOS):
        monkeypatch.setattr("mtcp.data.open_data", lambda *_, count=count: MadeSamples(count))
        assert run(run_folder, "--data", tmp_path / "data/made", "--out", out, "--device", "cpu") == 0
        typical = Typical.from_card(read_card(out), out.name)
        assert (typical is None) == (count < LEAST_PHOTOS)
    assert typical is not None and typical.data == "data/made val"
    assert list(typical.ranges) == list(SIGNALS)


class RoomSamples(MadeSamples):
    """Made samples of all three tasks, with a camera."""

    def __getitem__(self, i: int) -> dict[str, torch.Tensor]:
        sample = super().__getitem__(i)
        normals = torch.tensor([0.0, 0.0, -1.0]).view(3, 1, 1).expand(3, *sample["depth"].shape)
        return {**sample, "normals": normals, "camera": torch.tensor([60.0, 60.0, 32.0, 32.0])}


def angles(initial: float, refined: float) -> dict[str, dict[str, dict[str, float]]]:
    stages = {"initial": initial, "refined": refined}
    return {stage: {"coherence": {AGREEMENT: angle}} for stage, angle in stages.items()}


def test_less_coherent_weights_are_refused(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Coherence is measured on what would be shipped, and what lies at --out already stays."""
    model = MTCP(tiny_config(tasks=("semseg", "depth", "normals"), height=64, image_width=64))
    save_checkpoint(run_folder / "model.safetensors", model, data="made")
    monkeypatch.setattr("mtcp.data.open_data", lambda *_: RoomSamples(2))

    def measured(*args: Any, **options: Any) -> dict[str, Any]:
        """The real numbers but for the angle, which chance decides for a random network."""
        found: dict[str, Any] = evaluate(*args, **options)
        for stage, angle in (("initial", 20.04), ("refined", 20.05)):
            assert 0 < found[stage]["coherence"][AGREEMENT] < 180
            found[stage]["coherence"][AGREEMENT] = angle
        return found

    monkeypatch.setattr("mtcp.evaluation.evaluate.evaluate", measured)
    out = tmp_path / "shipped" / "net.safetensors"
    out.parent.mkdir()
    out.write_bytes(b"the one before")
    with pytest.raises(
        InputError, match=r"model\.safetensors is not released: .* 20\.04 degrees initial, 20\.05 "
    ):
        run(run_folder, "--data", "made", "--out", out, "--device", "cpu")
    assert [p.name for p in out.parent.iterdir()] == [out.name] and out.read_bytes() == b"the one before"
    run(run_folder, "--data", "made", "--out", out, "--device", "cpu", "--although-less-coherent")
    coherence = load_checkpoint(out)[1]["metrics"]["refined"]["coherence"]
    assert coherence[AGREEMENT] == 20.05
    assert any(value is None for value in coherence.values())  # strict JSON: no floor, no number


@pytest.mark.parametrize(("initial", "refined"), [(20.0, 20.0), (20.0, 12.0)])
def test_coherent_weights_pass(initial: float, refined: float) -> None:
    check_coherence(angles(initial, refined), Path("net.safetensors"))
    check_coherence({"initial": angles(initial, refined)["initial"]}, Path("net.safetensors"))
    check_coherence({"initial": {"depth": {}}, "refined": {"depth": {}}}, Path("net.safetensors"))


def test_an_angle_that_could_not_be_measured_does_not_pass() -> None:
    with pytest.raises(InputError, match=r"20\.00 degrees initial, . refined"):
        check_coherence(angles(20.0, float("nan")), Path("net.safetensors"))


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
