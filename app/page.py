"""What the page is made of: what it needs to know, its tabs in their places, and what is around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from weakref import ref

import gradio as gr
from gradio.components import Component

from app import session
from app.listeners import PRIVATE
from app.network_frames import NetworkFrames
from app.networks import Network, Networks
from app.opening import Opening
from app.pace import Pace
from app.result_cache import CachedResult, ResultCache
from app.scene import Scene
from app.sidebar import Sidebar
from app.tabs.attention import Attention
from app.tabs.base import Settings, Tab, Values, slug
from app.tabs.coherence import Coherence
from app.tabs.predictions import Predictions
from app.tabs.truth import Browser, Truth
from app.theme import TOGGLE_DARK
from app.views import about, stages
from app.views import page as view
from app.views import permalink as address

T = TypeVar("T")

_OFF = ["mt-off"]
"""Classes of a column that is in the page but not seen."""
_DRAWING = '<p class="mt-subdued" role="status">Drawing ...</p>'

Drawn = dict[str, tuple[tuple[ref[Any], ref[Any] | None, bool], tuple[int, int], int | None]]
"""Tab's title -> what it shows: the prediction and the truth (weakly, which are equal only where they are the same one)
and whether the tab has its comparison of depth and normals, the probe, the chosen failure."""


@dataclass(frozen=True)
class Sources:
    """What the page offers besides uploads. The page reads nothing outside of these.

    examples: photos. runs: folders with run folders in them. logs: single logs that ship with the project.
    frames: a data folder with ground truth. opening: what a visitor sees first. readme: Markdown, shown at the end.
    """

    examples: Sequence[Path] = ()
    runs: Sequence[Path] = ()
    logs: Sequence[Path] = ()
    frames: NetworkFrames | None = None
    opening: Opening | None = None
    readme: str = ""
    truth_of: session.TruthOf = field(default=session.no_truth)


@dataclass(frozen=True)
class TabSlot:
    """One tab of a scene in its place: `empty` is seen until there is a scene, and then says `said`."""

    tab: Tab
    place: gr.Tab
    empty: gr.HTML
    shown: gr.Column
    said: str

    @property
    def title(self) -> str:
        """The tab's."""
        return self.tab.title


