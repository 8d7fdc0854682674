"""The wiring of the page: which listener changes the scene, and which tab is drawn for it.

The scene (run, probe, chosen failure) is one state per visitor. Listeners that change it return it and draw the
tab that is open; the others are drawn when they are opened. What computes is in `session`, `scene` and `views`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from app import session
from app.frames import Frames
from app.scene import Scene
from app.session import Run
from app.sidebar import DOWNLOAD, Sidebar
from app.tabs import training_listen, triage_listen, truth_listen
from app.tabs.attention import Attention
from app.tabs.base import Settings, Tab, Values
from app.tabs.coherence import Coherence
from app.tabs.predictions import Predictions
from app.tabs.training import Training
from app.tabs.triage import Triage
from app.tabs.truth import Browser, Truth
from app.theme import TOGGLE_DARK
from app.views import page, predictions
from mtcp.errors import InputError
from mtcp.tasks import Task

STATE_SECONDS = 3600
"""A visitor's result is dropped this long after it was made."""
CACHE_SECONDS = (3600, 6 * 3600)
"""Every hour, files older than six hours are deleted: long after a page would still show them."""

_NETWORK: dict[str, Any] = {"concurrency_id": "network", "concurrency_limit": 1}
"""Listeners of this group run one at a time: the network fills the machine."""
_PRIVATE: dict[str, Any] = {"api_visibility": "private", "trigger_mode": "multiple"}
"""Not an endpoint; and never dropped: by default gradio drops an event whose like is still running, and the
page would show a new photo with the maps of the last."""
_LATEST: dict[str, Any] = {
    "api_visibility": "private",
    "trigger_mode": "always_last",
    "show_progress": "hidden",
}
"""For what a person does many times in a row: only the last one counts, and nothing is covered meanwhile."""
_MOVE = "(at) => Array({count}).fill({{__type__: 'update', slider_position: at}})"
"""Moves the divider of {count} ImageSliders, in the browser: their handles do not answer to the keyboard."""

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
class Shelf:
    """One tab of a scene in its place: `empty` is seen until there is a scene."""

    tab: Tab
    place: gr.Tab
    empty: gr.HTML
    shown: gr.Column


@dataclass(frozen=True)
class Page:
    """The states and components that listeners share."""

    network: Network
    sources: Sources
    header: gr.HTML
    sidebar: Sidebar
    shelves: tuple[Shelf, ...]
    bar: gr.Tabs
    scene: gr.State
    opened: gr.State
    drawn: gr.State
    inbox: gr.State

    @property
    def controls(self) -> list[Component]:
        """What the person has set in any tab."""
        return [control.component for shelf in self.shelves for control in shelf.tab.controls]

    @property
    def looks(self) -> set[Component]:
        """The inputs of every listener that draws."""
        return {self.scene, self.opened, self.drawn, *self.controls}

    @property
    def views(self) -> list[Component]:
        """The components of all tabs."""
        return [output for shelf in self.shelves for output in shelf.tab.outputs]

    @property
    def frame(self) -> list[Any]:
        """What is around the tabs."""
        switched = [part for shelf in self.shelves for part in (shelf.empty, shelf.shown)]
        return [self.scene, self.drawn, self.header, *self.sidebar.outputs, *switched]

    def enter(self, scene: Scene) -> Values:
        """Everything around the tabs, for a new run."""
        told = scene.run.prediction
        header = page.header(told.checkpoint, told.device, told.network_size, told.seconds)
        return {
            self.scene: scene,
            self.drawn: {},
            self.header: header,
            **self._switch(True),
            **self.sidebar.fill(scene),
        }

    def clear(self) -> Values:
        """The page without a result."""
        header = page.header(self.network.checkpoint, self.network.device)
        nothing: Values = {self.scene: None, self.drawn: {}, self.header: header}
        return nothing | self._switch(False) | self.sidebar.clear()

    def draw(self, scene: Scene | None, data: Settings) -> Values:
        """The tab that is open, as far as it does not show this scene already."""
        shelf = next((shelf for shelf in self.shelves if shelf.tab.title == data[self.opened]), None)
        if scene is None or shelf is None:
            return {self.drawn: gr.skip()}
        title, now = shelf.tab.title, (id(scene.run), scene.probe, scene.failure)
        before = data[self.drawn].get(title)
        if before == now:
            return {self.drawn: gr.skip()}
        told = shelf.tab.point if before is not None and before[0] == now[0] else shelf.tab.fill
        return {self.drawn: {**data[self.drawn], title: now}, **told(scene, data)}

    def _switch(self, on: bool) -> Values:
        switched: Values = {shelf.empty: gr.HTML(visible=not on) for shelf in self.shelves}
        return switched | {shelf.shown: gr.Column(visible=on) for shelf in self.shelves}


