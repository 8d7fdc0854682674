"""The 3D part on a page of its own in a real Chromium: points on the canvas, one camera, picks, downloads."""

from __future__ import annotations

import io
import runpy
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "cloud_fps.py"
SLOW_MS = 120_000  # a busy machine
STATE = """() => {
  const { yaw, pitch, distance } = document.querySelector('.mt-cloud').mtCloud.orbit;
  return [yaw, pitch, distance];
}"""
FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture(scope="module")
def page(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        harness = runpy.run_path(str(BENCHMARK))
        demo = harness["page"](harness["made_scene"](96, 128))
        opened = chromium.new_page(viewport={"width": 1200, "height": 1000}, reduced_motion="reduce")
        opened.set_default_timeout(SLOW_MS)
        expect.set_options(timeout=SLOW_MS)
        errors: list[str] = []
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        opened.goto(harness["launched"](demo))
        opened.wait_for_function("() => document.querySelector('.mt-cloud')?.mtCloud?.panes[1]?.scene")
        yield opened
        opened.close()
        demo.close()
        expect.set_options(timeout=5_000)
        assert not errors


def picture(page: Page, pane: int) -> np.ndarray:
    """What is on the screen at a canvas, (H, W, 3) int."""
    page.evaluate(FRAME)
    shot = page.locator(".mt-cloud-stage").nth(pane).screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)


def turned(page: Page, before: list[np.ndarray]) -> list[float]:
    """Share of pixels that changed in each canvas."""
    return [float((np.abs(picture(page, k) - old).max(axis=2) > 12).mean()) for k, old in enumerate(before)]


def test_both_clouds_have_points_and_turn_together(page: Page) -> None:
    before = [picture(page, k) for k in (0, 1)]
    for shot in before:
        ground = shot[4, shot.shape[1] // 2]
        assert (np.abs(shot - ground).max(axis=2) > 12).mean() > 0.2
    expect(page.locator("figcaption").first).to_contain_text("of 12,288 points")
    canvas = page.locator(".mt-cloud canvas").first
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + 200, box["y"] + 150)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 180, steps=4)
    page.mouse.up()
    assert min(turned(page, before)) > 0.1
    home = page.evaluate(STATE)
    canvas.dblclick(position={"x": 5, "y": 5})
    page.wait_for_function(f"(was) => ({STATE})()[0] !== was", arg=home[0])


def test_keyboard_turns_zooms_and_resets(page: Page) -> None:
    canvas = page.locator(".mt-cloud canvas").first
    canvas.focus()
    page.keyboard.press("r")
    home = page.evaluate(STATE)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("+")
    yaw, _, distance = page.evaluate(STATE)
    assert yaw != home[0]
    assert distance < home[2]
    page.keyboard.press("r")
    assert page.evaluate(STATE) == home


def test_click_on_a_point_moves_the_probe_there(page: Page) -> None:
    # where the photo's pixel (40, 80), on the floor, is on the canvas
    spot = page.evaluate(
        """() => {
          const pane = document.querySelector('.mt-cloud').mtCloud.panes[0], { scene } = pane;
          const m = pane.orbit.matrix(pane.aspect), { fx, fy, cx, cy } = scene.camera;
          const k = scene.depths.findIndex((_, i) => scene.pixels[2 * i] === 40 && scene.pixels[2 * i + 1] === 80);
          const z = scene.depths[k] / 65535 * scene.farthest;
          const p = [(40.5 - cx) / fx * z, (80.5 - cy) / fy * z, z, 1];
          const row = (r) => p.reduce((sum, v, c) => sum + v * m[4 * c + r], 0);
          const { clientWidth, clientHeight } = pane.canvas;
          return [(row(0) / row(3) + 1) / 2 * clientWidth, (1 - row(1) / row(3)) / 2 * clientHeight];
        }"""
    )
    page.locator(".mt-cloud canvas").first.click(position={"x": spot[0], "y": spot[1]})
    said = page.locator("#probe textarea, #probe input").first
    expect(said).not_to_have_value("")
    x, y = map(int, said.input_value().split())
    assert abs(x - 40) <= 2
    assert abs(y - 80) <= 2


def test_needles_can_be_switched_off(page: Page) -> None:
    expect(page.locator(".mt-cloud-needles")).to_be_visible()
    lines = "() => document.querySelector('.mt-cloud').mtCloud.panes[0].scene.lines.start.length / 3"
    with_needles = page.evaluate(lines)
    page.locator("#cloud-needles input").uncheck()
    expect(page.locator(".mt-cloud-needles")).to_be_hidden()
    assert page.evaluate(lines) == 8 < with_needles  # what stays is the photo's camera


def test_downloads_come_at_the_first_click(page: Page) -> None:
    for button, name, magic in (("#cloud-glb", "made.glb", b"glTF"), ("#cloud-ply", "made-ply.zip", b"PK")):
        with page.expect_download(timeout=SLOW_MS) as started:
            page.locator(button).click()
        assert started.value.suggested_filename == name
        assert Path(started.value.path()).read_bytes().startswith(magic)
