"""The Triage tab: what is kept of each photo, the gallery, and its listeners without a browser."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from fake_predictor import FakePredictor
from PIL import Image

from app import session
from app.background_job import Progress
from app.tabs import triage_events
from app.tabs.triage import MOST, Triage, quantity
from app.views import triage as view
from mtcp.evaluation.ranking import TriageRow
from mtcp.geometry.quantities import COHERENCE, Quantity

ANGLE = COHERENCE[0]


@pytest.fixture(scope="module")
def tab() -> Triage:
    with gr.Blocks():
        return Triage.build()


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Three photos that differ in nothing but their name."""
    paths = [tmp_path / f"room {i}.jpg" for i in range(3)]
    for path in paths:
        Image.fromarray(np.full((60, 80, 3), 120, np.uint8)).save(path)
    return [str(path) for path in paths]


def settings(
    tab: Triage, files: list[str], entries: tuple[view.Entry, ...] = (), **more: Any
) -> dict[Any, Any]:
    values = {"number": ANGLE.key, "of": "refined"} | more
    return {
        tab.files: files,
        tab.entries: entries,
        tab.tables: (),
        tab.number: values["number"],
        tab.of: values["of"],
        tab.job.wanted: False,
        tab.job.tick: 7,
    }


def made(name: str, before: float | None, after: float | None) -> view.Entry:
    row = TriageRow(name, {ANGLE.key: before}, {ANGLE.key: after}, {"width_px": 80})
    return view.Entry(f"/uploads/{name}", row, "data:image/jpeg;base64,AA", "data:image/jpeg;base64,BB")


def test_an_entry_is_small_and_has_every_number(files: list[str]) -> None:
    kept = view.entry(session.analyse(FakePredictor(), files[0]), files[0])
    assert set(kept.row.initial) == set(kept.row.refined) == {one.key for one in COHERENCE}
    assert kept.row.initial[ANGLE.key] != kept.row.refined[ANGLE.key]
    assert kept.row.details["width_px"] == 80
    assert kept.row.details["camera_from"] == "assumed"
    assert {"failures_remaining", "failures_fixed", "failures_introduced"} <= set(kept.row.details)
    assert len(kept.photo) + len(kept.angles) < 40_000


def test_large_pictures_become_thumbnails() -> None:
    assert view.small(np.zeros((480, 640, 3), np.uint8)).shape == (180, 240, 3)


def test_files_are_analysed_one_by_one_and_bad_ones_do_not_stop_it(tab: Triage, files: list[str]) -> None:
    Path(files[1]).write_text("no picture")
    predictor, entries, seen = FakePredictor(), (), []
    now = triage_events.at(files, entries)
    assert (now.done, now.total, now.more) == (0, 3, True)
    while now.more:
        values, now = triage_events.analyse_next(
            tab, settings(tab, files, entries), predictor, session.no_truth
        )
        entries = values[tab.entries]
        seen.append(now)
    assert [p.done for p in seen] == [1, 2, 3]
    assert "room 1.jpg" in seen[0].label
    assert predictor.calls == 2
    assert [bool(one.row.problem) for one in entries] == [False, True, False]
    assert "1 file was left out" in values[tab.summary]
    assert "room 1.jpg: not a picture" in values[tab.summary]
    assert values[tab.gallery].count("<li") == 2
    assert str(Path(files[0]).parent) not in values[tab.gallery] + values[tab.summary]


def test_new_files_start_the_job_and_known_ones_are_not_run_again(tab: Triage, files: list[str]) -> None:
    started = triage_events.take(tab, settings(tab, files))
    assert started[tab.job.wanted] is True
    assert started[tab.job.tick] == 8
    known = tuple(view.Entry(path, TriageRow(Path(path).name, {ANGLE.key: 5.0})) for path in files)
    assert tab.job.tick not in triage_events.take(tab, settings(tab, files, known))
    less = triage_events.take(tab, settings(tab, files[:1], known))
    assert less[tab.entries] == known[:1]
    none = triage_events.take(tab, settings(tab, [], known))
    assert none[tab.entries] == ()
    assert none[tab.gallery] == none[tab.summary] == ""


def test_a_job_that_runs_is_not_started_twice(tab: Triage) -> None:
    begun = tab.job.begin({tab.job.wanted: True, tab.job.tick: 7}, Progress(1, 3, "", True))
    assert tab.job.tick not in begun


