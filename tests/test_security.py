"""What a stranger may make the page read, fetch and tell, through gradio_client and by plain HTTP: a closed list."""

from __future__ import annotations

import http.server
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import gradio
import httpx
import pytest
import safehttpx
from gradio import processing_utils
from gradio_client import Client, handle_file
from served import MARK, Served, awaited, picture, served

from app import guard, serve, ui
from app.session import archive
from app.uploads import uploaded

ROOT = Path(__file__).resolve().parents[1]
LOG = json.dumps({"kind": "epoch", "epoch": 0, "step": 9, "secret": "do-not-tell"})


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the page has no business in: a picture and a training run."""
    folder = tmp_path_factory.mktemp("outside")
    picture(folder / "secret.png")
    (folder / "run").mkdir()
    (folder / "run" / "log.jsonl").write_text(LOG + "\n")
    return folder


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, outside: Path) -> Iterator[Served]:
    runs = tmp_path_factory.mktemp("runs")
    (runs / "mine").mkdir()
    (runs / "mine" / "log.jsonl").write_text(LOG + "\n")
    (runs / "link").symlink_to(outside / "run")
    uploads = tmp_path_factory.mktemp("uploads")
    (uploads / "link").symlink_to(outside)
    with served(uploads, ui.Sources(examples=serve.examples()[:2], runs=[runs]), runs) as running:
        yield running


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[str]]]:
    """A web server on this machine that gradio believes to be public: its URL, and what was asked of it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    allowed = [*processing_utils.PUBLIC_HOSTNAME_WHITELIST, "127.0.0.1"]
    monkeypatch.setattr(processing_utils, "PUBLIC_HOSTNAME_WHITELIST", allowed)

    async def believed(host: str) -> str:
        return "127.0.0.1"

    monkeypatch.setattr(safehttpx, "async_validate_url", believed)  # what `/gradio_api/file=` asks
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def foreign(page: Served, outside: Path, url: str) -> dict[str, object]:
    secret = str(outside / "secret.png")
    return {
        "absolute": secret,
        "system": "/etc/passwd",
        "traversal": f"{page.uploads}/../{outside.name}/secret.png",
        "symlink": f"{page.uploads}/link/secret.png",
        "folder": str(page.uploads),
        "relative": os.path.relpath(secret),
        "file-url": f"file://{secret}",
        "http": f"{url}/a.png",
        "http-upper": f"{url.upper()}/a.png",
        "null": f"{page.uploads}/a\0.png",
        "long": "/x" * 3000,
        "number": 7,
        "list": [secret],
    }


FOREIGN = [
    "absolute",
    "system",
    "traversal",
    "symlink",
    "folder",
    "relative",
    "file-url",
    "http",
    "http-upper",
]
FOREIGN += ["null", "long", "number", "list"]


def clean(text: str, page: Served) -> bool:
    """Whether nothing of this machine is in it. The folder of uploads is no secret, clients name
    files in it, nor is what `--runs` gave: the page tells how to train into it."""
    text = text.replace(str(page.uploads), "").replace(str(page.runs), "")
    homes = (
        str(ROOT),
        str(Path.home()) + "/",
        tempfile.gettempdir() + "/",
        str(Path(gradio.__file__).parent),
    )
    return "Traceback" not in text and not any(home in text for home in homes)


@pytest.mark.parametrize("kind", FOREIGN)
def test_files_that_nobody_uploaded_cannot_be_named(
    kind: str, page: Served, outside: Path, listener: tuple[str, list[str]]
) -> None:
    """However the value is marked, and at whatever listener, private or not, it is sent."""
    url, asked = listener
    before, path = page.predictor.calls, foreign(page, outside, url)[kind]
    forms = [{"path": path, "meta": MARK}, {"path": path}, {"path": path, "meta": {"_type": "x"}, "url": url}]
    for value in forms:
        answers = [page.client.post("/gradio_api/call/predict", json={"data": [value]})]
        calls = [{"fn_index": d["id"], "data": [value] * len(d["inputs"])} for d in page.listeners[1:4]]
        calls.append(page.call("triage-files", "upload", [value]))
        calls.append(
            {**page.call("triage-files", "upload", None), "event_data": {"files": [{"deep": value}]}}
        )
        for call in calls:
            sent = {**call, "session_hash": "stranger"}
            answers.append(page.client.post("/gradio_api/queue/join", json=sent))
        for answer in answers:
            assert answer.status_code == 403
            said = answer.json()["detail"]
            assert said.endswith("only files uploaded to this page can be used")
            assert len(said) < 200 and clean(said, page) and str(outside) not in said
    assert page.predictor.calls == before
    assert asked == []


