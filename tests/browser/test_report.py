"""A report that opens without any network, and addresses that lead back to what is seen."""

from __future__ import annotations

import json
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect
from visiting import PATIENCE_MS, Visit, visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DESCRIBED = "#failure-chosen .mt-chosen-words"
LATE = ("Coherence", "show", "Predictions")
"""Calls of a page opened at an address: the tab it began with, the example, the tab that was asked for."""
LOADED = "all => all.map((img) => img.complete && img.naturalWidth > 0)"


def asked(page: Page) -> dict[str, str]:
    """What the address tells."""
    return {key: values[0] for key, values in parse_qs(urlsplit(page.url).query).items()}


def tells(page: Page, **wanted: str) -> None:
    """Waits until the address tells that."""
    page.wait_for_function(
        "(wanted) => { const told = new URLSearchParams(location.search);"
        " return Object.entries(wanted).every(([key, value]) => told.get(key) === value); }",
        arg=wanted,
        timeout=PATIENCE_MS,
    )


def saved(page: Page, button: str, folder: Path) -> Path:
    with page.expect_download(timeout=PATIENCE_MS) as download:
        page.locator(button).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_report_opens_offline(seen: Visit, chromium: Browser, tmp_path: Path) -> None:
    path = saved(seen.page, "#report-html", tmp_path)
    assert path.name == "bathroom-report.html"
    context = chromium.new_context(offline=True, viewport={"width": 390, "height": 844})
    page, errors, requests = context.new_page(), [], []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    pictures = page.locator("img").evaluate_all(LOADED)
    assert len(pictures) > 9 and all(pictures)
    expect(page.locator("h1")).to_have_text("bathroom.jpg")
    expect(page.locator("main")).to_contain_text("python -m mtcp coherence app/examples/bathroom.jpg")
    assert page.locator(".outlined path").count() == page.locator(".outlined .mt-spot").count() > 0
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390
    rows = page.locator(".mt-failures tbody tr")
    seen_rows = "all => all.filter((row) => row.checkVisibility()).length"
    assert 10 <= rows.evaluate_all(seen_rows) < rows.count()  # the rest of the long list is folded
    page.emulate_media(media="print")
    assert rows.evaluate_all(seen_rows) == rows.count()
    assert not errors and all(url.startswith(("file:", "data:")) for url in requests)
    context.close()


def test_numbers_are_saved_beside_it(seen: Visit, tmp_path: Path) -> None:
    numbers = json.loads(saved(seen.page, "#report-json", tmp_path).read_text())
    mean = f"{numbers['refined']['depth_normal']['mean_deg']:.1f}°"
    expect(seen.page.locator("#coherence-headline")).to_contain_text(mean)
    assert numbers["versions"]["networks"]["network"]["sha256"] and numbers["failures"]


def test_the_address_follows_without_a_history(seen: Visit) -> None:
    page = seen.page
    tells(page, example="bathroom", tab="coherence", failure="1")
    before = page.evaluate("() => history.length")
    row = page.locator("#failures tr[data-failure]").nth(1)
    rank = row.get_attribute("data-failure")
    assert rank
    row.click()
    tells(page, failure=rank)
    page.get_by_role("tab", name="Predictions", exact=True).click()
    tells(page, tab="predictions")
    page.locator("#probe-x input").fill("3")
    page.locator("#probe-y input").fill("4")
    tells(page, probe="3,4")
    assert page.evaluate("() => history.length") == before
    assert not seen.errors


def test_of_two_clicks_the_last_one_counts_however_slow_the_first_is_answered(seen: Visit) -> None:
    page, pending, clicked = seen.page, list[Route](), list[int]()
    page.get_by_role("tab", name="Coherence", exact=True).click()
    rows = page.locator("#failures tr[data-failure]")
    expect(rows.nth(4)).to_be_visible()
    ranks = [rows.nth(at).get_attribute("data-failure") for at in (4, 3)]

    def hold(route: Route) -> None:
        if len(clicked) == len(ranks):
            route.continue_()
        else:
            pending.append(route)

    page.route("**/queue/join*", hold)
    for at in (4, 3):
        rows.nth(at).click()
        page.wait_for_timeout(500)
        clicked.append(at)
    for route in pending:
        route.continue_()
        page.wait_for_timeout(100)
    tells(page, failure=str(ranks[1]))
    seen.settled()
    tells(page, failure=str(ranks[1]))


