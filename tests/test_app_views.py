"""The views without gradio: numbers checked by hand, pictures by their pixels, HTML by what it says."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from fake_predictor import FLOOR, WALL, WINDOW, FakePredictor

from app.scene import Scene
from app.session import Analysis
from app.sides import of_stages
from app.tabs.predictions import Predictions
from app.views import change, html, legends, page, predictions
from app.views.class_names import PLAIN, plain, plain_text
from mtcp.drawing import colour
from mtcp.drawing.colour import palette
from mtcp.drawing.scale import scale_end
from mtcp.tasks import NYUD_CLASSES, Task, measure, task_set

SEMSEG, DEPTH, NORMALS, EDGE = task_set("nyud")
ROOT = Path(__file__).parents[1]
STYLE = ROOT / "app" / "style.css"


@pytest.fixture
def analysis() -> Analysis:
    return run_of(FakePredictor())


def run_of(predictor: FakePredictor, size: tuple[int, int] = (60, 80)) -> Analysis:
    photo = np.full((*size, 3), 200, np.uint8)
    return Analysis(photo, predictor(photo), "a <b>room</b>.jpg", size)


def test_views_need_neither_gradio_nor_torch() -> None:
    code = "import sys, app.views.predictions, app.views.page; print(sorted({'gradio', 'torch'} & set(sys.modules)))"
    text = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert text.stdout == "[]\n"


def test_shares_count_both_maps_and_put_the_largest_refined_first() -> None:
    initial = np.array([[WALL, WALL], [WALL, FLOOR]], np.uint8)
    refined = np.array([[FLOOR, FLOOR], [WALL, FLOOR]], np.uint8)
    found = measure.shares(initial, refined, NYUD_CLASSES)
    assert [(share.name, share.initial, share.refined) for share in found] == [
        ("floor", 0.25, 0.75),
        ("wall", 0.75, 0.25),
    ]


def test_transitions_are_sorted_by_frequency_and_leave_out_what_stayed() -> None:
    initial = np.array([[0, 0, 0, 1], [2, 2, 3, 3]], np.uint8)
    refined = np.array([[1, 1, 1, 1], [0, 2, 3, 3]], np.uint8)
    moves = measure.transitions(initial, refined)
    assert [(move.before, move.after, move.share) for move in moves] == [(0, 1, 3 / 8), (2, 0, 1 / 8)]
    assert measure.transitions(initial, initial) == ()
    assert len(measure.transitions(initial, refined, limit=1)) == 1


@pytest.mark.parametrize(
    ("largest", "at_least", "end"),
    [
        (0.12, 0.05, 0.15),
        (0.2, 0.05, 0.2),
        (0.21, 0.05, 0.3),
        (7.0, 5.0, 8.0),
        (0.0, 5.0, 5.0),
        (48.0, 5.0, 50.0),
    ],
)
def test_scales_end_at_round_numbers(largest: float, at_least: float, end: float) -> None:
    assert scale_end(np.full((4, 4), -largest), at_least) == pytest.approx(end)


def test_limit_survives_invalid_pixels() -> None:
    assert scale_end(np.full((2, 2), np.nan), 5.0) == 5.0


def test_summary_is_plain_numbers_with_units_in_the_keys(analysis: Analysis) -> None:
    prediction = predictions.summary(analysis, analysis.prediction.task_list())
    assert prediction["size"] == [60, 80]
    assert prediction["network_size"] == [48, 64]
    semseg, depth, normals = (prediction["tasks"][name] for name in ("semseg", "depth", "normals"))
    window = next(entry for entry in semseg["classes"] if entry["name"] == "window")
    grown = (analysis.prediction.refined["semseg"] == WINDOW).mean() - (
        analysis.prediction.initial["semseg"] == WINDOW
    ).mean()
    assert semseg["changed_percent"] == pytest.approx(100 * grown, abs=1e-3)
    assert window["refined_percent"] - window["initial_percent"] == pytest.approx(100 * grown, abs=2e-3)
    shift = analysis.prediction.refined["depth"] - analysis.prediction.initial["depth"]
    assert depth["mean_change_m"] == pytest.approx(float(shift.mean()), abs=1e-4)
    assert depth["refined_high_m"] == 3.5
    turned = (analysis.prediction.initial["semseg"] != FLOOR).mean() * 0.5  # the wall turns by half a degree
    assert normals["mean_change_deg"] == pytest.approx(turned, abs=1e-3)


def test_summary_without_trace_back_tells_no_change() -> None:
    text = predictions.summary(run_of(FakePredictor(trace_back=False)), task_set("nyud", ("semseg", "depth")))
    assert set(text["tasks"]["semseg"]) == {"kind", "classes"}
    assert all(set(entry) == {"name", "initial_percent"} for entry in text["tasks"]["semseg"]["classes"])
    assert not [key for key in text["tasks"]["depth"] if "refined" in key or "change" in key]


@pytest.mark.parametrize("task", [SEMSEG, DEPTH, NORMALS])
def test_view_shows_both_stages_in_the_size_of_the_photo(analysis: Analysis, task: Task) -> None:
    view = predictions.view(analysis, task)
    assert view.change is not None
    for picture in (view.initial, view.refined, view.change.picture):
        assert picture.shape == (60, 80, 3)
        assert picture.dtype == np.uint8
    assert (view.initial != view.refined).any()


@pytest.mark.parametrize("task", [SEMSEG, DEPTH, NORMALS])
def test_nothing_is_called_refined_without_trace_back(task: Task) -> None:
    analysis = run_of(FakePredictor(trace_back=False))
    with gr.Blocks():
        tab = Predictions.build([task])
    filled = tab.fill(Scene.of(analysis), {})
    (panel,) = tab.tasks
    assert not filled[panel.compare.both].visible and filled[panel.compare.both].value is None
    assert filled[panel.compare.alone].visible and filled[panel.compare.alone].value is not None
    assert not filled[tab.divider].visible and not filled[panel.change].visible
    assert "refined" not in filled[panel.legend]
    assert "initial" in filled[panel.legend] or task is NORMALS


def test_depth_pictures_share_one_scale(analysis: Analysis) -> None:
    view = predictions.view(analysis, DEPTH)
    near = colour.colour_map("viridis")[0]
    assert (view.initial == near).all(-1).any()
    assert not (view.refined == near).all(-1).any()
    assert "3.5 m" in view.legend


def test_label_change_is_coloured_only_where_the_class_changed(analysis: Analysis) -> None:
    initial, refined = analysis.prediction.initial["semseg"], analysis.prediction.refined["semseg"]
    picture = change.change(analysis.photo, initial, refined, SEMSEG).picture
    moved = initial != refined
    assert (picture[moved] == palette(40)[WINDOW]).all()
    grey = picture[~moved]
    assert (grey == grey[:, :1]).all()
    assert grey.min() > analysis.photo.min()


@pytest.mark.parametrize(
    ("task", "short"),
    [
        (SEMSEG, "changed <b>3.0 %</b> of the labels"),
        (DEPTH, "moved depth by <b>0.45 m</b> on average"),
        (NORMALS, "turned normals by <b>0.3°</b> on average"),
    ],
)
def test_change_is_told_in_one_line(task: Task, short: str) -> None:
    view = predictions.view(run_of(FakePredictor(), (600, 800)), task)
    assert view.change is not None
    assert view.change.short == short


def test_edges_change_in_probability() -> None:
    before, after = np.zeros((4, 4), np.float32), np.full((4, 4), 0.25, np.float32)
    changed = change.change(np.zeros((4, 4, 3), np.uint8), before, after, EDGE)
    assert changed.short == "moved the edge probability by <b>0.250</b> on average"
    assert "more 0.30" in changed.legend


def test_small_classes_are_folded_away() -> None:
    shares = [measure.Share(0, "wall", 0.6, 0.7), measure.Share(3, "bed", 0.004, 0.0)]
    shown = legends.labels(shares, palette(40))
    assert shown.index("wall") < shown.index("<details>") < shown.index("bed")
    assert "1 more under 1%" in shown
    assert "<details>" not in legends.labels(shares[:1], palette(40))


@pytest.mark.parametrize(("share", "text"), [(0.0, "0.0 %"), (0.0001, "&lt; 0.1 %"), (0.0734, "7.3 %")])
def test_percent_never_calls_something_nothing(share: float, text: str) -> None:
    assert legends.percent(share) == text


def test_normal_ball_faces_the_camera_in_its_middle_and_right_on_the_right() -> None:
    ball = predictions.normal_ball(65)
    assert ball[0, 0, 3] == 0
    assert ball[32, 32, 3] == 255
    expected = [
        colour.normals(np.array([[n]], np.float32))[0, 0] for n in ((0, 0, -1), (1, 0, 0), (0, -1, 0))
    ]
    found = [ball[32, 32, :3], ball[32, 63, :3], ball[1, 32, :3]]
    assert np.abs(np.array(found, float) - np.array(expected, float)).max() < 40


def test_text_of_files_is_escaped(analysis: Analysis) -> None:
    facts = page.photo_facts(analysis)
    assert "&lt;b&gt;room&lt;/b&gt;" in facts
    assert "<b>" not in facts


def test_photo_facts_tell_the_camera_and_the_shrinking(analysis: Analysis) -> None:
    assert "60° across (assumed)" in page.photo_facts(analysis)
    assert "worked at" not in page.photo_facts(analysis)
    shrunk = dataclasses.replace(analysis, original=(600, 800))
    assert re.search(r"size.*800 . 600.*worked at.*80 . 60", page.photo_facts(shrunk))


def test_headline_joins_the_changes() -> None:
    assert page.headline(["did a", "did b", "did c"]).count("The refinement did a, did b and did c.") == 1
    assert page.headline(["did a"], of_stages("trace_back")).count("Trace-back did a.") == 1
    assert page.headline(["did a"], of_stages("distillation")).count("The refinement did a.") == 1
    assert "no refinement" in page.headline([])


def test_header_tells_the_run_only_after_one(analysis: Analysis) -> None:
    assert "network" not in page.header("x/lite.safetensors", "cpu")
    done = dataclasses.replace(analysis.prediction, network_size=(240, 320), seconds=0.041)
    text = page.header("x/lite.safetensors", "cpu", done)
    assert "not enough memory" not in text
    assert "lite<" in text
    assert re.search(r"320 . 240", text)
    assert "41 ms" in text
    reduced = dataclasses.replace(done, reduced_from=(480, 640))
    assert "not enough memory for 480x640" in page.header("x/lite.safetensors", "cpu", reduced)


def test_table_colours_the_stage_names() -> None:
    assert '<th scope="col" class="mt-initial">initial</th>' in html.table(["", "initial"], [["a", "b"]])


def test_every_class_of_the_views_has_a_style(analysis: Analysis) -> None:
    views = "".join(predictions.view(analysis, task).legend for task in (SEMSEG, DEPTH, NORMALS))
    views += page.header("x", "cpu", analysis.prediction) + page.empty(["semseg"], True) + page.headline([])
    used = {name for names in re.findall(r'class="([^"]+)"', views) for name in names.split()}
    assert used
    assert not {name for name in used if f".{name}" not in STYLE.read_text()}


@pytest.mark.parametrize(("ink", "paper"), [("initial", "#f8fafc"), ("refined", "#f8fafc")])
def test_stage_colours_are_readable(ink: str, paper: str) -> None:
    light, dark = (
        re.search(rf"--{ink}: (#\w+)", rule)[1]
        for rule in re.findall(r"(?m)^(?::root|\.dark) \{.*", STYLE.read_text())
    )
    fill = re.search(rf"--{ink}-fill: (#\w+)", STYLE.read_text())[1]
    assert contrast(light, paper) > 4.5
    assert contrast(dark, "#020617") > 4.5
    assert contrast("#ffffff", fill) > 4.5


def contrast(a: str, b: str) -> float:
    """WCAG 2 contrast ratio of two #rrggbb colours."""
    bright, dim = sorted((luminance(a), luminance(b)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def luminance(colour_hex: str) -> float:
    rgb = np.array([int(colour_hex[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def test_classes_are_called_in_plain_english_everywhere() -> None:
    assert plain("otherprop") == "other objects" and plain("refridgerator") == "refrigerator"
    assert plain("wall") == "wall" and set(PLAIN) <= set(NYUD_CLASSES)
    moves = legends.changed_labels(
        [measure.Transition(0, 1, 0.2)], ["otherprop", "refridgerator"], [(0, 0, 0)] * 2
    )
    assert "other objects &rarr;" in moves and "refrigerator" in moves


def test_classes_in_sentences_have_plain_names() -> None:
    assert plain_text("wall (57 %) and otherprop (32 %)") == "wall (57 %) and other objects (32 %)"
    assert plain_text("otherproperty") == "otherproperty"
