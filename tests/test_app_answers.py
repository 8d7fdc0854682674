"""Every listener of the page answers in words, logs one line, and leaves what is in force on the page."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from served import Served, picture, served

from app import answers, serve, ui
from mtcp.errors import InputError

JUNK: list[Any] = [None, "abc", -1, 1e308, [["x"]], {"x": {}}, "<script>", True]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    runs = tmp_path_factory.mktemp("runs")
    (runs / "mine").mkdir()
    (runs / "mine" / "log.jsonl").write_text(json.dumps({"kind": "epoch", "epoch": 0, "step": 9}) + "\n")
    with served(tmp_path_factory.mktemp("uploads"), ui.Sources(serve.examples()[:2], [runs])) as running:
        yield running


@pytest.fixture
def visitor(page: Served, tmp_path: Path) -> str:
    """A session with a photo's result on its page."""
    name = tmp_path.name
    done, _ = answer(page, page.dropped(picture(tmp_path / "room.png")), name)
    assert done["success"]
    return name


def answer(
    page: Served, call: dict[str, Any], session: str | None = None
) -> tuple[dict[str, Any], list[str]]:
    """What a call came to, and all that the person reads of it."""
    messages = page.join([call], session)
    done = next(message for message in messages if message["msg"] == "process_completed")
    words = [message["log"] for message in messages if message["msg"] == "log"]
    return done, [
        html.unescape(text) for text in [*words, *([] if done["success"] else [done["output"]["error"]])]
    ]


def shown(page: Served, done: dict[str, Any], call: dict[str, Any], elem_id: str) -> Any:
    """What the answer to a call puts into a component; the string "as it was" where it leaves it."""
    component = next(c["id"] for c in page.config["components"] if c["props"].get("elem_id") == elem_id)
    listener = next(d for d in page.listeners if d["id"] == call["fn_index"])
    value = done["output"]["data"][listener["outputs"].index(component)]
    return "as it was" if value == {"__type__": "update"} else value


def test_page_reads_files_in_its_own_way_after_it_was_loaded(page: Served, tmp_path: Path) -> None:
    """What the page's first listener leaves as it is, gradio would build again, without what was replaced on it."""
    loads = [d for d in page.listeners if any(event == "load" for _, event in d["targets"])]
    calls = [{"fn_index": d["id"], "data": [None] * len(d["inputs"])} for d in loads]
    done = [m["success"] for m in page.join(calls, tmp_path.name) if m["msg"] == "process_completed"]
    assert done and all(done)
    bad = tmp_path / "notes.jpg"
    bad.write_text("no picture")
    _, words = answer(page, page.dropped(bad), tmp_path.name)
    assert any("notes.jpg: not a picture" in line for line in words)


