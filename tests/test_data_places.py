"""Room photos with pseudo-labels: a made miniature converted, read and trained on; relative depth."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from data_made import photo, tear, write_lines
from PIL import Image
from tiny_training import SMALL, made_nyud

from mtcp.__main__ import main
from mtcp.checkpoint.store import load_checkpoint
from mtcp.data import open_data
from mtcp.data.augment import Augment
from mtcp.data.cache import Cached
from mtcp.data.places import Places
from mtcp.errors import InputError
from mtcp.evaluation.metrics import ScaleInvariantMetrics
from mtcp.evaluation.ranking import error_quantities
from mtcp.tasks import ADE_CLASSES, task_named, task_set
from mtcp.tasks.relative_depth import scale_invariant_l1
from mtcp.training import RunFolder, read_log

SEMSEG, RELATIVE = task_set("places")
NUMBERS = [f"{i:05d}" for i in range(8)]
ZIPPED = NUMBERS[:5]
"""The photos in photos.zip."""
NETWORK = [f"--{flag}={value}" for flag, value in {**SMALL, "height": 48, "image-width": 64}.items()]
PLAIN = ["--fusion", "none", "--refinement", "none", "--task-decoder", "no", "--query-gate", "no"]


def path_of(number: str) -> str:
    return f"dataset/train/kitchen/1{number}.jpg"


def encoded(array: np.ndarray, kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind)
    return file.getvalue()


def labels(seed: int) -> np.ndarray:
    result = np.full((192, 256), 1 + seed, np.uint8)
    result[:96, :128], result[100] = 150, 0
    return result


def depth(seed: int) -> np.ndarray:
    rows = np.linspace(1000, 4000 + 100 * seed, 48).astype(np.uint16)
    result = np.repeat(rows[:, None], 64, 1)
    result[0, 0] = 0
    return result


def pack(path: Path, content: Iterable[tuple[str, bytes]]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content:
            archive.writestr(name, data)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Eight photos listed, five of them in photos.zip."""
    root = tmp_path / "source"
    write_lines(root / "list.tsv", [f"{n}\tkitchen\t{path_of(n)}" for n in NUMBERS])
    write_lines(root / "ade150.txt", ["bed " if name == "bed" else name for name in ADE_CLASSES])
    pack(root / "ade150.zip", [(f"{n}.png", encoded(labels(int(n)), "PNG")) for n in reversed(NUMBERS)])
    pack(root / "depth.zip", [(f"{n}.png", encoded(depth(int(n)), "PNG")) for n in NUMBERS])
    pack(root / "photos.zip", [(f"{n}.jpg", encoded(photo(256, 256, int(n)), "JPEG")) for n in ZIPPED])
    return root


def put(path: Path, number: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(photo(256, 256, int(number)), "JPEG"))


def made(source: Path, *more: object, val: int = 2) -> Path:
    """The folder that the command makes of the source, beside it."""
    out = source.parent / "places"
    arguments = ["data", "places", "--source", source, "--out", out, "--val", val, *more]
    assert main([str(argument) for argument in arguments]) == 0
    return out


def refused(source: Path, capsys: pytest.CaptureFixture[str], *more: object) -> str:
    """The one line with which the command refuses, and that it left no list behind."""
    out = source.parent / "refused"
    arguments = ["data", "places", "--source", source, "--out", out, "--val", 2, *more]
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip() and "photo/s" not in line]
    assert len(lines) == 1
    assert not (out / "train.txt").exists()
    return lines[0]


def test_conversion_takes_photos_from_the_archive_and_from_both_kinds_of_names(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "more" / path_of("00005"), "00005")
    put(tmp_path / "more" / "00007.jpg", "00007")
    out = made(source, "--photos", tmp_path / "more")
    output = capsys.readouterr().out.splitlines()
    assert output == [
        "1 of 8 listed photos have no file and are left out",
        f"{out}: 7 photos written, 0 already there; 5 to train on, 2 in val",
    ]
    assert (out / "train.txt").read_text().split() == NUMBERS[:5]
    assert (out / "val.txt").read_text().split() == ["00005", "00007"]
    for number in ("00000", "00007"):
        assert (out / "images" / f"{number}.jpg").read_bytes() == encoded(
            photo(256, 256, int(number)), "JPEG"
        )
    about = json.loads((out / "places.json").read_text())
    assert (about["version"], about["photos"], len(about["classes"])) == (1, 7, 150)


