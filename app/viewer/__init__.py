"""The point cloud viewer that runs in the browser: WebGL2, or a loop of its own where that is imitated; no libraries.

`markup()` is the HTML that it works on, `script()` the JavaScript that gradio runs with `element`, `props` and
`watch` (see `gr.HTML(js_on_load=...)`). The parts are joined in the order in which they need each other.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
PARTS = (
    "orbit.js",
    "gl.js",
    "shaders.js",
    "card.js",
    "splat.js",
    "overlay.js",
    "pane.js",
    "ruler.js",
    "picture.js",
    "screen.js",
    "input.js",
    "viewer.js",
)


def script() -> str:
    """All of the viewer as the body of one function."""
    return "\n".join((FOLDER / part).read_text(encoding="utf-8") for part in PARTS)


def markup() -> str:
    """What is on the page before anything is drawn."""
    return (FOLDER / "viewer.html").read_text(encoding="utf-8")
