"""The Training tab alone in a real Chromium: curves that grow and keep their zoom, and the replay."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import pytest
from playwright.sync_api import Browser, Page, expect
from run_made import TASKS, end, lines, make_run, text

from app import theme
from app.tabs.training import Training
from app.tabs.training_events import listen
from mtcp.objective.balancing import Uniform

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SLOW_MS = 60_000
SCREENSHOTS = os.environ.get("MTCP_SCREENSHOTS")


@dataclass
class Watched:
    """The page, and the log of the run that is going on it."""

    page: Page
    log: Path
    entries: list
    errors: list[str]

    def zoom(self) -> str:
        return self.page.locator("#training-charts .mt-charts").get_attribute("data-zoom") or ""

    def chart(self, id: str) -> str:
        return f'#training-charts [data-chart="{id}"]'


@pytest.fixture(scope="module")
def watched(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("training")
    make_run(folder / "runs/before", [*lines(8, balancer=Uniform(TASKS)), end(80)], balancing="uniform")
    entries = lines(6)
    log = make_run(folder / "runs/demo", entries[:-22])
    with gr.Blocks(analytics_enabled=False, fill_width=True) as demo:
        opened = gr.State("Training")
        with gr.Column(elem_id="right"):
            tab = Training.build([folder / "runs"])
        listen(tab, [demo.load], opened)
    tab.runs.clock = lambda: entries[-22]["time"] + 5  # so that a slow machine does not stall the run
    _, address, _ = demo.launch(
        prevent_thread_lock=True, quiet=True, theme=theme.theme(), css_paths=theme.styles(), ssr_mode=False
    )
    page = chromium.new_context(viewport={"width": 1440, "height": 1100}).new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(address)
    page.locator("#training-charts svg .mt-line").first.wait_for(timeout=SLOW_MS)
    yield Watched(page, log, entries, errors)
    page.context.close()
    demo.close()


def test_the_curves_grow_and_keep_their_zoom(watched: Watched) -> None:
    page = watched.page
    expect(page.locator("#training-status")).to_contain_text("running")
    plot = page.locator(watched.chart("loss") + " svg")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 150, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 80, steps=4)
    page.mouse.up()
    expect(page.get_by_role("button", name="Show all").first).to_be_visible()
    zoomed = watched.zoom()
    assert zoomed
    label = page.locator(watched.chart("weight") + " .mt-axis-text text").all_text_contents()
    before = page.locator(watched.chart("lr") + " svg").element_handle()

    with watched.log.open("a") as file:
        file.write(text(watched.entries[-22:]))
    expect(page.locator("#training-status")).to_contain_text("epoch 7", timeout=SLOW_MS)
    assert watched.zoom() == zoomed
    assert (
        page.locator(watched.chart("weight") + " .mt-axis-text text").all_text_contents()[-3:] == label[-3:]
    )
    assert page.evaluate("e => e.isConnected", before)  # the same element, not a new one
    plot.dblclick()
    assert watched.zoom() == ""
    assert "6" in page.locator(watched.chart("weight") + " .mt-axis-text text").all_text_contents()


def test_kappa_moves_the_replayed_weights(watched: Watched) -> None:
    page = watched.page
    expect(page.locator("#replay-text")).to_contain_text("exactly the weights that were logged")
    line = page.locator('#replay-charts [data-chart="replay-depth"] [data-series="replayed"] .mt-line')
    before = line.get_attribute("d")
    slider = page.locator("#kappa input[type=number]")
    slider.fill("16")
    slider.press("Enter")
    expect(page.locator("#replay-text")).to_contain_text("largest difference", timeout=SLOW_MS)
    expect(line).not_to_have_attribute("d", before or "", timeout=SLOW_MS)


def test_a_key_hides_a_task_and_a_pointer_reads_values(watched: Watched) -> None:
    page = watched.page
    depth = page.locator(watched.chart("weight") + ' [data-series="depth"]')
    key = page.locator('#training-charts .mt-key[data-key="depth"]')
    key.click()
    expect(depth).to_have_count(0)
    key.click()
    expect(depth).to_have_count(1)
    page.locator(watched.chart("weight") + " svg").hover(position={"x": 200, "y": 60})
    expect(page.locator(watched.chart("weight") + " .mt-chart-tip")).to_contain_text("Depth")
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / "training.png", full_page=True)
        page.set_viewport_size({"width": 420, "height": 900})
        page.evaluate("document.body.classList.add('dark')")
        page.screenshot(path=Path(SCREENSHOTS) / "training-narrow-dark.png", full_page=True)


def test_the_browser_does_not_complain(watched: Watched) -> None:
    assert watched.errors == []
