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
from mtcp.evaluation.typical_range import class_informations
from mtcp.geometry.cause_names import UNLIKE
from mtcp.geometry.coherence import coherence
from mtcp.inference.predictor import Predictor
from mtcp.inference.typical import LEAST_PHOTOS, Typical, class_information
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


def test_the_range_is_of_the_photos_measured() -> None:
    found = Typical.of([float(value) for value in range(101)], "made photos")
    assert (found.low, found.middle, found.high) == (1.0, 50.0, 99.0)
    card = found.to_card(101)
    assert card == {"information": [1.0, 50.0, 99.0], "data": "made photos", "photos": 101}
    assert Typical.from_card({"typical": card}, "x") == found
    assert Typical.from_card({}, "x") is None
    assert found.unlike(1.0) == found.unlike(400.0) == ""
    assert "share 0.99 nats of information, and at least 1.00 in 99 % of made photos" in found.unlike(0.99)
    with pytest.raises(InputError, match=f"{LEAST_PHOTOS - 1} photos are too few"):
        Typical.of([1.0] * (LEAST_PHOTOS - 1))


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
    assert "in 99 % of rooms val" in outside.unlike
    assert outside.unlike in outside.note
    report = coherence(outside.initial, outside.refined, outside.camera, unlike=outside.unlike)
    assert {failure.cause.name for failure in report.failures} <= {UNLIKE}
    assert report.failures  # noise has some


def test_the_last_prediction_counts() -> None:
    first, second = {"semseg": torch.zeros(1)}, {"semseg": torch.ones(1)}
    assert Decoded(first, second).last is second
    assert Decoded(first).last is first


def test_energies_are_what_a_predictor_gives(network: MTCP) -> None:
    samples = [{"image": torch.from_numpy(photo(i)).permute(2, 0, 1)} for i in range(4)]
    predict = Predictor(network, device="cpu")
    alone = [predict(photo(i)).information for i in range(4)]
    assert class_informations(network, samples, progress=False) == pytest.approx(alone, abs=1e-6)  # type: ignore[arg-type]
    assert class_informations(network, samples, limit=2, progress=False) == pytest.approx(
        alone[::2], abs=1e-4
    )
    with pytest.raises(InputError, match="no photos"):
        class_informations(network, [], progress=False)


def test_a_network_without_classes_has_no_class_information() -> None:
    torch.manual_seed(0)
    network = MTCP(tiny_config(tasks=("depth", "normals"))).eval()
    prediction = Predictor(network, device="cpu")(photo())
    assert prediction.information is None and prediction.unlike == ""
    with pytest.raises(InputError, match="predicts depth, normals"):
        class_informations(network, MadeSamples(3), progress=False)


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
    assert f"class information of {LEAST_PHOTOS} photos" in capsys.readouterr().out
    assert checkpoint.read_bytes() == before
    typical = Typical.from_card(read_card(checkpoint), "x")
    assert typical is not None and 0 <= typical.low <= typical.middle <= typical.high
    assert typical.data.endswith("photos val") and not typical.data.startswith(
        "/"
    )  # no folder of this machine
    predict = Predictor(checkpoint, device="cpu")
    assert predict(photo(3)).unlike == "" or predict(photo(3)).information < typical.low  # type: ignore[operator]
    load_checkpoint(checkpoint)


def test_the_verb_refuses_too_few_photos(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = made_nyud(tmp_path / "data")
    assert main(["typical", str(checkpoint), "--data", str(root), "--device", "cpu"]) == 2
    assert "2 photos are too few" in capsys.readouterr().err
    assert "typical" not in read_card(checkpoint)
    assert main(["typical", str(checkpoint), "--data", str(root), "--limit", "0"]) == 2
