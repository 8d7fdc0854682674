"""The page in a real Chromium: photo in, pictures out, the divider moves, nothing leaves the machine."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, expect
from visiting import Visit, visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
ORIENTATION = 0x0112
TASKS = ("semseg", "depth", "normals")


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of a sort of room, 320 x 240 upright, stored on its side with an EXIF note that says so."""
    rng = np.random.default_rng(0)
    upright = rng.integers(90, 140, (240, 320, 3)).astype(np.uint8)
    upright[150:] //= 2
    upright[40:110, 120:200] = (190, 220, 250)
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    path = tmp_path_factory.mktemp("photos") / "my room.jpg"
    Image.fromarray(np.rot90(upright, 1)).save(path, exif=exif)
    return path


@pytest.fixture(scope="module")
def shown(chromium: Browser, url: str, photo: Path) -> Iterator[Visit]:
    """The page with the photo's results on it."""
    seen = visit(chromium, url)
    upload(seen, photo)
    yield seen
    seen.page.context.close()


def upload(seen: Visit, photo: Path) -> None:
    """Gives the page a photo and waits for all pictures."""
    seen.page.locator("#photo input[type=file]").set_input_files(photo)
    expect(seen.page.locator("#photo-facts")).to_contain_text(photo.name)  # not the last one's
    for task in TASKS:
        expect(seen.page.locator(f"#compare-{task} img")).to_have_count(2)
        expect(seen.page.locator(f"#change-{task} img")).to_have_count(1)
    expect(seen.page.get_by_text("Download all maps (zip)")).to_be_enabled()
    pictures = "() => [...document.querySelectorAll('.mt-task img')].every(i => i.complete && i.naturalWidth)"
    seen.page.wait_for_function(pictures)


def pixels(element: Locator) -> np.ndarray:
    """What is on the screen there, (H, W, 3) int."""
    return np.asarray(Image.open(io.BytesIO(element.screenshot())).convert("RGB")).astype(int)


def test_results_tell_the_run(shown: Visit) -> None:
    header = shown.page.locator("#header")
    for words in ("checkpoint", "cpu", "network saw", "network"):
        expect(header).to_contain_text(words)
    expect(shown.page.locator("#photo-facts")).to_contain_text("320 \N{MULTIPLICATION SIGN} 240")
    expect(shown.page.locator("#tabs .mt-headline:visible").first).to_contain_text("Trace-back changed")
    expect(shown.page.locator("#empty-predictions .mt-empty")).to_be_hidden()
    width, height = shown.page.locator("#photo img").evaluate("i => [i.naturalWidth, i.naturalHeight]")
    assert (width, height) == (320, 240)  # the browser turned it too


def test_divider_moves_by_keyboard_without_the_server(shown: Visit) -> None:
    pictures = {task: shown.page.locator(f"#compare-{task} .slider-wrap") for task in TASKS}
    before, calls = {task: pixels(picture) for task, picture in pictures.items()}, shown.calls
    divider = shown.page.locator("#divider input[type=range]")
    divider.focus()
    for _ in range(3):
        shown.page.keyboard.press("PageDown")
    expect(divider).not_to_have_value("50")
    at = float(divider.input_value()) / 100
    assert at < 0.45
    for task, picture in pictures.items():
        for _ in range(100):  # the picture follows the slider
            if cut(picture) == pytest.approx(100 * at, abs=0.1):
                break
            shown.page.wait_for_timeout(100)
        assert cut(picture) == pytest.approx(100 * at, abs=0.1)
        now = pixels(picture)
        rows = min(len(now), len(before[task]))  # one more where the page was scrolled by half a pixel
        changed = np.abs(now[:rows] - before[task][:rows]).max(axis=(0, 2)) > 8  # by column
        width = len(changed)
        assert changed[round((at + 0.02) * width) : width // 2].mean() > 0.4, (
            task
        )  # of columns: some stay as they were
        assert not changed[round(0.05 * width) : round((at - 0.15) * width)].any(), task
    assert shown.calls == calls


def cut(picture: Locator) -> float:
    """Where the refined picture begins, in percent of the width."""
    return float(picture.locator("img.fixed").evaluate("i => i.style.clipPath").split()[-1].rstrip("%)"))


