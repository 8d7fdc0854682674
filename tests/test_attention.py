"""`AttentionTrace` and `mtcp.evaluation.attention_stats` against the naive formulas, without a network."""

from __future__ import annotations

import dataclasses
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fake_predictor import FakePredictor
from hypothesis import given, settings
from hypothesis import strategies as st

from mtcp.errors import InputError
from mtcp.evaluation import attention_stats as attention
from mtcp.model import trace as trace_module
from mtcp.model.trace import AttentionTrace

TASK = "depth"


def trace_of(
    grid: tuple[int, int], stride: int, seed: int = 0, spread: float = 1.0, scale: float = 1.0
) -> AttentionTrace:
    """Random attention on `grid`."""
    h, w = grid
    rng = np.random.default_rng(seed)
    queries, keys = (
        {TASK: (spread * rng.normal(size=(4, count))).astype(np.float32)}
        for count in (h * w, -(-h // stride) * -(-w // stride))
    )
    return AttentionTrace(grid, queries, keys, stride, scale)


def naive(trace: AttentionTrace) -> np.ndarray:
    """The entropy of each row, one after the other."""
    h, w = trace.grid
    result = np.empty((h, w))
    for y in range(h):
        for x in range(w):
            row = trace.row(TASK, (x, y)).astype(np.float64)
            result[y, x] = -(row[row > 0] * np.log(row[row > 0])).sum()
    return result


@pytest.mark.parametrize(("grid", "stride"), [((6, 8), 1), ((5, 7), 2), ((7, 4), 3)])
def test_a_row_is_the_softmax_spread_over_the_cells_of_each_key(grid, stride):
    trace = trace_of(grid, stride, scale=0.5)
    logits = 0.5 * trace.queries[TASK].T.astype(np.float64) @ trace.keys[TASK]
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    for x, y in ((0, 0), (3, 2), (grid[1] - 1, grid[0] - 1)):
        row = trace.row(TASK, (x, y))
        assert (row.shape, row.dtype) == (grid, np.float32)
        starts = [np.arange(0, side, stride) for side in grid]
        blocks = np.add.reduceat(np.add.reduceat(row, starts[0], 0), starts[1], 1)
        assert blocks.ravel() == pytest.approx(shares[y * grid[1] + x], abs=1e-6)
        assert np.ptp(row[:stride, :stride]) == 0  # evenly
    with pytest.raises(InputError, match=f"column={grid[1]}, row=0"):
        trace.row(TASK, (grid[1], 0))


def test_a_trace_unpickles_without_torch(tmp_path):
    kept = tmp_path / "trace"
    kept.write_bytes(pickle.dumps(trace_of((5, 7), 2)))
    code = (
        "import pickle, sys; t = pickle.load(open(sys.argv[1], 'rb')); print(t.kind, 'torch' in sys.modules)"
    )
    root = Path(__file__).parents[1]
    ran = subprocess.run(
        [sys.executable, "-c", code, kept], cwd=root, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "attention False\n"


@pytest.mark.parametrize(("grid", "stride"), [((6, 8), 1), ((5, 7), 2), ((7, 4), 3), ((6, 8), 2)])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_entropy_is_that_of_the_affinity_rows(grid, stride, scale):
    trace = trace_of(grid, stride, scale=scale)
    found = trace.entropy(TASK)
    assert found.dtype == np.float32
    assert found == pytest.approx(naive(trace), abs=2e-5)


def test_entropy_does_not_depend_on_the_chunks(monkeypatch):
    trace = trace_of((5, 7), 2)
    full = trace.entropy(TASK)
    monkeypatch.setattr(trace_module, "CHUNK_VALUES", 30)  # two rows at a time
    assert trace.entropy(TASK) == pytest.approx(full, abs=1e-6)


def test_very_peaked_rows_have_the_entropy_of_one_key():
    trace = trace_of((5, 7), 2, spread=60.0)
    found = trace.entropy(TASK)
    assert found == pytest.approx(naive(trace), abs=1e-4)
    assert found.min() >= 0
    assert np.median(np.exp(found)) <= 4.01  # a key stands for at most four cells


def test_rows_without_preference_attend_to_every_key():
    trace = trace_of((6, 8), 2, spread=0.0)
    assert attention.effective_cells(trace.entropy(TASK)) == pytest.approx(48, rel=1e-5)


def test_every_second_row_is_the_middle_of_its_block():
    trace = trace_of((5, 7), 2)
    full, sparse = trace.entropy(TASK), trace.entropy(TASK, every=3)
    assert sparse.shape == (2, 3)
    assert sparse == pytest.approx(full[[1, 3]][:, [1, 4, 6]], abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    h=st.integers(1, 9),
    w=st.integers(1, 9),
    stride=st.integers(1, 3),
    seed=st.integers(0, 99),
    spread=st.floats(0, 20),
)
def test_bounds_hold_for_any_grid(h, w, stride, seed, spread):
    trace = trace_of((h, w), stride, seed, spread)
    nats = trace.entropy(TASK)
    assert nats.shape == (h, w)
    assert (nats >= 0).all()
    assert (nats <= np.log(h * w) + 1e-5).all()
    assert trace.cells_per_key().sum() == h * w
    row = trace.row(TASK, (w - 1, h - 1))
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
    without = FakePredictor(cfm=False)(photo)
    assert without.attention is None
    with pytest.raises(InputError, match="no part in which pixels attend"):
        without.affinity(TASK, 0, 0)
    trace = trace_of((5, 7), 2)
    for of in (
        lambda: trace.entropy("smell"),
        lambda: trace.row("smell", (0, 0)),
        lambda: trace.entropy_work("smell"),
    ):
        with pytest.raises(InputError, match="'smell' attends to nothing: the tasks that do are depth"):
            of()
    with pytest.raises(InputError, match="every=0"):
        trace.entropy(TASK, every=0)
    with pytest.raises(InputError, match="query_gate=False"):
        attention.strongest_queries(FakePredictor(query_gate=False)(photo), 0, 0)
