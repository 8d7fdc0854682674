"""Many photos to a table: both engines write the same rows and go on where they stopped."""

from __future__ import annotations

import dataclasses
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from fake_predictor import FakePredictor
from PIL import Image
from ray_extra import require_extra

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import batch as benchmark  # noqa: E402
from mtcp.__main__ import main  # noqa: E402
from mtcp.batch import run as many  # noqa: E402
from mtcp.batch import storage, table  # noqa: E402
from mtcp.batch.measure import Job, Outcome, numbers  # noqa: E402
from mtcp.batch.storage import Place, open_place, pictures  # noqa: E402
from mtcp.checkpoint.store import read_card, save_checkpoint  # noqa: E402
from mtcp.config import ModelConfig  # noqa: E402
from mtcp.errors import InputError  # noqa: E402
from mtcp.geometry.coherence import coherence  # noqa: E402
from mtcp.geometry.quantities import COHERENCE  # noqa: E402
from mtcp.geometry.report import Cause, Failure  # noqa: E402
from mtcp.io.photo_facts import PhotoFacts  # noqa: E402
from mtcp.model import MTCP  # noqa: E402

TINY = ModelConfig(
    backbone="test_efficientnet",
    width=8,
    queries=2,
    query_layers=1,
    query_heads=2,
    kv_stride=2,
    height=48,
    image_width=64,
)
TIMES = ("seconds", "network_seconds")


@pytest.fixture(scope="module", autouse=True)
def extra() -> None:
    require_extra()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("nets") / "tiny.safetensors"
    save_checkpoint(path, MTCP(TINY))
    return path


@pytest.fixture
def memory() -> Iterator[str]:
    """The URL of a folder in this process's memory."""
    from fsspec.implementations.memory import MemoryFileSystem

    yield "memory://many"
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


def png(seed: int = 0) -> bytes:
    file = io.BytesIO()
    array = np.random.default_rng(seed).integers(1, 255, (40, 56, 3), np.uint8)
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def put(url: str, files: dict[str, bytes]) -> str:
    place = open_place(url)
    for name, content in files.items():
        place.fs.makedirs(place.path(name).rpartition("/")[0], exist_ok=True)
        place.fs.pipe_file(place.path(name), content)
    return url


PICTURES = {"a.png": png(1), "sub/b.PNG": png(2), "sub/c.png": png(3), "bad.jpg": b"hello"}
NAMES = ["a.png", "bad.jpg", "sub/b.PNG", "sub/c.png"]


def job_of(source: str, dest: str) -> Job:
    return Job(open_place(source), open_place(dest), "0" * 64)


def fake(photo: np.ndarray, fov: float | None = None, *, facts: PhotoFacts | None = None) -> Any:
    return FakePredictor()(photo, facts=facts)


def engine(job: Job, work: list[many.Block]) -> Iterator[Outcome]:
    return many.plain_engine(fake)(job, work)


def rows_at(dest: str, folder: str = table.PHOTOS) -> list[dict[str, Any]]:
    """All rows of a table, by name."""
    place = open_place(dest)
    found: list[dict[str, Any]] = []
    for path in table.parts(place, folder):
        with place.fs.open(path) as file:
            found += table.arrow().parquet.read_table(file).to_pylist()
    return sorted(found, key=lambda row: row.get("photo") or row["path"])


