"""Visitors of one page: nobody sees another's photo, waits for one who has left, or leaves files behind for good."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_predictor import FakePredictor
from gradio.route_utils import delete_files_created_by_app
from PIL import Image
from served import Served, picture, served

from app import ui
from mtcp.inference.prediction import Prediction
from mtcp.io.photo_facts import PhotoFacts

AT_ONCE = 5


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("uploads")) as running:
        yield running


def soon(true: Callable[[], bool]) -> bool:
    """Whether it comes true within a minute."""
    until = time.monotonic() + 60
    while not true() and time.monotonic() < until:
        time.sleep(0.02)
    return true()


@pytest.mark.slow
def test_visitors_at_once_get_their_own_photos(page: Served, tmp_path: Path) -> None:
    def visit(number: int) -> None:
        name, width = f"visitor-{number}", 80 + 4 * number
        path = tmp_path / f"{name}.png"
        Image.fromarray(np.full((60, width, 3), 50 + number, np.uint8)).save(path)
        messages = page.join([page.dropped(path, "predict")], f"{name}-endpoint")
        summary = messages[-1]["output"]["data"][0]
        assert summary["photo"] == path.name and summary["size"] == [60, width]
        shown = json.dumps(page.join([page.dropped(path)], name))
        assert set(re.findall(r"visitor-\d", shown)) <= {name}
        for x, outside in ((width - 1, False), (width, True)):  # of their own photo, whatever others have
            left = page.filled("probe-x", "blur", {"probe-x": x})
            said = " ".join(message.get("log", "") for message in page.join([left], name))
            assert (f"from 0 to {width - 1}" in said) == outside, said

    assert page.config  # read before there are threads
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(visit, range(AT_ONCE)))


@pytest.mark.slow
def test_nobody_waits_for_a_visitor_who_left_in_mid_run(
    page: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The photo in the network is finished, those that the visitor had waiting behind it are not begun."""
    running, go_on, usual = threading.Event(), threading.Event(), FakePredictor.__call__

    def slow(self: FakePredictor, photo: np.ndarray, *, facts: PhotoFacts | None = None) -> Prediction:
        running.set()
        assert go_on.wait(60)
        return usual(self, photo, facts=facts)

    monkeypatch.setattr(FakePredictor, "__call__", slow)
    photo, before = picture(tmp_path / "room.png"), page.predictor.calls
    call, queue = page.dropped(photo), page.demo._queue
    for _ in range(3):
        sent = {**call, "session_hash": "leaver"}
        page.client.post("/gradio_api/queue/join", json=sent).raise_for_status()
    with page.client.stream("GET", "/gradio_api/queue/data", params={"session_hash": "leaver"}) as stream:
        next(line for line in stream.iter_lines() if "process_starts" in line)
        assert running.wait(60)
    assert soon(lambda: len(queue) == 0) and page.predictor.calls == before
    with ThreadPoolExecutor(1) as pool:
        stays = pool.submit(page.join, [call], "stayer")
        go_on.set()
        messages = stays.result(120)
    assert messages[-1]["success"]
    assert page.predictor.calls - before == 2  # the leaver's first, and the stayer's
    assert soon(lambda: not queue.event_ids_to_events)  # a little after its answer was sent


@pytest.mark.slow
def test_no_file_outlives_its_age(page: Served, tmp_path: Path) -> None:
    """gradio deletes what it knows: all that a visit leaves must be known, the zip and the clouds' files too."""
    props = {c["id"]: c["props"] for c in page.config["components"]}

    def then(listener: dict[str, Any], **more: Any) -> None:
        data = [props[key].get("value") for key in listener["inputs"]]
        assert page.join([{"fn_index": listener["id"], "data": data, **more}], "one")[-1]["success"]
        for following in page.listeners:
            if following.get("trigger_after") == listener["id"]:
                then(following)

    photo = page.dropped(picture(tmp_path / "room.png"))
    assert page.join([photo], "one")[-1]["success"]
    coherence = next(key for key, messages in props.items() if messages.get("label") == "Coherence")
    opens = next(
        one for one in page.listeners if [coherence, "select"] in [list(at) for at in one["targets"]]
    )
    then(opens, event_data={"value": "Coherence"})
    then(next(one for one in page.listeners if one.get("trigger_after") == photo["fn_index"]))

    zips = next(key for key, messages in props.items() if messages.get("elem_id") == "download")
    then(next(one for one in page.listeners if [zips, "click"] in [list(at) for at in one["targets"]]))

    def files() -> set[str]:
        return {path.name for path in page.uploads.rglob("*") if path.is_file()}

    assert {"room.png", "room.zip", "cloud.bin"} <= files()
    delete_files_created_by_app(page.demo, 0)
    assert files() == set()
    assert page.demo.delete_cache == ui.CACHE_SECONDS


@pytest.mark.slow
def test_a_later_photo_is_taken_as_the_first_one(page: Served, tmp_path: Path) -> None:
    """gradio replaces components that a listener leaves as they are; the photo's own way to take a file must stay."""
    assert page.join([page.dropped(picture(tmp_path / "room.png"))], "again")[-1]["success"]
    bad = tmp_path / "notes.jpg"
    bad.write_text("no picture")
    said = " ".join(message.get("log", "") for message in page.join([page.dropped(bad)], "again"))
    assert "notes.jpg: not a picture" in said
