"""The pictures of the README, taken by the tests so that they are never stale: MTCP_SCREENSHOTS=docs/screenshots."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect
from visiting import Visit, visit

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "app" / "examples" / "living-room.jpg"
SCREENSHOTS = os.environ.get("MTCP_SCREENSHOTS")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not SCREENSHOTS, reason="MTCP_SCREENSHOTS=FOLDER takes the pictures of the README"),
]

READY = {
    "Predictions": "#change-normals img",
    "Attention": "#attention-overlays img",
    "Coherence": "#cloud canvas",
    "Ground truth": "#truth-depth img",
    "Training": "#training-charts svg, #training-charts canvas",
}
"""Tab -> what is there once it is drawn."""


@pytest.mark.parametrize(
    ("name", "tab", "dark", "size"),
    [
        ("predictions", "Predictions", False, (1440, 1080)),
        ("attention", "Attention", False, (1440, 1200)),
        ("coherence", "Coherence", False, (1440, 1080)),
        ("truth", "Ground truth", False, (1440, 1080)),
        ("training", "Training", False, (1440, 1300)),
        ("dark", "Coherence", True, (1440, 1080)),
        ("narrow", "Predictions", False, (390, 844)),
    ],
)
def test_screenshots(
    chromium: Browser, url: str, name: str, tab: str, dark: bool, size: tuple[int, int]
) -> None:
    seen = visit(chromium, url, dark=dark, size=size)
    seen.page.locator("#photo input[type=file]").set_input_files(EXAMPLE)
    expect(seen.page.locator("#change-normals img")).to_have_count(1)
    seen.page.get_by_role("tab", name=tab, exact=True).click()
    expect(seen.page.locator(READY[tab]).first).to_be_visible()
    seen.page.wait_for_timeout(2000)
    save(seen, name, full_page=size[0] < 900)
    if name == "coherence":
        seen.page.locator("#cloud").scroll_into_view_if_needed()
        seen.page.wait_for_timeout(2000)
        save(seen, "cloud")
    assert not seen.errors
    seen.page.context.close()


def save(seen: Visit, name: str, full_page: bool = False) -> None:
    """What is on the screen, with few colours so that the repository stays small."""
    taken = Image.open(io.BytesIO(seen.page.screenshot(full_page=full_page))).convert("RGB")
    folder = ROOT / str(SCREENSHOTS)
    folder.mkdir(parents=True, exist_ok=True)
    taken.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(folder / f"{name}.png", optimize=True)
