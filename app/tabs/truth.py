"""The Ground truth tab: errors against ground truth, and the frames of a data folder. Its listeners: `truth_events`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, ClassVar

import gradio as gr
from gradio.components import Component

from app.background_job import Job
from app.frames import Frames
from app.network_frames import NetworkFrames
from app.pictures import side_by_side, written
from app.scene import Scene
from app.sides import Words
from app.tabs.base import Control, Settings, Values
from app.tabs.parts import Comparison, choice, map_picture, stage_choice
from app.tabs.triage import OPEN
from app.views import page
from app.views import truth as view
from mtcp.geometry.quantities import Quantity
from mtcp.tasks import Task

ORDERS = {"worst": "worst first", "best": "best first", "listed": "as in the folder"}


@dataclass(frozen=True)
class TruthPanel:
    """One task's column."""

    task: str
    column: gr.Column  # a block, which listeners may set like a component
    truth: gr.Image
    truth_legend: gr.HTML
    errors: Comparison
    error_legend: gr.HTML
    numbers: gr.HTML

    @classmethod
    def build(cls, task: str) -> TruthPanel:
        """Adds the column to the page."""
        name = page.title(task)
        with gr.Column(visible=False, elem_classes=["mt-task", "mt-truth-task"]) as column:
            gr.HTML(f"<h2>{name}</h2>")
            truth = map_picture(
                f"{name}: ground truth", f"truth-{task}", f"{name}: ground truth", "mt-is-truth"
            )
            truth_legend = gr.HTML()
            errors = Comparison.build(f"{name}: error", f"error-{task}")
            return cls(task, column, truth, truth_legend, errors, gr.HTML(), gr.HTML())

    @property
    def outputs(self) -> list[Any]:
        """What `fill` may set."""
        return [
            self.column,
            self.truth,
            self.truth_legend,
            *self.errors.outputs,
            self.error_legend,
            self.numbers,
        ]

    def fill(self, shown: view.TaskTruth | None, words: Words) -> Values:
        """Values for one task's view; hides the column where its truth is unknown."""
        if shown is None:
            return {self.column: gr.Column(visible=False), self.truth: None, **self.errors.fill(None, None)}
        return {
            self.column: gr.Column(visible=True),
            self.truth: written(shown.truth, self.truth),
            self.truth_legend: shown.truth_legend,
            **self.errors.fill(shown.initial, shown.refined, words),
            self.error_legend: shown.error_legend,
            self.numbers: shown.numbers,
        }


@dataclass(frozen=True)
class Browser:
    """The frames of a data folder. It needs no scene: give it a place that is always shown.

    at: index of the open frame; page: of the table; seen_by: the name of the network whose numbers are shown.
    """

    frames: NetworkFrames
    asked: gr.Textbox
    previous: gr.Button
    next: gr.Button
    number: gr.Dropdown
    of: gr.Dropdown
    order: gr.Dropdown
    job: Job
    status: gr.HTML
    table: gr.HTML
    at: gr.State
    page: gr.State
    seen_by: gr.State

    @classmethod
    def build(cls, frames: NetworkFrames) -> Browser:
        """Adds the browser to the page."""
        first = frames.first
        about = (
            f'<p class="mt-headline">{len(first)} frames of {escape(first.name)}, {escape(first.split)}.</p>'
            '<p class="mt-subdued">They are measured with the network that is chosen (A). Its numbers are kept in the '
            "cache folder of the user who started the page, or in the file given with <code>--measured</code>, and are "
            "there again after a restart.</p>"
        )
        with gr.Column(elem_classes="mt-browser", elem_id="frames"):
            gr.HTML(about)
            with gr.Row(elem_classes="mt-frame-keys"):
                previous = gr.Button("\N{LEFTWARDS ARROW} Previous", size="sm", elem_id="frame-previous")
                asked = gr.Textbox(
                    label="Frame (id or number), then Enter", elem_id="frame-asked", max_lines=1, scale=2
                )
                following = gr.Button("Next \N{RIGHTWARDS ARROW}", size="sm", elem_id="frame-next")
            with gr.Row(elem_classes="mt-frame-keys"):
                number = choice("Sort by", "frames-number", listed(first))
                of = stage_choice("frames-of")
                order = choice("Order", "frames-order", [(words, key) for key, words in ORDERS.items()])
            job = Job.build("Measure all frames", "measure")
            return cls(
                frames=frames,
                asked=asked,
                previous=previous,
                next=following,
                number=number,
                of=of,
                order=order,
                job=job,
                status=gr.HTML(elem_classes="mt-busy"),
                table=gr.HTML(js_on_load=OPEN, elem_id="frames-table"),
                at=gr.State(None),
                page=gr.State(0),
                seen_by=gr.State(frames.network),
            )

    @property
    def settings(self) -> list[Component]:
        """What the table is drawn by."""
        return [self.number, self.of, self.order, self.at, self.page, self.seen_by]

    def seen(self, data: Settings) -> Frames:
        """The frames as the network sees them whose numbers are shown."""
        return self.frames.of(data[self.seen_by])

    def quantity(self, data: Settings) -> Quantity:
        """The number that frames are sorted by; the first where the network has no such number."""
        known = self.seen(data).quantities
        return next((one for one in known if one.key == data[self.number]), known[0])


