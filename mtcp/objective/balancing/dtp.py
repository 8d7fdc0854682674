"""Dynamic Task Prioritization (Guo et al., ECCV 2018)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mtcp.objective.balancing.base import Balancer, EpochReport
from mtcp.objective.options import DTPOptions


class DTP(Balancer):
    """w_t = -(1 - k_t)^gamma log k_t, where k_t in (0, 1] says how well a task does: hard tasks get more weight.

    The paper's k_t is a measure of the task such as accuracy, averaged over steps. Here it is exp(-l_t) with l_t the
    epoch's mean of log(1 + L_t), that is, the geometric mean of 1 / (1 + L_t), averaged over epochs: k = alpha k(e) +
    (1 - alpha) k. Logged as `kpi`. The first epoch has w_t = 1. The paper's weights of single samples are left out.
    """

    name = "dtp"
    Options = DTPOptions
    options: DTPOptions

    def _decide(self, history: Sequence[Mapping[str, float]]) -> EpochReport:
        alpha, gamma = self.options.dtp_alpha, self.options.dtp_gamma
        kpi = {task: math.exp(-loss) for task, loss in history[0].items()}
        for losses in history[1:]:
            kpi = {task: alpha * math.exp(-losses[task]) + (1 - alpha) * kpi[task] for task in self.tasks}
        return EpochReport({task: -((1 - k) ** gamma) * math.log(k) for task, k in kpi.items()}, {"kpi": kpi})
