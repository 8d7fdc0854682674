"""The Attention tab: what the probe attends to in each task, and what else is inside the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import gradio as gr
from gradio.components import Component

from app.scene import Scene
from app.sides import FIRST, ONE, SECOND, Words
from app.tabs.base import Control, Settings, Values
from app.tabs.charts import chart, drawn
from app.tabs.parts import offered
from app.views import attention, attention_bars, attention_inside, inside
from app.views.attention_pictures import SCALES, once

OPACITY = 60


@dataclass(frozen=True)
class Attention:
    """Overlays at the probe on top; below, folded, where the attention goes and what else the network holds. Where
    nothing attends, what the network holds comes first, and what needs attention is hidden.

    attending: all that needs attention; holding: around `inside`; stepping: around `steps`. Blocks, which listeners may
    set like components.
    """

    title: ClassVar[str] = "Attention"
    shows: ClassVar[str] = (
        "what the chosen pixel attends to in each task, what each task lets in from the others, and the steps between "
        "initial and refined"
    )
    compares: ClassVar[bool] = False

    headline: gr.HTML
    network: gr.Radio
    scale: gr.Radio
    opacity: gr.Slider
    overlays: gr.HTML
    readouts: gr.HTML
    masses: gr.HTML
    bars: gr.HTML
    steps: gr.HTML
    entropies: gr.HTML
    gates: gr.HTML
    queries: gr.HTML
    inside: gr.HTML
    attending: tuple[Any, ...]
    holding: gr.Accordion
    stepping: gr.Accordion

    @classmethod
    def build(cls) -> Attention:
        """Adds the view to the page."""
        headline = gr.HTML(elem_id="attention-headline", elem_classes="mt-busy")
        network = gr.Radio(
            [("A", FIRST), ("B", SECOND)],
            value=FIRST,
            label="Network",
            info="the network whose attention is shown",
            visible=False,
            elem_id="attention-network",
        )
        with gr.Row(elem_classes="mt-controls") as controls:
            scale = gr.Radio(
                list(SCALES),
                value="linear",
                label="Scale",
                info="linear: share; log: also what is faint; rank: order only",
                elem_id="attention-scale",
            )
            opacity = gr.Slider(
                0,
                100,
                OPACITY,
                step=5,
                label="Opacity (%)",
                info="of the attention over the grey photo",
                buttons=[],
                elem_id="attention-opacity",
            )
        overlays, readouts = gr.HTML(elem_id="attention-overlays"), gr.HTML(elem_id="attention-readouts")
        holding, content = _folded("What this network computes inside", "attention-inside", True)
        with gr.Accordion("Where the attention goes: by class and by distance") as going:
            masses, bars = gr.HTML(elem_id="attention-masses"), chart("attention-bars")
        stepping, steps = _folded(_steps_title(ONE), "attention-steps", True)
        widely, entropies = _folded("How widely every pixel attends", "attention-entropies")
        _, gates = _folded("What each task lets in from the others", "attention-gates")
        _, queries = _folded("Query masks and the gate that they make", "attention-queries")
        return cls(
            headline,
            network,
            scale,
            opacity,
            overlays=overlays,
            readouts=readouts,
            masses=masses,
            bars=bars,
            steps=steps,
            entropies=entropies,
            gates=gates,
            queries=queries,
            inside=content,
            attending=(controls, going, widely),
            holding=holding,
            stepping=stepping,
        )

    @property
    def controls(self) -> tuple[Control, ...]:
        return (
            Control(self.scale, self._redraw),
            Control(self.opacity, self._redraw),
            Control(self.network, self._of_network),
        )

    @property
    def divided(self) -> tuple[gr.ImageSlider, ...]:
        return ()

    @property
    def outputs(self) -> tuple[Component, ...]:
        blocks: tuple[Any, ...] = (*self.attending, self.holding, self.stepping)
        return (
            self.headline,
            self.network,
            self.overlays,
            self.readouts,
            self.masses,
            self.bars,
            self.steps,
            self.entropies,
            self.gates,
            self.queries,
            self.inside,
            *blocks,
        )

    def fill(self, scene: Scene, settings: Settings) -> Values:
        pair = scene.analysis.pair
        choices = [] if pair is None else [(words, side) for side, words in pair.words.long.items()]
        shown = offered(gr.Radio, choices, settings[self.network], visible=pair is not None)
        return {**self._of_network(scene, settings), self.network: shown}

    def _of_network(self, scene: Scene, settings: Settings) -> Values:
        analysis = scene.analysis.alone(settings[self.network])
        attends, holds = analysis.prediction.attention is not None, bool(inside.titles(analysis))
        return {
            **self.point(scene, settings),
            **{block: type(block)(visible=attends) for block in self.attending},
            self.holding: gr.Accordion(visible=holds),
            self.stepping: gr.Accordion(label=_steps_title(analysis.words)),
            self.steps: once(analysis, "steps", lambda: attention_inside.steps(analysis)),
            self.entropies: once(analysis, "entropies", lambda: attention_inside.entropies(analysis)),
            self.gates: once(analysis, "gates", lambda: attention_inside.gates(analysis)),
            self.inside: once(analysis, "inside", lambda: inside.inside(analysis)),
        }

    def point(self, scene: Scene, settings: Settings) -> Values:
        analysis, probe = scene.analysis.alone(settings[self.network]), scene.probe
        found = attention.rows_at(analysis, probe)
        return {
            self.headline: attention.headline(analysis, probe, found),
            self.overlays: attention.overlays(analysis, found, *self._drawn(settings)),
            self.readouts: attention.readouts(analysis, probe, found),
            self.masses: attention_bars.note(analysis, found),
            self.bars: drawn(attention_bars.bars(analysis, found)),
            self.queries: attention_inside.queries(analysis, probe),
        }

    def _redraw(self, scene: Scene, settings: Settings) -> Values:
        analysis = scene.analysis.alone(settings[self.network])
        found = attention.rows_at(analysis, scene.probe)
        return {self.overlays: attention.overlays(analysis, found, *self._drawn(settings))}

    def _drawn(self, settings: Settings) -> tuple[str, float]:
        return settings[self.scale], settings[self.opacity] / 100


def _folded(title: str, elem_id: str, open_: bool = False) -> tuple[gr.Accordion, gr.HTML]:
    with gr.Accordion(title, open=open_) as block:
        return block, gr.HTML(elem_id=elem_id)


def _steps_title(words: Words) -> str:
    return f"{words.refinement_title}, step by step"
