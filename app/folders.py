"""Where the page puts the files that it makes for the browser."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def fresh_folder(cache: str | os.PathLike[str]) -> Path:
    """A new folder of its own in `cache`: a file in it may have any name. gradio serves, and later deletes, what
    lies in a component's `GRADIO_CACHE`, which need not exist yet.
    """
    Path(cache).mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="mtcp-", dir=cache))
