"""Numbers side by side, as the page and the command line write them: what is read adds up."""

from __future__ import annotations

import re
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.views import score_lines, triage
from mtcp.cli import coherence as cli
from mtcp.drawing import shown
from mtcp.evaluation import evaluate, metric_table
from mtcp.geometry.quantities import COHERENCE, Quantity
from mtcp.geometry.report import RoomAngle

MINUS = "\N{MINUS SIGN}"
ERROR = Quantity("error_deg", "Error", "deg", False)
QUANTITIES = [*{quantity.unit: quantity for quantity in COHERENCE}.values(), Quantity("x_m", "x", "m", False)]
VALUES = st.floats(0, 1000)
PAIRS = st.tuples(VALUES, VALUES) | VALUES.flatmap(lambda v: st.tuples(st.just(v), st.floats(v, v + 0.2)))
"""Any two numbers; and two that differ by little, where rounding decides."""


def read(text: str) -> Decimal:
    """The number that a person reads."""
    found = re.search(r"[+-]?\d+(\.\d+)?", text.replace("\N{MINUS SIGN}", "-"))
    assert found, text
    return Decimal(found[0])


@given(PAIRS, st.sampled_from(QUANTITIES))
def test_the_page_shows_changes_that_add_up(pair: tuple[float, float], quantity: Quantity) -> None:
    before, after = (read(triage.number(value, quantity.unit)) for value in pair)
    text = triage.change(*pair, quantity)
    assert before + read(text) == after
    assert text.endswith(f" {shown.EQUAL}") == (before == after)
    if before != after:
        assert ("better" in text) == ((after > before) == quantity.higher_is_better)


@given(PAIRS, st.sampled_from(QUANTITIES))
def test_the_command_line_prints_changes_that_add_up(pair: tuple[float, float], quantity: Quantity) -> None:
    before, after = (read(cli._cell(value, quantity)) for value in pair)
    text = cli._change(*pair, quantity).strip()
    assert (Decimal(0) if text == shown.EQUAL else read(text)) == after - before
    assert (text == shown.EQUAL) == (before == after)


@given(PAIRS, st.sampled_from(["miou", "rmse", "mean", "plane_rms_cm", "plane_rms"]))
def test_evaluate_prints_changes_that_add_up(pair: tuple[float, float], metric: str) -> None:
    text = metric_table.table(
        {stage: {"task": {metric: v}} for stage, v in zip(evaluate.STAGES, pair, strict=True)}
    )
    before, after, change, *word = text.splitlines()[-1].partition(" is better")[2].split()
    assert (Decimal(0) if change == shown.EQUAL else read(change)) == read(after) - read(before)
    assert bool(word) == (read(after) != read(before))


@given(st.lists(st.floats(0, 180), min_size=1, max_size=4), st.sampled_from([90.0, 180.0]))
def test_angles_fit_the_distance_that_stands_above_them(angles: list[float], ideal: float) -> None:
    """The mean distance lies between those of the smallest and the largest angle, or below where the ideal is
    between them; of one angle it is the distance."""
    away = np.abs(np.array(angles) - ideal)
    error = float(np.clip(away.mean(), away.min(), away.max()))  # a sum of floats may be off by its last bit
    extremes = (min(angles), max(angles))
    text = score_lines.found(
        RoomAngle(ideal, None, None, None, error, len(angles), None, None, extremes), extremes
    )
    above = read(triage.number(error, "deg"))
    ends = [Decimal(value) for value in re.findall(r"\d+\.\d", text)]
    off = sorted(abs(end - Decimal(ideal)) for end in ends)
    assert above <= off[-1]
    if len(angles) == 1:
        assert above == off[0]
        assert "walls" not in text
    elif not ends[0] <= Decimal(ideal) <= ends[-1]:
        assert above >= off[0]


def test_numbers_that_once_contradicted_each_other() -> None:
    assert triage.change(34.87, 34.94, ERROR) == "0.0° equal"  # 34.9 and 34.9, once +0.1 worse
    walls = RoomAngle(90, None, None, 87.6, 10.0, 3, None, None, (76.2, 99.0))
    assert score_lines.found(walls, walls.depth_range_deg) == "3 walls, 76.2° to 99.0°"
    assert score_lines.found(walls, None) == ""


@pytest.mark.parametrize("pair", [(None, 1.0), (1.0, None), (float("nan"), 1.0), (1.0, float("inf"))])
def test_nothing_is_compared_with_what_is_missing(pair: tuple[float | None, float | None]) -> None:
    assert shown.change(*pair, 1) is None
    assert triage.change(*pair, ERROR) == "&ndash;"


def test_no_minus_stands_before_zero() -> None:
    assert triage.number(-0.01, "deg", sign=True) == "0.0°"
    assert str(shown.rounded(-0.01, 1)) == "0.0"


def test_vectors_are_written_as_numbers_are() -> None:
    assert shown.vector((0.5, -1.0, -0.001)) == f"(0.50, {MINUS}1.00, 0.00)"
    assert shown.vector(np.array([-0.25, 0.0]), 1) == f"({MINUS}0.2, 0.0)"
