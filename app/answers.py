"""Every listener answers in words: what is refused, and what fails, is a message to the person and a line in the log.

gradio reads a listener's inputs before it calls it, and says by itself what it does not like in them: the word "Error",
and a traceback in the log. Here that is replaced once, for all listeners of a page.
"""

from __future__ import annotations

import html
import logging
import math
from collections.abc import Sequence
from copy import copy
from typing import Any

import gradio as gr
from gradio.blocks import BlockFunction
from gradio.context import LocalContext
from gradio.state_holder import SessionState

from app.guard import shown
from app.listeners import toast
from mtcp.errors import InputError, one_line

FAULT = "Something went wrong inside this page; its log has the reason. Try again, or reload the page."
HANDLE_FILE = 'give handle_file("room.jpg"), from gradio_client import handle_file'

_log = logging.getLogger("app")


def answer_in_words(demo: gr.Blocks) -> None:
    """Replaces how `demo` reads inputs, sends what listeners return and reports what they raise.

    `InputError` and `gr.Error` reach the person as they are, and the log in one line. So does what gradio cannot read.
    Anything else is a fault of ours: the person is told so, the log has the traceback.
    """
    read, process, write = demo.preprocess_data, demo.process_api, demo.postprocess_data

    async def preprocess_data(
        block_fn: BlockFunction, inputs: list[Any], state: SessionState | None, explicit_call: bool = False
    ) -> Any:
        try:
            return await read(
                block_fn, taken(block_fn.inputs, _whole(block_fn, inputs)), state, explicit_call
            )
        except (gr.Error, InputError):
            raise
        except Exception as error:
            raise InputError(
                f"{block_fn.api_name or 'this control'} cannot read what was sent: reload the page and try again"
            ) from error

    async def process_api(*args: Any, **options: Any) -> dict[str, Any]:
        LocalContext.blocks.set(demo)
        LocalContext.event_id.set(options.get("event_id"))  # so that inputs can be answered by toasts, too
        try:
            return await process(*args, **options)
        except InputError as error:
            raise refused(html.escape(str(error), quote=False)) from error
        except gr.Error as error:
            raise refused(error.message, error) from error
        except Exception as error:
            _log.exception("a listener failed")
            raise gr.Error(FAULT, print_exception=False) from error

    async def postprocess_data(
        block_fn: BlockFunction, predictions: list[Any] | dict[Any, Any], state: SessionState | None
    ) -> list[Any]:
        changed = _changed(block_fn, predictions)
        if changed is None:
            return await write(block_fn, predictions, state)
        only, values = copy(block_fn), list(changed.values())
        only.outputs = list(changed)
        done = await write(only, values[0] if len(values) == 1 else values, state) if values else []
        sent = dict(zip(changed, done, strict=True))
        return [sent.get(block, None if block.stateful else gr.skip()) for block in block_fn.outputs]

    # replaced on the object, as gradio has no place for it
    demo.postprocess_data = postprocess_data  # type: ignore[method-assign]
    demo.preprocess_data = preprocess_data  # type: ignore[method-assign]
    demo.process_api = process_api  # type: ignore[method-assign]


def _changed(block_fn: BlockFunction, made: Any) -> dict[Any, Any] | None:
    """Of what a listener returned by component, what it changes. gradio would build each of the others again, as if it
    had changed, too: a tenth of a second with as many outputs as the listeners have that may draw any tab, and a
    `preprocess` that was replaced on the object is forgotten. None: something else was returned.
    """
    if not isinstance(made, dict) or not made or not set(made) <= set(block_fn.outputs):
        return None
    return {block: made[block] for block in block_fn.outputs if block in made and not _skipped(made[block])}


def _skipped(value: Any) -> bool:
    return isinstance(value, dict) and value == gr.skip()


def _whole(block_fn: BlockFunction, inputs: Sequence[Any]) -> list[Any]:
    """What a call of a public endpoint leaves out at its end has the component's own value: clients older than an input
    go on working, those that know no default, too.
    """
    left_out = block_fn.inputs[len(inputs) :] if block_fn.api_visibility == "public" else ()
    return [*inputs, *(getattr(block, "value", None) for block in left_out)]


def refused(message: str, error: gr.Error | None = None) -> gr.Error:
    """The error that tells the person, logged here in one line and not again by gradio. message: HTML."""
    _log.warning("refused: %s", one_line(html.unescape(message)))
    error = error or gr.Error(message)
    error.print_exception = False
    return error


def taken(blocks: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """A listener's inputs as it may take them.

    Raises:
        InputError: one is no number where a number is wanted, or no uploaded file.
    """
    known = [_taken(block, value) for block, value in zip(blocks, values, strict=False)]
    return [*known, *values[len(known) :]]


def _taken(block: Any, value: Any) -> Any:
    if isinstance(block, gr.Slider):
        return within(block, value)
    if isinstance(block, gr.Number):
        return None if value is None else _number(block, value)
    if isinstance(block, gr.Image | gr.File) and not _is_file(value):
        raise InputError(f"{block.label}: {shown(value)} is not an uploaded file; {HANDLE_FILE}")
    return value


def within(slider: gr.Slider, value: Any) -> float:
    """What is typed beside a slider, moved to its nearer end if it is beyond. The browser shows the same then.

    An emptied field, as it is before something is typed, is the lower end.
    """
    low, high = float(slider.minimum), float(slider.maximum)
    number = low if value is None else _number(slider, value)
    nearest = min(max(number, low), high)
    if nearest != number:
        toast(f"{slider.label}: {number:g} is outside {low:g} to {high:g}; {nearest:g} is taken")
    return nearest


def _number(block: Any, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{block.label}: {shown(value)} is not a number")
    return value


def _is_file(value: Any) -> bool:
    """Whether it has the form of uploaded files; that they are is asked by `app.guard` and `app.uploads`."""
    return value is None or all(
        isinstance(one, dict) for one in (value if isinstance(value, list) else [value])
    )
