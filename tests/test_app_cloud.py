"""The 3D part without a browser: what the viewer is given, its colours, and the exports."""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from fake_predictor import FLOOR, FakePredictor, room

from app.scene import Scene
from app.session import Analysis, known, with_own
from app.tabs.cloud import BUDGETS, Cloud
from app.views import cloud as view
from mtcp.drawing import colour
from mtcp.drawing.colour import palette
from mtcp.evaluation.ground_truth import Truth
from mtcp.geometry.camera import Camera

SIZE = (60, 80)


def scene_of(predictor: FakePredictor) -> Scene:
    photo = np.random.default_rng(0).integers(1, 255, (*SIZE, 3)).astype(np.uint8)
    return Scene(Analysis(photo, predictor(photo), "my room.jpg", SIZE), (20, 30))


@pytest.fixture(scope="module")
def scene() -> Scene:
    found = scene_of(FakePredictor())
    normals = found.analysis.prediction.refined["normals"]
    normals[5:25, 5:25] = (-1, 0, 0)  # a failure: the wall does not face left
    return found


def truth_of(scene: Scene, *tasks: str) -> Truth:
    """What a photo of `scene` really shows, of these tasks: its room, 4 m deep; the left tenth is not known."""
    maps = {task: maps for task, maps in room(*SIZE, window=0.25, far=4.0).items() if task in tasks}
    maps["depth"][:, : SIZE[1] // 10] = 0
    return Truth(maps, scene.analysis.prediction.camera, "made")


@pytest.fixture(scope="module")
def true_scene() -> Scene:
    found = scene_of(FakePredictor())
    return dataclasses.replace(
        found, analysis=known(found.analysis, truth_of(found, "depth", "normals", "semseg"))
    )


@pytest.fixture
def tab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cloud:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with gr.Blocks():
        return Cloud.build()


def settings(tab: Cloud, **changed: Any) -> dict[Any, Any]:
    values = {control.component: control.component.value for control in tab.controls}
    return values | {getattr(tab, name): value for name, value in changed.items()}


def files(value: dict[str, Any]) -> tuple[Path, Path]:
    return Path(value["depths"]["path"]), Path(value["colours"]["path"])


def test_depths_travel_within_a_fraction_of_a_millimetre(scene: Scene) -> None:
    sampled = view.shape(scene.analysis, 1000)
    at = np.ix_(sampled.rows, sampled.columns)
    count = len(sampled.rows) * len(sampled.columns)
    data = sampled.data()
    assert len(data) == count * 2 * 3
    for k, maps in enumerate((scene.analysis.prediction.initial, scene.analysis.prediction.refined)):
        steps = np.frombuffer(data, "<u2", count, 2 * count * k).reshape(sampled.depths[0].shape)
        assert steps * sampled.farthest / 65535 == pytest.approx(maps["depth"][at], abs=1e-4)


def test_unknown_depth_stays_unknown(scene: Scene) -> None:
    initial = dict(scene.analysis.prediction.initial)
    initial["depth"] = initial["depth"].copy()
    initial["depth"][:10] = (0, np.nan) * 40
    given = dataclasses.replace(scene.analysis.prediction, initial=initial, refined={})
    sampled = view.shape(dataclasses.replace(scene.analysis, prediction=given), None)
    assert (sampled.depths[0, :10] == 0).all()
    assert (sampled.depths[0, 10:] > 0).all()
    assert not sampled.shown(0, 255)[:10].any()


@pytest.mark.parametrize("what", view.COLOURS)
def test_every_colour_paints_every_stage(scene: Scene, what: str) -> None:
    sampled = view.shape(scene.analysis, 500)
    painted = view.paint(scene.analysis, what, sampled)
    assert painted.dtype == np.uint8
    assert painted.shape[1:] == (*sampled.depths.shape[1:], 3)
    assert len(painted) == (1 if what in ("photo", "change") else 2)
    assert np.ptp(painted) > 0
    assert bool(view.legend(scene.analysis, what, sampled)) == (what != "photo")


def test_colours_belong_to_their_pixels(scene: Scene) -> None:
    sampled = view.shape(scene.analysis, 500)
    row, column = 15, 3
    y, x = sampled.rows[row], sampled.columns[column]
    assert (view.paint(scene.analysis, "photo", sampled)[0, row, column] == scene.analysis.photo[y, x]).all()
    assert scene.analysis.prediction.refined["semseg"][y, x] == FLOOR
    assert (view.paint(scene.analysis, "class", sampled)[1, row, column] == palette(40)[FLOOR]).all()
    angle = scene.analysis.coherence.refined.maps.angle_deg
    assert angle.shape == SIZE
    bad = view.paint(scene.analysis, "angle", view.shape(scene.analysis, None))[1]
    assert bad[15, 15].sum() > bad[15, 40].sum()


def test_change_is_measured_along_the_ray(scene: Scene) -> None:
    moved = view.displacement(scene.analysis)
    x, y = scene.analysis.prediction.camera.axes()
    assert moved[0, 0] == pytest.approx(0.5 * np.sqrt(1 + x[0] ** 2 + y[0] ** 2), rel=1e-4)
    assert colour.difference(moved, 1.0)[0, 0, 0] > colour.difference(moved, 1.0)[0, 0, 2]  # away is red


def test_viewer_gets_plain_json_with_probe_and_no_region(scene: Scene, tab: Cloud) -> None:
    value = tab.fill(scene, settings(tab))[tab.viewer]
    json.dumps(value)
    depth = scene.analysis.prediction.initial["depth"][30, 20]
    assert value["probe"] == {
        "at": [20, 30],
        "depths": [pytest.approx(depth), pytest.approx(depth / 3 * 3.5)],
    }
    assert value["region"] is value["focus"] is None
    assert value["stages"] == ["initial", "refined"]
    needles = value["needles"]
    numbers = np.frombuffer(base64.b64decode(needles["data"]), "<f2").reshape(2, needles["count"], 9)
    assert 1 <= needles["count"] <= 400
    assert np.linalg.norm(numbers[:, :, 3:6].astype(float), axis=2) == pytest.approx(1, abs=2e-3)
    pixels = scene.analysis.prediction.camera.project(numbers[0, :, :3].astype(float))
    assert np.abs(pixels - (20.5, 30.5)).max() < 0.06 * 80 + 1


def test_chosen_failure_marks_its_region_and_turns_the_view(scene: Scene, tab: Cloud) -> None:
    chosen = scene.choose(1)
    value = tab.point(chosen, settings(tab))[tab.viewer]
    runs = np.array(value["region"]["runs"]).reshape(-1, 2)
    assert runs[:, 1].sum() == chosen.chosen.region.count
    pixel = scene.analysis.prediction.camera.project(np.array(value["focus"]["centre"]))
    x0, y0, x1, y1 = chosen.chosen.box
    assert x0 <= pixel[0] <= x1
    assert y0 <= pixel[1] <= y1
    assert value["focus"]["rank"] == 1
    assert json.dumps(value)


def test_filter_lowers_the_count_and_zero_shows_all(scene: Scene, tab: Cloud) -> None:
    depth = scene.analysis.prediction.initial["depth"]
    assert depth.shape == SIZE
    everything = tab.point(scene, settings(tab, edges=0.0))[tab.viewer]["counts"]
    assert everything == [SIZE[0] * SIZE[1]] * 2
    assert tab.point(scene, settings(tab, edges=2.0))[tab.viewer]["counts"][0] < everything[0]


def test_files_are_made_once_for_each_budget_and_colour(tab: Cloud) -> None:
    scene = scene_of(FakePredictor())
    first = tab.fill(scene, settings(tab))[tab.viewer]
    moved = tab.point(scene.point(0.1, 0.1), settings(tab, size=2.0))[tab.viewer]
    assert files(first) == files(moved)
    assert first["probe"] != moved["probe"]
    recoloured = tab.fill(scene, settings(tab, colour="normal"))[tab.viewer]
    assert files(recoloured)[0] == files(first)[0]
    assert files(recoloured)[1] != files(first)[1]
    through = dataclasses.replace(scene, analysis=scene.analysis.with_camera(Camera.from_fov(80, 60, 90)))
    wider = tab.fill(through, settings(tab))[tab.viewer]
    assert wider["camera"]["fx"] < first["camera"]["fx"]
    assert wider["run"] == first["run"]
    files(first)[1].unlink()
    assert files(tab.fill(scene, settings(tab))[tab.viewer])[1].is_file()


def test_default_budget_stays_under_two_megabytes(tab: Cloud) -> None:
    photo = np.full((768, 1024, 3), 128, np.uint8)
    analysis = Analysis(photo, FakePredictor()(photo), "large.jpg", (768, 1024))
    sampled = view.shape(analysis, dict(BUDGETS)["100,000"])
    size = len(sampled.data()) + view.paint(analysis, "class", sampled).nbytes
    points = 2 * len(sampled.rows) * len(sampled.columns)
    assert points > 199_000
    assert size <= min(2_000_000, 15 * points)


def test_without_trace_back_one_cloud(tab: Cloud) -> None:
    scene = scene_of(FakePredictor(trace_back=False))
    filled = tab.fill(scene, settings(tab, colour="change"))
    assert filled[tab.viewer]["stages"] == ["initial"]
    # hidden, it keeps its choices: a browser does not hear of new ones, and its old value would be refused
    assert filled[tab.show].visible is False and filled[tab.show].choices == []
    assert filled[tab.viewer]["show"] == "both"
    assert "change" not in [key for _, key in filled[tab.colour].choices]
    assert filled[tab.colour].value == "photo"


def test_without_depth_a_sentence(scene: Scene, tab: Cloud) -> None:
    given = scene.analysis.prediction
    initial = {"normals": given.initial["normals"]}
    flat = dataclasses.replace(given, tasks=("normals",), initial=initial, refined={})
    without = Scene(dataclasses.replace(scene.analysis, prediction=flat, cache={}), (0, 0))
    assert "no depth" in tab.fill(without, settings(tab))[tab.viewer]["message"]
    assert tab.point(without, settings(tab)) == {}


def test_truth_is_a_third_cloud(true_scene: Scene, tab: Cloud) -> None:
    filled = tab.fill(true_scene, settings(tab))
    value, true = filled[tab.viewer], true_scene.analysis.truth.maps["depth"]
    json.dumps(value)
    assert [key for _, key in filled[tab.show].choices] == ["both", "initial", "refined", "truth"]
    assert filled[tab.show].choices[-1][0] == "ground truth" == value["names"][-1]
    assert value["show"] == "both"
    assert value["stages"] == ["initial", "refined", "truth"]
    assert value["files"] == ["initial", "refined", "truth"] and value["stem"] == "my room"
    sampled = view.shape(true_scene.analysis, None)
    assert sampled.depths[2] * sampled.farthest / 65535 == pytest.approx(true, abs=1e-4)
    assert value["counts"][2] < value["counts"][0]  # what is unknown has no points
    assert value["probe"]["depths"][2] == pytest.approx(true[30, 20])
    needles = value["needles"]
    numbers = np.frombuffer(base64.b64decode(needles["data"]), "<f2").reshape(3, needles["count"], 9)
    assert np.linalg.norm(numbers[2, :, 3:6].astype(float), axis=1) == pytest.approx(1, abs=2e-3)
    alone = tab.point(true_scene, settings(tab, show="truth"))[tab.viewer]
    assert alone["show"] == "truth"
    assert (value["arrows"], alone["arrows"]) == ("predicted normals", "ground-truth normals")


@pytest.mark.parametrize("what", view.COLOURS)
def test_truth_has_the_same_colours(true_scene: Scene, what: str) -> None:
    sampled = view.shape(true_scene.analysis, 500)
    painted = view.paint(true_scene.analysis, what, sampled)
    assert len(painted) == (1 if what in ("photo", "change") else 3)
    assert np.ptp(painted[-1]) > 0


def test_truth_of_depth_alone_is_grey_where_it_has_no_colour(tab: Cloud) -> None:
    bare = scene_of(FakePredictor())
    before = tab.fill(bare, settings(tab))[tab.viewer]
    assert before["stages"] == ["initial", "refined"]
    given = dataclasses.replace(bare, analysis=with_own(bare.analysis, truth_of(bare, "depth")))
    after = tab.fill(given, settings(tab))[tab.viewer]
    assert after["stages"][-1] == "truth" and files(after)[0] != files(before)[0]  # nothing old is kept
    assert after["run"] == before["run"]
    sampled = view.shape(given.analysis, 500)
    for what in ("class", "normal", "depth normal", "angle"):
        assert (view.paint(given.analysis, what, sampled)[2] == 128).all()
        assert not view.export(given.analysis, "truth", what, sampled, 0).normals.any()
    assert view.arrows(given.analysis, "truth") == "" != view.arrows(given.analysis, "both")
    gone = tab.fill(dataclasses.replace(given, analysis=with_own(given.analysis, None)), settings(tab))
    assert gone[tab.viewer]["stages"] == ["initial", "refined"]


def test_truth_is_shown_beside_a_network_without_trace_back(tab: Cloud) -> None:
    alone = scene_of(FakePredictor(trace_back=False))
    given = dataclasses.replace(alone, analysis=known(alone.analysis, truth_of(alone, "depth")))
    filled = tab.fill(given, settings(tab))
    assert filled[tab.show].choices == [("initial", "both"), ("ground truth", "truth")]
    assert filled[tab.viewer]["show"] == "both"


def test_truth_is_exported_when_it_is_shown(true_scene: Scene, tab: Cloud) -> None:
    redraw = {control.component: control.redraw for control in tab.controls if control.event == "click"}
    (value,) = redraw[tab.ply](true_scene, settings(tab, show="truth")).values()
    assert value["file"]["orig_name"] == "my room-truth.ply"
    sampled = view.shape(true_scene.analysis, None)
    made = view.export(true_scene.analysis, "truth", "normal", sampled, 0.0)
    known_ = true_scene.analysis.truth.maps["depth"] > 0
    assert len(made.points) == np.count_nonzero(known_)
    assert (made.normals == true_scene.analysis.truth.maps["normals"][known_]).all()


def test_export_has_what_is_shown(scene: Scene) -> None:
    sampled = view.shape(scene.analysis, None)
    made = view.export(scene.analysis, "refined", "class", sampled, 0.0)
    assert made.points == pytest.approx(
        scene.analysis.prediction.camera.backproject(scene.analysis.prediction.refined["depth"]).reshape(
            -1, 3
        ),
        abs=1e-5,
    )
    assert (made.colours == view.paint(scene.analysis, "class", sampled)[1].reshape(-1, 3)).all()
    assert (made.normals == scene.analysis.prediction.refined["normals"].reshape(-1, 3)).all()
    derived = view.export(scene.analysis, "initial", "depth normal", sampled, 0.02)
    assert len(derived.points) == np.count_nonzero(sampled.shown(0, 10))
    kept = scene.analysis.coherence.initial.maps.depth_normals[sampled.shown(0, 10)]
    assert (derived.normals == kept).all()


@pytest.mark.parametrize(
    ("show", "names"),
    [
        ("both", ["my room.glb", "my room-ply.zip"]),
        ("refined", ["my room.glb", "my room-fake-lite-refined.ply"]),
    ],
)
def test_buttons_make_files_when_clicked(scene: Scene, tab: Cloud, show: str, names: list[str]) -> None:
    redraw = {control.component: control.redraw for control in tab.controls if control.event == "click"}
    for button, name in zip((tab.glb, tab.ply), names, strict=True):
        (value,) = redraw[button](scene, settings(tab, show=show)).values()
        assert value["file"]["orig_name"] == name
        assert Path(value["file"]["path"]).stat().st_size > 1000
