"""A page in the browser that remembers what it asked for and complained about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import gradio as gr
from playwright.sync_api import Browser, Page

from app import theme
from app.tabs.charts import library_route

PATIENCE_MS = 240_000  # CI's machine may be slow; nothing waits longer than it must
LOOPBACK = ("127.0.0.1", "localhost", "")


@dataclass
class Visit:
    """One page in the browser and what it did: requests, console errors, uncaught exceptions."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def foreign(self) -> list[str]:
        """Requests that left this machine."""
        return [url for url in self.requests if urlsplit(url).hostname not in (*LOOPBACK, None)]

    @property
    def calls(self) -> int:
        """How often the page asked the server to run something."""
        return sum("/queue/join" in url for url in self.requests)

    def settled(self) -> int:
        """`calls`, once the page has asked for nothing for a second: what was done before has had its answers."""
        before = -1
        while before != self.calls:
            before = self.calls
            self.page.wait_for_timeout(1000)
        return before


def visit(
    browser: Browser,
    address: str,
    *,
    dark: bool = False,
    size: tuple[int, int] = (1440, 900),
    until: str = "#failures [data-failure]",
) -> Visit:
    """Opens the page in a fresh profile and waits until what it opens on is drawn: the first of these elements."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    seen = watched(page)
    page.goto(address)
    page.locator(until).first.wait_for()
    return seen


def watched(page: Page) -> Visit:
    """A page that waits patiently, and whose requests and complaints are kept."""
    page.set_default_timeout(PATIENCE_MS)
    seen = Visit(page)
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    return seen


@contextmanager
def launched(demo: gr.Blocks) -> Iterator[str]:
    """The address of a part of the page by itself, in the page's looks, with what charts need."""
    _, address, _ = demo.launch(
        prevent_thread_lock=True,
        quiet=True,
        theme=theme.theme(),
        css_paths=theme.styles(),
        ssr_mode=False,
        app_kwargs={"routes": [library_route()]},
    )
    try:
        yield address
    finally:
        demo.close()
