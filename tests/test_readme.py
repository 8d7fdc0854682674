"""What the README says can be done: its commands' entry points exist, its links point somewhere, its versions agree."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.strip()
    for block in re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]


def verbs() -> list[tuple[str, ...]]:
    """The words after `-m mtcp` up to the first flag or value, per command of the README."""
    found = set()
    for command in COMMANDS:
        if match := re.search(r"-m mtcp (\w+)(?: (nyud|rooms)\b)?", command):
            found.add(tuple(word for word in match.groups() if word))
    return sorted(found)


def test_readme_shows_the_two_commands() -> None:
    assert any(c.endswith("app.py") and "requirements.txt" in c for c in COMMANDS)
    assert any(c.endswith("pytest") and "requirements-dev.txt" in c for c in COMMANDS)
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for step in ("pip install -q -r requirements-dev.txt", ".venv/bin/pytest"):
        assert step in ci


@pytest.mark.parametrize("verb", verbs(), ids=" ".join)
def test_every_verb_of_the_readme_has_its_entry_point_and_flags(verb: tuple[str, ...]) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "mtcp", *verb, "--help"], capture_output=True, text=True, cwd=ROOT
    )
    assert result.returncode == 0, result.stderr
    start = "-m mtcp " + " ".join(verb)
    for command in COMMANDS:
        if start + " " in command + " ":
            for word in shlex.split(command[command.index(start) :]):
                if word.startswith("--"):
                    assert word in result.stdout, f"{word} of {command!r}"


def test_app_entry_point_explains_itself() -> None:
    result = subprocess.run([sys.executable, "app.py", "--help"], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    for flag in ("--checkpoint", "--host", "--port", "--device"):
        assert flag in result.stdout


def test_local_links_and_pictures_exist() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_one_number_for_gradio() -> None:
    from importlib.metadata import version

    (declared,) = re.findall(r"^sdk_version: (\S+)$", README, re.MULTILINE)
    (low, high) = re.findall(
        r"^gradio>=([\d.]+),<([\d.]+)", (ROOT / "requirements.txt").read_text("utf-8"), re.MULTILINE
    )[0]

    def parts(text: str) -> tuple[int, ...]:
        return tuple(map(int, text.split(".")))

    assert parts(low) <= parts(declared) < parts(high)
    assert parts(low) <= parts(version("gradio")) < parts(high)