def test_an_upload_is_used_and_its_url_is_not_fetched(
    page: Served, tmp_path: Path, listener: tuple[str, list[str]]
) -> None:
    url, asked = listener
    value = {"path": page.upload(picture(tmp_path / "mine.png")), "url": f"{url}/other.png", "meta": MARK}
    called = page.client.post("/gradio_api/call/predict", json={"data": [value]})
    text = page.client.get(f"/gradio_api/call/predict/{called.json()['event_id']}").text
    assert "event: complete" in text and '"photo": "mine.png"' in text
    for value in (
        {"path": None, "url": f"{url}/a.png"},
        {"url": f"{url}/a.png", "meta": MARK},
        f"{url}/a.png",
    ):
        called = page.client.post("/gradio_api/call/predict", json={"data": [value]})
        text = page.client.get(f"/gradio_api/call/predict/{called.json()['event_id']}").text
        assert "event: error" in text and clean(text, page)
    assert asked == []


def test_the_client_cannot_pass_an_address_either(page: Served, listener: tuple[str, list[str]]) -> None:
    url, asked = listener
    client = Client(page.url, verbose=False, download_files=False)
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        client.predict(photo={"path": f"{url}/a.png", "meta": MARK}, api_name="/predict")
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        client.predict(photo=handle_file(f"{url}/photo.png"), api_name="/predict")
    assert [path for path in asked if path != "/photo.png"] == []  # that one the client itself may look at


def test_files_are_served_from_the_upload_folder_only(
    page: Served, outside: Path, tmp_path: Path, listener: tuple[str, list[str]]
) -> None:
    url, asked = listener
    mine = page.upload(picture(tmp_path / "mine.png"))
    assert page.client.get(f"/gradio_api/file={mine}").status_code == 200
    names = [value for value in foreign(page, outside, url).values() if isinstance(value, str)]
    names += [str(ROOT / "README.md"), "README.md", "app/serve.py", str(serve.DEFAULT_CHECKPOINT)]
    names += [
        f" {url}",
        f"%68ttp://{url[7:]}/a",
        str(serve.examples()[0]),
        f"{page.uploads}/%2e%2e/{outside.name}",
    ]
    names += ["..%2f..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd", "/proc/self/environ", f"//{url[7:]}/a"]
    for door in ("file=", "file/", "stream/file=", "proxy="):
        for name in names:
            if "\0" in name:
                continue
            answer = page.client.get(f"/gradio_api/{door}{name}")
            assert answer.status_code in (400, 403, 404, 405, 414, 422), (door, name, answer.status_code)
            assert str(ROOT) not in answer.text.replace(name, "")
    assert asked == []


@pytest.mark.parametrize("name", ["../../../evil.png", "{}/evil.png", "..\\evil.png", "a/../../evil.png"])
def test_uploads_stay_in_their_folder_whatever_their_name(name: str, page: Served, tmp_path: Path) -> None:
    base, sent = page.uploads.parent, picture(tmp_path / "x.png")
    before = {path for path in base.rglob("*") if not path.is_relative_to(page.uploads)}
    stored = Path(page.upload(sent, name.format(tmp_path)))
    assert stored.resolve().is_relative_to(page.uploads.resolve()) and ".." not in stored.parts
    assert stored.read_bytes() == sent.read_bytes()
    assert {path for path in base.rglob("*") if not path.is_relative_to(page.uploads)} == before


