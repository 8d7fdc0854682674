"""The Coherence tab: whether depth and normals describe the same room, in numbers, maps, failures and in 3D."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import gradio as gr
from gradio.components import Component

from app.scene import Scene
from app.tabs.base import Control, Settings, Values
from app.tabs.cloud import Cloud
from app.tabs.parts import Comparison
from app.views import angles, causes, coherence_change, failures, scoreboard
from mtcp.geometry.cause_names import CAUSES


@dataclass(frozen=True)
class Angles:
    """The angle between depth and normals, as a map initial | refined and as a histogram."""

    method: gr.Radio
    compare: Comparison
    legend: gr.HTML
    scale: gr.Radio
    histogram: gr.HTML

    @classmethod
    def build(cls) -> Angles:
        """Adds the view to the page."""
        gr.HTML("<h2>Angle between depth and normals</h2>")
        with gr.Row(elem_classes="mt-controls"):
            method = gr.Radio(
                [("plane fit", "plane fit"), ("derivatives", "derivative")],
                value="plane fit",
                label="Normals from depth by",
                info=angles.WHY_BOTH,
                elem_id="angle-method",
            )
            scale = gr.Radio(
                list(angles.SCALES),
                value="linear",
                label="Scale of the shares",
                info="log: also the rare large angles",
                elem_id="angle-scale",
            )
        with gr.Row(elem_classes="mt-angles"):
            with gr.Column(min_width=280):
                compare = Comparison.build("Angle between depth and normals", "angle-map")
                legend = gr.HTML()
            with gr.Column(min_width=280):
                histogram = gr.HTML(elem_id="angle-histogram")
        return cls(method, compare, legend, scale, histogram)

    @property
    def controls(self) -> tuple[Control, ...]:
        return (Control(self.method, self.fill), Control(self.scale, self._chart))

    @property
    def outputs(self) -> tuple[Component, ...]:
        return (*self.compare.outputs, self.legend, self.histogram)

    def fill(self, scene: Scene, settings: Settings) -> Values:
        stages, method = scoreboard.stages(scene.analysis), settings[self.method]
        if not stages:
            return {}
        pictures = {name: angles.picture(stage, method) for name, stage in stages.items() if name != "truth"}
        return {
            **self.compare.fill(pictures["initial"], pictures.get("refined")),
            self.legend: angles.legend(stages, method),
            **self._chart(scene, settings),
        }

    def _chart(self, scene: Scene, settings: Settings) -> Values:
        stages = scoreboard.stages(scene.analysis)
        if not stages:
            return {}
        return {self.histogram: angles.histogram(stages, settings[self.method], settings[self.scale])}


@dataclass(frozen=True)
class Failures:
    """Where they disagree: a ranked table beside the photo with the regions outlined."""

    about: gr.HTML
    status: gr.Radio
    cause: gr.Dropdown
    table: gr.HTML
    picture: gr.HTML
    chosen: gr.HTML

    @classmethod
    def build(cls) -> Failures:
        """Adds the view to the page."""
        gr.HTML("<h2>Failures</h2>")
        about = gr.HTML()
        status = gr.Radio(
            [failures.CURRENT, *failures.STATUSES, "all"],
            value=failures.CURRENT,
            label="Show",
            elem_id="failure-status",
            min_width=280,
        )
        cause = gr.Dropdown(
            [causes.ANY, causes.GROUPED, *CAUSES],
            value=causes.ANY,
            label="Cause",
            elem_id="failure-cause",
            min_width=280,
        )
        with gr.Row(elem_classes="mt-failure-row"):
            with gr.Column(min_width=280):
                picture = gr.HTML(elem_id="failure-picture")
                chosen = gr.HTML(elem_id="failure-chosen")
            with gr.Column(min_width=280):
                table = gr.HTML(elem_id="failures")
        return cls(about, status, cause, table, picture, chosen)

    @property
    def controls(self) -> tuple[Control, ...]:
        return (Control(self.status, self._filtered), Control(self.cause, self._filtered))

    @property
    def outputs(self) -> tuple[Component, ...]:
        return (self.about, self.status, self.cause, self.table, self.picture, self.chosen)

    def fill(self, scene: Scene, settings: Settings) -> Values:
        options = failures.choices(scene.analysis)
        wanted = settings[self.status]
        status = wanted if wanted in [value for _, value in options] else failures.CURRENT
        of_causes = causes.choices(scene.analysis.failures)
        wanted = settings[self.cause]
        cause = wanted if wanted in [value for _, value in of_causes] else causes.ANY
        return {
            self.about: failures.about(scene.analysis),
            self.status: gr.Radio(
                options, value=status, visible=len(options) > 1 and bool(scene.analysis.failures)
            ),
            self.cause: gr.Dropdown(of_causes, value=cause, visible=bool(scene.analysis.failures)),
            **self._drawn(scene, status, cause),
            **self.point(scene, settings),
        }

    def point(self, scene: Scene, settings: Settings) -> Values:
        return {self.chosen: failures.chosen(scene)}

    def _filtered(self, scene: Scene, settings: Settings) -> Values:
        return self._drawn(scene, settings[self.status], settings[self.cause])

    def _drawn(self, scene: Scene, status: str, cause: str) -> Values:
        return {
            self.table: failures.table(scene.analysis, status, cause),
            self.picture: failures.picture(scene.analysis, status, cause),
        }


@dataclass(frozen=True)
class Coherence:
    """Headline and scoreboard, the angle map, the failures, and both predictions in 3D."""

    title: ClassVar[str] = "Coherence"
    shows: ClassVar[str] = (
        "whether depth and normals describe the same room: numbers, maps, ranked failures and both predictions in 3D"
    )

    headline: gr.HTML
    compared: gr.Column
    board: gr.HTML
    angles: Angles
    failures: Failures
    cloud: Cloud

    @classmethod
    def build(cls) -> Coherence:
        """Adds the view to the page."""
        headline = gr.HTML(elem_id="coherence-headline", elem_classes="mt-busy")
        with gr.Column(elem_classes="mt-coherence") as compared:
            board = gr.HTML(elem_id="scoreboard")
            maps = Angles.build()
            regions = Failures.build()
        gr.HTML("<h2 class='mt-heading'>In 3D</h2>")
        return cls(headline, compared, board, maps, regions, Cloud.build())

    @property
    def controls(self) -> tuple[Control, ...]:
        return (*self.angles.controls, *self.failures.controls, *self.cloud.controls)

    @property
    def outputs(self) -> tuple[Component, ...]:
        # a column is no Component to gradio's types
        own: list[Any] = [self.headline, self.compared, self.board]
        return (*own, *self.angles.outputs, *self.failures.outputs, *self.cloud.outputs)

    def fill(self, scene: Scene, settings: Settings) -> Values:
        analysis = scene.analysis
        comparable = analysis.coherence is not None
        values: Values = {
            self.headline: coherence_change.headline(analysis),
            self.compared: gr.Column(visible=comparable),
        }
        if comparable:
            values[self.board] = scoreboard.scoreboard(analysis)
            values |= self.angles.fill(scene, settings) | self.failures.fill(scene, settings)
        return values | self.cloud.fill(scene, settings)

    def point(self, scene: Scene, settings: Settings) -> Values:
        values = self.cloud.point(scene, settings)
        return values if scene.analysis.coherence is None else values | self.failures.point(scene, settings)
