"""What listeners of the page share: the options they are added with, and how a complaint reaches the person.

What is not caught here is answered by `app.answers`.
"""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Callable
from html import escape
from typing import Any, TypeVar

import gradio as gr

from mtcp.errors import InputError, one_line

NETWORK: dict[str, Any] = {"concurrency_id": "network", "concurrency_limit": 1}
"""Listeners of this group run one at a time: the network fills the machine."""
PRIVATE: dict[str, Any] = {"api_visibility": "private", "trigger_mode": "multiple"}
"""Not an endpoint; and never dropped: by default gradio drops an event whose like is still running, and the
page would show a new photo with the maps of the last."""
QUIET: dict[str, Any] = {**PRIVATE, "show_progress": "hidden", "show_progress_on": []}
"""The same for what is done at once: nothing is covered meanwhile. The empty list spares the browser work: gradio tells
each output of each change of an event's status, hidden or not, and copies all that the output holds to do so."""
LATEST: dict[str, Any] = {**QUIET, "trigger_mode": "always_last"}
"""For what a person does many times in a row: only the last one counts. Not for listeners that read an event's data:
what gradio 6.31 sends in the end has the values of then, and the data of the first event (of two clicks the wrong one).
"""
ONCE: dict[str, Any] = {**QUIET, "trigger_mode": "once"}
"""For what need not happen again while it is happening."""

T = TypeVar("T")

_log = logging.getLogger("app")


def value_of(event: gr.EventData, name: str) -> Any:
    """What came with an event by that name, whatever it is; None where nothing did."""
    data = event._data  # its attributes fail where it came without any
    return data.get(name) if isinstance(data, dict) else None


def sent(event: gr.EventData, name: str) -> float:
    """A number that came with an event.

    Raises:
        InputError: there is none.
    """
    value = value_of(event, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{name} of a click is not a number: reload the page and try again")
    return value


def toast(problem: object, advice: str = "") -> None:
    """A toast, and a line in the log. problem: one line without its full stop. advice: sentences on what to do."""
    _log.warning("refused: %s", one_line(str(problem)))
    gr.Warning(f"{escape(str(problem))}. {advice}".rstrip(), duration=15)


def toasting(listener: Callable[..., T], otherwise: Callable[..., T], advice: str = "") -> Callable[..., T]:
    """`listener`, whose complaint about what the person gave is shown as a toast. It returns `otherwise` of the same
    arguments then: what the page is to show, the value in force in place of the one refused."""

    @functools.wraps(listener)
    def listening(*args: Any, **kwargs: Any) -> T:
        try:
            return listener(*args, **kwargs)
        except InputError as error:
            toast(error, advice)
            return otherwise(*args, **kwargs)

    return listening
