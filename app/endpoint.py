"""`/predict`, the one public endpoint of the page. Its inputs and outputs are a promise: see docs/endpoint.md."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app import session
from app.answers import HANDLE_FILE
from app.listeners import NETWORK
from app.networks import ENDING, Networks
from app.views import predictions
from mtcp.errors import InputError


def add_endpoint(networks: Networks, photo: gr.Image) -> None:
    """Adds the endpoint to the page. photo: the page's own upload, which knows how to take a file."""
    summary, maps = gr.JSON(visible=False, label="summary"), gr.File(visible=False, label="maps")
    # its value is what a client that does not name it gets
    checkpoint = gr.Textbox(networks.first.name, label="checkpoint", visible=False)

    def run(photo: str | None, checkpoint: str | None = None) -> tuple[dict[str, Any], str]:
        if photo is None:
            raise InputError(f"photo is missing: {HANDLE_FILE}")
        network = networks.take((checkpoint or "").removesuffix(ENDING))
        done = session.analyse(network.predict, photo)
        return predictions.summary(done, network.tasks), str(session.archive(done, maps.GRADIO_CACHE))

    gr.Button(visible=False).click(
        run,
        [photo, checkpoint],
        [summary, maps],
        api_name="predict",
        api_description=(
            f"Runs a network on one photo. checkpoint: {', '.join(networks.names)}; by default the first. Returns a "
            "summary (sizes, camera, seconds and, per task, the numbers of the page) and a zip with the maps as "
            "arrays (npz) and pictures (png)."
        ),
        **NETWORK,
    )
