"""The Ground truth tab: errors against the truth as pictures and numbers, and the frames of a data folder."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from data_made import save_array, save_image, write_lines
from fake_predictor import TASKS as NAMES
from fake_predictor import FakePredictor, room

from app import frames as frames_module
from app.frames import Frames
from app.network_frames import NetworkFrames
from app.networks import Network, Networks, Offer
from app.scene import Scene
from app.session import Analysis, known
from app.tabs import truth_events
from app.tabs.truth import Browser
from app.tabs.truth import Truth as TruthTab
from app.views import truth as view
from mtcp.errors import InputError
from mtcp.evaluation.ground_truth import Truth
from mtcp.evaluation.ranking import TriageRow
from mtcp.geometry.camera import Camera
from mtcp.tasks import task_set

H, W = 48, 64
TASKS = task_set("nyud", NAMES)
COUNT = 5


def run_of(predictor: FakePredictor, truth: Truth | None) -> Analysis:
    photo = np.full((H, W, 3), 120, np.uint8)
    return known(Analysis(photo, predictor(photo), "room.jpg", (H, W)), truth)


@pytest.fixture
def truth() -> Truth:
    maps = room(H, W, window=0.25, far=3.2)
    maps["depth"][:, :4] = 0
    maps["normals"][:, :4] = 0
    maps["semseg"][:, :4] = 255
    return Truth(maps, Camera.from_fov(W, H, 70), "made")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Frames in the NYUD_MT layout; the further down the list, the farther the true wall."""
    root = tmp_path / "data" / "nyud"
    names = [f"{i:04d}" for i in range(1, COUNT + 1)]
    for i, name in enumerate(names):
        maps = room(H, W, window=0.3, far=3.0 + 0.5 * i)
        save_image(root / "images" / f"{name}.png", np.full((H, W, 3), 100 + i, np.uint8))
        save_image(root / "segmentation" / f"{name}.png", maps["semseg"] + np.uint8(1))
        save_array(root / "depth" / f"{name}.npy", maps["depth"])
        save_array(root / "normals" / f"{name}.npy", maps["normals"])
    write_lines(root / "gt_sets" / "val.txt", names)
    camera = Camera.from_fov(W, H, 66)
    meta = {
        "axes": "ours",
        "camera": {k: getattr(camera, k) for k in ("fx", "fy", "cx", "cy", "width", "height")},
    }
    (root / "meta.json").write_text(json.dumps(meta))
    return root


@pytest.fixture
def frames(folder: Path, tmp_path: Path) -> Frames:
    return Frames.open(folder, "val", TASKS, "weights-1", tmp_path / "measured.jsonl")


# the view


def test_every_task_has_truth_errors_and_numbers(truth: Truth) -> None:
    analysis = run_of(FakePredictor(), truth)
    for task in TASKS:
        shown = view.view(analysis, task)
        assert shown is not None
        for picture in (shown.truth, shown.initial, shown.refined):
            assert picture.shape == (H, W, 3)
            assert picture.dtype == np.uint8
            assert not picture[:, :4].any()  # truth unknown: black
        assert (shown.initial != shown.refined).any()
        assert "initial" in shown.numbers
        assert "refined" in shown.numbers
    assert view.view(run_of(FakePredictor(), None), TASKS[0]) is None


def test_numbers_are_those_of_the_metrics(truth: Truth) -> None:
    analysis = run_of(FakePredictor(), truth)
    before, after = view.numbers(analysis)
    off = (analysis.prediction.refined["depth"] - truth.maps["depth"])[:, 4:]
    assert after["depth_rmse_m"] == pytest.approx(np.sqrt(np.mean(off**2)), rel=1e-5)
    assert view.numbers(analysis)[0] is before  # kept with the run
    said = view.headline(analysis)
    assert "made" in said
    assert f"{after['depth_rmse_m']:.3f} m" in said


def test_without_trace_back_there_is_one_column(truth: Truth) -> None:
    analysis = run_of(FakePredictor(trace_back=False), truth)
    shown = view.view(analysis, TASKS[1])
    assert shown is not None
    assert "refined" not in shown.numbers
    assert shown.refined is None
    assert "mt-refined" not in view.headline(analysis)