def build(network: Network, sources: Sources | None = None) -> gr.Blocks:
    """The page for one loaded network."""
    sources = sources or Sources()
    title = "MT-CP Explorer"
    with gr.Blocks(title=title, analytics_enabled=False, fill_width=True, delete_cache=CACHE_SECONDS) as demo:
        initial: tuple[Any, ...] = (None, Predictions.title, {}, None)
        states = [gr.State(value, time_to_live=STATE_SECONDS) for value in initial]
        header = _header(network)
        with gr.Row():
            sidebar = Sidebar.build(sources.examples)
            with gr.Column(elem_id="right"), gr.Tabs(elem_id="tabs") as bar:
                shelves = build_shelves(network, sources)
                with gr.Tab(Training.title, id=Training.title) as at_training:
                    training = Training.build(sources.runs, sources.logs)
                with gr.Tab(Triage.title, id=Triage.title) as at_triage:
                    triage = Triage.build()
        whole = Page(network, sources, header, sidebar, shelves, bar, *states)
        _listen_for_photos(whole)
        _listen_to_probe(whole)
        _listen_to_tabs(whole, (at_training, at_triage))
        _listen_to_controls(whole)
        training_listen.listen(training, [at_training.select], whole.opened)
        for event in triage_listen.listen(triage, network.predict, whole.inbox, _NETWORK, sources.truth_of):
            _open_from_inbox(whole, event, Coherence.title)
        truth = next(shelf.tab for shelf in shelves if isinstance(shelf.tab, Truth))
        for event in truth_listen.listen(truth, network.predict, whole.inbox, _NETWORK):
            _open_from_inbox(whole, event, Truth.title)
        _endpoint(network, sidebar.photo)
    return demo


def build_shelves(network: Network, sources: Sources) -> tuple[Shelf, ...]:
    """Adds the tabs that look at a scene to the page."""
    builders: list[tuple[str, Callable[[], Tab]]] = [
        (Predictions.title, lambda: Predictions.build(network.tasks)),
        (Attention.title, Attention.build),
        (Coherence.title, Coherence.build),
        (Truth.title, lambda: Truth.build(network.tasks, browser)),
    ]
    shelves, browser = [], None
    for title, builder in builders:
        with gr.Tab(title, id=title) as place:
            if title == Truth.title and sources.frames is not None:
                browser = Browser.build(sources.frames)  # there before any photo
            empty = gr.HTML(_waiting(title, network, sources), elem_id=f"empty-{title.lower()}")
            with gr.Column(visible=False) as shown:
                tab = builder()
        shelves.append(Shelf(tab, place, empty, shown))
    return tuple(shelves)


def _waiting(title: str, network: Network, sources: Sources) -> str:
    if title == Predictions.title:
        return page.empty([task.name for task in network.tasks], bool(sources.examples))
    return page.empty_tab(title, bool(sources.examples))


def _header(network: Network) -> gr.HTML:
    with gr.Row(elem_id="header"):
        header = gr.HTML(page.header(network.checkpoint, network.device))
        dark = gr.Button("Light / dark", size="sm", elem_id="dark-mode")
        dark.click(None, js=TOGGLE_DARK, **_PRIVATE)
    return header


def _listen_for_photos(whole: Page) -> None:
    """A photo given, taken away or picked: run the network, then draw, then pack the zip."""
    photo, picked = whole.sidebar.photo, whole.sidebar.examples
    _finish(whole, photo.input(None, **_PRIVATE))
    if picked is not None:
        paths = [str(path) for path in whole.sources.examples]
        _finish(whole, picked.click(paths.__getitem__, picked, photo, show_progress="hidden", **_PRIVATE))


def _finish(whole: Page, event: Dependency) -> None:
    covered = [
        shelf.empty for shelf in whole.shelves
    ] + whole.views  # by the progress; the photo stays in sight
    outputs = [whole.sidebar.photo, *whole.frame]
    ran = event.success(
        _shower(whole), whole.sidebar.photo, outputs, show_progress_on=covered, **_NETWORK, **_PRIVATE
    )
    _draw_and_pack(whole, ran)


def _open_from_inbox(whole: Page, event: Dependency, title: str) -> None:
    """A run made elsewhere on the page: show it as if its photo had been dropped, in the tab `title`."""

    def show(run: Run | None) -> Values:
        if run is None:
            return {whole.inbox: gr.skip()}
        opened: Values = {whole.bar: gr.Tabs(selected=title), whole.opened: title}
        return {**whole.enter(Scene.of(run)), whole.sidebar.photo: run.photo, whole.inbox: None, **opened}

    outputs = [whole.inbox, whole.bar, whole.opened, whole.sidebar.photo, *whole.frame]
    _draw_and_pack(whole, event.success(show, whole.inbox, list(dict.fromkeys(outputs)), **_PRIVATE))


