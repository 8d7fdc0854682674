"""A page opened at an address that tells example, tab, probe and failure: restores them. See `app.permalink`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gradio as gr
from gradio.blocks import Block

from app import permalink, session
from app.analysis_events import follow_up, open_tab, outputs_of
from app.listeners import NETWORK, QUIET, toast, toasting
from app.page import Page
from app.permalink import Link
from app.scene import Scene
from app.session import Analysis
from app.tabs.base import Settings, Values
from app.views import stages


def listen(page: Page, demo: gr.Blocks, tabs: Sequence[str], timer: gr.Timer | None) -> None:
    """Adds the listeners to the page. tabs: the titles of all. timer: to be started where no example is asked for."""
    side, wanted = page.sidebar, gr.State(None)
    examples = {path.stem: path for path in page.sources.examples}

    def read(data: Settings, request: gr.Request) -> Values:
        query = dict(request.query_params)
        link, refused = permalink.read(query, list(examples.values()), tabs, side.names)
        for words in refused:
            toast(words, "It is ignored.")
        values: Values = {wanted: link if link.example else None}
        if link.tab:
            values |= open_tab(page, link.tab)
        if timer is not None:
            values[timer] = gr.Timer(active=not link.example)
        if not link.example:
            return values
        return {**values, **page.wait(), side.photo: str(examples[link.example])}

    def show(data: Settings) -> Values:
        link: Link | None = data[wanted]
        if link is None or data[side.photo] is None or Path(data[side.photo]).stem != link.example:
            return {side.photo: gr.skip()}  # another photo was given meanwhile
        path = examples[link.example]
        analysis = page.networks.seen(_analysed(page, path), link.a or None, link.b or None)
        scene, refused = link.apply(Scene.of(analysis))
        for words in refused:
            toast(words, "It is ignored.")
        return {**page.enter(scene, data), **side.shown(analysis, str(path))}

    def clear(data: Settings) -> Values:
        return {**page.clear(), side.photo: None}

    outputs = list(dict.fromkeys([wanted, side.photo, page.bar, page.opened, *page.frame]))
    if timer is not None:
        outputs.append(timer)
    demo.load(read, {page.scene}, outputs, **QUIET)
    inputs: set[Block] = {wanted, side.photo, *page.draw_inputs}
    results = [side.photo, *outputs_of(page)]
    shown = wanted.change(toasting(show, clear), inputs, results, **NETWORK, **QUIET)
    follow_up(page, shown)


def _analysed(page: Page, path: Path) -> Analysis:
    """The example, depth and normals compared: as it was made at start, where it is the one that the page opens on."""
    opening = page.sources.opening
    if opening is not None and opening.photo == path and opening.analysis is not None:
        page.results.share(opening.analysis)
        return opening.analysis
    analysis = session.analyse(page.networks.first.predict, path, page.sources.truth_of)
    height, width = analysis.prediction.size
    page.pace.took(stages.NETWORK, height * width, analysis.prediction.seconds)
    return analysis
