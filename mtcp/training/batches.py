"""Batches that depend on (seed, epoch, position) alone: a resumed run sees what it would have seen."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mtcp.errors import InputError

Sample = Mapping[str, Tensor]
Augment = Callable[[Any, np.random.Generator], Any]


def _leave_signals_to_the_trainer(_worker: int) -> None:
    """Ctrl-C reaches the workers too; one that died of it would break the step that is to be saved."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def check_batch(samples: int, batch: int, ranks: int) -> None:
    """Raises InputError for fewer samples than one batch, or a batch that the ranks cannot share."""
    if samples < batch:
        raise InputError(f"{samples} training samples are no batch of {batch}: lower --batch")
    if batch % ranks:
        raise InputError(f"--batch {batch} cannot be shared by {ranks} processes: make it a multiple")


class _Augmented(Dataset):
    """Samples by (epoch, index), augmented by a generator of their own, so that workers need no state."""

    def __init__(self, data: Any, augment: Augment, seed: int) -> None:
        self.data, self.augment, self.seed = data, augment, seed

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, index = key
        sample = self.augment(self.data[index], np.random.default_rng((self.seed, epoch, index)))
        return {name: value for name, value in sample.items() if isinstance(value, Tensor)}


class Batches:
    """Endless supply of training batches, cut into epochs; incomplete batches are dropped."""

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
    ) -> None:
        """batch: samples per step over all ranks. Raises InputError as `check_batch`."""
        check_batch(len(data), batch, ranks)
        self.count = len(data)
        self.batch, self.seed, self.rank, self.ranks = batch, seed, rank, ranks
        self.dataset = _Augmented(data, augment, seed)
        self.workers = workers

    @property
    def steps(self) -> int:
        """Steps per epoch."""
        return self.count // self.batch

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[dict[str, Tensor]]:
        """This rank's batches of one epoch, without the first `skip`."""
        keys = self._keys(epoch)[skip:]
        loader = DataLoader(
            self.dataset,
            batch_sampler=keys,
            num_workers=self.workers,
            worker_init_fn=_leave_signals_to_the_trainer,
            pin_memory=torch.cuda.is_available(),
        )
        return iter(loader)

    def _keys(self, epoch: int) -> Sequence[list[tuple[int, int]]]:
        order = np.random.default_rng((self.seed, epoch, self.count)).permutation(self.count)
        share = self.batch // self.ranks
        return [
            [(epoch, int(i)) for i in order[s * self.batch + self.rank * share :][:share]]
            for s in range(self.steps)
        ]