def same(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    """Rows agree: text and whole numbers exactly, numbers to what other threads and blocks may change."""
    assert [row["photo"] for row in one] == [row["photo"] for row in other]
    for mine, theirs in zip(one, other, strict=True):
        for key in table.TEXT:
            assert mine[key] == theirs[key], key
        for key in (*table.WHOLE, *table.REAL):
            if key not in (*TIMES, "threads"):
                assert mine[key] == close(theirs[key]), key


def close(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, rel=1e-3, abs=1e-3)


# Places


def test_pictures_are_found_by_suffix_in_folders_and_urls(memory: str, tmp_path: Path) -> None:
    files = {**PICTURES, "notes.txt": b"", ".hidden.png": png(), "sub/.part.png": png()}
    for url in (memory, str(tmp_path), tmp_path.as_uri()):
        put(url, files)
        place, names = pictures(open_place(url))
        assert names == NAMES
        photo, _ = storage.read_photo(place, "sub/c.png")
        assert photo.shape == (40, 56, 3)
        folder, names = pictures(open_place(f"{url}/sub/c.png"))
        assert names == ["c.png"]
        assert storage.read_photo(folder, "c.png")[0].shape == (40, 56, 3)


def test_places_that_are_none(memory: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        pictures(open_place(f"{memory}/absent"))
    with pytest.raises(InputError, match="no such folder"):
        pictures(open_place(str(tmp_path / "absent")))
    with pytest.raises(InputError, match="cannot be reached"):
        open_place("nosuch://x")
    with pytest.raises(InputError, match=r"gone.png: cannot be read \(FileNotFoundError"):
        storage.read_photo(open_place(memory), "gone.png")


def test_too_large_a_file_is_not_fetched(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put(memory, {"a.png": png()})
    monkeypatch.setattr(storage, "MAX_BYTES", 100)
    with (
        mock.patch("fsspec.implementations.memory.MemoryFileSystem.cat_file") as fetched,
        pytest.raises(InputError, match="photos may have"),
    ):
        storage.read_photo(open_place(memory), "a.png")
    fetched.assert_not_called()


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_a_file_is_whole_or_absent(where: str, memory: str, tmp_path: Path) -> None:
    place = open_place(memory if where == "memory" else str(tmp_path))
    storage.write_whole(place, "photos/part-1.parquet", b"first")
    target = (
        "pathlib.Path.replace" if where == "disk" else "fsspec.implementations.memory.MemoryFileSystem.mv"
    )
    with mock.patch(target, side_effect=OSError("disk full")), pytest.raises(OSError, match="full"):
        storage.write_whole(place, "photos/part-2.parquet", b"second")
    assert [path.rpartition("/")[2] for path in table.parts(place, "photos")] == ["part-1.parquet"]
    storage.write_whole(place, "photos/part-1.parquet", b"again")
    assert place.fs.cat_file(place.path("photos/part-1.parquet")) == b"again"


# Rows


def test_a_row_per_photo_and_bad_files_beside(memory: str) -> None:
    source, dest = put(f"{memory}/in", PICTURES), f"{memory}/out"
    outcomes = list(engine(job_of(source, dest), [NAMES[:3], NAMES[3:]]))
    assert [(one.photos, len(one.bad)) for one in outcomes] == [(2, 1), (1, 0)]
    rows = rows_at(dest)
    assert [row["photo"] for row in rows] == ["a.png", "sub/b.PNG", "sub/c.png"]
    prediction = FakePredictor()(np.full((40, 56, 3), 9, np.uint8))
    from mtcp.evaluation.ranking import failure_counts, stage_numbers

    report = coherence(prediction.initial, prediction.refined, prediction.camera)
    for row in rows:
        assert (row["width_px"], row["height_px"]) == (56, 40)
        assert (row["network_width_px"], row["network_height_px"]) == (64, 48)
        assert (row["camera_from"], row["checkpoint"]) == ("assumed", "fake-lite.safetensors")
        assert row["field_of_view_deg"] == pytest.approx(60)
        assert row["seconds"] > 0
        assert row["network_seconds"] == 0.123
        assert row["checkpoint_sha256"] == "0" * 64
        for stage, of_stage in zip(("initial", "refined"), stage_numbers(report), strict=True):
            assert {one.key for one in COHERENCE} == set(of_stage)
            for key, value in of_stage.items():
                assert row[f"{stage}_{key}"] == close(value), key
        for key, count in failure_counts(report).items():
            assert row[key] == count
    assert rows[0]["initial_depth_normal_mean_deg"] != rows[0]["refined_depth_normal_mean_deg"]
    (bad,) = rows_at(dest, table.BAD)
    assert bad["path"] == "bad.jpg"
    assert bad["message"].startswith("bad.jpg: not a picture")


def test_large_photos_are_worked_at_a_smaller_size_but_told_in_their_own_pixels(memory: str) -> None:
    source = put(f"{memory}/in", {"a.png": png(1)})
    asked: list[tuple[int, ...]] = []

    def watched(photo: np.ndarray, fov: float | None = None, *, facts: PhotoFacts | None = None) -> Any:
        asked.append(photo.shape)
        return fake(photo)

    rows = []
    for longest in (None, 28):
        dest = f"{memory}/out{longest}"
        job = dataclasses.replace(job_of(source, dest), longest=longest)
        list(many.plain_engine(watched)(job, [["a.png"]]))
        rows += rows_at(dest)
    assert asked == [(40, 56, 3), (20, 28, 3)]
    for row in rows:
        assert (row["width_px"], row["height_px"]) == (56, 40)


def test_the_worst_failure_is_told_in_the_photos_own_pixels() -> None:
    prediction = FakePredictor()(np.full((20, 28, 3), 9, np.uint8))
    report = coherence(prediction.initial, prediction.refined, prediction.camera)
    worst = Failure(
        1,
        "refined",
        "new",
        None,
        None,
        5.0,
        1.0,
        None,
        40.0,
        None,
        None,
        None,
        Cause("rough depth", "", 40.0, None, None, None, None, 0.0, 3.0, None),
        (0, 0, 9, 9),
        (6, 3),
        mock.Mock(),
    )
    row = numbers(dataclasses.replace(report, failures=(worst,)), (40, 56))
    assert row["worst_cause"] == "rough depth" and row["cause_rough_depth_pct"] == 5.0
    assert row["cause_tilted_surface_pct"] == 0.0
    assert (row["worst_x_px"], row["worst_y_px"]) == (13, 7)  # the middle of pixels 12, 13 and 6, 7


def test_every_number_tells_its_unit() -> None:
    for field in table.schema():
        if field.name not in (*table.TEXT, *table.NEWER_TEXT):
            unit = field.metadata[b"unit"].decode()
            suffix = {"deg": "_deg", "cm": "_cm", "%": "_pct", "px": "_px", "s": "seconds"}.get(unit, "")
            assert field.name.endswith(suffix), field.name
    for stage in ("initial", "refined"):
        assert {f"{stage}_{one.key}" for one in COHERENCE} <= set(table.schema().names)


def test_what_fails_unexpectedly_is_told_and_the_rest_goes_on(memory: str) -> None:
    def fragile(photo: np.ndarray, *given: Any, **more: Any) -> Any:
        if next(turn) == 1:
            raise ZeroDivisionError("of two\nlines")
        return fake(photo)

    turn = iter(range(9))
    source, dest = put(f"{memory}/in", PICTURES), f"{memory}/out"
    assert next(many.plain_engine(fragile)(job_of(source, dest), [NAMES])).photos == 2
    messages = {row["path"]: row["message"] for row in rows_at(dest, table.BAD)}
    assert set(messages) == {"bad.jpg", "sub/b.PNG"}
    assert messages["sub/b.PNG"] == "sub/b.PNG: failed unexpectedly (ZeroDivisionError: of two\\nlines)"


def test_a_network_without_depth_is_refused(memory: str, tmp_path: Path) -> None:
    source = put(f"{memory}/in", PICTURES)
    path = tmp_path / "semseg.safetensors"
    save_checkpoint(path, MTCP(TINY.replace(tasks=("semseg", "normals"))))
    with pytest.raises(InputError, match="this network has normals, semseg"):
        many.prepare(source, f"{memory}/out", path)


# Resuming


def test_a_run_goes_on_where_it_stopped(memory: str) -> None:
    source = put(f"{memory}/in", PICTURES)
    job, complete = job_of(source, f"{memory}/out"), job_of(source, f"{memory}/whole")
    stopped = engine(job, many.blocks(NAMES, 1, 2))
    next(stopped)
    stopped.close()
    assert many.left(job, NAMES) == ["sub/b.PNG", "sub/c.png"]
    before = table.parts(job.dest, table.PHOTOS)
    list(engine(job, many.blocks(many.left(job, NAMES), 1)))
    assert set(before) < set(table.parts(job.dest, table.PHOTOS))
    assert many.left(job, NAMES) == []
    list(engine(complete, [NAMES]))
    same(rows_at(job.dest.url), rows_at(complete.dest.url))


def test_a_block_done_twice_replaces_its_parts(memory: str) -> None:
    job = job_of(put(f"{memory}/in", PICTURES), f"{memory}/out")
    for _ in range(2):
        list(engine(job, [NAMES]))
    assert len(rows_at(job.dest.url)) == 3


def test_bad_photos_are_tried_again_only_when_asked(memory: str) -> None:
    source = put(f"{memory}/in", PICTURES)
    job = job_of(source, f"{memory}/out")
    list(engine(job, [NAMES]))
    put(source, {"bad.jpg": png(7)})
    assert many.left(job, NAMES) == []
    assert many.left(job, NAMES, retry_bad=True) == ["bad.jpg"]
    list(engine(job, [["bad.jpg"]]))
    assert [row["photo"] for row in rows_at(job.dest.url)] == NAMES
    assert rows_at(job.dest.url, table.BAD) == []


def test_rows_of_different_settings_are_not_mixed(memory: str, checkpoint: Path) -> None:
    source, dest = put(f"{memory}/in", PICTURES), f"{memory}/out"
    job, names = many.prepare(source, dest, checkpoint)
    assert names == NAMES
    assert job.sha256 == read_card(checkpoint)["sha256"]
    many.prepare(source, dest, checkpoint)
    with pytest.raises(InputError, match="its rows have field_of_view_deg None, this run 70"):
        many.prepare(source, dest, checkpoint, 70.0)
    with pytest.raises(InputError, match="longest_side 1024, this run None"):
        many.prepare(source, dest, checkpoint, longest=None)
    with pytest.raises(InputError, match=r"network_size None, this run \[96, 128\]"):
        many.prepare(source, dest, checkpoint, None, (96, 128))
    open_place(dest).fs.pipe_file(f"{job.dest.path(table.SETTINGS)}", b"{")
    with pytest.raises(InputError, match="damaged"):
        many.prepare(source, dest, checkpoint)


def test_a_damaged_part_is_named(memory: str) -> None:
    job = job_of(put(f"{memory}/in", PICTURES), f"{memory}/out")
    put(job.dest.url, {"photos/part-x.parquet": b"PAR1"})
    with pytest.raises(InputError, match=r"part-x\.parquet: damaged"):
        many.left(job, NAMES)


def test_blocks_are_even_and_bounded() -> None:
    names = [str(i) for i in range(100)]
    for workers, largest, step in ((1, None, 13), (2, None, 7), (2, 40, 40), (200, None, 1)):
        made = many.blocks(names, workers, largest)
        assert [name for block in made for name in block] == names
        assert max(map(len, made)) == step
    assert max(map(len, many.blocks(names * 100, 2))) == many.LARGEST_BLOCK
    assert many.blocks([], 2) == []


# The command, and Ray


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


@pytest.mark.slow
def test_two_workers_write_the_same_rows_and_resume(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import ray

    monkeypatch.setenv(
        "OMP_NUM_THREADS", "4"
    )  # what workers inherit; each must keep to its one core all the same
    monkeypatch.setattr(ray.data.DataContext.get_current(), "wait_for_min_actors_s", 300)
    more = {f"more/{i}.png": png(i) for i in range(10, 13)}
    source = put((tmp_path / "photos").as_uri(), {**PICTURES, **more})
    options = ("--checkpoint", checkpoint, "--device", "cpu")
    assert run("predict", source, "--table", "--out", tmp_path / "plain", *options) == 1
    assert "6 photos measured" in (captured := capsys.readouterr()).out
    assert "mtcp predict: bad.jpg: not a picture" in captured.err

    dest = (tmp_path / "ray").as_uri()
    job, _ = many.prepare(source, dest, checkpoint)
    from mtcp.inference.predictor import Predictor

    next(
        many.plain_engine(Predictor(checkpoint, "cpu"))(job, [["a.png"]])
    )  # a run that stopped after one photo
    early = {path: Path(path).stat().st_mtime_ns for path in table.parts(job.dest, table.PHOTOS)}
    assert run("predict", source, "--engine", "ray", "--workers", 2, "--out", dest, *options) == 1
    captured = capsys.readouterr()
    assert "5 photos measured" in captured.out
    assert "by 2 workers, 1 bad, 1 skipped as done" in captured.out
    assert "mtcp predict: bad.jpg: not a picture" in captured.err
    assert not ray.is_initialized()

    same(rows_at(dest), rows_at(str(tmp_path / "plain")))
    assert rows_at(dest, table.BAD) == rows_at(str(tmp_path / "plain"), table.BAD)
    assert {row["threads"] for row in rows_at(dest) if row["photo"] != "a.png"} == {1}
    assert {row["checkpoint"] for row in rows_at(dest)} == {"tiny.safetensors"}
    assert all(Path(path).stat().st_mtime_ns == when for path, when in early.items())

    with mock.patch.object(ray, "init", side_effect=AssertionError("nothing is left to do")):
        assert run("predict", source, "--engine", "ray", "--workers", 2, "--out", dest, *options) == 1
    assert "0 photos measured, 0 bad, 7 skipped" in capsys.readouterr().out


def test_wrong_options_are_one_line(
    checkpoint: Path, memory: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = put(f"{memory}/in", PICTURES), f"{memory}/out"
    local = put(str(tmp_path / "in"), PICTURES)
    options = ("--checkpoint", checkpoint, "--device", "cpu")
    wrong = {
        "one folder or URL, 2 were given": (source, source, "--table", "--out", out),
        "see nothing there; use --engine plain": (source, "--engine", "ray", "--out", tmp_path / "o"),
        "give --workers": (local, "--engine", "ray", "--address", "auto", "--out", tmp_path / "o"),
        "--gpus -1": (local, "--engine", "ray", "--gpus", "-1", "--out", tmp_path / "o"),
        "cannot be reached": ("nosuch://x", "--table", "--out", out),
        "no pictures in it": (put(f"{memory}/empty", {"x.txt": b""}), "--table", "--out", out),
        "--out": (local, "--table", "--out", put(str(tmp_path), {"file": b""}) + "/file"),
    }
    for message, arguments in wrong.items():
        assert run("predict", *arguments, *options) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    with pytest.raises(SystemExit):
        run("predict", source, "--table", "--block", "0")
    assert "expected a whole number from 1" in capsys.readouterr().err


@pytest.mark.slow
def test_throughput_is_measured_over_all_photos(checkpoint: Path, tmp_path: Path) -> None:
    photo, result = tmp_path / "a.png", tmp_path / "many.json"
    photo.write_bytes(png())
    flags = [
        "--photos",
        "6",
        "--repeats",
        "2",
        "--workers",
        "",
        "--here",
        "--device",
        "cpu",
        "--json",
        str(result),
    ]
    threads = torch.get_num_threads()
    try:
        benchmark.main([*flags, "--photo", str(photo), "--checkpoint", str(checkpoint)])
    finally:
        torch.set_num_threads(threads)
    (row,) = json.loads(result.read_text())["rows"]
    assert (row["engine"], row["workers_used"], row["repeats"]) == ("plain", 1, 2)
    assert row["photo_s"] >= row["network_s"] > 0
    assert row["photos_per_s"] == pytest.approx(1 / row["seconds"], rel=1e-3)
    with pytest.raises(SystemExit):
        benchmark.main(["--photos", "4"])


def test_workers_that_do_not_fit_are_refused() -> None:
    from mtcp.batch.ray_engine import Pool, _check_room

    _check_room(Pool(2, 2, 0.5), {"CPU": 4, "GPU": 1})
    with pytest.raises(InputError, match=r"3 workers need 6 CPU, the cluster has 4: use fewer --workers"):
        _check_room(Pool(3, 2), {"CPU": 4})
    with pytest.raises(InputError, match="2 workers need 1 GPU, the cluster has 0"):
        _check_room(Pool(2, 1, 0.5), {"CPU": 4})
    assert [Pool(1, 1, gpus).device("auto") for gpus in (0, 0.5)] == ["cpu", "cuda"]


def test_jobs_and_places_cross_a_process_boundary() -> None:
    import pickle

    job = Job(open_place("memory://a/b"), open_place("/tmp/x"), "0", 60.0, (48, 64))
    again = pickle.loads(pickle.dumps(job))
    assert (again.source.root, again.dest.local, again.size) == (job.source.root, True, (48, 64))
    assert isinstance(again.source, Place)
    assert json.loads(json.dumps([job.fov_deg])) == [60.0]