def test_another_camera_is_told(truth: Truth) -> None:
    analysis = run_of(FakePredictor(), truth)
    assert view.caveat(analysis) == ""
    turned = analysis.with_camera(Camera.from_fov(W, H, 50))
    assert "50.0°" in view.caveat(turned)
    assert "70.0°" in view.caveat(turned)
    assert view.numbers(turned) == view.numbers(analysis)


def test_the_probe_says_what_is_true_there(truth: Truth) -> None:
    analysis = run_of(FakePredictor(), truth)
    said = view.at_probe(Scene(analysis, (W // 2, H - 1)))
    heads = ("initial</th>", "refined</th>", "ground truth</th>")
    assert said.index(heads[0]) < said.index(heads[1]) < said.index(heads[2])
    assert "floor" in said
    assert "wrong" not in said
    rows = re.findall(r"<tr><td>(.*?)</td>(.*?)</tr>", said)
    assert [name for name, _ in rows] == [
        "class",
        "depth",
        "normal",
        "from depth",
        "angle",
    ]  # as the probe's own
    assert "floor 0.80" in rows[0][1] and re.search(r"\d\.\d\d m", rows[1][1])  # probability; centimetres
    assert rows[3][1].count("(") >= 2 and rows[4][1].count("°") >= 2
    window = view.at_probe(  # in the refined window alone
        Scene(analysis, (round(W * 0.5 + W * 0.14), round(H * 0.3)))
    )
    assert "window" in window
    assert "wrong" in window
    assert view.at_probe(Scene(analysis, (0, 0))).count("unknown") == 3


def test_the_tab_says_what_to_do_without_truth(truth: Truth) -> None:
    with gr.Blocks():
        tab = TruthTab.build(TASKS)
    bare = tab.fill(Scene.of(run_of(FakePredictor(), None)), {})
    assert "--data DIR" in bare[tab.headline]
    assert all(bare[panel.column].visible is False for panel in tab.panels)
    full = tab.fill(Scene.of(run_of(FakePredictor(), truth)), {})
    assert all(full[panel.column].visible is True for panel in tab.panels)
    assert set(full) <= set(tab.outputs)
    assert set(tab.point(Scene.of(run_of(FakePredictor(), truth)), {})) == {tab.probe}


# the frames


def test_a_frame_is_run_through_its_own_camera(frames: Frames) -> None:
    assert len(frames) == COUNT
    assert frames.ids[1] == "0002"
    analysis = frames.run(1, FakePredictor())
    assert analysis.truth is not None
    assert analysis.prediction.camera.fov_deg == pytest.approx(66)
    assert analysis.truth.camera.fov_deg == pytest.approx(66)
    assert (analysis.photo == 101).all()
    assert analysis.truth.maps["depth"].max() == pytest.approx(3.5)
    assert view.numbers(analysis)[1]["depth_rmse_m"] == pytest.approx(0, abs=1e-6)  # the refined far wall


def test_the_table_has_each_tasks_main_number_and_no_other(frames: Frames) -> None:
    """depth_rmse_log_ratio begins as depth_rmse_m does, and is not the depth's main number."""
    found = [quantity.key for quantity in truth_events.main_quantities(frames)]
    assert found == ["semseg_miou_pct", "depth_rmse_m", "normals_mean_deg", "depth_normal_mean_deg"]


def test_frames_are_found_by_id_and_number(frames: Frames) -> None:
    assert frames.find("0003") == 2
    assert frames.find(" 5 ") == 4
    for asked in ("0", "6", "attic", ""):
        with pytest.raises(InputError, match="from 1 to 5"):
            frames.find(asked)


def test_measured_numbers_survive_a_restart(frames: Frames, folder: Path, tmp_path: Path) -> None:
    predictor = FakePredictor()
    for index in (0, 3):
        frames.measure(index, predictor)
    assert frames.unmeasured() == 1
    kept = tmp_path / "measured.jsonl"
    with kept.open("a") as file:
        file.write('{"name": "0005", "init')  # torn
    again = Frames.open(folder, "val", TASKS, "weights-1", kept)
    assert {row.name for row in again.rows() if row.initial} == {"0001", "0004"}
    assert again.rows()[3] == frames.rows()[3]
    assert set(again.rows()[0].refined) == {quantity.key for quantity in again.quantities}
    again.measure(1, predictor)
    assert Frames.open(folder, "val", TASKS, "weights-1", kept).unmeasured() == 2


def test_numbers_of_other_weights_are_not_mixed(frames: Frames, folder: Path, tmp_path: Path) -> None:
    frames.measure(0, FakePredictor())
    with pytest.raises(InputError, match="other frames, weights or tasks"):
        Frames.open(folder, "val", TASKS, "weights-2", tmp_path / "measured.jsonl")
    (tmp_path / "measured.jsonl").write_text("no json\n")
    with pytest.raises(InputError, match="cannot keep measured numbers"):
        Frames.open(folder, "val", TASKS, "weights-1", tmp_path / "measured.jsonl")


def test_by_default_they_are_kept_in_the_cache_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames_module.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    paths = [Frames.open(folder, "val", TASKS, weights).measured.path for weights in ("a", "b")]
    assert paths[0] != paths[1]
    assert all(path.parent == tmp_path / "cache" / "mtcp-explorer" / "measured" for path in paths)


def test_a_broken_frame_is_told_without_the_folders_place(frames: Frames, folder: Path) -> None:
    (folder / "depth" / "0002.npy").write_bytes(b"torn")
    row = frames.measure(1, FakePredictor())
    assert row.problem.startswith("nyud")
    assert str(folder.parent) not in row.problem
    assert frames.unmeasured() == 0
    assert "0002" not in frames.measured.path.read_text()  # the next start tries again


def test_unknown_splits_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="attic"):
        Frames.open(folder, "attic", TASKS)


# the browser


def fake(name: str, **more: Any) -> Network:
    return Network(
        FakePredictor(checkpoint=f"{name}.safetensors", **more), TASKS, name, "cpu", card={"sha256": name}
    )


@pytest.fixture
def networks() -> Networks:
    """Two, of which the second has no trace-back and predicts no classes."""
    other = replace(fake("other", trace_back=False), tasks=TASKS[1:])
    return Networks(fake("first"), {"other": Offer(TASKS[1:], lambda: other)})


@pytest.fixture
def browser(networks: Networks, folder: Path, tmp_path: Path) -> Browser:
    with gr.Blocks():
        return Browser.build(NetworkFrames.open(networks, folder, "val", tmp_path / "measured.jsonl"))


def draw_inputs(browser: Browser, **chosen: Any) -> dict[Any, Any]:
    start = {"number": "depth_rmse_m", "of": "refined", "order": "worst", "at": None, "page": 0}
    values = start | {"seen_by": "first"} | chosen
    return {getattr(browser, name): value for name, value in values.items()}


def test_frames_are_walked_in_the_order_that_was_chosen(browser: Browser) -> None:
    for index in (0, 2, 3, 4):
        browser.frames.first.measure(index, FakePredictor())
    worst = truth_events.sequence(browser, draw_inputs(browser))
    assert worst[:2] == [4, 3]  # the true wall is 1.5 and 1 m off
    assert worst[-1] == 1  # not measured
    assert truth_events.sequence(browser, draw_inputs(browser, order="best"))[-1] == 1
    assert truth_events.sequence(browser, draw_inputs(browser, order="best"))[2:4] == [3, 4]
    assert truth_events.sequence(browser, draw_inputs(browser, order="listed")) == [0, 1, 2, 3, 4]
    assert truth_events.neighbour(browser, draw_inputs(browser), 1) == 4
    assert truth_events.neighbour(browser, draw_inputs(browser, at=4), 1) == 3
    assert truth_events.neighbour(browser, draw_inputs(browser, at=4), -1) == 1
    assert truth_events.neighbour(browser, draw_inputs(browser, at=1, order="listed"), 1) == 2


def test_the_table_marks_the_open_frame_and_has_means(browser: Browser) -> None:
    bare = truth_events.table(browser, draw_inputs(browser))
    assert bare.count("data-open") == COUNT
    assert "mean of" not in bare
    for index in range(COUNT):
        browser.frames.first.measure(index, FakePredictor())
    shown = truth_events.table(browser, draw_inputs(browser, at=2))
    assert shown.index('data-open="4"') < shown.index('data-open="3"')
    assert shown.count("aria-current") == 1
    assert "mean of 5" in shown
    assert shown.count("<th ") == 8  # place, frame, the chosen number three times, three other tasks' numbers


def test_pages_of_the_table() -> None:
    rows = [TriageRow(f"{i:04d}") for i in range(2 * view.PAGE + 1)]
    quantity = view.error_quantities(TASKS)[0]

    def shown(page: int) -> str:
        return view.frames_table(view.Listing(rows, range(len(rows)), quantity, page, None), ())

    assert shown(0).count("data-open") == shown(1).count("data-open") == view.PAGE
    assert shown(2).count("data-open") == shown(99).count("data-open") == 1
    assert "41 to 41 of 41" in shown(2)
    assert 'data-page="1"' in shown(0)


def test_measuring_tells_how_far_it_is(browser: Browser) -> None:
    browser.frames.first.measure(0, FakePredictor())
    now = truth_events.measured(browser.frames.first)
    assert (now.done, now.total, now.more) == (1, COUNT, True)
    assert "0002" in now.label
    assert "stopped: 1 of 5" in truth_events.measured(browser.frames.first, stopped=True).label
    for index in range(COUNT):
        browser.frames.first.measure(index, FakePredictor())
    assert not truth_events.measured(browser.frames.first).more


def test_each_network_has_a_table_of_its_own_that_says_so(
    browser: Browser, networks: Networks, folder: Path, tmp_path: Path
) -> None:
    for index in range(COUNT):
        browser.frames.first.measure(index, networks.predict("first"))
    assert 'Measured by <b class="mt-network-name">first</b>: 5 of 5' in truth_events.table(
        browser, draw_inputs(browser)
    )
    now = draw_inputs(browser, number="semseg_miou_pct")
    chosen = truth_events.seen_by(browser, {**now, browser.job.wanted: True}, "other")
    assert "other</b>: 0 of 5" in chosen[browser.table] and "mean of" not in chosen[browser.table]
    assert chosen[browser.job.wanted] is False and chosen[browser.job.start].visible is True
    assert "semseg_miou_pct" not in dict(chosen[browser.number].choices).values()  # it predicts none
    assert chosen[browser.number].value == "depth_rmse_m"

    there = browser.seen({**now, browser.seen_by: "other"})
    there.measure(3, networks.predict("other"))
    assert not there.rows()[3].refined and browser.frames.first.rows()[3].refined
    again = NetworkFrames.open(networks, folder, "val", tmp_path / "measured.jsonl")
    assert (again.first.unmeasured(), again.of("other").unmeasured()) == (None, 0)
    assert [row.name for row in again.of("other").rows() if row.initial] == ["0004"]
    assert truth_events.seen_by(browser, now, "first").keys() == {browser.seen_by}
    with pytest.raises(InputError, match="choose first, other"):
        truth_events.seen_by(browser, now, "third")
    unmoved = truth_events.seen_by_usable(browser, networks, now, "third")  # said elsewhere: once is enough
    assert unmoved.keys() == {browser.seen_by}
    assert browser.table in truth_events.seen_by_usable(browser, networks, now, "other")


def test_listeners_are_private_and_return_what_fills_the_inbox(
    networks: Networks, folder: Path, tmp_path: Path
) -> None:
    frames = NetworkFrames.open(networks, folder, "val", tmp_path / "measured.jsonl")
    with gr.Blocks() as demo:
        tab = TruthTab.build(TASKS, Browser.build(frames))
        inbox, a = gr.State(), gr.Dropdown(list(networks.names))
        found = truth_events.listen(tab, networks, a, inbox)
        assert truth_events.listen(TruthTab.build(TASKS), networks, a, inbox) == []
    assert len(found) == 4
    assert all(inbox in demo.fns[event["id"]].outputs for event in found)
    assert all(fn.api_visibility == "private" for fn in demo.fns.values())
