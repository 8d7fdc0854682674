"""The Training tab's own listeners: it looks at runs, not at the scene."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from app.listeners import LATEST, ONCE
from app.tabs.base import Settings, Values
from app.tabs.training import Training


def listen(tab: Training, opens: Sequence[Callable[..., Any]], opened: gr.State) -> None:
    """Wires the tab.

    opens: the events at which the tab comes into sight, for instance `[place.select]` of its gr.Tab. opened: the
    title of the tab that is open; while it is another, the timer stops.
    """
    inputs: set[Any] = {*tab.settings, tab.sent, opened}
    outputs = list(tab.outputs)

    def tick(data: Settings) -> Values:
        if data[opened] == tab.title:
            return tab.look(data)
        sent = {**(data[tab.sent] or {}), "timer": False}
        return {tab.timer: gr.Timer(active=False), tab.sent: sent}

    def enter(data: Settings) -> Values:
        return {**tab.enter(data), opened: tab.title}  # before the timer can ask, whoever else sets it

    for event in opens:
        event(enter, inputs, [*outputs, opened], **LATEST)
    tab.picked.input(tab.pick, inputs, outputs, **LATEST)
    tab.replayed.input(tab.choose_replay, inputs, outputs, **LATEST)
    for control in (tab.axis, tab.split, tab.log, tab.kappa, tab.floor):
        control.input(tab.draw, inputs, outputs, **LATEST)
    tab.smoothing.release(tab.draw, inputs, outputs, **LATEST)
    tab.timer.tick(tick, inputs, outputs, concurrency_limit=1, **ONCE)
