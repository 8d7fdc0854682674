"""The networks that the page can be asked for, by name: each is loaded when it is first chosen, and then stays."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from app import session
from app.pace import Pace
from app.session import Analysis
from app.sides import Pair
from mtcp.errors import InputError
from mtcp.inference.prediction import Prediction
from mtcp.tasks import Task

ENDING = ".safetensors"
"""Of a checkpoint's file."""
LONGEST_NAME = 80
"""Characters of an unknown name that are repeated to whoever gave it."""


@dataclass(frozen=True)
class Network:
    """What the page needs to know of a loaded network. checkpoint: the name of its file; card: what that says of it."""

    predict: session.Predict
    tasks: tuple[Task, ...]
    checkpoint: str
    device: str
    pace: Pace = field(default_factory=Pace)
    card: Mapping[str, Any] = field(default_factory=dict)

    @property
    def weights(self) -> str:
        """The file's sha256 as its card has it, which was compared when it was loaded; empty without a card."""
        return str(self.card.get("sha256", ""))

    @property
    def name(self) -> str:
        """What people call it."""
        return name_of(self.checkpoint)


@dataclass(frozen=True)
class Offer:
    """A network that is not loaded yet. load: raises InputError where it cannot be used."""

    tasks: tuple[Task, ...]
    load: Callable[[], Network]


class Networks:
    """All networks of the page. Safe to use from several threads."""

    def __init__(self, first: Network, offers: Mapping[str, Offer] | None = None) -> None:
        """first: what every visitor begins with. offers: by name, others."""
        self.first = first
        self._offers = {name: offer for name, offer in (offers or {}).items() if name != first.name}
        self._loaded = {first.name: first}
        self._loading = {name: threading.Lock() for name in self._offers}
        self._lock = threading.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """What can be chosen, the first network first."""
        return (self.first.name, *self._offers)

    @property
    def tasks(self) -> tuple[Task, ...]:
        """One task for each name that any network predicts: those of the first network, then what others have more."""
        found = {task.name: task for task in self.first.tasks}
        for offer in self._offers.values():
            for task in offer.tasks:
                found.setdefault(task.name, task)
        return tuple(found.values())

    def take(self, name: str | None) -> Network:
        """The network of that name, loaded here if it was not before; the first for None.

        Raises:
            InputError: no such network, or one that cannot be used.
        """
        name = name or self.first.name
        if name not in self.names:
            raise InputError(
                f"checkpoint {name[:LONGEST_NAME]!r} is not offered here: choose {', '.join(self.names)}"
            )
        if (known := self._known(name)) is not None:
            return known
        with self._loading[name]:  # others' networks are not waited for
            if (known := self._known(name)) is None:
                known = replace(self._offers[name].load(), pace=self.first.pace)
                with self._lock:
                    self._loaded[name] = known
            return known

    def _known(self, name: str) -> Network | None:
        with self._lock:
            return self._loaded.get(name)

    def predict(self, name: str | None) -> session.Predict:
        """What `take(name).predict` is, with the network loaded when it is first called."""

        def predict(photo: Any, **facts: Any) -> Prediction:
            return self.take(name).predict(photo, **facts)

        return predict

    def card(self, checkpoint: str) -> Mapping[str, Any]:
        """The card of a network that was loaded from a file of this name; empty where it has none."""
        with self._lock:
            return next((one.card for one in self._loaded.values() if one.checkpoint == checkpoint), {})

    def seen(self, analysis: Analysis, a: str | None, b: str | None = None) -> Analysis:
        """The photo of `analysis` as network `a` sees it, or `a` beside `b`. A network that has seen it already does
        not run again. The camera stays, and so does the truth.

        Raises:
            InputError: a network that cannot be used, or two without a common task.
        """
        wanted = self.take(a), self.take(b) if b else None
        first = self._prediction(analysis, wanted[0])
        if wanted[1] is None or wanted[1] is wanted[0]:
            return analysis if first is analysis.prediction else session.of_networks(analysis, first)
        second = self._prediction(analysis, wanted[1])
        pair = analysis.pair
        if pair is not None and (pair.a.checkpoint, pair.b.checkpoint) == (
            first.checkpoint,
            second.checkpoint,
        ):
            return analysis
        return session.of_networks(analysis, first, Pair(first, second, wanted[0].name, wanted[1].name))

    def _prediction(self, analysis: Analysis, network: Network) -> Prediction:
        pair, now = analysis.pair, analysis.prediction
        for known in (now,) if pair is None else (pair.a, pair.b):
            if known.checkpoint == network.checkpoint:
                return replace(known, camera=now.camera, camera_from=now.camera_from) if pair else known
        made = network.predict(analysis.photo, facts=now.facts)
        return replace(made, camera=now.camera, camera_from=now.camera_from)


def chosen(analysis: Analysis) -> tuple[str, str]:
    """The names of the networks that an analysis is of: A and B, B empty where there is but one."""
    pair = analysis.pair
    return (name_of(analysis.prediction.checkpoint), "") if pair is None else (pair.a_name, pair.b_name)


def name_of(checkpoint: str) -> str:
    """What people call the network in a file of this name."""
    return Path(checkpoint).name.removesuffix(ENDING)


def unique_names(paths: Sequence[Path]) -> list[str]:
    """A name for each checkpoint: its file's without the ending, after its folder's where another has the same."""
    stems = [path.stem for path in paths]
    made: list[str] = []
    for path, stem in zip(paths, stems, strict=True):
        name = stem if stems.count(stem) == 1 else f"{path.parent.name}-{stem}"
        same = sum(one == name or one.startswith(f"{name} (") for one in made)
        made.append(f"{name} ({same + 1})" if same else name)
    return made
