"""The page: its parts put together, and its listeners added.

The scene (run, probe, chosen failure) is one state per visitor. Listeners that change it return it and draw the
tab that is open; the others are drawn when they are opened. What computes is in `session`, `scene` and `views`.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from app import analysis_events, network_events, permalink_events, saving_events, scene_events
from app.answers import answer_in_words
from app.endpoint import add_endpoint
from app.networks import Network, Networks
from app.page import Page, Sources, build_footer, build_header, build_slots
from app.result_cache import ResultCache
from app.sidebar import Sidebar
from app.tabs import training_events, triage_events, truth_events
from app.tabs.base import STATE_SECONDS
from app.tabs.coherence import Coherence
from app.tabs.predictions import Predictions
from app.tabs.training import Training
from app.tabs.triage import Triage
from app.tabs.truth import Truth

OTHER_TABS = (Training.title, Triage.title)
"""Those that do not look at a scene."""
CACHE_SECONDS = (3600, 6 * 3600)
"""Every hour, files older than six hours are deleted: long after a page would still show them."""


def build(
    network: Network,
    sources: Sources | None = None,
    results: ResultCache | None = None,
    networks: Networks | None = None,
) -> gr.Blocks:
    """The page. network: the loaded one that every visitor begins with. results: of visitors, by default in
    `app.result_cache.BUDGET` bytes. networks: all that can be chosen; by default that one alone.
    """
    sources, networks = sources or Sources(), networks or Networks(network)
    title = "MT-CP Explorer"
    with gr.Blocks(title=title, analytics_enabled=False, fill_width=True, delete_cache=CACHE_SECONDS) as demo:
        first = Predictions.title if sources.opening is None else Coherence.title
        initial: tuple[Any, ...] = (None, first, {}, None)
        scene, opened, drawn, inbox = (gr.State(value, time_to_live=STATE_SECONDS) for value in initial)
        header = build_header(network, sources)
        with gr.Row(elem_id="main"):
            sidebar = Sidebar.build(sources.examples, networks.names)
            with (
                gr.Column(elem_id="right"),
                gr.Tabs(selected=first, elem_id="tabs", overflow_behavior="wrap") as bar,
            ):
                slots = build_slots(network, sources, networks)
                with gr.Tab(Training.title, id=Training.title) as at_training:
                    training = Training.build(sources.runs, sources.logs)
                with gr.Tab(Triage.title, id=Triage.title) as at_triage:
                    triage = Triage.build(network.name)
        build_footer(sources)
        results = results or ResultCache()
        page = Page(networks, sources, header, sidebar, slots, bar, scene, opened, drawn, inbox, results)
        analysis_events.listen_for_photos(page)
        opening = sources.opening
        timer = None if opening is None else analysis_events.listen_for_opening(page, opening)
        permalink_events.listen(page, demo, [*(slot.title for slot in slots), *OTHER_TABS], timer)
        saving_events.listen(page)
        network_events.listen(page)
        scene_events.listen(page, (at_training, at_triage))
        training_events.listen(training, [at_training.select], page.opened)
        for event in triage_events.listen(
            triage, networks, sidebar.a, page.inbox, sources.truth_of, page.handed
        ):
            analysis_events.open_from_inbox(page, event, Coherence.title)
        for event in truth_events.listen(page.tab(Truth), networks, sidebar.a, page.inbox, page.handed):
            analysis_events.open_from_inbox(page, event, Truth.title)
        add_endpoint(networks, sidebar.photo)
    answer_in_words(demo)
    return demo
