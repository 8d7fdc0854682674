"""The page served as `python app.py` serves it, with a stand-in for the network: what raw HTTP tests talk to."""

from __future__ import annotations

import asyncio
import functools
import json
import socket
import subprocess
import time
import uuid
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
import httpx
import numpy as np
import pytest
from fake_predictor import FakePredictor
from PIL import Image

from app import serve, ui
from app.networks import Network, Networks, Offer
from app.result_cache import ResultCache
from mtcp.tasks import task_set

TASKS = task_set("nyud", ("semseg", "depth", "normals"))
T = TypeVar("T")
MARK = {"_type": "gradio.FileData"}


@dataclass
class Served:
    """A running page. uploads, runs: its folders. client: speaks plain HTTP to it."""

    demo: gr.Blocks
    url: str
    uploads: Path
    runs: Path
    predictor: FakePredictor
    client: httpx.Client

    def upload(self, path: Path, name: str | None = None) -> str:
        """Uploads a file; the path that the server gave it."""
        with path.open("rb") as file:
            answer = self.client.post("/gradio_api/upload", files={"files": (name or path.name, file)})
        answer.raise_for_status()
        return str(answer.json()[0])

    def dropped(self, photo: Path, api_name: str | None = None) -> dict[str, Any]:
        """Uploads a photo; the call that the page makes for it, or, named "predict", the endpoint's."""
        component = next(c["id"] for c in self.config["components"] if c["props"].get("elem_id") == "photo")
        mine = [d for d in self.listeners if component in d["inputs"] and len(d["outputs"]) > 1]
        if api_name == "predict":
            listener = next(d for d in mine if d["api_name"] == "predict")
        else:  # what follows the listener that only says that the network runs
            first = next(d for d in mine if [component, "input"] in [list(t) for t in d["targets"]])
            listener = next(d for d in mine if d.get("trigger_after") == first["id"])
        props = {c["id"]: c["props"] for c in self.config["components"]}
        given = {component: {"path": self.upload(photo), "meta": MARK}}
        data = [given.get(key, props[key].get("value")) for key in listener["inputs"]]
        return {"fn_index": listener["id"], "data": data}

    @functools.cached_property
    def config(self) -> dict[str, Any]:
        """The page's configuration, as the browser gets it."""
        return dict(self.client.get("/config").json())

    @property
    def listeners(self) -> list[dict[str, Any]]:
        """Everything that the server listens to."""
        return [d for d in self.config["dependencies"] if d["backend_fn"]]

    def call(self, label: str, event: str, value: Any) -> dict[str, Any]:
        """A call of the listener to an event of the component with this elem_id: its inputs as the page has
        them at first, but for this component's own."""
        props = {c["id"]: c["props"] for c in self.config["components"]}
        mine = next(key for key, known in props.items() if known.get("elem_id") == label)
        listener = next(d for d in self.listeners if [mine, event] in [list(t) for t in d["targets"]])
        data = [value if key == mine else props[key].get("value") for key in listener["inputs"]]
        return {"fn_index": listener["id"], "data": data}

    def filled(self, label: str, event: str, values: dict[str, Any]) -> dict[str, Any]:
        """The call of a listener with these values in the fields, by elem_id."""
        call = self.call(label, event, values[label])
        listener = next(d for d in self.listeners if d["id"] == call["fn_index"])
        names = {c["id"]: c["props"].get("elem_id") for c in self.config["components"]}
        call["data"] = [
            values.get(names[component], given)
            for component, given in zip(listener["inputs"], call["data"], strict=True)
        ]
        return call

    def join(self, calls: Sequence[dict[str, Any]], session: str | None = None) -> list[dict[str, Any]]:
        """Sends calls to `/queue/join` and returns all messages until every one is answered.

        A call that is refused at the door is a message with `status` and `detail`.
        """
        session, messages, open_calls = session or uuid.uuid4().hex, [], 0
        for call in calls:
            answer = self.client.post("/gradio_api/queue/join", json={**call, "session_hash": session})
            if answer.status_code == 200:
                open_calls += 1
            else:
                messages.append({"msg": "refused", "status": answer.status_code, "detail": answer.text})
        if open_calls:
            with self.client.stream(
                "GET", "/gradio_api/queue/data", params={"session_hash": session}
            ) as stream:
                for line in stream.iter_lines():
                    if line.startswith("data:"):
                        messages.append(json.loads(line[5:]))
                        open_calls -= messages[-1]["msg"] == "process_completed"
                    if not open_calls:
                        break
        return messages


@contextmanager
def served(
    folder: Path,
    sources: ui.Sources | None = None,
    runs: Path = Path("runs"),
    results: ResultCache | None = None,
    predictor: FakePredictor | None = None,
    other: FakePredictor | None = None,
) -> Iterator[Served]:
    """The page, with its uploads in `folder`. other: a network that can be chosen beside the first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        predictor = predictor or FakePredictor()
        first = Network(predictor, TASKS, "fake-lite.safetensors", "cpu")
        offers: dict[str, Offer] = {}
        if other is not None:
            second = Network(other, TASKS, "other.safetensors", "cpu")
            offers["other"] = Offer(TASKS, lambda: second)
        demo = ui.build(first, sources, results, Networks(first, offers))
        url = serve.launch(demo)
        try:
            with httpx.Client(base_url=url, timeout=60, headers={"accept-encoding": "identity"}) as client:
                yield Served(demo, url, folder, runs, predictor, client)
        finally:
            demo.close(verbose=False)


def awaited(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns. This thread may have a loop already: Playwright's, of a test before."""
    with ThreadPoolExecutor(1) as elsewhere:
        return elsewhere.submit(asyncio.run, coroutine).result()


def picture(path: Path, colour: int = 120) -> Path:
    """A small photo of one colour."""
    Image.fromarray(np.full((60, 80, 3), colour, np.uint8)).save(path)
    return path


def free_port() -> int:
    """A port that nothing listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answering(process: subprocess.Popen[str], port: int) -> str:
    """The address of a started `python app.py`, once it answers there."""
    url, until = f"http://127.0.0.1:{port}/", time.monotonic() + 300  # a busy machine imports for minutes
    while time.monotonic() < until:
        try:
            if httpx.get(f"{url}gradio_api/queue/status", timeout=5).status_code == 200:
                return url
        except httpx.HTTPError:
            if process.poll() is not None:
                break
        time.sleep(0.2)
    process.kill()
    raise AssertionError(f"not up: {process.communicate()[1][-2000:]}")
