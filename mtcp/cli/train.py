"""`python -m mtcp train`: configuration from a preset and flags or a file, into a run folder."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from mtcp.cli.fields import add_model_fields, add_train_fields, flag, given, refuse_idle
from mtcp.config import ModelConfig, TrainConfig
from mtcp.environment import current_commit
from mtcp.errors import InputError
from mtcp.io.safe_read import parse_object, read_bytes
from mtcp.presets import PRESETS, preset
from mtcp.run_config import train_config_for

EXAMPLES = """examples:
  a demo on synthetic rooms:      python -m mtcp train --name demo --data rooms:200 --epochs 10 --init none
  NYUv2:                          python -m mtcp train --name nyud --data data/nyud --val-split val
  go on with it:                  python -m mtcp train --name nyud --resume
  several processes:              torchrun --nproc-per-node 2 -m mtcp train --name nyud --data data/nyud
  plain multi-task baseline:      python -m mtcp train --name plain --task-decoder no --fusion none --refinement none

exit codes: 0 finished, 3 paused (time is up or Ctrl-C: --resume goes on; 0 under torchrun), 2 wrong input,
4 a loss is not finite, 5 a file could not be written (a full disk: what was saved before is kept)
"""
PAUSED, NOT_FINITE = 3, 4


def add_parser(subparsers: Any) -> None:
    """Adds the verb to `subparsers`."""
    parser = subparsers.add_parser(
        "train",
        help="train a network into a run folder",
        description="Trains a network into RUNS/NAME: config.json, log.jsonl, last.pt (to resume), "
        "model.safetensors and best.safetensors.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--name", required=True, help="name of the run folder")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="where run folders are (default: runs)"
    )
    parser.add_argument("--preset", help=f"network preset: {', '.join(PRESETS)} (default: lite)")
    parser.add_argument(
        "--config", type=Path, help='JSON file {"model": {...}, "train": {...}}; flags win over it'
    )
    parser.add_argument("--resume", action="store_true", help="go on exactly where the run stopped")
    parser.add_argument(
        "--restart-epochs",
        action="store_true",
        help="with --resume, after a change of the training data: keep the weights, begin epochs, learning rate "
        "and task weights anew; the log so far becomes log-1.jsonl",
    )
    parser.add_argument("--max-minutes", type=float, help="stop cleanly after this time")
    parser.add_argument(
        "--stop-after", type=int, metavar="EPOCHS", help="stop cleanly after this many epochs in all"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")
    add_train_fields(parser)
    add_model_fields(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exit codes are in the help's epilogue."""
    if args.stop_after is not None and args.stop_after < 1:
        raise InputError(f"--stop-after {args.stop_after}: give at least 1 epoch")
    import torch

    from mtcp.inference.sizes import pick_device
    from mtcp.training import RunFolder, TrainingError
    from mtcp.training.distributed import join_world, leave_world, own_device
    from mtcp.training.setup import build_trainer

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    folder = RunFolder(args.runs / args.name)
    model_config, train_config = _resumed(args, folder) if args.resume else _configs(args)
    device = pick_device(own_device(args.device))
    world = join_world(device)
    command = folder.read_command() if args.resume else "python -m mtcp " + shlex.join(sys.argv[1:])
    # The unscaled softmax is so peaked that on a CPU its backward drowns in denormals: 5 times slower with them.
    # The flag belongs to the process, so the command sets it, before threads start, and takes it back.
    torch.set_flush_denormal(True)
    try:
        with folder.locked() if world.is_main else nullcontext():
            if world.is_main:
                folder.create(model_config, train_config, command, resume=args.resume)
            try:
                trainer = build_trainer(
                    model_config,
                    train_config,
                    folder,
                    device=device,
                    world=world,
                    resume=args.resume,
                    restart=args.restart_epochs,
                    command=command,
                    commit=current_commit(),
                )
            except InputError:
                if world.is_main and not args.resume:
                    folder.discard()
                raise
            finished = trainer.run(max_minutes=args.max_minutes, until_epoch=args.stop_after)
    except TrainingError as error:
        print(f"mtcp train: {error}", file=sys.stderr)
        return NOT_FINITE
    finally:
        torch.set_flush_denormal(False)
        leave_world()
    if world.is_main:
        what = "finished" if finished else "paused; go on with --resume"
        print(f"{folder.path}: {what} at epoch {trainer.epoch} of {train_config.epochs}")
    # To torchrun every code but 0 is a crash: it would kill the other ranks on their way out.
    return 0 if finished or world.size > 1 else PAUSED


def _resumed(args: argparse.Namespace, folder: Any) -> tuple[ModelConfig, TrainConfig]:
    """The run's own configuration. Raises InputError when the command line has another one to offer."""
    named = [*given(args, "train"), *given(args, "model")]
    named += [name for name in ("preset", "config") if getattr(args, name) is not None]
    if named:
        raise InputError(f"--resume takes the run's own configuration: leave --{flag(named[0])} out")
    return folder.read_config()


def _configs(args: argparse.Namespace) -> tuple[ModelConfig, TrainConfig]:
    """A new run's configuration. Raises InputError for anything in it that cannot be, before data is looked at."""
    if args.restart_epochs:
        raise InputError("--restart-epochs is for a run that goes on: pass --resume with it")
    from_file = _file(args.config) if args.config else {}
    of_model = ModelConfig.current(from_file.get("model", {}))
    of_train = TrainConfig.current(from_file.get("train", {}))
    model = preset(args.preset or "lite", **{**of_model, **given(args, "model")})
    train = train_config_for(model, {**of_train, **given(args, "train")})
    refuse_idle([*given(args, "model"), *given(args, "train")], model, train)
    if model.shared == "mask2former":
        from mtcp.model.encoder.mask2former import resolve

        model = resolve(model)  # the run folder must be enough to resume, without the hub
    return model, train


def _file(path: Path) -> dict[str, Any]:
    """A --config file, checked as far as its form goes. Raises InputError, which names the file."""
    values = parse_object(path, read_bytes(path))
    for name, part in values.items():
        if name not in ("model", "train", "command"):  # a run's config.json has all three
            raise InputError(f"{path}: unknown part {name!r}; expected model and train")
        if name != "command" and not isinstance(part, dict):
            raise InputError(f"{path}: {name!r} is a JSON {type(part).__name__}, expected an object")
    return values
