"""The Training tab alone in a real Chromium: curves that grow and keep their zoom, runs that appear, and the replay."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import visiting
from playwright.sync_api import Browser, Page, expect
from run_made import TASKS, end, lines, make_run, text
from visiting import PATIENCE_MS, launched

from app.tabs.training import Training
from app.tabs.training_events import listen
from mtcp.objective.balancing import Uniform
from mtcp.runs.preparing import counting

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCREENSHOTS = os.environ.get("MTCP_SCREENSHOTS")
LOSSES, WEIGHTS = "Losses Lₜ", "Task weights wₜ"
PLOT = "#training-charts .mt-plot"


@dataclass
class Watched:
    """The page, the folder of the runs, and the log of the one that is going on."""

    page: Page
    runs: Path
    log: Path
    entries: list
    errors: list[str]

    def plot(self, script: str) -> Any:
        """The value of JavaScript that knows the plot as `p`."""
        return self.page.evaluate(
            f"(() => {{ const p = document.querySelector('{PLOT}'); return {script}; }})()"
        )

    def until(self, script: str) -> None:
        """Waits until such a value is true."""
        self.page.wait_for_function(
            f"(() => {{ const p = document.querySelector('{PLOT}'); return {script}; }})()",
            timeout=PATIENCE_MS,
        )

    def drag_layer(self, title: str) -> dict[str, float]:
        """Where the panel with this title takes the pointer."""
        axes = self.plot(f"(t => t.xaxis + t.yaxis)(p.data.find(t => t.meta === {title!r}))")
        layer = self.page.locator(f'{PLOT} .nsewdrag[data-subplot="{axes}"]')
        layer.scroll_into_view_if_needed()
        box = layer.bounding_box()
        assert box is not None
        return dict(box)


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
    with launched(demo) as address:
        page = chromium.new_context(viewport={"width": 1440, "height": 1100}).new_page()
        seen = visiting.watched(page)
        page.goto(address)
        page.locator(f"{PLOT} .scatterlayer .trace").first.wait_for(state="attached")
        yield Watched(page, folder / "runs", log, entries, seen.errors)
        page.context.close()


def test_the_curves_grow_and_keep_zoom_and_hidden_series(watched: Watched) -> None:
    page = watched.page
    expect(page.locator("#training-status")).to_contain_text("running")
    box = watched.drag_layer(LOSSES)
    page.mouse.move(box["x"] + 60, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 90, steps=5)
    page.mouse.up()
    watched.until("p._fullLayout.xaxis2.range[0] > 0.2")
    zoomed = watched.plot("[p._fullLayout.xaxis2.range, p._fullLayout.yaxis2.range]")
    assert watched.plot("p._fullLayout.xaxis.range") == zoomed[0]  # one horizontal range for all
    page.locator(f"{PLOT} .legendtoggle").nth(1).click()  # Depth
    hidden = "p._fullData.filter(t => t.legendgroup === 'depth').every(t => t.visible === 'legendonly')"
    watched.until(hidden)
    before = page.locator(f"{PLOT} .main-svg").first.element_handle()

    with watched.log.open("a") as file:
        file.write(text(watched.entries[-22:]))
    expect(page.locator("#training-status")).to_contain_text("epoch 7")
    watched.until("Math.max(...p.data.filter(t => t.meta).flatMap(t => t.x)) >= 6")
    assert watched.plot("[p._fullLayout.xaxis2.range, p._fullLayout.yaxis2.range]") == zoomed
    assert watched.plot(hidden)
    assert page.evaluate("e => e.isConnected", before)  # the same element, not a new one
    box = watched.drag_layer(LOSSES)
    page.mouse.dblclick(box["x"] + 60, box["y"] + 60)
    watched.until("p._fullLayout.xaxis2.range[1] > 5.9")
    page.locator(f"{PLOT} .legendtoggle").nth(1).click()
    watched.until(f"!({hidden})")


def test_a_new_run_is_listed_without_a_button(watched: Watched) -> None:
    make_run(watched.runs / "new", []).unlink()
    tell = counting(watched.runs / "new", 48, clock=lambda: watched.entries[-22]["time"])
    tell()
    expect(watched.page.locator("#training-status")).to_contain_text("preparing data 1/48")
    watched.page.locator("#training-runs input").click()
    expect(watched.page.get_by_role("option", name="runs/new")).to_be_visible()
    watched.page.keyboard.press("Escape")


def test_axes_by_wall_time_and_logarithmic(watched: Watched) -> None:
    page = watched.page
    page.locator("#training-axis").get_by_label("wall time").check()
    watched.until("p._fullLayout.xaxis.title.text === 'seconds since the run began'")
    watched.until("p._fullLayout.xaxis.range[1] > 100")  # the range follows: 120 seconds
    page.locator("#training-log input").check()
    watched.until("p._fullLayout.yaxis2.type === 'log'")
    page.locator("#training-log input").uncheck()
    page.locator("#training-axis").get_by_label("epochs").check()
    watched.until("p._fullLayout.xaxis.title.text === 'epochs done' && p._fullLayout.yaxis2.type !== 'log'")


def test_the_drawn_series_are_saved_as_csv(watched: Watched, tmp_path: Path) -> None:
    with watched.page.expect_download() as saving:
        watched.page.locator(f'{PLOT} .modebar-btn[data-title*="CSV"]').click()
    assert saving.value.suggested_filename == "training-curves.csv"
    saving.value.save_as(tmp_path / "drawn.csv")
    rows = [line.split(",") for line in (tmp_path / "drawn.csv").read_text().splitlines()]
    assert rows[0] == ["chart", "series", "epochs done", "y"]
    losses = [row for row in rows if row[0] == LOSSES and "Depth" in row[1]]
    assert len(losses) > 40 and float(losses[0][-1]) > 0


def test_two_runs_are_compared_in_a_table(watched: Watched) -> None:
    page = watched.page
    page.locator("#training-runs input").click()
    page.get_by_role("option", name="runs/before").click()
    expect(page.locator("#training-differences")).to_contain_text("uniform")
    watched.until("new Set(p.data.map(t => t.line?.dash)).has('dash')")
    page.keyboard.press("Escape")
    if SCREENSHOTS:
        page.mouse.move(5, 5)
        page.wait_for_timeout(1500)
        page.screenshot(path=Path(SCREENSHOTS) / "training.png", full_page=True)


def test_kappa_moves_the_replayed_weights(watched: Watched) -> None:
    page = watched.page
    expect(page.locator("#replay-text")).to_contain_text("exactly the weights that were logged")
    page.locator("#replay-charts").scroll_into_view_if_needed()
    replayed = "JSON.stringify(document.querySelector('#replay-charts .mt-plot').data?.map(t => t.y))"
    page.wait_for_function(f"{replayed} !== undefined", timeout=PATIENCE_MS)
    before = page.evaluate(replayed)
    slider = page.locator("#kappa input[type=number]")
    slider.fill("16")
    slider.press("Enter")
    expect(page.locator("#replay-text")).to_contain_text("largest difference")
    page.wait_for_function(f"before => {replayed} !== before", arg=before, timeout=PATIENCE_MS)
    if SCREENSHOTS:
        page.set_viewport_size({"width": 390, "height": 844})
        page.evaluate("document.body.classList.add('dark')")
        page.wait_for_timeout(4000)
        page.screenshot(path=Path(SCREENSHOTS) / "training-narrow-dark.png", full_page=True)


def test_the_browser_does_not_complain(watched: Watched) -> None:
    assert watched.errors == []
