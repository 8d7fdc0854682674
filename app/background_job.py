"""A long job in short steps: each step is an event of its own, so that others get their turn between two of them.

A step that leaves work raises `tick`, whose change is the next step. Nothing runs on when the page is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from app.listeners import NETWORK, ONCE, QUIET
from app.tabs.base import Settings, Values
from app.views.triage import progress


@dataclass(frozen=True)
class Progress:
    """How far the job is. label: what is done next, or what came of it."""

    done: int
    total: int
    label: str
    more: bool


@dataclass(frozen=True)
class Job:
    """The components of one job: its buttons and its bar, whether it is wanted, and its clock."""

    title: str
    start: gr.Button
    stop: gr.Button
    bar: gr.HTML
    wanted: gr.State
    tick: gr.State

    @classmethod
    def build(cls, title: str, elem_id: str, visible: bool = True) -> Job:
        """Adds the components to the page. visible: of the start button."""
        with gr.Row(elem_classes="mt-job"):
            start = gr.Button(title, size="sm", elem_id=f"{elem_id}-start", visible=visible)
            stop = gr.Button("Stop", size="sm", elem_id=f"{elem_id}-stop", visible=False)
            bar = gr.HTML(elem_id=f"{elem_id}-progress")
        return cls(title, start, stop, bar, gr.State(False), gr.State(0))

    @property
    def outputs(self) -> list[Any]:
        """What starting, stepping and stopping may set."""
        return [self.start, self.stop, self.bar, self.wanted, self.tick]

    def begin(self, data: Settings, now: Progress) -> Values:
        """Sets it going, unless it is. `data` must hold `wanted` and `tick`."""
        if data[self.wanted]:
            return {self.wanted: gr.skip()}
        return {
            **self._buttons(running=True, left=True),
            self.bar: progress(now.done, now.total, now.label),
            self.wanted: True,
            self.tick: data[self.tick] + 1,
        }

    def halted(self, now: Progress) -> Values:
        """Ends it, with what is left to do; a step that is already waiting for its turn does nothing then."""
        buttons = self._buttons(running=False, left=now.done < now.total)
        return {**buttons, self.bar: _bar(now), self.wanted: False}

    def listen(
        self,
        step: Callable[[Settings], tuple[Values, Progress]],
        state: Callable[[Settings], tuple[Values, Progress]],
        inputs: Sequence[Component],
        outputs: Sequence[Component],
    ) -> Dependency:
        """Adds the listeners of steps, which run the network, and of the stop button.

        Args:
            step: does a piece of the work. It must not raise for what the person gave.
            state: how far it is, once it was stopped or failed.
            inputs, outputs: of `step` and `state`, beside those of the job.
        """
        asked: set[Any] = {self.wanted, self.tick, *inputs}
        all_outputs = list(dict.fromkeys([*self.outputs, *outputs]))

        def run(data: Settings) -> Values:
            if not data[self.wanted]:
                return halt(data)
            values, now = step(data)
            values = {**values, self.bar: _bar(now)}
            if now.more:
                return {**values, self.tick: data[self.tick] + 1}
            return {**values, **self._buttons(running=False, left=False), self.wanted: False}

        def halt(data: Settings) -> Values:
            values, now = state(data)
            return {**values, **self.halted(now)}

        stepped = self.tick.change(run, asked, all_outputs, **NETWORK, **QUIET)
        stepped.failure(halt, asked, all_outputs, **ONCE)
        self.stop.click(_stopping, None, [self.wanted, self.stop], **ONCE)
        return stepped

    def _buttons(self, running: bool, left: bool) -> Values:
        """left: whether there is anything to start."""
        stop = gr.Button("Stop", visible=running, interactive=True)
        return {self.start: gr.Button(visible=left and not running), self.stop: stop}


def _bar(now: Progress) -> str:
    return progress(now.done, now.total, now.label) if now.total else ""


def _stopping() -> tuple[bool, gr.Button]:
    return False, gr.Button("Stopping ...", interactive=False)
