"""The 3D part on a page of its own in a real Chromium: points on the canvas, one camera, picks, downloads."""

from __future__ import annotations

import dataclasses
import io
import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from app.scene import Scene
from app.session import known
from mtcp.evaluation.ground_truth import Truth

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "cloud_fps.py"
SLOW_MS = 120_000  # a busy machine
STATE = """() => {
  const { yaw, pitch, distance } = document.querySelector('.mt-cloud').mtCloud.orbit;
  return [yaw, pitch, distance];
}"""
TARGET = "() => document.querySelector('.mt-cloud').mtCloud.orbit.target"
DRAWN_BY = "() => document.querySelector('.mt-cloud').mtCloud.panes.map((pane) => pane.painter.by)"
FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"

NO_WEBGL = """{
  const original = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, ...asked) {
    return kind === '2d' ? original.call(this, kind, ...asked) : null;
  };
}"""
NO_LINES = """() => {
  const { orbit, panes } = document.querySelector('.mt-cloud').mtCloud, none = new Float32Array();
  for (const { scene } of panes) scene.lines = { start: none, end: none, colour: new Uint8Array() };
  orbit.reset();
}"""


@pytest.fixture(scope="module")
def harness() -> dict[str, Any]:
    return runpy.run_path(str(BENCHMARK))


