"""The command line of `python app.py`: what it says when it cannot start."""

from __future__ import annotations

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from served import free_port
from tiny_training import tiny_config

from app import load, serve
from mtcp.checkpoint.store import save_checkpoint
from mtcp.model import MTCP

ROOT = Path(__file__).parents[1]


@pytest.fixture(name="free_port")
def any_port() -> int:
    return free_port()


def test_help_names_the_flags_and_is_quick_about_it() -> None:
    code = "import sys, app.serve; sys.exit('gradio' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
    completed = subprocess.run(
        [sys.executable, "app.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert all(flag in completed.stdout for flag in ("--checkpoint", "--port", "--host", "--device"))


def test_busy_port_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert serve.main(["--port", str(port)]) == 1
    said = capsys.readouterr().err
    assert said == f"app.py: port {port} is already in use: give another one, --port {port + 1}\n"


@pytest.mark.parametrize("arguments", [["--port", "70000"], ["--host", "no host"]])
def test_impossible_address_is_told_in_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert serve.main(arguments) == 1
    said = capsys.readouterr().err
    assert arguments[1] in said
    assert said.count("\n") == 1


def test_missing_checkpoint_says_what_to_do(
    free_port: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert serve.main(["--port", str(free_port), "--checkpoint", str(tmp_path / "none.safetensors")]) == 1
    assert "none.safetensors" in capsys.readouterr().err
    for room in (serve, load):
        monkeypatch.setattr(room, "DEFAULT_CHECKPOINT", tmp_path / "shipped.safetensors")
    assert serve.main(["--port", str(free_port)]) == 1
    said = capsys.readouterr().err
    assert "git lfs pull" in said
    assert "--checkpoint" in said


def test_damaged_checkpoint_is_told_in_one_line(
    free_port: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(b"x")
    assert serve.main(["--port", str(free_port), "--checkpoint", str(torn)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("app.py: ")
    assert "torn" in said
    assert said.count("\n") == 1


def test_the_health_check_asks_no_proxy(free_port: int) -> None:
    """The image's own command, with proxies in the environment: it reaches what listens on loopback."""
    line = next(line for line in (ROOT / "Dockerfile").read_text().splitlines() if "/queue/status" in line)
    script = json.loads(line.strip().removeprefix("CMD "))[-1].replace("7860", str(free_port))
    environment = {**os.environ, "http_proxy": "http://127.0.0.1:9", "no_proxy": "", "NO_PROXY": ""}

    class Status(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", free_port), Status) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        subprocess.run([sys.executable, "-c", script], env=environment, check=True)
        server.shutdown()


def test_all_checkpoints_given_and_shipped_are_offered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = [tmp_path / folder / "model.safetensors" for folder in ("a", "b")]
    shipped = tmp_path / "checkpoints" / "lite.safetensors"
    for path in (*given, shipped):
        save_checkpoint(path, MTCP(tiny_config()))
    shipped.with_name("torn.safetensors").write_bytes(b"")
    monkeypatch.setattr(load, "DEFAULT_CHECKPOINT", shipped)
    networks = load.load_all([*given, shipped, given[0]], "cpu")
    assert networks.names == ("a-model", "b-model", "lite")
    assert "not offered: " in caplog.text and "torn.json" in caplog.text
    photo = np.full((64, 64, 3), 120, np.uint8)
    for name in networks.names:
        assert (
            networks.take(name).predict(photo).checkpoint
            == networks.take(name).checkpoint
            == f"{name}.safetensors"
        )


def test_only_pictures_are_offered_as_examples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("b.jpg", "a.PNG", "LICENSE", "notes.md"):
        (tmp_path / name).write_bytes(b"")
    monkeypatch.setattr(serve, "EXAMPLES", tmp_path)
    assert [path.name for path in serve.examples()] == ["a.PNG", "b.jpg"]
