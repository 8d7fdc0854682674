"""From a photo file to a Run, and from a Run to a zip."""

from __future__ import annotations

import pickle
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fake_predictor import FakePredictor
from PIL import Image

from app import gpu, session
from mtcp.errors import InputError
from mtcp.io.photo import shrink

ORIENTATION, EXIF_IFD, FOCAL35 = 0x0112, 0x8769, 0xA405


def photo_file(path: Path, size: tuple[int, int], exif: Image.Exif | None = None) -> Path:
    """A grey picture file of `size` (width, height), with a bright upper left corner."""
    array = np.full((size[1], size[0], 3), 90, np.uint8)
    array[: size[1] // 4, : size[0] // 4] = 250
    Image.fromarray(array).save(path, exif=exif if exif is not None else Image.Exif(), quality=95)
    return path


def test_exif_turns_the_photo_and_gives_the_lens(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # turn by 90 degrees clockwise to see it upright
    exif.get_ifd(EXIF_IFD)[FOCAL35] = 26
    analysis = session.analyse(FakePredictor(), photo_file(tmp_path / "phone.jpg", (80, 60), exif))
    assert analysis.photo.shape == (80, 60, 3)
    assert analysis.original == (80, 60)
    assert analysis.photo[:10, -10:].mean() > 200  # the upper left corner is now the upper right
    assert analysis.prediction.camera_from == "exif"
    diagonal = np.hypot(60, 80)
    assert analysis.prediction.camera.fx == pytest.approx(26 / np.hypot(36, 24) * diagonal)


def test_large_photos_are_worked_at_in_a_smaller_size(tmp_path: Path) -> None:
    analysis = session.analyse(FakePredictor(), photo_file(tmp_path / "large.jpg", (2100, 1050)))
    assert analysis.original == (1050, 2100)
    assert analysis.prediction.size == analysis.photo.shape[:2] == (512, 1024)
    assert analysis.photo[:100, :200].mean() > 245


def test_small_photos_stay_as_they_are() -> None:
    photo = np.zeros((30, 40, 3), np.uint8)
    assert shrink(photo, 1024) is photo
    assert shrink(np.zeros((1, 5000, 3), np.uint8), 1000).shape == (1, 1000, 3)
    assert shrink(np.zeros((5000, 20, 3), np.uint8), 1000).shape == (1000, 8, 3)  # not too small for a photo


@pytest.mark.parametrize(("name", "message"), [("notes.jpg", "notes.jpg"), ("no\ttes.jpg", "no\\ttes.jpg")])
def test_unusable_file_is_named_without_its_folder(tmp_path: Path, name: str, message: str) -> None:
    bad = tmp_path / name
    bad.write_text("no picture")
    with pytest.raises(InputError, match=f"^{re.escape(message)}: not a picture"):
        session.analyse(FakePredictor(), bad)


def test_archive_holds_what_predict_writes(tmp_path: Path) -> None:
    analysis = session.analyse(FakePredictor(), photo_file(tmp_path / "my room.png", (80, 60)))
    first, second = (session.archive(analysis, tmp_path / "cache") for _ in range(2))
    assert first.name == second.name == "my room.zip"
    assert first != second
    with zipfile.ZipFile(first) as packed, packed.open("my room.npz") as npz:
        assert packed.testzip() is None
        names = set(packed.namelist())
        stored = np.load(npz)
        np.testing.assert_array_equal(stored["depth_refined"], analysis.prediction.refined["depth"])
        assert set(stored) >= {
            f"{task}_{stage}" for task in analysis.prediction.tasks for stage in ("initial", "refined")
        }
    assert {"my room_semseg_initial.png", "my room_normals_refined.png"} <= names


def test_run_is_frozen_and_crosses_processes(tmp_path: Path) -> None:
    analysis = session.analyse(FakePredictor(), photo_file(tmp_path / "a.png", (80, 60)))
    with pytest.raises(AttributeError):
        analysis.name = "b"  # type: ignore[misc]
    again = pickle.loads(pickle.dumps(analysis))
    np.testing.assert_array_equal(again.prediction.refined["depth"], analysis.prediction.refined["depth"])


@pytest.mark.parametrize(
    ("name", "known"), [("a.JPG", True), ("a.webp", True), ("a.heic", False), ("a.tif", False)]
)
def test_which_files_a_browser_draws(tmp_path: Path, name: str, known: bool) -> None:
    analysis = session.analyse(FakePredictor(), photo_file(tmp_path / "a.png", (80, 60)))
    renamed = session.Analysis(analysis.photo, analysis.prediction, name, analysis.original)
    assert renamed.browser_knows is known


def test_gpu_is_borrowed_only_where_it_is_lent(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = FakePredictor()
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    assert gpu.borrowed(predictor) is predictor


def test_a_gpu_is_asked_for_as_long_as_the_latest_calls_took(monkeypatch: pytest.MonkeyPatch) -> None:
    took, clock = iter([2.0, 9.0, 40.0, *[0.1] * 6]), [0.0]
    asked: list[int] = []

    def lend(duration: Callable[..., int]) -> Callable[..., Any]:
        def lent(photo: str) -> str:
            asked.append(duration(photo))
            clock[0] += next(took)
            return photo

        return lambda function: lent

    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=lend))
    monkeypatch.setattr(gpu.time, "monotonic", lambda: clock[0])
    call = gpu.borrowed(lambda photo: photo)
    assert [call(str(n)) for n in range(9)] == [str(n) for n in range(9)]
    # nothing known; 2 x 2; 2 x 9; then 40 is among the last five
    assert asked == [30, 5, 18, *[30] * 5, 5]
