"""The weights that LPS would have given on the losses of a logged run, whatever strategy trained it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mtcp.objective.balancing import lps_weights
from mtcp.runs.log import EpochLine


@dataclass(frozen=True)
class Replay:
    """E replayed epochs have E + 1 weights: the last are for the next epoch.

    logged, replayed: {task: w_t} of epochs 0..E. logged_floor, replayed_floor: the tasks clamped to the floor in them.
    stopped: why the replay ends before the log does; empty if it does not.
    """

    kappa: float
    floor: float
    tasks: tuple[str, ...]
    logged: tuple[dict[str, float], ...]
    replayed: tuple[dict[str, float], ...]
    logged_floor: tuple[tuple[str, ...], ...]
    replayed_floor: tuple[tuple[str, ...], ...]
    stopped: str = ""

    def differences(self, task: str) -> list[float]:
        """replayed - logged per epoch, NaN where nothing was logged."""
        return [
            new[task] - old.get(task, math.nan) for new, old in zip(self.replayed, self.logged, strict=True)
        ]


def replay(epochs: Sequence[EpochLine], kappa: float, floor: float) -> Replay | None:
    """Replays the epochs from the first on, as far as they are all there with usable losses. None: not even one.

    Raises:
        InputError: kappa or floor out of range.
    """
    used, stopped = _usable(epochs)
    result = lps_weights([line.log_loss for line in used], kappa, floor)
    if not used:
        return None
    return Replay(
        kappa=kappa,
        floor=floor,
        tasks=tuple(used[0].log_loss),
        logged=(*(line.weight for line in used), used[-1].next_weight),
        replayed=result.weights,
        logged_floor=((), *(line.floor for line in used)),
        replayed_floor=result.clamped,
        stopped=stopped,
    )


def _usable(epochs: Sequence[EpochLine]) -> tuple[list[EpochLine], str]:
    """The first epochs without a hole, and what the first hole is."""
    used: list[EpochLine] = []
    for position, line in enumerate(epochs):
        losses = line.log_loss
        if line.epoch != position:
            return used, f"epoch {position + 1} is missing in the log"
        if not losses or set(losses) != set(epochs[0].log_loss):
            return used, f"epoch {line.epoch + 1} was logged with other tasks"
        if not all(math.isfinite(loss) and loss > 0 for loss in losses.values()):
            return used, f"a loss of epoch {line.epoch + 1} is no number above 0"
        used.append(line)
    return used, ""
