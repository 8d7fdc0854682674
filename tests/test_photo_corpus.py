"""Every file of `photo_corpus` through `open_photo`, some twenty through the doors that lead there: a right picture at
its own size, or one line of words.
"""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import photo_corpus
import pytest
from fake_predictor import FakePredictor
from photo_corpus import Case

import mtcp.inference.predictor
import mtcp.inference.write
from app import session
from mtcp.__main__ import main
from mtcp.cli.predict import stems
from mtcp.errors import InputError, one_line
from mtcp.io import photo
from mtcp.io.photo import open_photo

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of EXIF; what counts is the result

CASES = photo_corpus.cases()
LIGHT = [case for case in CASES if not case.heavy]
HEAVY = [case for case in CASES if case.heavy]
SOME = photo_corpus.of_each_kind()
SECONDS = 60  # for any one file, on a busy machine
GIB = 2**30


def ids(cases: list[Case]) -> list[str]:
    return [ascii(case.name)[1:-1] for case in cases]


some = pytest.mark.parametrize("case", SOME, ids=ids(SOME))


@contextmanager
def no_longer_than(seconds: int) -> Iterator[None]:
    """Fails what hangs. Where there is no alarm, the test runner's own limit has to do."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def stop(*_: object) -> None:
        raise AssertionError(f"still busy after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def check_message(case: Case, message: str, named: str) -> None:
    assert case.says, f"refused: {message}"
    assert re.search(case.says, message)
    assert message.startswith(f"{one_line(named)}: ")
    assert len(message) < len(named) + 200
    assert message == one_line(message)


def test_the_corpus_is_large_and_holds_both_kinds() -> None:
    assert len(CASES) >= 60
    assert sum(case.size is not None for case in CASES) >= 60
    assert sum(bool(case.says) for case in CASES) >= 40
    assert not [case.name for case in CASES if bool(case.says) == (case.size is not None)]
    assert sum(len(case.content) for case in LIGHT) < 1e6


@pytest.mark.parametrize("case", LIGHT, ids=ids(LIGHT))
def test_open_photo(case: Case, tmp_path: Path) -> None:
    path = case.write(tmp_path)
    with no_longer_than(SECONDS):
        try:
            array, facts = open_photo(path)
        except InputError as error:
            check_message(case, str(error), str(path))
        else:
            assert case.problem(array) == ""
            assert facts.focal35_mm in (None, 28.0)


@some
def test_open_photo_of_an_open_file(case: Case) -> None:
    try:
        array, _ = open_photo(io.BytesIO(case.content), name="upload")
    except InputError as error:
        check_message(case, str(error), "upload")
    else:
        assert case.problem(array) == ""


@some
def test_the_app(case: Case, tmp_path: Path) -> None:
    """The page works at `LONGEST_SIDE`; that is stated there, and `Run.original` tells the photo's own size."""
    path = case.write(tmp_path)
    try:
        run = session.analyse(FakePredictor(), path)
    except InputError as error:
        assert re.search(case.says or "expected a photo", str(error))
        if path.name.isprintable():
            check_message(case, str(error), path.name)
    else:
        assert case.size is not None, case.says
        assert run.original == (case.size[1], case.size[0])
        if max(case.size) <= photo.LONGEST_SIDE:
            assert case.problem(run.photo) == ""
        assert run.prediction.size == run.photo.shape[:2]


