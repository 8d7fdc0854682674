"""A table of `predict --table` dropped into the Triage tab: its worst rows, and what is refused."""

from __future__ import annotations

import ast
import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from ray_extra import require_extra

from app.tabs import triage_events, triage_table
from app.tabs.triage import Triage
from app.views import triage as view
from app.views import triage_table as table_view
from mtcp.batch import table
from mtcp.batch.read import open_table
from mtcp.batch.storage import open_place
from mtcp.evaluation.ranking import TriageRow
from mtcp.geometry.cause_names import TILTED, share_key
from mtcp.geometry.quantities import COHERENCE, INFORMATION

ANGLE, SHARE = COHERENCE[0], next(one for one in COHERENCE if one.higher_is_better)
COUNT = 6


@pytest.fixture(scope="module", autouse=True)
def extra() -> None:
    require_extra()


@pytest.fixture(scope="module")
def tab() -> Triage:
    with gr.Blocks():
        return Triage.build()


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The toasts."""
    toasts: list[str] = []
    monkeypatch.setattr(triage_events.gr, "Warning", lambda text, **_: toasts.append(text))
    return toasts


@pytest.fixture
def parts(tmp_path: Path) -> list[str]:
    """A table of six photos in two parts, and one bad file. Photo i has angle 10 i, refined to 12 i - 10."""
    dest = open_place(str(tmp_path))
    for first in (0, COUNT // 2):
        rows = [made(i) for i in range(first, first + COUNT // 2)]
        table.write_block(dest, [row["photo"] for row in rows], rows, [])
    table.write_block(dest, ["x"], [], [{"path": "no.jpg", "message": "no.jpg: not a <b>picture</b>"}])
    return [*table.parts(dest, table.PHOTOS), *table.parts(dest, table.BAD)]


def made(i: int) -> dict[str, Any]:
    angles = {f"initial_{ANGLE.key}": 10.0 * i, f"refined_{ANGLE.key}": 12.0 * i - 10}
    shares = {f"initial_{SHARE.key}": 50.0, f"refined_{SHARE.key}": 10.0 * i + 1}
    facts = {"width_px": 640, "height_px": 480, "field_of_view_deg": 60.0, "failures_remaining": i}
    shares[share_key(TILTED)] = 10.0 - i
    unlike = {"unlike": "so it <is>", INFORMATION.key: 1.0} if i == 1 else {INFORMATION.key: 4.0 + i}
    return {
        "photo": f"<hall>/{i}.jpg",
        "checkpoint": "lite.safetensors",
        **facts,
        **angles,
        **shares,
        **unlike,
    }


def settings(tab: Triage, files: Sequence[str], **more: Any) -> dict[Any, Any]:
    values = {"number": ANGLE.key, "of": "refined", "entries": (), "tables": (), "wanted": False} | more
    return {
        tab.files: list(files),
        tab.entries: values["entries"],
        tab.tables: values["tables"],
        tab.number: values["number"],
        tab.of: values["of"],
        tab.job.wanted: values["wanted"],
        tab.job.tick: 7,
        tab.fov: "",
        tab.seen_through: None,
        tab.seen_by: "",
        tab.scatter.chosen: values.get("chosen", ()),
        tab.scatter.up: ANGLE.key,
        tab.scatter.across: share_key(TILTED),
    }


def order(shown: str) -> list[int]:
    """The photos of a listing, as they come."""
    return [int(piece[0]) for piece in shown.split("&lt;hall&gt;/")[1:]]


def saved(drawn: dict[Any, Any], tab: Triage) -> list[dict[str, str]]:
    value = drawn[tab.table].value
    with Path(value if isinstance(value, str) else value["path"]).open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_takes_the_place_of_photos(tab: Triage, parts: list[str], said: list[str]) -> None:
    before = (view.Entry("/gone/a.jpg", TriageRow("a.jpg", {ANGLE.key: 1.0})),)
    drawn = triage_events.take(tab, settings(tab, parts, entries=before, wanted=True))
    assert drawn[tab.tables] == tuple(parts)
    assert drawn[tab.entries] == ()
    assert drawn[tab.job.wanted] is False
    assert "<b>6 photos</b> and <b>1 bad file</b>" in drawn[tab.summary]
    assert "<b>20.0°</b> on average (25.0° initially)" in drawn[tab.summary]
    assert "better in <b>5</b> of 6" in drawn[tab.summary]  # 12 i - 10 < 10 i where i < 5
    assert "drop that photo" in drawn[tab.summary]
    assert order(drawn[tab.gallery]) == [5, 4, 3, 2, 1, 0]
    assert "640 x 480" in drawn[tab.gallery]
    assert "lite.safetensors" in drawn[tab.gallery]
    assert "no.jpg: not a &lt;b&gt;picture" in drawn[tab.gallery]
    assert "data-open" not in drawn[tab.gallery]
    assert "<img" not in drawn[tab.gallery]
    assert not said
    assert [row["file"] for row in saved(drawn, tab)][-2:] == ["<hall>/0.jpg", "no.jpg"]


@pytest.mark.parametrize(
    ("number", "of", "first"),
    [
        (ANGLE.key, "initial", [5, 4, 3]),
        (ANGLE.key, "change", [5, 4, 3]),
        (SHARE.key, "refined", [0, 1, 2]),
        (SHARE.key, "initial", None),
    ],
)
def test_another_number_or_stage_ranks_anew(
    tab: Triage, parts: list[str], number: str, of: str, first: list[int] | None
) -> None:
    drawn = triage_events.redraw(tab, settings(tab, parts, tables=tuple(parts), number=number, of=of), ())
    shown = order(drawn[tab.gallery])
    assert sorted(shown) == list(range(COUNT))
    assert first is None or shown[:3] == first
    assert [int(row["file"][7]) for row in saved(drawn, tab)[:-1]] == shown
    assert view.help_line(triage_events.quantity(number)) == drawn[tab.note]


def test_only_the_worst_of_a_large_table_are_shown_and_it_says_so(parts: list[str]) -> None:
    seen = table_view.look(open_table(parts), ANGLE, "refined", most=2)
    shown = table_view.listing(seen, ANGLE, "refined")
    assert order(shown) == [5, 4]
    assert "The 2 of 6 photos that are worst after the refinement." in shown
    more = view.left_out([TriageRow("a", problem="a: no")], 3000)
    assert "3,000 files were left out, the first 1 are listed" in more


def test_a_table_of_bad_files_alone_is_shown_too(tab: Triage, parts: list[str]) -> None:
    drawn = triage_events.take(tab, settings(tab, parts[-1:]))
    assert "<b>0 photos</b> and <b>1 bad file</b>: it has no numbers." in drawn[tab.summary]
    assert "no.jpg" in drawn[tab.gallery]


def test_without_trace_back_the_other_columns_stay_empty(tab: Triage, tmp_path: Path) -> None:
    dest = open_place(str(tmp_path))
    table.write_block(dest, ["x"], [{"photo": "a.jpg", f"initial_{ANGLE.key}": 7.0}], [])
    drawn = triage_events.take(tab, settings(tab, table.parts(dest, table.PHOTOS)))
    assert "<b>7.0°</b> on average." in drawn[tab.summary]
    assert "<td>7.0°</td><td>&ndash;</td><td>&ndash;</td>" in drawn[tab.gallery]


def test_a_foreign_or_damaged_file_is_a_toast_and_nothing_is_lost(
    tab: Triage, parts: list[str], tmp_path: Path, said: list[str]
) -> None:
    foreign, torn = tmp_path / "foreign.parquet", tmp_path / "torn.PARQUET"
    pa = table.arrow()
    pa.parquet.write_table(pa.table({"photo": ["a"]}), foreign)
    content = Path(parts[0]).read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    torn.write_bytes(
        content[:4] + bytes(footer - 4) + content[footer:]
    )  # says all the right things, has no rows
    for bad in (foreign, torn):
        kept = triage_events.take(tab, settings(tab, [*parts, str(bad)], tables=tuple(parts)))
        assert kept == {tab.files: parts}
        assert triage_events.take(tab, settings(tab, [str(bad)])) == {tab.files: None}
    assert "foreign.parquet: not a table of" in said[0]
    assert "a part is damaged" in said[2]
    assert str(tmp_path) not in "".join(said)


def test_too_large_is_a_toast(
    tab: Triage, parts: list[str], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triage_table, "MOST_ROWS", 5)
    assert triage_events.take(tab, settings(tab, parts)) == {tab.files: None}
    assert "7 rows" in said[0]
    assert "at most 5 rows" in said[0]
    monkeypatch.setattr(triage_table, "MOST_FILES", 2)
    assert triage_events.take(tab, settings(tab, parts)) == {tab.files: None}
    assert "3 files are too many" in said[1]
    assert str(Path(parts[0]).parent) not in "".join(said)


def test_photos_and_a_table_are_not_mixed(tab: Triage, parts: list[str], said: list[str]) -> None:
    photos = ["/uploads/a.jpg", "/uploads/b.jpg"]
    went_on = triage_events.take(tab, settings(tab, [photos[0], *parts, photos[1]]))
    assert went_on[tab.files] == photos
    assert went_on[tab.job.wanted] is True
    assert went_on[tab.tables] == ()
    shown = triage_events.take(tab, settings(tab, [*parts, *photos], tables=tuple(parts)))
    assert shown[tab.files] == parts
    assert order(shown[tab.gallery]) == [5, 4, 3, 2, 1, 0]
    assert len(said) == 2
    assert all("clear the files" in toast for toast in said)


def test_a_cleared_box_shows_nothing_and_photos_can_follow(tab: Triage, parts: list[str]) -> None:
    cleared = triage_events.take(tab, settings(tab, [], tables=tuple(parts)))
    assert cleared[tab.tables] == ()
    assert cleared[tab.summary] == cleared[tab.gallery] == ""
    after = triage_events.take(tab, settings(tab, ["/uploads/a.jpg"], tables=tuple(parts)))
    assert after[tab.job.wanted] is True


def test_a_step_that_was_under_way_leaves_the_table_in_sight(tab: Triage, parts: list[str]) -> None:
    entries = (view.Entry("/gone/a.jpg", TriageRow("a.jpg", {ANGLE.key: 1.0})),)
    data = settings(tab, parts, tables=tuple(parts), entries=entries, wanted=True)
    values, now = triage_events.analyse_next(tab, data, None, None)  # type: ignore[arg-type]
    assert order(values[tab.gallery])[0] == 5
    assert values[tab.entries] == ()
    assert not now.more


def test_an_upload_that_is_gone_leaves_what_is_shown(tab: Triage, parts: list[str], said: list[str]) -> None:
    Path(parts[0]).unlink()
    assert triage_events.redraw(tab, settings(tab, parts, tables=tuple(parts)), ()) == {}
    assert "drop it again" in said[0]
    assert str(Path(parts[0]).parent) not in said[0]


def test_without_pyarrow_a_toast_says_what_to_install(
    tab: Triage, parts: list[str], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert triage_events.take(tab, settings(tab, parts)) == {tab.files: None}
    assert "mtcp-explorer[table]" in said[0]


def test_nothing_imports_pyarrow_before_a_table_is_opened() -> None:
    """The page must start without it, so no module of it may name it at its top level."""
    root = Path(__file__).parents[1]
    files = [path for folder in ("app", "mtcp") for path in (root / folder).rglob("*.py")]
    assert len(files) > 100
    for path in files:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] in ("pyarrow", "ray") for name in names), path


def test_a_table_has_causes_the_note_and_a_scatter_whose_selection_lists_rows(
    tab: Triage, parts: list[str], said: list[str]
) -> None:
    number = share_key(TILTED)
    drawn = triage_events.redraw(
        tab, settings(tab, parts, tables=tuple(parts), number=number, of="change"), ()
    )
    assert order(drawn[tab.gallery])[0] == 0  # 10 % of it fail for a tilted surface
    assert "10.0 %" in drawn[tab.gallery]
    assert drawn[tab.gallery].count("This photo is unlike those of training: so it &lt;is&gt;.") == 1
    figure = json.loads(drawn[tab.scatter.plot])
    points = {
        name: place
        for one in figure["data"]
        for name, place in zip(one["text"], one["customdata"], strict=True)
    }
    assert len(points) == COUNT and set(points.values()) == set(range(COUNT))
    assert [len(one["x"]) for one in figure["data"]] == [COUNT - 1, 1]
    wanted = (2, 5)
    chosen = tuple(points[f"&lt;hall&gt;/{i}.jpg"] for i in wanted)
    brushed = triage_events.redraw(tab, settings(tab, parts, tables=tuple(parts), chosen=chosen), ())
    assert sorted(order(brushed[tab.gallery])) == list(wanted)
    assert "2 of the 2 selected photos" in brushed[tab.gallery]
    assert [row["file"] for row in saved(brushed, tab)][:2] == [f"<hall>/{i}.jpg" for i in (5, 2)]
    assert not said


def test_an_older_table_has_neither_causes_nor_class_information(tmp_path: Path) -> None:
    dest = open_place(str(tmp_path))
    table.write_block(dest, ["a"], [{"photo": "a.jpg"}], [])
    (part,) = table.parts(dest, table.PHOTOS)
    import pyarrow.parquet as pq

    older = pq.read_table(part).drop_columns([*table.NEWER_REAL, *table.NEWER_TEXT])
    pq.write_table(older, part)
    opened = open_table([part])
    assert np.isnan(opened.values(INFORMATION)).all()
    (row,) = opened.worst(INFORMATION)
    assert set(row.photo.values()) == {None}
    assert table_view.points(opened, INFORMATION, ANGLE, "refined").known == 0
