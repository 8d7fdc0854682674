"""Dynamic Weight Average (Liu et al., CVPR 2019)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mtcp.objective.balancing.base import Balancer, EpochReport
from mtcp.objective.options import DWAOptions


class DWA(Balancer):
    """Equation 7 of Liu et al.: w_t = T softmax_t(r_t / temperature), logged as `ratio`.

    r_t = l_t(e) / l_t(e-1), here of the mean log losses, the quantity that is minimised. Two epochs of w_t =
    1 first.
    """

    name = "dwa"
    Options = DWAOptions
    options: DWAOptions

    def _decide(self, history: Sequence[Mapping[str, float]]) -> EpochReport:
        if len(history) < 2:
            return EpochReport(dict.fromkeys(self.tasks, 1.0), {"ratio": dict.fromkeys(self.tasks)})
        ratios = {task: history[-1][task] / history[-2][task] for task in self.tasks}
        logits = [ratio / self.options.temperature for ratio in ratios.values()]
        powers = [math.exp(logit - max(logits)) for logit in logits]  # softmax, safe for a loss that explodes
        scale = len(self.tasks) / sum(powers)
        weights = {task: p * scale for task, p in zip(self.tasks, powers, strict=True)}
        return EpochReport(weights, {"ratio": ratios})
