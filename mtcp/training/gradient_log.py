"""How the tasks' gradients at the shared parameters agree, every N steps, whatever balances the tasks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mtcp.objective.gradients import TaskGradients, compare


class GradientLog:
    """Cosines and norms of the gradients of log(1 + L_t), without factors and weights, for step lines and epoch means.

    Costs a pass through the network per task in the steps that it looks at, and changes nothing. Of a strategy that
    compares gradients itself (`Balancer.compares`) the trainer has the comparison for nothing.
    """

    def __init__(self, every: int, tasks: Sequence[str]) -> None:
        """every: steps between two looks; 0 for none."""
        self.every, self.tasks = every, tuple(tasks)
        names = [f"{one}-{other}" for one, other in itertools.combinations(self.tasks, 2)]
        self._names = {"cosine": names, "norm": list(self.tasks)} if every else {}

    def due(self, step: int) -> bool:
        """Whether to look in `step`, counted from 1."""
        return self.every > 0 and step % self.every == 0

    def look(
        self,
        losses: Mapping[str, Tensor],
        shared: Sequence[nn.Parameter],
        mean_over_ranks: Callable[[Tensor], None],
    ) -> dict[str, dict[str, float | None]]:
        """As `compare`, of the means over the ranks. Before the backward pass."""
        gradients = TaskGradients.of([torch.log1p(losses[task].float()) for task in self.tasks], shared)
        gradients.average(mean_over_ranks)
        return compare(gradients.gramian(), self.tasks)

    def no_sums(self) -> dict[str, float]:
        """What `add` adds to, at the start of an epoch."""
        return dict.fromkeys((key for keys in self._keys() for key in keys), 0.0)

    def add(self, found: Mapping[str, Mapping[str, float | None]], sums: dict[str, float]) -> None:
        """Adds what was found in a step, and counts it; a cosine that there is none of is left out."""
        for kind, values in found.items():
            for name, value in values.items():
                if value is not None:
                    total, count = _sums_of(kind, name)
                    sums[total] += value
                    sums[count] += 1

    def means(self, sums: Mapping[str, float]) -> dict[str, Any]:
        """For the epoch's log line: as `look`, None where nothing was found; empty without a log."""
        return {
            kind: {
                name: sums[total] / sums[count] if sums[count] else None
                for name, (total, count) in ((name, _sums_of(kind, name)) for name in names)
            }
            for kind, names in self._names.items()
        }

    def _keys(self) -> list[tuple[str, str]]:
        return [_sums_of(kind, name) for kind, names in self._names.items() for name in names]


def _sums_of(kind: str, name: str) -> tuple[str, str]:
    return f"{kind} {name}", f"{kind} count {name}"
