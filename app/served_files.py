"""Files that a component's value names: made once for a result, fetched by the browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.data_classes import FileData

from app.folders import fresh_folder

SAVER = Path(__file__).with_name("saver.js")


def cached_file(cache: dict[str, Any], key: str, folder: str, name: str, data: Callable[[], bytes]) -> Path:
    """The file of that key in an analysis's cache, written at its first use and when gradio has cleared it away."""
    path: Path | None = cache.get(key)
    if path is None or not path.exists():
        path = cache[key] = fresh_folder(folder) / name
        path.write_bytes(data())
    return path


def served(path: Path, component: Block | None = None) -> dict[str, Any]:
    """A file in gradio's form, to which gradio adds the address that the browser can fetch it from.

    component: one whose value may hold the file more than once. gradio draws with copies of a component once it was
    left as it is, and forgets what those have sent.
    """
    if component is not None:
        component.temp_files.add(str(path))
    return FileData(path=str(path), orig_name=path.name).model_dump()


def saver(elem_id: str) -> gr.HTML:
    """Adds to the page what has the browser save a file. Value: {"file": what `served` gives}."""
    script = SAVER.read_text(encoding="utf-8")
    return gr.HTML(None, html_template="", js_on_load=script, elem_id=elem_id, visible="hidden")
