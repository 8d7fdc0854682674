"""`python -m mtcp predict --table`, `--engine ray`: many photos to a Parquet table of coherence numbers."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mtcp.cli.full_size import longest_side
from mtcp.errors import InputError, one_line

if TYPE_CHECKING:
    from mtcp.batch.measure import Outcome
    from mtcp.batch.run import Engine

FAILED = 1
SHOWN = 10
"""Bad photos that are told of; all of them are in the table."""
ENGINES = ("plain", "ray")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of tables to `predict`."""
    group = parser.add_argument_group(
        "many photos to a table (needs the extra table; with --engine ray, ray)"
    )
    group.add_argument("--table", action="store_true", help="write a table of coherence numbers, no maps")
    group.add_argument(
        "--engine", choices=ENGINES, default="plain", help="ray: several workers; implies --table"
    )
    group.add_argument("--workers", type=_count, metavar="N", help="of ray (default: one per core here)")
    group.add_argument("--threads", type=_count, default=1, metavar="N", help="cores per worker (default: 1)")
    group.add_argument(
        "--gpus", type=float, default=0, metavar="N", help="GPUs per worker, like 1 or 0.25 (default: 0)"
    )
    group.add_argument(
        "--address", help="of a Ray cluster, like auto (default: RAY_ADDRESS, else this machine)"
    )
    group.add_argument(
        "--block", type=_count, metavar="N", help="photos written together (default: up to 256)"
    )
    group.add_argument("--retry-bad", action="store_true", help="try the photos in OUT/bad again")


def run(args: argparse.Namespace) -> int:
    """Fills the tables. 0 when every photo has its row, 1 when some could not be measured."""
    from mtcp.batch.run import blocks, left, prepare
    from mtcp.batch.table import BAD, parts
    from mtcp.geometry.camera import Camera
    from mtcp.inference.sizes import parse_size

    if len(args.photos) > 1:
        raise InputError(f"a table is made of one folder or URL, {len(args.photos)} were given")
    if args.gpus < 0:
        raise InputError(f"--gpus {args.gpus:g}: expected 0 or more")
    if args.fov is not None:
        Camera.from_fov(4, 3, args.fov)  # refused once, not per photo
    size = parse_size(args.size) if args.size else None
    job, names = prepare(args.photos[0], args.out, args.checkpoint, args.fov, size, longest_side(args))
    todo = left(job, names, args.retry_bad)
    workers = (args.workers or _workers(args)) if args.engine == "ray" else 1
    engine = _engine(args, workers, size)
    start = time.perf_counter()
    done, failed, used = _tell(engine(job, blocks(todo, workers, args.block)), len(names), len(todo))
    rate = f" in {time.perf_counter() - start:.1f} s by {used} worker{'s' * (used != 1)}" if used else ""
    print(f"{args.out}: {done} photos measured{rate}, {failed} bad, {len(names) - len(todo)} skipped as done")
    return FAILED if parts(job.dest, BAD) else 0


def _engine(args: argparse.Namespace, workers: int, size: tuple[int, int] | None) -> Engine:
    if args.engine == "ray":
        from mtcp.batch.ray_engine import Pool, ray_engine

        return ray_engine(Pool(workers, args.threads, args.gpus, args.address), args.checkpoint, args.device)
    from mtcp.batch.run import plain_engine
    from mtcp.inference.predictor import Predictor

    return plain_engine(Predictor(args.checkpoint, args.device, size))


def _workers(args: argparse.Namespace) -> int:
    """As many as fit on this machine; of a cluster the machine does not tell."""
    if args.address or os.environ.get("RAY_ADDRESS"):
        raise InputError("on a cluster give --workers: as many as its cores, or GPUs, allow")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // args.threads)


def _tell(outcomes: Iterable[Outcome], total: int, todo: int) -> tuple[int, int, int]:
    """Shows progress and the first bad photos. Returns how many were measured, how many bad, and by how many."""
    from tqdm import tqdm

    done = failed = 0
    workers = set()
    with tqdm(total=total, initial=total - todo, unit="photo", disable=not sys.stderr.isatty()) as bar:
        for outcome in outcomes:
            for _, message in outcome.bad[: max(0, SHOWN - failed)]:
                bar.write(one_line(f"mtcp predict: {message}"), file=sys.stderr)
            done += outcome.photos
            failed += len(outcome.bad)
            workers.add(outcome.worker)
            bar.update(outcome.photos + len(outcome.bad))
    if failed > SHOWN:
        print(f"mtcp predict: {failed - SHOWN} more could not be measured", file=sys.stderr)
    return done, failed, len(workers)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from 1")
    return int(text)
