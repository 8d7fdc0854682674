"""An FPN for each task, or each group of tasks, of an encoder that has more than one feature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor, nn

from mtcp.model.backbone import FPN, STRIDES
from mtcp.model.encoder.base import Encoded, EncoderTrace


class Pyramids(nn.ModuleDict):
    """FPNs by name, all of one shape.

    levels: whether `Encoded.levels` is wanted.
    """

    def __init__(self, names: Iterable[str], channels: Sequence[int], width: int, *, levels: bool) -> None:
        kept = range(len(STRIDES) if levels else 1)
        super().__init__({name: FPN(channels, width, levels=kept) for name in names})
        self.with_levels = levels

    def encode(
        self, maps: Mapping[str, Sequence[Tensor]], owner: Mapping[str, str], trace: EncoderTrace | None
    ) -> Encoded:
        """maps: by name of an FPN the backbone's four, finest first; owner: task -> name of its FPN."""
        pyramids = {name: fpn(maps[name]) for name, fpn in self.items()}
        return Encoded(
            {task: pyramids[name][0] for task, name in owner.items()},
            {task: pyramids[name] for task, name in owner.items()} if self.with_levels else {},
            None,
            trace,
        )
