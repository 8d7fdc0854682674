"""The Triage tab: what is kept of each photo, the gallery, and its listeners without a browser."""

from __future__ import annotations

import base64
import csv
import io
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from fake_predictor import FakePredictor, Tilts
from PIL import Image
from served import MARK, Served, served

from app import session
from app.background_job import Progress
from app.tabs import triage_entries, triage_events, triage_scatter
from app.tabs.triage import MOST, Triage, quantity
from app.views import coherence_change, outlines
from app.views import triage as view
from app.views import triage_scatter as scatter_view
from mtcp.errors import InputError
from mtcp.evaluation.ranking import TriageRow
from mtcp.geometry.cause_names import ROUGH_DEPTH, TILTED, UNLIKE, share_key
from mtcp.geometry.cause_shares import of_last_stage, worst_failure
from mtcp.geometry.quantities import CAUSE_SHARES, COHERENCE, INFORMATION, OF_PHOTO, RANKED, Quantity
from mtcp.inference.prediction import Prediction
from mtcp.io.photo_facts import PhotoFacts

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
    values = {"number": ANGLE.key, "of": "refined", "fov": "", "through": None, "chosen": ()} | more
    scatter = tab.scatter
    return {
        tab.fov: values["fov"],
        tab.seen_through: values["through"],
        tab.seen_by: values.get("by", ""),
        scatter.chosen: values["chosen"],
        scatter.up: values.get("up", ANGLE.key),
        scatter.across: values.get("across", INFORMATION.key),
        tab.files: files,
        tab.entries: entries,
        tab.tables: (),
        tab.number: values["number"],
        tab.of: values["of"],
        tab.job.wanted: False,
        tab.job.tick: 7,
    }


def made(name: str, before: float | None, after: float | None) -> view.Entry:
    photo = {INFORMATION.key: before, share_key(ROUGH_DEPTH): after, share_key(TILTED): before}
    row = TriageRow(name, {ANGLE.key: before}, {ANGLE.key: after}, {"width_px": 80}, photo=photo)
    return view.Entry(f"/uploads/{name}", row, "data:image/jpeg;base64,AA", "data:image/jpeg;base64,BB")


def test_an_entry_is_small_and_has_every_number(files: list[str]) -> None:
    kept = view.entry(session.analyse(FakePredictor(), files[0]), files[0])
    assert set(kept.row.initial) == set(kept.row.refined) == {one.key for one in COHERENCE}
    assert kept.row.initial[ANGLE.key] != kept.row.refined[ANGLE.key]
    assert kept.row.details["width_px"] == 80
    assert kept.row.details["camera_from"] == "assumed"
    assert {"failures_remaining", "failures_introduced", "failures_reduced", "failures_fixed"} <= set(
        kept.row.details
    )
    assert set(kept.row.photo) == {one.key for one in OF_PHOTO}
    assert len(kept.photo) + len(kept.angles) < 40_000


def test_large_pictures_become_thumbnails() -> None:
    assert view.small(np.zeros((480, 640, 3), np.uint8)).shape == (180, 240, 3)


def test_files_are_analysed_one_by_one_and_bad_ones_do_not_stop_it(tab: Triage, files: list[str]) -> None:
    Path(files[1]).write_text("no picture")
    predictor, entries, seen = FakePredictor(), (), []
    now = triage_entries.at(files, entries)
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
    assert none[tab.scatter.box].visible is False


def test_a_job_that_runs_is_not_started_twice(tab: Triage) -> None:
    begun = tab.job.begin({tab.job.wanted: True, tab.job.tick: 7}, Progress(1, 3, "", True))
    assert tab.job.tick not in begun


def test_too_many_photos_are_refused_by_number(tab: Triage, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda text, **_: said.append(text))
    entries = (made("a.jpg", 1, 2),)
    refused = triage_events.take(tab, settings(tab, [f"/uploads/{i}.jpg" for i in range(MOST + 13)], entries))
    assert f"{MOST + 13} photos" in said[0]
    assert f"at most {MOST}" in said[0]
    assert refused == {tab.files: ["/uploads/a.jpg"]}


