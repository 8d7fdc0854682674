"""What can be set about the further terms of the depth loss (`mtcp.objective.depth_terms`), without loading torch."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mtcp.errors import InputError
from mtcp.objective.options import described
from mtcp.tasks import DEPTH, NORMALS

DEPTH_TASKS = (DEPTH, "relative_depth")
"""The tasks whose loss may have further terms. No term depends on a factor common to a photo's depths."""
TEACHES = ("depth", "both")


@dataclass(frozen=True)
class DepthTermOptions:
    """Weights of 0 or more, numbers of cells of 1 or more, `agreement_teaches` of `TEACHES`. Else InputError."""

    slope: float = described(
        0.0,
        "weight in the depth loss of the difference between the normals that the predicted depth implies and the "
        "target normals",
    )
    slope_scales: tuple[int, ...] = described(
        (1, 3),
        "for slope and agreement: how far apart depths are compared, in cells of two pixels to either side, one "
        "or more numbers",
    )
    depth_gradient: float = described(
        0.0,
        "weight in the depth loss of the gradients of log depth, matched at steps of 2, 4, 8 and 16 pixels",
    )
    agreement: float = described(
        0.0,
        "weight in the depth loss of the difference between the normals that the predicted depth implies and the "
        "predicted normals",
    )
    agreement_teaches: str = described("depth", "what the agreement term's gradient reaches")

    def __post_init__(self) -> None:
        for name in ("slope", "depth_gradient", "agreement"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name}={getattr(self, name)}: must not be negative")
        if not self.slope_scales or min(self.slope_scales) < 1:
            raise InputError(
                f"slope_scales={self.slope_scales}: give one or more whole numbers of cells, from 1"
            )
        if self.agreement_teaches not in TEACHES:
            raise InputError(
                f"agreement_teaches={self.agreement_teaches!r}: choose one of {', '.join(TEACHES)}"
            )

    @property
    def term_weights(self) -> dict[str, float]:
        """The weights of the terms that count, by name."""
        weights = {name: getattr(self, name) for name in ("slope", "depth_gradient", "agreement")}
        return {name: weight for name, weight in weights.items() if weight}


def depth_task(tasks: Collection[str]) -> str | None:
    """Which of `tasks` the terms belong to; None where there is no depth."""
    return next((name for name in DEPTH_TASKS if name in tasks), None)


def check_depth_terms(options: DepthTermOptions, tasks: Collection[str], size: tuple[int, int]) -> None:
    """Raises InputError, which names the flag, where a term lacks a task or the picture is too small for it.

    tasks: of the network; size: (height, width) in pixels that it is trained at.
    """
    for name, weight in options.term_weights.items():
        needed = (DEPTH,) if name == "depth_gradient" else (DEPTH, NORMALS)
        missing = [task for task in needed if not (depth_task(tasks) if task == DEPTH else task in tasks)]
        if missing:
            raise InputError(
                f"--{name.replace('_', '-')} {weight} needs the task{'s' * (len(missing) > 1)} "
                f"{' and '.join(missing)}: the tasks are {', '.join(tasks)}; add to --tasks or leave it out"
            )
        if name != "depth_gradient" and 4 * (max(options.slope_scales) + 1) >= min(size):
            raise InputError(
                f"--slope-scales {','.join(map(str, options.slope_scales))}: {max(options.slope_scales)} cells of two "
                f"pixels to either side leave nothing of {size[0]} x {size[1]} pixels; give smaller ones"
            )
