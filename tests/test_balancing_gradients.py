"""Strategies that look at gradients, against examples of two tasks worked out by hand."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchjd.autojac import mtl_backward

from mtcp.config import ModelConfig
from mtcp.errors import InputError
from mtcp.model import MTCP
from mtcp.model.encoder.base import Encoded, Encoder
from mtcp.objective.balancing import BALANCERS, Aggregation, Balancer, make_balancer
from mtcp.objective.gradients import TaskGradients, compare
from mtcp.objective.options import BY_GRADIENT
from mtcp.presets import DESIGNS, preset
from mtcp.run_config import train_config_for

TASKS = ("semseg", "depth")
SMALL = {"backbone": "test_efficientnet", "width": 8, "query_heads": 2, "queries": 4, "query_layers": 1}
ALL = sorted(BALANCERS)
AGGREGATIONS = sorted(name for name, kind in BALANCERS.items() if issubclass(kind, Aggregation))
G = ((2.0, 0.0), (-1.0, 1.0))  # gradients that oppose each other; Gramian 4, -2, -2, 2


class TwoParts:
    """A network of one shared parameter x and one of each task, h_t: log(1 + L_t) = g_t x + h_t."""

    def __init__(self, gradients: Sequence[Sequence[float]] = G, x: Sequence[float] = (1.0, 3.0)) -> None:
        self.gradients = torch.tensor(gradients)  # (T, n)
        self.shared = nn.Parameter(torch.tensor(x))  # (n,)
        self.heads = nn.Parameter(torch.zeros(len(gradients)))  # (T,)

    def losses(self, tasks: Sequence[str] = TASKS) -> dict[str, torch.Tensor]:
        logs = self.gradients @ self.shared + self.heads
        return dict(zip(tasks, torch.expm1(logs), strict=True))


# g_1 = (2, 0), g_2 = (-1, 1); the weights of the combined gradient of the shared parameter.
BY_HAND = {
    # The shortest w g_1 + (1 - w) g_2: w = (g_2 - g_1) g_2 / |g_1 - g_2|^2 = 4 / 10; times two tasks.
    "mgda": (0.8, 1.2),
    # g_1 - (g_1 g_2 / |g_2|^2) g_2 = g_1 + g_2, and g_2 + g_1 / 2.
    "pcgrad": (1.5, 2.0),
    # With two tasks each projection is that of PCGrad.
    "upgrad": (1.5, 2.0),
    # g_0 = (1/2, 1/2). g_w g_0 + 0.4 |g_0| |g_w| rises with w: the worst is g_2, 0.4 |g_0| / |g_2| = 0.2; times two.
    "cagrad": (1.0, 1.4),
    # G^-1 (|g_1|, |g_2|) = (1 + 1/sqrt 2, 1 + sqrt 2), over its sum, times two.
    "imtl": (2 * (math.sqrt(2) - 1), 2 * (2 - math.sqrt(2))),
}


def test_every_aggregation_is_checked_by_hand() -> None:
    assert {*BY_HAND, "nash"} == set(AGGREGATIONS)


@pytest.mark.parametrize("name", BY_HAND)
def test_the_combined_gradient_by_hand(name: str) -> None:
    net, balancer = TwoParts(), make_balancer(name, TASKS)
    applied = balancer.backward(net.losses(), [net.shared])
    one, other = BY_HAND[name]
    assert list(applied.weights.values()) == pytest.approx([one, other], rel=1e-3)
    assert net.shared.grad.tolist() == pytest.approx([2 * one - other, other], rel=1e-3)
    assert net.heads.grad.tolist() == pytest.approx([1.0, 1.0])  # each task's own, unweighted
    assert applied.total == pytest.approx(2 * one + 2 * other, rel=1e-3)
    assert balancer.weights == applied.weights == balancer.end_epoch(dict.fromkeys(TASKS, 1.0)).weights


def test_the_bargain_by_hand() -> None:
    """a_t (G a)_t is equal for all: of two tasks a is (1 / |g_1|, 1 / |g_2|) up to scale. The vector is 1 long."""
    net, balancer = TwoParts(((2.0, 0.0), (-1.0, 2.0))), make_balancer("nash", TASKS)
    applied = balancer.backward(net.losses(), [net.shared])
    length = math.hypot(1 - 1 / math.sqrt(5), 2 / math.sqrt(5))
    assert list(applied.weights.values()) == pytest.approx(
        [0.5 / length, 1 / math.sqrt(5) / length], rel=1e-2
    )
    assert float(net.shared.grad.norm()) == pytest.approx(1)
    assert net.heads.grad.tolist() == pytest.approx([1.0, 1.0])


def test_a_bargain_that_cannot_be_struck_leaves_the_weights() -> None:
    """Of equal weights one task gains nothing: the published search divides by that."""
    net, balancer = TwoParts(), make_balancer("nash", TASKS)
    applied = balancer.backward(net.losses(), [net.shared])
    assert list(applied.weights.values()) == pytest.approx([math.sqrt(0.5)] * 2)


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_tasks_that_do_not_conflict_weigh_one(name: str) -> None:
    """As in other strategies; CAGrad goes a share of its own further, and Nash limits the length."""
    net, balancer = TwoParts(((1.0, 0.0), (0.0, 1.0))), make_balancer(name, TASKS)
    applied = balancer.backward(net.losses(), [net.shared])
    wanted = {"cagrad": 1.4, "nash": math.sqrt(0.5)}.get(name, 1.0)
    assert list(applied.weights.values()) == pytest.approx([wanted] * 2, rel=1e-3)


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_a_factor_makes_a_gradient_longer(name: str) -> None:
    """f_t g_t in the place of g_t: the weights of an example with longer gradients, without the factor."""
    with_factor, longer = TwoParts(), TwoParts((G[0], tuple(3 * g for g in G[1])))
    one, other = make_balancer(name, TASKS, {"depth": 3.0}), make_balancer(name, TASKS)
    applied = one.backward(with_factor.losses(), [with_factor.shared])
    assert applied.weights == pytest.approx(
        other.backward(longer.losses(), [longer.shared]).weights, rel=1e-3
    )
    torch.testing.assert_close(with_factor.shared.grad, longer.shared.grad, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", BY_HAND)
def test_short_gradients_get_the_same_weights(name: str) -> None:
    """TorchJD takes a Gramian below 1e-4 for zero; late in training gradients are that short."""
    net = TwoParts(tuple(tuple(1e-4 * g for g in row) for row in G))
    applied = make_balancer(name, TASKS).backward(net.losses(), [net.shared])
    assert list(applied.weights.values()) == pytest.approx(BY_HAND[name], rel=1e-2)


entries = st.floats(-3, 3, width=32)


@settings(deadline=None)
@given(st.lists(st.lists(entries, min_size=4, max_size=4), min_size=3, max_size=3))
def test_upgrad_opposes_no_task_and_mgda_is_shorter_than_any(rows: list[list[float]]) -> None:
    tasks, lengths = ("a", "b", "c"), [math.hypot(*row) for row in rows]
    if min(lengths) < 0.1:
        return
    for name in ("upgrad", "mgda"):
        net = TwoParts(rows, (0.1, 0.2, 0.3, 0.4))
        make_balancer(name, tasks).backward(net.losses(tasks), [net.shared])
        if name == "mgda":
            assert float(net.shared.grad.norm()) / 3 <= min(lengths) * 1.01
        else:  # as far as TorchJD's regularisation of 1e-4 of all lengths lets it
            assert float((net.gradients @ net.shared.grad).min()) > -1e-2 * sum(n * n for n in lengths)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("missing", ["zero gradient", "no gradient"])
def test_a_step_without_one_task(name: str, missing: str) -> None:
    """A loss of exactly 0, since no sample of the batch has a label of the task."""
    three, net = (*TASKS, "normals"), TwoParts()
    balancer, two = make_balancer(name, three), make_balancer(name, TASKS)
    for step in range(2):
        net.shared.grad = net.heads.grad = None
        nothing = 0 * net.shared.sum() if missing == "zero gradient" else torch.tensor(0.0)
        applied = balancer.backward({**net.losses(), "normals": nothing}, [net.shared])
        gradient = net.shared.grad.clone()
        assert math.isfinite(applied.total)
        assert all(math.isfinite(w) for w in applied.weights.values())
        assert gradient.isfinite().all() and net.heads.grad.isfinite().all()
        assert all(p.grad.isfinite().all() for p in balancer.parameters())
        if name in AGGREGATIONS:  # the others are weighed as if it did not exist
            assert applied.weights["normals"] == 0
            net.shared.grad = net.heads.grad = None
            assert two.backward(net.losses(), [net.shared]).weights == {
                t: applied.weights[t] for t in TASKS
            }, step


@pytest.mark.parametrize("name", ["gradnorm", *AGGREGATIONS])
def test_a_step_without_any_task_changes_nothing(name: str) -> None:
    net, balancer = TwoParts(), make_balancer(name, TASKS)
    balancer.backward({task: 0 * net.shared.sum() for task in TASKS}, [net.shared])
    assert net.shared.grad.tolist() == [0.0, 0.0]
    assert all(not p.grad.any() for p in balancer.parameters())


@pytest.mark.parametrize("name", ["gradnorm", *AGGREGATIONS])
def test_gradients_add_up_over_two_calls(name: str) -> None:
    net, balancer = TwoParts(), make_balancer(name, TASKS)
    balancer.backward(net.losses(), [net.shared])
    once = net.shared.grad.clone(), net.heads.grad.clone()
    balancer.backward(net.losses(), [net.shared])
    torch.testing.assert_close(net.shared.grad, 2 * once[0], rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(net.heads.grad, 2 * once[1])


def test_gradnorm_by_hand() -> None:
    # |g| = 2, sqrt 2; first step: every task has made the same progress, so both are to be (2 + sqrt 2) / 2 long.
    net, balancer = TwoParts(), make_balancer("gradnorm", TASKS)
    (weight,) = balancer.parameters()
    applied = balancer.backward(net.losses(), [net.shared])
    assert list(applied.weights.values()) == [1.0, 1.0]
    assert net.shared.grad.tolist() == pytest.approx([1.0, 1.0])
    assert weight.grad.tolist() == pytest.approx([2.0, -math.sqrt(2)])
    # log losses 2, 2 -> 4, 2: r = 2 / 1.5, 1 / 1.5; wanted 1.707 r^1.5 = 2.63, 0.93. The first one lags behind.
    with torch.no_grad():
        net.shared.copy_(torch.tensor([2.0, 4.0]))
    balancer.backward(net.losses(), [net.shared])
    assert weight.grad.tolist() == pytest.approx([-2.0, math.sqrt(2)])


def test_gradnorm_applies_its_weights_scaled_to_their_number() -> None:
    net, balancer = TwoParts(), make_balancer("gradnorm", TASKS)
    (weight,) = balancer.parameters()
    with torch.no_grad():
        weight.copy_(torch.tensor([3.0, 1.0]))
    applied = balancer.backward(net.losses(), [net.shared])
    assert list(applied.weights.values()) == pytest.approx([1.5, 0.5])
    assert net.heads.grad.tolist() == pytest.approx([1.5, 0.5])
    assert net.shared.grad.tolist() == pytest.approx([1.5 * 2 - 0.5, 0.5])
    # The norms are 3 and sqrt(1/2): too long and too short. d|w g| / dw = |g|, not |w g|.
    assert weight.grad.tolist() == pytest.approx([2.0, -math.sqrt(2)])
    with torch.no_grad():
        weight.copy_(torch.tensor([-5.0, 1.0]))
    lowest = balancer.backward(net.losses(), [net.shared]).weights
    assert lowest == pytest.approx({"semseg": 2 * 0.001 / 1.001, "depth": 2 / 1.001})


def test_gradnorm_evens_out_the_norms() -> None:
    """With alpha 0 the weights settle at 1 / |g_t|, scaled to their number."""
    net, balancer = TwoParts(), make_balancer("gradnorm", TASKS, gradnorm_alpha=0)
    optimizer = torch.optim.Adam(balancer.parameters(), lr=0.01)
    for _ in range(200):
        net.shared.grad = None
        applied = balancer.backward(net.losses(), [net.shared])
        optimizer.step()
    inverse = torch.tensor([1 / 2, 1 / math.sqrt(2)])
    assert list(applied.weights.values()) == pytest.approx((2 * inverse / inverse.sum()).tolist(), abs=0.03)


def test_dtp_by_hand() -> None:
    # Means of log(1 + L) of log 2 and log 4: k = 1/2, 1/4; w = -(1 - k)^2 log k.
    balancer = make_balancer("dtp", TASKS, dtp_gamma=2, dtp_alpha=0.75)
    assert balancer.weights == {"semseg": 1.0, "depth": 1.0}
    report = balancer.end_epoch({"semseg": math.log(2), "depth": math.log(4)})
    assert report.record["kpi"] == pytest.approx({"semseg": 1 / 2, "depth": 1 / 4})
    assert report.weights == pytest.approx({"semseg": math.log(2) / 4, "depth": 9 / 16 * math.log(4)})
    # Then 1/2 and 1/2: depth's moving average is 3/4 * 1/2 + 1/4 * 1/4 = 7/16.
    report = balancer.end_epoch({"semseg": math.log(2), "depth": math.log(2)})
    assert report.record["kpi"] == pytest.approx({"semseg": 1 / 2, "depth": 7 / 16})
    assert report.weights["depth"] == pytest.approx((9 / 16) ** 2 * math.log(16 / 7))


@pytest.mark.parametrize("name", ["gradnorm", "nash"])
def test_what_a_strategy_remembers_is_in_its_state(name: str) -> None:
    unbroken, net = make_balancer(name, TASKS), TwoParts()
    unbroken.backward(net.losses(), [net.shared])
    resumed = make_balancer(name, TASKS)
    resumed.load_state_dict(unbroken.state_dict())
    later, weights, slopes = ((0.5, 0.0), (-1.0, 2.0)), [], []
    for balancer in (unbroken, resumed):
        net = TwoParts(later)
        weights.append(balancer.backward(net.losses(), [net.shared]).weights)
        slopes.append([p.grad.tolist() for p in balancer.parameters()])
    assert weights[0] == weights[1]
    assert slopes[0] == slopes[1]


def test_without_torchjd_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchjd", None)
    with pytest.raises(InputError, match=r'TorchJD: pip install -e "\.\[balancing\]"'):
        make_balancer("mgda", TASKS)
    assert isinstance(make_balancer("gradnorm", TASKS), Balancer)


def test_options_out_of_range_are_named() -> None:
    for name, option, value in (
        ("cagrad", "cagrad_c", 1.0),
        ("gradnorm", "gradnorm_alpha", -1.0),
        ("gradnorm", "gradnorm_alpha", math.inf),
        ("dtp", "dtp_gamma", -0.5),
        ("dtp", "dtp_alpha", 0.0),
    ):
        with pytest.raises(InputError, match=f"{option}={value}"):
            make_balancer(name, TASKS, **{option: value})


def test_cosines_and_norms_by_hand() -> None:
    net = TwoParts()
    scalars = [torch.log1p(loss) for loss in net.losses().values()]
    gradients = TaskGradients.of([*scalars, 0 * net.shared.sum()], [net.shared])
    assert (net.shared.grad, net.heads.grad) == (None, None)
    found = compare(gradients.gramian(), ("semseg", "depth", "none"))
    assert found["cosine"] == {
        "semseg-depth": pytest.approx(-2 / (2 * math.sqrt(2))),
        "semseg-none": None,
        "depth-none": None,
    }
    assert found["norm"] == pytest.approx({"semseg": 2.0, "depth": math.sqrt(2), "none": 0.0})


@pytest.mark.parametrize("name", BY_GRADIENT)
def test_what_a_strategy_compared_is_without_factors_and_weights(name: str) -> None:
    """The Gramian of `G`, whatever the strategy made of the gradients, at every step."""
    net, balancer = TwoParts(), make_balancer(name, TASKS, {"depth": 3.0})
    for weight in balancer.parameters():  # GradNorm's: scaled to 1.5 and 0.5
        weight.data[0] = 3.0
    for _ in range(2):
        found = balancer.backward(net.losses(), [net.shared]).gramian
        assert found is not None
        torch.testing.assert_close(found, torch.tensor([[4.0, -2.0], [-2.0, 2.0]], dtype=torch.float64))


@pytest.mark.parametrize("name", ["plain", "pad-net", "mtan"])
def test_gradients_are_those_of_mtl_backward(name: str) -> None:
    """Also where the tasks meet again behind the encoder, and where parts of the encoder belong to one task."""
    torch.manual_seed(0)
    model, photo = MTCP(preset(name, **SMALL)).double(), torch.rand(2, 3, 64, 64, dtype=torch.float64)
    shared = cast(Encoder, model.shared).shared_parameters()
    others = [parameter for parameter in model.parameters() if not any(parameter is one for one in shared)]
    encoded: list[Encoded] = []
    model.shared.register_forward_hook(lambda _module, _args, out: encoded.append(out))

    def scalars() -> list[torch.Tensor]:
        found = model.inspect(photo)
        return [
            torch.stack([maps[task].square().mean() for maps in (found.initial, found.refined) if maps]).sum()
            for task in model.config.tasks
        ]

    ours = TaskGradients.backward(scalars(), shared)
    plain = [parameter.grad for parameter in others]
    model.zero_grad()
    losses = scalars()
    features = list({id(feature): feature for feature in encoded[-1].features.values()}.values())
    mtl_backward(
        losses,
        features,
        tasks_params=[others] * len(losses),
        shared_params=shared,
        retain_graph=True,
        parallel_chunk_size=1,
    )
    for parameter, *rows in zip(shared, *ours.rows, strict=True):
        torch.testing.assert_close(cast(Any, parameter).jac, torch.stack(rows))
    for parameter, gradient in zip(others, plain, strict=True):
        assert gradient is not None
        torch.testing.assert_close(parameter.grad, gradient)


def test_a_parameter_that_is_not_trained_is_left_alone() -> None:
    net, frozen = TwoParts(), nn.Parameter(torch.ones(3), requires_grad=False)
    make_balancer("mgda", TASKS).backward(net.losses(), [frozen, net.shared])
    assert frozen.grad is None
    assert net.shared.grad is not None


def test_what_looks_at_gradients_says_so_before_torch_is_loaded() -> None:
    assert {name for name, kind in BALANCERS.items() if kind.several_passes} == set(BY_GRADIENT)
    assert {name for name, kind in BALANCERS.items() if kind.compares} == set(BY_GRADIENT)


APART = "semseg|depth|normals"
HALF = "semseg|depth,normals"


@pytest.mark.parametrize("flags", [*({"balancing": name} for name in BY_GRADIENT), {"log_gradients": 3}])
@pytest.mark.parametrize(
    ("design", "words"),
    [
        (preset("single"), "tasks=semseg there"),
        (preset("fafs", branching=";".join([APART] * 4)), "shared=branched with branching='semseg|depth|normals;"),
        (preset("fafs", branching=f"{HALF};{HALF};{APART};{APART}"), "whose first stage all tasks share"),
    ],
)  # fmt: skip
def test_gradients_of_parameters_that_nobody_shares_are_refused(
    flags: dict[str, object], design: ModelConfig, words: str
) -> None:
    with pytest.raises(InputError, match=re.escape(words)) as found:
        train_config_for(design, flags)
    (name, value), *_ = flags.items()
    assert str(found.value).startswith(f"--{name.replace('_', '-')} {value} ")


@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_has_something_that_all_tasks_share(name: str) -> None:
    """As `check_gradients` says without building it; each parameter that is shared gets a gradient from every task."""
    design = preset(name, **SMALL)
    train_config_for(design, {"balancing": "mgda", "log_gradients": 1})
    torch.manual_seed(0)
    model = MTCP(design).train()
    found = model.inspect(torch.rand(2, 3, 64, 64))
    last = found.refined or found.initial
    scalars = [last[task].square().mean() for task in design.tasks]
    shared = cast(Encoder, model.shared).shared_parameters()
    assert shared
    assert all(bool(g.any()) for row in TaskGradients.of(scalars, shared).rows for g in row)


def test_strategies_that_look_at_losses_alone_train_one_task() -> None:
    for name in set(ALL) - set(BY_GRADIENT):
        assert train_config_for(preset("single"), {"balancing": name}).balancing == name