def _draw_and_pack(whole: Page, event: Dependency) -> None:
    drawn = event.success(_drawer(whole), whole.looks, [whole.drawn, *whole.views], **_PRIVATE)
    download = whole.sidebar.download
    drawn.success(_packer(download), whole.scene, download, show_progress="hidden", **_PRIVATE)


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
            **_LATEST,
        )


def _listen_to_tabs(whole: Page, others: Sequence[gr.Tab]) -> None:
    for place in (*(shelf.place for shelf in whole.shelves), *others):
        chosen = place.select(lambda title=place.label: title, None, whole.opened, **_LATEST)
        chosen.success(_drawer(whole), whole.looks, [whole.drawn, *whole.views], **_PRIVATE)


def _listen_to_controls(whole: Page) -> None:
    for shelf in whole.shelves:
        for control in shelf.tab.controls:
            trigger = getattr(control.component, control.event)
            outputs = list(shelf.tab.outputs)

            def redraw(data: Settings, control=control, skip=outputs[0]) -> Values:
                scene = data[whole.scene]
                return (control.redraw(scene, data) if scene is not None else {}) or {skip: gr.skip()}

            trigger(_told(redraw, outputs[0]), whole.looks, outputs, **_LATEST)
    overview = next(shelf.tab for shelf in whole.shelves if isinstance(shelf.tab, Predictions))
    moved: list[Component] = [panel.compare for panel in overview.tasks]
    overview.divider.input(None, overview.divider, moved, js=_MOVE.format(count=len(moved)), **_PRIVATE)


def _mover(whole: Page, change: Callable[[Scene, Settings, gr.EventData], Scene]) -> Callable[..., Values]:
    """The listener that changes the scene and draws what follows it."""

    def move(data: Settings, event: gr.EventData) -> Values:
        before = data[whole.scene]
        if before is None:
            return {whole.scene: gr.skip()}
        scene = change(before, data, event)
        side = whole.sidebar.point(scene) if scene.run is before.run else whole.sidebar.refocus(scene)
        return {whole.scene: scene, **side, **whole.draw(scene, data)}

    return _told(move, whole.scene)


def _drawer(whole: Page) -> Callable[[Settings], Values]:
    """The listener that draws the open tab."""

    def draw(data: Settings) -> Values:
        return whole.draw(data[whole.scene], data)

    return _told(draw, whole.drawn)


def _told(listener: Callable[..., Values], skip: Component) -> Callable[..., Values]:
    """`listener`, whose complaint about what the person gave is shown as a toast; nothing else changes then."""

    @functools.wraps(listener)
    def told(*args: Any, **kwargs: Any) -> Values:
        try:
            return listener(*args, **kwargs)
        except InputError as error:
            gr.Warning(f"{escape(str(error))}.", duration=15)
            return {skip: gr.skip()}

    return told


def _shower(whole: Page) -> Callable[[str | None], Values]:
    """The listener that runs the network on a photo and fills what is around the tabs."""
    photo = whole.sidebar.photo

    def show(path: str | None) -> Values:
        if path is None:
            return whole.clear()
        try:
            run = session.analyse(whole.network.predict, path, whole.sources.truth_of)
            return whole.enter(Scene.of(run))
        except InputError as error:
            gr.Warning(f"{escape(str(error))}. Give another photo (JPEG, PNG, WebP ...).", duration=15)
            return {**whole.clear(), photo: None}

    return show


def _packer(button: gr.DownloadButton) -> Callable[[Scene | None], gr.DownloadButton]:
    """The listener that packs the zip once the pictures are on the screen."""

    def pack(scene: Scene | None) -> gr.DownloadButton:
        if scene is None:
            return gr.DownloadButton(DOWNLOAD, value=None, interactive=False)
        packed = session.archive(scene.run, button.GRADIO_CACHE)
        return gr.DownloadButton(DOWNLOAD, value=str(packed), interactive=True)

    return pack


def _endpoint(network: Network, photo: gr.Image) -> None:
    """`/predict`, the one public endpoint. Its inputs and outputs are a promise: see README."""
    summary, maps = gr.JSON(visible=False, label="summary"), gr.File(visible=False, label="maps")

    def run(photo: str | None) -> tuple[dict[str, Any], str]:
        if photo is None:
            raise gr.Error("photo is missing: pass a picture file", print_exception=False)
        try:
            done = session.analyse(network.predict, photo)
        except InputError as error:
            raise gr.Error(escape(str(error)), print_exception=False) from error
        return predictions.summary(done, network.tasks), str(session.archive(done, maps.GRADIO_CACHE))

    gr.Button(visible=False).click(
        run,
        photo,
        [summary, maps],
        api_name="predict",
        api_description=(
            "Runs the network on one photo. Returns a summary (sizes, camera, seconds and, per task, the "
            "numbers of the page) and a zip with the maps as arrays (npz) and pictures (png)."
        ),
        **_NETWORK,
    )
