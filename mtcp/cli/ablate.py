"""`python -m mtcp ablate`: the ablation grid, trained and measured row by row, and its table."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from pathlib import Path
from typing import Any

from mtcp.ablation.grid import DEFAULT, GRIDS, fields_of_grids, grid
from mtcp.ablation.rows import select
from mtcp.cli.fields import add_model_fields, add_train_fields, given
from mtcp.config import ModelConfig, TrainConfig
from mtcp.errors import InputError
from mtcp.presets import PRESETS, preset

EXAMPLES = """examples:
  what is in it:             python -m mtcp ablate --list
  everything, as time goes:  python -m mtcp ablate --data data/nyud --epochs 12 --max-minutes 60   (again and again)
  some rows, three seeds:    python -m mtcp ablate --data data/nyud --rows decoders,decoders-on,cfm --seeds 0,1,2
  the table so far:          python -m mtcp ablate --report docs/results.md

Every row has the same data, size, schedule and seeds; what it changes is in the grid. --epochs is one budget: a row
trains one or two of them, or one after those of the row that it starts from. A row is a run folder OUT/ROW-sSEED, its
numbers on the test split are OUT/results/ROW-sSEED.json. A second call goes on where the first one stopped and skips
what is finished; machines may share the work through --rows or --seeds. --report puts the table between two marks in
the named file (the text around them is yours) and the JSON files beside it.

exit codes: 0 all done, 3 paused (time is up or Ctrl-C: the same command goes on), 2 wrong input
"""
PAUSED = 3


def add_parser(subparsers: Any) -> None:
    """Adds the verb to `subparsers`."""
    parser = subparsers.add_parser(
        "ablate",
        help="train and measure the ablation grid, or write its table",
        description="Trains every row of the ablation grid with one budget, measures it, and writes the table.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="where runs and results are (runs/ablation; of another grid than the default one, runs/GRID)",
    )
    parser.add_argument(
        "--grid", default=DEFAULT, metavar="NAME", help=f"which rows: {', '.join(GRIDS)} (default: {DEFAULT})"
    )
    parser.add_argument("--rows", type=_names, metavar="A,B,...", help="only these rows (default: all)")
    parser.add_argument("--seeds", type=_seeds, default=(0,), metavar="A,B,...", help="default: 0")
    parser.add_argument("--max-minutes", type=float, help="stop cleanly after this time, inside a row too")
    parser.add_argument("--list", action="store_true", help="print the grid and stop")
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="write the grid's table to FILE, train nothing"
    )
    parser.add_argument(
        "--preset", default="lite", help=f"network preset: {', '.join(PRESETS)} (default: lite)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")
    measured = parser.add_argument_group("measuring")
    measured.add_argument("--test-split", default="val", help="split to measure on (default: val)")
    measured.add_argument("--limit", type=int, metavar="N", help="only N frames of it, evenly spread")
    measured.add_argument(
        "--coherence-frames",
        type=int,
        default=200,
        metavar="N",
        help="frames for the coherence numbers, evenly spread (default: 200)",
    )
    decided = fields_of_grids()
    add_model_fields(parser, decided[0])
    add_train_fields(parser, decided[1])
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exit codes are in the help's epilogue."""
    model = preset(args.preset, **given(args, "model"))
    rows = select(grid(args.grid, model.tasks), args.rows)
    args.out = args.out or Path("runs", "ablation" if args.grid == DEFAULT else args.grid)
    if args.list:
        for row in rows:
            changes = ", ".join(f"{key}={value}" for key, value in {**row.model, **row.train}.items())
            start = f", starts from {row.start}" if row.start else ""
            print(f"{row.name:18}{row.title:40}{row.base or ''} with {changes or 'no change'}{start}")
        return 0
    if args.report:
        from mtcp.ablation.report import write_report

        print(write_report(args.out, args.report, args.grid))
        return 0
    return _train(args, model, rows)


def _train(args: argparse.Namespace, model: ModelConfig, rows: Any) -> int:
    import torch

    from mtcp.ablation.run import Plan, run_grid
    from mtcp.inference.sizes import pick_device

    fields = given(args, "train")
    if "data" not in fields:
        raise InputError("--data is missing: a folder in the NYUD_MT layout, or rooms:COUNT")
    if model.shared == "mask2former":
        from mtcp.model.encoder.mask2former import resolve

        model = resolve(model)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    plan = Plan(
        out=args.out,
        model=model,
        train=TrainConfig.from_dict(fields),
        grid=args.grid,
        rows=rows,
        seeds=args.seeds,
        device=pick_device(args.device),
        test_split=args.test_split,
        limit=args.limit,
        coherence_frames=args.coherence_frames,
        command="python -m mtcp " + shlex.join(sys.argv[1:]),
    )
    torch.set_flush_denormal(True)  # as `train` does, and why is said there
    try:
        finished = run_grid(plan, max_minutes=args.max_minutes)
    finally:
        torch.set_flush_denormal(False)
    print(f"{args.out}: {'all rows are done' if finished else 'paused; the same command goes on'}")
    return 0 if finished else PAUSED


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _seeds(text: str) -> tuple[int, ...]:
    try:
        seeds = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected integers like 0,1,2") from None
    if min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise argparse.ArgumentTypeError(f"{text!r}: each seed once, from 0")
    return seeds
