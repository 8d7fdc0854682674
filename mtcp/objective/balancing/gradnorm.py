"""GradNorm (Chen et al., ICML 2018)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mtcp.objective.balancing.base import Applied, Balancer, EpochReport
from mtcp.objective.gradients import TaskGradients, unscaled
from mtcp.objective.options import GradNormOptions

LEAST = 1e-3


class GradNorm(Balancer):
    """Learns w_t so that tasks that lag behind have larger gradients at the shared parameters.

    Minimises sum_t |G_t - mean(G) r_t^alpha| over w, where G_t is the norm of the gradient of w_t f_t log(1 + L_t), and
    r_t a task's log(1 + L_t) against its first one, over the mean of these (equation 2 of Chen et al.; the second term
    is constant). The network's optimizer moves w, which is then scaled to the sum T, and kept above `LEAST`. A task
    without a gradient in a step is left out of it.
    """

    name = "gradnorm"
    Options = GradNormOptions
    options: GradNormOptions
    several_passes = compares = True
    first: Tensor

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.weight = nn.Parameter(torch.ones(len(self.tasks)))  # (T,)
        self.register_buffer(
            "first", torch.full((len(self.tasks),), math.nan)
        )  # (T,) log(1 + L_t), NaN until seen

    def backward(self, losses: Mapping[str, Tensor], shared: Sequence[nn.Parameter]) -> Applied:
        """As `Balancer.backward`, with one pass per task; leaves the gradient of `weight` too."""
        with torch.no_grad():
            self.weight.copy_(self._scaled())
        self.weights = self._by_task()
        objectives = self._objectives(losses)
        gradients = TaskGradients.backward(
            [self.weights[task] * one for task, one in zip(self.tasks, objectives, strict=True)], shared
        )
        gradients.average(self.mean_over_ranks)
        gradients.add_combined([1.0] * len(self.tasks))
        logs = torch.log1p(self._stacked(losses).detach())  # (T,)
        self.mean_over_ranks(logs)
        gramian = gradients.gramian()
        norms = gramian.diagonal().clamp(min=0).sqrt().to(logs)  # (T,)
        self.weight.grad = self._slopes(norms, logs)
        scales = [w * f for w, f in zip(self._each(self.weights), self._each(self.factors), strict=True)]
        return Applied(dict(self.weights), float(self.total(losses).detach()), unscaled(gramian, scales))

    def _slopes(self, norms: Tensor, logs: Tensor) -> Tensor:
        """(T,) how the distance from the wanted norms changes with each weight; norms, logs: (T,)."""
        slopes = torch.zeros_like(self.weight)
        there = (norms > 0) & (logs > 0)
        self.first.copy_(torch.where(self.first.isnan() & there, logs, self.first))
        if there.any():
            progress = logs[there] / self.first[there]
            wanted = norms[there].mean() * (progress / progress.mean()) ** self.options.gradnorm_alpha
            slopes[there] = norms[there] / self.weight.detach()[there] * torch.sign(norms[there] - wanted)
        return slopes

    def _scaled(self) -> Tensor:
        weight = self.weight.detach().clamp(min=LEAST)
        return weight * (len(self.tasks) / weight.sum())

    def _by_task(self) -> dict[str, float]:
        return dict(zip(self.tasks, self._scaled().tolist(), strict=True))

    def _decide(self, history: Sequence[Mapping[str, float]]) -> EpochReport:
        return EpochReport(self._by_task())