def test_conversion_goes_on_where_it_stopped(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (source / "depth.zip").read_bytes()
    pack(
        source / "depth.zip",
        [(f"{n}.png", encoded(depth(0), "PNG") if n < "00003" else b"torn") for n in NUMBERS],
    )
    out = source.parent / "places"
    flags = ["data", "places", "--source", str(source), "--out", str(out), "--val", "2"]
    assert main(flags) == 2
    assert "depth.zip: 00003.png: truncated or not an image" in capsys.readouterr().err
    assert sorted(path.stem for path in (out / "labels").glob("*")) == NUMBERS[:3]
    with pytest.raises(InputError, match="it has not finished"):
        open_data(out, "train", ("semseg",))
    (source / "depth.zip").write_bytes(content)
    (out / "depth" / "00001.png").write_bytes(b"")  # as a power cut may leave it
    (out / "images" / "00002.jpg").unlink()
    made(source)
    assert "3 of 8 listed photos have no file and are left out; --photos FOLDER adds them" in (
        output := capsys.readouterr().out
    )
    assert "4 photos written, 1 already there; 3 to train on, 2 in val" in output
    put(tmp_path / "more" / "00006.jpg", "00006")
    made(source, "--photos", tmp_path / "more")
    assert "1 photos written, 5 already there; 4 to train on, 2 in val" in capsys.readouterr().out
    assert (out / "val.txt").read_text().split() == ["00004", "00006"]


def test_sources_that_are_missing_or_damaged_are_refused_in_one_line(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"--source {tmp_path / 'none'}: no such folder" in refused(tmp_path / "none", capsys)
    assert "no such folder" in refused(source, capsys, "--photos", tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "has none of the 3 photos wanted" in refused(source, capsys, "--photos", tmp_path / "empty")
    assert "--val 0: hold at least 1" in refused(source, capsys, "--val", 0)
    assert "5 photos are too few to hold 5 out" in refused(source, capsys, "--val", 5)
    for name in ("list.tsv", "ade150.txt", "ade150.zip", "depth.zip", "photos.zip"):
        content = (source / name).read_bytes()
        (source / name).unlink()
        assert f"{name}: no such file" in refused(source, capsys)
        (source / name).write_bytes(content)
        if name != "list.tsv":  # a shorter list is a list
            tear(source / name)
            assert name in refused(source, capsys)
        (source / name).write_bytes(content)
    write_lines(tmp_path / "places" / "notes.txt", ["mine"])
    flags = ["data", "places", "--source", str(source), "--out", str(tmp_path / "places"), "--val", "2"]
    assert main(flags) == 2
    assert "holds other files (no places.json)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("00000\tkitchen", "is not NUMBER, ROOM and PATH"),
        ("0x\tkitchen\ta.jpg", "is not NUMBER, ROOM and PATH"),
        ("00000\tkitchen\t../a.jpg", "leads out of the folder"),
        ("00001\tkitchen\tother.jpg", "number 00001 is listed twice"),
        ("00009\tkitchen\ta.jpg", "ade150.zip: has no 00009.png (1 of 8 listed maps are missing)"),
    ],
)
def test_a_list_that_cannot_be_is_refused(
    source: Path, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    lines = (source / "list.tsv").read_text().splitlines()
    write_lines(source / "list.tsv", [line, *lines[1:]])
    assert said in refused(source, capsys)


@pytest.mark.parametrize(
    ("archive", "content", "said"),
    [
        ("ade150.zip", encoded(np.full((192, 256), 151, np.uint8), "PNG"), "label 151 is out of range"),
        ("ade150.zip", encoded(np.ones((256, 192), np.uint8), "PNG"), "rows and columns are swapped"),
        ("ade150.zip", encoded(photo(192, 256), "PNG"), "expected one map of 8-bit labels"),
        ("depth.zip", encoded(np.ones((48, 64), np.uint8), "PNG"), "expected 16-bit millimetres"),
        ("photos.zip", b"\xff\xd8 torn", "truncated or not an image"),
    ],
    ids=["label", "swapped", "colours", "eight bits", "torn"],
)
def test_a_file_that_cannot_be_is_named(
    source: Path, capsys: pytest.CaptureFixture[str], archive: str, content: bytes, said: str
) -> None:
    suffix = "jpg" if archive == "photos.zip" else "png"
    pack(source / archive, [(f"{n}.{suffix}", content) for n in NUMBERS])
    output = refused(source, capsys)
    assert f"{archive}: 00000.{suffix}" in output and said in output


def test_the_reader_gives_stored_shapes_and_values(source: Path) -> None:
    out = made(source)
    data = open_data(out, "train", ("semseg", "relative_depth"))
    assert isinstance(data, Places)
    assert data.ids == NUMBERS[:3]
    sample = data.stored(2)
    assert {name: tuple(value.shape) for name, value in sample.items()} == {
        "image": (3, 192, 256),
        "camera": (4,),
        "semseg": (192, 256),
        "relative_depth": (48, 64),
    }
    assert (sample["image"].dtype, sample["semseg"].dtype) == (torch.uint8, torch.uint8)
    assert sample["semseg"][[0, 100, 191], [0, 0, 255]].tolist() == [149, 255, 2]
    metres = sample["relative_depth"]
    assert metres[0, 0] == 0 and metres[-1, -1] == pytest.approx(4.2)
    assert RELATIVE.valid(metres).sum() == 48 * 64 - 1
    squashed = torch.from_numpy(photo(256, 256, 2)).permute(2, 0, 1).float()
    rows = squashed.unflatten(1, (64, 4)).mean(2)  # 4 stored rows over 3 given ones: their means agree
    given = sample["image"].float().unflatten(1, (64, 3)).mean(2)
    assert (rows - given).abs().mean() < 2
    assert data[2]["relative_depth"].shape == (192, 256)
    assert set(open_data(out, "val", ("semseg",))[0]) == {"image", "camera", "semseg"}


def test_the_reader_refuses_other_tasks_versions_and_classes(source: Path) -> None:
    out = made(source)
    with pytest.raises(InputError, match="unknown task 'depth' for 'places'"):
        open_data(out, "train", ("depth",))
    with pytest.raises(InputError, match="choose from: train, val"):
        open_data(out, "test", ("semseg",))
    marker = out / "places.json"
    about = json.loads(marker.read_text())
    for key, value, said in (
        ("version", 2, "version 2, expected 1"),
        ("classes", ["wall"], "not ADE20K's 150"),
    ):
        marker.write_text(json.dumps({**about, key: value}))
        with pytest.raises(InputError, match=said):
            Places(out)
    marker.write_text(json.dumps(about))
    (out / "depth" / "00001.png").unlink()
    with pytest.raises(InputError, match=r"00001\.png: no such file"):
        Places(out)
    (out / "depth" / "00001.png").write_bytes(encoded(np.ones((64, 48), np.uint16), "PNG"))
    with pytest.raises(InputError, match=r"00001\.png.*rows and columns are swapped"):
        Places(out).stored(1)


def test_samples_are_kept_small_and_augmented(source: Path) -> None:
    data = Cached(Places(made(source)), (144, 192), progress=False)
    assert data.bytes < 3 * (192 * 256 * 4 + 48 * 64 * 4 + 100)
    sample = Augment((144, 192), scales=(1.5,))(data[0], np.random.default_rng(0))
    assert sample["image"].shape == (3, 144, 192)
    assert sample["semseg"].shape == sample["relative_depth"].shape == (144, 192)


def test_the_loss_ignores_each_photos_factor() -> None:
    torch.manual_seed(0)
    target = torch.rand(2, 6, 9) + 0.5
    target[0, 0, :3] = torch.tensor([0.0, math.nan, math.inf])
    factors = torch.tensor([0.3, 7.0])[:, None, None]
    scaled = (target * factors).nan_to_num(1, 1, 1).clamp(min=0.01)[:, None]
    assert scale_invariant_l1(scaled, target).item() == pytest.approx(0, abs=1e-6)
    # one photo of five pixels, log differences -1, 0, 0, 2, 3 and 9 from their median
    off = torch.tensor([-1.0, 0, 0, 2, 3]) + 9
    target = torch.full((1, 1, 5), 2.0)
    assert scale_invariant_l1(2 * off.exp().view(1, 1, 1, 5), target).item() == pytest.approx(6 / 5)


def test_the_loss_has_a_finite_gradient_where_a_photo_or_all_are_unknown() -> None:
    for known in (1, 0):
        raw = torch.randn(2, 1, 4, 5, requires_grad=True)
        target = torch.zeros(2, 4, 5)
        target[:known] = torch.rand(known, 4, 5) + 1
        loss = RELATIVE.loss(RELATIVE.activate(raw), target)
        loss.backward()
        assert raw.grad is not None and raw.grad.isfinite().all()
        assert (loss.item() > 0) == (raw.grad[0] != 0).any().item() == bool(known)
        assert not raw.grad[1].any()


def test_the_metric_takes_each_photos_factor_out_and_pools_pixels() -> None:
    metric = ScaleInvariantMetrics()
    said = torch.tensor([[[1.0, 1.0, math.e, math.nan]], [[5.0, 5.0, 5.0, -1.0]]])
    metric.update(said[:, None], torch.tensor([[[2.0, 2.0, 2.0, 2.0]], [[3.0, 3.0, 3.0, 3.0]]]))
    metric.update(said[:1], torch.zeros(1, 1, 4))
    assert metric.compute() == {"si_log": pytest.approx(1 / 6)}
    assert metric.missing_pixels() == 2
    metric.reset()
    assert math.isnan(metric.compute()["si_log"]) and metric.missing_pixels() == 0


def test_relative_depth_is_shown_without_a_unit() -> None:
    true = np.linspace(1, 3, 48, dtype=np.float32).reshape(6, 8)
    assert np.nanmax(np.abs(RELATIVE.error(true * 2.5, true))) < 1e-5
    assert np.isnan(RELATIVE.error(true, np.zeros_like(true))).all()
    said = true.copy()
    said[0, 0] *= 2
    off = RELATIVE.error(said, true)
    assert off[0, 0] == pytest.approx(1, abs=1e-5) and np.abs(off).sum() == pytest.approx(1, abs=1e-4)
    assert RELATIVE.value_in_words(np.float32(2)) == "2.00"
    assert RELATIVE.error_in_words(np.float32(2), np.float32(1)) == ""
    assert RELATIVE.picture(true).shape == (6, 8, 3)
    assert np.abs(RELATIVE.change(true, true * 3)).max() < 1e-5  # a factor is no change
    moved = RELATIVE.change(true, said * 3)
    assert moved[0, 0] == pytest.approx(1, abs=1e-5) and np.abs(moved).sum() == pytest.approx(1, abs=1e-4)
    assert RELATIVE.apart(true * 3, true).startswith("0.00")
    output = RELATIVE.summary(true, true * 2)
    assert output["mean_abs_change_relative"] == pytest.approx(0, abs=1e-5)
    assert output["initial_high_relative"] == 3 and not [key for key in output if key.endswith("_m")]
    assert RELATIVE.change_in_words(true).before == "moved relative depth by"


def test_two_sets_have_a_task_of_one_name_and_other_classes() -> None:
    assert len(set(SEMSEG.classes)) == SEMSEG.channels == 150
    assert (SEMSEG.name, len(task_named("semseg").classes)) == ("semseg", 40)  # the first set's
    assert SEMSEG.value_in_words(np.uint8(149)) == "flag"
    assert SEMSEG.picture(np.full((2, 2), 149, np.uint8)).any()
    assert [one.key for one in error_quantities((RELATIVE,))] == ["relative_depth_si_log_ratio"]


@pytest.mark.slow
def test_training_on_places_then_on_nyud_takes_backbone_and_fpn(source: Path, tmp_path: Path) -> None:
    out, runs = made(source), tmp_path / "runs"
    common = ["train", "--runs", str(runs), "--batch", "2", "--epochs", "1", *NETWORK]
    places = ["--data", str(out), "--val-split", "val", "--task-set", "places", "--init", "none"]
    places += ["--tasks", "semseg,relative_depth", "--balancing", "uniform", "--class-power", "0.25"]
    assert main([*common, "--name", "places", *places, *PLAIN, "--ema", "0.9"]) == 0
    epoch = next(line for line in read_log(RunFolder(runs / "places").log_path) if line["kind"] == "epoch")
    measured = epoch["metrics"]["initial"]
    assert measured["relative_depth"]["si_log"] > 0 and measured["semseg"]["pixel_acc"] >= 0
    taught, _ = load_checkpoint(runs / "places" / "model.safetensors")
    assert [task.channels for task in taught.tasks] == [150, 1]
    nyud = ["--data", str(made_nyud(tmp_path / "nyud")), "--init", str(runs / "places" / "model.safetensors")]
    for name, flags in (("nyud", []), ("plain", PLAIN)):
        assert main([*common, "--name", name, *nyud, *flags]) == 0
        start = next(line for line in read_log(RunFolder(runs / name).log_path) if line["kind"] == "start")
        (taken,) = start["init"]
        assert taken["taken"] == ["shared.backbone", "shared.fpn"]
    assert "has another shape" in taken["skipped"]["initial_heads.semseg"]
