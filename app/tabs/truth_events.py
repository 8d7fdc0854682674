"""The listeners of the frame browser in the Ground truth tab."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component
from gradio.context import Context
from gradio.events import Dependency

from app.background_job import Progress
from app.frames import Frames
from app.listeners import NETWORK, PRIVATE, QUIET, sent, toasting
from app.networks import Networks
from app.session import Analysis
from app.tabs.base import Settings, Values
from app.tabs.truth import Browser, Truth, listed
from app.views import truth as view
from mtcp.errors import InputError
from mtcp.evaluation.ranking import error_quantity, ranked

REDRAW = 5
"""While frames are measured, the table is sent anew after so many of them."""


def listen(
    tab: Truth,
    networks: Networks,
    network: gr.Dropdown,
    inbox: gr.State,
    handed: Callable[[Analysis], Any] = lambda analysis: analysis,
) -> list[Dependency]:
    """Adds the browser's listeners to the page, if there is one.

    Args:
        network: the name of the one that the person has chosen.
        inbox: gets the analysis of a frame that the person opens, as `handed` makes it.

    Returns:
        The events after which something may be in the inbox.
    """
    browser = tab.browser
    if browser is None:
        return []
    _listen_to_table(browser)
    _listen_to_measuring(browser, networks)
    _listen_to_network(browser, networks, network)

    def run_of(data: Settings, index: int) -> Any:
        return handed(browser.seen(data).run(index, networks.predict(data[browser.seen_by])))

    return _listen_to_opening(browser, run_of, inbox)


def _listen_to_table(browser: Browser) -> None:
    inputs: set[Block] = set(browser.settings)

    def from_the_top(data: Settings) -> Values:
        return {browser.page: 0, browser.table: table(browser, {**data, browser.page: 0})}

    def turn(data: Settings, event: gr.EventData) -> Values:
        page = view.clamp_page(int(sent(event, "page")), len(browser.seen(data)))
        return {browser.page: page, browser.table: table(browser, {**data, browser.page: page})}

    drawn: list[Any] = [browser.table, browser.page]
    changed = [browser.number.input, browser.of.input, browser.order.input]
    gr.on(changed, from_the_top, inputs, drawn, **QUIET)
    browser.table.select(turn, inputs, drawn, **QUIET)
    assert Context.root_block is not None  # listeners are only ever added inside the page
    Context.root_block.load(lambda data: table(browser, data), inputs, browser.table, **QUIET)


def _listen_to_measuring(browser: Browser, networks: Networks) -> None:
    job = browser.job

    def step(data: Settings) -> tuple[Values, Progress]:
        frames = browser.seen(data)
        index = frames.unmeasured()
        if index is not None:
            frames.measure(index, networks.predict(data[browser.seen_by]))
        now = measured(frames)
        drawn = {browser.table: table(browser, data)} if not now.more or now.done % REDRAW == 1 else {}
        return drawn, now

    def state(data: Settings) -> tuple[Values, Progress]:
        return {browser.table: table(browser, data)}, measured(browser.seen(data), stopped=True)

    job.listen(step, state, browser.settings, [browser.table])
    job.start.click(
        lambda data: job.begin(data, measured(browser.seen(data))),
        {job.wanted, job.tick, browser.seen_by},
        job.outputs,
        **QUIET,
    )


def _listen_to_network(browser: Browser, networks: Networks, network: gr.Dropdown) -> None:
    """Another network was chosen: shows what was measured with it. A job ends, as it was one of the other's."""

    def see_by(data: Settings) -> Values:
        return seen_by_usable(browser, networks, data, data[network])

    outputs: list[Any] = [browser.seen_by, browser.number, browser.table, *browser.job.outputs]
    unmoved = toasting(see_by, lambda _: {browser.seen_by: gr.skip()})
    # in the networks' own queue: no step of the job is under way meanwhile, which would draw what is over
    network.change(unmoved, {*browser.settings, network}, outputs, **NETWORK, **QUIET)


def _listen_to_opening(
    browser: Browser, run_of: Callable[[Settings, int], Any], inbox: gr.State
) -> list[Dependency]:
    def opened(data: Settings, index: int) -> Values:
        analysis = run_of(data, index)
        page = sequence(browser, data).index(index) // view.PAGE
        seen = {**data, browser.at: index, browser.page: page}
        asked = browser.seen(data).ids[index]
        here = {browser.at: index, browser.asked: asked, browser.page: page}
        return {inbox: analysis, **here, browser.table: table(browser, seen)}

    def by_button(data: Settings, event: gr.EventData) -> Values:
        return opened(data, min(max(int(sent(event, "open")), 0), len(browser.seen(data)) - 1))

    def by_text(data: Settings) -> Values:
        return opened(data, browser.seen(data).find(data[browser.asked]))

    def by_step(way: int) -> Any:
        return lambda data: opened(data, neighbour(browser, data, way))

    options: dict[str, Any] = {"show_progress_on": browser.status, **NETWORK, **PRIVATE}
    outputs: list[Any] = [inbox, browser.at, browser.asked, browser.table, browser.page]

    def add(event: Any, listener: Callable[..., Values], *more: Component) -> Dependency:
        return event(toasting(listener, unmoved), {*browser.settings, *more}, outputs, **options)

    def unmoved(data: Settings, *_: Any) -> Values:
        at = data[browser.at]
        return {inbox: None, browser.asked: "" if at is None else browser.seen(data).ids[at]}

    return [
        add(browser.table.click, by_button),
        add(browser.asked.submit, by_text, browser.asked),
        add(browser.previous.click, by_step(-1)),
        add(browser.next.click, by_step(1)),
    ]


def sequence(browser: Browser, data: Settings) -> list[int]:
    """The frames' indices in the order that was chosen; those not measured come last."""
    rows, order = browser.seen(data).rows(), data[browser.order]
    if order == "listed":
        return list(range(len(rows)))
    quantity, of = browser.quantity(data), data[browser.of]
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
    frames = browser.seen(data)
    listing = view.Listing(
        rows=frames.rows(),
        order=sequence(browser, data),
        quantity=browser.quantity(data),
        page=data[browser.page],
        open=data[browser.at],
        network=data[browser.seen_by],
    )
    return view.frames_table(listing, main_quantities(frames))


def seen_by(browser: Browser, data: Settings, network: str) -> Values:
    """The table as another network has measured it so far; the rest waits for the person.

    Raises:
        InputError: the network cannot be used, or the folder lacks what it predicts.
    """
    if not network or network == data[browser.seen_by]:
        return {browser.seen_by: gr.skip()}
    now, frames = {**data, browser.seen_by: network}, browser.frames.of(network)
    done = replace(
        measured(frames), label=f"{len(frames.measured.rows)} of {len(frames)} by {network}", more=False
    )
    number = gr.Dropdown(listed(frames), value=browser.quantity(now).key)
    return {
        browser.seen_by: network,
        browser.number: number,
        browser.table: table(browser, now),
        **browser.job.halted(done),
    }


def seen_by_usable(browser: Browser, networks: Networks, data: Settings, network: str) -> Values:
    """`seen_by`; nothing where the network cannot be used, which the listener that shows the photo says."""
    try:
        networks.take(network)
    except InputError:
        return {browser.seen_by: gr.skip()}
    return seen_by(browser, data, network)


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
