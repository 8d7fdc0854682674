"""How a run gets on the page: from a photo, from another tab that has made one, or made at start.

A run comes in steps. What the network predicts is drawn at once; depth and normals are compared after that, and what
shows the comparison is filled in.
"""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from app import session
from app.listeners import NETWORK, ONCE, PRIVATE, QUIET, toasting
from app.opening import Opening
from app.page import Page
from app.result_cache import CachedResult
from app.scene import Scene
from app.scene_events import redraw
from app.session import Analysis
from app.tabs.base import Settings, Values
from app.tabs.coherence import Coherence
from app.tabs.predictions import Predictions
from app.views import stages

LOOK_SECONDS = 0.5
"""Between two looks whether the opening is there."""
_INTO_VIEW = """() => {
  if (matchMedia('(max-width: 900px)').matches) document.querySelector('#right').scrollIntoView();
}"""
"""On a small screen the results are below the photo."""


def listen_for_photos(page: Page) -> None:
    """A photo given, taken away or picked: run the network, draw, compare."""
    photo, picked = page.sidebar.photo, page.sidebar.examples
    outputs = [page.bar, page.opened, *page.frame]
    photo.input(None, js=_INTO_VIEW, **PRIVATE)
    _finish(page, photo.input(_waiter(page), {photo, page.opened, page.scene}, outputs, **QUIET))
    if picked is not None:
        paths = [str(path) for path in page.sources.examples]

        def example(data: Settings) -> Values:
            index = data[picked]
            known = index in range(len(paths))
            return {photo: paths[index], **_wait(page, data)} if known else {photo: None}

        picked.click(None, js=_INTO_VIEW, **PRIVATE)
        _finish(page, picked.click(example, {picked, page.opened, page.scene}, [photo, *outputs], **QUIET))


def _finish(page: Page, event: Dependency) -> None:
    inputs = {page.sidebar.photo, *page.draw_inputs}
    outputs = [page.sidebar.photo, page.sidebar.truth, *outputs_of(page)]
    complete(page, event.success(_shower(page), inputs, outputs, **NETWORK, **QUIET))


def open_from_inbox(page: Page, event: Dependency, title: str) -> None:
    """A run made elsewhere on the page: show it as if its photo had been dropped, in the tab `title`, by the networks
    that are chosen.
    """

    photo = page.sidebar.photo

    def show(data: Settings) -> Values:
        kept: CachedResult[Analysis] | None = data[page.inbox]
        if kept is None:
            return {page.inbox: gr.skip()}
        analysis = page.networks.seen(page.results.take(kept), data[page.sidebar.a], data[page.sidebar.b])
        return {
            **page.enter(Scene.of(analysis.uncompared()), {**data, page.opened: title}),
            photo: analysis.photo,
            page.inbox: None,
            page.sidebar.truth: None,
            **open_tab(page, title),
        }

    shown = toasting(show, lambda _: {page.inbox: None})
    outputs = [page.inbox, photo, page.sidebar.truth, page.bar, page.opened, *outputs_of(page)]
    complete(page, event.success(shown, {page.inbox, *page.draw_inputs}, outputs, **NETWORK, **QUIET))


def listen_for_opening(page: Page, opening: Opening) -> gr.Timer:
    """A visitor without a photo gets what was made at start, as soon as it is there. The timer that looks for it is to
    be started.
    """
    timer, there, photo = gr.Timer(LOOK_SECONDS, active=False), gr.State(False), page.sidebar.photo

    def look(data: Settings) -> Values:
        if data[page.scene] is not None or data[photo] is not None or opening.failed:
            return {timer: gr.Timer(active=False)}
        ready = opening.analysis is not None
        return {timer: gr.Timer(active=not ready), there: ready}

    def enter(data: Settings) -> Values:
        if opening.analysis is None or data[page.scene] is not None or data[photo] is not None:
            return {photo: gr.skip()}  # theirs came first
        page.results.share(opening.analysis)  # of the network that the page was started with
        return {**page.enter(Scene.of(opening.analysis), data), photo: str(opening.photo)}

    timer.tick(look, {photo, page.scene}, [timer, there], **ONCE)
    entered = there.change(enter, {photo, *page.draw_inputs}, [photo, *outputs_of(page)], **QUIET)
    follow_up(page, entered)
    return timer


