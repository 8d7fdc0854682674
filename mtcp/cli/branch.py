"""`python -m mtcp branch`: which tasks of a trained network should share which stage of a backbone."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mtcp.errors import InputError

ALPHA = 8.0
"""With equal affinities of 0.6 and three tasks, all part in the last stage and share the others."""


def add_parser(subparsers: Any) -> None:
    """Adds the verb to `subparsers`."""
    parser = subparsers.add_parser(
        "branch",
        help="find a branching for --preset fafs from a trained network",
        description="Measures where the tasks of a trained network are wrong together, groups those that are alike "
        "stage by stage, and prints the branching (Lu et al., CVPR 2017). The network is meant to be plain: "
        "--preset plain.",
    )
    parser.add_argument(
        "--checkpoint", type=Path, required=True, help="a trained network of two or more tasks"
    )
    parser.add_argument("--data", required=True, help="what train and evaluate take")
    parser.add_argument("--split", default="train", help="default: train")
    parser.add_argument("--limit", type=int, metavar="N", help="only N frames, spread over the split")
    parser.add_argument(
        "--alpha",
        type=float,
        default=ALPHA,
        help=f"what it counts to part unlike tasks, against the cost of a branch; default: {ALPHA:g}",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints affinities and branching; 0."""
    if not args.alpha >= 0 or args.alpha == float("inf"):
        raise InputError(f"--alpha {args.alpha}: must be a number of 0 or more")
    if args.limit is not None and args.limit < 1:
        raise InputError(f"--limit {args.limit}: give at least 1 frame")
    from mtcp.checkpoint.store import load_checkpoint
    from mtcp.data import open_data
    from mtcp.evaluation.affinity import affinity, cell_errors, greedy_branching
    from mtcp.inference.sizes import pick_device
    from mtcp.model.encoder.options import branching_text

    model, _ = load_checkpoint(args.checkpoint, pick_device(args.device))
    tasks = model.config.tasks
    if len(tasks) < 2:
        raise InputError(f"{args.checkpoint} predicts {tasks[0]} alone: a branching needs two tasks")
    errors = cell_errors(model, open_data(args.data, args.split, tasks), limit=args.limit)
    values = affinity(errors)
    width = max(map(len, tasks))
    print(f"share of {len(errors):,} parts of photos that are hard for both tasks or easy for both")
    print(" " * width, *(f"{task:>{width}}" for task in tasks))
    for task, row in zip(tasks, values, strict=True):
        print(f"{task:<{width}}", *(f"{value:>{width}.3f}" for value in row))
    text = branching_text(greedy_branching(values, tasks, args.alpha))
    print(f"\nbranching with alpha {args.alpha:g}: python -m mtcp train --preset fafs --branching '{text}'")
    return 0
