"""What changes the scene, and which tab is drawn for it: probe, camera, failures, tabs and their controls."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import gradio as gr
from gradio.components import Component

from app.listeners import LATEST, PRIVATE, toasting
from app.page import Page
from app.scene import Scene
from app.tabs.base import Control, Settings, Values
from app.tabs.predictions import Predictions
from mtcp.errors import InputError

_MOVE = "(at) => Array({count}).fill({{__type__: 'update', slider_position: at}})"
"""Moves the divider of {count} ImageSliders, in the browser: their handles do not answer to the keyboard."""


def listen(whole: Page, others: Sequence[gr.Tab]) -> None:
    """Adds the listeners to the page. others: tabs that look at something else than the scene."""
    _listen_to_probe(whole)
    _listen_to_tabs(whole, others)
    _listen_to_controls(whole)


def drawer(whole: Page) -> Callable[[Settings], Values]:
    """The listener that draws the open tab."""

    def draw(data: Settings) -> Values:
        with whole.looking(data[whole.scene]) as scene:
            return whole.draw(scene, data)

    return toasting(draw, lambda: {whole.drawn: gr.skip()})


def _listen_to_probe(whole: Page) -> None:
    """Clicks on pictures and failures, numbers typed, the field of view: change the scene, draw the open tab."""
    side = whole.sidebar

    def by_click(scene: Scene, data: Settings, event: gr.EventData) -> Scene:
        return scene.point(float(event.x), float(event.y))

    def by_rank(scene: Scene, data: Settings, event: gr.EventData) -> Scene:
        return scene.choose(int(event.rank))

    def by_number(scene: Scene, data: Settings, event: gr.EventData) -> Scene:
        return scene.enter(data[side.x], data[side.y])

    def by_fov(scene: Scene, data: Settings, event: gr.EventData) -> Scene:
        fov = data[side.fov]
        return scene if fov is None else scene.see_through(float(fov))

    for trigger, change in (
        (side.picker.pick, by_click),
        (side.picker.choose, by_rank),
        (side.x.input, by_number),
        (side.y.input, by_number),
        (side.fov.input, by_fov),
    ):
        trigger(
            _mover(whole, change),
            {*whole.looks, side.x, side.y, side.fov},
            list(dict.fromkeys([whole.scene, whole.drawn, *side.outputs, *whole.views])),
            **LATEST,
        )


def _listen_to_tabs(whole: Page, others: Sequence[gr.Tab]) -> None:
    for place in (*(shelf.place for shelf in whole.shelves), *others):
        chosen = place.select(lambda title=place.label: title, None, whole.opened, **LATEST)
        chosen.success(drawer(whole), whole.looks, [whole.drawn, *whole.views], **PRIVATE)


def _listen_to_controls(whole: Page) -> None:
    for shelf in whole.shelves:
        outputs = list(shelf.tab.outputs)
        for control in shelf.tab.controls:
            trigger = getattr(control.component, control.event)
            trigger(_redrawer(whole, control, outputs[0]), whole.looks, outputs, **LATEST)
    overview = whole.tab(Predictions)
    moved: list[Component] = [panel.compare.both for panel in overview.tasks]
    overview.divider.input(None, overview.divider, moved, js=_MOVE.format(count=len(moved)), **PRIVATE)


def _mover(whole: Page, change: Callable[[Scene, Settings, gr.EventData], Scene]) -> Callable[..., Values]:
    """The listener that changes the scene and draws what follows it."""

    def move(data: Settings, event: gr.EventData) -> Values:
        kept = data[whole.scene]
        if kept is None:  # the photo is clicked too early, or the server knows this visitor no longer
            raise InputError("there is no result to look at: wait for the network, or drop the photo again")
        before = whole.held.look(kept)
        scene = change(before, data, event)
        side = whole.sidebar.point(scene) if scene.run is before.run else whole.sidebar.refocus(scene)
        values = {**side, **whole.draw(scene, data)}
        whole.held.change(kept, scene)
        return {whole.scene: kept, **values}

    return toasting(move, lambda: {whole.scene: gr.skip()})


def _redrawer(whole: Page, control: Control, first: Component) -> Callable[[Settings], Values]:
    """The listener that draws what a control of a tab changes. first: any of the tab's outputs."""

    def redraw(data: Settings) -> Values:
        with whole.looking(data[whole.scene]) as scene:
            return (control.redraw(scene, data) if scene is not None else {}) or {first: gr.skip()}

    return toasting(redraw, lambda: {first: gr.skip()})
