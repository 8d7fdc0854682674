"""That geometry does not hold for a panorama is a fact of the photo, and every view with geometry in it says so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from fake_predictor import FakePredictor
from PIL import ExifTags, Image

from app import session
from app.session import Analysis
from app.views import cloud, coherence_change, page, predictions, triage, triage_table
from mtcp.__main__ import main
from mtcp.batch.measure import measure_block
from mtcp.cli.predict import summary
from mtcp.evaluation.ranking import to_csv
from mtcp.geometry.camera import Camera
from mtcp.geometry.quantities import COHERENCE
from mtcp.inference.write import arrays
from mtcp.tasks import task_set

NOTE = "2.50 times as wide as high: if it is a panorama, coherence and 3D take it for a pinhole picture"


def analysed(folder: Path, size: tuple[int, int], exif: Image.Exif | None = None) -> Analysis:
    path = folder / f"{size[0]}.jpg"
    Image.new("RGB", size, (90, 120, 90)).save(path, exif=Image.Exif() if exif is None else exif)
    return session.analyse(FakePredictor(), path)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return analysed(tmp_path_factory.mktemp("wide"), (250, 100))


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return analysed(tmp_path_factory.mktemp("usual"), (80, 60))


def everywhere(run: Analysis) -> dict[str, str]:
    note, quantity = run.prediction, COHERENCE[0]
    one = triage.entry(run, "x.jpg")
    seen = triage_table.TableShown(1, 0, 1.0, 1.0, (0, 0), [one.row], [])
    assert run.coherence is not None
    return {
        "header": page.header("c", "cpu", note),
        "coherence": coherence_change.headline(run),
        "3D": cloud.legend(run, "photo", cloud.shape(run, 100)),
        "cards": triage.cards([one], quantity, "refined"),
        "csv": to_csv([one.row], COHERENCE),
        "table": triage_table.listing(seen, quantity, "refined"),
        "endpoint": json.dumps(predictions.summary(run, task_set("nyud", note.tasks))),
        "report": json.dumps(run.coherence.to_dict()),
        "predict": summary(note),
    }


def test_every_view_says_it(wide: Analysis, usual: Analysis) -> None:
    assert [name for name, text in everywhere(wide).items() if NOTE[1:] not in text] == []
    assert [
        name for name, text in everywhere(usual).items() if "panorama" in text or "mt-caveat" in text
    ] == []


def test_another_field_of_view_does_not_silence_it(wide: Analysis) -> None:
    seen = wide.with_camera(Camera.from_fov(250, 100, 90))
    assert "panorama" in coherence_change.headline(seen)
    assert seen.coherence is not None and seen.coherence.note == wide.prediction.geometry_note


def test_the_command_line_says_it_of_an_npz(
    wide: Analysis, usual: Analysis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for run, pinhole, expected in (
        (wide, None, "if it is a panorama"),
        (usual, False, "no pinhole picture"),
        (usual, None, ""),
    ):
        more = {} if pinhole is None else {"pinhole": np.array(pinhole)}
        np.savez(tmp_path / "a.npz", **(arrays(run.prediction) | {"pinhole": np.array(True)} | more))
        assert main(["coherence", str(tmp_path / "a.npz"), "--json", str(tmp_path / "a.json")]) == 0
        note = json.loads((tmp_path / "a.json").read_text())["note"]
        assert (expected in note) if expected else note == ""
        assert (f"note: {note}" in capsys.readouterr().out) == bool(expected)
    np.savez(tmp_path / "a.npz", **arrays(usual.prediction), pinhole=np.zeros(3))
    assert main(["coherence", str(tmp_path / "a.npz")]) == 2
    assert "a.npz: pinhole is float64 (3,)" in capsys.readouterr().err


def test_the_npz_keeps_it(wide: Analysis, usual: Analysis) -> None:
    assert arrays(wide.prediction)["pinhole"] == np.array(False)
    assert "pinhole" not in arrays(usual.prediction)


def test_tables_of_many_photos_have_it(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    from mtcp.batch.measure import Job
    from mtcp.batch.read import open_table
    from mtcp.batch.storage import open_place

    for width in (250, 130):
        Image.new("RGB", (width, 100), (90, 120, 90)).save(tmp_path / f"{width}.png")

    def predict(photo: np.ndarray, fov: float | None, **more: object) -> object:
        return FakePredictor()(photo, **more)  # type: ignore[arg-type]

    job = Job(open_place(str(tmp_path)), open_place(str(tmp_path / "out")), "0" * 64)
    assert measure_block(predict, job, ["250.png", "130.png"]).photos == 2  # type: ignore[arg-type]
    rows = {row.name: row for row in open_table(tmp_path / "out").worst(COHERENCE[0])}
    assert str(rows["250.png"].details["geometry_note"]).startswith(NOTE)
    assert not rows["130.png"].details.get("geometry_note")
    for part in (tmp_path / "out" / "photos").iterdir():
        forget(part, ["geometry_note"])
    assert len(open_table(tmp_path / "out").worst(COHERENCE[0])) == 2  # a table from before there were notes


def forget(part: Path, columns: Sequence[str]) -> None:
    import pyarrow.parquet as parquet

    parquet.write_table(parquet.read_table(part).drop_columns(list(columns)), part)


def test_the_page_says_where_the_field_of_view_comes_from(tmp_path: Path, usual: Analysis) -> None:
    exif = Image.Exif()
    lens = {"FocalLength": 18.0, "FocalPlaneXResolution": 300 / 2.35, "FocalPlaneResolutionUnit": 3}
    exif.get_ifd(ExifTags.IFD.Exif).update({ExifTags.Base[key]: value for key, value in lens.items()})
    run = analysed(tmp_path, (300, 200), exif)
    assert "66° across (from EXIF: 18 mm on a sensor 23.5 mm wide)" in page.photo_facts(run)
    assert "given)" in page.photo_facts(run.with_camera(run.prediction.camera))
    assert "60° across (assumed)" in page.photo_facts(usual)
