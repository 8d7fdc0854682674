"""Photos measured per second by `python -m mtcp predict --table`: one process, and Ray with one and more workers.

    python -m benchmarks.batch [--photos 48] [--workers 1,2] [--threads 1] [--repeats 3] [--json FILE]

The photos are copies of one example (640 x 480 unless --photo says otherwise), read from a local folder, the rows
written to another. The rate counts from the first photo done to the last: `startup_s`, until that first one, is Ray
and torch being loaded once and is given by itself. `photo_s` and `network_s` are medians of the table's own columns:
if workers stand in each other's way, they grow with their number. Rates are medians of `--repeats` complete runs.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.timing import ROOT, Row, Spec, add_common, ratios, report, rows_of, summary, words
from mtcp.batch.ray_engine import Pool, ray_engine
from mtcp.batch.read import open_table
from mtcp.batch.run import Engine, plain_engine, prepare
from mtcp.checkpoint.store import DEFAULT_CHECKPOINT

EXAMPLE = ROOT / "app" / "examples" / "living-room.jpg"
BLOCK = 2  # small, so that the first photo is done soon after the start


def measure(spec: Spec) -> Row:
    """One engine's row."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "photos"
        copies(Path(spec["photo"]), source, spec["photos"])
        runs = [one_run(spec, source, Path(folder) / f"table-{i}") for i in range(spec["repeats"])]
    row: Row = summary([1 / run["rate"] for run in runs])
    return {
        **row,
        "photos_per_s": round(1 / row["seconds"], 4),
        **{
            name: round(statistics.median(run[name] for run in runs), 3)
            for name in ("startup_s", "photo_s", "network_s")
        },
        "workers_used": min(run["used"] for run in runs),
    }


def one_run(spec: Spec, source: Path, dest: Path) -> dict[str, Any]:
    """Measures every photo once, from nothing."""
    start = time.perf_counter()
    job, names = prepare(str(source), str(dest), spec["checkpoint"])
    work = [names[i : i + BLOCK] for i in range(0, len(names), BLOCK)]
    done = [(time.perf_counter(), outcome) for outcome in _engine(spec)(job, work)]
    if sum(outcome.photos for _, outcome in done) != len(names):
        raise SystemExit(f"not every photo was measured: {done[0][1].bad or done[-1][1].bad}")
    (first, earliest), (last, _) = done[0], done[-1]
    return {
        "rate": (len(names) - earliest.photos) / (last - first),
        "startup_s": first - start,
        "used": len({outcome.worker for _, outcome in done}),
        **{
            column: _median(dest, name)
            for column, name in (("photo_s", "seconds"), ("network_s", "network_seconds"))
        },
    }


def copies(photo: Path, folder: Path, count: int) -> None:
    """`count` files of their own, so that each is read and decoded."""
    folder.mkdir(parents=True)
    for i in range(count):
        shutil.copy(photo, folder / f"{i:06}{photo.suffix}")


def _engine(spec: Spec) -> Engine:
    if spec["engine"] == "ray":
        return ray_engine(Pool(spec["workers"], spec["threads"]), spec["checkpoint"], spec["device"])
    from mtcp.inference.predictor import Predictor

    torch.set_num_threads(spec["threads"])
    return plain_engine(Predictor(spec["checkpoint"], spec["device"]))


def _median(dest: Path, column: str) -> float:
    return float(statistics.median(open_table(dest).column(column)))


def main(arguments: list[str] | None = None) -> None:
    """Measures, prints the table and writes the JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.batch",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--photos", type=int, default=48, help="photos in each run (default: 48)")
    parser.add_argument("--photo", type=Path, default=EXAMPLE, help="what they are copies of")
    parser.add_argument(
        "--checkpoint", type=Path, default=DEFAULT_CHECKPOINT, help="default: the shipped one"
    )
    parser.add_argument("--workers", default="1,2", help="of Ray (default: 1,2)")
    parser.add_argument("--threads", type=int, default=1, help="cores per worker (default: 1)")
    parser.add_argument("--no-plain", action="store_true", help="leave out the engine without Ray")
    add_common(parser, repeats=3)
    args = parser.parse_args(arguments)
    if args.photos <= 2 * BLOCK:
        parser.error(f"--photos {args.photos}: a rate needs more than {2 * BLOCK}")
    common: dict[str, Any] = {
        "photos": args.photos,
        "threads": args.threads,
        "photo": str(args.photo.resolve()),
        "checkpoint": str(args.checkpoint.resolve()),
        "device": args.device,
        "repeats": args.repeats,
    }
    wanted: list[Spec] = [] if args.no_plain else [{"engine": "plain", "workers": 1, **common}]
    wanted += [{"engine": "ray", "workers": int(count), **common} for count in words(args.workers)]
    rows = rows_of("benchmarks.batch", measure, wanted, here=args.here)
    for row in rows:
        row["variant"] = f"{row['engine']} {row['workers']}"
        row["photo"], row["checkpoint"] = Path(row["photo"]).name, Path(row["checkpoint"]).name
    by = ("threads", "photos")
    base = next((row for row in rows if row["engine"] == "ray"), rows[0])["variant"]
    others = [row["variant"] for row in rows if row["variant"] != base]
    compared = [ratio for other in others for ratio in ratios(rows, of=other, to=base, by=by)]
    columns = (
        "variant",
        *by,
        "photos_per_s",
        "seconds",
        "iqr",
        "photo_s",
        "network_s",
        "startup_s",
        "workers_used",
    )
    report(args, columns, rows, ratios=compared)


if __name__ == "__main__":
    main()
