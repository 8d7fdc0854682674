"""TensorBoard events beside the log, for those who live in TensorBoard; log.jsonl is the source."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


class Events:
    """Mirrors log lines into TensorBoard if that is installed (`pip install tensorboard`); else says so."""

    def __init__(self, folder: Path, step: int = 0) -> None:
        """step: where the run goes on, 0 at its start; events of later steps, from before, are hidden."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            log.info("no TensorBoard events: tensorboard is not installed")
            self._writer = None
        else:
            self._writer = SummaryWriter(str(folder), purge_step=step + 1)

    def add(self, kind: str, values: Mapping[str, Any]) -> None:
        """Every number of a log line as a scalar `kind/...` at the line's step."""
        if self._writer is None or "step" not in values:
            return
        try:
            for name, value in scalars(values):
                self._writer.add_scalar(f"{kind}/{name}", value, values["step"])
            self._writer.flush()
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Writes out what is buffered."""
        if self._writer is not None:
            try:
                self._writer.close()
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """A mirror that cannot be written (a full disk) ends no training: the log and the states decide."""
        self._writer = None
        log.warning("no more TensorBoard events: %s", error.strerror or error)


def scalars(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """The numbers of nested mappings with their paths: {"loss": {"depth": 1}} -> ("loss/depth", 1)."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from scalars(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and name not in ("step", "time"):
            yield f"{prefix}{name}", float(value)
