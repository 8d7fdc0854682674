"""The engine on Ray Data: a pool of actors, each with the network loaded once, on one machine or a cluster.

Workers read the photos and write the rows themselves; what travels through Ray are names and counts. The weights
come from the driver, so they need not lie on every machine; the code must be installed there.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mtcp.batch.measure import Job, Outcome, measure_block
from mtcp.batch.run import Block, Engine
from mtcp.checkpoint.store import LARGEST_FILE, card_path
from mtcp.errors import InputError, one_line
from mtcp.io.safe_read import read_bytes

OBJECT_STORE_BYTES = 128 * 2**20
"""Of a local cluster: the weights (17 MB) and lists of names are all that is stored."""
MOST_TASKS = 2000
"""Blocks are handed to Ray in at most so many pieces: it plans each of them."""


@dataclass(frozen=True)
class Pool:
    """The workers. threads: cores that each may use; gpus: a share of a GPU for each, 0 for none.

    address: of a running cluster; None: RAY_ADDRESS, else a cluster of this machine for this run.
    """

    workers: int
    threads: int = 1
    gpus: float = 0
    address: str | None = None

    def device(self, name: str) -> str:
        """What "auto" means for a worker: a GPU only if it was given one."""
        return name if name != "auto" else ("cuda" if self.gpus else "cpu")


class Worker:
    """An actor: the network, ready; measures one block after another. Made by Ray, in a process of its own."""

    def __init__(self, job: Job, network: Any, device: str, threads: int) -> None:
        """network: reference to (file name, weights, card) of the checkpoint."""
        import ray
        import torch

        from mtcp.inference.predictor import Predictor

        torch.set_num_threads(threads)  # else two workers on two cores would run four threads
        self.job = job
        name, weights, card = ray.get(network)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(weights)
            card_path(path).write_bytes(card)
            self.predict = Predictor(path, device, job.size)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, list[Any]]:
        """batch: blocks as JSON under "names". Returns the fields of an `Outcome` each, as JSON."""
        outcomes = [measure_block(self.predict, self.job, json.loads(names)) for names in batch["names"]]
        return {"outcome": [json.dumps([one.photos, one.bad, one.worker]) for one in outcomes]}


def ray_engine(pool: Pool, checkpoint: str | os.PathLike[str], device: str = "auto") -> Engine:
    """The engine with these workers.

    Raises, when it is run:
        InputError: ray is not installed, source or dest exist in this process only, the cluster cannot be reached, or
            the run failed there.
    """

    def run(job: Job, work: Sequence[Block]) -> Iterator[Outcome]:
        for place in (job.source, job.dest):
            if place.of_this_process:
                raise InputError(
                    f"{place.url}: workers are other processes and see nothing there; use --engine plain"
                )
        if work:
            with cluster(pool):
                yield from _measured(pool, Path(checkpoint), pool.device(device), job, work)

    return run


def _measured(
    pool: Pool, checkpoint: Path, device: str, job: Job, work: Sequence[Block]
) -> Iterator[Outcome]:
    import ray

    card = read_bytes(card_path(checkpoint))
    network = ray.put((checkpoint.name, read_bytes(checkpoint, LARGEST_FILE), card))
    items = [{"names": json.dumps(list(block))} for block in work]
    data = ray.data.from_items(items, override_num_blocks=min(len(items), MOST_TASKS))
    outcomes = data.map_batches(
        Worker,
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=min(pool.workers, len(items))),
        fn_constructor_args=(job, network, device, pool.threads),
        num_cpus=pool.threads,
        num_gpus=pool.gpus or None,
    )
    try:
        for row in outcomes.iter_rows():
            photos, bad, worker = json.loads(row["outcome"])
            yield Outcome(photos, tuple((path, why) for path, why in bad), worker)
    except ray.exceptions.RayError as error:
        raise InputError(f"the run on Ray failed: {_reason(error)}; what is in the table stays") from error


@contextmanager
def cluster(pool: Pool) -> Iterator[None]:
    """A context in which Ray runs: on the cluster this process already has, the one at `pool.address`, or a local one.

    Raises:
        InputError: ray is not installed, the cluster cannot be reached or is too small for one worker.
    """
    os.environ.setdefault(
        "RAY_USAGE_STATS_ENABLED", "0"
    )  # Ray reads only this; it would report to its makers
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise InputError('--engine ray needs Ray: pip install "mtcp-explorer[ray]"') from error
    started = not ray.is_initialized()
    if started:
        _start(pool)
    noise = logging.getLogger("ray.data")
    level = noise.level
    context = ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = False  # the command has its own
    try:
        noise.setLevel(
            logging.CRITICAL
        )  # of failures it logs whole traces; the last line is in the InputError
        with ray.data.DataContext.current(context):
            _check_room(pool, ray.cluster_resources())
            yield
    finally:
        noise.setLevel(level)
        if started:
            ray.shutdown()


def _start(pool: Pool) -> None:
    import ray

    address = pool.address or os.environ.get("RAY_ADDRESS")
    common: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    try:
        if address and address != "local":
            ray.init(address=address, **common)
        else:
            ray.init(
                address="local",
                num_cpus=pool.workers * pool.threads,
                include_dashboard=False,
                object_store_memory=OBJECT_STORE_BYTES,
                **common,
            )
    except Exception as error:  # Ray raises just that where its processes do not come up in time
        ray.shutdown()
        where = address or "on this machine"
        raise InputError(f"Ray cluster {where}: cannot be started or reached ({_reason(error)})") from error


def _check_room(pool: Pool, resources: dict[str, float]) -> None:
    """Refuses workers that do not fit: Ray would wait for them forever."""
    wanted = {"CPU": pool.workers * pool.threads, "GPU": pool.workers * pool.gpus}
    for name, count in wanted.items():
        if count > resources.get(name, 0):
            had = resources.get(name, 0)
            raise InputError(
                f"{pool.workers} workers need {count:g} {name}, the cluster has {had:g}: use fewer --workers"
            )


def _reason(error: BaseException) -> str:
    """The last line that says something, of errors whose text holds the traces of several processes."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return one_line(lines[-1] if lines else type(error).__name__)[:300]
