"""Triage in a real Chromium: whole thumbnails that open, ranking by a cause, the note on a dark picture, the brush.

The network is a stand-in that sees more of a tilted surface the brighter a photo is, so that ranks are known.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from fake_predictor import Tilts
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from served import served
from visiting import Visit, visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RUN_MS = 600_000
PHOTOS = {
    "dark.png": (12, (60, 80)),
    "dim.png": (90, (60, 80)),
    "tall.png": (150, (90, 60)),
    "wide.png": (210, (40, 160)),
}
"""Name -> grey value and (height, width); brighter ones fail in more of the picture."""


@pytest.fixture(scope="module")
def seen(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """The tab with all photos analysed."""
    folder = tmp_path_factory.mktemp("triage")
    for name, (grey, size) in PHOTOS.items():
        Image.fromarray(np.full((*size, 3), grey, np.uint8)).save(folder / name)
    with served(folder / "uploads", predictor=Tilts()) as running:
        opened = visit(chromium, running.url, until="#empty-predictions .mt-empty")
        page = opened.page
        page.get_by_role("tab", name="Triage", exact=True).click()
        page.locator("#triage-files input[type=file]").set_input_files([folder / name for name in PHOTOS])
        expect(cards(page)).to_have_count(len(PHOTOS), timeout=RUN_MS)
        yield opened
        page.context.close()


def cards(page: Page) -> Locator:
    return page.locator("#triage-gallery .mt-card")


def names(page: Page) -> list[str]:
    """Of the photos listed, as they come."""
    return page.locator("#triage-gallery .mt-card-name").all_inner_texts()


def expect_listed(page: Page, wanted: list[str]) -> None:
    page.wait_for_function(
        """(wanted) => JSON.stringify(wanted) === JSON.stringify(
          [...document.querySelectorAll('#triage-gallery .mt-card-name')].map((e) => e.innerText))""",
        arg=wanted,
        timeout=RUN_MS,
    )


def choose(page: Page, field: str, words: str) -> None:
    page.locator(f"#{field} input").click()
    page.get_by_role("option", name=words, exact=True).click()


def test_thumbnails_are_whole(seen: Visit) -> None:
    shapes = seen.page.evaluate(
        """() => [...document.querySelectorAll('.mt-card-pictures img')].map((i) => {
          const box = i.getBoundingClientRect();
          return [getComputedStyle(i).objectFit, i.naturalWidth / i.naturalHeight, box.width / box.height];
        })"""
    )
    assert len(shapes) == 2 * len(PHOTOS)
    for fit, own, drawn in shapes:
        assert fit == "contain" or drawn == pytest.approx(own, rel=0.03)
    own = sorted(round(shape[1], 1) for shape in shapes)
    assert own[0] == 0.7 and own[-1] == 4.0  # as the files: nothing was cut off on the server


def test_a_dark_picture_is_said_to_be_unlike_training(seen: Visit) -> None:
    unlike = cards(seen.page).filter(has_text="This photo is unlike those of training")
    expect(unlike).to_have_count(1)
    expect(unlike).to_contain_text("dark.png")
    expect(unlike).to_contain_text("99 % of them (class information 12.00 nats; theirs 50.00 or more)")


def test_a_cause_ranks_by_the_area_that_fails_for_it(seen: Visit) -> None:
    choose(seen.page, "triage-number", "Failing area, cause: tilted surface")
    expect_listed(seen.page, ["wide.png", "tall.png", "dim.png", "dark.png"])
    expect(seen.page.locator("#triage-summary")).to_contain_text("Failing area, cause")
    choose(seen.page, "triage-number", "Failing area, cause: unlike training")
    page = seen.page
    page.wait_for_function(
        "() => document.querySelector('#triage-gallery .mt-card-name').innerText === 'dark.png'"
    )


def test_brushing_lists_what_is_in_the_box_and_a_button_all(seen: Visit) -> None:
    page = seen.page
    choose(page, "triage-number", "Failing area, cause: tilted surface")
    expect_listed(page, ["wide.png", "tall.png", "dim.png", "dark.png"])
    plot = page.locator("#triage-scatter .js-plotly-plot")
    plot.scroll_into_view_if_needed()
    points = plot.locator(".scatterlayer .point")
    expect(points).to_have_count(len(PHOTOS), timeout=RUN_MS)
    calls = seen.calls
    brush(page, points, [1, 2])  # of those like training: dim, tall, wide; the dark one is a trace of its own
    expect_listed(page, ["wide.png", "tall.png"])
    expect(page.locator("#triage-brushed")).to_contain_text("2 selected")
    assert seen.calls == calls + 1
    page.locator("#triage-all").click()
    expect_listed(page, ["wide.png", "tall.png", "dim.png", "dark.png"])
    expect(page.locator("#triage-all")).to_be_hidden()
    corner = plot.locator(".draglayer .nsewdrag").first.bounding_box()
    assert corner
    page.mouse.move(corner["x"] + 3, corner["y"] + 3)
    page.mouse.down()
    page.mouse.move(corner["x"] + 19, corner["y"] + 19, steps=6)
    page.mouse.up()
    expect(page.locator("#triage-brushed")).to_contain_text("no photo in what you drew")
    expect_listed(page, ["wide.png", "tall.png", "dim.png", "dark.png"])
    page.wait_for_function(  # nothing is dim
        "() => document.querySelector('#triage-scatter .js-plotly-plot').data.every((one) => !one.selectedpoints)"
    )


def brush(page: Page, points: Locator, places: list[int]) -> None:
    """Drags a box round some of the points."""
    boxes = [box for place in places if (box := points.nth(place).bounding_box())]
    assert len(boxes) == len(places)
    left, top = (min(box[side] for box in boxes) - 6 for side in ("x", "y"))
    right = max(box["x"] + box["width"] for box in boxes) + 6
    bottom = max(box["y"] + box["height"] for box in boxes) + 6
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(right, bottom, steps=6)
    page.mouse.up()


def test_a_click_on_a_thumbnail_opens_the_photo(seen: Visit) -> None:
    page = seen.page
    cards(page).filter(has_text="dim.png").locator("img").first.click()
    expect(page.get_by_role("tab", name="Coherence", exact=True)).to_have_attribute(
        "aria-selected", "true", timeout=RUN_MS
    )
    expect(page.locator("#photo-facts")).to_contain_text("dim.png")
    expect(page.locator("#failure-chosen .mt-chosen-words")).to_contain_text("tilted surface", timeout=RUN_MS)


def test_nothing_left_the_machine_and_nothing_complained(seen: Visit) -> None:
    """Last, so that it sees the requests of all tests before it: Plotly is served by the page itself."""
    assert any("plotly" in url.lower() for url in seen.requests)
    assert not seen.foreign
    assert not seen.errors