def test_an_address_restores_example_tab_and_failure(chromium: Browser, url: str) -> None:
    shown = visit(chromium, f"{url}?example=kitchen&tab=coherence&failure=3&__theme=light", until=DESCRIBED)
    page = shown.page
    expect(page.locator(DESCRIBED)).to_contain_text("Region 3:")
    expect(page.locator("#photo-facts")).to_contain_text("kitchen.jpg")
    tells(page, example="kitchen", tab="coherence", failure="3", __theme="light")
    address = asked(page)
    # Only then nothing is on its way: gradio complains of a stream that leaving the page ends.
    page.locator("#hover [data-ready=true]").wait_for(state="attached")
    page.reload()
    expect(page.locator(DESCRIBED)).to_contain_text("Region 3:")
    assert asked(page) == address
    assert not shown.errors
    page.context.close()


def test_an_address_restores_the_probe_in_another_tab(chromium: Browser, url: str) -> None:
    asks = "?example=bathroom&tab=predictions&probe=30,40&failure=99"
    shown = visit(chromium, f"{url}{asks}", until="#change-normals img")
    page = shown.page
    expect(page.get_by_text("failure=99")).to_be_attached()  # there are fewer
    expect(page.get_by_role("tab", name="Predictions", exact=True)).to_have_attribute("aria-selected", "true")
    expect(page.locator("#probe-x input")).to_have_value("30")
    expect(page.locator("#probe-y input")).to_have_value("40")
    tells(page, probe="30,40", tab="predictions")
    assert not shown.errors
    page.context.close()


def test_a_tab_that_was_open_before_does_not_stay_in_the_way(chromium: Browser, url: str) -> None:
    """A slow page tells that it began with Coherence when the address was read already, and is being drawn."""
    page = chromium.new_page(reduced_motion="reduce")
    pending: dict[str, Route] = {}
    done: list[str] = []

    def hold(route: Route) -> None:
        event = json.loads(route.request.post_data or "{}")["event_data"]
        # Opened tabs by their title, and two calls without an event's data: what reads the address, what shows it.
        call = event["value"] if isinstance(event, dict) else "show" if done else "read"
        if call == "read" or len(done) > 1:
            done.append(call)
            route.continue_()
            return
        pending[call] = route
        if len(pending) == len(LATE):
            done.extend(pending)
            for late in LATE:
                pending[late].continue_()
                time.sleep(0.5)  # to have begun

    page.route("**/queue/join*", hold)
    page.goto(f"{url}?example=kitchen&tab=predictions&probe=30,40")
    page.locator("#change-normals img").first.wait_for(timeout=PATIENCE_MS)
    assert set(pending) == set(LATE)
    page.context.close()


def test_what_an_address_cannot_ask_for_is_named(chromium: Browser, url: str) -> None:
    shown = visit(chromium, f"{url}?example=attic&tab=cellar&failure=no", until="text=example=attic")
    page = shown.page
    for words in ("tab=cellar", "failure=no"):
        expect(page.get_by_text(words)).to_be_attached()
    expect(page.locator("#photo-facts")).to_contain_text("bathroom.jpg")  # as without
    assert not shown.errors
    page.context.close()


def test_ones_own_photo_is_in_no_address(seen: Visit, tmp_path: Path) -> None:
    page = seen.page
    photo = tmp_path / "mine.png"
    Image.new("RGB", (96, 64), (90, 120, 90)).save(photo)
    page.locator("#photo input[type=file]").set_input_files(photo)
    expect(page.locator("#permalink")).to_contain_text("A photo of your own")
    assert "example" not in asked(page)
    assert not seen.foreign
