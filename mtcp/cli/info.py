"""`python -m mtcp info`: what a checkpoint is."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mtcp.checkpoint.parameters import parameters
from mtcp.checkpoint.store import DEFAULT_CHECKPOINT, read_shapes
from mtcp.config import ModelConfig
from mtcp.evaluation.metric_table import table

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
        help="show a checkpoint's configuration, tasks, size and metrics",
        description="Shows a checkpoint's configuration, tasks, parameters by part, training data, metrics "
        "after checking that weights and card are whole and belong together. The network is not built.",
    )
    parser.add_argument(
        "checkpoint", type=Path, nargs="?", default=DEFAULT_CHECKPOINT, help="default: the shipped one"
    )
    parser.add_argument("--json", action="store_true", help="print the card instead")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints it; 0."""
    shapes, card = read_shapes(args.checkpoint)
    if args.json:
        print(json.dumps(card, indent=2))
        return 0
    size = args.checkpoint.stat().st_size / 2**20
    print(f"{args.checkpoint}  ({size:.1f} MiB, sha256 {card['sha256'][:12]}...)")
    _section("tasks", [(t.name, _task_line(t)) for t in ModelConfig.from_dict(card["config"]).task_list()])
    _section("parameters", [(part, f"{count:,}") for part, count in parameters(shapes).items()])
    configuration = ModelConfig.current(card["config"])
    _section("configuration", [(key, _plain(value)) for key, value in configuration.items()])
    _section("made by", [(key, _plain(value)) for key, value in card.items() if key not in LEFT_OUT])
    if card.get("metrics"):
        print(f"\nmetrics\n{table(card['metrics'])}")
    else:
        print("\nmetrics: none on the card; measure them with python -m mtcp evaluate")
    return 0


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
