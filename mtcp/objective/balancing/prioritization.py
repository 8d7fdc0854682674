"""LPS as a strategy; its arithmetic is in `lps.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mtcp.objective.balancing.base import Balancer, EpochReport
from mtcp.objective.balancing.lps import lps_weights
from mtcp.objective.options import LPSOptions


class LPS(Balancer):
    """Loss Prioritization Scheme (MT-CP section 3.4): tasks that lag behind the others get more weight.

    Logs r_t as `ratio` (None while undefined) and the tasks lifted to the floor as `floor`.
    """

    name = "lps"
    Options = LPSOptions
    options: LPSOptions

    def _decide(self, history: Sequence[Mapping[str, float]]) -> EpochReport:
        result = lps_weights(history, self.options.kappa, self.options.floor)
        ratios: dict[str, float | None] = dict.fromkeys(self.tasks)
        ratios.update(result.ratios[-1] or {})
        clamped = result.clamped[-1]
        note = f"the floor of the task weights acted on {', '.join(clamped)}" if clamped else ""
        return EpochReport(result.weights[-1], {"ratio": ratios, "floor": list(clamped)}, note)
