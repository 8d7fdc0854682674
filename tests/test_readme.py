"""What the README says can be done: its commands' entry points exist, its links point somewhere, its versions agree."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtcp.__main__ import VERBS, build_parser

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {
    path.name: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *ROOT.glob("docs/*.md"))
}


def commands(text: str) -> list[str]:
    """The lines of a page's bash blocks, continued ones joined."""
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip()]


def calls(module: str) -> list[tuple[str, ...]]:
    """What README and docs give to `python -m MODULE` (or torchrun): words after the module's name, each once."""
    found = set()
    for command in (command for text in PAGES.values() for command in commands(text)):
        words = shlex.split(command, comments=True)
        named = [i for i, word in enumerate(words) if word == "-m" and re.fullmatch(module, words[i + 1])]
        found |= {tuple(words[i + 1 :]) for i in named}
    return sorted(found)


COMMANDS = commands(README)


def test_readme_shows_the_two_commands() -> None:
    assert any(c.endswith("app.py") and "requirements.txt" in c for c in COMMANDS)
    (tests,) = [c for c in COMMANDS if "pytest" in c and "requirements-dev.txt" in c]
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert tests.rpartition("&& ")[2] in ci and any(
        "install -q -r requirements-dev.txt" in step for step in ci
    )


@pytest.mark.parametrize("words", calls("mtcp"), ids=" ".join)
def test_every_command_is_one_that_the_program_takes(words: tuple[str, ...]) -> None:
    build_parser().parse_args(words[1:])  # exits for a verb, flag or value that there is not


def test_every_verb_is_shown() -> None:
    assert {words[1] for words in calls("mtcp")} >= set(VERBS) - {"release"}


def test_commands_within_sentences_name_verbs_and_flags(capsys: pytest.CaptureFixture[str]) -> None:
    spans = [span for text in PAGES.values() for span in re.findall(r"`python -m mtcp ([^`]+)`", text)]
    assert spans
    for verb, *words in map(str.split, spans):
        if verb == "VERB":
            continue
        with pytest.raises(SystemExit) as stopped:
            build_parser().parse_args([verb, "--help"])
        flags = re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out)
        assert stopped.value.code == 0, verb
        assert {word for word in words if word.startswith("--")} <= set(flags), (verb, words)


@pytest.mark.parametrize("words", calls(r"benchmarks\.\w+"), ids=" ".join)
def test_every_benchmark_exists_and_has_its_flags(words: tuple[str, ...]) -> None:
    file = ROOT / f"{words[0].replace('.', '/')}.py"
    source = file.read_text(encoding="utf-8")
    shared = (
        (ROOT / "benchmarks" / "timing.py").read_text(encoding="utf-8") if "add_common(" in source else ""
    )
    for word in words[1:]:
        if word.startswith("--"):
            assert f'add_argument("{word}"' in re.sub(r"\(\s+", "(", source + shared), word


def test_nothing_needs_the_environment_before_it_is_activated() -> None:
    at = next(i for i, command in enumerate(COMMANDS) if command.startswith("source .venv/bin/activate"))
    for command in COMMANDS[:at]:
        for part in command.split(" && "):
            assert part.split()[0] in ("python3", ".venv/bin/pip", ".venv/bin/python", ".venv/bin/pytest"), (
                command
            )
    assert {shlex.split(command)[0] for command in COMMANDS[at + 1 :]} == {"python", "pip", "torchrun"}


def test_what_commands_read_is_there() -> None:
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extra in re.findall(r"pip install -e \"\.\[(\w+)\]\"", "".join(PAGES.values())):
        assert re.search(rf"^{extra} = \[", declared, re.MULTILINE), extra
    paths = [
        word
        for command in COMMANDS
        for word in shlex.split(command, comments=True)
        if word.startswith(("app", "checkpoints/", "requirements"))
    ]
    assert len(paths) > 4
    for path in paths:
        assert (ROOT / path).exists(), path


def test_no_run_is_started_twice() -> None:
    """A second `train` of the same name is refused unless it resumes."""
    names = [
        name
        for command in COMMANDS
        if " train " in command and "--resume" not in command
        for name in re.findall(r"--name (\S+)", command)
    ]
    assert len(set(names)) == len(names) > 2


def test_app_entry_point_explains_itself() -> None:
    result = subprocess.run([sys.executable, "app.py", "--help"], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    for flag in ("--checkpoint", "--host", "--port", "--device"):
        assert flag in result.stdout


@pytest.mark.parametrize("name", PAGES)
def test_local_links_and_pictures_exist(name: str) -> None:
    folder = ROOT if name == "README.md" else ROOT / "docs"
    links = re.findall(r"\]\((?!https?:)([^)\s]+)\)", PAGES[name])
    assert links or name != "README.md"
    for link in links:
        path, _, heading = link.partition("#")
        target = folder / path if path else folder / name
        assert target.exists(), link
        headings = (
            re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE) if heading else ()
        )
        anchors = [
            re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings
        ]  # as on GitHub
        assert not heading or heading in anchors, link


def test_readme_is_short_enough_for_a_newcomer() -> None:
    assert len(README.splitlines()) <= 150


def test_the_lines_of_python_work(monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    monkeypatch.chdir(ROOT)
    found: dict[str, Any] = {}
    exec(block, found)
    size = found["prediction"].size
    assert found["depth"].shape == found["labels"].shape == size
    assert found["depth"].dtype == np.float32 and found["labels"].dtype == np.uint8
    assert found["normals"].shape == (*size, 3) and found["normals"].dtype == np.float32


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