def test_uploads_have_a_limit(page: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert page.demo.max_file_size == 64 * 2**20
    monkeypatch.setattr(page.demo, "max_file_size", 100)
    with (picture(tmp_path / "x.png")).open("rb") as file:
        assert page.client.post("/gradio_api/upload", files={"files": file}).status_code == 413


@pytest.mark.parametrize(
    "typed", ["/etc", "../outside0/run", "link", "file:///etc", "http://x/", "~", "mine/../../x"]
)
def test_runs_outside_of_their_folders_are_refused(typed: str, page: Served, outside: Path) -> None:
    typed = typed.replace("outside0", outside.name)
    for name in (typed, str(outside / "run")):
        done, toast = _done(page.join([page.call("training-runs", "input", [name])]))
        assert done["success"], done
        assert "outside the folders" in toast or "holds no run" in toast
        text = json.dumps(done)
        assert "do-not-tell" not in text and clean((text + toast).replace(name, ""), page)


def _done(messages: list[dict]) -> tuple[dict, str]:
    """The last answer, and all toasts."""
    toasts = " ".join(message.get("log", "") for message in messages if message["msg"] == "log")
    return next(message for message in messages if message["msg"] == "process_completed"), toasts


JUNK = [None, "/etc/passwd", -1, 1e308, [["x"]], {"x": {}}, "<script>", True]


def test_no_listener_tells_of_this_machine(page: Served) -> None:
    """Every listener of the page, by its number, with values that no page sends."""
    calls = []
    for shift, listener in enumerate(page.listeners):
        junk = [JUNK[(shift + i) % len(JUNK)] for i in range(len(listener["inputs"]) + 1)]
        event = {"x": junk[0], "page": junk[0], "open": junk[-1], "rank": junk[-1]}
        calls.append({"fn_index": listener["id"], "data": junk[1:], "event_data": event})
    text = page.join(calls)
    assert sum(message["msg"] == "process_completed" for message in text) == len(calls) > 50
    assert clean(json.dumps(text), page)


def test_what_the_page_says_of_itself_names_no_folder(page: Served) -> None:
    for place in (
        "/",
        "/config",
        "/gradio_api/info",
        "/gradio_api/openapi.json",
        "/gradio_api/startup-events",
    ):
        answer = page.client.get(place)
        assert answer.status_code == 200, place
        assert clean(answer.text, page), place


def test_a_fault_of_ours_is_not_told_in_its_own_words(
    page: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(f"no room in {ROOT}")

    monkeypatch.setattr("app.session.archive", fail)
    assert archive is not fail
    value = {"path": page.upload(picture(tmp_path / "mine.png")), "meta": MARK}
    called = page.client.post("/gradio_api/call/predict", json={"data": [value]})
    text = page.client.get(f"/gradio_api/call/predict/{called.json()['event_id']}").text
    assert "event: error" in text and clean(text, page) and "no room" not in text


@pytest.mark.parametrize(
    "place",
    [
        "/monitoring",
        "/monitoring/summary",
        "/gradio_api/deep_link?session_hash=x",
        "/gradio_api/vibe-code",
        "/gradio_api/proxy=http://127.0.0.1/",
        "/gradio_api/run-history/buckets",
    ],
)
def test_what_the_page_does_not_use_is_shut(place: str, page: Served) -> None:
    assert page.client.get(place).status_code == 404


def test_nobody_passes_the_queue(page: Served) -> None:
    for way in ("run", "api"):
        answer = page.client.post(f"/gradio_api/{way}/predict", json={"data": [None]})
        assert answer.status_code == 404
    assert page.demo._queue.max_size == serve.QUEUE


def test_requests_that_are_no_requests(page: Served) -> None:
    place = "/gradio_api/call/predict"
    assert page.client.post(place, content=b" " * (guard.MAX_BODY + 1)).status_code == 413
    assert page.client.post(place, content=b"{").status_code == 400
    assert page.client.post(place, content=b"[" * 10**6).status_code == 400
    assert page.client.post(place, content=b"\xff\xfe\xfd").status_code == 400
    assert page.client.post(place, content=b"").status_code == 422


def test_the_page_is_not_shared_and_opens_no_folder(page: Served) -> None:
    assert page.demo.share is False
    assert page.demo.allowed_paths == []
    assert page.demo.enable_monitoring is False
    assert page.demo.state_session_capacity == serve.SESSIONS


def test_the_guard_passes_a_body_on_as_it_came(tmp_path: Path) -> None:
    """In parts, with what comes after it; and refuses by its content whatever its type."""
    parts = [b'{"data": [', b"1", b"]}"]
    waiting = [{"type": "http.request", "body": part, "more_body": part != parts[-1]} for part in parts]
    waiting.append({"type": "http.disconnect"})
    got: list[object] = []

    async def app(scope, receive, send):  # type: ignore[no-untyped-def]
        got.extend([await receive(), await receive()])

    async def receive():  # type: ignore[no-untyped-def]
        return waiting.pop(0)

    async def send(message):  # type: ignore[no-untyped-def]
        got.append(message)

    scope = {"type": "http", "method": "POST", "path": "/gradio_api/queue/join"}
    awaited(guard.Guard(app, tmp_path)(scope, receive, send))
    assert got == [
        {"type": "http.request", "body": b"".join(parts), "more_body": False},
        {"type": "http.disconnect"},
    ]


def test_uploads_are_private_and_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    old, young = tmp_path / "mtcp-explorer-old", tmp_path / "mtcp-explorer-young"
    for folder in (old, young, tmp_path / "other"):
        folder.mkdir()
        (folder / "photo.jpg").write_bytes(b"x")
    for folder in (old, tmp_path / "other"):
        os.utime(folder, (0, time.time() - serve.UPLOADS_SECONDS - 60))
    with serve.uploads() as folder:
        assert os.environ["GRADIO_TEMP_DIR"] == str(folder)
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "photo.jpg").write_bytes(b"x")
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted((folder.name, young.name, "other"))
    assert not folder.exists() and "GRADIO_TEMP_DIR" not in os.environ


def test_a_path_from_elsewhere_is_refused_without_the_guard_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, outside = tmp_path / "uploads", tmp_path / "secret.jpg"
    inside.mkdir()
    outside.touch()
    (inside / "link.jpg").symlink_to(outside)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(inside))
    assert uploaded(str(inside / "room.jpg")) == str(inside / "room.jpg")
    for path in (outside, inside / "link.jpg", inside / ".." / "secret.jpg"):
        with pytest.raises(gradio.Error, match="only files uploaded to this page") as text:
            uploaded(str(path))
        assert str(tmp_path) not in str(text.value)
