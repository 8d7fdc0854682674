"""The report of a photo: nothing in it is fetched, and its numbers are the command line's."""

from __future__ import annotations

import dataclasses
import json
import shlex
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from fake_predictor import FakePredictor, Tilts
from PIL import Image
from served import TASKS

from app import report, session
from app.networks import Network, Networks, Offer
from app.session import Analysis
from app.views.failures import CURRENT, TOP, chosen_of
from mtcp.__main__ import main
from mtcp.errors import InputError
from mtcp.evaluation.ground_truth import Truth
from mtcp.geometry.camera import Camera

CARD = {"data": "data/<nyud> train", "commit": "abc1234", "sha256": "ff00", "config": {}}
SIZE = (60, 80)


class Fetched(HTMLParser):
    """What a page would fetch, its scripts, how many pictures it has, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [
            value or "" for name, value in attrs if name in ("src", "href", "srcset", "poster")
        ]

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture
def networks() -> Networks:
    first = Network(Tilts(), TASKS, "fake-lite.safetensors", "cpu", card=CARD)
    other = FakePredictor(checkpoint="other.safetensors")
    return Networks(first, {"other": Offer(TASKS, lambda: Network(other, TASKS, "other.safetensors", "cpu"))})


@pytest.fixture
def analysis(networks: Networks) -> Analysis:
    """A photo whose left part has wrong normals; its truth is known."""
    photo = np.full((*SIZE, 3), 120, np.uint8)
    seen = networks.first.predict(photo)
    truth = Truth(dict(seen.initial), Camera.from_fov(80, 60, 70.0), "made")
    return session.known(Analysis(photo, seen, "a <b>room.jpg", SIZE), truth)


def test_report_fetches_nothing(analysis: Analysis, networks: Networks) -> None:
    text = report.page(analysis, networks, []).decode()
    found = Fetched(text)
    assert found.addresses and all(address.startswith("data:") for address in found.addresses)
    assert (
        "script" not in found.tags and "link" in found.tags and "url(" not in text and "@import" not in text
    )
    assert found.tags.count("figure") == 1 + 3 * 3  # the photo; initial, refined and truth of each task


def test_report_tells_photo_numbers_failures_and_versions(analysis: Analysis, networks: Networks) -> None:
    text = report.page(analysis, networks, []).decode()
    words = Fetched(text).words
    assert "<b>room" not in text and "a <b>room.jpg" in words
    assert "data/<nyud> train" in words and "abc1234" in words and "--fov 70" in words
    listed = chosen_of(analysis, CURRENT)
    assert listed and all(failure.cause.name in words for failure in listed)
    assert "data-number=" in text and 'tabindex="0"' not in text and "Against the ground truth" in words


def test_report_folds_all_but_the_worst_failures(analysis: Analysis, networks: Networks) -> None:
    """Without a script, and by the rank that they have in the photo; paper has them all: see the browser's test."""
    found, (first, *_) = analysis.coherence, analysis.failures
    assert found is not None
    many = tuple(dataclasses.replace(first, rank=rank) for rank in range(1, TOP + 3))
    vars(analysis)["coherence"] = dataclasses.replace(found, failures=many)
    text = report.page(analysis, networks, []).decode()
    shown, summary, folded = text.partition("<details><summary>2 more</summary>")
    assert summary
    ranks = [f'<span class="mt-rank">{rank}</span>' for rank in range(1, TOP + 3)]
    assert all(rank in shown for rank in ranks[:TOP]) and not any(rank in shown for rank in ranks[TOP:])
    assert all(rank in folded.partition("</details>")[0] for rank in ranks[TOP:])