class StandIn(FakePredictor):
    """A `mtcp.inference.predictor.Predictor` as the command line uses it; keeps what it saw."""

    def __init__(self, *_: object) -> None:
        super().__init__()
        self.model = SimpleNamespace(config=SimpleNamespace(stages=("initial", "refined")))
        self.seen: dict[str, np.ndarray] = {}

    def __call__(self, path: Path, fov_deg: float | None = None):  # type: ignore[no-untyped-def, override]
        array, facts = open_photo(path)
        self.seen[str(path)] = array
        return super().__call__(np.maximum(array, 1), facts=facts)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """All of `SOME` in one call of `python -m mtcp predict`."""
    folder, out = tmp_path_factory.mktemp("photos"), tmp_path_factory.mktemp("maps")
    paths = [case.write(folder) for case in SOME]
    made: list[StandIn] = []

    def stand_in(*_: object) -> StandIn:
        made.append(StandIn())
        return made[-1]

    texts = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mtcp.inference.predictor, "Predictor", stand_in)
        patch.setattr(mtcp.inference.write, "write_prediction", _only_numbers)
        patch.setattr(sys, "stdout", texts[0])
        patch.setattr(sys, "stderr", texts[1])
        code = main(["predict", "--out", str(out), "--", *map(str, paths)])
    done, refused = (text.getvalue().splitlines() for text in texts)
    return SimpleNamespace(
        code=code, done=done, refused=refused, out=out, seen=made[0].seen, paths=paths, stems=stems(paths)
    )


def _only_numbers(prediction, folder, stem):  # type: ignore[no-untyped-def]
    """The .npz without the pictures, which take longest and have their own tests."""
    path = Path(folder) / f"{stem}.npz"
    np.savez(path, size=prediction.size)
    return [path]


def test_the_command_line_ends_in_words(ended: SimpleNamespace) -> None:
    wrong = sum(bool(case.says) for case in SOME)
    assert ended.code == 1
    assert len(ended.done) == len(SOME) - wrong
    assert ended.refused[-1] == f"mtcp predict: {wrong} of {len(SOME)} photos failed"
    assert len(ended.refused) == wrong + 1  # a line each: no warnings, no traceback


@pytest.mark.parametrize("index", range(len(SOME)), ids=ids(SOME))
def test_the_command_line(index: int, ended: SimpleNamespace) -> None:
    case, path = SOME[index], ended.paths[index]
    shown = one_line(str(path))
    lines = [line for line in ended.refused if line.startswith(f"mtcp predict: {shown}: ")]
    if case.says:
        assert len(lines) == 1
        check_message(case, lines[0].removeprefix("mtcp predict: "), str(path))
        return
    assert case.size is not None and not lines
    assert case.problem(ended.seen[str(path)]) == ""
    width, height = case.size
    written = ended.out / f"{ended.stems[index]}.npz"
    with np.load(written) as maps:
        assert maps["size"].tolist() == [height, width]
    line = one_line(f"{path} -> {written}  ({height}x{width},")
    assert [found for found in ended.done if found.startswith(line)]


def test_names_cannot_leave_the_folder(ended: SimpleNamespace) -> None:
    assert all(path.parent == ended.out for path in ended.out.rglob("*"))


def test_what_is_no_file(tmp_path: Path) -> None:
    for path, says in (
        (tmp_path, "is a folder"),
        (tmp_path / "none.png", "no such file"),
        (tmp_path / ("x" * 5000), "cannot be read"),
        ("a\0b.png", "cannot be read"),
    ):
        with pytest.raises(InputError, match=says) as caught:
            open_photo(path)
        assert str(caught.value) == one_line(str(caught.value))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_pipes_and_devices_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with no_longer_than(SECONDS):
        for path in (tmp_path / "pipe.jpg", Path("/dev/zero")):
            with pytest.raises(InputError, match="no ordinary file"):
                open_photo(path)


def test_files_of_many_bytes_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "long.png"
    with path.open("wb") as file:
        file.write(LIGHT[0].content)
        file.truncate(photo.MAX_BYTES + 2**20)  # sparse: takes no room
    with pytest.raises(InputError, match="513 MiB; photos may have 512 MiB"):
        open_photo(path)


