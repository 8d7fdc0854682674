"""Where the page takes uploads from."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from app.guard import lies_in


def uploaded(path: str) -> str:
    """`path`, if it lies in the upload folder, symbolic links followed. `app.guard` has checked that already: this
    holds where the page is mounted without it.

    Raises:
        gr.Error: it lies elsewhere.
    """
    if not lies_in(path, Path(get_upload_folder())):
        name = Path(path).name
        raise gr.Error(f"{name}: only files uploaded to this page can be used", print_exception=False)
    return path
