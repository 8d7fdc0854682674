"""What a part of the network leaves for a display: numpy only, so that a `Prediction` crosses a process boundary."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from mtcp.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

CHUNK_VALUES = 4_000_000
"""Affinities that `AttentionTrace.entropy` holds at once: 16 MB, where the whole matrix may be 1.5 GB."""
LEAST_LOGIT = -80.0
"""Below the row's largest: exp(-80) is nothing beside 1, yet no denormal number, which are slow."""


@dataclass(frozen=True)
class Trace:
    """Base of all traces of one photo. kind: what it shows; views choose by it."""

    kind: ClassVar[str]


class TensorTrace(Protocol):
    """A trace inside the network, still tensors of a batch."""

    def numpy(self) -> Trace:
        """The trace of the batch's first photo."""


def first_of(batch: Tensor, dtype: type) -> np.ndarray:
    """The first photo's values of a batch (B, ...) as an array (...) of `dtype`."""
    values: np.ndarray = batch[0].detach().float().cpu().numpy().astype(dtype)
    return values


@dataclass(frozen=True)
class AttentionTrace(Trace):
    """Of a part in which every cell of the 1/4 grid attends to all cells of the photo, in each task its own way.

    A row is what one cell attends to: softmax over j of scale * <query_i, key_j>. It is recomputed when it is asked
    for; the matrix of all rows never exists. Where keys are pooled (key_stride > 1), a key's share is spread evenly
    over the cells it stands for.
    """

    kind: ClassVar[str] = "attention"

    grid: tuple[int, int]  # (h4, w4)
    queries: dict[str, np.ndarray]  # by task: float32 (C, h4*w4)
    keys: dict[str, np.ndarray]  # by task: float32 (C, M), the M cells of `key_grid` row by row
    key_stride: int = 1
    scale: float = 1.0
    gates: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    """Main task -> other task -> how much of the other one is let in, float16 (h4, w4), 0..1, mean over channels."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that attend."""
        return tuple(self.queries)

    @property
    def key_grid(self) -> tuple[int, int]:
        """(rows, columns) of the keys."""
        return ceil(self.grid[0] / self.key_stride), ceil(self.grid[1] / self.key_stride)

    def row(self, task: str, cell: tuple[int, int]) -> np.ndarray:
        """What the cell (column, row) of the grid attends to in the task: float32 (h4, w4), summing to 1.

        Raises:
            InputError: a task that does not attend, a cell outside the grid.
        """
        self._check_task(task)
        (column, line), (h, w) = cell, self.grid
        if not (0 <= column < w and 0 <= line < h):
            raise InputError(f"cell (column={column}, row={line}) is outside the {w} x {h} grid")
        logits = self.scale * (self.queries[task][:, line * w + column] @ self.keys[task])
        shares = np.exp(logits - logits.max())
        shares = (shares / shares.sum()).reshape(self.key_grid) / self.cells_per_key()
        rows, columns = np.arange(h) // self.key_stride, np.arange(w) // self.key_stride
        return shares[rows[:, None], columns].astype(np.float32)

    def entropy(self, task: str, every: int = 1) -> np.ndarray:
        """Entropy of each cell's row over the N cells of the photo, in nats, 0..log N: float32 (h4, w4).

        Exact: for pooled keys with shares p_k standing for c_k cells, H = -sum_k p_k log(p_k / c_k). Streamed in
        chunks of rows.

        every: only the rows at the middle of each block of `every` x `every` cells (a block at the border may be
        smaller), for large grids: float32 (ceil(h4 / every), ceil(w4 / every)).

        Raises:
            InputError: a task that does not attend, `every` below 1.
        """
        self._check_task(task)
        if every < 1:
            raise InputError(f"every={every}: must be at least 1")
        h, w = self.grid
        rows, columns = block_middles(h, every), block_middles(w, every)
        cells = (rows[:, None] * w + columns).ravel()
        keys = self.keys[task].astype(np.float32, copy=False)  # (C, M)
        queries = self.scale * self.queries[task][:, cells].T.astype(np.float32)  # (n, C)
        log_count = np.log(self.cells_per_key().ravel()).astype(np.float32)  # (M,)
        result = np.empty(len(cells), np.float32)
        chunk = max(1, CHUNK_VALUES // keys.shape[1])
        for top in range(0, len(cells), chunk):
            result[top : top + chunk] = _row_entropy(queries[top : top + chunk] @ keys, log_count)
        return result.reshape(len(rows), len(columns)).clip(0.0, np.log(h * w), dtype=np.float32)

    def entropy_work(self, task: str) -> int:
        """Multiplications for the task's whole entropy map. Raises InputError for a task that does not attend."""
        self._check_task(task)
        return self.queries[task].shape[1] * self.keys[task].size

    def cells_per_key(self) -> np.ndarray:
        """How many cells of the grid each key stands for: int (key_grid), key_stride^2 but at the border."""
        rows, columns = (np.bincount(np.arange(side) // self.key_stride) for side in self.grid)
        return rows[:, None] * columns

    def _check_task(self, task: str) -> None:
        if task not in self.queries:
            raise InputError(
                f"task {task!r} attends to nothing: the tasks that do are {', '.join(self.tasks)}"
            )


def block_middles(side: int, every: int) -> np.ndarray:
    """The middle index of each block of `every` in 0..side-1."""
    starts = np.arange(0, side, every)
    return (starts + np.minimum(starts + every, side) - 1) // 2


def _row_entropy(logits: np.ndarray, log_count: np.ndarray) -> np.ndarray:
    """Entropy over cells of softmax rows. logits (n, M), overwritten; log_count (M,) -> (n,) in nats."""
    logits -= logits.max(axis=1, keepdims=True)
    np.maximum(logits, LEAST_LOGIT, out=logits)
    weights = np.exp(logits)
    total = weights.sum(axis=1)
    logits -= log_count
    return np.log(total) - np.einsum("nm,nm->n", weights, logits) / total


@dataclass(frozen=True)
class Matrix:
    """A table of numbers with names for its rows and columns, such as how much of which task goes into which."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: np.ndarray  # float32 (rows, columns)


@dataclass(frozen=True)
class MatricesTrace(Trace):
    """Learned or computed tables, in the order in which the network uses them.

    about: one sentence for people, what a number says.
    """

    kind: ClassVar[str] = "matrices"

    title: str
    about: str
    matrices: tuple[Matrix, ...]


@dataclass(frozen=True)
class NamedMap:
    """A map over the photo, 0 to 1. group: maps of one group are shown in one row under that heading."""

    group: str
    title: str
    values: np.ndarray  # float16 (h, w), any grid that covers the photo


@dataclass(frozen=True)
class MapsTrace(Trace):
    """Maps such as masks or gates. about: one sentence for people, what 0 and 1 mean."""

    kind: ClassVar[str] = "maps"

    title: str
    about: str
    maps: tuple[NamedMap, ...]


@dataclass(frozen=True)
class TreeTrace(Trace):
    """What branches where.

    levels: from the photo to the tasks, the groups of tasks that share this level.
    """

    kind: ClassVar[str] = "tree"

    title: str
    about: str
    levels: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]  # (name of the level, groups)
