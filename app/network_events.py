"""What changes the networks that look at the photo, and the truth that they are measured against.

The photo, its camera and the probe stay. A network that has seen the photo does not run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from app import session
from app.analysis_events import complete, outputs_of
from app.listeners import NETWORK, PRIVATE, QUIET, toast, toasting
from app.page import Page
from app.scene import Scene
from app.scene_events import redraw
from app.tabs.base import Settings, Values
from app.uploads import uploaded
from app.views import page as view
from app.views import stages
from mtcp.errors import InputError
from mtcp.evaluation.truth_files import TrueMap, read_true_map, truth_of_maps

_IN_SIGHT = """() => setTimeout(() => {
  document.querySelector('#own-truth').scrollIntoView({ block: 'nearest' });
}, 100)"""
"""The left column scrolls by itself, and what opens at its end would be below the fold. The time: to be laid out."""


def listen(page: Page) -> None:
    """Adds the listeners to the page."""
    _listen_to_networks(page)
    _listen_to_truth(page)


def _listen_to_networks(page: Page) -> None:
    side, networks = page.sidebar, page.networks
    inputs = set(page.draw_inputs)

    def say(data: Settings) -> Values:
        kept = data[page.scene]
        return {page.header: gr.skip()} if kept is None else page.tell(page.results.look(kept), running=True)

    def see(data: Settings) -> Values:
        kept, a, b = data[page.scene], data[side.a], data[side.b]
        if kept is None:
            first = networks.take(a)
            networks.take(b)
            return {page.header: view.header(first.checkpoint, first.device), side.b: "" if a == b else b}
        scene = page.results.look(kept)
        height, width = scene.analysis.prediction.size
        analysis = networks.seen(scene.analysis, a, b)
        if analysis is scene.analysis:
            return {**page.tell(scene), **side.networks_of(analysis)}
        page.pace.took(stages.NETWORK, height * width, analysis.prediction.seconds)
        return page.enter(scene.seen_by(analysis.uncompared()), data)

    def back(data: Settings) -> Values:
        kept = data[page.scene]
        if kept is None:
            return {side.a: networks.first.name, side.b: ""}
        scene = page.results.look(kept)
        return {**page.tell(scene), **side.networks_of(scene.analysis)}

    said = gr.on([side.a.input, side.b.input], say, inputs, [page.header], **QUIET)
    outputs: list[Any] = outputs_of(page)
    complete(page, said.success(toasting(see, back), inputs, outputs, **NETWORK, **QUIET))


def _read(scene: Scene, paths: Sequence[str]) -> tuple[dict[str, tuple[str, TrueMap]], list[str]]:
    """What files show of the photo: by task its file and map, the last one given of each; and why others are no use."""
    prediction = scene.analysis.prediction
    found: dict[str, tuple[str, TrueMap]] = {}
    refused = []
    for path in paths:
        try:
            read = read_true_map(path, scene.analysis.original, prediction.camera, prediction.classes)
        except InputError as error:
            refused.append(str(error))
        else:
            found[read.task] = path, read
    return found, refused


def _listen_to_truth(page: Page) -> None:
    files, inputs = page.sidebar.truth, {page.sidebar.truth, *page.draw_inputs}
    page.sidebar.own.expand(None, js=_IN_SIGHT, **PRIVATE)

    def given(data: Settings) -> Values:
        kept = data[page.scene]
        if kept is None:
            raise InputError(
                "there is no result to set the files beside: drop the photo first, then what it shows"
            )
        paths = [uploaded(path) for path in data[files] or ()]
        problems: set[str] = set()

        def step(before: Scene) -> tuple[Scene, Values]:
            found, refused = _read(before, paths)
            for problem in refused:
                if problem not in problems:  # once, however often this is done again
                    toast(problem)
            problems.update(refused)
            prediction, maps = before.analysis.prediction, [read for _, read in found.values()]
            own = truth_of_maps(maps, prediction.camera, prediction.classes) if maps else None
            scene = before.seen_by(session.with_own(before.analysis, own))
            values = {**page.sidebar.refocus(scene), **page.draw(scene, {**data, page.drawn: {}})}
            return scene, {page.scene: kept, **values, files: [path for path, _ in found.values()] or None}

        return page.results.change(kept, step)

    def unmoved(data: Settings) -> Values:
        return {files: None}

    outputs: list[Any] = [files, *outputs_of(page)]
    shown = gr.on(
        [files.upload, files.delete, files.clear],
        toasting(given, unmoved),
        inputs,
        outputs,
        **NETWORK,
        **QUIET,
    )
    redraw(page, shown)  # a tab opened meanwhile may have been drawn with the truth before