@pytest.fixture(scope="module")
def address(harness: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        demo = harness["page"](harness["made_scene"](96, 128))
        yield harness["launched"](demo)
        demo.close()


@contextmanager
def opened(chromium: Browser, address: str, script: str = "", **context: Any) -> Iterator[Page]:
    """The page in a context of its own, which runs `script` first; no error may show up in its console."""
    context = {"viewport": {"width": 1200, "height": 1000}, "reduced_motion": "reduce"} | context
    page = chromium.new_page(**context)
    page.set_default_timeout(SLOW_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.add_init_script(script)
    page.goto(address)
    page.wait_for_function("() => document.querySelector('.mt-cloud')?.mtCloud?.panes[1]?.scene")
    yield page
    page.close()
    assert not errors


@pytest.fixture(scope="module")
def true_scene(harness: dict[str, Any]) -> Scene:
    """With a known truth, and no failure chosen."""
    analysis = harness["made_scene"](96, 128).analysis
    truth = Truth(dict(analysis.prediction.refined), analysis.prediction.camera, "made")
    return Scene(known(dataclasses.replace(analysis, name="a room.png"), truth), (64, 48))


@pytest.fixture
def true_page(
    chromium: Browser,
    harness: dict[str, Any],
    true_scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Page]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    demo = harness["page"](true_scene)
    with opened(chromium, harness["launched"](demo)) as page:
        yield page
    demo.close()


def spot(page: Page, column: int, row: int, pane: int = 0) -> list[float]:
    """Where on a canvas the point of the photo's pixel is, CSS pixels."""
    return page.evaluate(
        """([column, row, at]) => {
          const pane = document.querySelector('.mt-cloud').mtCloud.panes[at], { scene } = pane;
          const m = pane.orbit.matrix(pane.aspect), { fx, fy, cx, cy } = scene.camera;
          const k = scene.depths.findIndex((_, i) => scene.pixels[2 * i] === column && scene.pixels[2 * i + 1] === row);
          const z = scene.depths[k] / 65535 * scene.farthest;
          const p = [(column + 0.5 - cx) / fx * z, (row + 0.5 - cy) / fy * z, z, 1];
          const of = (r) => p.reduce((sum, v, c) => sum + v * m[4 * c + r], 0);
          const { clientWidth, clientHeight } = pane.canvas;
          return [(of(0) / of(3) + 1) / 2 * clientWidth, (1 - of(1) / of(3)) / 2 * clientHeight];
        }""",
        [column, row, pane],
    )


@pytest.fixture(scope="module")
def page(chromium: Browser, address: str) -> Iterator[Page]:
    with opened(chromium, address) as page:
        yield page


def picture(page: Page, pane: int) -> np.ndarray:
    """What is on the screen at a canvas, (H, W, 3) int."""
    page.evaluate(FRAME)
    shot = page.locator(".mt-cloud-stage").nth(pane).screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)


def settled(page: Page, pane: int) -> np.ndarray:
    """As `picture`, once two in a row are the same: a busy machine may show a canvas before it is drawn."""
    before = picture(page, pane)
    for _ in range(50):
        now = picture(page, pane)
        if np.array_equal(before, now):
            return now
        before = now
    pytest.fail(f"canvas {pane} does not come to rest")


def turned(page: Page, before: list[np.ndarray]) -> list[float]:
    """Share of pixels that changed in each canvas."""
    return [float((np.abs(settled(page, k) - old).max(axis=2) > 12).mean()) for k, old in enumerate(before)]


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
    away = page.evaluate(STATE)
    page.locator("[data-tool=reset]").click()
    page.wait_for_function(f"(was) => ({STATE})()[0] !== was", arg=away[0])


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
    x, y = spot(page, 40, 80)  # on the floor
    page.locator(".mt-cloud canvas").first.click(position={"x": x, "y": y})
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


def test_webgl_draws_what_the_processor_draws(
    chromium: Browser, address: str, harness: dict[str, Any]
) -> None:
    """And a graphics card that drops the picture is stood in for until it is back."""
    with opened(chromium, address, NO_WEBGL) as page:
        page.evaluate(NO_LINES)
        assert page.evaluate(DRAWN_BY) == ["processor", "processor"]
        expect(page.locator(".mt-cloud-by")).not_to_be_empty()
        by_processor = [settled(page, k) for k in (0, 1)]
    with opened(chromium, address, harness["TAKE_ANY_WEBGL"]) as page:
        page.evaluate(NO_LINES)
        assert page.evaluate(DRAWN_BY) == ["WebGL2", "WebGL2"]
        expect(page.locator(".mt-cloud-by")).to_be_empty()
        assert max(turned(page, by_processor)) < 0.02  # edges of points fall on either side of a pixel
        page.evaluate(
            """() => {
              const { gl } = document.querySelector('.mt-cloud').mtCloud.panes[0].painter;
              window.loss = gl.getExtension('WEBGL_lose_context');
              loss.loseContext();
            }"""
        )
        page.wait_for_function(f"() => ({DRAWN_BY})()[0] === 'processor'")
        assert max(turned(page, by_processor)) < 0.02
        page.evaluate("() => loss.restoreContext()")
        page.wait_for_function(f"() => ({DRAWN_BY})()[0] === 'WebGL2'")
        assert max(turned(page, by_processor)) < 0.02


def test_mouse_and_wheel_move_and_zoom(page: Page) -> None:
    canvas = page.locator(".mt-cloud canvas").first
    canvas.focus()
    page.keyboard.press("r")
    box = canvas.bounding_box()
    assert box
    for button, key in (("right", None), ("left", "Shift")):
        before = page.evaluate(TARGET)
        page.mouse.move(box["x"] + 200, box["y"] + 150)
        if key:
            page.keyboard.down(key)
        page.mouse.down(button=button)  # type: ignore[arg-type]
        page.mouse.move(box["x"] + 240, box["y"] + 150, steps=3)
        page.mouse.up(button=button)  # type: ignore[arg-type]
        if key:
            page.keyboard.up(key)
        assert page.evaluate(TARGET)[0] < before[0]  # the world follows the hand to the right
    _, _, far = page.evaluate(STATE)
    page.mouse.wheel(0, -200)
    page.wait_for_function(f"(was) => ({STATE})()[2] < was", arg=far)
    page.keyboard.press("r")


def test_fingers_turn_zoom_and_move(chromium: Browser, address: str) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with opened(chromium, address, **phone) as page:
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        canvas = page.locator(".mt-cloud canvas").first
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        assert box
        session = page.context.new_cdp_session(page)

        def touch(kind: str, *spots: tuple[float, float]) -> None:
            points = [{"x": box["x"] + x, "y": box["y"] + y, "id": k} for k, (x, y) in enumerate(spots)]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        yaw, _, distance = page.evaluate(STATE)
        touch("touchStart", (100, 100))
        for x in (110, 130, 150):
            touch("touchMove", (x, 100))
        touch("touchEnd")
        page.wait_for_function(f"(was) => ({STATE})()[0] > was", arg=yaw)
        yaw, at = page.evaluate(STATE)[0], page.evaluate(TARGET)
        touch("touchStart", (100, 100), (200, 100))
        for move in (10, 25, 40):
            touch("touchMove", (100 - move + 30, 100), (200 + move + 30, 100))
        touch("touchEnd")
        page.wait_for_function(f"(was) => ({STATE})()[2] < was", arg=distance)
        assert page.evaluate(STATE)[0] == yaw
        assert page.evaluate(TARGET) != at


def test_it_opens_above_and_aside(true_page: Page) -> None:
    yaw, pitch, _ = np.degrees(true_page.evaluate(STATE))
    assert 20 < abs(yaw) < 40
    assert 12 < pitch < 35  # positive: the eye is above
    x, y = spot(true_page, 64, 48)
    box = true_page.locator(".mt-cloud canvas").first.bounding_box()
    assert box
    assert 0.2 * box["width"] < x < 0.8 * box["width"] and 0.2 * box["height"] < y < 0.8 * box["height"]


def test_a_double_click_sets_what_the_view_turns_about(true_page: Page, true_scene: Scene) -> None:
    home, aim = true_page.evaluate(STATE), true_page.evaluate(TARGET)
    canvas = true_page.locator(".mt-cloud canvas").first
    x, y = spot(true_page, 40, 80)
    canvas.dblclick(position={"x": x, "y": y})
    true_page.wait_for_function(f"(was) => String(({TARGET})()) !== String(was)", arg=aim)
    target = np.array(true_page.evaluate(TARGET))
    at = true_scene.analysis.prediction.camera.project(target)
    assert np.abs(at - (40.5, 80.5)).max() <= 2
    depth = true_scene.analysis.prediction.initial["depth"]
    assert target[2] == pytest.approx(depth[int(at[1]), int(at[0])], abs=0.01)
    assert true_page.evaluate(STATE)[:2] == home[:2]
    assert true_page.locator("#probe textarea, #probe input").first.input_value() == ""  # no click came of it
    x, y = spot(true_page, int(at[0]), int(at[1]))
    box = canvas.bounding_box()
    assert box
    assert (x, y) == pytest.approx((box["width"] / 2, box["height"] / 2), abs=2)
    true_page.locator("[data-tool=reset]").click()
    assert true_page.evaluate(TARGET) == aim
    assert true_page.evaluate(STATE) == home
    canvas.focus()
    true_page.keyboard.press("c")  # about the point in the middle, which is not what it turned about
    assert true_page.evaluate(TARGET) != aim


def test_two_picks_tell_the_distance_in_every_cloud(true_page: Page, true_scene: Scene) -> None:
    ruler = "() => document.querySelector('.mt-cloud').mtCloud.ruler"
    distance = true_page.locator("figure:not([hidden]) .mt-cloud-distance")
    hint, button = true_page.locator(".mt-cloud-hint"), true_page.locator("[data-tool=measure]")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(hint).to_contain_text("two points")
    for column, row in ((40, 80), (70, 84)):
        x, y = spot(true_page, column, row)
        true_page.locator(".mt-cloud canvas").first.click(position={"x": x, "y": y})
        expect(hint).not_to_contain_text("two points")
    expect(distance.first).to_contain_text(" m")
    picked = true_page.evaluate(
        """() => {
          const { ruler, panes: [{ scene }] } = document.querySelector('.mt-cloud').mtCloud;
          return ruler.picked.map((k) => [scene.pixels[2 * k], scene.pixels[2 * k + 1]]);
        }"""
    )
    assert np.abs(np.array(picked) - ((40, 80), (70, 84))).max() <= 2
    prediction = true_scene.analysis.prediction
    for text, maps in zip(distance.all_text_contents(), prediction.stages().values(), strict=True):
        points = prediction.camera.backproject(maps["depth"])
        a, b = (points[y, x] for x, y in picked)
        assert float(text.removesuffix(" m")) == pytest.approx(float(np.linalg.norm(a - b)), abs=0.006)
        assert float(text.removesuffix(" m")) > 0.3
    expect(hint).to_contain_text("initial")
    assert (
        true_page.locator("#probe textarea, #probe input").first.input_value() == ""
    )  # no pick of the page's
    canvas = true_page.locator(".mt-cloud canvas").first
    canvas.focus()
    true_page.keyboard.press("Enter")  # the third begins anew: the point in the middle
    assert true_page.evaluate(f"() => ({ruler})().picked.length") == 1
    expect(distance.first).to_be_empty()
    true_page.keyboard.press("Escape")
    expect(button).to_have_attribute("aria-pressed", "false")
    assert true_page.evaluate(f"() => ({ruler})().picked.length") == 0
    expect(hint).to_be_empty()


def test_the_truth_is_a_third_cloud(true_page: Page) -> None:
    shown = true_page.locator("figure:not([hidden]) figcaption b")
    expect(shown).to_have_text(["initial", "refined"])
    true_page.locator("#cloud-show").get_by_text("ground truth").click()
    expect(shown).to_have_text(["ground truth"])
    expect(true_page.locator(".mt-cloud-needles")).to_have_text("ground-truth normals normals from depth")
    shot = picture(true_page, 2)
    assert (np.abs(shot - shot[4, shot.shape[1] // 2]).max(axis=2) > 12).mean() > 0.2


@pytest.mark.parametrize("script", ["", "webgl"])
def test_the_picture_has_the_clouds_and_says_of_what(
    chromium: Browser, address: str, harness: dict[str, Any], script: str
) -> None:
    with opened(chromium, address, harness["TAKE_ANY_WEBGL"] if script else "") as page:
        with page.expect_download(timeout=SLOW_MS) as started:
            page.locator("[data-tool=picture]").click()
        assert started.value.suggested_filename == "made-3d-initial-refined.png"
        made = np.asarray(Image.open(started.value.path()).convert("RGB")).astype(int)
        boxes = [page.locator(".mt-cloud canvas").nth(k).bounding_box() for k in (0, 1)]
        assert boxes[0] and boxes[1]
        assert made.shape[1] == pytest.approx(boxes[0]["width"] + boxes[1]["width"] + 12, abs=2)
        for half in (made[40:, : made.shape[1] // 2], made[40:, made.shape[1] // 2 + 12 :]):
            assert (np.abs(half - made[0, 0]).max(axis=2) > 12).mean() > 0.2


def test_the_button_fills_the_screen(true_page: Page) -> None:
    true_page.evaluate(
        """() => {
          const asked = Element.prototype.requestFullscreen;
          Element.prototype.requestFullscreen = function () {
            window.filled = this.className;
            return asked.call(this);
          };
        }"""
    )
    button, stage = true_page.locator("[data-tool=full]"), true_page.locator(".mt-cloud-stage").first
    before = stage.bounding_box()
    button.click()
    true_page.wait_for_function("() => document.fullscreenElement?.classList.contains('mt-cloud-fills')")
    assert "mt-cloud-view" in true_page.evaluate("() => window.filled")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(true_page.locator(".mt-cloud-hint")).to_contain_text("Escape")
    after, window = stage.bounding_box(), true_page.evaluate("() => innerHeight")
    assert before and after and after["height"] > before["height"] and after["height"] > 0.6 * window
    foot = true_page.locator(".mt-cloud-tools").bounding_box()
    assert foot and foot["y"] + foot["height"] <= window  # all of it is to be seen
    button.click()
    true_page.wait_for_function("() => !document.fullscreenElement")
    expect(button).to_have_attribute("aria-pressed", "false")
    # a browser without the API: the element covers the page, Escape ends it
    true_page.evaluate("() => { Element.prototype.requestFullscreen = undefined; }")
    button.click()
    box = true_page.locator(".mt-cloud-view").bounding_box()
    assert box and (box["x"], box["y"]) == (0, 0) and box["width"] == true_page.evaluate("() => innerWidth")
    true_page.keyboard.press("Escape")
    expect(button).to_have_attribute("aria-pressed", "false")
