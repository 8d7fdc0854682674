"""Numbers of log lines as columns, in bounded memory."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping

import numpy as np

MOST_ROWS = 8192
"""Rows kept. At one more, every second one is dropped, and of those to come every second is kept."""


class Columns:
    """Rows with a "step" and any other numbers by name; NaN where a row lacks one.

    every: one in so many of the rows added is kept.
    """

    def __init__(self) -> None:
        self.every = 1
        self._seen = 0
        self._columns: dict[str, array] = {}

    def __len__(self) -> int:
        return len(self._columns["step"]) if self._columns else 0

    def add(self, row: Mapping[str, float]) -> None:
        """Adds a row, or passes over it."""
        self._seen += 1
        if (self._seen - 1) % self.every:
            return
        rows = len(self)
        for name in row.keys() - self._columns.keys():
            self._columns[name] = array("d", [math.nan] * rows)
        for name, column in self._columns.items():
            column.append(row.get(name, math.nan))
        if rows + 1 > MOST_ROWS:
            self._columns = {name: column[::2] for name, column in self._columns.items()}
            self.every *= 2

    def drop_after(self, step: int) -> None:
        """Forgets the rows of later steps."""
        keep = sum(1 for done in self._columns.get("step", ()) if done <= step)
        self._columns = {name: column[:keep] for name, column in self._columns.items()}

    def arrays(self, names: Iterable[str] = ()) -> dict[str, np.ndarray]:
        """The columns `names`, of NaN where there is none, or all that there are."""
        empty = array("d", [math.nan] * len(self))
        return {name: np.array(self._columns.get(name, empty)) for name in names or self._columns}
