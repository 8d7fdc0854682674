"""The Loss Prioritization Scheme as a pure function of the loss history (MT-CP section 3.4).

Plain floats in, plain floats out: the trainer applies the last entry, the Explorer replays a logged run with
another kappa.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtcp.objective.balancing.base import check_history
from mtcp.objective.options import FLOOR, KAPPA, LPSOptions

Losses = Mapping[str, float]


@dataclass(frozen=True)
class LPSResult:
    """What LPS makes of a history of E epochs. Every tuple has E + 1 entries, entry e belongs to epoch e.

    weights: w_t to apply in epoch e, decided by the epochs before it.
    ratios: r_t from which `weights[e]` was made (it compares epochs e-1 and e-2); None in epochs 0 and 1.
    clamped: the tasks whose weight in `weights[e]` was lifted to the floor.
    """

    weights: tuple[dict[str, float], ...]
    ratios: tuple[dict[str, float] | None, ...]
    clamped: tuple[tuple[str, ...], ...]


def lps_weights(history: Sequence[Losses], kappa: float = KAPPA["nyud"], floor: float = FLOOR) -> LPSResult:
    """Task weights of every epoch 0..E from the losses of the E epochs of `history`.

    With l_t(e) = `history[e][t]` (epoch mean of log(1 + L_t), > 0) and l(e) its sum over the tasks:

    - epoch 0: w_t = 1;
    - epoch 1: w_t = l(0) / l_t(0). As published: these sum to at least T^2 (exactly that when the losses are
      equal), so epoch 1 takes larger steps than its neighbours, whose weights sum to about T;
    - epoch e + 1 for e >= 1: r_t = [l_t(e) / l_t(e-1)] / [l(e) / l(e-1)] and w_t = rbar + kappa (r_t - rbar),
      with rbar the mean of r_t. The sum of w_t equals the sum of r_t.

    The floor, literally in the design's order: every w_t below `floor * rbar` is lifted to it, then *all*
    weights are multiplied by one factor that restores the sum. A floored weight therefore ends below `floor *
    rbar` (above zero still); the proportions between the tasks are those of the floored weights.

    Args:
        history: one mapping task -> l_t per finished epoch, all with the same tasks. With no epoch yet the
            tasks are unknown and the only entry of `weights` is empty.
        kappa: >= 0; 1 gives w_t = r_t, 0 gives equal weights.
        floor: in [0, 1).

    Raises:
        InputError: a zero, negative or non-finite loss (names task and epoch), tasks that change between
            epochs, a kappa or floor out of range.
    """
    LPSOptions(kappa, floor)  # refuses what is out of range
    check_history(history)
    weights: list[dict[str, float]] = [dict.fromkeys(history[0], 1.0) if history else {}]
    ratios: list[dict[str, float] | None] = [None]
    clamped: list[tuple[str, ...]] = [()]
    for e, losses in enumerate(history):
        if e == 0:
            total = sum(losses.values())
            weights.append({task: total / loss for task, loss in losses.items()})
            ratios.append(None)
            clamped.append(())
        else:
            r = loss_ratios(losses, history[e - 1])
            w, hit = exaggerate(r, kappa, floor)
            weights.append(w)
            ratios.append(r)
            clamped.append(hit)
    return LPSResult(tuple(weights), tuple(ratios), tuple(clamped))


def loss_ratios(now: Losses, before: Losses) -> dict[str, float]:
    """r_t: how a task's loss moved against how the sum moved; above 1 the task lags behind."""
    overall = sum(now.values()) / sum(before.values())
    return {task: now[task] / before[task] / overall for task in now}


def exaggerate(ratios: Losses, kappa: float, floor: float) -> tuple[dict[str, float], tuple[str, ...]]:
    """w_t = rbar + kappa (r_t - rbar), floored and rescaled to the sum of the ratios; and the tasks
    floored.
    """
    total = sum(ratios.values())
    mean = total / len(ratios)
    least = floor * mean
    raw = {task: mean + kappa * (r - mean) for task, r in ratios.items()}
    hit = tuple(task for task, w in raw.items() if w < least)
    if not hit:
        return raw, ()
    lifted = {task: max(w, least) for task, w in raw.items()}
    factor = total / sum(lifted.values())
    return {task: w * factor for task, w in lifted.items()}, hit
