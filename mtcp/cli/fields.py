"""Configurations as flags: one per field, absent unless given, so that presets and files supply the rest."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Collection, Iterable
from typing import Any

from mtcp.config import ModelConfig, TrainConfig
from mtcp.config.idle import READ_WITH, is_idle
from mtcp.config.model import MODEL_CHOICES, SWITCHED
from mtcp.config.training import CHOICES
from mtcp.errors import InputError
from mtcp.objective.options import OPTIONS, BalancingOptions, option_names
from mtcp.presets import PRESETS


def add_fields(group: Any, config: Any, prefix: str, without: Collection[str] = ()) -> None:
    """Adds a flag per field of `config`, those in `without` excepted; `given` collects them by `prefix`.

    config: an instance of a configuration. Its values are the defaults that the help shows.
    """
    for field in dataclasses.fields(config):
        if field.name in without:
            continue
        default = getattr(config, field.name)
        convert, metavar = _converter(default)
        group.add_argument(
            f"--{flag(field.name)}",
            dest=f"{prefix}_{field.name}",
            type=convert,
            default=argparse.SUPPRESS,
            metavar=metavar,
            help=_help(field, default),
        )
        # Commands that were written down with the switches of earlier versions go on working.
        for old in (old for old, now in SWITCHED.items() if now == field.name):
            group.add_argument(
                f"--{flag(old)}",
                dest=f"{prefix}_{old}",
                type=_yes_no,
                default=argparse.SUPPRESS,
                help=argparse.SUPPRESS,
            )


def add_train_fields(parser: argparse.ArgumentParser, without: Collection[str] = ()) -> None:
    """Adds the flags of `TrainConfig`; the options of each balancing strategy are a group of their own."""
    own = {field.name for field in dataclasses.fields(BalancingOptions)}
    group = parser.add_argument_group("training")
    add_fields(group, TrainConfig(), "train", {*own, *without})
    for old, new in TrainConfig.RENAMED.items():  # commands that are written down somewhere still run
        group.add_argument(
            f"--{flag(old)}", dest=f"train_{new}", default=argparse.SUPPRESS, help=argparse.SUPPRESS
        )
    for strategy in OPTIONS:
        others = own - set(option_names(strategy))
        if own - others - set(without):
            group = parser.add_argument_group(f"options of --balancing {strategy}")
            add_fields(group, BalancingOptions(), "train", others | set(without))


def add_model_fields(parser: argparse.ArgumentParser, without: Collection[str] = ()) -> None:
    """Adds the flags of `ModelConfig`, for a parser that has `--preset`."""
    group = parser.add_argument_group("network (defaults of --preset lite)")
    add_fields(group, PRESETS["lite"], "model", without)


def given(args: argparse.Namespace, prefix: str) -> dict[str, Any]:
    """The fields that the command line named, by field name."""
    start = f"{prefix}_"
    return {key[len(start) :]: value for key, value in vars(args).items() if key.startswith(start)}


def refuse_idle(named: Iterable[str], model: ModelConfig, train: TrainConfig) -> None:
    """Raises InputError for a field in `named`, those that the user set, which nothing reads in such a run."""
    values = {**model.to_dict(), **train.to_dict()}
    for name in named:
        if is_idle(name, values):
            switches = READ_WITH[name]
            needed = " or ".join(_said(switch, *on[:1]) for switch, on in switches.items())
            here = ", ".join(_said(switch, values[switch]) for switch in switches)
            raise InputError(
                f"--{flag(name)} changes nothing with {here}: it needs {needed}; add that, or leave --{flag(name)} out"
            )


def flag(field: str) -> str:
    """How a field is spelled as a flag, without the dashes before it."""
    return field.replace("_", "-")


def _said(name: str, *value: Any) -> str:
    """A field as it is typed, with its value if one is given."""
    if value and value[0] == "":
        return f"no --{flag(name)}"
    return " ".join(
        [f"--{flag(name)}", *(("no", "yes")[one] if isinstance(one, bool) else f"{one}" for one in value)]
    )


def _converter(default: Any) -> tuple[Any, str]:
    if isinstance(default, bool):
        return _yes_no, "yes|no"
    if isinstance(default, tuple):
        inner = type(default[0])
        return (lambda text: tuple(inner(part) for part in text.split(","))), "A,B,..."
    return type(default), type(default).__name__.upper()


def _help(field: dataclasses.Field[Any], default: Any) -> str:
    """What the field is, what it may be where that is a choice, and its default."""
    text = field.metadata["help"]
    if choices := {**CHOICES, **MODEL_CHOICES}.get(field.name):
        text += f": {', '.join(choices)}"
    return f"{text} (default: {field.metadata['shown'] or _shown(default)})".replace("%", "%%")


def _yes_no(text: str) -> bool:
    if text.lower() not in ("yes", "no"):
        raise argparse.ArgumentTypeError(f"{text!r}: say yes or no")
    return text.lower() == "yes"


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    text = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
    return text or "none"
