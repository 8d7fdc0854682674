"""Charts by themselves in a real Chromium: histogram and bars, loaded when needed, in the colours of the theme."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from fake_predictor import FakePredictor
from playwright.sync_api import Browser, expect
from visiting import PATIENCE_MS, Visit, launched, watched

from app.session import Analysis
from app.tabs.charts import ADDRESS, chart, drawn
from app.views import angles, attention, attention_bars, scoreboard

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCREENSHOTS = os.environ.get("MTCP_SCREENSHOTS")


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Visit]:
    photo = np.full((96, 128, 3), 200, np.uint8)
    analysis = Analysis(photo, FakePredictor()(photo), "room.jpg", (96, 128))
    bars = attention_bars.bars(analysis, attention.rows_at(analysis, (40, 50)))
    histogram = angles.histogram(scoreboard.stages(analysis), "plane fit")
    with gr.Blocks(analytics_enabled=False, fill_width=True) as demo:
        gr.HTML('<div style="height: 3000px">far above</div>')
        with gr.Column(elem_id="right"):
            shown = [chart("histogram"), chart("bars")]
        demo.load(lambda: (drawn(histogram), drawn(bars)), None, shown)
    with launched(demo) as address:
        tab = chromium.new_context(viewport={"width": 1200, "height": 900}).new_page()
        seen = watched(tab)
        tab.goto(address)
        # its place is kept, so that nothing jumps when it is drawn
        tab.wait_for_function(
            "document.querySelector('#histogram .mt-plot')?.clientHeight > 200", timeout=PATIENCE_MS
        )
        yield seen
        tab.context.close()


def test_the_library_is_loaded_when_a_chart_comes_near_and_from_here(page: Visit) -> None:
    assert not any(ADDRESS in url for url in page.requests)
    page.page.locator("#bars").scroll_into_view_if_needed()
    page.page.locator("#bars .barlayer .point").first.wait_for(state="attached")
    assert sum(ADDRESS in url for url in page.requests) == 1
    assert page.foreign == []


def test_histogram_and_bars_are_drawn(page: Visit) -> None:
    expect(page.page.locator("#bars .barlayer .trace.bars")).to_have_count(6)
    page.page.locator("#histogram").scroll_into_view_if_needed()
    page.page.locator("#histogram .scatterlayer .trace").first.wait_for(state="attached")
    expect(page.page.locator("#histogram .legendtext").first).to_contain_text("initial, median")


def test_colours_follow_the_theme(page: Visit) -> None:
    stroke = "document.querySelector('#histogram .scatterlayer .js-line').style.stroke"
    words = "document.querySelector('#histogram .legendtext').style.fill"
    light = [page.page.evaluate(of) for of in (stroke, words)]
    assert light[0] == "rgb(180, 83, 9)"  # --initial
    page.page.evaluate("document.body.classList.add('dark')")
    page.page.wait_for_function(f"{stroke} === 'rgb(251, 191, 36)'", timeout=PATIENCE_MS)
    dark = [int(n) for n in page.page.evaluate(words).removeprefix("rgb(").rstrip(")").split(",")[:3]]
    assert min(dark) > 180 and light[1] != page.page.evaluate(words)  # light words on dark
    if SCREENSHOTS:
        page.page.locator("#right").screenshot(path=Path(SCREENSHOTS) / "charts-dark.png")


def test_on_a_phone_panels_lie_below_one_another(page: Visit) -> None:
    page.page.set_viewport_size({"width": 390, "height": 844})
    page.page.locator("#bars").scroll_into_view_if_needed()
    page.page.wait_for_function(
        "document.querySelector('#bars .mt-plot').layout.grid.columns === 1", timeout=PATIENCE_MS
    )
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 390
    if SCREENSHOTS:
        page.page.wait_for_timeout(1000)
        page.page.locator("#right").screenshot(path=Path(SCREENSHOTS) / "charts-narrow.png")


def test_the_browser_does_not_complain(page: Visit) -> None:
    assert page.errors == []
