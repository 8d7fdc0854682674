"""One thread for all that uses torch's own threads on the CPU.

OpenMP, which those are of, keeps a team of threads for each thread that computes. Once there are more of them than
processors, they sleep at every wait for each other instead of spinning for a moment, and the network takes up to twice
as long. gradio answers on many threads.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class OneThread:
    """Calls wait for those before them."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="network")

    def run(self, act: Callable[[], T]) -> T:
        """What `act` returns or raises."""
        return self._pool.submit(act).result()
