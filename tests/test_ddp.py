"""Data parallel training: two gloo processes under torchrun hold the same weights, stop together, resume."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from mtcp.training import read_log

pytestmark = pytest.mark.slow
WORKER = Path(__file__).with_name("ddp_worker.py")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the worker's trainings leave."""
    out = tmp_path_factory.mktemp("ddp")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*launcher, str(WORKER), str(out)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return out


def ranks(runs: Path, name: str, step: int) -> list[dict[str, Any]]:
    return [torch.load(runs / f"{name}-{step}-rank{rank}.pt", weights_only=True) for rank in (0, 1)]


def history(rank: dict[str, Any]) -> list[dict[str, float]]:
    return rank["balancing"]["_extra_state"]["history"]


@pytest.mark.parametrize(("name", "step"), [("whole", 4), ("halves", 3), ("halves", 4), ("learned", 2)])
def test_ranks_hold_the_same_weights_and_task_weights(runs: Path, name: str, step: int) -> None:
    one, other = ranks(runs, name, step)
    for key, parameter in one["parameters"].items():
        assert torch.equal(parameter, other["parameters"][key]), key
    assert one["weights"] == other["weights"]
    assert set(one["weights"].values()) != {1.0}
    assert history(one) == history(other)
    assert len(history(one)) == step // 2


def test_a_stop_that_one_rank_hears_resumes_to_the_same_end(runs: Path) -> None:
    unbroken, resumed = ranks(runs, "whole", 4)[0], ranks(runs, "halves", 4)[0]
    for one, other in zip(history(unbroken), history(resumed), strict=True):
        assert one == pytest.approx(other, rel=1e-6)
    for key, parameter in unbroken["parameters"].items():
        torch.testing.assert_close(parameter, resumed["parameters"][key])


def test_one_rank_writes_the_log(runs: Path) -> None:
    entries = list(read_log(runs / "halves" / "log.jsonl"))
    assert [entry["epoch"] for entry in entries if entry["kind"] == "epoch"] == [0, 1]
    assert [entry["step"] for entry in entries if entry["kind"] == "step"] == [1, 2, 3, 4]


def test_learned_task_weights_move_together(runs: Path) -> None:
    one, other = (rank["balancing"]["log_variance"] for rank in ranks(runs, "learned", 2))
    assert torch.equal(one, other)
    assert one.abs().min() > 0


@pytest.mark.parametrize("name", ["gradnorm", "mgda"])
def test_ranks_agree_on_weights_made_of_their_gradients(runs: Path, name: str) -> None:
    """As they are made of the mean gradients."""
    one, other = ranks(runs, name, 2)
    assert one["weights"] == other["weights"]
    for key, gradient in one["gradients"].items():
        assert torch.equal(gradient, other["gradients"][key]), key
    for key, value in one["balancing"].items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, other["balancing"][key])


def test_one_rank_logs_the_gradients_of_all(runs: Path) -> None:
    """The losses' gradients at the first step do not depend on the strategy, so neither may the comparison."""
    plain, *others = (
        [entry for entry in read_log(runs / name / "log.jsonl") if entry["kind"] == "gradients"]
        for name in ("uniform", "gradnorm", "mgda")
    )
    assert [entry["step"] for entry in plain] == [1]
    for other in others:
        assert [entry["step"] for entry in other] == [1, 2]
        assert other[0]["cosine"] == pytest.approx(plain[0]["cosine"], rel=1e-3, abs=1e-5)
        assert other[0]["norm"] == pytest.approx(plain[0]["norm"], rel=1e-3)


def test_several_backward_passes_give_the_gradients_of_one(runs: Path) -> None:
    one, other = (rank["gradients"] for rank in ranks(runs, "piecewise", 1))
    plain = ranks(runs, "uniform", 1)[0]["gradients"]
    for key, gradient in one.items():
        assert torch.equal(gradient, other[key]), key
        torch.testing.assert_close(gradient, plain[key], rtol=1e-3, atol=1e-5)
