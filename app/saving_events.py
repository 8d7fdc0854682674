"""The buttons that save what is seen: its maps, a report. Each is made when asked for, so that it is of now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from app import report, session
from app.folders import fresh_folder
from app.listeners import QUIET, toasting
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
    for button, make in ((side.download, _maps), (side.report, _report), (side.numbers, _numbers)):
        button.click(_saver(page, make), page.scene, side.saver, **{**QUIET, "trigger_mode": "once"})


def _maps(page: Page, analysis: Analysis, folder: str) -> Path:
    return session.archive(analysis, folder)


def _report(page: Page, analysis: Analysis, folder: str) -> Path:
    path = fresh_folder(folder) / f"{analysis.stem}-report.html"
    path.write_bytes(report.page(analysis.compare(), page.networks, list(page.sources.examples)))
    return path


def _numbers(page: Page, analysis: Analysis, folder: str) -> Path:
    path = fresh_folder(folder) / f"{analysis.stem}-report.json"
    path.write_bytes(report.numbers(analysis.compare(), page.networks, list(page.sources.examples)))
    return path


def _saver(page: Page, make: Make) -> Callable[..., Any]:
    saver = page.sidebar.saver

    def save(kept: CachedResult[Scene] | None) -> Any:
        if kept is None:
            raise InputError("there is no result to save: wait for the network, or drop the photo again")
        with page.looking(kept) as scene:
            assert scene is not None
            return {"file": served(make(page, scene.analysis, saver.GRADIO_CACHE), saver)}

    return toasting(save, lambda _: gr.skip())
