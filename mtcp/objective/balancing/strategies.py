"""Loss balancing strategies: one small class each, one interface, and each returns the weights it applied.

The losses come in as log(1 + L_t) and `lps`, `uniform` and `dwa` minimise sum_t w_t log(1 + L_t), so that
they differ in nothing but the weights. `uncertainty` is a likelihood of L_t itself and undoes the log.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from mtcp.errors import InputError
from mtcp.objective.balancing.lps import FLOOR, KAPPA, check_history, lps_weights


@dataclass(frozen=True)
class EpochReport:
    """What a strategy decided at the end of an epoch: the log's `next_weight`, `ratio` and `floor`.

    weights: for the coming epoch. ratios: r_t behind them, None while undefined. floored: tasks lifted to the
    floor.
    """

    weights: dict[str, float]
    ratios: dict[str, float | None]
    floored: tuple[str, ...] = ()


class Balancer(nn.Module):
    """Base of the strategies. A module, because a strategy may learn: give `parameters()` to the optimizer.

    Subclasses implement `_decide`, a pure function of `history`, which keeps resuming trivial: the history
    travels in `state_dict()["_extra_state"]` as plain JSON types, everything else follows from it. Under DDP
    the trainer reduces: `end_epoch` must get means over all ranks (then every rank decides the same weights),
    and gradients of `parameters()` must be averaged over the ranks like the network's (`average_gradients`).

    Attributes:
        name, options: how `make_balancer` and the command line spell the strategy and its keyword arguments.
        tasks: the task names, in order.
        history: per finished epoch {task: l_t}, l_t the epoch mean of log(1 + L_t).
        weights: {task: w_t} in force now.
    """

    name: ClassVar[str] = ""
    options: ClassVar[tuple[str, ...]] = ()

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__()
        if not tasks:
            raise InputError("balancing needs at least one task")
        self.tasks = tuple(tasks)
        self.history: list[dict[str, float]] = []
        self.weights = dict.fromkeys(self.tasks, 1.0)

    def total(self, log_losses: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """The scalar to minimise, sum_t w_t log(1 + L_t), and the w_t applied.

        Args:
            log_losses: {task: scalar log(1 + L_t)} for exactly the strategy's tasks.

        Raises:
            InputError: other tasks than the strategy's.
        """
        self._check_tasks(log_losses)
        stacked = torch.stack([log_losses[task].float() for task in self.tasks])  # (T,)
        weights = torch.tensor([self.weights[task] for task in self.tasks], device=stacked.device)
        return (weights * stacked).sum(), dict(self.weights)

    def end_epoch(self, mean_log_losses: Mapping[str, float]) -> EpochReport:
        """Close an epoch, given its means of log(1 + L_t) over all steps and ranks; decide the next weights.

        Raises:
            InputError: other tasks than the strategy's; a zero, negative or non-finite mean. The strategy is
                unchanged.
        """
        self._check_tasks(mean_log_losses)
        history = [*self.history, {task: float(mean_log_losses[task]) for task in self.tasks}]
        check_history(history)
        report = self._decide(history)
        self.history, self.weights = history, report.weights
        return report

    def _decide(self, history: Sequence[Mapping[str, float]]) -> EpochReport:
        raise NotImplementedError

    def _check_tasks(self, given: Mapping[str, Any]) -> None:
        if set(given) != set(self.tasks):
            raise InputError(
                f"losses for {', '.join(given)}; this {self.name} balances {', '.join(self.tasks)}"
            )

    def get_extra_state(self) -> dict[str, Any]:
        """JSON-able: the strategy's name, tasks and history. Part of `state_dict()`."""
        return {"name": self.name, "tasks": list(self.tasks), "history": [dict(e) for e in self.history]}

    def set_extra_state(self, state: Any) -> None:
        """Inverse of `get_extra_state`, through `load_state_dict`; the weights follow from the history.

        Raises:
            InputError: the state of another strategy or other tasks.
        """
        if (state["name"], tuple(state["tasks"])) != (self.name, self.tasks):
            raise InputError(
                f"the saved balancing is {state['name']} of {', '.join(state['tasks'])}, "
                f"not {self.name} of {', '.join(self.tasks)}"
            )
        self.history = [dict(e) for e in state["history"]]
        self.weights = self._decide(self.history).weights if self.history else dict.fromkeys(self.tasks, 1.0)

    def average_gradients(self) -> None:
        """After backward: average the gradients of the strategy's own parameters over the ranks, if any."""
        if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
            return
        for parameter in self.parameters():
            if parameter.grad is not None:
                torch.distributed.all_reduce(parameter.grad)
                parameter.grad /= torch.distributed.get_world_size()


