"""Which tasks are alike, and the branching that follows: fully-adaptive feature sharing (Lu et al., CVPR 2017), found
from one trained network. docs/systems.md names the departures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from mtcp.errors import InputError
from mtcp.model.encoder.options import STAGES, Groups

if TYPE_CHECKING:
    from mtcp.data.sample import Samples
    from mtcp.model import MTCP

CELL = 32
"""Pixels that the network sees, on a side of what counts as one example."""
T = TypeVar("T")


def cell_errors(
    model: MTCP, dataset: Samples, *, size: tuple[int, int] | None = None, limit: int | None = None
) -> np.ndarray:
    """The mean absolute error of each task in each cell of every photo: float32 (cells, T), tasks as in `model`.

    A cell is a block of about 32 x 32 of the network's pixels; one in which a task's truth is unknown throughout is
    left out. Errors are `Task.error` of the last stage's maps at the labels' full size.

    size: (height, width) that the network sees; None: the configuration's. limit: only so many frames, spread evenly.

    Raises:
        InputError: as `mtcp.evaluation.evaluate.evaluate`, or no cell in which all tasks are known.
    """
    import torch

    from mtcp.data.sample import evenly_spread
    from mtcp.evaluation.evaluate import predict_sample
    from mtcp.evaluation.ground_truth import Truth, error_maps
    from mtcp.inference.sizes import check_size, config_size

    size = check_size(size or config_size(model.config))
    cells = (max(1, size[0] // CELL), max(1, size[1] // CELL))
    device, found = next(model.parameters()).device, []
    for i in evenly_spread(len(dataset), limit):
        sample = dataset[i]
        with torch.inference_mode():
            predicted = predict_sample(model, sample["image"].to(device), size)[model.config.stages[-1]]
        maps = {task.name: task.map_of(predicted[task.name][0]).cpu().numpy() for task in model.tasks}
        off = error_maps(maps, Truth.of_sample(sample, ""), model.tasks)
        if missing := [task.name for task in model.tasks if task.name not in off]:
            raise InputError(f"the data set has no {', '.join(missing)}, which this network predicts")
        found.append(np.stack([_block_means(np.abs(off[task.name]), cells) for task in model.tasks], 1))
    errors = np.concatenate(found) if found else np.empty((0, len(model.tasks)), np.float32)
    errors = errors[np.isfinite(errors).all(1)]
    if not len(errors):
        raise InputError("no part of any photo has a truth of all tasks: nothing to compare")
    return errors


def _block_means(values: np.ndarray, cells: tuple[int, int]) -> np.ndarray:
    """(H, W) with NaN for the unknown -> the means over a grid of blocks, float32 (rows * columns,)."""
    starts = [np.arange(n) * side // n for n, side in zip(cells, values.shape, strict=True)]
    known = np.isfinite(values)

    def sums(of: np.ndarray) -> np.ndarray:
        total: np.ndarray = np.add.reduceat(np.add.reduceat(of, starts[0], 0), starts[1], 1)
        return total

    total, count = sums(np.where(known, values, 0.0)), sums(known.astype(np.float64))
    means = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return means.astype(np.float32).ravel()


def affinity(errors: np.ndarray) -> np.ndarray:
    """How often two tasks find the same examples hard, or both find them easy: (T, T), 0 to 1, ones on the diagonal.

    An example is hard for a task where its error is above the task's mean (after Lu et al., CVPR 2017).

    errors: (examples, T).
    """
    hard = errors > errors.mean(0)
    return (hard[:, :, None] == hard[:, None, :]).mean(0)


def greedy_branching(affinities: np.ndarray, tasks: Sequence[str], alpha: float) -> tuple[Groups, ...]:
    """The groups of tasks that share each of the four stages, first stage first.

    From the last stage to the first, the branches above a stage are grouped so that (d - 1) 2^p + alpha S is least: d
    the number of groups, p the stages above, S how unlike the members of a group are on average. Where groupings cost
    the same, the one with fewer groups is taken. All groupings are compared, which a handful of tasks allows.

    alpha: weight of unlikeness against the cost of a branch.
    """
    branches: list[tuple[int, ...]] = [(i,) for i in range(len(tasks))]
    found: list[Groups] = []
    for above in range(STAGES):
        between = _between(affinities, branches)
        best = min(
            partitions(list(range(len(branches)))),
            key=lambda groups: (
                round((len(groups) - 1) * 2.0**above + alpha * unlikeness(between, groups), 9),
                len(groups),
            ),
        )
        joined: list[tuple[int, ...]] = [
            tuple(sorted(i for one in group for i in branches[one])) for group in best
        ]
        branches = sorted(joined)
        found.insert(0, tuple(tuple(tasks[i] for i in branch) for branch in branches))
    return tuple(found)


def unlikeness(affinities: np.ndarray, groups: Sequence[Sequence[int]]) -> float:
    """S, 0 to 1: over groups the mean of 1 - mean_k min_l A(k, l), k and l in the group."""
    return float(np.mean([1 - affinities[np.ix_(group, group)].min(1).mean() for group in groups]))


def _between(affinities: np.ndarray, branches: Sequence[Sequence[int]]) -> np.ndarray:
    """Affinities of branches of several tasks: mean over one's tasks of the least to the other's, both ways."""
    one_way = np.array(
        [[affinities[np.ix_(a, b)].min(1).mean() for b in branches] for a in branches], np.float64
    )
    np.fill_diagonal(one_way, 1.0)
    return (one_way + one_way.T) / 2


def partitions(items: list[T]) -> Iterator[list[list[T]]]:
    """All ways to group `items`."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for groups in partitions(rest):
        yield [[first], *groups]
        for i, group in enumerate(groups):
            yield [*groups[:i], [first, *group], *groups[i + 1 :]]
