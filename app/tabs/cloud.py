"""The 3D part of the Coherence tab: the clouds, how they are drawn, and their files."""

from __future__ import annotations

import secrets
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr
from gradio.components import Component

from app import viewer
from app.folders import fresh_folder
from app.networks import name_of
from app.scene import Scene
from app.served_files import cached_file, saver, served
from app.session import Analysis
from app.sides import FIRST
from app.tabs.base import Control, Settings, Values
from app.tabs.parts import BARE, offered
from app.views import cloud as view
from app.views.cloud_layers import TRUTH, layers
from mtcp.geometry.cloud import BUDGET
from mtcp.geometry.cloud_files import Cloud as Points
from mtcp.geometry.cloud_files import write_glb, write_ply
from mtcp.tasks import DEPTH

BUDGETS: tuple[tuple[str, int], ...] = (
    ("25,000", 25_000),
    ("50,000", 50_000),
    ("100,000", BUDGET),
    ("200,000", 200_000),
    ("all", 0),
)
"""Choices of points per cloud; 0 stands for all."""
FILTER_PCT = 8.0
"""Points that jump by more than this share of their depth hang between two surfaces."""


@dataclass(frozen=True)
class Cloud:
    """Initial and refined, or A and B, and the truth where it is known, as point clouds, turned by one camera."""

    title: ClassVar[str] = "3D"

    show: gr.Radio
    colour: gr.Dropdown
    needles: gr.Checkbox
    edges: gr.Slider
    budget: gr.Dropdown
    size: gr.Slider
    viewer: gr.HTML
    legend: gr.HTML
    ply: gr.Button
    glb: gr.Button
    saved: gr.HTML
    more: gr.Column

    @classmethod
    def build(cls) -> Cloud:
        """Adds the view to the page, but for `more`, the settings and files: whoever builds it says where they are."""
        with gr.Column(elem_classes="mt-cloud-view", min_width=0):
            gr.HTML("<h2>In 3D</h2>")
            with gr.Row(elem_classes="mt-cloud-choices"):
                show = gr.Radio(
                    ["both", "initial", "refined"],
                    value="both",
                    label="Predictions shown in 3D",
                    elem_id="cloud-show",
                    min_width=0,
                    **BARE,
                )
                colour = gr.Dropdown(
                    [(name, key) for key, name in view.COLOURS.items()],
                    value="photo",
                    label="Colour of the points",
                    filterable=False,
                    elem_id="cloud-colour",
                    min_width=120,
                    **BARE,
                )
            shown = gr.HTML(
                None,
                html_template=viewer.markup(),
                js_on_load=viewer.script(),
                apply_default_css=False,
                elem_id="cloud",
            )
            legend = gr.HTML(elem_id="cloud-legend")
        with gr.Column(elem_classes="mt-cloud-more", min_width=0, render=False) as more:
            with gr.Row(elem_classes="mt-cloud-controls"):
                needles = gr.Checkbox(
                    True,
                    label="Normals as arrows",
                    info="Of the chosen failure, or around the probe.",
                    elem_id="cloud-needles",
                )
                edges = gr.Slider(
                    0,
                    40,
                    FILTER_PCT,
                    step=0.5,
                    label="Hide points at depth discontinuities over (%)",
                    info="Of the depth, against a neighbour. 0 shows all.",
                    elem_id="cloud-edges",
                    buttons=[],
                )
                size = gr.Slider(
                    0.5,
                    3,
                    1.6,
                    step=0.1,
                    label="Point size",
                    info="1: as wide as the gap to the next point.",
                    elem_id="cloud-size",
                    buttons=[],
                )
                budget = gr.Dropdown(
                    list(BUDGETS),
                    value=BUDGET,
                    label="Points per cloud, at most",
                    info="More look finer and turn slower.",
                    elem_id="cloud-budget",
                )
            with gr.Row(elem_classes="mt-cloud-files"):
                ply = gr.Button("Download PLY", size="sm", elem_id="cloud-ply")
                glb = gr.Button("Download GLB", size="sm", elem_id="cloud-glb")
                gr.HTML(
                    '<p class="mt-subdued">What is shown, in metres, with its colours and normals. PLY keeps the '
                    "camera's axes (x right, y down, z forward); GLB has glTF's (y up, z backwards).</p>",
                    elem_classes="mt-cloud-axes",
                )
            saved = saver("cloud-saved")
        return cls(show, colour, needles, edges, budget, size, shown, legend, ply, glb, saved, more)

    @property
    def controls(self) -> tuple[Control, ...]:
        return (
            Control(self.show, self.point),
            Control(self.colour, self._recolour),
            Control(self.needles, self.point),
            Control(self.edges, self.point),
            Control(self.size, self.point),
            Control(self.budget, self._recolour),
            Control(self.ply, self._saver(_write_ply), "click"),
            Control(self.glb, self._saver(_write_glb), "click"),
        )

    @property
    def outputs(self) -> tuple[Component, ...]:
        return (self.viewer, self.legend, self.colour, self.show, self.saved)

    def fill(self, scene: Scene, settings: Settings) -> Values:
        analysis = scene.analysis
        if DEPTH not in analysis.prediction.initial:
            return {self.viewer: {"message": view.NO_DEPTH}, self.legend: ""}
        choices = [(view.COLOURS[key], key) for key in view.available(analysis)]
        what = self._what(analysis, settings)
        shows = _shows(analysis)
        show = self._show(analysis, settings)
        return {
            **self._recolour(scene, settings),
            self.colour: gr.Dropdown(choices=choices, value=what),
            self.show: offered(
                gr.Radio, [(_called(analysis, one), one) for one in shows], show, visible=len(shows) > 1
            ),
        }

    def point(self, scene: Scene, settings: Settings) -> Values:
        if DEPTH not in scene.analysis.prediction.initial:
            return {}
        return {self.viewer: self._value(scene, settings)}

    def _recolour(self, scene: Scene, settings: Settings) -> Values:
        analysis = scene.analysis
        if DEPTH not in analysis.prediction.initial:
            return {}
        sampled = _shape(analysis, settings[self.budget])
        legend = view.legend(analysis, self._what(analysis, settings), sampled)
        return {self.viewer: self._value(scene, settings), self.legend: legend}

    def _what(self, analysis: Analysis, settings: Settings) -> str:
        return settings[self.colour] if settings[self.colour] in view.available(analysis) else "photo"

    def _show(self, analysis: Analysis, settings: Settings) -> str:
        shows = _shows(analysis)
        return settings[self.show] if settings[self.show] in shows else shows[0]

    def _value(self, scene: Scene, settings: Settings) -> dict[str, Any]:
        """What the viewer draws. Its files are made once for each budget and colour."""
        analysis, budget, what = scene.analysis, settings[self.budget], self._what(scene.analysis, settings)
        sampled = _shape(analysis, budget)
        folder = self.viewer.GRADIO_CACHE
        depths = cached_file(
            analysis.cache, f"camera.cloud.depths.{budget}", folder, "cloud.bin", sampled.data
        )
        colours = cached_file(
            analysis.cache,
            f"camera.cloud.colours.{budget}.{what}",
            folder,
            "cloud.bin",
            lambda: view.paint(analysis, what, sampled).tobytes(),
        )
        return {
            **view.describe(scene, sampled, settings[self.edges] / 100, bool(settings[self.needles])),
            "run": analysis.cache.setdefault("cloud.run", secrets.token_hex(4)),
            "depths": served(depths, self.viewer),
            "colours": served(colours, self.viewer),
            "show": self._show(analysis, settings),
            "arrows": view.arrows(analysis, self._show(analysis, settings)),
            "spread": settings[self.size],
            "stem": analysis.stem,
            "files": [_picture_name(analysis, layer) for layer in layers(analysis)],
        }

    def _saver(self, write: Callable[[Path, dict[str, Points]], Path]) -> Callable[[Scene, Settings], Values]:
        """Writes the file when it is asked for; `saved` then makes the browser download it."""

        def save(scene: Scene, settings: Settings) -> Values:
            analysis = scene.analysis
            if DEPTH not in analysis.prediction.initial:
                return {}
            sampled, what = _shape(analysis, settings[self.budget]), self._what(analysis, settings)
            show = self._show(analysis, settings)
            shown = list(analysis.prediction.stages()) if show == "both" else [show]
            clouds = {
                _file_name(analysis, layer): view.export(
                    analysis, layer, what, sampled, settings[self.edges] / 100
                )
                for layer in shown
            }
            return {
                self.saved: {
                    "file": served(write(fresh_folder(self.saved.GRADIO_CACHE) / analysis.stem, clouds))
                }
            }

        return save


