"""The scatter of the Triage tab: two numbers of all photos, and which photos are brushed in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from app.listeners import value_of
from app.tabs.base import STATE_SECONDS, Settings, Values
from app.tabs.charts import chart, drawn
from app.tabs.parts import choice
from app.views import triage as view
from app.views import triage_scatter as drawing
from app.views.triage_scatter import MOST_POINTS, Points
from mtcp.errors import InputError
from mtcp.geometry.quantities import INFORMATION, RANKED_BY_KEY, Quantity


@dataclass(frozen=True)
class Scatter:
    """box: all of it, hidden while there is nothing to draw. up, across: keys of the numbers on the axes. chosen:
    places of the brushed photos in the list, () for all.
    """

    box: gr.Column
    up: gr.Dropdown
    across: gr.Dropdown
    everything: gr.Button
    summary: gr.HTML
    plot: gr.HTML
    chosen: gr.State

    @classmethod
    def build(cls) -> Scatter:
        """Adds it to the page."""
        with gr.Column(visible=False, elem_id="triage-scatter-box") as box:
            with gr.Row(elem_classes="mt-triage-keys"):
                up = choice("Scatter of", "triage-up", view.choices())
                across = choice("against", "triage-across", view.choices(), INFORMATION.key)
                everything = gr.Button("List all photos", size="sm", visible=False, elem_id="triage-all")
            summary = gr.HTML(elem_id="triage-brushed")
            plot = chart("triage-scatter")
        return cls(box, up, across, everything, summary, plot, gr.State((), time_to_live=STATE_SECONDS))

    @property
    def inputs(self) -> list[Component]:
        """What `draw` looks at."""
        return [self.up, self.across, self.chosen]

    @property
    def outputs(self) -> list[Any]:
        """What `draw` sets."""
        return [self.box, self.summary, self.everything, self.plot]

    def draw(self, data: Settings, of: str, points_of: Callable[[Quantity, Quantity], Points]) -> Values:
        """The chart.

        of: the stage that numbers are of, or the change. points_of: the photos that have both (across, up).
        """
        across, up = (RANKED_BY_KEY[data[one]] for one in (self.across, self.up))
        found, chosen = points_of(across, up), data[self.chosen]
        figure = drawing.figure(found.drawn, across, up, of, set(chosen))
        return {
            self.box: gr.Column(visible=True),
            self.summary: drawing.summary(found, len(chosen)),
            self.everything: gr.Button(visible=bool(chosen)),
            self.plot: drawn(figure),
        }

    def hide(self) -> Values:
        """Without photos."""
        return {self.box: gr.Column(visible=False), self.plot: None, self.chosen: ()}


def brushed(event: gr.EventData) -> tuple[int, ...]:
    """Places in the list of the photos that were brushed.

    Raises:
        InputError: what came is no such list.
    """
    places = value_of(event, "points")
    if not isinstance(places, list) or len(places) > MOST_POINTS or not all(map(_is_place, places)):
        raise InputError(
            "what was selected in the scatter is not a list of photos: reload the page and try again"
        )
    return tuple(dict.fromkeys(places))


def missed(event: gr.EventData) -> bool:
    """Whether something was drawn that no photo is in: the browser then takes it away again."""
    return value_of(event, "missed") is True


def _is_place(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
