"""`python -m mtcp typical`: what photos like those of training look like to a checkpoint, written on its card."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mtcp.checkpoint.store import DEFAULT_CHECKPOINT
from mtcp.errors import InputError


def add_parser(subparsers: Any) -> None:
    """Adds the verb to `subparsers`."""
    parser = subparsers.add_parser(
        "typical",
        help="measure what photos like those of training look like to a checkpoint, for its card",
        description="Runs the network on photos like those of training and writes the ranges of their brightness, "
        "sharpness and class information (mutual information of class and place) on the checkpoint's card. Photos "
        "outside are then said to be unlike those of training. Give photos that the network was not trained on. "
        "`release` does this by itself.",
    )
    parser.add_argument(
        "checkpoint", type=Path, nargs="?", default=DEFAULT_CHECKPOINT, help="default: the shipped one"
    )
    parser.add_argument(
        "--data", required=True, help="data as for evaluate, or a folder of photos without labels"
    )
    parser.add_argument("--split", default="val", help="default: val")
    parser.add_argument("--limit", type=int, metavar="N", help="only N photos, spread over the split")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measures, writes, prints; 0."""
    from mtcp.checkpoint.store import load_checkpoint, update_card
    from mtcp.cli.release import portable, run_bases
    from mtcp.data import find_data
    from mtcp.evaluation.typical_range import signals_of
    from mtcp.inference.sizes import pick_device
    from mtcp.inference.typical import FIELD, SIGNALS, Typical

    if args.limit is not None and args.limit < 1:
        raise InputError(f"--limit {args.limit}: give at least 1 photo")
    model, _ = load_checkpoint(args.checkpoint, pick_device(args.device))
    found = signals_of(model, find_data(args.data, photos=True).open(args.split, ()), limit=args.limit)
    data = portable(f"{args.data} {args.split}", run_bases(args.checkpoint))
    typical = Typical.of(found, data)
    update_card(args.checkpoint, **{FIELD: typical.to_card(len(found))})
    print(f"{args.checkpoint}: {len(found)} photos of {data}")
    for name, ends in typical.ranges.items():
        shares = zip(SIGNALS[name].percentiles, ends, strict=True)
        print(f"{name}: " + ", ".join(f"{share:g} % are below {end:.2f}" for share, end in shares))
    return 0
