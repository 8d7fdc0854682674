"""Hosting: what Hugging Face Spaces, ZeroGPU and Docker need of the repository, and the app with a borrowed GPU."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from importlib.metadata import version
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from served import answering, free_port, picture
from tiny_training import tiny_config

from app import gpu, serve
from mtcp.checkpoint.store import DEFAULT_CHECKPOINT, save_checkpoint
from mtcp.model import MTCP

ROOT = Path(__file__).resolve().parents[1]
FAKE_SPACES = """
import functools, multiprocessing, os, sys
from pathlib import Path

assert "torch" not in sys.modules, "ZeroGPU: import spaces before torch"
LOG = Path(os.environ["SPACES_LOG"])

def GPU(function=None, duration=60):
    if function is None:
        return functools.partial(GPU, duration=duration)

    @functools.wraps(function)
    def lent(*args, **kwargs):
        '''In a process of its own, as ZeroGPU does it: it inherits the function; values are pickled both ways.'''
        asked = duration(*args, **kwargs) if callable(duration) else duration
        here, there = multiprocessing.get_context("fork").Pipe()

        def work():
            given, named = there.recv()
            try:
                there.send((True, function(*given, **named)))
            except Exception as error:
                there.send((False, error))

        process = multiprocessing.get_context("fork").Process(target=work)
        process.start()
        here.send((args, kwargs))
        there.close()
        good, value = here.recv()
        process.join()
        with LOG.open("a") as file:
            file.write(f"{os.getpid()} {process.pid} {asked}\\n")
        if good:
            return value
        raise value

    return lent
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="ZeroGPU forks")
def test_the_network_runs_in_another_process_on_borrowed_gpus(tmp_path: Path) -> None:
    """`python app.py` itself, as a Space starts it, and stopped as a container is: no uploads stay behind. Proxies in
    its environment do not stop the page: neither one that nobody listens at nor one that httpx cannot speak.
    """
    (tmp_path / "fake" / "spaces").mkdir(parents=True)
    (tmp_path / "fake" / "spaces" / "__init__.py").write_text(textwrap.dedent(FAKE_SPACES))
    (tmp_path / "tmp").mkdir()
    weights, log, port = tmp_path / "tiny.safetensors", tmp_path / "log", free_port()
    save_checkpoint(weights, MTCP(tiny_config()))
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("GRADIO_") and not key.lower().endswith("_proxy")
    }
    for name, kind in {"http_proxy": "http", "https_proxy": "http", "all_proxy": "socks"}.items():
        environment |= dict.fromkeys((name, name.upper()), f"{kind}://127.0.0.1:9")
    environment |= {"SPACES_ZERO_GPU": "true", "SPACES_LOG": str(log), "TMPDIR": str(tmp_path / "tmp")}
    environment |= {"PYTHONPATH": str(tmp_path / "fake"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "app.py", "--port", str(port), "--checkpoint", str(weights), "--device", "cpu"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        url = answering(process, port)
        client = Client(url, verbose=False, download_files=False)
        photo = handle_file(picture(tmp_path / "room.png"))
        for _ in range(2):
            summary, _ = client.predict(photo=photo, api_name="/predict")
            assert summary["photo"] == "room.png"
            assert summary["size"] == [60, 80]
    finally:
        process.terminate()
        assert "Traceback" not in process.communicate(timeout=60)[1]
    lines = [line.split() for line in log.read_text().splitlines()]
    assert len(lines) == 2
    assert all(int(server) == process.pid != int(worker) for server, worker, _ in lines)
    first, second = (int(duration) for _, _, duration in lines)
    assert first == gpu.MOST_SECONDS and gpu.LEAST_SECONDS <= second <= first  # measured by then
    assert list((tmp_path / "tmp").glob("mtcp-explorer-*")) == []


def front_matter() -> dict[str, str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("---")[1]
    return {key: value.strip('" ') for key, value in re.findall(r"^(\w+): (.*)$", text, re.MULTILINE)}


def test_front_matter_fits_the_installation() -> None:
    front = front_matter()
    assert front["sdk"] == "gradio" and front["app_file"] == "app.py"
    assert front["sdk_version"].split(".")[:2] == version("gradio").split(".")[:2]
    assert front["python_version"] in ("3.10", "3.12")  # what ZeroGPU has
    assert len(front["short_description"]) <= 60


def test_large_files_are_the_weights_only() -> None:
    """Files over 10 MiB go to the Hub through LFS: docs/hosting.md tells how, by the ending of these."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("no git checkout")
    large = {name for name in listed.stdout.split("\0") if name and _size(ROOT / name) > 10 * 2**20}
    weights = {f"checkpoints/{path.name}" for path in (ROOT / "checkpoints").glob("*.safetensors")}
    assert str(DEFAULT_CHECKPOINT.resolve().relative_to(ROOT)) in large <= weights
    assert "*.safetensors" in (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def test_the_page_needs_nothing_that_links_to_system_libraries() -> None:
    """Neither the Space nor the image installs any: open3d comes with an extra, for those who make rooms."""
    assert "open3d" not in (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert not (ROOT / "packages.txt").exists()


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, (name, arguments), continued lines joined and comments left out."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    content = "\n".join(line for line in lines if not line.startswith("#")).replace("\\\n", " ")
    found = [line.split(maxsplit=1) for line in content.splitlines() if line.strip()]
    return [(name, " ".join(rest.split())) for name, rest in found]


def of(name: str) -> list[str]:
    return [rest for found, rest in instructions() if found == name]


def test_the_image_runs_as_nobody_special() -> None:
    """The program is root's, since it is copied before the user is named; runs/ is the user's."""
    names = [name for name, _ in instructions()]
    assert names.index("USER") > max(i for i, name in enumerate(names) if name in ("RUN", "COPY"))
    (user,), (folder,) = of("USER"), of("WORKDIR")
    assert user != "root" and folder.startswith(f"/home/{user}/")
    assert f"-o {user} -g {user} {folder}/runs" in " ".join(of("RUN")) and "--chown" not in str(of("COPY"))


def test_the_image_holds_the_program_and_nothing_else() -> None:
    copied = {rest.split()[0] for rest in of("COPY")}
    shown = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == shown and all((ROOT / name).exists() for name in shown)
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pinned = [word.strip('"') for word in " ".join(of("RUN")).split() if word.startswith('"torch')]
    assert len(pinned) == 2 and set(pinned) <= set(requirements.split())


def test_the_image_starts_what_it_asks_for_its_health() -> None:
    """One port everywhere, flags that exist, and a place that the page answers at (`_up` asks it, too)."""
    (port,), (health,), (command,) = of("EXPOSE"), of("HEALTHCHECK"), of("CMD")
    environment = dict(pair.split("=") for pair in " ".join(of("ENV")).split())
    assert environment["GRADIO_SERVER_PORT"] == port and environment["GRADIO_SERVER_NAME"] == "0.0.0.0"
    asked = json.loads(health.partition("CMD")[2])
    assert asked[:2] == ["python", "-c"] and compile(asked[2], "health", "exec")
    assert f"http://127.0.0.1:{port}/gradio_api/queue/status" in asked[2]
    started = json.loads(command)
    assert started[:2] == ["python", "app.py"]
    assert serve.parser().parse_args(started[2:]).device == "cpu"


def test_root_path_is_a_flag_and_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert serve.parser().parse_args([]).root_path == ""
    monkeypatch.setenv("GRADIO_ROOT_PATH", "/explorer")
    assert serve.parser().parse_args([]).root_path == "/explorer"
    assert serve.parser().parse_args(["--root-path", "/x"]).root_path == "/x"
