"""The frames of a data folder as each network of the page sees them: with its tasks, and with numbers of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from app.frames import Frames
from app.networks import Network, Networks


class NetworkFrames:
    """Frames by the name of a network. Shared by all visitors; safe to use from several threads.

    first: as the network sees them that every visitor begins with.
    """

    def __init__(self, networks: Networks, opened: Callable[[Network], Frames]) -> None:
        """opened: the frames for a network, asked for once each.

        Raises:
            InputError: what `opened` raises for the first network.
        """
        self._networks, self._opened = networks, opened
        self._lock = threading.Lock()
        self.first = opened(networks.first)
        self._known = {networks.first.name: self.first}

    @classmethod
    def open(
        cls,
        networks: Networks,
        source: str | os.PathLike[str],
        split: str = "val",
        measured: Path | None = None,
    ) -> NetworkFrames:
        """The frames of `source`, see `Frames.open`.

        Args:
            measured: file of the numbers that the first network gets; those of another lie beside it.

        Raises:
            InputError: what `Frames.open` raises for the first network.
        """

        def opened(network: Network) -> Frames:
            file = measured
            if file is not None and network.name != networks.first.name:
                file = file.with_stem(f"{file.stem}-{network.name}")
            return Frames.open(source, split, network.tasks, network.weights, file)

        return cls(networks, opened)

    @property
    def network(self) -> str:
        """The name of the first network."""
        return self._networks.first.name

    def of(self, name: str) -> Frames:
        """The frames as the network of that name sees them; it is loaded here if it was not before.

        Raises:
            InputError: no such network, or one that cannot be used; the folder lacks what it predicts.
        """
        network = self._networks.take(name)  # with no lock but its own
        with self._lock:
            if name not in self._known:
                self._known[name] = self._opened(network)
            return self._known[name]
