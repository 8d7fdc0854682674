"""A configuration to and from plain JSON, under today's names and those of earlier versions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from mtcp.errors import InputError

Self = TypeVar("Self", bound="Config")


@dataclass(frozen=True)
class Config:
    """What both configurations can do."""

    RENAMED: ClassVar[Mapping[str, str]] = {}
    """Today's name of a field by one it had before. Cards, run folders and files with old names still read."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types (tuples become lists)."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in dataclasses.asdict(self).items()
        }

    @classmethod
    def from_dict(cls: type[Self], values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`. Missing keys take their defaults; old keys are read as `current` says.

        Raises:
            InputError: an unknown key, a field under both its names, or a value that the configuration refuses.
        """
        if not isinstance(values, Mapping):
            raise InputError(f"{cls.__name__}: {type(values).__name__}, expected an object")
        values = cls.current(values)
        fields = {field.name: field for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - set(fields))
        if unknown:
            raise InputError(
                f"unknown {cls.__name__} field(s) {', '.join(unknown)}; known: {', '.join(fields)}"
            )
        tupled = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
        for key, value in tupled.items():
            if not alike(value, fields[key].default):
                raise InputError(f"{key}={shown(value)}: expected something like {fields[key].default!r}")
        return cls(**tupled)

    def replace(self: Self, **changes: Any) -> Self:
        """A copy with `changes`; unknown names raise InputError."""
        return type(self).from_dict({**self.to_dict(), **self.current(changes)})

    @classmethod
    def current(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """`values` with the keys and values of earlier versions as they are called today.

        Raises:
            InputError: a field is there under both its names.
        """
        for old, new in cls.RENAMED.items():
            if old in values and new in values:
                raise InputError(f"{cls.__name__}: {old} is the old name of {new}: give {new} alone")
        return {cls.RENAMED.get(name, name): value for name, value in values.items()}


def alike(value: object, default: object) -> bool:
    """Whether `value` is of the kind of `default`: a flag, a whole or finite number, text, or a tuple of such."""
    if isinstance(default, tuple):
        return isinstance(value, tuple) and all(alike(item, default[0]) for item in value)
    if isinstance(default, float):
        return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e308
    return type(value) is type(default)


def shown(value: object) -> str:
    """A refused value as messages have it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
