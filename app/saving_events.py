"""The buttons that save what is seen: its maps, a report. Each is made when asked for, so that it is of now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from app import report, session
from app.folders import fresh_folder
from app.listeners import QUIET, toasting
from app.networks import Networks
from app.page import Page
from app.result_cache import CachedResult
from app.scene import Scene
from app.served_files import served
from app.session import Analysis
from mtcp.errors import InputError

Make = Callable[[Page, Analysis, str], Path]
"""Writes the file into a new folder in the folder given."""


def listen(page: Page) -> None:
    """Adds the listeners to the page."""
    side = page.sidebar
    buttons = {
        side.download: _maps,
        side.report: _reporter(report.page, "html"),
        side.numbers: _reporter(report.numbers, "json"),
    }
    for button, make in buttons.items():
        button.click(_saver(page, make), page.scene, side.saver, **{**QUIET, "trigger_mode": "once"})


def _maps(_: Page, analysis: Analysis, folder: str) -> Path:
    return session.archive(analysis, folder)


def _reporter(made: Callable[[Analysis, Networks, Any], bytes], ending: str) -> Make:
    def make(page: Page, analysis: Analysis, folder: str) -> Path:
        path = fresh_folder(folder) / f"{analysis.stem}-report.{ending}"
        path.write_bytes(made(analysis.compare(), page.networks, list(page.sources.examples)))
        return path

    return make


def _saver(page: Page, make: Make) -> Callable[..., Any]:
    saver = page.sidebar.saver

    def save(kept: CachedResult[Scene] | None) -> Any:
        if kept is None:
            raise InputError("there is no result to save: wait for the network, or drop the photo again")
        with page.looking(kept) as scene:
            assert scene is not None
            return {"file": served(make(page, scene.analysis, saver.GRADIO_CACHE), saver)}

    return toasting(save, lambda _: gr.skip())
