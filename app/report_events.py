"""The buttons that save a report of what is seen. It is made when asked for, so that it is never of another camera."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from app import report
from app.folders import fresh_folder
from app.listeners import QUIET, toasting
from app.networks import Networks
from app.page import Page
from app.result_cache import CachedResult
from app.scene import Scene
from app.served_files import served
from app.session import Analysis
from mtcp.errors import InputError

Made = Callable[[Analysis, Networks, Any], bytes]


def listen(page: Page) -> None:
    """Adds the listeners to the page."""
    side = page.sidebar
    for button, made, ending in ((side.report, report.page, "html"), (side.numbers, report.numbers, "json")):
        button.click(_saver(page, made, ending), page.scene, side.saver, **{**QUIET, "trigger_mode": "once"})


def _saver(page: Page, made: Made, ending: str) -> Callable[..., Any]:
    saver = page.sidebar.saver

    def save(kept: CachedResult[Scene] | None) -> Any:
        if kept is None:
            raise InputError("there is no result to report: wait for the network, or drop the photo again")
        with page.looking(kept) as scene:
            assert scene is not None
            analysis = scene.analysis.compare()
            path = fresh_folder(saver.GRADIO_CACHE) / f"{analysis.stem}-report.{ending}"
            path.write_bytes(made(analysis, page.networks, list(page.sources.examples)))
        return {"file": served(path, saver)}

    return toasting(save, lambda _: gr.skip())
