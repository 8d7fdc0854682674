"""A pointer over the maps in a real Chromium: values, the cross in other pictures, dividers, classes over the photo."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from visiting import PATIENCE_MS, Visit, visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]

STAGES = ("initial", "refined")
READY = "#hover [data-ready=true]"


@pytest.fixture(scope="module")
def seen(chromium: Browser, url: str) -> Iterator[Visit]:
    """The page on the example that it opens with, at Predictions."""
    opened = visit(chromium, url)
    opened.page.locator(READY).wait_for(state="attached")
    open_tab(opened.page, "Predictions")
    yield opened
    opened.page.context.close()


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()
    if name == "Predictions":
        expect(page.locator("#compare-normals img")).to_have_count(2)
        drawn = (
            "() => [...document.querySelectorAll('.mt-task img')].every(i => i.complete && i.naturalWidth)"
        )
        page.wait_for_function(drawn)


def hover(page: Page, selector: str, x: float, y: float) -> Locator:
    """Points at fractions of a picture; the values there."""
    picture = page.locator(f"{selector} img").first
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box
    page.mouse.move(box["x"] + x * box["width"] - 3, box["y"] + y * box["height"])
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    values = page.locator(".mt-hover")
    expect(values).to_be_visible()
    page.wait_for_timeout(200)  # the next frame draws what the last movement said
    return values


def columns(values: Locator) -> dict[str, dict[str, str]]:
    """Stage -> row -> what is written."""
    rows = [row.split("\t") for row in values.inner_text().replace("\N{MINUS SIGN}", "-").split("\n") if row]
    return {stage: {row[0]: row[k].strip() for row in rows[1:]} for k, stage in enumerate(rows[0]) if k}


def test_hover_values_against_the_npz(seen: Visit) -> None:
    page = seen.page
    button = page.get_by_text("Download all maps (zip)")
    expect(button).to_be_enabled()
    with page.expect_download() as started:
        button.click()
    with zipfile.ZipFile(started.value.path()) as packed:
        name = next(one for one in packed.namelist() if one.endswith(".npz"))
        with packed.open(name) as file:
            arrays = dict(np.load(io.BytesIO(file.read())))
    calls = seen.settled()
    for task, x, y, on in (
        ("semseg", 0.1, 0.2, "initial"),
        ("depth", 0.9, 0.8, "refined"),
        ("normals", 0.03, 0.95, "initial"),
        ("depth", 0.45, 0.5, "initial"),
        ("semseg", 0.97, 0.1, "refined"),
    ):
        values = hover(page, f"#compare-{task}", x, y)
        assert values.get_attribute("data-stage") == on
        column, row = (int(str(values.get_attribute(f"data-{axis}"))) for axis in "xy")
        height, width = arrays["depth_initial"].shape
        assert abs(column - x * width) <= 4 and abs(row - y * height) <= 4
        readings = columns(values)
        for stage in STAGES:
            label = str(arrays["semseg_classes"][arrays[f"semseg_{stage}"][row, column]])
            assert re.fullmatch(rf"{re.escape(label)} [01]\.\d\d", readings[stage]["class"])
            depth = float(arrays[f"depth_{stage}"][row, column])
            assert float(readings[stage]["depth"].removesuffix(" m")) == pytest.approx(depth, abs=0.006)
            normal = [float(part) for part in readings[stage]["normal"].split()]
            assert normal == pytest.approx(arrays[f"normals_{stage}"][row, column].tolist(), abs=0.01)
            assert 0 <= int(readings[stage]["angle"].rstrip("°")) <= 180
    assert seen.calls == calls  # nobody asked the server


def test_the_cross_is_at_the_same_place_in_the_other_pictures(seen: Visit) -> None:
    page = seen.page
    hover(page, "#compare-depth", 0.3, 0.7)
    for name in ("#compare-normals", "#compare-semseg", "#photo"):
        cross = page.locator(f"{name} > .mt-linked")
        expect(cross).to_be_visible()
        at = cross.evaluate("e => [e.style.getPropertyValue('--x'), e.style.getPropertyValue('--y')]")
        assert [float(part.rstrip("%")) for part in at] == pytest.approx([30, 70], abs=0.6)
        assert "linear-gradient" in cross.evaluate("e => getComputedStyle(e).backgroundImage")
        box, picture = cross.bounding_box(), page.locator(f"{name} img").first.bounding_box()
        assert box and picture
        assert box["width"] / box["height"] == pytest.approx(640 / 480, rel=0.02)
        assert abs(box["y"] - picture["y"]) < 3
    expect(page.locator("#compare-depth > .mt-linked")).to_be_hidden()
    page.mouse.move(700, 3)
    expect(page.locator("#compare-normals > .mt-linked")).to_be_hidden()
    expect(page.locator(".mt-hover")).to_be_hidden()


def drag(page: Page, selector: str, to: float) -> None:
    """Drags the divider of a comparison to a fraction of its width."""
    compare = page.locator(selector)
    compare.scroll_into_view_if_needed()
    handle, box = compare.locator(".icon-wrap").bounding_box(), compare.bounding_box()
    assert handle and box
    y = handle["y"] + handle["height"] / 2
    page.mouse.move(handle["x"] + handle["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + to * box["width"], y, steps=6)
    page.mouse.up()


def expect_cut(page: Page, selector: str, at: float) -> None:
    page.wait_for_function(
        """([selector, at]) => {
          const cut = document.querySelector(`${selector} img.fixed`)?.style.clipPath.match(/([\\d.]+)%\\)$/);
          return cut && Math.abs(Number(cut[1]) - 100 * at) < 1;
        }""",
        arg=[selector, at],
    )


def test_one_divider_moves_all(seen: Visit) -> None:
    page, calls = seen.page, seen.settled()
    drag(page, "#compare-depth", 0.25)
    for name in ("#compare-depth", "#compare-semseg", "#compare-normals"):
        expect_cut(page, name, 0.25)
    expect(page.locator("#divider input[type=range]")).to_have_value("25")
    assert seen.calls == calls
    open_tab(page, "Coherence")
    expect_cut(page, "#angle-map", 0.25)
    drag(page, "#angle-map", 0.7)
    open_tab(page, "Predictions")
    expect_cut(page, "#compare-semseg", 0.7)


def test_classes_fade_over_the_photo(seen: Visit) -> None:
    page, calls = seen.page, seen.settled()
    page.mouse.move(700, 3)
    slider = page.locator("#labels-opacity input[type=range]")
    classes = pixels(page.locator("#compare-semseg .content"))
    slider.fill("0")
    page.wait_for_timeout(300)
    alone = pixels(page.locator("#compare-semseg .content"))
    slider.fill("50")
    page.wait_for_timeout(300)
    half = pixels(page.locator("#compare-semseg .content"))
    assert np.abs(alone - classes).mean() > 20
    assert np.abs(half - (alone + classes) / 2).mean() < 3
    slider.fill("100")
    assert seen.calls == calls


def pixels(element: Locator) -> np.ndarray:
    element.scroll_into_view_if_needed()
    return np.asarray(Image.open(io.BytesIO(element.screenshot())).convert("RGB")).astype(float)


def test_the_probe_has_a_column_of_truth_on_an_example(seen: Visit) -> None:
    table = seen.page.locator("#readout table")
    expect(table.locator("thead")).to_contain_text("ground truth")
    expect(table).to_contain_text("normal z")
    angle = table.locator("tr", has_text="angle").locator("td").last
    expect(angle).to_contain_text("°")  # the truth's own
    fits = seen.page.locator("#readout").evaluate("e => e.scrollWidth <= e.clientWidth")
    assert fits


def test_outlines_are_faint_until_they_are_pointed_at(seen: Visit) -> None:
    page = seen.page
    open_tab(page, "Coherence")
    row = page.locator("#failures tr[data-failure]").nth(1)
    rank = row.get_attribute("data-failure")
    path = page.locator(f'[data-outline="{rank}"]')
    width = "e => parseFloat(getComputedStyle(e).strokeWidth)"
    assert path.evaluate(width) == 1
    row.hover()
    expect(path).to_have_class(re.compile("mt-strong"))
    assert path.evaluate(width) > 2
    page.mouse.move(700, 3)
    expect(path).not_to_have_class(re.compile("mt-strong"))


def test_nothing_complained(seen: Visit) -> None:
    assert not seen.errors
    assert not seen.foreign


def test_a_tap_tells_values_under_the_picture_at_390_px(chromium: Browser, url: str) -> None:
    context = chromium.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, color_scheme="dark"
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url)
    page.locator(READY).wait_for(state="attached")
    open_tab(page, "Predictions")
    compare = page.locator("#compare-depth")
    compare.scroll_into_view_if_needed()
    before = page.locator("#probe-x input").input_value()
    box = compare.bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + 0.25 * box["width"], box["y"] + 0.3 * box["height"])
    values = page.locator(".mt-hover")
    expect(values).to_be_visible()
    assert values.get_attribute("data-stage") == "initial"
    line = values.bounding_box()
    assert line
    assert line["y"] >= box["y"] + box["height"] - 2
    assert line["x"] >= 0 and line["x"] + line["width"] <= 390
    assert set(columns(values)) >= set(STAGES)
    expect(page.locator("#probe-x input")).not_to_have_value(before)  # a tap moves the probe too
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
