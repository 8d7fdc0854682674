"""What goes wrong outside the program: a full disk, a second process, a process that is killed."""

from __future__ import annotations

import errno
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from test_train import assert_same
from tiny_training import NETWORK, made_nyud

import mtcp.io.atomic
from mtcp.__main__ import NOT_WRITTEN, WRONG_INPUT, main
from mtcp.checkpoint.store import load_checkpoint
from mtcp.cli.train import PAUSED
from mtcp.errors import InputError
from mtcp.io.atomic import WriteError, drop_unfinished, write_atomic
from mtcp.io.folder_lock import lock_folder
from mtcp.training import RunFolder, read_log

ROOT = Path(__file__).parents[1]
EPOCHS = 3
posix = pytest.mark.skipif(os.name == "nt", reason="POSIX processes")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_nyud(tmp_path_factory.mktemp("nyud"))


def arguments(data: Path, runs: Path, name: str) -> list[str]:
    """A run of three epochs of two steps. One thread: how a sum is shared out decides its last bit."""
    common = ["train", "--runs", str(runs), "--name", name, "--data", str(data), "--init", "none"]
    return [*common, "--batch", "2", "--epochs", str(EPOCHS), "--log-every", "1", "--ema", "0.9",
            "--tasks", "semseg,depth", *NETWORK]  # fmt: skip


def resumed(runs: Path, name: str) -> list[str]:
    return ["train", "--runs", str(runs), "--name", name, "--resume"]


@pytest.fixture(scope="module")
def unbroken(data: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that nothing disturbed."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    runs = tmp_path_factory.mktemp("whole")
    assert main(arguments(data, runs, "made")) == 0
    torch.set_num_threads(threads)
    return RunFolder(runs / "made")


@pytest.fixture
def one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def start(code: str, *more: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, *(["-c", code] if code else []), *more], cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip


# A process that is killed


@pytest.mark.slow
@posix
def test_a_run_that_is_killed_resumes_to_the_weights_of_an_undisturbed_one(
    data: Path, tmp_path: Path, unbroken: RunFolder, one_thread: None
) -> None:
    folder = RunFolder(tmp_path / "made")
    process = start("", "-m", "mtcp", *arguments(data, tmp_path, "made"))
    deadline = time.monotonic() + 300
    while not folder.state_path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    assert folder.state_path.exists()
    process.send_signal(signal.SIGKILL)
    assert process.wait(timeout=60) == -signal.SIGKILL, "it was through before it could be killed"
    assert 0 < folder.load_state()["step"] < 2 * EPOCHS
    assert main(resumed(tmp_path, "made")) == 0
    one, other = (torch.load(path, weights_only=True) for path in (folder.state_path, unbroken.state_path))
    for part in ("model", "average", "optimizer", "balancer", "step"):
        assert_same(one[part], other[part])
    ours, _ = load_checkpoint(folder.last_path)
    undisturbed, _ = load_checkpoint(unbroken.last_path)
    assert_same(ours.state_dict(), undisturbed.state_dict())
    kinds = [entry["kind"] for entry in read_log(folder.log_path)]
    assert "resume" in kinds and kinds[-1] == "end"
    assert not list(folder.path.glob(".*.part"))


def test_what_a_killed_process_left_unfinished_is_removed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "made")
    folder.path.mkdir()
    (folder.path / ".last.pt.4711.part").write_bytes(b"half")
    (folder.path / "last.pt").write_bytes(b"whole")
    with folder.locked():
        assert sorted(path.name for path in folder.path.iterdir()) == [".lock", "last.pt"]


# A second process

HOLD = """
import os, sys, time
from pathlib import Path
from mtcp.io.folder_lock import lock_folder
with lock_folder(Path(sys.argv[1])):
    child = 0
    if sys.argv[2] == "with a worker":
        started, starts = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(starts, b".")
            time.sleep(60)
            os._exit(0)
        os.read(started, 1)  # a worker not yet scheduled has not let go of the lock
    print(child, flush=True)
    time.sleep(60)
"""


@posix
@pytest.mark.parametrize("how", ["alone", "with a worker"])
def test_a_folder_is_free_as_soon_as_its_process_is_killed(tmp_path: Path, how: str) -> None:
    """Even while a worker that it forked still lives."""
    process = start(HOLD, str(tmp_path), how)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    try:
        with (
            pytest.raises(InputError, match=rf"{tmp_path.name} is in use by process {process.pid}: wait"),
            lock_folder(tmp_path),
        ):
            pytest.fail("both hold it")
        process.kill()
        process.wait(timeout=60)
        with lock_folder(tmp_path):
            assert (tmp_path / ".lock").read_text().split()[0] == str(os.getpid())
    finally:
        process.kill()
        if child:
            os.kill(child, signal.SIGKILL)
        process.stdout.close()
        process.wait(timeout=60)


def test_a_folder_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), lock_folder(tmp_path):
        raise KeyError
    with lock_folder(tmp_path):
        pass


@posix
@pytest.mark.parametrize("code", ["ENOLCK", "ENOSYS", "ENOTSUP"])
def test_a_file_system_without_locks_is_logged_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: str
) -> None:
    import fcntl

    def refused(*_: object) -> None:
        raise OSError(getattr(errno, code), os.strerror(getattr(errno, code)))

    monkeypatch.setattr(fcntl, "flock", refused)
    with lock_folder(tmp_path):
        (tmp_path / "made").touch()
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path}: this file system has no locks; let no second process write here"
    ]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "made").touch()
    with pytest.raises(WriteError, match=r"made.\.lock: not written: "), lock_folder(tmp_path / "made"):
        pass


