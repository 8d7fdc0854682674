"""Single-task networks as one: whether maps of networks that never met agree is what coherence is judged by."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from mtcp.errors import InputError
from mtcp.model import MTCP, Decoded


class Together(nn.Module):
    """Networks of one task each behind the face that `mtcp.evaluation.evaluate.evaluate` needs: initial maps only."""

    def __init__(self, models: Sequence[MTCP]) -> None:
        """Raises InputError for a network of several tasks, or with a refinement."""
        super().__init__()
        for model in models:
            if len(model.tasks) != 1 or "refined" in model.config.stages:
                raise InputError(
                    f"{', '.join(t.name for t in model.tasks)}: expected one task, no refinement"
                )
        self.nets = nn.ModuleDict({model.tasks[0].name: model for model in models})
        self.tasks = tuple(model.tasks[0] for model in models)
        self.config = models[0].config.replace(tasks=tuple(task.name for task in self.tasks))

    def inspect(self, x: Tensor) -> Decoded:
        """Photo (B, 3, H, W) -> every network's initial map."""
        parts = {name: net.inspect(x) for name, net in self._items()}
        return Decoded({name: part.initial[name] for name, part in parts.items()})

    def finish(
        self, task: str, raw: Tensor, size: tuple[int, int], network_size: tuple[int, int] | None = None
    ) -> Tensor:
        """As `MTCP.finish`."""
        return dict(self._items())[task].finish(task, raw, size, network_size)

    def _items(self) -> list[tuple[str, MTCP]]:
        return list(self.nets.items())  # type: ignore[arg-type]
