"""Texts without the paths of one machine: a shipped card must not tell where its maker keeps files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from typing import Any

_ABSOLUTE = re.compile(r"""(?<![^\s"'=,;])(?:[A-Za-z]:)?[\\/][^\s"'=,;]+""")
"""An absolute path where a word, a list's item or an option's value begins; `3/4`, `a/b` and URLs are none."""


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