def outputs_of(page: Page) -> list[Component]:
    """What entering a run may set."""
    return list(dict.fromkeys([*page.frame, *page.views]))


def complete(page: Page, event: Dependency) -> None:
    """After `event`, which shows a run: draws the tab opened meanwhile, compares, draws that."""
    drawn = follow_up(page, event)
    outputs = [page.scene, page.header, *page.sidebar.outputs]
    compared = drawn.success(_comparer(page), page.scene, list(dict.fromkeys(outputs)), **NETWORK, **QUIET)
    follow_up(page, compared)


def follow_up(page: Page, event: Dependency) -> Dependency:
    """After `event`, which draws: draws the tab opened meanwhile; with the pictures on the screen, the values under the
    cursor. What is returned is the first of both.
    """
    drawn = redraw(page, event)

    def tell(kept: CachedResult[Scene] | None) -> Values:
        if kept is None:
            return {page.sidebar.hover: None}
        with page.looking(kept) as scene:
            assert scene is not None
            return page.sidebar.values(scene)

    teller = toasting(tell, lambda _: {page.sidebar.hover: gr.skip()})
    drawn.success(teller, page.scene, page.sidebar.outputs, **QUIET)
    return drawn


def _waiter(page: Page) -> Callable[[Settings], Values]:
    """The listener that says what is going to happen: others' photos may be before this one."""

    def wait(data: Settings) -> Values:
        return page.clear() if data[page.sidebar.photo] is None else _wait(page, data)

    return wait


def _wait(page: Page, data: Settings) -> Values:
    """The first photo after what the page opens on begins with its predictions; later ones stay in the open tab."""
    opening, kept = page.sources.opening, data[page.scene]
    at_opening = (
        kept is None or kept.value is None or opening is None or kept.value.analysis is opening.analysis
    )
    leaves = opening is not None and at_opening and data[page.opened] == Coherence.title
    return {**page.wait(), **(open_tab(page, Predictions.title) if leaves else {})}


def _shower(page: Page) -> Callable[[Settings], Values]:
    """The listener that runs the network on a photo, and shows what it predicts."""
    networks, side = page.networks, page.sidebar
    photo = side.photo

    def show(data: Settings) -> Values:
        path = data[photo]
        if path is None:
            return {photo: gr.skip()}
        analysis = session.analyse(networks.take(data[side.a]).predict, path, page.sources.truth_of)
        analysis = networks.seen(analysis, data[side.a], data[side.b])
        height, width = analysis.prediction.size
        page.pace.took(stages.NETWORK, height * width, analysis.prediction.seconds)
        entered = page.enter(Scene.of(analysis.uncompared()), data)
        return {**entered, **side.shown(analysis, path), side.truth: None}

    def clear(data: Settings) -> Values:
        return {**page.clear(), photo: None, side.truth: None}

    return toasting(show, clear, "Give another photo (JPEG, PNG, WebP ...).")


def open_tab(page: Page, title: str) -> Values:
    """The tab of that title, opened."""
    return {page.bar: gr.Tabs(selected=title), page.opened: title}


def _comparer(page: Page) -> Callable[..., Values]:
    """The listener that compares depth and normals, so that what follows can be drawn with it."""

    def compare(kept: CachedResult[Scene] | None) -> Values:
        if kept is None or page.results.look(kept).analysis.compared:
            return {page.scene: gr.skip()}
        scene = page.results.look(kept)
        height, width = scene.analysis.prediction.size
        with page.pace.timed(stages.COHERENCE, height * width):
            analysis = scene.analysis.compare()

        def step(now: Scene) -> tuple[Scene, Values]:
            """The probe may have been moved meanwhile, or the field of view."""
            done = now.compare(analysis if now.analysis is scene.analysis else now.analysis.compare())
            side = page.sidebar
            at = {} if done.probe == now.probe else side.at(done)
            return done, {page.scene: kept, **page.tell(done), **side.point(done), **at}

        return page.results.change(kept, step)

    return toasting(compare, lambda _: {page.scene: gr.skip()})
