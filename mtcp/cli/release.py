"""`python -m mtcp release`: a run's weights as a shipped checkpoint, measured on what is on disk."""

from __future__ import annotations

import argparse
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from typing import Any

from mtcp.errors import InputError
from mtcp.io.atomic import write_atomic
from mtcp.io.safe_read import parse_object, read_bytes

_ABSOLUTE = re.compile(r"""(?<![^\s"'=,;])(?:[A-Za-z]:)?[\\/][^\s"'=,;]+""")
"""An absolute path where a word, a list's item or an option's value begins; `3/4`, `a/b` and URLs are none."""


def add_parser(subparsers: Any) -> None:
    """Adds the verb to `subparsers`."""
    parser = subparsers.add_parser(
        "release",
        help="turn a run into a shipped checkpoint with its card and log",
        description="Writes the weights (fp16), evaluates the written file on a split at the labels' full size, puts "
        "the metrics on the card and copies the run's log and configuration beside it. Paths in them are "
        "made relative to the run folder's surroundings.",
    )
    parser.add_argument("run_folder", type=Path, help="the run, e.g. runs/nyud")
    parser.add_argument(
        "--weights", default="model", choices=("model", "best"), help="last or best on --val-split"
    )
    parser.add_argument("--data", required=True, help="data to measure on")
    parser.add_argument(
        "--split", default="val", help="split to measure on (default: val, the official test split)"
    )
    parser.add_argument(
        "--size", help="HxW that the network sees (default: the configuration's); becomes its own"
    )
    parser.add_argument("--out", type=Path, required=True, help="NAME.safetensors to write")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Returns 0."""
    from mtcp.checkpoint.store import load_checkpoint, save_checkpoint, update_card
    from mtcp.data import open_data
    from mtcp.evaluation.evaluate import evaluate
    from mtcp.evaluation.metric_table import table
    from mtcp.inference.sizes import parse_size, pick_device

    source = args.run_folder / f"{args.weights}.safetensors"
    if not source.exists():
        raise InputError(f"{source} is missing: has the run saved a network yet?")
    model, card = load_checkpoint(source)
    config = args.run_folder / "config.json"
    settings = parse_object(config, read_bytes(config))
    bases = run_bases(args.run_folder)
    model.config = model.config.replace(backbone=portable(model.config.backbone, bases))
    if args.size:
        height, width = parse_size(args.size)
        model.config = model.config.replace(height=height, image_width=width)
    about = {key: card[key] for key in ("data", "commit", "command", "train") if key in card}
    save_checkpoint(args.out, model, dtype="float16", **portable(about, bases))
    written, _ = load_checkpoint(args.out, pick_device(args.device))
    data = open_data(args.data, args.split, written.config.tasks)
    metrics = evaluate(written, data)
    measured = {
        "split": args.split,
        "frames": len(data),
        "size": [written.config.height, written.config.image_width],
    }
    update_card(args.out, metrics=metrics, measured_on=measured)
    shutil.copyfile(args.run_folder / "log.jsonl", args.out.with_suffix(".log.jsonl"))
    text = json.dumps(portable(settings, bases), indent=2) + "\n"
    write_atomic(args.out.with_suffix(".run.json"), lambda file: file.write(text.encode()))
    print(table(metrics))
    print(f"{args.out}: {args.out.stat().st_size / 2**20:.1f} MiB")
    return 0


def portable(value: Any, bases: Sequence[Path]) -> Any:
    """`value` (JSON) with every absolute path in its texts made relative.

    bases: folders that names may be relative to. A path in one of them becomes relative to the innermost; of
    one elsewhere the last two parts are kept. Relative paths stay as they are.
    """
    if isinstance(value, dict):
        return {key: portable(item, bases) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(portable(item, bases) for item in value)
    return _text(value, bases) if isinstance(value, str) else value


def run_bases(run_folder: Path) -> list[Path]:
    """What a run's names are relative to: the folder its RUNS lie in, the working folder, the home folder."""
    return [run_folder.absolute().parent.parent, Path.cwd(), Path.home()]


def _text(text: str, bases: Sequence[Path]) -> str:
    texts = {str(form) for base in bases for form in (base, base.resolve()) if form != Path(form.anchor)}
    for base in sorted(texts, key=len, reverse=True):  # the innermost first
        # Not left to _ABSOLUTE alone: a base's name may hold spaces, and quotes of a shell round it.
        text = re.sub(rf"(?<![^\s\"'=,;]){re.escape(base)}[\\/]+", "", text)
        text = re.sub(rf"(?<![^\s\"'=,;]){re.escape(base)}(?=$|[\s\"'=,;])", ".", text)
    return _ABSOLUTE.sub(lambda found: _last_parts(found[0]), text)


def _last_parts(path: str) -> str:
    parts = [part for part in PureWindowsPath(path).parts if not part.endswith(("\\", "/", ":"))]
    return "/".join(parts[-2:]) or "."
