"""The wiring of the page: which component feeds which view. What computes is in `session` and `views`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import ImageData
from gradio.events import Dependency

from app import session
from app.session import Run
from app.theme import TOGGLE_DARK
from app.views import page, predictions
from mtcp.errors import InputError
from mtcp.tasks import Task

STATE_SECONDS = 3600
"""A visitor's result is dropped this long after it was made."""
CACHE_SECONDS = (3600, 6 * 3600)
"""Every hour, files older than six hours are deleted: long after a page would still show them."""
NETWORK = "network"
"""Listeners of this group run one at a time: the network fills the machine."""

_DOWNLOAD = "Download all maps (zip)"
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
class TaskPanel:
    """The components of one task's column."""

    compare: gr.ImageSlider
    legend: gr.HTML
    note: gr.HTML
    change: gr.Image
    key: gr.HTML

    @property
    def outputs(self) -> list[gr.components.Component]:
        return [self.compare, self.legend, self.note, self.change, self.key]


def build(network: Network, examples: Sequence[Path] = ()) -> gr.Blocks:
    """The page for one loaded network. `examples` are photos offered beside the upload."""
    with gr.Blocks(
        title="MT-CP Explorer", analytics_enabled=False, fill_width=True, delete_cache=CACHE_SECONDS
    ) as demo:
        result = gr.State(None, time_to_live=STATE_SECONDS)
        header = _header(network)
        with gr.Row():
            with gr.Column(elem_id="left"):
                photo = _photo()
                picked = _examples(examples)
                facts = gr.HTML(elem_id="photo-facts")
                download = gr.DownloadButton(_DOWNLOAD, interactive=False, elem_id="download")
            with gr.Column(elem_id="right"):
                empty = gr.HTML(page.empty([task.name for task in network.tasks], bool(examples)))
                with gr.Column(visible=False) as shown:
                    headline, panels = _predictions(network.tasks)
        outputs = [result, photo, header, facts, download, empty, shown, headline]
        outputs += [component for panel in panels for component in panel.outputs]

        def finish(event: Dependency) -> None:
            """After `event`, which left a photo in place: run the network, show all, then pack the zip.

            trigger_mode: by default gradio drops an event whose like is still running, and the page would
            show a new photo with the maps of the last.
            """
            event.success(
                _shower(network, len(outputs)),
                photo,
                outputs,
                show_progress_on=[photo],
                concurrency_id=NETWORK,
                concurrency_limit=1,
                trigger_mode="multiple",
                api_visibility="private",
            ).success(
                _packer(download),
                result,
                download,
                show_progress="hidden",
                trigger_mode="multiple",
                api_visibility="private",
            )

        finish(photo.input(None, trigger_mode="multiple", api_visibility="private"))
        if picked is not None:
            paths = [str(path) for path in examples]
            clicked = picked.click(
                paths.__getitem__,
                picked,
                photo,
                show_progress="hidden",
                trigger_mode="multiple",
                api_visibility="private",
            )
            finish(clicked)
        _endpoint(network, photo)
    return demo


def _header(network: Network) -> gr.HTML:
    with gr.Row(elem_id="header"):
        header = gr.HTML(page.header(network.checkpoint, network.device))
        dark = gr.Button("Light / dark", size="sm", elem_id="dark-mode")
        dark.click(None, js=TOGGLE_DARK, api_visibility="private")
    return header


def _photo() -> gr.Image:
    photo = gr.Image(
        type="filepath",
        sources=["upload", "webcam", "clipboard"],
        buttons=["fullscreen"],
        label="Photo",
        placeholder="Drop a photo of a room here\nor click to choose one",
        elem_id="photo",
        height=260,
    )
    # gradio would open the file itself, turn it, drop its EXIF and fail in its own words on a file that is no
    # picture. Replaced on the object: gradio writes a .pyi file beside every module that has a subclass.
    photo.preprocess = _uploaded  # type: ignore[method-assign]
    return photo


def _uploaded(payload: ImageData | None) -> str | None:
    """The file as it was uploaded. gradio has already checked that it is one of its own uploads."""
    return None if payload is None else payload.path


def _examples(paths: Sequence[Path]) -> gr.Dataset | None:
    if not paths:
        return None
    return gr.Dataset(
        components=["image"],
        samples=[[str(path)] for path in paths],
        type="index",
        label="Examples",
        elem_id="examples",
    )


