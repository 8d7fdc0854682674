"""Configurations as flags: one per field, absent unless given, so that presets and files supply the rest."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Collection
from typing import Any

from mtcp.config import _Config


def add_fields(group: Any, config: type[_Config], prefix: str, without: Collection[str] = ()) -> None:
    """Adds a flag per field of `config`, those in `without` excepted; `given` collects them by `prefix`."""
    for field in dataclasses.fields(config):
        if field.name in without:
            continue
        default = field.default
        name = "task-set" if (prefix, field.name) == ("model", "data") else flag(field.name)
        convert, metavar = _converter(default)
        group.add_argument(
            f"--{name}",
            dest=f"{prefix}_{field.name}",
            type=convert,
            default=argparse.SUPPRESS,
            metavar=metavar,
            help=f"default: {_shown(default)}",
        )


def given(args: argparse.Namespace, prefix: str) -> dict[str, Any]:
    """The fields that the command line named, by field name."""
    start = f"{prefix}_"
    return {key[len(start) :]: value for key, value in vars(args).items() if key.startswith(start)}


def flag(field: str) -> str:
    """How a field is spelled as a flag, without the dashes before it."""
    return field.replace("_", "-")


def _converter(default: Any) -> tuple[Any, str]:
    if isinstance(default, bool):
        return _yes_no, "yes|no"
    if isinstance(default, tuple):
        inner = type(default[0])
        return (lambda text: tuple(inner(part) for part in text.split(","))), "A,B,..."
    return type(default), type(default).__name__.upper()


def _yes_no(text: str) -> bool:
    if text.lower() not in ("yes", "no"):
        raise argparse.ArgumentTypeError(f"{text!r}: say yes or no")
    return text.lower() == "yes"


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    text = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
    return (text or "none").replace("%", "%%")
