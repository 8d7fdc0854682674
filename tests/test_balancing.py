"""Loss balancing: LPS against numbers worked out by hand, and the common interface of all strategies.

Those that look at gradients: test_balancing_gradients.py.
"""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mtcp.errors import InputError
from mtcp.objective.balancing import BALANCERS, lps_weights, make_balancer
from mtcp.objective.options import OPTIONS, BalancingOptions

TASKS = ("semseg", "depth", "normals")
ALL = sorted(BALANCERS)


def losses(semseg: float, depth: float, normals: float) -> dict[str, float]:
    return {"semseg": semseg, "depth": depth, "normals": normals}


def test_first_two_epochs_by_hand() -> None:
    result = lps_weights([losses(2.0, 1.0, 1.0)])
    assert result.weights[0] == losses(1.0, 1.0, 1.0)
    assert result.weights[1] == losses(2.0, 4.0, 4.0)  # l = 4; 4/2, 4/1, 4/1
    assert result.ratios == (None, None)
    assert result.clamped == ((), ())


def test_ratios_by_hand_without_floor() -> None:
    # Loss ratios 0.95, 1.0, 1.05 of equal shares: the sum stays 3, so r = 0.95, 1, 1.05 and rbar = 1.
    # w = 1 + 7.5 (r - 1) = 0.625, 1, 1.375.
    result = lps_weights([losses(1.0, 1.0, 1.0), losses(0.95, 1.0, 1.05)], kappa=7.5)
    assert result.ratios[2] == pytest.approx(losses(0.95, 1.0, 1.05))
    assert result.weights[2] == pytest.approx(losses(0.625, 1.0, 1.375))
    assert result.clamped[2] == ()


def test_sum_of_weights_is_the_sum_of_ratios_not_the_number_of_tasks() -> None:
    # l_t: (2, 1, 1) -> (1, 1, 1). l falls by 3/4, so r = (1/2, 1, 1) / (3/4) = 2/3, 4/3, 4/3; rbar = 10/9.
    # kappa 1.6: w = 10/9 + 1.6 (r - 10/9) = 0.4, 22/15, 22/15.
    result = lps_weights([losses(2.0, 1.0, 1.0), losses(1.0, 1.0, 1.0)], kappa=1.6)
    assert result.weights[2] == pytest.approx(losses(0.4, 22 / 15, 22 / 15))
    assert sum(result.weights[2].values()) == pytest.approx(10 / 3)


def test_floor_by_hand() -> None:
    # r = 0.8, 1, 1.2: w = -0.5, 1, 2.5 before the floor; 0.05, 1, 2.5 after, sum 3.55; rescaled by 3 / 3.55.
    result = lps_weights([losses(1.0, 1.0, 1.0), losses(0.8, 1.0, 1.2)], kappa=7.5)
    factor = 3 / 3.55
    assert result.weights[2] == pytest.approx(losses(0.05 * factor, factor, 2.5 * factor))
    assert result.clamped[2] == ("semseg",)


def test_replay_with_another_kappa() -> None:
    history = [losses(1.0, 1.0, 1.0), losses(0.8, 1.0, 1.2)]
    replay = lps_weights(history, kappa=1.6)
    assert replay.weights[2] == pytest.approx(losses(0.68, 1.0, 1.32))
    assert replay.clamped[2] == ()
    assert lps_weights(history, kappa=1.0).weights[2] == pytest.approx(losses(0.8, 1.0, 1.2))  # w = r
    assert lps_weights(history, kappa=0.0).weights[2] == pytest.approx(losses(1.0, 1.0, 1.0))
    assert replay.weights[:2] == lps_weights(history).weights[:2]


def test_one_task_always_weighs_one() -> None:
    result = lps_weights([{"depth": 0.7}, {"depth": 0.2}, {"depth": 0.9}])
    assert [w["depth"] for w in result.weights] == pytest.approx([1.0, 1.0, 1.0, 1.0])


