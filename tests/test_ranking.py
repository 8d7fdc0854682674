"""Rows of numbers: from reports, ranked, and as CSV."""

from __future__ import annotations

import csv
import io
import math

import pytest
from fake_predictor import room

from mtcp.evaluation.ground_truth import Truth, errors
from mtcp.evaluation.ranking import (
    TriageRow,
    error_numbers,
    error_quantities,
    failure_counts,
    improved,
    mean,
    ranked,
    stage_numbers,
    to_csv,
)
from mtcp.geometry.camera import Camera
from mtcp.geometry.coherence import coherence
from mtcp.geometry.quantities import COHERENCE, Quantity, coherence_numbers
from mtcp.geometry.report import STATUSES
from mtcp.tasks import task_set

ANGLE = Quantity("angle_deg", "Angle", "deg", higher_is_better=False)
SHARE = Quantity("share_pct", "Share", "%", higher_is_better=True)
TASKS = task_set("nyud", ("semseg", "depth", "normals"))
H, W = 48, 64


def rows_of(*pairs: tuple[float | None, float | None]) -> list[TriageRow]:
    return [
        TriageRow(
            f"{i}.jpg", {"angle_deg": before, "share_pct": before}, {"angle_deg": after, "share_pct": after}
        )
        for i, (before, after) in enumerate(pairs)
    ]


def test_every_number_of_the_report_is_there() -> None:
    report = coherence(room(H, W, 0.2, 3.0), room(H, W, 0.3, 3.5), Camera.from_fov(W, H))
    initial, refined = stage_numbers(report)
    assert list(initial) == list(refined) == [quantity.key for quantity in COHERENCE]
    assert coherence_numbers(report.initial) == initial
    assert set(failure_counts(report)) == {f"failures_{status}" for status in STATUSES}
    assert sum(failure_counts(report).values()) == len(report.failures)


def test_without_a_report_or_trace_back_there_is_less() -> None:
    assert stage_numbers(None) == ({}, {})
    assert failure_counts(None) == {}
    report = coherence(room(H, W, 0.2, 3.0), None, Camera.from_fov(W, H))
    assert stage_numbers(report)[1] == {}
    row = TriageRow("a", {"angle_deg": 4.0})
    assert row.value("angle_deg", "refined") == 4.0
    assert row.value("angle_deg", "change") is None


def test_errors_have_the_keys_of_their_quantities() -> None:
    truth = Truth(room(H, W, 0.2, 3.0), Camera.from_fov(W, H), "made")
    found = error_numbers(errors(room(H, W, 0.3, 3.5), truth, TASKS))
    assert list(found) == [quantity.key for quantity in error_quantities(TASKS)]
    assert found["depth_rmse_m"] > 0.1
    assert found["semseg_pixel_acc_pct"] < 100


def test_the_worst_come_first_and_the_unknown_last() -> None:
    rows = rows_of((5, 10), (5, None), (20, 30), (50, math.nan), (90, 20))
    assert ranked(rows, ANGLE) == [2, 4, 0, 1, 3]
    assert ranked(rows, SHARE) == [0, 4, 2, 1, 3]
    assert ranked(rows, ANGLE, "initial") == [4, 3, 2, 0, 1]
    assert ranked(rows, ANGLE, "change") == [2, 0, 4, 1, 3]
    assert ranked(rows, SHARE, "change") == [4, 0, 2, 1, 3]
    assert ranked([], ANGLE) == []


def test_means_and_improvements_are_over_what_is_known() -> None:
    rows = [*rows_of((10, 4), (10, 12), (30, None)), TriageRow("bad.jpg", problem="no picture")]
    assert mean(rows, "angle_deg", "initial") == pytest.approx(50 / 3)
    assert mean(rows, "angle_deg", "refined") == 8
    assert mean([], "angle_deg", "refined") is None
    assert improved(rows, ANGLE) == (1, 2)
    assert improved(rows, SHARE) == (1, 2)


def test_csv_has_every_number_and_says_what_went_wrong() -> None:
    row = TriageRow(
        "a.jpg", {"angle_deg": 1.25}, {"angle_deg": -2.0}, {"width_px": 640, "camera_from": "exif"}
    )
    bad = TriageRow("b, c.jpg", problem="b, c.jpg: not a picture")
    read = list(csv.DictReader(io.StringIO(to_csv([row, bad], [ANGLE, SHARE]))))
    assert read[0] == {
        "rank": "1",
        "file": "a.jpg",
        "width_px": "640",
        "camera_from": "exif",
        "initial_angle_deg": "1.2500",
        "refined_angle_deg": "-2.0000",
        "initial_share_pct": "",
        "refined_share_pct": "",
        "problem": "",
    }
    assert read[1]["file"] == "b, c.jpg"
    assert read[1]["problem"] == "b, c.jpg: not a picture"
    assert read[1]["width_px"] == read[1]["initial_angle_deg"] == ""


@pytest.mark.parametrize("name", ["=1+1.jpg", "+a", "-a", "@SUM(A1)", "\t=1", "  =1", "\n=1", "|cmd", "%0A"])
def test_csv_never_starts_a_formula(name: str) -> None:
    read = list(csv.DictReader(io.StringIO(to_csv([TriageRow(name, problem=name)], [ANGLE]), newline="")))
    assert read[0]["file"] == read[0]["problem"] == f"'{name}"
