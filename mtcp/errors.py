"""Errors that a user can cause and fix, and how their texts are kept to one line."""

from __future__ import annotations

import unicodedata

_UNSHOWABLE = {"Cc", "Cs", "Zl", "Zp"}  # controls, lone surrogates, line and paragraph separators


class InputError(ValueError):
    """Wrong input. One line that names the offending value and says what to do.

    Values come from files and names that anyone may have made: what would break the line is escaped.
    """

    def __init__(self, text: str) -> None:
        super().__init__(one_line(text))


def one_line(text: str) -> str:
    """`text` with line breaks, terminal controls and undecodable bytes of file names as escapes, like \\n."""
    return "".join(
        c.encode("unicode_escape").decode() if unicodedata.category(c) in _UNSHOWABLE else c for c in text
    )
