"""What changes the scene, and which tab is drawn for it: probe, camera, failures, tabs and their controls."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress

import gradio as gr
from gradio.components import Component

from app.listeners import LATEST, PRIVATE, QUIET, sent, toast, toasting
from app.page import Page
from app.scene import Scene
from app.tabs.base import Control, Settings, Values
from app.tabs.predictions import Predictions
from mtcp.errors import InputError

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


def drawer(page: Page) -> Callable[[Settings], Values]:
    """The listener that draws the open tab."""

    def draw(data: Settings) -> Values:
        with page.looking(data[page.scene]) as scene:
            return page.draw(scene, data)

    return toasting(draw, lambda _: {page.drawn: gr.skip()})


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

    def by_number(scene: Scene, data: Settings) -> Scene:
        return scene.enter(data[side.x], data[side.y])

    def by_fov(scene: Scene, data: Settings) -> Scene:
        fov = data[side.fov]
        return scene if fov is None else scene.see_through(float(fov))

    for trigger, moves in (
        (side.picker.pick, by_click),
        (side.picker.choose, by_rank),
        (side.x.input, _while_typed(by_number, side.x, side.y)),
        (side.y.input, _while_typed(by_number, side.x, side.y)),
        (side.fov.input, _while_typed(by_fov, side.fov)),
    ):
        trigger(
            _mover(page, moves),
            {*page.draw_inputs, side.x, side.y, side.fov},
            list(dict.fromkeys([page.scene, page.drawn, *side.outputs, *page.views])),
            **LATEST,
        )

    for typed, fields in ((by_number, (side.x, side.y)), (by_fov, (side.fov,))):
        left = [event for field in fields for event in (field.submit, field.blur)]
        gr.on(left, _leaver(page, typed, fields), {page.scene, *fields}, list(fields), **LATEST)


def _listen_to_tabs(page: Page, others: Sequence[gr.Tab]) -> None:
    for place in (*(slot.place for slot in page.slots), *others):
        chosen = place.select(lambda title=place.label: title, None, page.opened, **LATEST)
        chosen.success(drawer(page), page.draw_inputs, [page.drawn, *page.views], **QUIET)


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


def _mover(page: Page, change: Callable[[Scene, Settings, gr.EventData], Scene]) -> Callable[..., Values]:
    """The listener that changes the scene and draws what follows it."""

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
            return scene, {page.scene: kept, **side, **page.draw(scene, data)}

        return page.results.change(kept, step)

    return toasting(move, lambda *_: {page.scene: gr.skip()})


Typed = Callable[[Scene, Settings], Scene]


def _while_typed(change: Typed, *fields: gr.Number) -> Callable[[Scene, Settings, gr.EventData], Scene]:
    """`change` once there is a number that can be used, and the same scene until then."""

    def typed(scene: Scene, data: Settings, event: gr.EventData) -> Scene:
        with suppress(InputError):
            return scene if any(data[field] is None for field in fields) else change(scene, data)
        return scene

    return typed


def _leaver(page: Page, change: Typed, fields: Sequence[gr.Number]) -> Callable[[Settings], Values]:
    """The listener that puts what is in force into `fields` if they are empty or hold what `change` refuses."""

    def leave(data: Settings) -> Values:
        kept = data[page.scene]
        if kept is None:
            return {fields[0]: gr.skip()}
        scene = page.results.look(kept)
        try:
            change(scene, data)
        except InputError as error:
            toast(error)
        else:
            if all(data[field] is not None for field in fields):
                return {fields[0]: gr.skip()}
        now = page.sidebar.in_force(scene)
        return {field: now[field] for field in fields}

    return toasting(leave, lambda _: {fields[0]: gr.skip()})


def _redrawer(page: Page, control: Control, first: Component) -> Callable[[Settings], Values]:
    """The listener that draws what a control of a tab changes. first: any of the tab's outputs."""

    def redraw(data: Settings) -> Values:
        with page.looking(data[page.scene]) as scene:
            return (control.redraw(scene, data) if scene is not None else {}) or {first: gr.skip()}

    return toasting(redraw, lambda _: {first: gr.skip()})
