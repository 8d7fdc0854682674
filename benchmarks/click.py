"""From a click on an example to its predictions on the screen, in headless Chromium, with the app as a process."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.chromium import launched
from mtcp.errors import InputError

ROOT = Path(__file__).parents[1]
PATIENCE_S = 300
CLICKED = """(index) => new Promise((resolve) => {
  const pictures = () => [...document.querySelectorAll('[id^="compare-"] img')];
  const before = new Set(pictures().map((img) => img.src)), start = performance.now();
  const look = () => {
    const now = pictures();
    if (!now.length || now.some((img) => before.has(img.src) || !img.complete || !img.naturalWidth)) return;
    changes.disconnect();
    document.removeEventListener('load', look, true);
    requestAnimationFrame(() => resolve((performance.now() - start) / 1000));
  };
  const changes = new MutationObserver(look);
  changes.observe(document.body, {subtree: true, childList: true, attributes: true, attributeFilter: ['src']});
  document.addEventListener('load', look, true);
  document.querySelectorAll('#examples .gallery-item')[index].click();
})"""
"""Looks when a picture changes or is loaded, not at every frame: that would take a third of a core from the network."""


def click_to_predictions(repeats: int) -> list[float]:
    """Seconds of each of `repeats` clicks, on one example after the other; the first click of all is left out.

    Raises:
        InputError: there is no Playwright or no Chromium.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise InputError("playwright is not installed: pip install -r requirements-dev.txt") from error
    with served() as address, sync_playwright() as playwright:
        browser = launched(playwright)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(1000 * PATIENCE_S)
        page.goto(address)
        page.locator("#failures [data-failure]").first.wait_for()  # what the page opens on is there
        page.get_by_role("tab", name="Predictions", exact=True).click()
        page.locator('[id^="compare-"] img').first.wait_for()
        count = page.locator("#examples .gallery-item").count()
        seconds = []
        for k in range(repeats + 1):
            seconds.append(float(page.evaluate(CLICKED, (k + 1) % count)))
            time.sleep(3)  # the comparison that follows is not part of the next click
        browser.close()
    return seconds[1:]


@contextmanager
def served() -> Iterator[str]:
    """The address of the app, run as a newcomer runs it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "app.py", "--port", str(port), "--device", "cpu"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
