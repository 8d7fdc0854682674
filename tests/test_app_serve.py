"""The command line of `python app.py`: what it says when it cannot start."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app import serve

ROOT = Path(__file__).parents[1]


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_help_names_the_flags_and_is_quick_about_it() -> None:
    code = "import sys, app.serve; sys.exit('gradio' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
    told = subprocess.run(
        [sys.executable, "app.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert all(flag in told.stdout for flag in ("--checkpoint", "--port", "--host", "--device"))


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
    monkeypatch.setattr(serve, "DEFAULT_CHECKPOINT", tmp_path / "shipped.safetensors")
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


def test_only_pictures_are_offered_as_examples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("b.jpg", "a.PNG", "LICENSE", "notes.md"):
        (tmp_path / name).write_bytes(b"")
    monkeypatch.setattr(serve, "EXAMPLES", tmp_path)
    assert [path.name for path in serve.examples()] == ["a.PNG", "b.jpg"]