def test_too_many_photos_are_refused_by_number(tab: Triage, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(triage_events.gr, "Warning", lambda text, **_: said.append(text))
    entries = (made("a.jpg", 1, 2),)
    refused = triage_events.take(tab, settings(tab, [f"/uploads/{i}.jpg" for i in range(MOST + 13)], entries))
    assert f"{MOST + 13} photos" in said[0]
    assert f"at most {MOST}" in said[0]
    assert refused == {tab.files: ["/uploads/a.jpg"]}


def test_opening_runs_the_network_again(
    tab: Triage, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(triage_events.gr, "Warning", lambda text, **_: said.append(text))
    predictor = FakePredictor()
    entries = tuple(triage_events.examined(path, predictor) for path in files)
    analysis = triage_events.reopened(entries, 2, predictor)
    assert analysis is not None
    assert analysis.name == "room 2.jpg"
    assert predictor.calls == 4
    Path(files[2]).unlink()
    assert triage_events.reopened(entries, 2, predictor) is None
    assert triage_events.reopened(entries, 9, predictor) is None
    assert "room 2.jpg: no such file" in said[0]
    assert "drop it again" in said[1]


def test_cards_are_ranked_and_open_their_own_photo() -> None:
    entries = [made("good.jpg", 20, 5), made("unknown.jpg", None, None), made("bad.jpg", 30, 40)]
    entries.append(view.unreadable("/uploads/notes.txt", "notes.txt: not a picture"))
    shown = view.cards(entries, ANGLE, "refined")
    assert [shown.index(name) for name in ("bad.jpg", "good.jpg", "unknown.jpg")] == sorted(
        shown.index(name) for name in ("bad.jpg", "good.jpg", "unknown.jpg")
    )
    assert [int(part.split('"')[0]) for part in shown.split('data-open="')[1:]] == [2, 0, 1]
    assert "30.0°" in shown
    assert "40.0°" in shown
    by_initial = view.cards([*entries, made("worst.jpg", 60, 1)], ANGLE, "initial")
    assert by_initial.index("worst.jpg") < by_initial.index("bad.jpg")
    assert "notes.txt" not in shown
    assert view.cards([], ANGLE, "refined") == view.cards(entries[3:], ANGLE, "refined") == ""


def test_names_are_escaped() -> None:
    nasty = "<img src=x onerror=alert(1)>.jpg"
    shown = view.cards([made(nasty, 1, 2)], ANGLE, "refined")
    shown += view.problems([view.unreadable("x", f"{nasty}: no")]) + view.progress(0, 1, nasty)
    assert "<img src=x" not in shown


def test_the_summary_counts_what_trace_back_made_better() -> None:
    entries = [made("a", 20, 10), made("b", 20, 10), made("c", 20, 25), made("d", None, None)]
    said = view.summary(entries, ANGLE)
    assert "4 photos" in said
    assert "<b>15.0°</b> on average" in said
    assert "<b>2</b> of 3" in said
    assert "nothing could be measured" in view.summary([made("d", None, None)], ANGLE)


def test_without_trace_back_only_the_initial_number_is_shown(files: list[str]) -> None:
    kept = view.entry(session.analyse(FakePredictor(trace_back=False), files[0]), files[0])
    assert "mt-refined" not in view.before_after(kept.row, ANGLE)
    assert "better in" not in view.summary([kept], ANGLE)


def test_the_table_is_there_at_the_first_click_and_in_the_order_shown(tab: Triage) -> None:
    entries = (made("=good.jpg", 20, 5), made("bad.jpg", 30, 40), view.unreadable("/x/n.txt", "n.txt: no"))
    drawn = triage_events.redraw(tab, settings(tab, [one.path for one in entries], entries), entries)
    button = drawn[tab.table]
    assert button.interactive
    with Path(button.value if isinstance(button.value, str) else button.value["path"]).open(
        newline=""
    ) as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["bad.jpg", "'=good.jpg", "n.txt"]
    assert rows[0][f"refined_{ANGLE.key}"] == "40.0000"
    assert rows[2]["problem"] == "n.txt: no"
    assert not triage_events.redraw(tab, settings(tab, []), ())[tab.table].interactive


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (12.34, "deg", "12.3°"),
        (-0.5, "m", "\N{MINUS SIGN}0.500 m"),
        (-0.01, "%", "0.0 %"),
        (None, "cm", "&ndash;"),
    ],
)
def test_numbers_are_written_with_their_unit(value: float | None, unit: str, text: str) -> None:
    assert view.number(value, unit) == text


def test_changes_say_which_way_is_better() -> None:
    share = Quantity("share_pct", "Share", "%", higher_is_better=True)
    assert "worse" in view.change(10.0, 12.0, ANGLE)
    assert "better" in view.change(10.0, 12.0, share)
    assert view.change(10.0, 10.01, share) == "0.0 % equal"
    assert view.change(None, 1.0, share) == "&ndash;"
    assert quantity(ANGLE.key) is ANGLE