def test_opening_runs_the_network_again(
    tab: Triage, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda text, **_: said.append(text))
    predictor = FakePredictor()
    entries = tuple(triage_entries.examined(path, predictor) for path in files)
    analysis = triage_entries.reopened(entries, 2, predictor)
    assert analysis is not None
    assert analysis.name == "room 2.jpg"
    assert predictor.calls == 4
    Path(files[2]).unlink()
    assert triage_entries.reopened(entries, 2, predictor) is None
    assert triage_entries.reopened(entries, 9, predictor) is None
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


def exported(button: gr.DownloadButton) -> list[dict[str, str]]:
    """The rows of the CSV that a button saves."""
    path = Path(button.value if isinstance(button.value, str) else button.value["path"])
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_is_there_at_the_first_click_and_in_the_order_shown(tab: Triage) -> None:
    entries = (made("=good.jpg", 20, 5), made("bad.jpg", 30, 40), view.unreadable("/x/n.txt", "n.txt: no"))
    drawn = triage_events.redraw(tab, settings(tab, [one.path for one in entries], entries), entries)
    button = drawn[tab.table]
    assert button.interactive
    rows = exported(button)
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


# Whole thumbnails, causes, the note, one field of view


def painted(shape: tuple[int, int], path: Path) -> str:
    Image.fromarray(np.full((*shape, 3), 120, np.uint8)).save(path)
    return str(path)