def listed(frames: Frames) -> list[tuple[str, str]]:
    """The numbers that frames can be sorted by: words and key."""
    return [(quantity.title, quantity.key) for quantity in frames.quantities]


@dataclass(frozen=True)
class Truth:
    """Each task's truth and errors, and the browser of frames where there is a data folder."""

    title: ClassVar[str] = "Ground truth"
    shows: ClassVar[str] = (
        "how far each prediction is from what the photo really shows, where that is known: for the examples, and for "
        "frames of a data folder"
    )
    compares: ClassVar[bool] = True
    """The table at the probe has the normals from depth."""

    headline: gr.HTML
    caveat: gr.HTML
    probe: gr.HTML
    panels: tuple[TruthPanel, ...]
    browser: Browser | None

    @classmethod
    def build(cls, tasks: Sequence[Task], browser: Browser | None = None) -> Truth:
        """Adds the tab's components to the page. browser: one that is already somewhere on the page."""
        headline = gr.HTML(elem_id="truth-headline", elem_classes="mt-busy")
        caveat, probe = gr.HTML(), gr.HTML()
        with gr.Row(elem_classes=["mt-tasks", "mt-truths"]):
            panels = tuple(TruthPanel.build(task.name) for task in tasks)
        return cls(headline, caveat, probe, panels, browser)

    @property
    def controls(self) -> tuple[Control, ...]:
        """None: the browser has listeners of its own."""
        return ()

    @property
    def divided(self) -> tuple[gr.ImageSlider, ...]:
        """The maps of errors."""
        return tuple(panel.errors.both for panel in self.panels)

    @property
    def outputs(self) -> tuple[Component, ...]:
        """Everything that `fill` and `point` may set."""
        own = (self.headline, self.caveat, self.probe)
        return (*own, *(output for panel in self.panels for output in panel.outputs))

    def fill(self, scene: Scene, settings: Settings) -> Values:
        """All of it."""
        analysis = scene.analysis
        values: Values = {
            self.headline: view.headline(analysis) or view.EMPTY,
            self.caveat: view.caveat(analysis),
        }
        there = {task.name: task for task in analysis.prediction.task_list()}

        def draw(panel: TruthPanel) -> Values:
            task = there.get(panel.task)
            return panel.fill(None if task is None else view.view(analysis, task), analysis.words)

        for drawn in side_by_side(draw, self.panels):
            values |= drawn
        return values | self.point(scene, settings)

    def point(self, scene: Scene, settings: Settings) -> Values:
        """What is true at the probe."""
        return {self.probe: view.at_probe(scene)}
