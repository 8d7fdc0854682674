"""How long the steps of a run take on this machine: what earlier runs of this process took."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager

KEPT = 20
"""So many of the latest runs are remembered for each step."""


class Pace:
    """Seconds of each step's latest runs. Calls may come from several threads at once."""

    def __init__(self) -> None:
        self._runs: defaultdict[str, deque[tuple[int, float]]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._lock = threading.Lock()

    @contextmanager
    def timed(self, step: str, pixels: int) -> Iterator[None]:
        """Remembers how long its body takes on a photo of so many pixels, unless that fails."""
        begin = time.perf_counter()
        yield
        self.took(step, pixels, time.perf_counter() - begin)

    def took(self, step: str, pixels: int, seconds: float) -> None:
        """Remembers one run."""
        with self._lock:
            self._runs[step].append((pixels, seconds))

    def estimate(self, step: str, pixels: int | None = None) -> float | None:
        """Seconds that the step will take: those of the latest run on a photo most like it in size, or of the latest
        of all. None before the first run.
        """
        with self._lock:
            runs = list(self._runs[step])
        if not runs:
            return None
        if pixels is None:
            return runs[-1][1]
        return min(reversed(runs), key=lambda run: abs(run[0] - pixels))[1]
