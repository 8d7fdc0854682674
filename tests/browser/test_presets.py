"""Every preset opens in the Attention tab and shows its own inside: tiny networks with random weights, on one page.

One page for all tests of this file, in their order: each goes on where the one before stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import data_made
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from visiting import Visit, visit

from app import serve, ui
from app.load import load_all
from app.views.attention import NOT_ATTENDING
from app.views.attention_inside import OTHER_INSIDE, WITHOUT_GATES
from mtcp.checkpoint.store import save_checkpoint
from mtcp.model import MTCP
from mtcp.model.refinement.distillation import TITLE
from mtcp.presets import PRESETS, preset

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LARGE = ("paper", "paper-timm")
"""Presets that are larger than lite, or need weights of others."""
SIZE = (64, 96)
TINY = {
    "backbone": "test_efficientnet",
    "width": 8,
    "queries": 4,
    "query_layers": 1,
    "query_heads": 2,
    "height": SIZE[0],
    "image_width": SIZE[1],
}
WORKSPACE = ("The shared workspace", "Which pixels write into each slot", "Which slots each pixel reads")


class Shown(NamedTuple):
    """What the Attention tab has of a design. inside: the titles of what it computes inside; attends: whether pixels
    attend to pixels; gates: whether that has gates between tasks; refinement: what its refinement is called.
    """

    inside: tuple[str, ...] = ()
    attends: bool = False
    gates: bool = False
    refinement: str = "The refinement"


EXPECTED = {
    "lite": Shown(attends=True, gates=True, refinement="Trace-back"),
    "published": Shown(attends=True, gates=True, refinement="Trace-back"),
    "single": Shown(),
    "plain": Shown(),
    "cross-stitch": Shown(("Cross-stitch units",)),
    "nddr-cnn": Shown(("NDDR layers",)),
    "mtan": Shown(("Attention masks",)),
    "fafs": Shown(("Branching",)),
    "pad-net": Shown((TITLE,)),
    "mti-net": Shown((TITLE,)),
    "jtrl": Shown(("Balance of each step",)),
    "sequential": Shown(attends=True),
    "kem": Shown(WORKSPACE),
    "stable-kem": Shown(WORKSPACE),
    "ccam": Shown(("Attention between channels",)),
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page that offers a network of every preset, by its name."""
    folder = tmp_path_factory.mktemp("presets")
    torch.manual_seed(0)
    paths = [folder / f"{name}.safetensors" for name in EXPECTED]
    for path in paths:
        save_checkpoint(path, MTCP(preset(path.stem, **TINY)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "gradio"))
        networks = load_all(paths, "cpu")
        demo = ui.build(networks.first, networks=networks)
        try:
            yield serve.launch(demo)
        finally:
            demo.close(verbose=False)


@pytest.fixture(scope="module")
def seen(chromium: Browser, address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """The page with a small photo, on Attention, with all that is looked at unfolded."""
    photo = tmp_path_factory.mktemp("photo") / "small.png"
    Image.fromarray(data_made.photo(*SIZE)).save(photo)
    opened = visit(chromium, address, until="#photo")
    page = opened.page
    page.locator("#photo input[type=file]").set_input_files(photo)
    page.get_by_role("tab", name="Attention", exact=True).click()
    page.get_by_role("button", name="What each task lets in from the others").click()
    expect(page.locator("#attention-gates img").first).to_be_visible()
    yield opened
    page.context.close()


def choose(page: Page, name: str) -> None:
    """Another network, unless the page has it already."""
    if page.locator("#network-a input").input_value() != name:
        page.locator("#network-a input").click()
        page.get_by_role("option", name=name, exact=True).click()
    expect(page.locator("#header dd").first).to_have_text(name)


def test_every_preset_is_looked_at() -> None:
    assert set(EXPECTED) == set(PRESETS) - set(LARGE)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_preset_opens_with_its_own_inside(seen: Visit, name: str) -> None:
    page, wanted = seen.page, EXPECTED[name]
    choose(page, name)
    inside = page.locator("#attention-inside")
    expect(inside.locator("h3")).to_have_text(list(wanted.inside))
    expect(inside).to_be_visible(visible=bool(wanted.inside))
    if wanted.inside:
        expect(inside.locator("img, td").first).to_be_visible()
    headline, gates = page.locator("#attention-headline"), page.locator("#attention-gates")
    if wanted.attends:
        expect(headline).to_contain_text("cells, depth to about")
        expect(page.locator("#attention-overlays img")).to_have_count(3)
        expect(page.locator("#attention-bars svg").first).to_be_visible()
    else:
        lead = f"What this network computes inside is shown below: {', '.join(wanted.inside)}. "
        expect(headline).to_have_text((lead if wanted.inside else "") + NOT_ATTENDING)
        expect(page.locator("#attention-overlays img")).to_have_count(0)
        expect(page.locator("#attention-bars, #attention-masses, #attention-scale").first).to_be_hidden()
    if wanted.gates:
        expect(gates.locator("img")).to_have_count(6)
    elif wanted.inside:
        expect(gates).to_have_text(
            f"{OTHER_INSIDE} What it has inside is shown above: {', '.join(wanted.inside)}."
        )
    else:
        expect(gates).to_have_text(WITHOUT_GATES)
    expect(page.get_by_role("button", name=f"{wanted.refinement}, step by step")).to_be_visible()
    expect(page.get_by_test_id("toast-body")).to_have_count(0)
    assert not seen.errors


def test_other_tabs_call_the_refinement_what_it_is(seen: Visit) -> None:
    page = seen.page
    page.get_by_role("tab", name="Predictions", exact=True).click()
    for name, word in (("pad-net", "The refinement"), ("lite", "Trace-back")):
        choose(page, name)
        expect(page.locator("#note-depth")).to_contain_text(f"{word} moved depth by")
    expect(page.get_by_test_id("toast-body")).to_have_count(0)
    assert not seen.errors and not seen.foreign