@given(
    st.lists(st.lists(st.floats(1e-4, 1e3), min_size=4, max_size=4), min_size=2, max_size=5),
    st.floats(0.0, 20.0),
)
def test_weights_keep_sum_and_sign_and_depend_on_the_past_only(rows: list[list[float]], kappa: float) -> None:
    history = [dict(zip("abcd", row, strict=True)) for row in rows]
    result = lps_weights(history, kappa)
    assert len(result.weights) == len(result.ratios) == len(result.clamped) == len(history) + 1
    for weights, ratios, clamped in zip(
        result.weights[2:], result.ratios[2:], result.clamped[2:], strict=True
    ):
        assert ratios is not None
        assert math.isclose(sum(weights.values()), sum(ratios.values()), rel_tol=1e-6)
        assert all(w > 0 for w in weights.values())
        assert sorted(weights.values()) == pytest.approx(
            [weights[t] for t in sorted(weights, key=ratios.__getitem__)]
        )
        assert all(weights[task] == min(weights.values()) for task in clamped)
    assert lps_weights(history[:-1], kappa).weights == result.weights[:-1]


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_a_loss_that_cannot_be_divided_by_is_named(bad: float) -> None:
    with pytest.raises(InputError, match="depth in epoch 1"):
        lps_weights([losses(1.0, 1.0, 1.0), losses(1.0, bad, 1.0)])


def test_bad_history_and_options_are_refused() -> None:
    with pytest.raises(InputError, match="epoch 1 has tasks semseg"):
        lps_weights([losses(1.0, 1.0, 1.0), {"semseg": 1.0}])
    with pytest.raises(InputError, match="kappa=nan"):
        lps_weights([], kappa=float("nan"))
    with pytest.raises(InputError, match=r"floor=1\.5"):
        lps_weights([], floor=1.5)
    with pytest.raises(InputError, match="kappa=-1"):
        make_balancer("lps", TASKS, kappa=-1)
    for temperature in (0, float("inf")):
        with pytest.raises(InputError, match=f"temperature={temperature}"):
            make_balancer("dwa", TASKS, temperature=temperature)
    with pytest.raises(InputError, match="'rlw': choose one of lps, uniform, uncertainty, dwa"):
        make_balancer("rlw", TASKS)
    with pytest.raises(InputError, match="kappa for balancing 'uniform'"):
        make_balancer("uniform", TASKS, kappa=2)
    with pytest.raises(InputError, match="at least one task"):
        make_balancer("uniform", ())


def tensors(semseg: float, depth: float, normals: float) -> dict[str, torch.Tensor]:
    """Raw losses as leaves that collect a gradient."""
    return {t: torch.tensor(v, requires_grad=True) for t, v in losses(semseg, depth, normals).items()}


def gradients(given: dict[str, torch.Tensor]) -> dict[str, float]:
    return {task: float(value.grad) for task, value in given.items() if value.grad is not None}


FACTORS = {"depth": 2.0, "normals": 4.0}
HAND_CHECKED = {
    # the state an epoch or two have left, w_t, the total of L = 1, 2, 3 with f = 1, 2, 4, and its gradients:
    # sum of w_t f_t log(1 + L_t), so dL_t = w_t f_t / (1 + L_t) ...
    "uniform": (
        [],
        losses(1, 1, 1),
        math.log(2) + 2 * math.log(3) + 4 * math.log(4),
        losses(1 / 2, 2 / 3, 1),
    ),
    # ... LPS after losses 2, 1, 1: 4/2, 4/1, 4/1 ...
    "lps": (
        [losses(2.0, 1.0, 1.0)],
        losses(2, 4, 4),
        2 * math.log(2) + 8 * math.log(3) + 16 * math.log(4),
        losses(2 / 2, 8 / 3, 16 / 4),
    ),
    # ... DWA after ratios of 1: 1 each ...
    "dwa": (
        [losses(1.0, 1.0, 1.0), losses(1.0, 1.0, 1.0)],
        losses(1, 1, 1),
        math.log(2) + 2 * math.log(3) + 4 * math.log(4),
        losses(1 / 2, 2 / 3, 1),
    ),
    # ... DTP after log losses of log 2 for all: k = 1/2, w = log 2 / 4 each ...
    "dtp": (
        [losses(math.log(2), math.log(2), math.log(2))],
        losses(math.log(2) / 4, math.log(2) / 4, math.log(2) / 4),
        math.log(2) / 4 * (math.log(2) + 2 * math.log(3) + 4 * math.log(4)),
        losses(math.log(2) / 8, math.log(2) / 6, math.log(2) / 4),
    ),
    # ... GradNorm before its weights have moved ...
    "gradnorm": (
        [],
        losses(1, 1, 1),
        math.log(2) + 2 * math.log(3) + 4 * math.log(4),
        losses(1 / 2, 2 / 3, 1),
    ),
    # ... and uncertainty with s = 0: sum of f_t L_t, so dL_t = f_t. Not (1 + L)^f - 1, which is 1 + 8 + 255.
    "uncertainty": ([], losses(1, 1, 1), 1 + 2 * 2 + 4 * 3, losses(1, 2, 4)),
}