def _shows(analysis: Analysis) -> list[str]:
    """What can be shown: the predictions together or one of them, and the truth where it is known."""
    stages = list(analysis.prediction.stages())
    # A single stage goes by "both", which the browser may still send from before: it would be refused.
    shown = ["both", *stages] if len(stages) > 1 else ["both"]
    return [*shown, TRUTH] if TRUTH in layers(analysis) else shown


def _called(analysis: Analysis, shown: str) -> str:
    stages = list(analysis.prediction.stages())
    return analysis.words.side(stages[0] if shown == "both" and len(stages) == 1 else shown)


def _picture_name(analysis: Analysis, layer: str) -> str:
    """What a cloud is called in the name of a picture: its stage, and of two networks which."""
    return layer if analysis.pair is None else _file_name(analysis, layer)


def _file_name(analysis: Analysis, stage: str) -> str:
    """What a cloud is called in a file: its network and its stage, or that it is the truth."""
    if stage == TRUTH:
        return stage
    pair = analysis.pair
    if pair is None:
        return f"{name_of(analysis.prediction.checkpoint)}-{stage}"
    name = pair.a_name if stage == FIRST else pair.b_name
    return f"{analysis.words.side(stage)}-{name}-{pair.stage(stage)}"


def _write_glb(place: Path, clouds: dict[str, Points]) -> Path:
    made = place.with_name(f"{place.name}.glb")
    write_glb(made, clouds)
    return made


def _write_ply(place: Path, clouds: dict[str, Points]) -> Path:
    """One PLY; two clouds as two of them in a zip."""
    made = []
    for stage, cloud in clouds.items():
        made.append(place.with_name(f"{place.name}-{stage}.ply"))
        write_ply(made[-1], cloud)
    if len(made) == 1:
        return made[0]
    packed = place.with_name(f"{place.name}-ply.zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as both:
        for path in made:
            both.write(path, path.name)
            path.unlink()
    return packed


def _shape(analysis: Analysis, budget: int) -> view.Shape:
    key = f"camera.cloud.shape.{budget}"
    if key not in analysis.cache:
        analysis.cache[key] = view.shape(analysis, budget or None)
    return analysis.cache[key]