def test_handle_moves_by_mouse(shown: Visit) -> None:
    picture = shown.page.locator("#compare-depth")
    picture.scroll_into_view_if_needed()
    before = pixels(picture)
    handle, box = (
        picture.get_by_test_id("slider").locator(".icon-wrap").bounding_box(),
        picture.bounding_box(),
    )
    assert handle
    assert box
    shown.page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    shown.page.mouse.down()
    shown.page.mouse.move(box["x"] + 0.9 * box["width"], handle["y"], steps=5)
    shown.page.mouse.up()
    assert np.abs(pixels(picture) - before).max() > 30


def test_download_works_at_the_first_click(shown: Visit) -> None:
    with shown.page.expect_download() as started:
        shown.page.get_by_text("Download all maps (zip)").click()
    assert started.value.suggested_filename == "my room.zip"
    with zipfile.ZipFile(started.value.path()) as packed, packed.open("my room.npz") as npz:
        arrays = np.load(npz)
        assert arrays["semseg_refined"].shape == (240, 320)
        assert arrays["normals_initial"].shape == (240, 320, 3)


def test_dark_mode_follows_the_system_and_the_button(chromium: Browser, url: str) -> None:
    seen = visit(chromium, url, dark=True)
    assert brightness(seen, "background-color") < 40
    assert brightness(seen, "color") > 180
    seen.page.get_by_text("Light / dark").click()
    assert brightness(seen, "background-color") > 220
    assert brightness(seen, "color") < 80
    assert not seen.errors
    seen.page.context.close()


def brightness(seen: Visit, css_property: str) -> float:
    """Of the empty state's text or of the ground under it, 0..255."""
    words = seen.page.locator("#empty-predictions .mt-empty, .mt-headline").first.evaluate(
        """(e, name) => {
          const value = () => getComputedStyle(e).getPropertyValue(name);
          while (value() === 'rgba(0, 0, 0, 0)' && e !== document.body) e = e.parentElement;
          return value();
        }""",
        css_property,
    )
    return float(np.mean([float(part) for part in words.split("(")[1].rstrip(")").split(",")[:3]]))


def refused(seen: Visit, tmp_path: Path, name: str, words: str) -> None:
    """Gives the page a file that is no photo; a toast says these words."""
    bad = tmp_path / name
    bad.write_text("no picture")
    seen.page.locator("#photo input[type=file]").set_input_files(bad)
    expect(seen.page.get_by_test_id("toast-body").filter(has_text=words)).to_be_visible()


def test_file_that_the_browser_refuses_leaves_the_page_as_it_is(seen: Visit, tmp_path: Path) -> None:
    refused(seen, tmp_path, "notes.txt", "Invalid file type: notes.txt. Only image/* allowed")
    expect(seen.page.locator("#failures [data-failure]").first).to_be_visible()


def test_file_that_is_no_photo_gets_a_toast_and_an_empty_page(seen: Visit, tmp_path: Path) -> None:
    words = "notes.jpg: not a picture; give a JPEG, PNG, HEIC, WebP or TIFF. Give another photo"
    refused(seen, tmp_path, "notes.jpg", words)
    expect(seen.page.locator("#empty-predictions .mt-empty")).to_contain_text("Drop, paste or take a photo")
    expect(seen.page.locator("#photo img")).to_have_count(0)


def test_example_runs_by_one_click(seen: Visit) -> None:
    seen.page.locator("#examples button.gallery-item").first.click()
    expect(seen.page.locator("#compare-normals img")).to_have_count(2)
    expect(seen.page.locator("#empty-predictions .mt-empty")).to_be_hidden()


def test_narrow_window_scrolls_only_downwards(seen: Visit, photo: Path) -> None:
    seen.page.set_viewport_size({"width": 390, "height": 844})
    upload(seen, photo)  # waits for the pictures below the window too: no height that only scrolling gives
    widths = seen.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1] == 390
    lefts = [seen.page.locator(f"#compare-{task}").bounding_box()["x"] for task in TASKS]
    assert len(set(lefts)) == 1  # one below the other
    assert not seen.errors


def test_clearing_the_photo_brings_the_empty_page_back(shown: Visit) -> None:
    """After all others that look at the results."""
    shown.page.locator("#photo").get_by_label("Clear").or_(
        shown.page.get_by_label("Remove Image")
    ).first.click()
    expect(shown.page.locator("#empty-predictions .mt-empty")).to_be_visible()
    expect(shown.page.locator("#compare-depth")).to_be_hidden()
    expect(shown.page.locator("#photo-facts dd")).to_have_count(0)


def test_nothing_left_the_machine_and_nothing_complained(shown: Visit) -> None:
    """Last, so that it sees the requests of all tests before it."""
    assert len(shown.requests) > 20
    assert not shown.foreign
    assert not shown.errors
