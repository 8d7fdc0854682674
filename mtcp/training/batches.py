"""Batches that depend on (seed, epoch, position) alone: a resumed run sees what it would have seen."""

from __future__ import annotations

import itertools
import math
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mtcp.data.sample import NOT_MAPS
from mtcp.errors import InputError
from mtcp.tasks import Task
from mtcp.training.mixture import steps_of

Sample = Mapping[str, Tensor]
Augment = Callable[[Any, np.random.Generator], Any]


def _leave_signals_to_the_trainer(_worker: int) -> None:
    """Ctrl-C reaches the workers too; one that died of it would break the step that is to be saved."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def check_batch(samples: int, batch: int, ranks: int, shares: Sequence[Fraction] = ()) -> None:
    """Raises InputError as `steps_of`, and for a batch that the ranks cannot share."""
    if batch % ranks:
        raise InputError(f"--batch {batch} cannot be shared by {ranks} processes: make it a multiple")
    steps_of(samples, batch, shares)


@dataclass(frozen=True)
class Source:
    """Where a share of every step's samples comes from.

    data: samples by index. share: of a step's samples. keys: what its maps are called in a batch; those that are not
    named are left out.
    """

    data: Any
    share: Fraction
    keys: Mapping[str, str] = field(default_factory=dict)


class Key(NamedTuple):
    """A sample: of the training set (source 0) or a further source, in which pass through it, at which place."""

    source: int
    turn: int
    place: int


class _Augmented(Dataset):
    """Samples by `Key`, augmented by a generator of their own, so that workers need no state."""

    def __init__(
        self,
        augment: Augment,
        data: Any,
        seed: int,
        sources: Sequence[Source],
        targets: Mapping[str, Task] | None,
    ) -> None:
        """targets: what every sample of a batch must have; what one lacks becomes unknown."""
        self.data, self.augment, self.seed = data, augment, seed
        self.sources, self.targets = sources, targets or {}

    def __getitem__(self, key: Key) -> Sample:
        seed = (self.seed, key.turn, key.place, *([key.source] if key.source else []))
        data = self.sources[key.source - 1].data if key.source else self.data
        augmented = self.augment(data[key.place], np.random.default_rng(seed))
        sample = {name: value for name, value in augmented.items() if isinstance(value, Tensor)}
        if key.source:
            keys = {name: name for name in NOT_MAPS} | dict(self.sources[key.source - 1].keys)
            sample = {keys[name]: value for name, value in sample.items() if name in keys}
        size = (sample["image"].shape[-2], sample["image"].shape[-1])
        lacking = {name: task.no_target(size) for name, task in self.targets.items() if name not in sample}
        return sample | lacking


class Batches:
    """Endless supply of training batches, cut into epochs: passes through the training set, of which what would be an
    incomplete batch is dropped. Further sources go on where the epoch before left them.
    """

    def __init__(
        self,
        data: Any,
        augment: Augment,
        *,
        batch: int,
        seed: int,
        rank: int = 0,
        ranks: int = 1,
        workers: int = 0,
        sources: Sequence[Source] = (),
        targets: Mapping[str, Task] | None = None,
        first: Sequence[tuple[int, Augment]] = (),
    ) -> None:
        """batch: samples per step over all ranks. targets: the maps of a batch, where `sources` may lack some. first:
        what takes the place of `augment` in the epochs before the one named. Raises InputError as `check_batch`.
        """
        shares = [source.share for source in sources]
        check_batch(len(data), batch, ranks, shares)
        self.count, self.also = len(data), [len(source.data) for source in sources]
        self.batch, self.seed, self.rank, self.ranks = batch, seed, rank, ranks
        self._augments = [*first, (math.inf, augment)]
        self._data = (data, seed, sources, targets)
        self.workers = workers
        self._taken = steps_of(self.count, batch, shares)
        self._order = lru_cache(maxsize=8)(self._permutation)

    @property
    def steps(self) -> int:
        """Steps per epoch."""
        return len(self._taken)

    def shorten(self, steps: int) -> None:
        """Lets an epoch end after so many steps, for measurements."""
        self._taken = self._taken[:steps]

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[dict[str, Tensor]]:
        """This rank's batches of one epoch, without the first `skip`."""
        keys = self._keys(epoch)[skip:]
        augment = next(augment for until, augment in self._augments if epoch < until)
        loader = DataLoader(
            _Augmented(augment, *self._data),
            batch_sampler=keys,
            num_workers=self.workers,
            worker_init_fn=_leave_signals_to_the_trainer,
            pin_memory=torch.cuda.is_available(),
        )
        return iter(loader)

    def _keys(self, epoch: int) -> list[list[Key]]:
        by_source = [self._drawn(source, epoch) for source in range(1 + len(self.also))]
        steps = []
        for taken in self._taken:
            keys = [next(keys) for keys, number in zip(by_source, taken, strict=True) for _ in range(number)]
            share = self.batch // self.ranks
            # every rank its part of every source; of one source whole runs, as ever
            steps.append(keys[self.rank :: self.ranks] if self.also else keys[self.rank * share :][:share])
        return steps

    def _drawn(self, source: int, epoch: int) -> Iterator[Key]:
        """The samples of a source from the beginning of an epoch on."""
        if not source:
            return (Key(0, epoch, int(i)) for i in self._order(0, epoch))
        start = epoch * sum(taken[source] for taken in self._taken)
        places = itertools.count(start)
        return (self._at(source, *divmod(place, self.also[source - 1])) for place in places)

    def _at(self, source: int, turn: int, place: int) -> Key:
        return Key(source, turn, int(self._order(source, turn)[place]))

    def _permutation(self, source: int, turn: int) -> np.ndarray:
        count = self.also[source - 1] if source else self.count
        return np.random.default_rng((self.seed, turn, count, *([source] if source else []))).permutation(
            count
        )


def check_data(state: Mapping[str, Any], samples: int, batch: int, also: Sequence[int] = ()) -> None:
    """Refuses to count a run's epochs in steps of other data.

    Args:
        state: as saved; one from before sizes were saved passes.
        samples: in the training split now.
        batch: samples per step now.
        also: samples of each further source now.

    Raises:
        InputError: the state was saved with others; names both.
    """
    before = state.get("also", list(also))
    if list(before) != list(also):
        raise InputError(
            f"--resume: the sources of --also had {_listed(before)} samples, now they have {_listed(also)}: restore "
            "them, or count the epochs anew with --restart-epochs"
        )
    then = state.get("samples", samples), state.get("batch", batch)
    if then != (samples, batch):
        raise InputError(
            f"--resume: the run was made with {then[0]} training samples in batches of {then[1]}, now there are "
            f"{samples} in batches of {batch}: restore them, or count the epochs anew with --restart-epochs"
        )


def _listed(counts: Sequence[int]) -> str:
    return ", ".join(map(str, counts)) or "no"