class Uniform(Balancer):
    """w_t = 1, always."""

    name = "uniform"

    def _decide(self, history: Sequence[Mapping[str, float]]) -> EpochReport:
        return EpochReport(dict.fromkeys(self.tasks, 1.0), dict.fromkeys(self.tasks))


class LPS(Balancer):
    """Loss Prioritization Scheme (MT-CP section 3.4): tasks that lag behind the others get more weight."""

    name = "lps"
    options = ("kappa", "floor")

    def __init__(self, tasks: Sequence[str], kappa: float = KAPPA["nyud"], floor: float = FLOOR) -> None:
        super().__init__(tasks)
        self.kappa, self.floor = kappa, floor
        lps_weights([], kappa, floor)  # refuse a bad kappa or floor now, not after the first epoch

    def _decide(self, history: Sequence[Mapping[str, float]]) -> EpochReport:
        result = lps_weights(history, self.kappa, self.floor)
        ratios: dict[str, float | None] = dict.fromkeys(self.tasks)
        ratios.update(result.ratios[-1] or {})
        return EpochReport(result.weights[-1], ratios, result.floored[-1])


class DWA(Balancer):
    """Dynamic Weight Average (Liu et al., CVPR 2019, eq. 7): w_t = T softmax_t(r_t / temperature).

    r_t = l_t(e) / l_t(e-1), here of the mean log losses, the quantity that is minimised. Two epochs of w_t =
    1 first.
    """

    name = "dwa"
    options = ("temperature",)

    def __init__(self, tasks: Sequence[str], temperature: float = 2.0) -> None:
        super().__init__(tasks)
        if not (math.isfinite(temperature) and temperature > 0):
            raise InputError(f"temperature={temperature}: must be a finite number > 0")
        self.temperature = temperature

    def _decide(self, history: Sequence[Mapping[str, float]]) -> EpochReport:
        if len(history) < 2:
            return EpochReport(dict.fromkeys(self.tasks, 1.0), dict.fromkeys(self.tasks))
        ratios: dict[str, float | None] = {}
        logits = []
        for task in self.tasks:
            ratio = history[-1][task] / history[-2][task]
            ratios[task] = ratio
            logits.append(ratio / self.temperature)
        powers = [math.exp(logit - max(logits)) for logit in logits]  # softmax, safe for a loss that explodes
        scale = len(self.tasks) / sum(powers)
        return EpochReport({task: p * scale for task, p in zip(self.tasks, powers, strict=True)}, ratios)


class Uncertainty(Balancer):
    """Homoscedastic uncertainty (Kendall et al., CVPR 2018): sum_t exp(-s_t) L_t + s_t, s_t learned.

    s_t = log sigma_t^2: twice the paper's regression form 1/(2 sigma^2) L + log sigma. The weights are
    exp(-s_t) and multiply L_t, not log(1 + L_t): the paper derives them from a likelihood with that loss.
    They move at every step.
    """

    name = "uncertainty"

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__(tasks)
        self.log_variance = nn.Parameter(torch.zeros(len(self.tasks)))  # (T,)

    def total(self, log_losses: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """sum_t exp(-s_t) L_t + s_t, and the exp(-s_t) applied. Otherwise as `Balancer.total`."""
        self._check_tasks(log_losses)
        losses = torch.expm1(torch.stack([log_losses[task].float() for task in self.tasks]))  # (T,)
        s = self.log_variance.to(losses.device)
        self.weights = self._precisions()
        return (torch.exp(-s) * losses + s).sum(), dict(self.weights)

    def _precisions(self) -> dict[str, float]:
        values = torch.exp(-self.log_variance.detach()).tolist()
        return dict(zip(self.tasks, values, strict=True))

    def _decide(self, history: Sequence[Mapping[str, float]]) -> EpochReport:
        return EpochReport(self._precisions(), dict.fromkeys(self.tasks))


BALANCERS: dict[str, type[Balancer]] = {kind.name: kind for kind in (LPS, Uniform, Uncertainty, DWA)}


def make_balancer(name: str, tasks: Sequence[str], **options: float) -> Balancer:
    """The strategy `name` for `tasks`; `options` are its own (lps: kappa, floor; dwa: temperature).

    Raises:
        InputError: an unknown name, an option the strategy does not have, an option out of range.
    """
    if name not in BALANCERS:
        raise InputError(f"unknown balancing {name!r}: choose one of {', '.join(BALANCERS)}")
    known = BALANCERS[name].options
    unknown = sorted(set(options) - set(known))
    if unknown:
        has = f"has {', '.join(known)}" if known else "has no options"
        raise InputError(f"unknown option(s) {', '.join(unknown)} for balancing {name!r}: it {has}")
    return BALANCERS[name](tasks, **options)
