"""What a newcomer sees first, and the workbench: an example at start, predictions before the comparison, and one click
that moves outline, readout and 3D view.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from visiting import Visit, visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXAMPLES = Path(__file__).parents[2] / "app" / "examples"
PHONE = (390, 844)
LONGEST_PX = 3_500
"""Height of the Coherence tab on a phone."""

SEEN_IN_ORDER = """() => {
  window.seen = [];
  const first = (name, true_) => { if (true_ && !window.seen.includes(name)) window.seen.push(name); };
  new MutationObserver(() => {
    first('waiting', document.querySelector('#empty-predictions .mt-stages'));
    first('predictions', document.querySelectorAll('#compare-normals img').length === 2);
    first('comparing', document.querySelector('#header .mt-stage-now'));
    first('compared', window.seen.includes('comparing') && !document.querySelector('#header .mt-stage-now'));
  }).observe(document.body, { childList: true, subtree: true });
}"""
FLOWN = """(rank) => {
  const { orbit, panes } = document.querySelector('.mt-cloud').mtCloud, focus = panes[0].scene?.focus;
  return focus?.rank === rank && orbit.target.every((value, k) => Math.abs(value - focus.centre[k]) < 1e-6);
}"""
FILLED = """() => {
  const pane = document.querySelector('.mt-cloud').mtCloud.panes.findLast((one) => !one.figure.hidden);
  const { scene, orbit } = pane;
  const m = orbit.matrix(pane.aspect), { region, camera: { fx, fy, cx, cy }, size: [H, W] } = scene, at = [[], []];
  for (let k = 0; k < scene.depths.length; k++) {
    const x = scene.pixels[2 * k], y = scene.pixels[2 * k + 1], z = scene.depths[k] / 65535 * scene.farthest;
    const column = Math.floor((x + 0.5) / W * region.width), row = Math.floor((y + 0.5) / H * region.height);
    if (!z || !region.mask[row * region.width + column]) continue;
    const p = [(x + 0.5 - cx) / fx * z, (y + 0.5 - cy) / fy * z, z, 1];
    const of = (r) => p.reduce((sum, v, c) => sum + v * m[4 * c + r], 0), w = of(3);
    at[0].push(of(0) / w);
    at[1].push(of(1) / w);
  }
  return at.map((axis) => {
    axis.sort((a, b) => a - b);
    return [axis[Math.floor(0.05 * axis.length)], axis[Math.floor(0.95 * axis.length)]];
  });
}"""
"""What the middle 90 % of the chosen region's points span of the refined view, in x and y; its edges are -1 and 1."""


def expect_chosen(page: Page, rank: int) -> None:
    """That failure is the chosen one in the list, in the words, and in 3D, which has flown there."""
    expect(page.locator("#failure-chosen .mt-chosen-words")).to_contain_text(f"Region {rank}:")
    page.wait_for_function(FLOWN, arg=rank)
    (left, right), (low, high) = page.evaluate(FILLED)
    assert -1 < left < right < 1
    assert -1 < low < high < 1
    assert 0.3 < max(right - left, high - low) / 2 < 0.9  # about half of the view


def test_it_opens_on_the_first_example(seen: Visit) -> None:
    page = seen.page
    expect(page.get_by_role("tab", name="Coherence", exact=True)).to_have_attribute("aria-selected", "true")
    expect(page.locator("#photo img")).to_have_count(1)
    expect(page.locator("#coherence-headline")).to_contain_text("Depth and normals disagree by")
    expect(page.locator("#intro")).to_contain_text("trace-back")
    links = page.locator("#intro a").evaluate_all("all => all.map((a) => a.getAttribute('href'))")
    assert any("arxiv.org" in link for link in links)
    assert "#readme" in links
    words = page.locator("#examples .gallery-item").evaluate_all(
        "all => all.map((item) => getComputedStyle(item, '::after').content)"
    )
    assert words[:2] == ['"bathroom"', '"bedroom"']


def test_the_workbench_is_one_row_that_fits_the_window(seen: Visit) -> None:
    boxes = [
        seen.page.locator(selector).first.bounding_box()
        for selector in ("#failures", "#failure-picture", "#cloud .mt-cloud-panes")
    ]
    assert all(box is not None for box in boxes)
    lefts = [box["x"] for box in boxes]
    assert lefts == sorted(lefts) and len(set(lefts)) == 3
    for box in boxes:
        assert box["y"] > 0 and box["y"] + box["height"] <= 900
    before = seen.page.locator("#photo").bounding_box()
    seen.page.mouse.move(700, 800)
    seen.page.evaluate("() => window.scrollTo(0, 700)")
    after = seen.page.locator("#photo").bounding_box()
    assert before and after and 0 <= after["y"] <= before["y"]  # the left column stays
    seen.page.evaluate("() => window.scrollTo(0, 0)")


