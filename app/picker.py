"""The invisible component that tells the server where the person clicked on any picture of the page."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

SCRIPT = Path(__file__).with_name("picker.js")


def picker() -> gr.HTML:
    """Adds it to the page. Events: `pick` (x, y: fractions of the photo), `choose` (rank of a failure)."""
    return gr.HTML("", js_on_load=SCRIPT.read_text(encoding="utf-8"), elem_id="picker", visible="hidden")
