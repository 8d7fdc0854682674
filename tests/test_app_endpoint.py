"""`/predict` through gradio_client, as a script would use it, and nothing but `/predict`."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from fake_predictor import FakePredictor
from PIL import Image

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from app import ui
from app.networks import Network, Networks, Offer
from mtcp.tasks import task_set

TASKS = task_set("nyud", ("semseg", "depth", "normals"))


@pytest.fixture(scope="module")
def predictor() -> FakePredictor:
    return FakePredictor()


@pytest.fixture(scope="module")
def client(predictor: FakePredictor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        first = Network(predictor, TASKS, "fake-lite.safetensors", "cpu")
        other = FakePredictor(trace_back=False, checkpoint="other.safetensors")
        offer = Offer(TASKS, lambda: Network(other, TASKS, other.checkpoint, "cpu"))
        demo = ui.build(first, networks=Networks(first, {"other": offer}))
        _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False, run_history=False)
        yield Client(url, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))
        demo.close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "room.jpg"
    Image.fromarray(np.full((60, 80, 3), 120, np.uint8)).save(path)
    return path


def test_predict_returns_the_summary_and_the_maps(
    client: Client, predictor: FakePredictor, photo: Path
) -> None:
    before = predictor.calls
    summary, maps = client.predict(photo=handle_file(photo), api_name="/predict")
    assert predictor.calls == before + 1
    assert summary["photo"] == "room.jpg"
    assert summary["size"] == [60, 80]
    assert summary["checkpoint"] == "fake-lite.safetensors"
    assert list(summary["tasks"]) == ["semseg", "depth", "normals"]
    assert Path(maps).name == "room.zip"
    with zipfile.ZipFile(maps) as packed, packed.open("room.npz") as npz:
        arrays = np.load(npz)
        assert arrays["normals_refined"].shape == (60, 80, 3)
        assert tuple(arrays["semseg_classes"]) == TASKS[0].classes
        assert {"room_semseg_refined.png", "room_semseg_refined_plain.png"} <= set(packed.namelist())


def test_predict_is_the_only_public_endpoint_and_documented(client: Client) -> None:
    text = client.view_api(return_format="dict", print_info=False)
    assert list(text["named_endpoints"]) == ["/predict"]
    assert not text["unnamed_endpoints"]
    endpoint = text["named_endpoints"]["/predict"]
    assert [parameter["parameter_name"] for parameter in endpoint["parameters"]] == ["photo", "checkpoint"]
    assert [p["parameter_default"] for p in endpoint["parameters"] if p["parameter_has_default"]] == [
        "fake-lite"
    ]
    assert [output["label"] for output in endpoint["returns"]] == ["summary", "maps"]
    assert "one photo" in endpoint["description"]
    assert "fake-lite, other" in endpoint["description"]


@pytest.mark.parametrize("name", ["other", "other.safetensors"])
def test_another_network_is_asked_for_by_name(
    client: Client, predictor: FakePredictor, photo: Path, name: str
) -> None:
    before = predictor.calls
    summary, maps = client.predict(photo=handle_file(photo), checkpoint=name, api_name="/predict")
    assert summary["checkpoint"] == "other.safetensors"
    assert "refined_percent" not in str(summary["tasks"]["semseg"])  # it has no trace-back
    with zipfile.ZipFile(maps) as packed, packed.open("room.npz") as npz:
        assert np.load(npz)["checkpoint"] == "other.safetensors"
    assert predictor.calls == before


def test_a_name_that_is_not_offered_is_answered_with_those_that_are(client: Client, photo: Path) -> None:
    for name in ("others", "../other", 'x"' + 500 * "y"):
        with pytest.raises(AppError, match="is not offered here: choose fake-lite, other") as refused:
            client.predict(photo=handle_file(photo), checkpoint=name, api_name="/predict")
        assert len(str(refused.value)) < 200


@pytest.mark.parametrize("more", [[], [""], [None]])
def test_a_call_that_names_no_network_gets_the_first(
    client: Client, predictor: FakePredictor, photo: Path, more: list[str | None]
) -> None:
    """As programs send it that speak plain HTTP, and were written before there was a choice."""
    before = predictor.calls
    with photo.open("rb") as file:
        (path,) = httpx.post(f"{client.src}gradio_api/upload", files={"files": file}).json()
    sent = {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}, *more]}
    called = httpx.post(f"{client.src}gradio_api/call/predict", json=sent)
    text = httpx.get(f"{client.src}gradio_api/call/predict/{called.json()['event_id']}", timeout=60).text
    assert "event: complete" in text and "fake-lite.safetensors" in text
    assert predictor.calls == before + 1


def test_no_other_listener_can_be_called(client: Client) -> None:
    listeners = client.config["dependencies"]
    assert len(listeners) > 3
    assert [d["api_name"] for d in listeners if d["api_visibility"] != "private"] == ["predict"]


def test_unusable_file_is_refused_in_words(client: Client, tmp_path: Path) -> None:
    bad = tmp_path / "notes.jpg"
    bad.write_text("no picture")
    with pytest.raises(AppError, match=r"notes\.jpg: not a picture"):
        client.predict(photo=handle_file(bad), api_name="/predict")


def test_network_that_fails_on_the_photo_is_told(client: Client, tmp_path: Path) -> None:
    black = tmp_path / "black.png"
    Image.fromarray(np.zeros((60, 80, 3), np.uint8)).save(black)
    with pytest.raises(AppError, match="use another checkpoint"):
        client.predict(photo=handle_file(black), api_name="/predict")


def test_files_of_the_server_are_out_of_reach(client: Client, predictor: FakePredictor, photo: Path) -> None:
    """A picture on the server that was never uploaded: a client must not be able to name it."""
    before = predictor.calls
    payload = {"data": [{"path": str(photo), "meta": {"_type": "gradio.FileData"}}]}
    called = httpx.post(f"{client.src}gradio_api/call/predict", json=payload)
    text = httpx.get(f"{client.src}gradio_api/call/predict/{called.json()['event_id']}").text
    assert "event: error" in text
    assert predictor.calls == before
