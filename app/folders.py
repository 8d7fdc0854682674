"""Where the page puts the files that it makes for the browser, and where it takes uploads from."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder


def fresh_folder(cache: str | os.PathLike[str]) -> Path:
    """A new folder of its own in `cache`: a file in it may have any name. gradio serves, and later deletes, what
    lies in a component's `GRADIO_CACHE`, which need not exist yet.
    """
    Path(cache).mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="mtcp-", dir=cache))


def uploaded(path: str) -> str:
    """`path`, if it lies in the upload folder, symbolic links followed. `app.guard` has checked that already: this
    holds where the page is mounted without it.

    Raises:
        gr.Error: it lies elsewhere.
    """
    if not Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve()):
        name = Path(path).name
        raise gr.Error(f"{name}: only files uploaded to this page can be used", print_exception=False)
    return path
