"""The Predictions tab: each task initial | refined, or A | B, under one divider, and what differs between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import gradio as gr
from gradio.components import Component

from app.pictures import side_by_side, written
from app.scene import Scene
from app.sides import FIRST, ONE, SECOND, Words
from app.tabs.base import Control, Settings, Values
from app.tabs.parts import Comparison, map_picture
from app.views import page, predictions
from mtcp.tasks import Task


@dataclass(frozen=True)
class TaskPanel:
    """One task's column in `Predictions`."""

    task: str
    column: gr.Column  # a block, which listeners may set like a component
    compare: Comparison
    legend: gr.HTML
    note: gr.HTML
    change: gr.Image
    key: gr.HTML

    @classmethod
    def build(cls, task: Task) -> TaskPanel:
        """Adds the column to the page."""
        name = page.title(task.name)
        with gr.Column(elem_classes="mt-task") as column:
            gr.HTML(f"<h2>{name}</h2>")
            return cls(
                task.name,
                column,
                compare=Comparison.build(
                    name, f"compare-{task.name}", *(["mt-labels"] if task.classes else [])
                ),
                legend=gr.HTML(),
                note=gr.HTML(elem_id=f"note-{task.name}"),
                change=map_picture(f"{name}: change", f"change-{task.name}", f"{name}: map of what differs"),
                key=gr.HTML(),
            )

    @property
    def outputs(self) -> list[Any]:
        return [self.column, *self.compare.outputs, self.legend, self.note, self.change, self.key]

    def fill(self, view: predictions.TaskView | None, words: Words) -> Values:
        """Values for one task's view; hides the column of a task that is not predicted."""
        if view is None:
            return {self.column: gr.Column(visible=False), **self.compare.fill(None, None), self.change: None}
        change = view.change
        filled: Values = {self.column: gr.Column(visible=True), self.legend: view.legend}
        filled |= self.compare.fill(view.initial, view.refined, words)
        if change is None:
            return filled | {self.note: "", self.change: gr.Image(None, visible=False), self.key: ""}
        shown = gr.Image(written(change.picture, self.change), visible=True)
        return filled | {self.note: change.note, self.change: shown, self.key: change.legend}


@dataclass(frozen=True)
class Predictions:
    """Each task initial | refined, or A | B, and what differs between them."""

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
                label=_divider(ONE),
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
        analysis = scene.analysis
        there = {task.name: task for task in analysis.prediction.task_list()}

        def draw(panel: TaskPanel) -> tuple[predictions.TaskView | None, Values]:
            task = there.get(panel.task)
            view = None if task is None else predictions.view(analysis, task)
            return view, panel.fill(view, analysis.words)

        drawn = side_by_side(draw, self.tasks)
        changes = [view.change.short for view, _ in drawn if view is not None and view.change]
        filled: Values = {
            self.headline: page.headline(changes, analysis.words),
            self.divider: gr.Slider(visible=bool(changes), label=_divider(analysis.words)),
        }
        for _, values in drawn:
            filled |= values
        return filled

    def point(self, scene: Scene, settings: Settings) -> Values:
        return {}


def _divider(words: Words) -> str:
    left, right = (words.side(side) for side in (FIRST, SECOND))
    return f"Divider in all pictures (%): {left} on its left, {right} on its right"
