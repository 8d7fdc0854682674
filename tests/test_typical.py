"""Photos unlike those of training: the information of the classes, a checkpoint's range of it, and who says so."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_training import MadeSamples, made_nyud, tiny_config

from mtcp.__main__ import main
from mtcp.checkpoint.store import card_path, load_checkpoint, read_card, save_checkpoint
from mtcp.errors import InputError
from mtcp.evaluation.typical_range import signals_of
from mtcp.geometry.cause_names import UNLIKE
from mtcp.geometry.coherence import coherence
from mtcp.inference.predictor import Predictor
from mtcp.inference.typical import LEAST_PHOTOS, SIGNALS, Typical, class_information, picture_signals
from mtcp.model import MTCP
from mtcp.model.network import Decoded

TASKS = ("semseg", "depth", "normals")


@pytest.fixture(scope="module")
def network() -> MTCP:
    torch.manual_seed(0)
    return MTCP(tiny_config(tasks=TASKS)).eval()


@pytest.fixture
def checkpoint(network: MTCP, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(path, network)
    return path


def photo(seed: int = 0, size: tuple[int, int] = (64, 96)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3)).astype(np.uint8)


def with_range(path: Path, information: Any, **more: Any) -> Path:
    """The checkpoint with that on its card, whatever it is."""
    card = json.loads(card_path(path).read_text()) | {"typical": {"information": information, **more}}
    card_path(path).write_text(json.dumps(card))
    return path


def test_the_information_is_what_the_place_tells_of_the_class() -> None:
    logits = torch.zeros(1, 40, 3, 5)
    assert class_information(logits) == pytest.approx(0, abs=1e-6)  # unsure everywhere
    logits[:, 7] = 50.0
    assert class_information(logits) == pytest.approx(0, abs=1e-6)  # sure of the same everywhere
    for row in range(3):
        logits[:, 10 + row, row] = 99.0
    assert class_information(logits) == pytest.approx(
        math.log(3), abs=1e-5
    )  # three classes, each in its place
    assert class_information(logits.half()) == pytest.approx(math.log(3), abs=1e-3)
    torch.manual_seed(0)
    assert 0 <= class_information(torch.randn(1, 40, 8, 8)) <= math.log(40)


def test_brightness_and_sharpness_are_of_the_middle_of_the_picture() -> None:
    assert picture_signals(np.full((32, 48, 3), 0.5)) == {"brightness": pytest.approx(127.5), "sharpness": 0}
    framed = np.ones((64, 64, 3))
    framed[4:-4, 4:-4] = 0.2
    assert picture_signals(framed)["brightness"] == pytest.approx(51, abs=1e-3)
    # luma by ITU-R BT.601
    assert picture_signals(np.full((32, 32, 3), (1.0, 0, 0)))["brightness"] == pytest.approx(76.2, abs=0.1)
    board = np.indices((66, 66)).sum(0)[..., None].repeat(3, 2) % 2
    assert picture_signals(board)["sharpness"] == pytest.approx(8, rel=0.05)  # Laplacian of +-1/2: -+4
    noise = photo(size=(66, 66)) / 255
    assert picture_signals(noise)["sharpness"] == pytest.approx(20**0.5, rel=0.1)  # 1 + 1 + 1 + 1 + 4 * 4
    assert picture_signals(noise / 20)["sharpness"] == pytest.approx(picture_signals(noise)["sharpness"])


def test_the_ranges_are_of_the_photos_measured() -> None:
    found = Typical.of(
        [{"information": value, "brightness": 2 * value} for value in range(101)], "made photos"
    )
    assert found.ranges == {"information": (1, 50, 99), "brightness": (1, 100, 199)}
    card = found.to_card(101)
    assert card == {**{k: list(v) for k, v in found.ranges.items()}, "data": "made photos", "photos": 101}
    assert Typical.from_card({"typical": card}, "x") == found
    assert Typical.from_card({}, "x") is None
    assert (
        found.unlike({"information": 1.0, "brightness": 199.0}) == found.unlike({"information": 400.0}) == ""
    )
    assert found.unlike({"information": 0.99, "brightness": 100, "sharpness": 7}) == (
        "the network is less sure what is where than in 99 % of them (class information 0.99 nats; theirs 1.00 or more)"
    )
    assert list(found.outside({"information": 0.5, "brightness": 199.1})) == ["information", "brightness"]
    assert found.outside({"brightness": 199.1})["brightness"] == (
        "it is brighter than 99.5 % of them (mean brightness 199.1 of 255; theirs 199.0 or less)"
    )
    with pytest.raises(InputError, match=f"{LEAST_PHOTOS - 1} photos are too few"):
        Typical.of([{"information": 1.0}] * (LEAST_PHOTOS - 1))


def test_each_end_of_each_signal_has_words_or_none() -> None:
    typical = Typical(dict.fromkeys(SIGNALS, (0.0, 1.0, 2.0)))
    assert list(typical.outside(dict.fromkeys(SIGNALS, -1.0))) == list(SIGNALS)
    assert list(typical.outside(dict.fromkeys(SIGNALS, 3.0))) == ["brightness", "sharpness"]
    assert typical.unlike({"brightness": -1, "sharpness": -1}).count("; it has less fine detail than") == 1


@pytest.mark.parametrize(
    "information", [None, 3.0, [1, 2], [1, 2, "3"], [1, 2, True], [1, 2, float("nan")], [3, 2, 1]]
)
def test_a_damaged_range_is_refused_by_name(checkpoint: Path, information: Any) -> None:
    with pytest.raises(InputError, match=r'tiny\.safetensors: "typical" on its card is damaged'):
        Predictor(with_range(checkpoint, information), device="cpu")


def test_without_a_range_nothing_is_said(checkpoint: Path) -> None:
    prediction = Predictor(checkpoint, device="cpu")(photo())
    assert prediction.information is not None and math.isfinite(prediction.information)
    assert prediction.unlike == prediction.note == ""


def test_a_photo_below_the_range_is_said_to_be_unlike_and_is_the_cause_of_all_failures(
    checkpoint: Path,
) -> None:
    information = Predictor(checkpoint, device="cpu")(photo()).information
    assert information is not None
    inside = Predictor(with_range(checkpoint, [information - 1, information, information + 1]), device="cpu")(
        photo()
    )
    assert inside.unlike == ""
    below = with_range(checkpoint, [information + 1, information + 2, information + 3], data="rooms val")
    outside = Predictor(below, device="cpu")(photo())
    assert "than in 99 % of them" in outside.unlike
    assert outside.unlike in outside.note
    report = coherence(outside.initial, outside.refined, outside.camera, unlike=outside.unlike)
    assert {failure.cause.name for failure in report.failures} <= {UNLIKE}
    assert report.failures  # noise has some


def test_the_last_prediction_counts() -> None:
    first, second = {"semseg": torch.zeros(1)}, {"semseg": torch.ones(1)}
    assert Decoded(first, second).last is second
    assert Decoded(first).last is first


def test_the_range_is_of_what_a_predictor_finds(network: MTCP) -> None:
    samples: Any = [{"image": torch.from_numpy(photo(i)).permute(2, 0, 1)} for i in range(4)]
    predict = Predictor(network, device="cpu")
    alone = [predict(photo(i)).information for i in range(4)]
    found = signals_of(network, samples, progress=False)
    assert [one["information"] for one in found] == pytest.approx(alone, abs=1e-6)
    some = signals_of(network, samples, limit=2, progress=False)
    assert [one["information"] for one in some] == pytest.approx(alone[::2], abs=1e-4)
    with pytest.raises(InputError, match="no photos"):
        signals_of(network, [], progress=False)


def test_whatever_size_the_network_has_the_photo_is_looked_at_as_the_range_was(network: MTCP) -> None:
    usual, larger = Predictor(network, device="cpu"), Predictor(network, device="cpu", network_size=(96, 160))
    sharp: Any = signals_of(network, [{"image": torch.from_numpy(photo()).permute(2, 0, 1)}], progress=False)
    sharpness = sharp[0]["sharpness"]
    for predict in (usual, larger):
        predict.typical = Typical({"sharpness": (sharpness - 1e-3, sharpness, sharpness + 1e-3)})
        assert predict(photo()).unlike == ""


def test_a_dark_photo_is_said_to_be_dark_even_by_a_network_without_classes() -> None:
    torch.manual_seed(0)
    predict = Predictor(MTCP(tiny_config(tasks=("depth", "normals"))), device="cpu")
    predict.typical = Typical({"brightness": (20.0, 100.0, 200.0)}, "rooms val")
    assert predict(photo()).unlike == ""
    assert predict(photo() // 20).unlike.startswith("it is darker than 99.5 % of them (mean brightness ")


def test_a_network_without_classes_has_no_class_information() -> None:
    torch.manual_seed(0)
    network = MTCP(tiny_config(tasks=("depth", "normals"))).eval()
    prediction = Predictor(network, device="cpu")(photo())
    assert prediction.information is None and prediction.unlike == ""
    assert list(signals_of(network, MadeSamples(3), progress=False)[0]) == ["brightness", "sharpness"]


def test_the_verb_writes_the_range_on_the_card_and_leaves_the_weights(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    from PIL import Image

    for i in range(LEAST_PHOTOS):
        Image.fromarray(photo(i)).save(folder / f"{i:02}.png")
    before = checkpoint.read_bytes()
    assert main(["typical", str(checkpoint), "--data", str(folder), "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert f"{LEAST_PHOTOS} photos of " in said and "information: 1 % are below " in said
    assert "brightness: 0.5 % are below " in said
    assert checkpoint.read_bytes() == before
    typical = Typical.from_card(read_card(checkpoint), "x")
    assert typical is not None and list(typical.ranges) == list(SIGNALS)
    low, middle, high = typical.ranges["information"]
    assert 0 <= low <= middle <= high
    assert typical.data.endswith("photos val") and not typical.data.startswith(
        "/"
    )  # no folder of this machine
    predict = Predictor(checkpoint, device="cpu")
    assert predict(photo(3)).unlike == ""
    assert "darker than 99.5 %" in predict(photo(3) // 20).unlike
    load_checkpoint(checkpoint)


def test_the_verb_refuses_too_few_photos(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = made_nyud(tmp_path / "data")
    assert main(["typical", str(checkpoint), "--data", str(root), "--device", "cpu"]) == 2
    assert "2 photos are too few" in capsys.readouterr().err
    assert "typical" not in read_card(checkpoint)
    assert main(["typical", str(checkpoint), "--data", str(root), "--limit", "0"]) == 2
