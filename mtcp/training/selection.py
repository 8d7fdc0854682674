"""Which weights of a run are its best."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

from mtcp.tasks import Task

log = logging.getLogger(__name__)


def overall_score(metrics: dict[str, Any], tasks: Sequence[Task]) -> float:
    """One number to tell checkpoints apart: mean over tasks of the (signed) log of the task's own metric. A task that
    the data have no labels of counts for nothing; -inf where that is so of all.

    metrics: as `mtcp.evaluation.evaluate.evaluate` returns them; those of the last stage count.
    """
    stage = metrics.get("refined") or metrics["initial"]
    values = {task: float(stage[task.name][task.metric]) for task in tasks}
    if missing := [task.name for task, value in values.items() if not math.isfinite(value)]:
        log.warning("no labels of %s: the best weights are chosen without", ", ".join(missing))
    signed = [
        (1 if task.higher_is_better else -1) * math.log(max(value, 1e-6))
        for task, value in values.items()
        if math.isfinite(value)
    ]
    return sum(signed) / len(signed) if signed else -math.inf