def test_undecodable_names_do_not_break_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Latin-1 file name, as it comes from an old archive."""
    assert main(["predict", os.fsdecode(os.fsencode(tmp_path) + b"/k\xfcche.jpg")]) in (1, 2)
    assert "k\\udcfcche.jpg" in capsys.readouterr().err or os.name == "nt"


# ---- large ones: in a process of their own, whose memory is measured -----------------------------------------------

LIMITED = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_DATA, (4 * 2**30, 4 * 2**30))

def peak():
    # ru_maxrss would start at what the parent process holds
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
"""
OPEN_IT = """
from mtcp.errors import InputError
from mtcp.io.photo import open_photo
try:
    array, _ = open_photo(sys.argv[1])
    print("read", *array.shape, *array[array.shape[0] // 4, array.shape[1] // 4])
except InputError as error:
    print("refused", error)
print(peak())
"""
PREDICT_IT = """
from types import SimpleNamespace
import numpy as np
import mtcp.inference.predictor
from mtcp.__main__ import main
from mtcp.geometry.camera import Camera
from mtcp.io.photo import open_photo
from mtcp.inference.prediction import Prediction

class StandIn:
    model = SimpleNamespace(config=SimpleNamespace(stages=("initial", "refined")))

    def __init__(self, *_):
        pass

    def __call__(self, path, fov_deg=None):
        H, W = open_photo(path)[0].shape[:2]
        stages = [
            dict(
                semseg=np.full((H, W), 3, np.uint8),
                depth=np.full((H, W), 2.5, np.float32),
                normals=np.full((H, W, 3), 0.577, np.float32),
            )
            for _ in range(2)
        ]
        return Prediction(
            tasks=("semseg", "depth", "normals"), task_set="nyud", size=(H, W), network_size=(48, 64),
            grid=(12, 16), seconds=0.1, device="cpu", checkpoint="x", camera=Camera.from_fov(W, H),
            camera_from="assumed", initial=stages[0], refined=stages[1], intermediate={}, probability={},
            masks=None,
        )

mtcp.inference.predictor.Predictor = StandIn
print(peak())
print(main(["predict", sys.argv[1], "--out", sys.argv[2]]))
print(peak())
"""


def limited(code: str, *arguments: Path) -> tuple[list[str], int]:
    """Runs `code` with 4 GiB of memory: its lines, and its peak in bytes."""
    if not Path("/proc/self/status").exists():
        pytest.skip("memory is measured on Linux")
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LIMITED + code, *map(str, arguments)],
        capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert ran.stderr == ""
    *lines, peak = ran.stdout.splitlines()
    return lines, int(peak)


@pytest.mark.slow
@pytest.mark.parametrize("case", HEAVY, ids=ids(HEAVY))
def test_large_photos_within_memory(case: Case, tmp_path: Path) -> None:
    lines, peak = limited(OPEN_IT, case.write(tmp_path))
    if case.says:
        assert lines[0].startswith("refused ")
        assert re.search(case.says, lines[0])
        assert peak < 0.5 * GIB
    else:
        assert case.size is not None
        assert lines[0].split()[:4] == ["read", str(case.size[1]), str(case.size[0]), "3"]
        assert max(abs(int(value) - 99) for value in lines[0].split()[4:]) <= case.within
        assert peak < 2 * GIB


@pytest.mark.slow
def test_a_large_photo_is_predicted_and_written_within_memory(tmp_path: Path) -> None:
    """Maps and files of 5 megapixels, five times what is drawn at once, in so few bytes a pixel that the largest photo,
    of 50, takes less than 3 GiB; the network itself sees the same few pixels whatever the photo.
    """
    width, height = 2592, 1944
    (tmp_path / "phone.jpg").write_bytes(photo_corpus.flat("L", (width, height), 99, "JPEG"))
    lines, peak = limited(PREDICT_IT, tmp_path / "phone.jpg", tmp_path / "out")
    start, code = int(lines[0]), int(lines[-1])
    assert code == 0
    with np.load(tmp_path / "out" / "phone.npz") as maps:
        assert maps["depth_refined"].shape == (height, width)
    largest = max(case.size[0] * case.size[1] for case in HEAVY if case.size)
    assert peak - start < (3 * GIB - start) * width * height / largest
