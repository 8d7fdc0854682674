"""A table of many photos opened for triage: ranked as triage ranks, and nothing else is believed to be one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ray_extra import require_extra

from mtcp.batch import table
from mtcp.batch.read import open_table
from mtcp.batch.storage import open_place
from mtcp.errors import InputError
from mtcp.evaluation.ranking import TriageRow, improved, mean, ranked
from mtcp.geometry.quantities import COHERENCE, FORMER_COLUMNS


@pytest.fixture(scope="module", autouse=True)
def extra() -> None:
    require_extra()


@pytest.fixture(scope="module")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[TriageRow]]:
    """A table of 60 made-up photos in three parts, with gaps and ties, and the same as rows of triage."""
    rng = np.random.default_rng(0)
    dest = open_place(str(tmp_path_factory.mktemp("numbered")))
    made: list[dict[str, Any]] = []
    for i in range(60):
        numbers: dict[str, Any] = {name: float(rng.integers(0, 20)) for name in table.REAL}
        for name in rng.choice(list(table.REAL)[6:], 12, replace=False):
            numbers[name] = None
        integers = {name: int(rng.integers(0, 9)) for name in table.WHOLE}
        made.append(
            {"photo": f"p{i:02}.jpg", "camera_from": "exif", "checkpoint": "c", **numbers, **integers}
        )
    for first in range(0, 60, 20):
        block = made[first : first + 20]
        table.write_block(dest, [one["photo"] for one in block], block, [])
    table.write_block(dest, ["no.jpg"], [], [{"path": "no.jpg", "message": "no.jpg: not a picture"}])
    order = table.column(dest, table.PHOTOS, "photo")
    by_name = {one["photo"]: one for one in made}
    rows = [
        TriageRow(
            name,
            *(
                {one.key: by_name[name][f"{stage}_{one.key}"] for one in COHERENCE}
                for stage in ("initial", "refined")
            ),
        )
        for name in order
    ]
    return dest.url, rows


@pytest.mark.parametrize("of", ["initial", "refined", "change"])
def test_a_table_ranks_as_triage_does(numbered: tuple[str, list[TriageRow]], of: str) -> None:
    url, rows = numbered
    found = open_table(url)
    assert (found.count, found.bad_count) == (60, 1)
    for quantity in COHERENCE[::4]:
        worst = found.worst(quantity, of, most=7)
        assert [row.name for row in worst] == [rows[i].name for i in ranked(rows, quantity, of)[:7]]
        assert found.mean(quantity, of) == pytest.approx(mean(rows, quantity.key, of))
        assert found.improved(quantity) == improved(rows, quantity)
    first = found.worst(COHERENCE[0], of)[0]
    twin = next(row for row in rows if row.name == first.name)
    assert (first.initial, first.refined) == (twin.initial, twin.refined)
    assert first.details["camera_from"] == "exif"
    (bad,) = found.unmeasured()
    assert (bad.name, bad.problem) == ("no.jpg", "no.jpg: not a picture")


def test_single_files_of_a_table_can_be_opened(numbered: tuple[str, list[TriageRow]]) -> None:
    dest = open_place(numbered[0])
    first, second, _ = table.parts(dest, table.PHOTOS)
    (bad,) = table.parts(dest, table.BAD)
    assert open_table(first).count == 20
    both = open_table([first, second, bad])
    assert (both.count, both.bad_count) == (40, 1)
    only_bad = open_table(bad)
    assert (only_bad.worst(COHERENCE[0]), only_bad.mean(COHERENCE[0])) == ([], None)


def test_without_trace_back_the_initial_numbers_rank(tmp_path: Path) -> None:
    key = COHERENCE[0].key
    rows = [{"photo": f"{i}.jpg", f"initial_{key}": float(i)} for i in range(3)]
    table.write_block(open_place(str(tmp_path)), ["x"], rows, [])
    found = open_table(tmp_path)
    assert [row.name for row in found.worst(COHERENCE[0])] == ["2.jpg", "1.jpg", "0.jpg"]
    assert found.worst(COHERENCE[0])[0].refined == {}
    assert found.mean(COHERENCE[0]) == 1.0


def test_a_table_of_version_1_opens_beside_one_of_today(tmp_path: Path) -> None:
    counts = [
        {"failures_fixed": 4, "failures_introduced": 2},
        {"failures_fixed": 1, "failures_introduced": 0},
    ]
    for i, count in enumerate(counts):
        row = {"photo": f"{i}.jpg", f"initial_{COHERENCE[0].key}": float(i), "failures_remaining": 7, **count}
        table.write_block(open_place(str(tmp_path / f"{i}")), [row["photo"]], [row], [])
    (old,) = (tmp_path / "0" / table.PHOTOS).iterdir()
    parquet = table.arrow().parquet
    known = parquet.read_table(old)
    former = {column: name for name, column in FORMER_COLUMNS.items()}
    parquet.write_table(known.rename_columns([former.get(name, name) for name in known.column_names]), old)
    assert "failures_mended" in parquet.read_schema(old).names
    for source in (tmp_path / "0", [tmp_path / "0", tmp_path / "1"]):
        found = open_table(source)
        rows = found.worst(COHERENCE[0])
        assert [row.name for row in rows] == ["1.jpg", "0.jpg"][-found.count :]
        for row in rows:
            assert row.details["failures_remaining"] == 7
            assert counts[int(row.name[0])].items() <= row.details.items()
        for column in ("failures_fixed", "failures_introduced"):
            assert found.column(column).tolist() == [count[column] for count in counts[: found.count]]


def test_no_rows_are_added_to_a_table_of_another_version(tmp_path: Path) -> None:
    dest = open_place(str(tmp_path))
    table.agree(dest, {"checkpoint": "c"})
    table.agree(dest, {"checkpoint": "c"})
    settings = tmp_path / table.SETTINGS
    settings.write_text(settings.read_text().replace(f'"version": {table.VERSION}', '"version": 1'))
    with pytest.raises(InputError, match="have version 1, this run 2; give another --out"):
        table.agree(dest, {"checkpoint": "c"})


def test_what_is_no_such_table_is_refused(tmp_path: Path, numbered: tuple[str, list[TriageRow]]) -> None:
    pa = table.arrow()
    with pytest.raises(InputError, match="no table there"):
        open_table(tmp_path)
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match=r"torn\.parquet: not a readable Parquet file"):
        open_table(tmp_path / "torn.parquet")
    pa.parquet.write_table(pa.table({"photo": ["a"]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match="no column camera_from"):
        open_table(tmp_path / "other.parquet")
    columns = {field.name: pa.nulls(2, field.type) for field in table.schema()}
    columns["initial_plane_rms_cm"] = pa.array(["<b>", "2"])
    pa.parquet.write_table(pa.table(columns), tmp_path / "text.parquet")
    with pytest.raises(InputError, match="column initial_plane_rms_cm is string"):
        open_table(tmp_path / "text.parquet")
    with pytest.raises(InputError, match="61 rows"):
        open_table(numbered[0], most_rows=50)
