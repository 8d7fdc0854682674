"""How many parameters a network has, from the shapes of its tensors: neither torch nor the network is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import prod

BUFFERS = (".running_mean", ".running_var", ".num_batches_tracked", ".relative_position_index")
"""Ends of the names of what is stored beside parameters: statistics of batch norms, tables of windows."""


def parameters(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """Parameters in all and by part: `shared` by its parts, the others by module over all tasks.

    shapes: of the stored tensors by name; buffers among them are left out.
    """
    counts: Counter[str] = Counter()
    for name, shape in shapes.items():
        if not name.endswith(BUFFERS):
            first, second = [*name.split("."), ""][:2]
            counts[f"{first}.{second}" if first == "shared" else first] += prod(shape)
    return {"in all": sum(counts.values()), **counts}
