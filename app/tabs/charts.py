"""Charts on the page: figures of `app.views.charts`, drawn by plotly.js, which this app serves itself.

gradio's own gr.Plot makes its element anew for every value (its Plot.svelte has a key that each value raises), and so
forgets zoom and hidden series. Here one element stays and plotly changes what differs.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import plotly
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs_version
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route

SCRIPT = Path(__file__).with_name("charts.js")
LIBRARY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
ADDRESS = f"plotly-{get_plotlyjs_version()}.min.js"
"""Where the library is, below the page's root. The version is in it, so that browsers may keep it for good."""


def chart(elem_id: str) -> gr.HTML:
    """Adds a chart to the page; its value is that of `drawn`. Events: see `app.views.charts.figure`."""
    return gr.HTML(
        None,
        html_template=f'<div class="mt-plot" data-library="{ADDRESS}"></div>',  # never changes: is left in place
        js_on_load=SCRIPT.read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
    )


def drawn(figure: go.Figure | None) -> str | None:
    """The value of a `chart`; None draws nothing."""
    return None if figure is None else str(figure.to_json())


def library_route() -> Route:
    """Serves plotly.js to charts when the first is drawn."""

    async def library(_request: Request) -> FileResponse:
        headers = {"cache-control": "public, max-age=31536000, immutable"}
        return FileResponse(LIBRARY, media_type="text/javascript", headers=headers)

    return Route(f"/{ADDRESS}", library)
