"""The list of coherence quantities: read from a report, and the same in every place that shows them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_predictor import FakePredictor
from torch.nn.functional import one_hot

from app.session import Analysis
from app.sides import ONE
from app.views import score_lines, scoreboard, triage
from mtcp.ablation.grid import DEFAULT
from mtcp.ablation.records import read_records
from mtcp.ablation.report import marks, tables
from mtcp.batch import table as batch_table
from mtcp.cli import coherence as cli
from mtcp.evaluation.coherence_means import CoherenceMeans
from mtcp.evaluation.metric_table import HIGHER_IS_BETTER, UNITS, table
from mtcp.evaluation.ranking import to_csv
from mtcp.geometry.coherence import NOISE_FLOOR
from mtcp.geometry.quantities import (
    BY_KEY,
    COHERENCE,
    FORMER_COLUMNS,
    FORMER_KEYS,
    OF_PHOTO,
    RANKED,
    RANKED_BY_KEY,
    CoherenceQuantity,
    coherence_numbers,
)
from mtcp.geometry.report import STATUSES, Coherence, plain
from mtcp.tasks import task_set

DOCS = Path(__file__).parents[1] / "docs"
KEYS = [one.key for one in COHERENCE]


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    photo = np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)
    return Analysis(photo, FakePredictor()(photo), "room.jpg", photo.shape[:2])


@pytest.fixture(scope="module")
def report(analysis: Analysis) -> Coherence:
    assert analysis.coherence is not None
    return analysis.coherence


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


# The list itself


def test_each_has_its_own_key_words_and_place() -> None:
    for part in ("key", "title", "short", "path"):
        assert len({getattr(one, part) for one in COHERENCE}) == len(COHERENCE)
    for one in COHERENCE:
        assert one.key.endswith({"deg": "_deg", "%": "_pct", "cm": "_cm"}[one.unit])
        assert (one.title + one.short).isascii()  # for any terminal
        assert one.higher_is_better == (one.unit == "%")  # here shares are of what agrees
        assert one.meaning.endswith(".")
        assert one.floor is None or set(one.floor) <= NOISE_FLOOR.keys()


@pytest.mark.parametrize("quantity", COHERENCE, ids=KEYS)
def test_each_is_read_from_a_report_and_from_its_json(report: Coherence, quantity: CoherenceQuantity) -> None:
    for stage in (report.initial, report.refined):
        assert stage is not None
        inner = plain(stage)
        for name in quantity.path.split("."):
            inner = inner[name]
        value = quantity.read(stage)
        assert inner == (None if value is None else pytest.approx(value, abs=1e-4))
        assert (value is None) == bool(quantity.reason(stage))
        assert coherence_numbers(stage)[quantity.key] == value


def test_records_with_former_keys_are_read() -> None:
    for former, key in FORMER_KEYS.items():
        assert former not in KEYS
        assert BY_KEY[former] is BY_KEY[key]
        assert BY_KEY[key].find({former: 3.0}) == BY_KEY[key].find({key: 3.0, "other": 1.0}) == 3.0
        assert BY_KEY[key].find({"other": 1.0}) is None
    assert {*FORMER_COLUMNS.values()} <= {f"failures_{status}" for status in STATUSES}


def test_numbers_of_a_photo_are_apart_from_those_of_a_stage() -> None:
    assert len({one.key for one in RANKED}) == len({one.title for one in RANKED}) == len(RANKED)
    for one in OF_PHOTO:
        assert one.title.isascii() and one.meaning.endswith(".")
        assert one.key not in BY_KEY and RANKED_BY_KEY[one.key] is one


# Where they are shown


def test_the_scoreboard_has_each_once(analysis: Analysis) -> None:
    shown = scoreboard.scoreboard(analysis)
    assert sorted(re.findall(r'data-number="(\w+)"', shown)) == sorted(KEYS)
    main, folded = shown.split("<details>")
    for one in COHERENCE:
        assert (f'data-number="{one.key}"' in main) == one.main
        assert (f'data-number="{one.key}"' in folded) != one.main
        assert shown.count(f">{one.title}<") == 1
    for group in {one.group for one in COHERENCE if not one.main}:
        assert folded.count(f">{group}</th>") == 1
    assert score_lines.DETAILS.keys() <= set(KEYS)


def test_triage_csv_and_tables_have_each_once() -> None:
    assert triage.choices() == [(one.title, one.key) for one in RANKED]
    head = to_csv([], RANKED).splitlines()[0].split(",")
    for one in OF_PHOTO:
        assert head.count(one.key) == 1
        assert batch_table.NEWER_REAL[one.key] == one.unit
    for stage in ("initial", "refined"):
        assert [name for name in head if name.startswith(stage)] == [f"{stage}_{key}" for key in KEYS]
        for one in COHERENCE:
            assert batch_table.REAL[f"{stage}_{one.key}"] == one.unit
    assert {name for name in batch_table.WHOLE if name.startswith("failures_")} == {
        f"failures_{status}" for status in STATUSES
    }


def test_the_command_line_has_each_once(report: Coherence) -> None:
    lines = cli.scoreboard(report).splitlines()
    titles = [line[: cli.WIDTH].strip() for line in lines]
    for one in COHERENCE:
        assert titles.count(f"{one.short} ({one.unit})") == 1


def test_evaluate_takes_the_means_of_what_a_report_has(analysis: Analysis, report: Coherence) -> None:
    prediction = analysis.prediction
    means = CoherenceMeans(task_set("nyud", prediction.tasks))
    camera = prediction.camera
    maps = {
        "depth": torch.from_numpy(prediction.initial["depth"])[None, None],
        "normals": torch.from_numpy(prediction.initial["normals"]).permute(2, 0, 1)[None],
        "semseg": one_hot(torch.from_numpy(prediction.initial["semseg"]).long(), 40).permute(2, 0, 1)[None],
    }
    means.update(maps, torch.tensor([camera.fx, camera.fy, camera.cx, camera.cy]))
    for one in COHERENCE:
        wanted = one.read(report.initial)
        assert means.compute()[one.key] == pytest.approx(
            np.nan if wanted is None else wanted, nan_ok=True, rel=1e-3
        )


def test_evaluate_has_each_once_with_its_unit_and_direction() -> None:
    means = CoherenceMeans(task_set("nyud", ("depth", "normals")))
    assert list(means.compute()) == KEYS
    for keys in (KEYS, list(FORMER_KEYS)):
        numbers = {
            stage: {"coherence": dict.fromkeys(keys, v)} for stage, v in (("initial", 1.0), ("refined", 2.0))
        }
        lines = [re.sub(r"\s{2,}", "|", line) for line in table(numbers).splitlines()[2:]]
        for key, line in zip(keys, lines, strict=True):
            one = BY_KEY[key]
            direction = "higher" if one.higher_is_better else "lower"
            assert line.endswith(
                f"|{one.short} [{one.unit}]|{direction} is better|1.0|2.0|+1.0|"
                + ("better" if one.higher_is_better else "worse")
            )
            assert (UNITS[key], HIGHER_IS_BETTER[key]) == (one.unit, one.higher_is_better)


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ("results.md", DEFAULT),
        ("results.md", "gate"),
        ("systems.md", "systems"),
        ("training.md", "balancing"),
    ],
)
def test_an_ablations_table_is_what_its_records_say(document: str, name: str) -> None:
    begin, end = marks(name)
    text = (DOCS / document).read_text(encoding="utf-8")
    committed = text.partition(begin)[2].partition(end)[0].strip()
    made = tables(read_records(DOCS if name == DEFAULT else DOCS / name))
    assert made == committed
    head = next(line for line in made.splitlines() if "discontinuities" in line)
    arrows = {True: "up", False: "down"}
    assert cells(head)[2:] == [
        f"{one.short} [{one.unit}] {arrows[one.higher_is_better]}" for one in COHERENCE if one.main
    ]


def test_the_document_has_each_once_with_unit_and_direction() -> None:
    lines = (DOCS / "coherence.md").read_text(encoding="utf-8").splitlines()
    rows = [cells(line) for line in lines if line.startswith("| ")]
    for one in RANKED:
        direction = "higher" if one.higher_is_better else "lower"
        assert rows.count([one.title, f"`{one.key}`", one.unit, direction]) == 1


@pytest.mark.parametrize("value", [12.345, 0.04, 99.96])
def test_a_number_has_the_same_digits_on_the_page_and_in_the_terminal(value: float) -> None:
    for one in COHERENCE:
        page = triage.number(value, one.unit).rstrip("°%cm ")
        numbers = {"initial": {"coherence": {one.key: value}}}
        assert page == cli._cell(value, one).strip() == table(numbers).splitlines()[-1].split()[-3]


def test_the_words_for_failures_are_the_same_in_report_and_page() -> None:
    assert tuple(ONE.statuses) == tuple(ONE.meanings) == STATUSES
    document = (DOCS / "coherence.md").read_text(encoding="utf-8")
    assert all(f"{status}: " in document for status in STATUSES)
