"""What the browser does with a pointer on any map of the page: it tells values, marks the same place elsewhere, picks.

Plain JavaScript, no libraries. `script()` joins files into the body of one function, which gradio runs with `element`,
`props`, `watch` and `trigger` (see `gr.HTML(js_on_load=...)`). Everything works on classes of ours: `.mt-pick` holds
pictures of the photo's plane, `.mt-compare` two of them under a divider.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

FOLDER = Path(__file__).parent
HOVER = ("plane.js", "arrays.js", "readout.js", "hover.js")
PICKER = ("plane.js", "picker.js")
DIVIDER = ("divider.js",)


def script(parts: tuple[str, ...]) -> str:
    """Those files as the body of one function, in the order in which they need each other."""
    return "\n".join((FOLDER / part).read_text(encoding="utf-8") for part in parts)


def picker() -> gr.HTML:
    """Adds it to the page. Events: `pick` (x, y: fractions of the photo), `choose` (rank of a failure)."""
    return gr.HTML("", js_on_load=script(PICKER), elem_id="picker", visible="hidden")


def hover() -> gr.HTML:
    """Adds it to the page. Value: the files that `app.views.hover` packs, or None."""
    return gr.HTML(None, html_template="", js_on_load=script(HOVER), elem_id="hover", visible="hidden")


def divider() -> gr.HTML:
    """Adds it to the page. Event: `input`. Value: {at: per cent of the width, of: id of what was dragged}."""
    return gr.HTML(None, html_template="", js_on_load=script(DIVIDER), elem_id="divided", visible="hidden")
