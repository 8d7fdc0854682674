"""The wiring of the page: which listener feeds which panel. What computes is in `session` and `views`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from app import session
from app.panels import DOWNLOAD, Panel, Predictions, Sidebar, Values
from app.session import Run
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
_MOVE = "(at) => Array({count}).fill({{__type__: 'update', slider_position: at}})"
"""Moves the divider of {count} ImageSliders, in the browser: their handles do not answer to the keyboard."""


@dataclass(frozen=True)
class Network:
    """What the page needs to know of the loaded network."""

    predict: session.Predict
    tasks: tuple[Task, ...]
    checkpoint: str
    device: str


@dataclass(frozen=True)
class Page:
    """All that a run fills. `panels` are the ways to look at it."""

    network: Network
    result: gr.State
    header: gr.HTML
    sidebar: Sidebar
    empty: gr.HTML
    shown: gr.Column
    panels: tuple[Panel, ...]

    @property
    def outputs(self) -> list[Any]:
        """Every component that `fill` and `clear` may set."""
        return [self.result, self.header, *self.sidebar.outputs, self.empty, self.shown, *self.views]

    @property
    def views(self) -> list[Component]:
        """The components of all panels."""
        return [output for panel in self.panels for output in panel.outputs]

    def fill(self, run: Run) -> Values:
        """The page with a result."""
        told = run.prediction
        header = page.header(told.checkpoint, told.device, told.network_size, told.seconds)
        filled: Values = {self.result: run, self.header: header, self.empty: gr.HTML(visible=False)}
        filled |= {self.shown: gr.Column(visible=True), **self.sidebar.fill(run)}
        for panel in self.panels:
            filled |= panel.fill(run)
        return filled

    def clear(self) -> Values:
        """The page without a result."""
        header = page.header(self.network.checkpoint, self.network.device)
        cleared: Values = {self.result: None, self.header: header, self.empty: gr.HTML(visible=True)}
        return cleared | {self.shown: gr.Column(visible=False), **self.sidebar.clear()}


def build(network: Network, examples: Sequence[Path] = ()) -> gr.Blocks:
    """The page for one loaded network. `examples` are photos offered beside the upload."""
    title = "MT-CP Explorer"
    with gr.Blocks(title=title, analytics_enabled=False, fill_width=True, delete_cache=CACHE_SECONDS) as demo:
        result = gr.State(None, time_to_live=STATE_SECONDS)
        header = _header(network)
        with gr.Row():
            sidebar = Sidebar.build(examples)
            with gr.Column(elem_id="right"):
                empty = gr.HTML(page.empty([task.name for task in network.tasks], bool(examples)))
                with gr.Column(visible=False) as shown:
                    overview = Predictions.build(network.tasks)
        whole = Page(network, result, header, sidebar, empty, shown, (overview,))
        _listen_for_photos(whole, examples)
        _listen_to_divider(overview)
        _endpoint(network, sidebar.photo)
    return demo


def _header(network: Network) -> gr.HTML:
    with gr.Row(elem_id="header"):
        header = gr.HTML(page.header(network.checkpoint, network.device))
        dark = gr.Button("Light / dark", size="sm", elem_id="dark-mode")
        dark.click(None, js=TOGGLE_DARK, **_PRIVATE)
    return header


def _listen_for_photos(whole: Page, examples: Sequence[Path]) -> None:
    """A photo given, taken away or picked: run the network, show everything, then pack the zip."""
    photo, picked, download = whole.sidebar.photo, whole.sidebar.examples, whole.sidebar.download

    def finish(event: Dependency) -> None:
        covered = [whole.empty, *whole.views]  # by the progress; the photo stays in sight
        ran = event.success(
            _shower(whole), photo, whole.outputs, show_progress_on=covered, **_NETWORK, **_PRIVATE
        )
        ran.success(_packer(download), whole.result, download, show_progress="hidden", **_PRIVATE)

    finish(photo.input(None, **_PRIVATE))
    if picked is not None:
        paths = [str(path) for path in examples]
        finish(picked.click(paths.__getitem__, picked, photo, show_progress="hidden", **_PRIVATE))


def _listen_to_divider(overview: Predictions) -> None:
    moved: list[Component] = [panel.compare for panel in overview.tasks]
    overview.divider.input(None, overview.divider, moved, js=_MOVE.format(count=len(moved)), **_PRIVATE)


def _shower(whole: Page) -> Callable[[str | None], Values]:
    """The listener that runs the network on a photo and fills the page."""
    photo = whole.sidebar.photo

    def show(path: str | None) -> Values:
        if path is None:
            return whole.clear()
        try:
            return whole.fill(session.analyse(whole.network.predict, path))
        except InputError as error:
            gr.Warning(f"{escape(str(error))}. Give another photo (JPEG, PNG, WebP ...).", duration=15)
            return {**whole.clear(), photo: None}

    return show


def _packer(button: gr.DownloadButton) -> Callable[[Run | None], gr.DownloadButton]:
    """The listener that packs the zip once the pictures are on the screen."""

    def pack(run: Run | None) -> gr.DownloadButton:
        if run is None:
            return gr.DownloadButton(DOWNLOAD, value=None, interactive=False)
        packed = session.archive(run, button.GRADIO_CACHE)
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
