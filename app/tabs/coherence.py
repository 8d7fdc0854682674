"""The Coherence tab: whether depth and normals describe the same room, in failures, in 3D, in numbers and maps.

Its first row is a workbench: the failures, the photo with their outlines, and both predictions in 3D, side by side.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import gradio as gr
from gradio.components import Component

from app.pace import Pace
from app.scene import Scene
from app.sides import ONE
from app.tabs.base import Control, Settings, Values
from app.tabs.charts import chart, drawn
from app.tabs.cloud import Cloud
from app.tabs.parts import BARE, Comparison, offered
from app.views import angles, causes, coherence_change, failures, scoreboard, stages
from mtcp.geometry.cause_names import CAUSES


@dataclass(frozen=True)
class Angles:
    """The angle between depth and normals, as a map initial | refined and as a histogram."""

    method: gr.Radio
    compare: Comparison
    legend: gr.HTML
    scale: gr.Radio
    histogram: gr.HTML
    beyond: gr.HTML

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
                histogram = chart("angle-histogram")
                beyond = gr.HTML()
        return cls(method, compare, legend, scale, histogram, beyond)

    @property
    def controls(self) -> tuple[Control, ...]:
        return (Control(self.method, self.fill), Control(self.scale, self._chart))

    @property
    def outputs(self) -> tuple[Component, ...]:
        return (*self.compare.outputs, self.legend, self.histogram, self.beyond)

    def fill(self, scene: Scene, settings: Settings) -> Values:
        stages, method = scoreboard.stages(scene.analysis), settings[self.method]
        if not stages:
            return {}
        pictures = {name: angles.picture(stage, method) for name, stage in stages.items() if name != "truth"}
        return {
            **self.compare.fill(pictures["initial"], pictures.get("refined"), scene.analysis.words),
            self.legend: angles.legend(stages, method),
            **self._chart(scene, settings),
        }

    def _chart(self, scene: Scene, settings: Settings) -> Values:
        stages = scoreboard.stages(scene.analysis)
        if not stages:
            return {}
        asked = stages, settings[self.method], settings[self.scale], scene.analysis.words
        return {
            self.histogram: drawn(angles.histogram(*asked)),
            self.beyond: angles.beside_histogram(*asked),
        }


@dataclass(frozen=True)
class Failures:
    """Where they disagree: a ranked list beside the photo with the regions outlined. The columns of both."""

    listed: gr.Column
    pictured: gr.Column
    about: gr.HTML
    status: gr.Radio
    cause: gr.Dropdown
    order: gr.Dropdown
    table: gr.HTML
    picture: gr.HTML
    chosen: gr.HTML

    @classmethod
    def build(cls) -> Failures:
        """Adds the view to the page."""
        with gr.Column(elem_classes="mt-listed", min_width=0) as listed:
            gr.HTML("<h2>Failures</h2>")
            status = gr.Radio(
                [failures.CURRENT, *ONE.statuses, "all"],
                value=failures.CURRENT,
                label="Failures shown",
                elem_id="failure-status",
                min_width=0,
                **BARE,
            )
            with gr.Row(elem_classes="mt-listing"):
                cause = gr.Dropdown(
                    causes.choices(()) + [(name, name) for name in CAUSES],
                    value=causes.ANY,
                    label="Cause",
                    elem_id="failure-cause",
                    min_width=0,
                    **BARE,
                )
                order = gr.Dropdown(
                    [(words, key) for key, (words, _) in failures.ORDERS.items()],
                    value=failures.NUMBER,
                    label="Sorted by",
                    filterable=False,
                    elem_id="failure-order",
                    min_width=0,
                    **BARE,
                )
            about = gr.HTML()
            table = gr.HTML(elem_id="failures")
        with gr.Column(elem_classes="mt-pictured", min_width=0) as pictured:
            gr.HTML("<h2>In the photo</h2>")
            picture = gr.HTML(elem_id="failure-picture")
            chosen = gr.HTML(elem_id="failure-chosen")
        return cls(listed, pictured, about, status, cause, order, table, picture, chosen)

    @property
    def controls(self) -> tuple[Control, ...]:
        return (
            Control(self.status, self._filtered),
            Control(self.cause, self._filtered),
            Control(self.order, self._sorted),
        )

    @property
    def outputs(self) -> tuple[Component, ...]:
        columns: list[Any] = [self.listed, self.pictured]  # a column is no Component to gradio's types
        return (
            *columns,
            self.about,
            self.status,
            self.cause,
            self.order,
            self.table,
            self.picture,
            self.chosen,
        )

    def wait(self, scene: Scene) -> Values:
        """Before depth and normals are compared: the photo alone, and without that comparison nothing at all."""
        comparable = scene.analysis.comparable
        return {
            self.listed: gr.Column(visible=False),
            self.pictured: gr.Column(visible=comparable),
            self.picture: failures.unmarked(scene.analysis) if comparable else "",
            self.chosen: "",
        }

    def fill(self, scene: Scene, settings: Settings) -> Values:
        options = failures.choices(scene.analysis)
        wanted = settings[self.status]
        status = wanted if wanted in [value for _, value in options] else failures.CURRENT
        of_causes = causes.choices(scene.analysis.failures)
        wanted = settings[self.cause]
        cause = wanted if wanted in [value for _, value in of_causes] else causes.ANY
        there = bool(scene.analysis.failures)
        return {
            self.listed: gr.Column(visible=True),
            self.pictured: gr.Column(visible=True),
            self.about: failures.about(scene.analysis),
            self.status: offered(gr.Radio, options, status, visible=len(options) > 1 and there),
            self.cause: offered(gr.Dropdown, of_causes, cause, visible=there),
            self.order: gr.Dropdown(visible=there),
            **self._drawn(scene, status, cause, settings[self.order]),
            **self.point(scene, settings),
        }

    def point(self, scene: Scene, settings: Settings) -> Values:
        return {self.chosen: failures.chosen(scene)}

    def _filtered(self, scene: Scene, settings: Settings) -> Values:
        return self._drawn(scene, settings[self.status], settings[self.cause], settings[self.order])

    def _sorted(self, scene: Scene, settings: Settings) -> Values:
        asked = settings[self.status], settings[self.cause], settings[self.order]
        return {self.table: failures.table(scene.analysis, *asked)}

    def _drawn(self, scene: Scene, status: str, cause: str, order: str) -> Values:
        return {
            self.table: failures.table(scene.analysis, status, cause, order),
            self.picture: failures.picture(scene.analysis, status, cause)
            or failures.unmarked(scene.analysis),
        }


@dataclass(frozen=True)
class Coherence:
    """Headline, workbench, scoreboard and angle map. pace: how long comparing takes."""

    title: ClassVar[str] = "Coherence"
    shows: ClassVar[str] = (
        "whether depth and normals describe the same room: numbers, maps, ranked failures and both predictions in 3D"
    )

    compares: ClassVar[bool] = True

    headline: gr.HTML
    compared: gr.Column
    board: gr.HTML
    angles: Angles
    failures: Failures
    cloud: Cloud
    pace: Pace = field(default_factory=Pace)

    @classmethod
    def build(cls, pace: Pace | None = None) -> Coherence:
        """Adds the view to the page."""
        with gr.Column(elem_classes="mt-screen"):
            headline = gr.HTML(elem_id="coherence-headline", elem_classes="mt-busy")
            with gr.Row(elem_classes="mt-coherence mt-workbench"):
                regions = Failures.build()
                cloud = Cloud.build()
        cloud.more.render()
        with gr.Column(elem_classes="mt-coherence") as compared:
            board = gr.HTML(elem_id="scoreboard")
            maps = Angles.build()
        return cls(headline, compared, board, maps, regions, cloud, pace or Pace())

    @property
    def controls(self) -> tuple[Control, ...]:
        return (*self.angles.controls, *self.failures.controls, *self.cloud.controls)

    @property
    def divided(self) -> tuple[gr.ImageSlider, ...]:
        return (self.angles.compare.both,)

    @property
    def outputs(self) -> tuple[Component, ...]:
        # a column is no Component to gradio's types
        own: list[Any] = [self.headline, self.compared, self.board]
        return (*own, *self.angles.outputs, *self.failures.outputs, *self.cloud.outputs)

    def fill(self, scene: Scene, settings: Settings) -> Values:
        analysis = scene.analysis
        there = analysis.coherence is not None
        values: Values = {self.headline: self._headline(scene), self.compared: gr.Column(visible=there)}
        if there:
            values[self.board] = scoreboard.scoreboard(analysis)
            values |= self.angles.fill(scene, settings) | self.failures.fill(scene, settings)
        else:
            values |= self.failures.wait(scene)
        return values | self.cloud.fill(scene, settings)

    def _headline(self, scene: Scene) -> str:
        analysis = scene.analysis
        if analysis.compared:
            return coherence_change.headline(analysis)
        height, width = analysis.prediction.size
        return stages.waiting(stages.COHERENCE, self.pace.estimate(stages.COHERENCE, height * width))

    def point(self, scene: Scene, settings: Settings) -> Values:
        values = self.cloud.point(scene, settings)
        return values if scene.analysis.coherence is None else values | self.failures.point(scene, settings)