@pytest.mark.parametrize("name", sorted(HAND_CHECKED))
def test_what_is_minimised_with_factors_by_hand(name: str) -> None:
    history, weights, total, slopes = HAND_CHECKED[name]
    balancer = make_balancer(name, TASKS, FACTORS)
    for epoch in history:
        balancer.end_epoch(epoch)
    given_losses = tensors(1.0, 2.0, 3.0)
    applied = balancer.backward(given_losses, [])
    assert applied.weights == pytest.approx(weights)  # without the factors, which are constant
    assert applied.total == pytest.approx(total, rel=1e-6)
    assert gradients(given_losses) == pytest.approx(slopes, rel=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_factors_of_one_change_nothing(name: str) -> None:
    plain, ones = make_balancer(name, TASKS), make_balancer(name, TASKS, dict.fromkeys(TASKS, 1.0))
    assert ones.total(tensors(1.0, 2.0, 3.0)) == plain.total(tensors(1.0, 2.0, 3.0))


def test_factors_of_other_tasks_or_of_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="names 'edge': the tasks are semseg, depth, normals"):
        make_balancer("uniform", TASKS, {"edge": 2.0})
    with pytest.raises(InputError, match=r"depth=0\.0 is not a finite number > 0"):
        make_balancer("uniform", TASKS, {"depth": 0.0})


def test_every_strategy_has_its_options_and_nothing_else() -> None:
    assert set(BALANCERS) == set(OPTIONS)
    assert {name: kind.Options for name, kind in BALANCERS.items()} == OPTIONS
    every = [field for kind in OPTIONS.values() for field in dataclasses.fields(kind)]
    assert {field.name for field in dataclasses.fields(BalancingOptions)} == {field.name for field in every}
    assert len({field.name for field in every}) == len(every)  # one flag cannot mean two things
    assert all(field.metadata["help"] for field in every)


def test_lps_reports_what_the_pure_function_says() -> None:
    history = [losses(1.0, 1.0, 1.0), losses(0.8, 1.0, 1.2), losses(0.7, 0.9, 1.2)]
    balancer = make_balancer("lps", TASKS, kappa=7.5)
    reports = [balancer.end_epoch(epoch) for epoch in history]
    result = lps_weights(history, 7.5)
    assert [r.weights for r in reports] == list(result.weights[1:])
    assert [tuple(r.record["floor"]) for r in reports] == list(result.clamped[1:])
    assert reports[0].record["ratio"] == dict.fromkeys(TASKS)
    assert reports[2].record["ratio"] == result.ratios[3]
    assert [bool(r.note) for r in reports] == [bool(clamped) for clamped in result.clamped[1:]]


def test_dwa_by_hand() -> None:
    balancer = make_balancer("dwa", TASKS)
    assert balancer.end_epoch(losses(1.0, 1.0, 1.0)).weights == losses(1.0, 1.0, 1.0)
    report = balancer.end_epoch(losses(0.5, 1.0, 1.5))
    powers = [math.exp(0.25), math.exp(0.5), math.exp(0.75)]
    assert report.record["ratio"] == losses(0.5, 1.0, 1.5)
    assert list(report.weights.values()) == pytest.approx([3 * p / sum(powers) for p in powers])


def test_a_temperature_evens_dwa_out_by_hand() -> None:
    # Ratios 1 and 2 at temperature 1: softmax gives 1 / (1 + e) and e / (1 + e), twice that for two tasks.
    balancer = make_balancer("dwa", TASKS[:2], temperature=1)
    balancer.end_epoch({"semseg": 1.0, "depth": 1.0})
    report = balancer.end_epoch({"semseg": 1.0, "depth": 2.0})
    assert list(report.weights.values()) == pytest.approx([2 / (1 + math.e), 2 * math.e / (1 + math.e)])


