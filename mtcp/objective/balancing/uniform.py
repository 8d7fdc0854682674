"""Uniform weights: the baseline of all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mtcp.objective.balancing.base import Balancer, EpochReport


class Uniform(Balancer):
    """w_t = 1, always."""

    name = "uniform"

    def _decide(self, history: Sequence[Mapping[str, float]]) -> EpochReport:
        return EpochReport(dict.fromkeys(self.tasks, 1.0))
