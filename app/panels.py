"""The parts of the page that are built once and filled for each run. No listeners: those are in `app.ui`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import gradio as gr
from gradio.components import Component
from gradio.data_classes import ImageData

from app.session import Run
from app.views import page, predictions
from mtcp.tasks import Task

Values = dict[Any, Any]
"""What a listener returns: component -> new value or update. Components left out stay as they are."""

DOWNLOAD = "Download all maps (zip)"


class Panel(Protocol):
    """One way to look at a run: a tab, or part of one."""

    @property
    def outputs(self) -> list[Component]:
        """The components that `fill` may set."""

    def fill(self, run: Run) -> Values:
        """New values for this run."""


@dataclass(frozen=True)
class Sidebar:
    """The left column, which holds the state: the photo, what is known about it, the download."""

    photo: gr.Image
    examples: gr.Dataset | None
    facts: gr.HTML
    download: gr.DownloadButton

    @classmethod
    def build(cls, examples: Sequence[Path]) -> Sidebar:
        """Adds the column to the page."""
        with gr.Column(elem_id="left"):
            return cls(
                photo=photo_input(),
                examples=_examples(examples),
                facts=gr.HTML(elem_id="photo-facts"),
                download=gr.DownloadButton(DOWNLOAD, interactive=False, elem_id="download"),
            )

    @property
    def outputs(self) -> list[Component]:
        return [self.photo, self.facts, self.download]

    def fill(self, run: Run) -> Values:
        waiting = gr.DownloadButton("Packing the maps ...", interactive=False)
        filled: Values = {self.facts: page.photo_facts(run), self.download: waiting}
        if not run.browser_knows:
            filled[self.photo] = run.photo
        return filled

    def clear(self) -> Values:
        """The column without a result. The photo stays as the person left it."""
        return {self.facts: "", self.download: gr.DownloadButton(DOWNLOAD, value=None, interactive=False)}


@dataclass(frozen=True)
class TaskPanel:
    """One task's column in `Predictions`."""

    task: Task
    compare: gr.ImageSlider
    legend: gr.HTML
    note: gr.HTML
    change: gr.Image
    key: gr.HTML

    @classmethod
    def build(cls, task: Task) -> TaskPanel:
        """Adds the column to the page."""
        name = page.title(task.name)
        with gr.Column(elem_classes="mt-task"):
            gr.HTML(f"<h2>{name}</h2>")
            return cls(
                task,
                compare=gr.ImageSlider(
                    format="png",
                    interactive=False,
                    show_label=False,
                    label=f"{name}: initial and refined",
                    buttons=["download", "fullscreen"],
                    elem_id=f"compare-{task.name}",
                    elem_classes="mt-compare",
                ),
                legend=gr.HTML(),
                note=gr.HTML(elem_id=f"note-{task.name}"),
                change=gr.Image(
                    format="png",
                    interactive=False,
                    show_label=False,
                    label=f"{name}: what trace-back changed",
                    buttons=["download", "fullscreen"],
                    alt_text=f"{name}: map of what trace-back changed",
                    elem_id=f"change-{task.name}",
                    elem_classes="mt-map",
                ),
                key=gr.HTML(),
            )

    @property
    def outputs(self) -> list[Component]:
        return [self.compare, self.legend, self.note, self.change, self.key]

    def fill(self, view: predictions.TaskView) -> Values:
        """Values for one task's view."""
        change = view.change
        filled: Values = {self.compare: (view.initial, view.refined), self.legend: view.legend}
        if change is None:
            return filled | {self.note: "", self.change: gr.Image(None, visible=False), self.key: ""}
        shown = gr.Image(change.picture, visible=True)
        return filled | {self.note: change.note, self.change: shown, self.key: change.legend}


@dataclass(frozen=True)
class Predictions:
    """Each task initial | refined, and what trace-back changed."""

    headline: gr.HTML
    divider: gr.Slider
    tasks: tuple[TaskPanel, ...]

    @classmethod
    def build(cls, tasks: Sequence[Task]) -> Predictions:
        """Adds the view to the page."""
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
            return cls(headline, divider, tuple(TaskPanel.build(task) for task in tasks))

    @property
    def outputs(self) -> list[Component]:
        return [self.headline, *(output for panel in self.tasks for output in panel.outputs)]

    def fill(self, run: Run) -> Values:
        views = [predictions.view(run, panel.task) for panel in self.tasks]
        filled: Values = {self.headline: page.headline([view.change.short for view in views if view.change])}
        for panel, view in zip(self.tasks, views, strict=True):
            filled |= panel.fill(view)
        return filled


def photo_input() -> gr.Image:
    """Upload, webcam or clipboard; a listener gets the path of the file as it was given."""
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
