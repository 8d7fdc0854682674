"""Files of each kind through the page: the endpoint's own function, triage's, and real HTTP."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import photo_corpus
import pytest
from fake_predictor import FakePredictor
from photo_corpus import Case
from served import MARK, TASKS, Served, served

from app import session, ui
from app.tabs import triage_entries
from mtcp.errors import InputError, one_line
from mtcp.inference.prediction import Prediction
from mtcp.io.photo import LONGEST_SIDE
from mtcp.io.photo_facts import PhotoFacts

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

CASES = photo_corpus.of_each_kind()
IDS = [ascii(case.name)[1:-1] for case in CASES]


class Eyes(FakePredictor):
    """Keeps the photo that it was given last; a black one is a photo like any other."""

    seen: np.ndarray

    def __call__(self, photo: np.ndarray, *, facts: PhotoFacts | None = None) -> Prediction:
        self.seen = photo
        return super().__call__(np.maximum(photo, 1), facts=facts)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Callable[..., Any], Eyes]]:
    """The function of `/predict` as the page builds it, and what the network saw."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        eyes = Eyes()
        demo = ui.build(ui.Network(eyes, TASKS, "fake-lite.safetensors", "cpu"))
        yield next(fn.fn for fn in demo.fns.values() if fn.api_name == "predict"), eyes


def check_refused(case: Case, message: str, name: str) -> None:
    """One line that names the file and no folder."""
    assert case.says and re.search(case.says, message)
    assert message == one_line(message) and len(message) < len(name) + 250
    assert message.startswith(f"{one_line(name)}: ")


def check_seen(case: Case, photo: np.ndarray) -> None:
    """The picture itself; over `LONGEST_SIDE`, its shape."""
    assert case.size is not None, f"expected a message: {case.says}"
    if max(case.size) <= LONGEST_SIDE:
        assert case.problem(photo) == ""
    else:
        assert max(photo.shape) == LONGEST_SIDE


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_the_endpoint(
    case: Case, endpoint: tuple[Callable[..., Any], Eyes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "write_prediction", lambda *_: [])  # has its own tests, and takes longest
    run, eyes = endpoint
    path = case.write(tmp_path)
    try:
        summary, made = run(str(path))
    except InputError as error:  # `app.answers` makes the page's toast of it: `test_over_http`
        check_refused(case, str(error), path.name)
    else:
        check_seen(case, eyes.seen)
        assert summary["photo"] == path.name
        assert summary["size"] == list(eyes.seen.shape[:2])
        assert Path(made).suffix == ".zip"


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_triage(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is no use becomes an entry that says so; the others go on."""
    monkeypatch.setattr(session, "coherence_of", lambda *_, **__: None)  # its numbers have their own tests
    path, eyes = case.write(tmp_path), Eyes()
    entry = triage_entries.examined(str(path), eyes)
    assert entry.path == str(path)
    if entry.row.problem:
        check_refused(case, entry.row.problem, path.name)
    else:
        check_seen(case, eyes.seen)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("uploads")) as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_over_http(case: Case, page: Served, tmp_path: Path) -> None:
    """Upload, call, download, as a script without gradio_client would do it."""
    stored = page.upload(case.write(tmp_path), Path(case.name).name)
    value = {"path": stored, "orig_name": case.name, "meta": MARK}
    called = page.client.post("/gradio_api/call/predict", json={"data": [value]})
    text = page.client.get(f"/gradio_api/call/predict/{called.json()['event_id']}").text
    assert "Traceback" not in text and str(page.uploads.parent) not in text.replace(str(page.uploads), "")
    if case.says:
        assert "event: error" in text
        assert re.search(case.says, text) and Path(stored).name.split(".")[0] in text
        return
    assert "event: complete" in text and case.size is not None
    if max(case.size) <= LONGEST_SIDE:
        assert f'"size": [{case.size[1]}, {case.size[0]}]' in text
    made = json.loads(text.split("data: ")[-1])[1]["path"]
    with zipfile.ZipFile(made) as packed:
        assert any(file.endswith(".npz") for file in packed.namelist())
