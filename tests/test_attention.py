"""`mtcp.evaluation.attention_stats` against the naive formulas, on small predictions without a network."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from fake_predictor import FakePredictor
from hypothesis import given, settings
from hypothesis import strategies as st

from mtcp.errors import InputError
from mtcp.evaluation import attention_stats as attention
from mtcp.inference.prediction import Prediction

TASK = "depth"


def prediction_of(
    grid: tuple[int, int], stride: int, seed: int = 0, spread: float = 1.0, scale: float = 1.0
) -> Prediction:
    """A fake prediction with random attention on `grid`."""
    h, w = grid
    kv_grid = (-(-h // stride), -(-w // stride))
    rng = np.random.default_rng(seed)
    base = FakePredictor()(np.full((4 * h, 4 * w, 3), 9, np.uint8))
    return dataclasses.replace(
        base,
        grid=grid,
        network_size=(4 * h, 4 * w),
        kv_grid=kv_grid,
        kv_stride=stride,
        affinity_scale=scale,
        theta={TASK: (spread * rng.normal(size=(4, h * w))).astype(np.float32)},
        phi={TASK: (spread * rng.normal(size=(4, kv_grid[0] * kv_grid[1]))).astype(np.float32)},
    )


def naive(prediction: Prediction) -> np.ndarray:
    """The entropy of `affinity`, one row after the other."""
    h, w = prediction.grid
    result = np.empty((h, w))
    for y in range(h):
        for x in range(w):
            row = prediction.affinity(TASK, 4 * x + 1, 4 * y + 1).astype(np.float64)
            result[y, x] = -(row[row > 0] * np.log(row[row > 0])).sum()
    return result


@pytest.mark.parametrize(("grid", "stride"), [((6, 8), 1), ((5, 7), 2), ((7, 4), 3), ((6, 8), 2)])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_entropy_is_that_of_the_affinity_rows(grid, stride, scale):
    prediction = prediction_of(grid, stride, scale=scale)
    found = attention.entropy(prediction, TASK)
    assert found.dtype == np.float32
    assert found == pytest.approx(naive(prediction), abs=2e-5)


def test_entropy_does_not_depend_on_the_chunks(monkeypatch):
    prediction = prediction_of((5, 7), 2)
    whole = attention.entropy(prediction, TASK)
    monkeypatch.setattr(attention, "CHUNK_VALUES", 30)  # two rows at a time
    assert attention.entropy(prediction, TASK) == pytest.approx(whole, abs=1e-6)


def test_very_peaked_rows_have_the_entropy_of_one_key():
    prediction = prediction_of((5, 7), 2, spread=60.0)
    found = attention.entropy(prediction, TASK)
    assert found == pytest.approx(naive(prediction), abs=1e-4)
    assert found.min() >= 0
    assert np.median(np.exp(found)) <= 4.01  # a key stands for at most four cells


def test_rows_without_preference_attend_to_every_key():
    prediction = prediction_of((6, 8), 2, spread=0.0)
    assert attention.effective_cells(attention.entropy(prediction, TASK)) == pytest.approx(48, rel=1e-5)


def test_every_second_row_is_the_middle_of_its_block():
    prediction = prediction_of((5, 7), 2)
    whole, sparse = attention.entropy(prediction, TASK), attention.entropy(prediction, TASK, every=3)
    assert sparse.shape == (2, 3)
    assert sparse == pytest.approx(whole[[1, 3]][:, [1, 4, 6]], abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    h=st.integers(1, 9),
    w=st.integers(1, 9),
    stride=st.integers(1, 3),
    seed=st.integers(0, 99),
    spread=st.floats(0, 20),
)
def test_bounds_hold_for_any_grid(h, w, stride, seed, spread):
    prediction = prediction_of((h, w), stride, seed, spread)
    nats = attention.entropy(prediction, TASK)
    assert nats.shape == (h, w)
    assert (nats >= 0).all()
    assert (nats <= np.log(h * w) + 1e-5).all()
    assert attention.cells_per_key(prediction).sum() == h * w
    row = prediction.affinity(TASK, 4 * w - 1, 4 * h - 1)
    assert row.sum() == pytest.approx(1, abs=1e-5)
    assert attention.row_entropy(row) == pytest.approx(float(nats[-1, -1]), abs=1e-4)
    rings = attention.mass_by_distance(row, (w - 1, h - 1))
    assert rings.mass.sum() == pytest.approx(1, abs=1e-5)
    assert rings.uniform.sum() == pytest.approx(1)
    labels = np.random.default_rng(seed).integers(0, 4, (h, w), np.uint8)
    shares = attention.mass_by_class(row, labels)
    assert np.sum(list(shares.values()), axis=0) == pytest.approx((1, 1), abs=1e-5)


def test_mass_by_class_by_hand():
    row = np.array([[0.5, 0.1], [0.1, 0.3]], np.float32)
    found = attention.mass_by_class(row, np.array([[7, 7], [2, 255]], np.uint8))
    assert list(found) == [7, 255, 2]
    assert found[7] == pytest.approx((0.6, 0.5))
    assert found[2] == pytest.approx((0.1, 0.25))
    with pytest.raises(InputError, match="labels of shape"):
        attention.mass_by_class(row, np.zeros((4, 4), np.uint8))


def test_mass_by_distance_by_hand():
    row = np.zeros((3, 4), np.float32)  # the diagonal is five cells long
    row[1, 0], row[1, 1], row[2, 3] = 0.5, 0.3, 0.2
    rings = attention.mass_by_distance(row, (0, 1), edges=(0, 0.1, 0.25, 1))
    assert rings.far == pytest.approx((0.1, 0.25, 1))
    assert rings.mass == pytest.approx((0.5, 0.3, 0.2))  # distances 0, 1 and sqrt(10) of 5
    assert rings.uniform == pytest.approx((1 / 12, 3 / 12, 8 / 12))
    middle = attention.mass_by_distance(np.full((9, 9), 1 / 81, np.float32), (4, 4))
    assert middle.far.max() == pytest.approx(0.5)
    assert middle.mass == pytest.approx(middle.uniform)


@pytest.mark.parametrize("edges", [(0, 0.5), (0.1, 1), (0, 0.6, 0.6, 1), (1,)])
def test_edges_that_leave_something_out_are_refused(edges):
    with pytest.raises(InputError, match="edges"):
        attention.mass_by_distance(np.ones((2, 2)) / 4, (0, 0), edges)


def test_cells_outside_the_grid_are_refused():
    with pytest.raises(InputError, match=r"column=2, row=0.*2 x 3"):
        attention.mass_by_distance(np.ones((3, 2)) / 6, (2, 0))


def test_strongest_queries_are_sorted_by_their_logit_at_the_probe():
    prediction = FakePredictor()(np.full((48, 64, 3), 9, np.uint8))
    found = attention.strongest_queries(prediction, 40, 20, k=3)
    at = prediction.masks[:, 5, 10]
    assert [query.logit for query in found] == pytest.approx(sorted(at.tolist(), reverse=True)[:3])
    assert all(query.logit == at[query.index] == query.mask[5, 10] for query in found)
    assert len(attention.strongest_queries(prediction, 0, 0, k=99)) == len(prediction.masks)
    with pytest.raises(InputError, match="k=0"):
        attention.strongest_queries(prediction, 0, 0, k=0)


def test_labels_of_cells_are_those_at_their_centres():
    prediction = FakePredictor()(np.full((96, 128, 3), 9, np.uint8))  # a cell covers 8 x 8 pixels
    labels = (np.arange(96)[:, None] // 8 * 16 + np.arange(128) // 8).astype(np.uint8)
    assert (attention.labels_of_cells(prediction, labels) == np.arange(192).reshape(12, 16)).all()


def test_labels_of_cells_where_the_last_cell_is_cut():
    prediction = dataclasses.replace(
        FakePredictor()(np.full((46, 61, 3), 9, np.uint8)), network_size=(46, 61), grid=(12, 16)
    )
    labels = np.arange(61, dtype=np.uint8)[None].repeat(46, axis=0)
    found = attention.labels_of_cells(prediction, labels)
    assert found.shape == (12, 16)
    assert found[0, :2].tolist() == [2, 6]
    assert found[-1, -1] == 60


def test_networks_without_the_part_are_told_apart():
    photo = np.full((48, 64, 3), 9, np.uint8)
    with pytest.raises(InputError, match="cfm=False"):
        attention.entropy(FakePredictor(cfm=False)(photo), TASK)
    with pytest.raises(InputError, match="unknown task 'smell'"):
        attention.entropy(FakePredictor()(photo), "smell")
    with pytest.raises(InputError, match="every=0"):
        attention.entropy(FakePredictor()(photo), TASK, every=0)
    with pytest.raises(InputError, match="query_gate=False"):
        attention.strongest_queries(FakePredictor(query_gate=False)(photo), 0, 0)