def test_dwa_survives_a_loss_that_explodes() -> None:
    balancer = make_balancer("dwa", TASKS)
    balancer.end_epoch(losses(1e-6, 1.0, 1.0))
    assert balancer.end_epoch(losses(1e6, 1.0, 1.0)).weights == pytest.approx(losses(3.0, 0.0, 0.0))


def test_uncertainty_is_kendalls_formula_on_the_plain_losses() -> None:
    balancer = make_balancer("uncertainty", TASKS)
    (s,) = balancer.parameters()
    with torch.no_grad():
        s.copy_(torch.tensor([0.0, math.log(2), -math.log(4)]))
    given_losses = tensors(1.0, 2.0, 3.0)
    applied = balancer.backward(given_losses, [])
    assert applied.weights == pytest.approx(losses(1.0, 0.5, 4.0))
    assert applied.total == pytest.approx(1 + 0.5 * 2 + 4 * 3 + math.log(2) - math.log(4), rel=1e-5)
    assert s.grad.tolist() == pytest.approx([1 - 1, 1 - 1, 1 - 12], abs=1e-5)
    assert gradients(given_losses) == pytest.approx(losses(1.0, 0.5, 4.0), rel=1e-5)


def test_uncertainty_takes_a_factor_for_a_larger_loss() -> None:
    """f L in the likelihood's place of L: the minimum over s is at s = log(f L)."""
    balancer = make_balancer("uncertainty", TASKS, FACTORS)
    (s,) = balancer.parameters()
    with torch.no_grad():
        s.copy_(torch.tensor([1.0, 2 * 2.0, 4 * 3.0]).log())
    balancer.backward(tensors(1.0, 2.0, 3.0), [])
    assert s.grad.tolist() == pytest.approx([0.0] * 3, abs=1e-6)


def test_uncertainty_learns_the_inverse_of_the_loss() -> None:
    balancer = make_balancer("uncertainty", TASKS)
    optimizer = torch.optim.SGD(balancer.parameters(), lr=0.2)
    for _ in range(300):
        optimizer.zero_grad()
        balancer.backward(tensors(0.5, 1.0, 2.0), [])
        optimizer.step()
    assert balancer.end_epoch(losses(0.4, 0.7, 1.1)).weights == pytest.approx(losses(2.0, 1.0, 0.5), rel=1e-3)


@pytest.mark.parametrize("name", ALL)
def test_state_resumes_exactly_and_is_json(name: str) -> None:
    balancer = make_balancer(name, TASKS)
    for parameter in balancer.parameters():
        torch.nn.init.normal_(parameter)
    for epoch in (losses(1.0, 1.0, 1.0), losses(0.8, 1.0, 1.2)):
        balancer.end_epoch(epoch)
    state = balancer.state_dict()
    state["_extra_state"] = json.loads(json.dumps(state["_extra_state"]))
    resumed = make_balancer(name, TASKS)
    resumed.load_state_dict(state)
    given_losses = tensors(1.0, 2.0, 3.0)
    assert resumed.total(given_losses) == balancer.total(given_losses)
    assert resumed.end_epoch(losses(0.7, 0.9, 1.2)) == balancer.end_epoch(losses(0.7, 0.9, 1.2))


@pytest.mark.parametrize("name", ALL)
def test_wrong_tasks_and_broken_losses_are_refused_and_change_nothing(name: str) -> None:
    balancer = make_balancer(name, TASKS)
    with pytest.raises(InputError, match="balances semseg, depth, normals"):
        balancer.total({"semseg": torch.tensor(1.0)})
    with pytest.raises(InputError, match="balances semseg, depth, normals"):
        balancer.end_epoch({"semseg": 1.0})
    with pytest.raises(InputError, match="depth in epoch 0"):
        balancer.end_epoch(losses(1.0, float("nan"), 1.0))
    assert balancer.history == []
    assert balancer.weights == losses(1.0, 1.0, 1.0)


def test_a_state_of_another_strategy_or_other_tasks_is_refused() -> None:
    state = make_balancer("lps", TASKS).state_dict()
    with pytest.raises(InputError, match="saved balancing is lps"):
        make_balancer("dwa", TASKS).load_state_dict(state)
    with pytest.raises(InputError, match="not lps of semseg, depth"):
        make_balancer("lps", TASKS[:2]).load_state_dict(state)
