"""Components that several tabs have: pictures that the probe follows."""

from __future__ import annotations

from typing import Any

import gradio as gr

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