def test_only_the_main_rank_of_a_second_training_is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mtcp.training.distributed import World

    class Done:
        epoch = 0

        def run(self, **_: object) -> bool:
            return True

    with RunFolder(tmp_path / "made").locked():
        assert main(arguments(data, tmp_path, "made")) == WRONG_INPUT
        text = capsys.readouterr().err
        assert f"{tmp_path / 'made'} is in use by process {os.getpid()}" in text
        assert text.count("\n") == 1
        monkeypatch.setattr("mtcp.training.setup.build_trainer", lambda *_, **__: Done())
        monkeypatch.setattr("mtcp.training.distributed.join_world", lambda _: World(1, 2))
        assert main(arguments(data, tmp_path, "made")) == 0
    assert not (tmp_path / "made" / "config.json").exists()


# A full disk


@pytest.fixture(scope="module")
def paused(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RUNS with a run that has one of its epochs behind it."""
    runs = tmp_path_factory.mktemp("paused")
    assert main([*arguments(data, runs, "made"), "--stop-after", "1"]) == PAUSED
    return runs


def fill_the_disk(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """From now on writes to the file called `name` end in the middle."""

    class Full(mtcp.io.atomic._Noting):
        def write(self, content: Any) -> int:
            if name == "log.jsonl" or name not in Path(self.name).name:
                return super().write(content)
            try:
                io.FileIO.write(self, bytes(content)[: len(content) // 2])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError as error:
                self.error = error
                raise

    class FullLog(io.FileIO):
        def write(self, content: Any) -> int:
            super().write(bytes(content)[:9])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def opened(path: Path, mode: str = "r", *more: Any, **named: Any) -> Any:
        if path.name == name and mode == "a+b":
            return io.BufferedRandom(FullLog(path, "a+"))
        return usual(path, mode, *more, **named)

    usual = Path.open
    monkeypatch.setattr(mtcp.io.atomic, "_Noting", Full)
    monkeypatch.setattr(Path, "open", opened)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["last.pt", "model.safetensors", "model.json", "log.jsonl"])
def test_a_full_disk_ends_training_in_one_line_and_keeps_what_there_is(
    paused: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    shutil.copytree(paused, tmp_path, dirs_exist_ok=True)
    folder = RunFolder(tmp_path / "made")
    files = ["last.pt", "model.safetensors", "model.json"]
    before = {file: (folder.path / file).read_bytes() for file in files}
    step = folder.load_state()["step"]
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        fill_the_disk(patch, name)
        assert main([*resumed(tmp_path, "made"), "--stop-after", "2"]) == NOT_WRITTEN
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"mtcp train: {folder.path / name}: not written: disk full")
    assert (folder.path / name).read_bytes() == before[name] if name in before else True
    assert not list(folder.path.glob(".*.part"))
    if name == "model.json":  # weights and card change together or not at all
        assert (folder.path / "model.safetensors").read_bytes() == before["model.safetensors"]
    load_checkpoint(folder.last_path)
    assert folder.load_state()["step"] >= step
    if name == "log.jsonl":
        assert not folder.log_path.read_bytes().endswith(b"\n")  # torn, and mended by the next to write
    if name.startswith("model"):
        return
    assert main([*resumed(tmp_path, "made"), "--stop-after", "2"]) == PAUSED
    steps = [entry["step"] for entry in read_log(folder.log_path) if entry["kind"] == "step"]
    assert steps == [1, 2, 3, 4]


def test_tensorboard_events_that_cannot_be_written_end_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("tensorboard")
    from mtcp.training.events import Events

    events = Events(tmp_path)
    assert events._writer is not None

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    events._writer.flush = full
    writer = events._writer
    for step in (1, 2):
        events.add("step", {"step": step, "lr": 0.1})
    events.close()
    assert [record.getMessage() for record in caplog.records] == [
        "no more TensorBoard events: No space left on device"
    ]
    del writer.flush
    writer.close()


LIMITED = """
import resource, signal, sys
from pathlib import Path
from mtcp.io.atomic import WriteError, write_atomic
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomic(Path(sys.argv[1]), lambda file: [file.write(b"x" * 100) for _ in range(100)])
except WriteError as error:
    print(error)
"""


@posix
def test_a_file_that_the_system_cuts_short(tmp_path: Path) -> None:
    """Not a stand-in: the kernel refuses."""
    path = tmp_path / "last.pt"
    path.write_bytes(b"before")
    process = start(LIMITED, str(path))
    out, _ = process.communicate(timeout=60)
    assert out.strip() == f"{path}: not written: {os.strerror(errno.EFBIG)}"
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_torch_does_not_hide_why_it_could_not_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.pt"
    fill_the_disk(monkeypatch, "last.pt")
    with pytest.raises(WriteError, match=r"last\.pt: not written: disk full \(No space left") as caught:
        write_atomic(path, lambda file: torch.save({"a": torch.zeros(100_000)}, file))
    assert caught.value.errno == errno.ENOSPC
    assert not list(tmp_path.iterdir())


def test_another_error_in_writing_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_atomic(tmp_path / "a", lambda file: file.write("text"))  # type: ignore[arg-type]
    drop_unfinished(tmp_path)
    assert not list(tmp_path.iterdir())
