"""The listeners of the frame browser in the Truth tab."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.context import Context
from gradio.events import Dependency

from app.background_job import Progress
from app.frames import Frames
from app.listeners import NETWORK, PRIVATE, QUIET, sent, toasting
from app.session import Analysis, Predict
from app.tabs.base import Settings, Values
from app.tabs.truth import Browser, Truth
from app.views import truth as view
from mtcp.evaluation.ranking import error_quantity, ranked

REDRAW = 5
"""While frames are measured, the table is sent anew after so many of them."""


def listen(
    tab: Truth,
    predict: Predict,
    inbox: gr.State,
    handed: Callable[[Analysis], Any] = lambda analysis: analysis,
) -> list[Dependency]:
    """Adds the browser's listeners to the page, if there is one.

    Args:
        inbox: gets the `Run` of a frame that the person opens, as `handed` makes it.

    Returns:
        The events after which something may be in the inbox.
    """
    browser = tab.browser
    if browser is None:
        return []
    draw_inputs: list[Component] = [browser.number, browser.of, browser.order, browser.at, browser.page]
    _listen_to_table(browser, draw_inputs)
    _listen_to_measuring(browser, draw_inputs, predict)
    return _listen_to_opening(
        browser, draw_inputs, lambda index: handed(browser.frames.run(index, predict)), inbox
    )


def _listen_to_table(browser: Browser, draw_inputs: list[Component]) -> None:
    def from_the_top(data: Settings) -> Values:
        return {browser.page: 0, browser.table: table(browser, {**data, browser.page: 0})}

    def turn(data: Settings, event: gr.EventData) -> Values:
        page = view.clamp_page(int(sent(event, "page")), len(browser.frames))
        return {browser.page: page, browser.table: table(browser, {**data, browser.page: page})}

    drawn: list[Any] = [browser.table, browser.page]
    changed = [browser.number.input, browser.of.input, browser.order.input]
    gr.on(changed, from_the_top, set(draw_inputs), drawn, **QUIET)
    browser.table.select(turn, set(draw_inputs), drawn, **QUIET)
    assert Context.root_block is not None  # listeners are only ever added inside the page
    Context.root_block.load(lambda data: table(browser, data), set(draw_inputs), browser.table, **QUIET)


def _listen_to_measuring(browser: Browser, draw_inputs: list[Component], predict: Predict) -> None:
    frames, job = browser.frames, browser.job

    def step(data: Settings) -> tuple[Values, Progress]:
        index = frames.unmeasured()
        if index is not None:
            frames.measure(index, predict)
        now = measured(frames)
        drawn = {browser.table: table(browser, data)} if not now.more or now.done % REDRAW == 1 else {}
        return drawn, now

    def state(data: Settings) -> tuple[Values, Progress]:
        return {browser.table: table(browser, data)}, measured(frames, stopped=True)

    job.listen(step, state, draw_inputs, [browser.table])
    job.start.click(
        lambda data: job.begin(data, measured(frames)),
        {job.wanted, job.tick},
        job.outputs,
        **QUIET,
    )


def _listen_to_opening(
    browser: Browser, draw_inputs: list[Component], run_of: Callable[[int], Any], inbox: gr.State
) -> list[Dependency]:
    def opened(data: Settings, index: int) -> Values:
        analysis = run_of(index)
        page = sequence(browser, data).index(index) // view.PAGE
        seen = {**data, browser.at: index, browser.page: page}
        asked = browser.frames.ids[index]
        here = {browser.at: index, browser.asked: asked, browser.page: page}
        return {inbox: analysis, **here, browser.table: table(browser, seen)}

    def by_button(data: Settings, event: gr.EventData) -> Values:
        return opened(data, min(max(int(sent(event, "open")), 0), len(browser.frames) - 1))

    def by_text(data: Settings) -> Values:
        return opened(data, browser.frames.find(data[browser.asked]))

    def by_step(way: int) -> Any:
        return lambda data: opened(data, neighbour(browser, data, way))

    options: dict[str, Any] = {"show_progress_on": browser.status, **NETWORK, **PRIVATE}
    outputs: list[Any] = [inbox, browser.at, browser.asked, browser.table, browser.page]

    def add(event: Any, listener: Callable[..., Values], *more: Component) -> Dependency:
        return event(toasting(listener, unmoved), {*draw_inputs, *more}, outputs, **options)

    def unmoved(data: Settings, *_: Any) -> Values:
        at = data[browser.at]
        return {inbox: None, browser.asked: "" if at is None else browser.frames.ids[at]}

    return [
        add(browser.table.click, by_button),
        add(browser.asked.submit, by_text, browser.asked),
        add(browser.previous.click, by_step(-1)),
        add(browser.next.click, by_step(1)),
    ]


def sequence(browser: Browser, data: Settings) -> list[int]:
    """The frames' indices in the order that was chosen; those not measured come last."""
    rows, order = browser.frames.rows(), data[browser.order]
    if order == "listed":
        return list(range(len(rows)))
    quantity, of = browser.quantity(data[browser.number]), data[browser.of]
    worst = ranked(rows, quantity, of)
    if order == "worst":
        return worst
    known = [i for i in worst if rows[i].value(quantity.key, of) is not None]
    return known[::-1] + [i for i in worst if rows[i].value(quantity.key, of) is None]


def neighbour(browser: Browser, data: Settings, way: int) -> int:
    """The frame before (-1) or after (1) the open one in that order, round the ends; the first if none is."""
    order = sequence(browser, data)
    if data[browser.at] is None:
        return order[0]
    return order[(order.index(data[browser.at]) + way) % len(order)]


def table(browser: Browser, data: Settings) -> str:
    """The page of the table that is asked for."""
    listing = view.Listing(
        rows=browser.frames.rows(),
        order=sequence(browser, data),
        quantity=browser.quantity(data[browser.number]),
        of=data[browser.of],
        page=data[browser.page],
        open=data[browser.at],
    )
    return view.frames_table(listing, main_quantities(browser.frames))


def main_quantities(frames: Frames) -> tuple[Any, ...]:
    """The columns that are always there: each task's main number, and depth against normals."""
    wanted = {error_quantity(task.name, task.metric).key for task in frames.tasks} | {"depth_normal_mean_deg"}
    return tuple(quantity for quantity in frames.quantities if quantity.key in wanted)


def measured(frames: Frames, stopped: bool = False) -> Progress:
    """How many frames are measured, and which comes next."""
    following = frames.unmeasured()
    done = len(frames.measured.rows)
    if following is None:
        return Progress(done, len(frames), f"all {len(frames)} frames measured", False)
    if stopped:
        return Progress(done, len(frames), f"stopped: {done} of {len(frames)} measured", False)
    return Progress(done, len(frames), f"{done} of {len(frames)}, now {frames.ids[following]}", True)
