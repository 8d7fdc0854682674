"""Components that several tabs have: pictures that the probe follows, and what photos or frames are ranked by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from app.views.triage import STAGES

_PICTURE: dict[str, Any] = {
    "format": "png",  # webp, gradio's own choice, smears labels and normals
    "interactive": False,
    "show_label": False,
    "buttons": ["download", "fullscreen"],
}


def map_picture(label: str, elem_id: str, alt: str, *classes: str, visible: bool = True) -> gr.Image:
    """A picture on the photo's plane: a click on it moves the probe. classes: of CSS, beside its own."""
    own = ["mt-map", "mt-pick", *classes]
    return gr.Image(label=label, alt_text=alt, elem_id=elem_id, elem_classes=own, visible=visible, **_PICTURE)


def comparison(label: str, elem_id: str) -> gr.ImageSlider:
    """Two pictures on the photo's plane, initial | refined, under one divider."""
    return gr.ImageSlider(label=label, elem_id=elem_id, elem_classes=["mt-compare", "mt-pick"], **_PICTURE)


def choice(label: str, elem_id: str, choices: Sequence[tuple[str, str]]) -> gr.Dropdown:
    """One of a few, at first the first. choices: (words, value)."""
    return gr.Dropdown(choices, value=choices[0][1], label=label, filterable=False, elem_id=elem_id)


def stage_choice(elem_id: str) -> gr.Dropdown:
    """Of which stage the number is taken that is ranked by."""
    return choice("taken", elem_id, [(words, stage) for stage, words in STAGES.items()])
