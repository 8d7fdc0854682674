"""What all strategies share: one interface, the fixed factors, the history that a run resumes from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from mtcp.errors import InputError
from mtcp.objective.options import NoOptions


@dataclass(frozen=True)
class Applied:
    """What one step minimised: `total`, and the w_t in it (without the fixed factors). Of strategies that combine
    gradients `total` is the weighted sum whose gradient the shared parameters get; the others get the unweighted one.

    gramian: (T, T), the inner products of the gradients of log(1 + L_t) at the shared parameters, without factors and
    weights, of means over the ranks; None of a strategy that does not look at them.
    """

    weights: dict[str, float]
    total: float
    gramian: Tensor | None = field(default=None, compare=False)


@dataclass(frozen=True)
class EpochReport:
    """What a strategy decided at the end of an epoch.

    weights: for the coming epoch. record: the strategy's own numbers by name, JSON-able; they go into the
    epoch's log line as they are. note: one line for the person who watches; empty for none.
    """

    weights: dict[str, float]
    record: dict[str, Any] = field(default_factory=dict)
    note: str = ""


class Balancer(nn.Module):
    """Base of the strategies. A module, because a strategy may learn: give `parameters()` to the optimizer.

    It minimises sum_t w_t f_t log(1 + L_t), where L_t is the raw loss and f_t a fixed factor, unless a subclass says
    otherwise. Subclasses implement `_decide`, a pure function of `history`, which keeps resuming trivial: the history
    travels in `state_dict()["_extra_state"]` as plain JSON types, everything else follows from it. Under DDP the
    trainer reduces: `end_epoch` must get means over all ranks (then every rank decides the same weights), and
    gradients of `parameters()` must be averaged over the ranks like the network's. A strategy that decides within a
    step asks for means by `mean_over_ranks`, which works in place and is the trainer's to set.
    """

    name: ClassVar[str]
    Options: ClassVar[type] = NoOptions
    several_passes: ClassVar[bool] = False
    """Whether `backward` goes through the network more than once. DDP expects one pass, so the trainer then
    keeps it out and averages the gradients itself."""
    compares: ClassVar[bool] = False
    """Whether what `backward` returns has a Gramian."""

    def __init__(
        self,
        tasks: Sequence[str],
        *options: float,
        factors: Mapping[str, float] | None = None,
        **named_options: float,
    ) -> None:
        """options: as `Options` takes them. factors: f_t > 0 of some tasks; the others have 1.

        Raises:
            InputError: no task, an option out of range, factors of other tasks.
        """
        super().__init__()
        if not tasks:
            raise InputError("balancing needs at least one task")
        self.tasks = tuple(tasks)
        self.options = self.Options(*options, **named_options)
        self.factors = {**dict.fromkeys(self.tasks, 1.0), **(factors or {})}
        check_factors(self.factors, self.tasks)
        self.history: list[dict[str, float]] = []
        self.weights = dict.fromkeys(self.tasks, 1.0)
        self.mean_over_ranks: Callable[[Tensor], None] = _alone

    def total(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The scalar to minimise; `weights` are the w_t in it.

        Args:
            losses: {task: scalar L_t >= 0}, raw, for exactly the strategy's tasks.

        Raises:
            InputError: other tasks than the strategy's.
        """
        logs = torch.log1p(self._stacked(losses))  # (T,)
        return (self._scales(logs, self.weights) * self._scales(logs, self.factors) * logs).sum()

    def backward(self, losses: Mapping[str, Tensor], shared: Sequence[nn.Parameter]) -> Applied:
        """Adds this step's gradients to the parameters. Arguments and errors as in `total`.

        shared: the parameters that all tasks use, for strategies that look at their gradients.
        """
        total = self.total(losses)
        total.backward()
        return Applied(dict(self.weights), float(total.detach()))

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

    def _objectives(self, losses: Mapping[str, Tensor]) -> list[Tensor]:
        """f_t log(1 + L_t) in the order of the tasks, each with a graph of its own."""
        self._check_tasks(losses)
        return [self.factors[task] * torch.log1p(losses[task].float()) for task in self.tasks]

    def _stacked(self, losses: Mapping[str, Tensor]) -> Tensor:
        """(T,) in the order of the tasks."""
        self._check_tasks(losses)
        return torch.stack([losses[task].float() for task in self.tasks])

    def _each(self, values: Mapping[str, float]) -> list[float]:
        return [values[task] for task in self.tasks]

    def _scales(self, like: Tensor, values: Mapping[str, float]) -> Tensor:
        """(T,) constants in the order of the tasks."""
        return torch.tensor(self._each(values), device=like.device)

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


def _alone(mean_over_ranks: Tensor) -> None:
    """The mean over the one rank that there is."""


def check_factors(factors: Mapping[str, float], tasks: Sequence[str]) -> None:
    """Raises InputError for a factor of a task that there is none of, and for one that is not above 0."""
    for task, factor in factors.items():
        if task not in tasks:
            raise InputError(f"task_factors names {task!r}: the tasks are {', '.join(tasks)}")
        if not 0 < factor < math.inf:
            raise InputError(f"task_factors: {task}={factor} is not a finite number > 0")


def check_history(history: Sequence[Mapping[str, float]]) -> None:
    """Raises InputError unless every epoch has the same tasks and only finite, positive losses."""
    for e, losses in enumerate(history):
        if not losses:
            raise InputError(f"loss history: epoch {e} has no task")
        if set(losses) != set(history[0]):
            raise InputError(
                f"loss history: epoch {e} has tasks {', '.join(losses)}, epoch 0 has {', '.join(history[0])}"
            )
        for task, loss in losses.items():
            if not (math.isfinite(loss) and loss > 0):
                raise InputError(
                    f"loss history: {task} in epoch {e} is {loss}; balancing needs a finite value > 0"
                )
