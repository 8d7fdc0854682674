"""`python -m mtcp release`: a run's weights as a shipped checkpoint, measured on what is on disk."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

from mtcp.cli.evaluate import strict
from mtcp.drawing import shown
from mtcp.errors import InputError
from mtcp.geometry.quantities import BY_KEY, STAGES
from mtcp.io.atomic import write_atomic, writing
from mtcp.io.safe_read import parse_object, read_bytes
from mtcp.tasks import lacking

if TYPE_CHECKING:
    from mtcp.model import MTCP

AGREEMENT = "depth_normal_mean_deg"
"""The quantity that refined predictions must not be worse in."""

_ABSOLUTE = re.compile(r"""(?<![^\s"'=,;])(?:[A-Za-z]:)?[\\/][^\s"'=,;]+""")
"""An absolute path where a word, a list's item or an option's value begins; `3/4`, `a/b` and URLs are none."""


def add_parser(subparsers: Any) -> None:
    """Adds the verb to `subparsers`."""
    parser = subparsers.add_parser(
        "release",
        help="turn a run into a shipped checkpoint with its card and log",
        description="Writes the weights (fp16), evaluates the written file on a split at the labels' full size, puts "
        "the metrics on the card and copies the run's log and configuration beside it. Paths in them are "
        "made relative to the run folder's surroundings. With depth and normals their coherence is measured "
        "too, and nothing is put at --out if the refined predictions are less coherent than the initial ones.",
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
    parser.add_argument(
        "--although-less-coherent",
        action="store_true",
        help="release them even if the refined depth and normals agree less (mean angle between the predicted "
        "normals and those of planes fitted to the depth) than the initial ones",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Returns 0."""
    from mtcp.checkpoint.store import card_path, load_checkpoint, save_checkpoint, update_card
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
    data = open_data(args.data, args.split, model.config.tasks)
    with writing(args.out):  # beside it, to be renamed: what is there stays until the new weights have passed
        card_path(args.out).parent.mkdir(parents=True, exist_ok=True)
        staging = tempfile.TemporaryDirectory(dir=args.out.parent, prefix=".release-")
    with staging as folder:
        trial = Path(folder) / args.out.name
        save_checkpoint(trial, model, dtype="float16", **portable(about, bases))
        written, _ = load_checkpoint(trial, pick_device(args.device))
        metrics = evaluate(written, data, coherence=not lacking(written.config.tasks))
        if not args.although_less_coherent:
            check_coherence(metrics, source)
        measured = {
            "split": args.split,
            "frames": len(data),
            "size": [written.config.height, written.config.image_width],
        }
        typical = _typical(written, args.data, args.split, bases)
        update_card(trial, metrics=strict(metrics), measured_on=measured, **typical)
        for path in (trial, card_path(trial)):
            with writing(args.out.with_name(path.name)):
                path.replace(args.out.with_name(path.name))
    shutil.copyfile(args.run_folder / "log.jsonl", args.out.with_suffix(".log.jsonl"))
    text = json.dumps(portable(settings, bases), indent=2) + "\n"
    write_atomic(args.out.with_suffix(".run.json"), lambda file: file.write(text.encode()))
    print(table(metrics))
    print(f"{args.out}: {args.out.stat().st_size / 2**20:.1f} MiB")
    return 0


def _typical(model: MTCP, data: str, split: str, bases: Sequence[Path]) -> dict[str, Any]:
    """The card's field of `mtcp.inference.typical`; none of too few photos."""
    from mtcp.data import open_data
    from mtcp.evaluation.typical_range import signals_of
    from mtcp.inference.typical import FIELD, LEAST_PHOTOS, Typical

    photos = open_data(data, split, ())
    if len(photos) < LEAST_PHOTOS:
        return {}
    found = signals_of(model, photos)
    return {FIELD: Typical.of(found, portable(f"{data} {split}", bases)).to_card(len(found))}


def check_coherence(metrics: Mapping[str, Any], source: Path) -> None:
    """Refuses what makes depth and normals agree less. Of one stage, or without coherence, nothing is asked.

    metrics: as `evaluate` returns them. source: the weights, for the message.

    Raises:
        InputError: the angle of the refined predictions is larger than that of the initial ones, or could not be
            measured. Names both.
    """
    if "coherence" not in metrics.get("refined", {}):
        return
    initial, refined = (float(metrics[stage]["coherence"][AGREEMENT]) for stage in STAGES)
    if not refined <= initial:
        what = BY_KEY[AGREEMENT]
        angles = [shown.number(angle, what.digits + 1, "degrees") for angle in (initial, refined)]
        raise InputError(
            f"{source} is not released: the refined predictions are less coherent than the initial ones ({what.short}: "
            f"{angles[0]} initial, {angles[1]} refined); train on, for example with --slope, or pass "
            "--although-less-coherent"
        )


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
