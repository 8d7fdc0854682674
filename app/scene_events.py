"""What changes the scene, and which tab is drawn for it: probe, camera, failures, tabs and their controls."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from app.listeners import LATEST, PRIVATE, QUIET, sent, toast, toasting, value_of
from app.page import Page
from app.scene import Scene
from app.tabs.base import Control, Settings, Values
from app.tabs.predictions import Predictions
from mtcp.errors import InputError

SHOWN = 0.05
"""Half of the last digit that the fields show of a field of view."""
_MOVE = "(at) => Array({count}).fill({{__type__: 'update', slider_position: at}})"
"""Moves the divider of {count} ImageSliders, in the browser: their handles do not answer to the keyboard."""
_FOLLOW = """(moved) => [Math.round(moved.at), ...{ids}.map(
  (id) => ({{__type__: 'update', ...(id === moved.of ? {{}} : {{slider_position: moved.at}})}}))]"""
"""Moves the slider for the keyboard and all ImageSliders but the one that was dragged; ids: of the latter, in order."""
_FADE = "(share) => { document.documentElement.style.setProperty('--labels', share / 100); }"
"""How much of the photo is seen through the colours of the classes: see style.css."""


def listen(page: Page, others: Sequence[gr.Tab]) -> None:
    """Adds the listeners to the page. others: tabs that look at something else than the scene."""
    _listen_to_probe(page)
    _listen_to_tabs(page, others)
    _listen_to_controls(page)


def redraw(page: Page, event: Dependency) -> Dependency:
    """After `event`: draws the open tab, unless it shows what is to be seen already. A tab may have been opened while
    the event's listener ran, and the probe moved while another one drew.
    """

    def draw(data: Settings) -> Values:
        with page.looking(data[page.scene]) as scene:
            return page.draw(scene, data)

    unmoved = toasting(draw, lambda _: {page.drawn: gr.skip()})
    return event.success(unmoved, page.draw_inputs, [page.drawn, *page.views], **QUIET)


def _listen_to_probe(page: Page) -> None:
    """Clicks on pictures and failures, numbers typed, the field of view: change the scene, draw the open tab.

    A number is used as soon as it can be. Until its field is left or Enter is pressed it may be half a number, so
    only then it is refused, and the field shows what is in force.
    """
    side = page.sidebar

    def by_click(scene: Scene, data: Settings, event: gr.EventData) -> Scene:
        return scene.point(sent(event, "x"), sent(event, "y"))

    def by_rank(scene: Scene, data: Settings, event: gr.EventData) -> Scene:
        return scene.choose(int(sent(event, "rank")))

    def by_x(scene: Scene, data: Settings) -> Scene:
        return scene.enter(data[side.x], None)

    def by_y(scene: Scene, data: Settings) -> Scene:
        return scene.enter(None, data[side.y])

    def by_fov(scene: Scene, data: Settings) -> Scene:
        fov = data[side.fov]
        return scene if fov is None else scene.see_through(float(fov))

    listened: set[Any] = {*page.draw_inputs, side.x, side.y, side.fov}
    outputs = list(dict.fromkeys([page.scene, page.drawn, *side.outputs, *page.views]))
    for trigger, mover, options in (
        (side.picker.pick, _mover(page, by_click, fields=side.at), QUIET),
        (side.picker.choose, _mover(page, by_rank, fields=side.at), QUIET),
        (partial(gr.on, [side.x.input, side.y.input]), _mover(page, _as_typed(by_x, by_y)), LATEST),
        (side.fov.input, _mover(page, _as_typed(by_fov)), LATEST),
    ):
        moved = trigger(mover, listened, outputs, **options)
        redraw(page, moved)  # of two that move it at once, the one that drew last may have moved first

    for field, typed in ((side.x, by_x), (side.y, by_y), (side.fov, by_fov)):
        gr.on([field.submit, field.blur], _leaver(page, typed, field), {page.scene, field}, field, **LATEST)


def _listen_to_tabs(page: Page, others: Sequence[gr.Tab]) -> None:
    places = [*(slot.place for slot in page.slots), *others]
    titles = [place.label for place in places]

    def title(event: gr.EventData) -> str:
        found = value_of(event, "value")
        if found not in titles:
            raise InputError("the tab that was opened was not named: reload the page and try again")
        return str(found)

    # One listener for all tabs: of two opened at nearly the same time, the later one is answered later.
    redraw(page, gr.on([place.select for place in places], title, None, page.opened, **QUIET))


def _listen_to_controls(page: Page) -> None:
    for slot in page.slots:
        outputs = list(slot.tab.outputs)
        for control in slot.tab.controls:
            trigger = getattr(control.component, control.event)
            trigger(_redrawer(page, control, outputs[0]), page.draw_inputs, outputs, **LATEST)
    overview = page.tab(Predictions)
    overview.opacity.input(None, overview.opacity, None, js=_FADE, **PRIVATE)
    moved: list[Component] = [one for slot in page.slots for one in slot.tab.divided]
    overview.divider.input(None, overview.divider, moved, js=_MOVE.format(count=len(moved)), **PRIVATE)
    follow = _FOLLOW.format(ids=json.dumps([one.elem_id for one in moved]))
    divided = page.sidebar.divided
    divided.input(None, divided, [overview.divider, *moved], js=follow, **PRIVATE)


def _mover(
    page: Page,
    change: Callable[[Scene, Settings, gr.EventData], Scene],
    fields: Callable[[Scene], Values] = lambda _: {},
) -> Callable[..., Values]:
    """The listener that changes the scene and draws what follows it. fields: those to be set; none where the change was
    typed into them.
    """

    def move(data: Settings, event: gr.EventData) -> Values:
        kept = data[page.scene]
        if kept is None:  # the photo is clicked too early, or the server knows this visitor no longer
            raise InputError("there is no result to look at: wait for the network, or drop the photo again")

        def step(before: Scene) -> tuple[Scene, Values]:
            scene = change(before, data, event)
            if scene is before:
                return before, {page.scene: gr.skip()}
            same = scene.analysis is before.analysis
            side = page.sidebar.point(scene) if same else page.sidebar.refocus(scene)
            return scene, {page.scene: kept, **side, **fields(scene), **page.draw(scene, data)}

        return page.results.change(kept, step)

    return toasting(move, lambda *_: {page.scene: gr.skip()})


Typed = Callable[[Scene, Settings], Scene]


def _as_typed(*changes: Typed) -> Callable[[Scene, Settings, gr.EventData], Scene]:
    """All of `changes` but those whose number cannot be used, or not yet."""

    def typed(scene: Scene, data: Settings, event: gr.EventData) -> Scene:
        for change in changes:
            with suppress(InputError):
                scene = change(scene, data)
        return scene

    return typed


def _leaver(page: Page, change: Typed, field: gr.Number) -> Callable[[Settings], Values]:
    """The listener that puts what is in force into `field` if it is empty or holds what `change` refuses or rounds."""

    def leave(data: Settings) -> Values:
        kept = data[page.scene]
        if kept is None:
            return {field: gr.skip()}
        scene = page.results.look(kept)
        try:
            scene = change(scene, data)  # its number may be on its way still
        except InputError as error:
            toast(error)
        now = page.sidebar.in_force(scene)[field]
        same = data[field] is not None and abs(now - data[field]) <= SHOWN
        return {field: gr.skip() if same else now}

    return toasting(leave, lambda _: {field: gr.skip()})


def _redrawer(page: Page, control: Control, first: Component) -> Callable[[Settings], Values]:
    """The listener that draws what a control of a tab changes. first: any of the tab's outputs."""

    def redraw(data: Settings) -> Values:
        with page.looking(data[page.scene]) as scene:
            return (control.redraw(scene, data) if scene is not None else {}) or {first: gr.skip()}

    return toasting(redraw, lambda _: {first: gr.skip()})
