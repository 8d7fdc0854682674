"""Components that several tabs have: pictures that the probe follows, and what photos or frames are ranked by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
from gradio.components import Component

from app.pictures import written
from app.sides import FIRST, ONE, SECOND, Words
from app.tabs.base import Values
from app.views.triage import STAGES

_PICTURE: dict[str, Any] = {
    "format": "png",  # webp, gradio's own choice, smears labels and normals
    "interactive": False,
    "show_label": False,
    "buttons": ["download", "fullscreen"],
}
BARE: dict[str, Any] = {"show_label": False, "container": False}
"""Of a control whose label is there for screen readers only."""


def map_picture(label: str, elem_id: str, alt: str, *classes: str, visible: bool = True) -> gr.Image:
    """A picture on the photo's plane: a click on it moves the probe. classes: of CSS, beside its own."""
    own = ["mt-map", "mt-pick", *classes]
    return gr.Image(label=label, alt_text=alt, elem_id=elem_id, elem_classes=own, visible=visible, **_PICTURE)


@dataclass(frozen=True)
class Comparison:
    """Two pictures on the photo's plane, initial | refined or A | B, under one divider; of one stage it alone."""

    title: str
    both: gr.ImageSlider
    alone: gr.Image

    @classmethod
    def build(cls, title: str, elem_id: str, *classes: str) -> Comparison:
        """Adds it to the page. Elements: `elem_id`, `elem_id`-initial. classes: of CSS, beside its own."""
        own = ["mt-compare", "mt-pick", *classes]
        both = gr.ImageSlider(label=_both(title, ONE), elem_id=elem_id, elem_classes=own, **_PICTURE)
        alone = map_picture(title, f"{elem_id}-initial", title, "mt-alone", *classes, visible=False)
        return cls(title, both, alone)

    @property
    def outputs(self) -> tuple[Component, ...]:
        """What `fill` sets."""
        return (self.both, self.alone)

    def fill(self, initial: np.ndarray | None, refined: np.ndarray | None, words: Words = ONE) -> Values:
        """Values for the pictures, RGB uint8 (H, W, 3). refined: None where there is no refinement."""
        left, right = (None if one is None else written(one, self.both) for one in (initial, refined))
        traced = refined is not None
        return {
            self.both: gr.ImageSlider(
                (left, right) if traced else None, visible=traced, label=_both(self.title, words)
            ),
            self.alone: gr.Image(None if traced else left, visible=not traced),
        }


def _both(title: str, words: Words) -> str:
    return f"{title}: {words.long[FIRST]} and {words.long[SECOND]}"


def choice(
    label: str, elem_id: str, choices: Sequence[tuple[str, str]], first: str | None = None
) -> gr.Dropdown:
    """One of a few, at first the one with the value `first`, or the first. choices: (words, value)."""
    value = choices[0][1] if first is None else first
    return gr.Dropdown(choices, value=value, label=label, filterable=False, elem_id=elem_id)


def stage_choice(elem_id: str) -> gr.Dropdown:
    """Of which stage the number is that is ranked by."""
    return choice("stage", elem_id, [(words, stage) for stage, words in STAGES.items()])


def offered(
    kind: type[gr.Radio] | type[gr.Dropdown], choices: Sequence[tuple[str, str]], value: str, *, visible: bool
) -> gr.Radio | gr.Dropdown:
    """An update of what can be chosen. Something hidden keeps the choices it had: the browser does not hear of new ones
    and goes on sending the old value, which would be refused.
    """
    return kind(choices=list(choices), value=value, visible=True) if visible else kind(visible=False)
