"""What differs in the configurations of runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mtcp.config import ModelConfig, TrainConfig
from mtcp.errors import InputError

_PARTS: dict[str, type[ModelConfig] | type[TrainConfig]] = {"model": ModelConfig, "train": TrainConfig}
_MISSING = object()
_FOLDERS = re.compile(r"(?<![\w.])(?:~|[A-Za-z]:)?[/\\](?:[^\s,:/\\]+[/\\])+")
"""The folders of an absolute path."""


def differences(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Fields that are not the same in all `configs`, with their values as text; "" where a configuration lacks one.

    Configurations of earlier versions are read as today's. Absolute paths lose their folders. The order is that of the
    configuration's classes, the model first.
    """
    read = [_flat(config) for config in configs]
    names = list(dict.fromkeys(name for one in read for name in one))
    found: dict[str, list[str]] = {}
    for name in names:
        values = [one.get(name, _MISSING) for one in read]
        if all(value == values[0] for value in values):
            continue
        texts = ["" if value is _MISSING else _text(value) for value in values]
        if len(set(texts)) == 1:  # only their folders differ
            texts = [t if v == values[0] else f"{t} (another folder)" for t, v in zip(texts, values, strict=True)]
        found[name] = texts
    return found


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for part, kind in _PARTS.items():
        values = config.get(part)
        if not isinstance(values, Mapping) or not values:
            continue
        try:
            values = kind.from_dict(values).to_dict()
        except (InputError, ValueError, TypeError):  # of a version that is not known: as it stands there
            pass
        flat |= {f"{name} ({part})" if name in flat else str(name): value for name, value in values.items()}
    return flat


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    return _FOLDERS.sub("", str(value))