def _predictions(tasks: Sequence[Task]) -> tuple[gr.HTML, list[TaskPanel]]:
    """Headline, the divider for all pictures at once, and one column per task."""
    headline = gr.HTML()
    divider = gr.Slider(
        0,
        100,
        50,
        step=1,
        label="Divider in all pictures (%): initial on its left, refined on its right",
        elem_id="divider",
        buttons=[],
    )
    with gr.Row(elem_classes="mt-tasks"):
        panels = [_panel(task) for task in tasks]
    moved = [panel.compare for panel in panels]
    divider.input(None, divider, moved, js=_MOVE.format(count=len(moved)), api_visibility="private")
    return headline, panels


def _panel(task: Task) -> TaskPanel:
    name = page.title(task.name)
    with gr.Column(elem_classes="mt-task"):
        gr.HTML(f"<h2>{name}</h2>")
        compare = gr.ImageSlider(
            format="png",
            interactive=False,
            show_label=False,
            label=f"{name}: initial and refined",
            buttons=["download", "fullscreen"],
            elem_id=f"compare-{task.name}",
            elem_classes="mt-compare",
        )
        legend = gr.HTML()
        note = gr.HTML(elem_id=f"note-{task.name}")
        change = gr.Image(
            format="png",
            interactive=False,
            show_label=False,
            label=f"{name}: what trace-back changed",
            buttons=["download", "fullscreen"],
            alt_text=f"{name}: map of what trace-back changed",
            elem_id=f"change-{task.name}",
        )
        key = gr.HTML()
    return TaskPanel(compare, legend, note, change, key)


def _shower(network: Network, count: int) -> Callable[[str | None], list[Any]]:
    """The listener that runs the network on a photo and fills the `count` outputs that `build` lists."""

    def show(path: str | None) -> list[Any]:
        run = _run(network.predict, path)
        if run is None:
            return _nothing(network, count)
        views = [predictions.view(run, task) for task in network.tasks]
        prediction = run.prediction
        filled: list[Any] = [
            run,
            gr.skip() if run.browser_knows else run.photo,
            page.header(
                prediction.checkpoint, prediction.device, prediction.network_size, prediction.seconds
            ),
            page.photo_facts(run),
            gr.DownloadButton("Packing the maps ...", interactive=False),
            gr.HTML(visible=False),
            gr.Column(visible=True),
            page.headline([view.change.short for view in views if view.change]),
        ]
        for view in views:
            filled += _filled(view)
        return filled

    return show


def _run(predict: session.Predict, path: str | None) -> Run | None:
    """The result for the photo at `path`; None (and a toast that says why) where there is none."""
    if path is None:
        return None
    try:
        return session.analyse(predict, path)
    except InputError as error:
        advice = "Give another photo (JPEG, PNG, WebP ...)."
        gr.Warning(f"{escape(str(error))}. {advice}", 15, title="This photo cannot be used")
        return None


def _nothing(network: Network, count: int) -> list[Any]:
    """The outputs of `show` for the empty page."""
    frame: list[Any] = [
        None,
        gr.skip(),
        page.header(network.checkpoint, network.device),
        "",
        gr.DownloadButton(_DOWNLOAD, value=None, interactive=False),
        gr.HTML(visible=True),
        gr.Column(visible=False),
        "",
    ]
    return frame + [None] * (count - len(frame))


def _filled(view: predictions.TaskView) -> list[Any]:
    """The outputs of one `TaskPanel`."""
    pair, change = (view.initial, view.refined), view.change
    if change is None:
        return [pair, view.legend, "", gr.Image(None, visible=False), ""]
    return [pair, view.legend, change.note, gr.Image(change.picture, visible=True), change.legend]


def _packer(button: gr.DownloadButton) -> Callable[[Run | None], gr.DownloadButton]:
    """The listener that packs the zip once the pictures are on the screen."""

    def pack(run: Run | None) -> gr.DownloadButton:
        if run is None:
            return gr.DownloadButton(_DOWNLOAD, value=None, interactive=False)
        packed = session.archive(run, button.GRADIO_CACHE)
        return gr.DownloadButton(_DOWNLOAD, value=str(packed), interactive=True)

    return pack


def _endpoint(network: Network, photo: gr.Image) -> None:
    """`/predict`, the one public endpoint. Its inputs and outputs are a promise: see README."""
    summary, maps = gr.JSON(visible=False, label="summary"), gr.File(visible=False, label="maps")

    def run(photo: str) -> tuple[dict[str, Any], str]:
        if not photo:
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
        concurrency_id=NETWORK,
        concurrency_limit=1,
    )
