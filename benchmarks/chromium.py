"""The browser that measurements drive."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from mtcp.errors import InputError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright


def launched(playwright: Playwright) -> Browser:
    """The Chromium that CHROMIUM names, or one on PATH, headless.

    Raises:
        InputError: there is none.
    """
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        raise InputError("no Chromium: install it (on Debian, apt install chromium) or name it in CHROMIUM")
    return playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
