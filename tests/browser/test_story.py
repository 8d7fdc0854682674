"""The story of the Explorer, as a newcomer lives it: a photo, a place where the tasks disagree, that place in 3D, what
the network attended to there, whether trace-back mended it; then a pile of photos.

One page for all tests of this file, in their order: each goes on where the one before stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from visiting import Visit, visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXAMPLES = Path(__file__).parents[2] / "app" / "examples"


@pytest.fixture(scope="module")
def seen(chromium: Browser, url: str) -> Iterator[Visit]:
    """The page, with one of the examples uploaded."""
    opened = visit(chromium, url, size=(1440, 1200))
    opened.page.locator("#photo input[type=file]").set_input_files(EXAMPLES / "bedroom.jpg")
    expect(opened.page.locator("#compare-depth img")).to_have_count(2)
    yield opened
    opened.page.context.close()


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def at(page: Page) -> tuple[int, int]:
    """Where the probe is, as its number fields say."""
    x, y = (page.locator(f"#probe-{axis} input").input_value() for axis in "xy")
    return int(x), int(y)


def click_at(page: Page, selector: str, x: float, y: float) -> None:
    """Clicks at fractions of the picture."""
    picture = page.locator(selector).first
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def expect_probe(page: Page, x: float, y: float) -> None:
    """The probe is at these fractions of a 640 x 480 photo, to within the pixels of the screen."""
    page.wait_for_function(
        """([x, y]) => {
          const value = (name) => Number(document.querySelector(`#probe-${name} input`).value);
          return Math.abs(value('x') - x) <= 4 && Math.abs(value('y') - y) <= 4;
        }""",
        arg=[640 * x, 480 * y],
    )


def test_a_click_on_any_picture_moves_the_probe(seen: Visit) -> None:
    page = seen.page
    expect(page.locator("#readout")).to_contain_text("depth")
    for selector, x, y in (
        ("#change-depth img", 0.25, 0.75),
        ("#compare-normals img", 0.1, 0.3),
        ("#photo img", 0.7, 0.6),
    ):
        click_at(page, selector, x, y)
        expect_probe(page, x, y)
    page.wait_for_function(  # the marker is drawn after the fields
        """() => {
          const frame = document.querySelector('#photo .image-frame'), drawn = getComputedStyle(frame, '::after');
          return drawn.display === 'block' && Math.abs(parseFloat(drawn.left) / frame.clientWidth - 0.7) <= 0.01;
        }"""
    )


def test_the_probe_is_typed_and_survives_the_tabs(seen: Visit) -> None:
    page = seen.page
    before = page.locator("#readout").inner_text()
    page.locator("#probe-x input").fill("33")
    page.locator("#probe-y input").fill("440")
    expect(page.locator("#readout")).not_to_have_text(before)
    open_tab(page, "Attention")
    expect(page.locator("#attention-overlays img")).to_have_count(3)
    open_tab(page, "Predictions")
    assert at(page) == (33, 440)
    page.locator("#probe-x input").fill("9999")
    page.locator("#probe-x input").press("Enter")
    expect(page.get_by_test_id("toast-body")).to_contain_text("9999")
    expect(page.locator("#probe-x input")).to_have_value("33")
    page.locator("#probe-x input").fill("34")


def test_a_field_of_view_that_cannot_be_is_told_and_taken_back(seen: Visit) -> None:
    page, field = seen.page, seen.page.locator("#fov input")
    before = field.input_value()
    field.press("ControlOrMeta+a")
    field.press("Delete")
    page.locator("#probe-y input").focus()
    expect(field).to_have_value(before)
    field.fill("500")
    page.locator("#probe-y input").focus()
    expect(page.get_by_text("field of view 500 degrees: give 5 to 150")).to_be_visible()
    expect(field).to_have_value(before)


def test_attention_follows_the_probe(seen: Visit) -> None:
    page = seen.page
    open_tab(page, "Attention")
    overlay = page.locator("#attention-overlays img").first
    before = overlay.get_attribute("src")
    click_at(page, "#attention-overlays img", 0.8, 0.2)
    expect_probe(page, 0.8, 0.2)
    expect(overlay).not_to_have_attribute("src", str(before))


def test_a_failure_is_found_outlined_and_probed(seen: Visit) -> None:
    page = seen.page
    header = page.locator("#header").inner_text()
    open_tab(page, "Coherence")
    expect(page.locator("#coherence-headline")).to_contain_text("Depth and normals disagree by")
    expect(page.locator("#scoreboard")).to_contain_text("refined")
    rows = page.locator("[data-failure]")
    expect(rows.nth(1)).to_be_visible()
    before = at(page)
    row = page.locator('[data-failure="2"]').first
    row.scroll_into_view_if_needed()
    row.click()
    page.wait_for_function(
        "([x, y]) => document.querySelector('#probe-x input').value != x || "
        "document.querySelector('#probe-y input').value != y",
        arg=[str(part) for part in before],
    )
    assert page.locator("#header").inner_text() == header  # the network did not run again


def test_the_cloud_has_points_and_a_camera_of_its_own(seen: Visit) -> None:
    page = seen.page
    page.locator("#cloud").scroll_into_view_if_needed()
    expect(page.locator("#cloud canvas").first).to_be_visible()
    expect(page.locator("#cloud")).to_contain_text("points")
    page.locator("#fov input").fill("80")
    expect(page.locator("#photo-facts")).to_contain_text("80")


def test_triage_ranks_photos_and_names_the_one_that_is_none(seen: Visit, tmp_path: Path) -> None:
    page = seen.page
    open_tab(page, "Triage")
    bad = tmp_path / "notes.jpg"
    bad.write_text("no picture")
    page.locator("#triage-files input[type=file]").set_input_files(
        [EXAMPLES / "office.jpg", EXAMPLES / "kitchen.jpg", bad]
    )
    gallery = page.locator("#triage-gallery")
    expect(gallery).to_contain_text("office.jpg")
    expect(gallery).to_contain_text("kitchen.jpg")
    expect(page.locator("#tabs")).to_contain_text("not a picture")


def test_nothing_complained(seen: Visit) -> None:
    assert not seen.foreign
    assert not seen.errors