@pytest.mark.parametrize("shift", range(0, len(JUNK), 2))
def test_whatever_is_sent_is_answered_in_words(
    shift: int,
    page: Served,
    visitor: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Every listener, with values that no page sends: no bare "Error", no traceback, a line for each refusal."""
    calls = []
    for place, listener in reversed(
        list(enumerate(page.listeners))
    ):  # the photo's come first, and would clear it
        junk = [JUNK[(shift + place + i) % len(JUNK)] for i in range(len(listener["inputs"]) + 1)]
        event = {"x": junk[0], "page": junk[0], "open": junk[-1], "rank": junk[-1]}
        sent = {"event_data": event} if place % 3 else {}  # a click without a place, too
        calls.append({"fn_index": listener["id"], "data": junk[1:], **sent})
    messages = page.join(calls, visitor)
    done = [message for message in messages if message["msg"] == "process_completed"]
    assert len(done) == len(calls) > 50
    words = [message["output"]["error"] for message in done if not message["success"]]
    assert all(len(str(text).split()) > 3 for text in words)
    assert answers.FAULT not in words, caplog.text
    refused = len(words)
    assert refused > 5
    assert "Traceback" not in caplog.text + "".join(capfd.readouterr())
    lines = [record.getMessage() for record in caplog.records if record.name == "app"]
    assert len(lines) >= refused and not any("\n" in line for line in lines)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("fov", 500, "field of view 500 degrees: give 5 to 150"),
        ("fov", None, ""),
        ("probe-x", 80, "pixel (80, 30) is outside the photo: x goes from 0 to 79"),
        ("probe-y", -1, "is outside the photo"),
        ("probe-x", None, ""),
    ],
)
def test_a_field_that_is_left_shows_what_is_in_force(
    field: str, value: float | None, words: str, page: Served, visitor: str, caplog: pytest.LogCaptureFixture
) -> None:
    fields = {"fov": 60.0, "probe-x": 40, "probe-y": 30}
    answer(page, page.filled("probe-x", "input", fields), visitor)
    for event in ("input", "submit", "blur"):
        caplog.clear()
        call = page.filled(field, event, {**fields, field: value})
        done, toasts = answer(page, call, visitor)
        assert done["success"], done
        lines = [record.getMessage() for record in caplog.records]
        if event == "input":  # "5" of "50" is no mistake
            assert not toasts and not lines
            assert shown(page, done, call, field) == "as it was"
            continue
        assert shown(page, done, call, field) == fields[field]
        assert len(toasts) == len(lines) == bool(words)
        assert words in "".join(toasts) and words in "".join(lines)


def test_a_field_with_a_good_number_is_left_alone(page: Served, visitor: str) -> None:
    call = page.filled("fov", "blur", {"fov": 70})
    done, toasts = answer(page, call, visitor)
    assert shown(page, done, call, "fov") == "as it was" and not toasts


@pytest.mark.parametrize("typed", ["probe-x", "probe-y"])
def test_no_answer_sets_a_field_in_which_somebody_may_be_typing(
    typed: str, page: Served, visitor: str
) -> None:
    """The other number is on its way: an answer with the one before would mix both. So with what follows an answer."""
    answer(page, page.filled("probe-x", "input", {"probe-x": 40, "probe-y": 30}), visitor)
    call = page.filled(typed, "input", {"probe-x": 7, "probe-y": 8})
    done, _ = answer(page, call, visitor)
    assert shown(page, done, call, "readout") != "as it was"
    assert [shown(page, done, call, field) for field in ("probe-x", "probe-y")] == ["as it was"] * 2


def test_one_number_is_used_while_the_other_cannot_be(page: Served, visitor: str) -> None:
    """And stays so when the other field is left, which shows what is in force then."""
    answer(page, page.filled("probe-x", "input", {"probe-x": 40, "probe-y": 30}), visitor)
    answer(page, page.filled("probe-y", "input", {"probe-x": 9999, "probe-y": 8}), visitor)
    for field, refused, used in (("probe-x", 9999, 40), ("probe-y", 5000, 8)):
        call = page.filled(field, "blur", {field: refused})
        done, toasts = answer(page, call, visitor)
        assert shown(page, done, call, field) == used and len(toasts) == 1


@pytest.mark.parametrize(("value", "left"), [(12.7, 12), (12, "as it was")])
def test_a_probe_between_pixels_is_shown_as_the_pixel_it_is_in(
    value: float, left: object, page: Served, visitor: str
) -> None:
    call = page.filled("probe-x", "blur", {"probe-x": value})
    done, toasts = answer(page, call, visitor)
    assert shown(page, done, call, "probe-x") == left and not toasts


@pytest.mark.parametrize(("value", "taken"), [(99, "20"), (-3, "0"), (None, None), (5.5, None)])
def test_a_number_beyond_its_slider_is_taken_at_the_end(
    value: float | None, taken: str | None, page: Served
) -> None:
    done, toasts = answer(page, page.call("kappa", "input", value))
    assert done["success"]
    assert len(toasts) == bool(taken)
    if taken:
        assert (
            f"kappa: how far ratios are exaggerated: {value} is outside 0 to 20; {taken} is taken"
            in toasts[0]
        )


def test_sliders_end_where_the_page_shows() -> None:
    slider = gr.Slider(0.5, 3, label="size")
    assert [answers.within(slider, value) for value in (None, 0.5, 1.5, 3)] == [0.5, 0.5, 1.5, 3]
    for value in ("1", True, [1], float("nan"), float("inf")):
        with pytest.raises(InputError, match=r"size: .* is not a number"):
            answers.within(slider, value)


def test_a_text_file_as_a_photo_is_one_line_and_an_empty_page(
    page: Served, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("notes.txt", "notes.jpg", "notes.svg", "notes"):
        caplog.clear()
        (tmp_path / name).write_text("no picture")
        call = page.dropped(tmp_path / name)
        done, toasts = answer(page, call)
        assert done["success"] and shown(page, done, call, "photo") is None
        assert len(toasts) == 1 and toasts[0].startswith(f"{name}: not a picture")
        assert [record.getMessage() for record in caplog.records] == [
            f"refused: {name}: not a picture; give a JPEG, PNG, HEIC, WebP or TIFF"
        ]
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("value", ["room.jpg", "https://example.org/room.jpg", 7, ["room.jpg"]])
def test_predict_without_a_file_says_handle_file(
    value: object, page: Served, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    client = Client(page.url, verbose=False, download_files=False)
    with pytest.raises(AppError, match=r'is not an uploaded file; give handle_file\("room.jpg"\)'):
        client.predict(photo=value, api_name="/predict")
    assert len(caplog.records) == 1
    assert "Traceback" not in "".join(capfd.readouterr())


def test_predict_with_nothing_says_handle_file(page: Served) -> None:
    client = Client(page.url, verbose=False, download_files=False)
    with pytest.raises(AppError, match="photo is missing: give handle_file"):
        client.predict(photo=None, api_name="/predict")


def test_the_help_of_the_api_promises_no_addresses(page: Served) -> None:
    info = page.client.get("/gradio_api/info").text
    parameter = json.loads(info)["named_endpoints"]["/predict"]["parameters"][0]
    assert "handle_file" in parameter["python_type"]["description"]
    assert parameter["python_type"]["type"] == "filepath"
    text = Client(page.url, verbose=False, download_files=False).view_api(
        print_info=False, return_format="str"
    )
    info += page.client.get("/gradio_api/openapi.json").text + str(text)
    assert "ublicly available" not in info
    assert "githubusercontent" not in info


def test_a_fault_of_ours_is_told_as_one_and_logged_whole(
    page: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr("app.session.open_photo", fail)
    done, toasts = answer(page, page.dropped(picture(tmp_path / "room.png")))
    assert not done["success"] and toasts == [answers.FAULT]
    assert "a secret" in caplog.text and "Traceback" in caplog.text
