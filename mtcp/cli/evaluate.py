"""`python -m mtcp evaluate`: a checkpoint against the ground truth of a data set."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mtcp.checkpoint.store import DEFAULT_CHECKPOINT
from mtcp.errors import InputError
from mtcp.evaluation.protocol import FULL, PROTOCOLS, Protocol

EXAMPLES = """examples:
  python -m mtcp evaluate --data data/nyud
  python -m mtcp evaluate --data rooms:20 --coherence --json rooms.json
  python -m mtcp evaluate --data data/nyud --protocol nyud-mt
  python -m mtcp evaluate --data data/nyud --single-task semseg.json depth.json normals.json

Numbers are pooled over the pixels of the whole split, at the labels' full size. All valid depth counts unless
--depth-below is given; mIoU is the mean over the classes that occur in the ground truth. docs/results.md says more.
"""


def add_parser(subparsers: Any) -> None:
    """Adds the verb to `subparsers`."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure a checkpoint on a data set",
        description="Prints one table: per task and metric initial, refined and the change.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--checkpoint", type=Path, default=DEFAULT_CHECKPOINT, help="default: the shipped one"
    )
    parser.add_argument(
        "--data", required=True, help="folder (NYUD_MT or PASCAL_MT layout), rooms or rooms:COUNT"
    )
    parser.add_argument("--split", default="val", help="default: val")
    parser.add_argument(
        "--protocol",
        choices=PROTOCOLS,
        default=FULL,
        help="full: whole pictures (default); nyud-mt: the 425x560 part of NYUv2's pictures that the multi-task "
        "literature uses, which is then all that the network sees",
    )
    parser.add_argument(
        "--depth-below",
        type=float,
        metavar="METRES",
        help="leave out true depth of so many metres and more, such as 6.55 (default: all counts)",
    )
    parser.add_argument("--size", metavar="HxW", help="what the network sees (default: the configuration's)")
    parser.add_argument("--limit", type=int, metavar="N", help="only N frames, spread over the split")
    parser.add_argument(
        "--flip", action="store_true", help="average with the mirrored photo (twice the time)"
    )
    parser.add_argument("--bf16", action="store_true", help="run the network in bfloat16")
    parser.add_argument("--coherence", action="store_true", help="add how far the maps agree with each other")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")
    parser.add_argument("--workers", type=int, default=0, help="processes that read the data (default: 0)")
    parser.add_argument(
        "--single-task",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="numbers of single-task networks, one or more files of --json: adds delta_m",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the table; 0."""
    if args.workers < 0:
        raise InputError(f"--workers {args.workers}: give 0 or more")
    from mtcp.checkpoint.store import load_checkpoint
    from mtcp.data import open_data
    from mtcp.evaluation.evaluate import evaluate
    from mtcp.evaluation.metric_table import table
    from mtcp.evaluation.metrics import delta_m
    from mtcp.inference.sizes import config_size, parse_size, pick_device

    if args.json and not args.json.absolute().parent.is_dir():
        raise InputError(f"--json {args.json}: its folder does not exist")
    single = read_single_task(args.single_task) if args.single_task else None
    size = parse_size(args.size) if args.size else None
    protocol = Protocol(args.protocol, args.depth_below)
    model, card = load_checkpoint(args.checkpoint, pick_device(args.device))
    tasks = model.config.tasks
    data = protocol.of(open_data(args.data, args.split, tasks), tasks)
    numbers: dict[str, Any] = evaluate(
        model,
        data,
        size=size,
        flip=args.flip,
        bf16=args.bf16,
        limit=args.limit,
        coherence=args.coherence,
        workers=args.workers,
    )
    frames = min(len(data), args.limit or len(data))
    height, width = size or config_size(model.config)
    print(f"{args.checkpoint} on {args.data}, {args.split}: {frames} frames, network saw {height}x{width}")
    print(f"{protocol.in_words()}\n")
    print(table(numbers))
    about: dict[str, Any] = {
        "checkpoint": args.checkpoint.name,
        "sha256": card["sha256"],
        "data": args.data,
        "split": args.split,
        **protocol.about(),
        "frames": frames,
        "size": [height, width],
        "flip": args.flip,
        "bf16": args.bf16,
    }
    if single is not None:
        about["delta_m"] = {stage: delta_m(of, single, model.tasks) for stage, of in numbers.items()}
        shown = ", ".join(f"{stage} {value:+.2f} %" for stage, value in about["delta_m"].items())
        print(f"\ndelta_m against single-task networks: {shown}")
    if args.json:
        write_json(args.json, {**numbers, "about": about})
    return 0


def read_single_task(files: Sequence[Path]) -> dict[str, dict[str, float]]:
    """{task: {metric: number}} from --json files, refined where there is such, else initial.

    Raises:
        InputError: a file that is none, or two files with the same task.
    """
    found: dict[str, dict[str, float]] = {}
    for path in files:
        try:
            numbers = json.loads(path.read_text(encoding="utf-8"))
            of_stage = numbers.get("refined") or numbers["initial"]
            items = [(task, dict(metrics)) for task, metrics in of_stage.items()]
        except OSError as error:
            raise InputError(f"--single-task {path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"--single-task {path}: not a file that evaluate --json wrote") from error
        for task, metrics in items:
            if task in found and task != "coherence":
                raise InputError(f"--single-task {path}: another file has numbers of {task} already")
            found[task] = metrics
    return found


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Strict JSON: a number that does not exist (no valid pixel) is null.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        path.write_text(json.dumps(strict(values), indent=2, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"--json {path}: cannot be written ({error.strerror})") from error


def strict(value: Any) -> Any:
    """`value` with null for every number that is none, as JSON wants it."""
    if isinstance(value, Mapping):
        return {key: strict(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