@dataclass(frozen=True)
class Page:
    """The states and components that listeners share. scene, inbox: of each visitor a `CachedResult`, or None."""

    networks: Networks
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
    def pace(self) -> Pace:
        """How long the steps of a run take."""
        return self.networks.first.pace

    @property
    def controls(self) -> list[Component]:
        """What the person has set in any tab."""
        return [control.component for slot in self.slots for control in slot.tab.controls]

    @property
    def draw_inputs(self) -> set[Component]:
        """The inputs of every listener that draws, and of those that run networks."""
        return {self.scene, self.opened, self.drawn, self.sidebar.a, self.sidebar.b, *self.controls}

    @property
    def views(self) -> list[Component]:
        """The components of all tabs, and what hides those that are not drawn yet."""
        switched: list[Any] = [part for slot in self.slots for part in (slot.empty, slot.shown)]
        return [*switched, *(output for slot in self.slots for output in slot.tab.outputs)]

    @property
    def frame(self) -> list[Any]:
        """What is around the tabs, and what hides them."""
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

    def enter(self, scene: Scene, data: Settings) -> Values:
        """A new run: everything around the tabs, and the tab that is open."""
        return {
            **self._hide({slot.title: _DRAWING for slot in self.slots}),
            **self.sidebar.fill(scene),
            **self.tell(scene),
            **self.draw(scene, {**data, self.drawn: {}}),
            self.scene: self.results.keep(scene, scene.analysis.name),
        }

    def tell(self, scene: Scene, running: bool = False) -> Values:
        """The line on top: what was computed for this scene, and what is still being computed. running: whether another
        network runs on its photo.
        """
        prediction, pair = scene.analysis.prediction, scene.analysis.pair
        height, width = prediction.size
        compared = scene.analysis.compared
        more = "" if compared else stages.short(self.pace.estimate(stages.COHERENCE, height * width))
        again = stages.short(self.pace.estimate(stages.NETWORK, height * width)) if running else ""
        return {
            self.header: view.header(prediction.checkpoint, prediction.device, prediction, more, pair, again)
        }

    def wait(self) -> Values:
        """The page while the network runs on a new photo: what it does in the place of the last photo's results."""
        said = stages.waiting(stages.NETWORK, self.pace.estimate(stages.NETWORK))
        hidden = self._hide({slot.title: said for slot in self.slots})
        return {**self.clear(), **hidden, self.sidebar.address: address.waiting()}

    def clear(self) -> Values:
        """The page without a result."""
        header = view.header(self.networks.first.checkpoint, self.networks.first.device)
        nothing: Values = {self.scene: None, self.drawn: {}, self.header: header}
        return nothing | self._hide({slot.title: slot.said for slot in self.slots}) | self.sidebar.clear()

    def draw(self, scene: Scene | None, data: Settings) -> Values:
        """The tab that is open, as far as it does not show this scene already."""
        slot = next((slot for slot in self.slots if slot.tab.title == data[self.opened]), None)
        if scene is None or slot is None:
            return {self.drawn: gr.skip()}
        title, analysis = slot.tab.title, scene.analysis
        truth = None if analysis.truth is None else ref(analysis.truth)
        seen = (ref(analysis.prediction), truth, analysis.compared and slot.tab.compares)
        now = (seen, scene.probe, scene.failure)
        before = data[self.drawn].get(title)
        if before == now:
            return {self.drawn: gr.skip()}
        values: Values = {self.drawn: {**data[self.drawn], title: now}}
        if before is not None and before[0] == seen:
            return values | slot.tab.point(scene, data)
        shown: Values = {
            slot.empty: gr.HTML(visible=False),
            slot.shown: gr.Column(visible=True, elem_classes=[]),
        }
        return values | shown | slot.tab.fill(scene, data)

    def _hide(self, said: Mapping[str, str]) -> Values:
        """All tabs with words in their place, by title. They stay in the page: to show them again costs nothing."""
        hidden: Values = {slot.empty: gr.HTML(said[slot.title], visible=True) for slot in self.slots}
        return hidden | {slot.shown: gr.Column(visible=True, elem_classes=_OFF) for slot in self.slots}


def build_slots(network: Network, sources: Sources, networks: Networks | None = None) -> tuple[TabSlot, ...]:
    """Adds the tabs that look at a scene to the page, with room for what any of the networks predicts."""
    tasks = (networks or Networks(network)).tasks
    builders: list[tuple[type[Tab], Callable[[], Tab]]] = [
        (Predictions, lambda: Predictions.build(tasks)),
        (Attention, Attention.build),
        (Coherence, lambda: Coherence.build(network.pace)),
        (Truth, lambda: Truth.build(tasks, browser)),
    ]
    slots, browser = [], None
    for kind, builder in builders:
        with gr.Tab(kind.title, id=kind.title) as place:
            if kind is Truth and sources.frames is not None:
                browser = Browser.build(sources.frames)  # there before any photo
            said = _invitation(kind, network, sources)
            first = (
                view.preparing(sources.opening.photo.name) if sources.opening and kind is Coherence else ""
            )
            empty = gr.HTML(said + first, elem_id=f"empty-{slug(kind.title)}")
            with gr.Column(visible=False) as shown:
                tab = builder()
        slots.append(TabSlot(tab, place, empty, shown, said))
    return tuple(slots)


def build_header(network: Network, sources: Sources) -> gr.HTML:
    """Adds the lines on top to the page."""
    with gr.Row(elem_id="header"):
        header = gr.HTML(view.header(network.checkpoint, network.device))
        dark = gr.Button("Light / dark", size="sm", elem_id="dark-mode")
        dark.click(None, js=TOGGLE_DARK, **PRIVATE)
    gr.HTML(about.intro(bool(sources.readme)), elem_id="intro")
    return header


def build_footer(sources: Sources) -> None:
    """Adds the README to the end of the page."""
    if sources.readme:
        with gr.Accordion("README", open=False, elem_id=about.README_ID):
            gr.Markdown(about.readable(sources.readme))


def _invitation(kind: type[Tab], network: Network, sources: Sources) -> str:
    if kind is Predictions:
        return view.empty([task.name for task in network.tasks], bool(sources.examples))
    return view.empty_tab(kind.shows, bool(sources.examples))
