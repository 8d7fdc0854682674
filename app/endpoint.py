"""`/predict`, the one public endpoint of the page. Its inputs and outputs are a promise: see README."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app import session
from app.answers import HANDLE_FILE
from app.listeners import NETWORK
from app.networks import Network
from app.views import predictions
from mtcp.errors import InputError


def add_endpoint(network: Network, photo: gr.Image) -> None:
    """Adds the endpoint to the page. photo: the page's own upload, which knows how to take a file."""
    summary, maps = gr.JSON(visible=False, label="summary"), gr.File(visible=False, label="maps")

    def run(photo: str | None) -> tuple[dict[str, Any], str]:
        if photo is None:
            raise InputError(f"photo is missing: {HANDLE_FILE}")
        done = session.analyse(network.predict, photo)
        return predictions.summary(done, network.tasks), str(session.archive(done, maps.GRADIO_CACHE))

    gr.Button(visible=False).click(
        run,
        photo,
        [summary, maps],
        api_name="predict",
        api_description=(
            "Runs the network on one photo. Returns a summary (sizes, camera, seconds and, per task, the "
            "numbers of the page) and a zip with the maps as arrays (npz) and pictures (png)."
        ),
        **NETWORK,
    )
