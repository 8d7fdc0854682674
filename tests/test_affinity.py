"""Which tasks are alike, against what can be counted by hand, and the branching that follows from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_training import tiny_config

from mtcp import data
from mtcp.__main__ import main
from mtcp.checkpoint.store import save_checkpoint
from mtcp.errors import InputError
from mtcp.evaluation.affinity import (
    _block_means,
    affinity,
    cell_errors,
    greedy_branching,
    partitions,
    unlikeness,
)
from mtcp.model import MTCP
from mtcp.model.encoder.options import branching, branching_text
from mtcp.presets import preset

TASKS = ("semseg", "depth", "normals")
ALIKE = np.array([[1, 0.5, 0.9], [0.5, 1, 0.5], [0.9, 0.5, 1]])  # semseg and normals


def frame(seed: int) -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(seed)
    normals = rng.normal(size=(3, 60, 80)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=0)
    return {
        "image": torch.from_numpy(rng.integers(0, 256, (3, 60, 80), dtype=np.uint8)),
        "semseg": torch.from_numpy(rng.integers(0, 40, (60, 80)).astype(np.uint8)),
        "depth": torch.from_numpy(rng.uniform(1, 5, (60, 80)).astype(np.float32)),
        "normals": torch.from_numpy(normals),
        "camera": torch.tensor([70.0, 70.0, 40.0, 30.0]),
    }


def network() -> MTCP:
    torch.manual_seed(0)
    return MTCP(
        preset("plain", backbone="test_efficientnet", width=8, query_heads=2, height=64, image_width=96)
    ).eval()


def test_blocks_are_means_of_what_is_known() -> None:
    values = np.array([[1, 3, np.nan, np.nan], [5, np.nan, np.nan, np.nan], [2, 4, 6, 8]], np.float32)
    assert np.array_equal(_block_means(values, (1, 2)), np.float32([3, 7]))
    # three rows in two: the first block has one
    assert np.array_equal(_block_means(values, (2, 2)), np.float32([2, np.nan, 11 / 3, 7]), equal_nan=True)


def test_tasks_that_find_the_same_hard_are_alike() -> None:
    errors = np.array(
        [[1, 10, 0.0], [2, 20, 0], [3, 0, 0], [6, 90, 8]]
    )  # means 3, 30, 2: hard in the last alone
    assert np.array_equal(affinity(errors), np.ones((3, 3)))
    errors[0, 0] = 100  # now hard for the first task, and its mean so large that the others are easy
    assert affinity(errors)[0].tolist() == [1, 0.5, 0.5]


def test_a_pair_that_is_alike_parts_last() -> None:
    """From the last stage on: three branches cost 2, the pair and depth 1 + 8 x 0.05 = 1.4, all together 8 x 0.4 = 3.2
    or more. One stage down the pair and depth cost 2, together more; two down 4, together less.
    """
    tree = greedy_branching(ALIKE, TASKS, 8)
    joint, parted = (TASKS,), (("semseg", "normals"), ("depth",))
    assert tree == (joint, joint, parted, parted)


@pytest.mark.parametrize(("alpha", "groups"), [(0, [1, 1, 1, 1]), (1e6, [3, 3, 3, 3])])
def test_alpha_decides_how_much(alpha: float, groups: list[int]) -> None:
    assert [len(level) for level in greedy_branching(ALIKE, TASKS, alpha)] == groups


def test_early_branches_cost_more() -> None:
    """All equally unlike, 0.4: parting costs 2, 4, 8, 16 from the last stage on, staying together 8 x 0.4 = 3.2."""
    alike = np.full((3, 3), 0.6) + 0.4 * np.eye(3)
    assert [len(level) for level in greedy_branching(alike, TASKS, 8)] == [1, 1, 1, 3]
    assert unlikeness(alike, [[0, 1, 2]]) == pytest.approx(0.4)
    assert unlikeness(alike, [[0, 1], [2]]) == pytest.approx(0.2)


def test_partitions_are_all_there() -> None:
    assert [len(list(partitions(list(range(n))))) for n in range(6)] == [1, 1, 2, 5, 15, 52]


@settings(deadline=None)
@given(st.integers(2, 5), st.floats(0, 100), st.integers(0, 2**32 - 1))
def test_what_is_found_is_a_branching(count: int, alpha: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    tasks = tuple("abcde"[:count])
    tree = greedy_branching(affinity(rng.random((20, count))), tasks, alpha)
    assert branching(branching_text(tree), tasks, tasks) == tree


def test_errors_are_those_of_the_network() -> None:
    """Where a truth is the network's own prediction its error is nothing; unknown cells are left out."""
    model, sample = network(), frame(0)
    from mtcp.evaluation.evaluate import predict_sample

    with torch.no_grad():
        predicted = predict_sample(model, sample["image"], (64, 96))["initial"]
    sample["depth"], sample["semseg"] = (
        predicted["depth"][0, 0] + 0.5,
        predicted["semseg"][0].argmax(0).byte(),
    )
    sample["depth"][:30, :26] = 0  # the first of 2 x 3 cells
    errors = cell_errors(model, [sample])
    assert errors.shape == (5, 3)
    np.testing.assert_allclose(errors[:, :2], np.tile([0, 0.5], (5, 1)), atol=1e-5)
    assert (errors[:, 2] > 30).all()  # against random normals


@pytest.mark.parametrize("lacks", ["normals", None])
def test_data_without_a_truth_are_refused(lacks: str | None) -> None:
    sample = {name: value for name, value in frame(0).items() if name != lacks}
    if lacks is None:
        sample["depth"] = torch.zeros_like(sample["depth"])
    with pytest.raises(InputError, match=f"the data set has no {lacks}" if lacks else "nothing to compare"):
        cell_errors(network(), [sample])


def test_the_verb_prints_a_branching_that_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_checkpoint(tmp_path / "plain.safetensors", network())
    frames = [frame(seed) for seed in range(3)]
    monkeypatch.setattr(data, "open_data", lambda source, split, tasks: frames)
    command = ["branch", "--checkpoint", str(tmp_path / "plain.safetensors"), "--data", "made"]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "share of 18 parts of photos" in said
    text = said.rsplit("--branching ", 1)[1].strip().strip("'")
    assert preset("fafs", branching=text).branching == text
    assert main([*command, "--limit", "1", "--alpha", "0"]) == 0
    said = capsys.readouterr().out
    assert "share of 6 parts" in said
    assert said.strip().endswith("--branching '" + ";".join(["semseg,depth,normals"] * 4) + "'")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--alpha", "-1"], "--alpha -1.0: must be"),
        (["--limit", "0"], "at least 1 frame"),
        ([], "depth alone"),
    ],
)
def test_the_verb_refuses(
    tmp_path: Path, options: list[str], says: str, capsys: pytest.CaptureFixture[Any]
) -> None:
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, MTCP(tiny_config(tasks=("depth",), fusion="none", refinement="none")))
    assert main(["branch", "--checkpoint", str(path), "--data", "none", *options]) == 2
    assert says in capsys.readouterr().err