def test_report_of_two_networks_calls_them_by_their_names(analysis: Analysis, networks: Networks) -> None:
    both = networks.seen(analysis, "fake-lite", "other")
    words = Fetched(report.page(both, networks, []).decode()).words
    assert "A: fake-lite" in words and "B: other" in words and "Network A" in words
    assert "initial" not in words.partition("</style>")[2] and "trace-back" not in words
    report_numbers = report.versions(both, networks, [])
    assert list(report_numbers["networks"]) == ["a", "b"] and len(report_numbers["commands"]) == 2
    assert "--checkpoint other.safetensors" in report_numbers["commands"][1]


def test_numbers_of_two_networks_are_by_a_and_b(analysis: Analysis, networks: Networks) -> None:
    both = networks.seen(analysis, "fake-lite", "other")
    text = report.numbers(both, networks, []).decode()
    report_numbers, found = json.loads(text), both.coherence
    assert found is not None and found.refined is not None and found.failures
    sides = {"a": found.initial, "b": found.refined}
    for key, side in sides.items():
        assert report_numbers[key]["depth_normal"]["mean_deg"] == pytest.approx(
            side.depth_normal.mean_deg, abs=1e-4
        )
    assert {key: report_numbers["versions"]["networks"][key]["stage"] for key in sides} == {
        "a": "refined",
        "b": both.pair.stage("refined") if both.pair else "",
    }
    for said, failure in zip(report_numbers["failures"], found.failures, strict=True):
        assert said["a_deg"] == pytest.approx(failure.before_deg, abs=1e-4)
        assert said["b_deg"] == pytest.approx(failure.after_deg, abs=1e-4)
        assert said["found_in"] == {"initial": "a", "refined": "b"}[failure.found_in]
        assert said["status"] == both.words.statuses[failure.status]
    wrong = ('"initial"', '"before_deg"', '"after_deg"', '"fixed"', '"introduced"', '"remaining"')
    assert not any(word in text for word in wrong)


def test_numbers_are_those_of_the_command_line(
    analysis: Analysis, networks: Networks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report_numbers = json.loads(report.numbers(analysis, networks, []))
    versions = report_numbers.pop("versions")
    assert versions["networks"]["network"]["commit"] == "abc1234" and versions["environment"]["python"]

    class AsLoaded(Tilts):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__()

        def __call__(self, path: Path, fov_deg: float) -> object:  # type: ignore[override]
            with Image.open(path) as photo:
                seen = super().__call__(np.asarray(photo))
            return dataclasses.replace(seen, camera=Camera.from_fov(80, 60, fov_deg))

    monkeypatch.setattr("mtcp.inference.predictor.Predictor", AsLoaded)
    monkeypatch.chdir(tmp_path)
    Image.fromarray(analysis.photo).save("a <b>room.png")
    (command,) = versions["commands"]
    words = shlex.split(command.replace(".jpg", ".png"))[3:]
    assert main([word for word in words if word not in ("--checkpoint", "fake-lite.safetensors")]) == 0
    assert json.loads(Path("coherence.json").read_text()) == report_numbers


def test_a_camera_that_no_field_of_view_tells_is_in_the_npz(analysis: Analysis, networks: Networks) -> None:
    off = Camera(70.0, 70.0, 30.0, 30.0, 80, 60)
    seen = dataclasses.replace(analysis.prediction, camera=off, camera_from="given")
    (command,) = report.versions(dataclasses.replace(analysis, prediction=seen), networks, [])["commands"]
    assert ".npz" in command and "--fov" not in command


def test_a_network_without_normals_has_a_report_and_no_numbers(networks: Networks) -> None:
    photo = np.full((*SIZE, 3), 120, np.uint8)
    seen = networks.first.predict(photo)
    only = dataclasses.replace(
        seen,
        tasks=("semseg", "depth"),
        initial={key: seen.initial[key] for key in ("semseg", "depth")},
        refined={},
    )
    analysis = Analysis(photo, only, "room.jpg", SIZE)
    found = Fetched(report.page(analysis, networks, []).decode())
    assert found.tags.count("figure") == 1 + 2 and "Failures" not in found.words
    with pytest.raises(InputError, match="does not predict normals"):
        report.numbers(analysis, networks, [])
