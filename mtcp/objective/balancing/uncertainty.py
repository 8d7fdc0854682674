"""Homoscedastic uncertainty (Kendall et al., CVPR 2018)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mtcp.objective.balancing.base import Balancer, EpochReport


class Uncertainty(Balancer):
    """sum_t exp(-s_t) f_t L_t + s_t, s_t learned.

    s_t = log sigma_t^2: twice the paper's regression form 1/(2 sigma^2) L + log sigma. The weights are
    exp(-s_t) and multiply f_t L_t, not log(1 + L_t): the paper derives them from a likelihood with that loss.
    They move at every step.
    """

    name = "uncertainty"

    def __init__(self, tasks: Sequence[str], *, factors: Mapping[str, float] | None = None) -> None:
        super().__init__(tasks, factors=factors)
        self.log_variance = nn.Parameter(torch.zeros(len(self.tasks)))  # (T,)

    def total(self, losses: Mapping[str, Tensor]) -> Tensor:
        """As `Balancer.total`, of the raw losses."""
        stacked = self._stacked(losses)  # (T,)
        s = self.log_variance.to(stacked.device)
        self.weights = self._precisions()
        return (torch.exp(-s) * self._scales(stacked, self.factors) * stacked + s).sum()

    def _precisions(self) -> dict[str, float]:
        values = torch.exp(-self.log_variance.detach()).tolist()
        return dict(zip(self.tasks, values, strict=True))

    def _decide(self, history: Sequence[Mapping[str, float]]) -> EpochReport:
        return EpochReport(self._precisions())
