"""What can be set about loss balancing: one dataclass of options per strategy. Each option is a flag of `train`.

Apart from the strategies themselves (`mtcp.objective.balancing`), because a configuration is checked, and a help
text printed, without loading torch.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mtcp.errors import InputError

KAPPA: dict[str, float] = {"nyud": 7.5, "pascal": 1.6, "places": 7.5}
"""The exaggeration of the ratios, by task set: as published; of places, for which none is, NYUD's. A new run takes its
own set's."""
FLOOR = 0.05
"""Smallest weight before the final rescaling, as a share of the mean ratio."""


def described(default: Any, text: str, shown: str | None = None) -> Any:
    """A dataclass field with a help text. shown: what the help gives as the default, where it is not fixed."""
    return dataclasses.field(default=default, metadata={"help": text, "shown": shown})


@dataclass(frozen=True)
class NoOptions:
    """Of a strategy that nothing can be set about."""


@dataclass(frozen=True)
class LPSOptions:
    """kappa: finite and >= 0; floor: in [0, 1). Anything else raises InputError."""

    kappa: float = described(
        KAPPA["nyud"],
        "how far the loss ratios are exaggerated; 0 for equal weights",
        ", ".join(f"{kappa} for the tasks of {name}" for name, kappa in KAPPA.items()),
    )
    floor: float = described(FLOOR, "smallest task weight, as a share of the mean ratio")

    def __post_init__(self) -> None:
        if not (math.isfinite(self.kappa) and self.kappa >= 0):
            raise InputError(f"kappa={self.kappa}: must be a finite number >= 0")
        if not 0 <= self.floor < 1:
            raise InputError(f"floor={self.floor}: must be in [0, 1)")


@dataclass(frozen=True)
class DWAOptions:
    """temperature: finite and > 0. Anything else raises InputError."""

    temperature: float = described(2.0, "evens the weights out: large for nearly equal ones")

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise InputError(f"temperature={self.temperature}: must be a finite number > 0")


@dataclass(frozen=True)
class DTPOptions:
    """dtp_gamma: finite and >= 0; dtp_alpha: above 0, at most 1. Anything else raises InputError."""

    dtp_gamma: float = described(2.0, "how far hard tasks are preferred")
    dtp_alpha: float = described(0.9, "share of the last epoch in the moving average of how well a task does")

    def __post_init__(self) -> None:
        if not (math.isfinite(self.dtp_gamma) and self.dtp_gamma >= 0):
            raise InputError(f"dtp_gamma={self.dtp_gamma}: must be a finite number >= 0")
        if not 0 < self.dtp_alpha <= 1:
            raise InputError(f"dtp_alpha={self.dtp_alpha}: must be above 0, at most 1")


@dataclass(frozen=True)
class GradNormOptions:
    """gradnorm_alpha: finite and >= 0. Anything else raises InputError."""

    gradnorm_alpha: float = described(
        1.5, "how strongly tasks that lag behind are pulled; 0: equal gradient norms"
    )

    def __post_init__(self) -> None:
        if not (math.isfinite(self.gradnorm_alpha) and self.gradnorm_alpha >= 0):
            raise InputError(f"gradnorm_alpha={self.gradnorm_alpha}: must be a finite number >= 0")


@dataclass(frozen=True)
class CAGradOptions:
    """cagrad_c: in [0, 1). Anything else raises InputError."""

    cagrad_c: float = described(
        0.4, "how far from the mean gradient the search goes, as a share of its length; 0: the mean"
    )

    def __post_init__(self) -> None:
        if not 0 <= self.cagrad_c < 1:
            raise InputError(f"cagrad_c={self.cagrad_c}: must be in [0, 1)")


OPTIONS: dict[str, type] = {
    "lps": LPSOptions,
    "uniform": NoOptions,
    "uncertainty": NoOptions,
    "dwa": DWAOptions,
    "dtp": DTPOptions,
    "gradnorm": GradNormOptions,
    "mgda": NoOptions,
    "pcgrad": NoOptions,
    "cagrad": CAGradOptions,
    "imtl": NoOptions,
    "nash": NoOptions,
    "upgrad": NoOptions,
}
"""The options of every strategy, by its name."""
BY_GRADIENT = ("gradnorm", "mgda", "pcgrad", "cagrad", "imtl", "nash", "upgrad")
"""Those that look at the tasks' gradients at the parameters that all tasks share."""


@dataclass(frozen=True)
class BalancingOptions(LPSOptions, DWAOptions, DTPOptions, GradNormOptions, CAGradOptions):
    """The options of all strategies side by side, as a training configuration has them."""


def option_names(strategy: str) -> tuple[str, ...]:
    """What can be set about `strategy`. Raises InputError for an unknown one."""
    if strategy not in OPTIONS:
        raise InputError(f"unknown balancing {strategy!r}: choose one of {', '.join(OPTIONS)}")
    return tuple(field.name for field in dataclasses.fields(OPTIONS[strategy]))


def check_options(values: Mapping[str, Any]) -> None:
    """Raises InputError for an option in `values` that is out of range, whichever strategy it belongs to."""
    for strategy, kind in OPTIONS.items():
        kind(**{name: values[name] for name in option_names(strategy) if name in values})
