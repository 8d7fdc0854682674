"""`python -m mtcp info`: what a checkpoint is, or what a preset would be."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mtcp.checkpoint.parameters import parameters
from mtcp.checkpoint.store import DEFAULT_CHECKPOINT, read_shapes
from mtcp.config import ModelConfig
from mtcp.errors import InputError
from mtcp.evaluation.metric_table import table
from mtcp.presets import PRESETS, preset

LEFT_OUT = {
    "format",
    "version",
    "config",
    "tasks",
    "classes",
    "normalisation",
    "parameters",
    "metrics",
    "sha256",
}


def add_parser(subparsers: Any) -> None:
    """Adds the verb to `subparsers`."""
    parser = subparsers.add_parser(
        "info",
        help="show a checkpoint's configuration, tasks, size and metrics, or those of a preset",
        description="Shows a checkpoint's configuration, tasks, parameters by part, training data, metrics "
        "after checking that weights and card are whole and belong together. The network is not built. Of a "
        "preset, which has no weights yet, it builds the network to count parameters and multiply-adds.",
    )
    parser.add_argument("checkpoint", type=Path, nargs="?", help="default: the shipped one")
    parser.add_argument(
        "--preset", help=f"instead of a checkpoint: {', '.join(PRESETS)}; nothing is downloaded"
    )
    parser.add_argument(
        "--json", action="store_true", help="print the card, or the preset's numbers, instead"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints it; 0."""
    if args.preset is not None:
        if args.checkpoint is not None:
            raise InputError(
                f"{args.checkpoint}, --preset {args.preset}: give a checkpoint or a preset, not both"
            )
        return _of_preset(args.preset, args.json)
    path = args.checkpoint or DEFAULT_CHECKPOINT
    shapes, card = read_shapes(path)
    if args.json:
        print(json.dumps(card, indent=2))
        return 0
    size = path.stat().st_size / 2**20
    print(f"{path}  ({size:.1f} MiB, sha256 {card['sha256'][:12]}...)")
    _network(ModelConfig.from_dict(card["config"]), parameters(shapes), ModelConfig.current(card["config"]))
    _section("made by", [(key, _plain(value)) for key, value in card.items() if key not in LEFT_OUT])
    if card.get("metrics"):
        print(f"\nmetrics\n{table(card['metrics'])}")
    else:
        print("\nmetrics: none on the card; measure them with python -m mtcp evaluate")
    return 0


def _of_preset(name: str, as_json: bool) -> int:
    config = preset(name)
    from mtcp.ablation.costs import MACS_ARE, count_macs
    from mtcp.model import MTCP

    if config.shared == "mask2former":
        from mtcp.model.encoder.mask2former import with_default_shape

        config = with_default_shape(config)
    model = MTCP(config)
    counts = parameters({name: tuple(p.shape) for name, p in model.named_parameters()})
    size = (config.height, config.image_width)
    macs = count_macs(model, size)
    if as_json:
        numbers = {"parameters": counts, "size": size, "macs": macs, "macs_are": MACS_ARE}
        print(json.dumps({"preset": name, "config": config.to_dict(), **numbers}, indent=2))
        return 0
    print(f"preset {name}: the network without weights")
    _network(config, counts, config.to_dict())
    print(f"\nmultiply-adds at {size[0]}x{size[1]}: {macs / 1e9:.2f} G ({MACS_ARE})")
    return 0


def _network(config: ModelConfig, counts: dict[str, int], fields: dict[str, Any]) -> None:
    _section("tasks", [(task.name, _task_line(task)) for task in config.task_list()])
    _section("parameters", [(part, f"{count:,}") for part, count in counts.items()])
    _section("configuration", [(key, _plain(value)) for key, value in fields.items()])


def _section(title: str, rows: list[tuple[str, str]]) -> None:
    width = max((len(key) for key, _ in rows), default=0)
    print(f"\n{title}")
    for key, value in rows:
        print(f"  {key:<{width}}  {value}".rstrip())


def _task_line(task: Any) -> str:
    what = f"{task.channels} classes" if task.classes else f"{task.kind}, {task.unit}"
    return f"{what}; judged by {task.metric}, {'higher' if task.higher_is_better else 'lower'} is better"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = json.dumps(value) if isinstance(value, (dict, list)) else str(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
