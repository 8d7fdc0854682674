"""The page served with a real network, and a real Chromium."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError
from visiting import PATIENCE_MS, Visit, visit

from mtcp.checkpoint.store import DEFAULT_CHECKPOINT, save_checkpoint

ROOT = Path(__file__).parents[2]
START_SECONDS = 240


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, or playwright's own. Missing: a failure in CI, elsewhere a skip."""
    expect.set_options(timeout=PATIENCE_MS)
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        try:
            browser = launched(playwright, found)
        except PlaywrightError as error:
            reason = f"no Chromium to drive: {str(error).splitlines()[0]}"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        yield browser
        browser.close()


def launched(playwright: Playwright, executable: str | None) -> Browser:
    return playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped weights; where there are none, a network that has learnt nothing."""
    if DEFAULT_CHECKPOINT.is_file():
        return DEFAULT_CHECKPOINT
    import torch

    from mtcp.model import MTCP
    from mtcp.presets import preset

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("checkpoint") / "untrained.safetensors"
    save_checkpoint(path, MTCP(preset("lite")), dtype="float16")
    return path


@pytest.fixture(scope="session")
def url(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `python app.py`, started as a person would."""
    folder = tmp_path_factory.mktemp("served")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "app.py",
        "--checkpoint",
        str(checkpoint),
        "--port",
        str(port),
        "--device",
        "cpu",
    ]
    with (folder / "log.txt").open("w") as log:
        environment = {**os.environ, "GRADIO_TEMP_DIR": str(folder / "gradio")}
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}/"
            wait_for(address, server, folder / "log.txt")
            yield address
        finally:
            server.terminate()
            server.wait(timeout=60)


@pytest.fixture(scope="module")
def seen(chromium: Browser, url: str) -> Iterator[Visit]:
    """The page as it opens: the first example, on Coherence. One for all tests of a file."""
    opened = visit(chromium, url)
    yield opened
    opened.page.context.close()


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Until the server answers; fails with its output if it ends or takes too long."""
    for _ in range(2 * START_SECONDS):
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
        else:
            return
    pytest.fail(f"app.py did not start:\n{log.read_text()}")