def test_the_row_takes_what_the_headline_leaves(seen: Visit) -> None:
    page, parts = seen.page, ("#failures", "#failure-picture", "#cloud .mt-cloud-tools", ".mt-cloud-key")
    say = "html => { document.querySelector('.mt-headline').insertAdjacentHTML('afterend', html); }"
    bottom = "e => e.getBoundingClientRect().bottom"
    top = page.locator("#failures").evaluate("e => e.getBoundingClientRect().top")
    page.evaluate(say, f"<p class='mt-why' id='more-words'>{'Worse here and there. ' * 15}</p>")
    assert page.locator("#failures").evaluate("e => e.getBoundingClientRect().top") > top + 20
    for part in parts:
        assert page.locator(part).first.evaluate(bottom) <= 900
    assert page.locator("#failures").evaluate("e => e.scrollHeight > e.clientHeight && e.clientHeight > 200")
    page.evaluate("() => document.querySelector('#more-words').remove()")


def test_the_list_has_headings_in_sight_and_is_sorted(seen: Visit) -> None:
    page = seen.page
    table = page.locator("#failures").get_by_role("table").first
    heads = table.get_by_role("columnheader")
    expect(heads).to_have_text(["number", "region", "area", "initial", "refined", "apart"])
    rows = page.locator("#failures [data-failure]")
    assert rows.evaluate_all("all => all.slice(0, 3).map((one) => one.dataset.failure)") == ["1", "2", "3"]
    first, edges = table.get_by_role("row").nth(1), "e => e.getBoundingClientRect().right"
    for k in range(2, 6):  # the rest is laid out above the numbers
        cell = first.locator("> *").nth(k)
        assert heads.nth(k).evaluate(edges) == pytest.approx(cell.evaluate(edges), abs=1)
    page.locator("#failure-order input").click()
    page.get_by_role("option", name="sort: area", exact=True).click()
    page.wait_for_function(
        """() => {
          const shares = [...document.querySelectorAll('#failures td.mt-share')].map((e) => parseFloat(e.textContent));
          return shares.length > 2 && shares.every((value, k) => k === 0 || value <= shares[k - 1]);
        }"""
    )
    page.locator("#failure-order input").click()
    page.get_by_role("option", name="sort: area \N{MULTIPLICATION SIGN} angle", exact=True).click()
    expect(rows.first).to_have_attribute("data-failure", "1")


def test_an_example_has_its_truth_in_3d(seen: Visit) -> None:
    shown = seen.page.locator("#cloud figure:not([hidden]) figcaption")
    seen.page.locator("#cloud-show").get_by_text("ground truth").click()
    expect(shown).to_have_count(1)
    expect(shown).to_contain_text("ground truth")
    expect(shown).to_contain_text("points")
    known_points = seen.page.evaluate(
        """() => {
          const pane = document.querySelector('.mt-cloud').mtCloud.panes.find((one) => !one.figure.hidden);
          return pane.scene.depths.filter(Boolean).length / pane.scene.depths.length;
        }"""
    )
    assert known_points > 0.9
    seen.page.locator("#cloud-show").get_by_text("both").click()


def test_one_click_moves_outline_readout_and_3d(seen: Visit) -> None:
    page = seen.page
    expect_chosen(page, 1)
    outline = "() => getComputedStyle(document.documentElement).getPropertyValue('--chosen')"
    before, readout = page.evaluate(outline), page.locator("#readout").inner_text()
    row = page.locator("#failures tr[data-failure]").nth(1)
    rank = int(row.get_attribute("data-failure") or 0)
    row.click()
    expect_chosen(page, rank)
    assert page.evaluate(outline) != before
    assert page.locator("#readout").inner_text() != readout


def test_a_click_into_a_region_of_any_picture_chooses_it(seen: Visit) -> None:
    page = seen.page
    at = page.locator('.mt-spot[data-failure="3"]').evaluate("e => [e.style.left, e.style.top]")
    x, y = (float(part.rstrip("%")) / 100 for part in at)
    box = page.locator("#photo img").bounding_box()
    assert box
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    expect_chosen(page, 3)


def test_predictions_come_before_the_comparison(seen: Visit) -> None:
    page = seen.page
    page.evaluate(SEEN_IN_ORDER)
    page.locator("#examples button.gallery-item").nth(1).click()
    expect(page.locator("#compare-normals img")).to_have_count(2)
    expect(page.get_by_role("tab", name="Predictions", exact=True)).to_have_attribute("aria-selected", "true")
    page.wait_for_function("() => window.seen.includes('compared')")
    assert page.evaluate("() => window.seen").index("predictions") < page.evaluate("() => window.seen").index(
        "compared"
    )
    assert page.evaluate("() => window.seen")[0] == "waiting"
    expect(page.locator("#readout")).to_contain_text("angle")


def test_on_a_phone_the_result_comes_before_the_rest(chromium: Browser, url: str) -> None:
    phone = visit(chromium, url, size=PHONE)
    page = phone.page
    assert page.locator("#right").evaluate("e => e.offsetHeight") <= LONGEST_PX
    assert page.evaluate("() => document.documentElement.scrollWidth") == PHONE[0]
    page.locator("#photo input[type=file]").set_input_files(EXAMPLES / "office.jpg")
    expect(page.locator("#compare-semseg img")).to_have_count(2)
    tops = [
        page.locator(selector).evaluate("e => e.getBoundingClientRect().top")
        for selector in ("#compare-semseg", "#examples", "#download")
    ]
    assert 0 <= tops[0] < PHONE[1] < tops[1] < tops[2]
    assert not phone.errors
    page.context.close()


def test_nothing_complained(seen: Visit) -> None:
    assert not seen.foreign
    assert not seen.errors
