"""What the page is made of: what it needs to know, its tabs in their places, and what is around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from gradio.components import Component

from app import session
from app.frames import Frames
from app.listeners import PRIVATE
from app.result_cache import CachedResult, ResultCache
from app.scene import Scene
from app.sidebar import Sidebar
from app.tabs.attention import Attention
from app.tabs.base import Settings, Tab, Values
from app.tabs.coherence import Coherence
from app.tabs.predictions import Predictions
from app.tabs.truth import Browser, Truth
from app.theme import TOGGLE_DARK
from app.views import page as view
from mtcp.tasks import Task

T = TypeVar("T")

Drawn = dict[str, tuple[int, tuple[int, int], int | None]]
"""Tab's title -> what it shows: the run's identity, the probe, the chosen failure."""


@dataclass(frozen=True)
class Network:
    """What the page needs to know of the loaded network."""

    predict: session.Predict
    tasks: tuple[Task, ...]
    checkpoint: str
    device: str


@dataclass(frozen=True)
class Sources:
    """What the page offers besides uploads. The page reads nothing outside of these.

    examples: photos. runs: folders with run folders in them. logs: single logs that ship with the project.
    frames: a data folder with ground truth.
    """

    examples: Sequence[Path] = ()
    runs: Sequence[Path] = ()
    logs: Sequence[Path] = ()
    frames: Frames | None = None
    truth_of: session.TruthOf = field(default=session.no_truth)


@dataclass(frozen=True)
class TabSlot:
    """One tab of a scene in its place: `empty` is seen until there is a scene."""

    tab: Tab
    place: gr.Tab
    empty: gr.HTML
    shown: gr.Column


@dataclass(frozen=True)
class Page:
    """The states and components that listeners share. scene, inbox: of each visitor a `Kept`, or None."""

    network: Network
    sources: Sources
    header: gr.HTML
    sidebar: Sidebar
    slots: tuple[TabSlot, ...]
    bar: gr.Tabs
    scene: gr.State
    opened: gr.State
    drawn: gr.State
    inbox: gr.State
    results: ResultCache

    @property
    def controls(self) -> list[Component]:
        """What the person has set in any tab."""
        return [control.component for slot in self.slots for control in slot.tab.controls]

    @property
    def draw_inputs(self) -> set[Component]:
        """The inputs of every listener that draws."""
        return {self.scene, self.opened, self.drawn, *self.controls}

    @property
    def views(self) -> list[Component]:
        """The components of all tabs."""
        return [output for slot in self.slots for output in slot.tab.outputs]

    @property
    def frame(self) -> list[Any]:
        """What is around the tabs."""
        switched = [part for slot in self.slots for part in (slot.empty, slot.shown)]
        return [self.scene, self.drawn, self.header, *self.sidebar.outputs, *switched]

    def tab(self, kind: type[T]) -> T:
        """The tab of that kind."""
        return next(slot.tab for slot in self.slots if isinstance(slot.tab, kind))

    @contextmanager
    def looking(self, kept: CachedResult[Scene] | None) -> Iterator[Scene | None]:
        """The visitor's scene, if there is one; what was computed for it meanwhile is counted.

        Raises:
            InputError: it is no longer kept.
        """
        if kept is None:
            yield None
            return
        yield self.results.look(kept)
        self.results.settle(kept)

    def handed(self, analysis: session.Analysis | None) -> CachedResult[session.Analysis] | None:
        """A run as the inbox takes it."""
        return None if analysis is None else self.results.keep(analysis, analysis.name)

    def enter(self, scene: Scene) -> Values:
        """Everything around the tabs, for a new run."""
        prediction = scene.analysis.prediction
        header = view.header(prediction.checkpoint, prediction.device, prediction)
        return {
            self.scene: self.results.keep(scene, scene.analysis.name),
            self.drawn: {},
            self.header: header,
            **self._switch(True),
            **self.sidebar.fill(scene),
        }

    def clear(self) -> Values:
        """The page without a result."""
        header = view.header(self.network.checkpoint, self.network.device)
        nothing: Values = {self.scene: None, self.drawn: {}, self.header: header}
        return nothing | self._switch(False) | self.sidebar.clear()

    def draw(self, scene: Scene | None, data: Settings) -> Values:
        """The tab that is open, as far as it does not show this scene already."""
        slot = next((slot for slot in self.slots if slot.tab.title == data[self.opened]), None)
        if scene is None or slot is None:
            return {self.drawn: gr.skip()}
        title, now = slot.tab.title, (id(scene.analysis), scene.probe, scene.failure)
        before = data[self.drawn].get(title)
        if before == now:
            return {self.drawn: gr.skip()}
        draw = slot.tab.point if before is not None and before[0] == now[0] else slot.tab.fill
        return {self.drawn: {**data[self.drawn], title: now}, **draw(scene, data)}

    def _switch(self, on: bool) -> Values:
        switched: Values = {slot.empty: gr.HTML(visible=not on) for slot in self.slots}
        return switched | {slot.shown: gr.Column(visible=on) for slot in self.slots}


def build_slots(network: Network, sources: Sources) -> tuple[TabSlot, ...]:
    """Adds the tabs that look at a scene to the page."""
    builders: list[tuple[type[Tab], Callable[[], Tab]]] = [
        (Predictions, lambda: Predictions.build(network.tasks)),
        (Attention, Attention.build),
        (Coherence, Coherence.build),
        (Truth, lambda: Truth.build(network.tasks, browser)),
    ]
    slots, browser = [], None
    for kind, builder in builders:
        with gr.Tab(kind.title, id=kind.title) as place:
            if kind is Truth and sources.frames is not None:
                browser = Browser.build(sources.frames)  # there before any photo
            empty = gr.HTML(_waiting(kind, network, sources), elem_id=f"empty-{kind.title.lower()}")
            with gr.Column(visible=False) as shown:
                tab = builder()
        slots.append(TabSlot(tab, place, empty, shown))
    return tuple(slots)


def build_header(network: Network) -> gr.HTML:
    """Adds the line on top to the page."""
    with gr.Row(elem_id="header"):
        header = gr.HTML(view.header(network.checkpoint, network.device))
        dark = gr.Button("Light / dark", size="sm", elem_id="dark-mode")
        dark.click(None, js=TOGGLE_DARK, **PRIVATE)
    return header


def _waiting(kind: type[Tab], network: Network, sources: Sources) -> str:
    if kind is Predictions:
        return view.empty([task.name for task in network.tasks], bool(sources.examples))
    return view.empty_tab(kind.shows, bool(sources.examples))
