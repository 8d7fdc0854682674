"""Traces inside the network, still tensors of a batch, of the kinds that any part may leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from mtcp.model.trace import (
    AttentionTrace,
    MapsTrace,
    MatricesTrace,
    Matrix,
    NamedMap,
    TensorTrace,
    Trace,
    first_of,
)


@dataclass(frozen=True)
class TensorMaps:
    """A `MapsTrace` to be.

    maps: (group, title, values from 0 to 1): (B, h, w), or (B, C, h, w) of which the mean over channels is shown.
    """

    title: str
    about: str
    maps: tuple[tuple[str, str, Tensor], ...]

    def numpy(self) -> MapsTrace:
        """The maps of the first photo."""
        found = [
            NamedMap(group, title, first_of(values if values.ndim == 3 else values.mean(1), np.float16))
            for group, title, values in self.maps
        ]
        return MapsTrace(self.title, self.about, tuple(found))


@dataclass(frozen=True)
class TensorAttention:
    """An `AttentionTrace` to be.

    queries, keys: by task (B, C, N) and (B, C, M). gates: by task and other task (B, C, h, w), 0 to 1, of which the
    mean over channels is shown.
    """

    grid: tuple[int, int]
    queries: dict[str, Tensor]
    keys: dict[str, Tensor]
    key_stride: int
    scale: float
    gates: dict[str, dict[str, Tensor]] = field(default_factory=dict)

    def numpy(self) -> AttentionTrace:
        """The first photo's attention and gates."""
        return AttentionTrace(
            grid=self.grid,
            queries={name: first_of(values, np.float32) for name, values in self.queries.items()},
            keys={name: first_of(values, np.float32) for name, values in self.keys.items()},
            key_stride=self.key_stride,
            scale=self.scale,
            gates={
                main: {other: first_of(gate.mean(1), np.float16) for other, gate in gates.items()}
                for main, gates in self.gates.items()
            },
        )


@dataclass(frozen=True)
class TensorMatrices:
    """A `MatricesTrace` to be. matrices: (title, names of the rows, of the columns, values (B, rows, columns))."""

    title: str
    about: str
    matrices: tuple[tuple[str, tuple[str, ...], tuple[str, ...], Tensor], ...]

    def numpy(self) -> MatricesTrace:
        """The tables of the first photo."""
        found = [
            Matrix(title, rows, columns, first_of(values, np.float32))
            for title, rows, columns, values in self.matrices
        ]
        return MatricesTrace(self.title, self.about, tuple(found))


@dataclass(frozen=True)
class TraceOnDemand:
    """A trace whose tensors are only computed when it is asked for, which training never does."""

    make: Callable[[], TensorTrace]

    def numpy(self) -> Trace:
        """As `mtcp.model.trace.TensorTrace`."""
        with torch.no_grad():
            return self.make().numpy()


def listed(trace: TensorTrace | tuple[TensorTrace, ...] | None) -> tuple[TensorTrace, ...]:
    """What a part leaves as a tuple: nothing, one trace or several."""
    if trace is None:
        return ()
    return trace if isinstance(trace, tuple) else (trace,)