def thumbnail(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def test_a_thumbnail_is_the_whole_photo_with_the_worst_failure_outlined(tmp_path: Path) -> None:
    path = painted((40, 160), tmp_path / "wide.png")
    analysis = session.analyse(Tilts(), path)
    drawn = thumbnail(view.entry(analysis, path).photo)
    assert drawn.shape[1] / drawn.shape[0] == pytest.approx(4, rel=0.05)
    worst = worst_failure(analysis.failures)
    assert worst is not None and worst.found_in == "refined"
    rose = np.abs(drawn.astype(int) - outlines.CHOSEN).sum(-1) < 90
    x0, y0, x1, y1 = worst.region.scaled_box((drawn.shape[0], drawn.shape[1]))
    assert rose[max(0, y0 - 4) : y1 + 4, max(0, x0 - 4) : x1 + 4].sum() == rose.sum() > 20
    assert f"{worst.share_pct:.1f} % of the picture: {worst.cause.name}" in view.entry(analysis, path).worst


def test_photos_are_ranked_by_the_area_that_fails_for_a_cause() -> None:
    entries = [made("little.jpg", 5, 1), made("much.jpg", 1, 9), made("unknown.jpg", 3, None)]
    rough, tilted = (
        next(one for one in CAUSE_SHARES if one.key == share_key(name)) for name in (ROUGH_DEPTH, TILTED)
    )
    assert view.order(entries, rough, "refined") == [1, 0, 2]
    for of in view.STAGES:  # a photo has one number, whatever is taken of the others
        assert view.order(entries, tilted, of) == [0, 2, 1]
    assert "9.0 %" in view.cards(entries, rough, "initial")
    assert "Share of the picture that fails" in view.help_line(rough)
    assert view.order(entries, INFORMATION, "change") == [1, 2, 0]  # the least alike first
    assert dict(view.choices()).keys() >= {one.title for one in (*OF_PHOTO, *COHERENCE)}
    assert "better in" not in view.summary(entries, rough)


def test_the_causes_numbers_add_up_to_what_fails(files: list[str]) -> None:
    analysis = session.analyse(Tilts(), files[0])
    assert analysis.failures
    numbers = view.entry(analysis, files[0]).row.photo
    assert sum(numbers[one.key] or 0 for one in CAUSE_SHARES) == pytest.approx(
        sum(failure.share_pct for failure in of_last_stage(analysis.failures))
    )


class Unlike(Tilts):
    """Says of every photo that it is unlike those of training."""

    def __call__(self, photo: np.ndarray, *, facts: PhotoFacts | None = None) -> Prediction:
        return replace(
            super().__call__(photo, facts=facts), information=1.25, unlike="its <b>information</b> is 1.25"
        )


def test_a_photo_unlike_training_says_so_in_its_card_in_coherence_and_in_every_cause(
    files: list[str],
) -> None:
    analysis = session.analyse(Unlike(), files[0])
    kept = view.entry(analysis, files[0])
    said = "This photo is unlike those of training: its &lt;b&gt;information&lt;/b&gt; is 1.25."
    assert said in view.cards([kept], ANGLE, "refined")
    assert said in coherence_change.headline(analysis)
    assert {failure.cause.name for failure in analysis.failures} == {UNLIKE}
    assert kept.row.photo[INFORMATION.key] == 1.25
    like = session.analyse(FakePredictor(), files[0])
    assert "unlike" not in view.cards([view.entry(like, files[0])], ANGLE, "refined")
    assert "unlike" not in coherence_change.headline(like)


def test_one_field_of_view_is_that_of_all_photos_and_of_those_opened(tab: Triage, files: list[str]) -> None:
    predictor = FakePredictor()
    entries = tuple(triage_entries.examined(path, predictor) for path in files)
    asked = triage_events.seen_through(tab, settings(tab, files, entries, fov=" 90° "))
    assert asked[tab.seen_through] == 90
    assert asked[tab.entries] == ()
    assert asked[tab.job.wanted] is True
    now, seen = asked[tab.entries], settings(tab, files, (), through=90.0)
    for _ in files:
        values, _ = triage_events.analyse_next(tab, {**seen, tab.entries: now}, predictor, session.no_truth)
        now = values[tab.entries]
    assert [one.row.details["field_of_view_deg"] for one in now] == [90, 90, 90]
    assert [one.row.details["camera_from"] for one in now] == ["given"] * 3
    assert now[0].row.initial[ANGLE.key] != entries[0].row.initial[ANGLE.key]
    opened = triage_entries.reopened(now, 1, predictor)
    assert opened is not None and opened.prediction.camera.fov_deg == pytest.approx(90)
    back = triage_events.seen_through(tab, settings(tab, files, now, fov=" ", through=90.0))
    assert back[tab.seen_through] is None and back[tab.job.wanted] is True
    same = triage_events.seen_through(tab, settings(tab, files, now, fov="90", through=90.0))
    assert tab.job.wanted not in same and tab.entries not in same


def test_an_impossible_field_of_view_is_refused_and_the_one_in_force_shown(
    tab: Triage, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda text, **_: said.append(text))
    for typed, words in (("179", "field of view 179 degrees"), ("wide", "wide&#x27;: give"), ("nan", "nan")):
        assert triage_events.seen_through(tab, settings(tab, files, fov=typed, through=70.0)) == {
            tab.fov: "70"
        }
        assert words in said[-1]
    of_table = {**settings(tab, files, fov="80"), tab.tables: ("a.parquet",)}
    assert triage_events.seen_through(tab, of_table) == {tab.fov: ""}
    assert "table" in said[-1]


# Several networks


def analysed(
    tab: Triage, data: dict[Any, Any], predictor: FakePredictor
) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """What the tab holds, and what was drawn last, once the job is through."""
    values, now = triage_events.analyse_next(tab, data, predictor, session.no_truth)
    while now.more:
        data = {**data, **{key: values[key] for key in (tab.entries,)}}
        values, now = triage_events.analyse_next(tab, data, predictor, session.no_truth)
    return {**data, tab.entries: values[tab.entries]}, values


def test_a_ranking_is_of_the_network_that_is_chosen_and_says_so(tab: Triage, files: list[str]) -> None:
    first, other = FakePredictor(checkpoint="first.safetensors"), Tilts(checkpoint="<i>other.safetensors")
    data, drawn = analysed(tab, settings(tab, files, by="first"), first)
    assert "predicted by <b" in drawn[tab.summary] and ">first</b>" in drawn[tab.summary]
    assert {row["checkpoint"] for row in exported(drawn[tab.table])} == {"first.safetensors"}

    chosen = triage_events.seen_by(tab, {**data, tab.scatter.chosen: (1,)}, "other")
    assert chosen[tab.gallery] == "" and not chosen[tab.table].interactive
    assert "other</b> has not seen these 3 photos yet" in chosen[tab.summary]
    assert chosen[tab.job.wanted] is False and chosen[tab.job.start].visible is True
    assert "0 of 3 analysed by other" in chosen[tab.job.bar]
    assert chosen[tab.scatter.chosen] == () and other.calls == 0

    data, drawn = analysed(tab, {**data, tab.seen_by: "other"}, other)
    assert "&lt;i&gt;other</b>" in drawn[tab.summary] and "first" not in drawn[tab.summary]
    assert (first.calls, other.calls) == (3, 3)
    names = {one.path: one for one in triage_entries.by_network(data[tab.entries], "other")}
    assert {one.row.details["checkpoint"] for one in names.values()} == {"<i>other.safetensors"}

    back = triage_events.seen_by(tab, data, "first")  # kept: nothing runs again
    assert ">first</b>" in back[tab.summary] and back[tab.gallery].count("<li") == 3
    assert "3 of 3 analysed by first" in back[tab.job.bar] and back[tab.job.start].visible is False
    assert tab.gallery not in triage_events.seen_by(tab, data, "other")


def test_the_page_runs_the_network_that_is_chosen_in_it(files: list[str], tmp_path: Path) -> None:
    first, other = FakePredictor(), FakePredictor(checkpoint="other.safetensors")
    with served(tmp_path / "uploads", predictor=first, other=other) as page:
        ids = {c["props"].get("elem_id"): c["id"] for c in page.config["components"]}
        states = [c["id"] for c in page.config["components"] if c["type"] == "state"]
        step = next(  # of the job: what its clock's change runs
            d
            for d in page.listeners
            if d["targets"][0][0] in states and ids["triage-progress"] in d["outputs"]
        )

        def said(call: dict[str, Any]) -> str:
            """What an answer writes above the ranking."""
            done = page.join([call], "visitor")[-1]
            assert done["success"], done
            outputs = next(d for d in page.listeners if d["id"] == call["fn_index"])["outputs"]
            return str(done["output"]["data"][outputs.index(ids["triage-summary"])])

        given = [{"path": page.upload(Path(path)), "meta": MARK} for path in files[:1]]
        fields = {"triage-files": given, "network-a": "fake-lite"}
        page.join([page.filled("triage-files", "upload", fields)], "visitor")
        stepped = page.call("triage-files", "upload", given)
        values = dict(zip(_inputs(page, stepped), stepped["data"], strict=True))
        run = {"fn_index": step["id"], "data": [values.get(key) for key in step["inputs"]]}
        assert "predicted by" in (words := said(run)) and "fake-lite" in words
        fields["network-a"] = "other"
        assert "other</b> has not seen this photo" in said(page.filled("network-a", "change", fields))
        page.join([page.filled("triage-start", "click", {**fields, "triage-start": None})], "visitor")
        assert "other</b>" in said(run)
        assert (first.calls, other.calls) == (1, 1)


def _inputs(page: Served, call: dict[str, Any]) -> list[int]:
    return next(d for d in page.listeners if d["id"] == call["fn_index"])["inputs"]


def test_photos_that_one_network_refuses_are_tried_by_the_next(tab: Triage, files: list[str]) -> None:
    Image.fromarray(np.zeros((60, 80, 3), np.uint8)).save(files[0])  # the stand-in refuses black
    data, drawn = analysed(tab, settings(tab, files[:1], by="first"), FakePredictor())
    assert "use another checkpoint" in drawn[tab.summary]
    _, now = triage_events.analyse_next(
        tab, {**data, tab.seen_by: "other"}, FakePredictor(), session.no_truth
    )
    assert (now.done, now.total) == (1, 1)
    assert triage_entries.at(files[:1], triage_entries.by_network(data[tab.entries], "other")).more


def test_what_other_networks_made_is_kept_within_bounds(
    tab: Triage, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triage_events, "KEPT", 2)
    data = settings(tab, files, by="first")
    for name in ("first", "second"):
        data, _ = analysed(tab, {**data, tab.seen_by: name}, FakePredictor())
    assert [one.network for one in data[tab.entries]] == ["first"] * 2 + ["second"] * 3


# The scatter


def figure_of(values: dict[Any, Any], tab: Triage) -> dict[str, Any]:
    return json.loads(values[tab.scatter.plot])


def test_the_scatter_has_the_photos_of_which_both_numbers_are_known(tab: Triage) -> None:
    entries = (
        made("a.jpg", 20, 5),
        made("b.jpg", None, 7),
        made("<i>c.jpg", 30, 40),
        view.unreadable("/x", "no"),
    )
    paths = [one.path for one in entries]
    drawn = triage_events.redraw(tab, settings(tab, paths, entries, across=share_key(TILTED)), entries)
    (trace,) = figure_of(drawn, tab)["data"]
    assert (trace["x"], trace["y"], trace["customdata"]) == ([20, 30], [5, 40], [0, 2])
    assert trace["text"] == ["a.jpg", "&lt;i&gt;c.jpg"]
    layout = figure_of(drawn, tab)["layout"]
    assert "tilted surface" in layout["xaxis"]["title"]["text"].replace("<br>", " ")
    assert layout["yaxis"]["title"]["text"].replace("<br>", " ").endswith(", refined (deg)")
    assert drawn[tab.scatter.box].visible is True


def test_brushing_lists_only_those_photos_with_their_ranks(tab: Triage) -> None:
    entries = (made("a.jpg", 20, 5), made("b.jpg", 9, 7), made("c.jpg", 30, 40))
    paths = [one.path for one in entries]
    drawn = triage_events.redraw(tab, settings(tab, paths, entries, chosen=(0, 2)), entries)
    assert "b.jpg" not in drawn[tab.gallery]
    assert drawn[tab.gallery].index("c.jpg") < drawn[tab.gallery].index("a.jpg")
    assert '<b class="mt-rank">3</b>' in drawn[tab.gallery]  # a.jpg is the third of all
    assert "2 photos" in drawn[tab.summary]
    assert "<b>2 selected</b>" in drawn[tab.scatter.summary]
    assert drawn[tab.scatter.everything].visible is True
    assert figure_of(drawn, tab)["data"][0]["selectedpoints"] == [0, 2]
    assert [row["file"] for row in exported(drawn[tab.table])] == ["c.jpg", "a.jpg"]
    less = triage_events.take(tab, settings(tab, paths[:2], entries, chosen=(0, 2)))
    assert less[tab.scatter.chosen] == ()  # places in the list have moved


def test_photos_unlike_training_have_a_colour_of_their_own() -> None:
    points = [
        scatter_view.Point(0, "a", 1, 2),
        scatter_view.Point(1, "b", 1, 2, unlike=True),
        scatter_view.Point(2, "c", 1, 2),
    ]
    made = scatter_view.figure(points, INFORMATION, ANGLE, "refined", {1}).to_plotly_json()
    assert [(one["name"], one["customdata"]) for one in made["data"]] == [
        ("like training", [0, 2]),
        ("unlike training", [1]),
    ]
    assert [one["selectedpoints"] for one in made["data"]] == [[], [0]]
    assert len({one["marker"]["color"] for one in made["data"]}) == 2
    assert (
        made["layout"]["uirevision"]
        == scatter_view.figure([], INFORMATION, ANGLE, "refined")["layout"]["uirevision"]
    )
    assert (
        made["layout"]["uirevision"]
        != scatter_view.figure([], ANGLE, INFORMATION, "refined")["layout"]["uirevision"]
    )


def test_long_lists_are_thinned_evenly_and_said_to_be() -> None:
    rows = [TriageRow(str(i), {ANGLE.key: float(i)}, photo={INFORMATION.key: 1.0}) for i in range(12_001)]
    found = scatter_view.points(rows, INFORMATION, ANGLE, "initial")
    assert (len(found.drawn), found.known) == (4001, 12_001)
    assert {b.index - a.index for a, b in itertools.pairwise(found.drawn)} == {3}
    assert "4,001 of 12,001 photos are drawn" in scatter_view.summary(found, 0)


@pytest.mark.parametrize(
    "sent", [None, {}, {"points": "1"}, {"points": [1, -2]}, {"points": [True]}, {"points": [0.5]}]
)
def test_what_is_no_selection_is_refused(sent: Any) -> None:
    with pytest.raises(InputError, match="reload the page"):
        triage_scatter.brushed(gr.EventData(None, sent))


@pytest.mark.parametrize(
    ("sent", "is_missed"), [({"points": []}, False), ({"points": [], "missed": True}, True)]
)
def test_a_brush_without_photos_is_told_from_a_double_click(sent: Any, is_missed: bool) -> None:
    event = gr.EventData(None, sent)
    assert triage_scatter.brushed(event) == ()
    assert triage_scatter.missed(event) is is_missed


def test_a_selection_is_a_list_of_places() -> None:
    assert triage_scatter.brushed(gr.EventData(None, {"points": [3, 1, 3]})) == (3, 1)
    assert len(RANKED) == len({one.key for one in RANKED})
