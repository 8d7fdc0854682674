"""Learning rate factor as a pure function of the step: nothing to save, nothing to resume."""

from __future__ import annotations

import math


def lr_factor(step: int, total: int, *, schedule: str = "onecycle", warmup: float = 0.1) -> float:
    """The factor on the base rate at `step` of `total`.

    Both schedules warm up linearly over the first `warmup` share of the steps. "onecycle" then falls as a
    half cosine to zero (Smith and Topin 2018, as in use), "poly" as (1 - t)^0.9 (Chen et al., DeepLab).
    """
    warm = max(1, round(warmup * total))
    if step < warm and warmup > 0:
        return (step + 1) / (warm + 1)
    t = min(1.0, (step - warm) / max(1, total - warm)) if warmup > 0 else min(1.0, step / max(1, total))
    return 0.5 * (1 + math.cos(math.pi * t)) if schedule == "onecycle" else (1 - t) ** 0.9


def ramp(step: int, total: int, *, share: float = 0.2) -> float:
    """The factor on the teacher's weight: exp(-5 (1 - t)^2) over the first `share` of the steps, t from 0 to 1, then 1
    (Tarvainen and Valpola, NeurIPS 2017).
    """
    t = min(1.0, step / max(1.0, share * total))
    return math.exp(-5 * (1 - t) ** 2)
