"""Two networks side by side, and back again; then what the photo really shows, dropped beside it.

One page for all tests of this file, in their order: each goes on where the one before stopped.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from visiting import Visit

from mtcp.checkpoint.store import DEFAULT_CHECKPOINT

OTHER = DEFAULT_CHECKPOINT.with_name("plain-lite-nyud.safetensors")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (DEFAULT_CHECKPOINT.is_file() and OTHER.is_file()), reason="needs both shipped weights"
    ),
]

A, B = DEFAULT_CHECKPOINT.stem, OTHER.stem
EXAMPLE = Path(__file__).parents[2] / "app" / "examples" / "bedroom.jpg"
PANES = "#cloud figure:not([hidden]) figcaption b"


def choose(page: Page, which: str, option: str) -> None:
    """Another network, as a person chooses it."""
    page.locator(f"#network-{which} input").click()
    page.get_by_role("option", name=option, exact=True).click()


def numbers(page: Page, of: str) -> list[str]:
    """A column of the scoreboard."""
    return page.locator(f'#scoreboard td[data-of="{of}"]').all_text_contents()


def test_choosing_b_compares_two_networks_everywhere(seen: Visit) -> None:
    page = seen.page
    expect(page.locator(PANES)).to_have_text(["initial", "refined"])
    refined, failing = numbers(page, "refined"), page.locator("#failures").inner_text()
    choose(page, "b", B)
    expect(page.locator("#coherence-headline")).to_contain_text("in A and by")
    expect(page.locator("#header")).to_contain_text(f"{A} (refined")
    expect(page.locator("#header")).to_contain_text(f"{B} (initial")
    expect(page.locator("#scoreboard thead th").nth(2)).to_have_text(re.compile(f"B.*{B}", re.DOTALL))
    expect(page.locator(PANES)).to_have_text([f"A: {A}", f"B: {B}"])
    assert numbers(page, "initial") == refined  # A's last stage stands where its first was
    assert numbers(page, "refined") != refined
    expect(page.locator("#failure-status")).to_contain_text("only in B")
    assert page.locator("#failures").inner_text() != failing
    expect(page.locator("#readout thead")).to_contain_text("A")
    badge = "e => getComputedStyle(e, '::after').content"
    assert page.locator("#angle-map").evaluate(badge) == f'"B: {B}"'


def test_other_tabs_compare_them_too(seen: Visit) -> None:
    page = seen.page
    page.get_by_role("tab", name="Predictions", exact=True).click()
    expect(page.locator("#note-depth")).to_contain_text("B differs from A: depth by")
    page.get_by_role("tab", name="Attention", exact=True).click()
    expect(page.locator("#attention-overlays img").first).to_be_visible()
    page.locator("#attention-network").get_by_text(f"B: {B}").click()
    expect(page.locator("#attention-overlays img")).to_have_count(0)
    page.get_by_role("tab", name="Coherence", exact=True).click()


def test_swapped_back_and_alone(seen: Visit) -> None:
    page = seen.page
    choose(page, "b", "none")
    expect(page.locator(PANES)).to_have_text(["initial", "refined"])
    expect(page.locator("#coherence-headline")).to_contain_text("trace-back")
    choose(page, "a", B)  # it has one stage alone
    expect(page.locator("#coherence-headline")).to_contain_text("no refinement")
    expect(page.locator(PANES)).to_have_text(["initial"])
    choose(page, "a", A)
    expect(page.locator(PANES)).to_have_text(["initial", "refined"])


def test_truth_of_ones_own_photo(seen: Visit, tmp_path: Path) -> None:
    page, photo = seen.page, tmp_path / "mine.png"
    with Image.open(EXAMPLE) as picture:
        width, height = picture.size
        picture.convert("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(photo)  # no example any more
    page.locator("#photo input[type=file]").set_input_files(photo)
    expect(page.locator("#permalink")).not_to_contain_text("leads back here")  # not while it runs, either
    expect(page.locator("#photo-facts")).to_contain_text("mine.png")
    page.get_by_role("tab", name="Coherence", exact=True).click()
    expect(page.locator("#scoreboard td").first).to_be_visible()  # drawn before the truth is there
    expect(page.locator("#cloud-show")).not_to_contain_text("ground truth")
    page.get_by_role("tab", name="Ground truth", exact=True).click()
    expect(page.get_by_text("The ground truth of this photo is not known.")).to_be_visible()

    depth = tmp_path / "depth.png"
    Image.fromarray(np.full((height // 2, width // 2), 2500, np.uint16)).save(depth)
    labels = tmp_path / "labels.npy"
    np.save(labels, np.full((height, width), 57))
    page.get_by_role("button", name="Ground truth of this photo").click()
    expect(page.locator("#truth-files")).to_be_in_viewport(ratio=1)  # the left column has scrolled to it
    page.locator("#truth-files input[type=file]").set_input_files([depth, labels])
    expect(page.get_by_text(re.compile(r"labels\.npy: label 57 is out of range"))).to_be_visible()
    expect(page.locator("#truth-headline")).to_contain_text("your depth.png")
    expect(page.locator("#truth-depth img")).to_be_visible()
    expect(page.locator("#readout")).to_contain_text("2.50 m")
    expect(page.locator("#truth-files tr")).to_have_count(1)  # only what can be used stays in the list
    page.get_by_role("tab", name="Coherence", exact=True).click()
    expect(page.locator('#scoreboard td[data-of="truth"]').first).to_be_attached()
    page.locator("#cloud-show").get_by_text("ground truth").click()
    expect(page.locator(PANES)).to_have_text(["ground truth"])
    assert not seen.errors and not seen.foreign
