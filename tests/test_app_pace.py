"""What keeps the page quick: pictures written side by side, one thread for the network, nothing built that nobody asked
for, and no news of an event's status to components that do not show it."""

from __future__ import annotations

import contextvars
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import gradio as gr
import numpy as np
import pytest
import torch
from fake_predictor import FakePredictor
from served import TASKS, awaited

from app import answers, ui
from app.load import load
from app.one_thread import OneThread
from app.pictures import side_by_side, written
from mtcp.checkpoint.store import DEFAULT_CHECKPOINT


def test_a_written_picture_reads_the_same(tmp_path: Path) -> None:
    component = gr.Image()
    component.GRADIO_CACHE = str(tmp_path)
    picture = np.random.default_rng(0).integers(0, 256, (13, 17, 3), np.uint8)
    path = written(picture, component)
    assert Path(path).suffix == ".png" and Path(path).is_relative_to(tmp_path)
    assert np.array_equal(cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB), picture)
    assert written(picture, component) == path != written(255 - picture, component)


def test_drawing_side_by_side_keeps_order_context_and_errors() -> None:
    seen = contextvars.ContextVar("seen", default="nothing")
    seen.set("this")
    together = threading.Barrier(2, timeout=30)

    def draw(number: int) -> tuple[int, str]:
        together.wait()  # breaks unless two run at once
        return number, seen.get()

    assert side_by_side(draw, range(4)) == [(number, "this") for number in range(4)]
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda number: 1 // number, [1, 0])


def test_networks_of_a_page_run_on_the_thread_they_were_loaded_on(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []

    class Recording:
        """Stands in for `mtcp.inference.predictor.Predictor`."""

        def __init__(self, *_: Any, **__: Any) -> None:
            used.append(threading.get_ident())
            self.model, self.device, self.card = SimpleNamespace(tasks=TASKS), torch.device("cpu"), {}

        def __call__(self, photo: np.ndarray, facts: Any = None) -> None:
            used.append(threading.get_ident())

    monkeypatch.setattr("mtcp.inference.predictor.Predictor", Recording)
    thread = OneThread()
    networks = [load(DEFAULT_CHECKPOINT, "cpu", name, thread) for name in ("a", "b")]
    askers = [
        threading.Thread(target=network.predict, args=(np.zeros((4, 4, 3), np.uint8),))
        for network in networks
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(used) == 4 and len(set(used)) == 1 and threading.get_ident() not in used
    with pytest.raises(ZeroDivisionError):
        thread.run(lambda: 1 // 0)


def test_outputs_that_a_listener_leaves_alone_are_not_built_again() -> None:
    with gr.Blocks() as demo:
        kept, one, two, three = gr.State("old"), gr.HTML("1"), gr.HTML("2"), gr.HTML("3")
        button = gr.Button()
        outputs = [kept, one, two, three]
        button.click(lambda: None, None, outputs)
    answers.answer_in_words(demo)
    listener = demo.fns[0]
    state = gr.state_holder.SessionState(demo)

    def sent(made: Any) -> list[Any]:
        return awaited(demo.postprocess_data(listener, made, state))

    skip = gr.skip()
    assert sent({one: "new"}) == [None, "new", skip, skip]
    assert sent({kept: "now", two: skip}) == [None, skip, skip, skip] and state[kept._id] == "now"
    assert sent({kept: skip}) == [None, skip, skip, skip] and state[kept._id] == "now"
    assert all(state[one._id] is one for one in outputs[1:])
    _, first, second, third = sent({three: gr.update(value="x", visible=False), one: None})
    assert (first, second, third["value"], third["visible"]) == (None, skip, "x", False)
    assert [state[one._id] is one for one in outputs[1:]] == [True, True, False]
    assert sent(["then", "1", "2", "3"]) == [None, "1", "2", "3"] and state[kept._id] == "then"
    with pytest.raises(ValueError, match="not specified as output"):
        sent({button: "x"})


def test_listeners_without_a_sign_of_progress_tell_no_output_of_it() -> None:
    demo = ui.build(ui.Network(FakePredictor(), TASKS, "fake.safetensors", "cpu"))
    hidden = [one for one in demo.config["dependencies"] if one["show_progress"] == "hidden"]
    assert len(hidden) > 20 and all(one["show_progress_on"] == [] for one in hidden)
