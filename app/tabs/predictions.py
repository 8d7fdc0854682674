"""The Predictions tab: each task initial | refined under one divider, and what trace-back changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import gradio as gr
from gradio.components import Component

from app.scene import Scene
from app.tabs.base import Control, Settings, Values
from app.tabs.parts import Comparison, map_picture
from app.views import page, predictions
from mtcp.tasks import Task


@dataclass(frozen=True)
class TaskPanel:
    """One task's column in `Predictions`."""

    task: Task
    compare: Comparison
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
                compare=Comparison.build(
                    name, f"compare-{task.name}", *(["mt-labels"] if task.classes else [])
                ),
                legend=gr.HTML(),
                note=gr.HTML(elem_id=f"note-{task.name}"),
                change=map_picture(
                    f"{name}: what trace-back changed",
                    f"change-{task.name}",
                    f"{name}: map of what trace-back changed",
                ),
                key=gr.HTML(),
            )

    @property
    def outputs(self) -> tuple[Component, ...]:
        return (*self.compare.outputs, self.legend, self.note, self.change, self.key)

    def fill(self, view: predictions.TaskView) -> Values:
        """Values for one task's view."""
        change = view.change
        filled = {**self.compare.fill(view.initial, view.refined), self.legend: view.legend}
        if change is None:
            return filled | {self.note: "", self.change: gr.Image(None, visible=False), self.key: ""}
        shown = gr.Image(change.picture, visible=True)
        return filled | {self.note: change.note, self.change: shown, self.key: change.legend}


@dataclass(frozen=True)
class Predictions:
    """Each task initial | refined, and what trace-back changed."""

    title: ClassVar[str] = "Predictions"
    shows: ClassVar[str] = "every task, initial and refined"
    compares: ClassVar[bool] = False

    headline: gr.HTML
    divider: gr.Slider
    opacity: gr.Slider
    tasks: tuple[TaskPanel, ...]

    @classmethod
    def build(cls, tasks: Sequence[Task]) -> Predictions:
        """Adds the view to the page."""
        headline = gr.HTML(elem_classes="mt-busy")
        with gr.Row(elem_classes="mt-controls"):
            divider = gr.Slider(
                0,
                100,
                50,
                step=1,
                label="Divider in all pictures (%): initial on its left, refined on its right",
                elem_id="divider",
                buttons=[],
            )
            opacity = gr.Slider(
                0,
                100,
                100,
                step=1,
                label="Opacity of the classes over the photo (%)",
                elem_id="labels-opacity",
                buttons=[],
                visible=any(task.classes for task in tasks),
            )
        with gr.Row(elem_classes="mt-tasks"):
            return cls(headline, divider, opacity, tuple(TaskPanel.build(task) for task in tasks))

    @property
    def controls(self) -> tuple[Control, ...]:
        return ()

    @property
    def divided(self) -> tuple[gr.ImageSlider, ...]:
        return tuple(panel.compare.both for panel in self.tasks)

    @property
    def outputs(self) -> tuple[Component, ...]:
        return (self.headline, self.divider, *(output for panel in self.tasks for output in panel.outputs))

    def fill(self, scene: Scene, settings: Settings) -> Values:
        views = [predictions.view(scene.analysis, panel.task) for panel in self.tasks]
        changes = [view.change.short for view in views if view.change]
        filled: Values = {
            self.headline: page.headline(changes),
            self.divider: gr.Slider(visible=bool(changes)),
        }
        for panel, view in zip(self.tasks, views, strict=True):
            filled |= panel.fill(view)
        return filled

    def point(self, scene: Scene, settings: Settings) -> Values:
        return {}
