"""The scene and the probe's readout: what a click, a typed number, a failure or another camera changes."""

from __future__ import annotations

import dataclasses
import re
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
from fake_predictor import FakePredictor
from hypothesis import given
from hypothesis import strategies as st

from app.page import Page
from app.result_cache import ResultCache
from app.scene import Scene
from app.scene_events import _mover
from app.session import Analysis
from app.views import probe, scoreboard
from mtcp.errors import InputError
from mtcp.evaluation.ground_truth import Truth

SIZE = (60, 80)


@pytest.fixture(scope="module")
def scene() -> Scene:
    photo = np.full((*SIZE, 3), 90, np.uint8)
    return Scene.of(Analysis(photo, tilted(FakePredictor()(photo)), "made.jpg", SIZE))


def tilted(prediction):
    """With refined normals that contradict the floor's depth, so that there is a failure."""
    normals = prediction.refined["normals"].copy()
    normals[45:] = (0.0, 0.0, -1.0)
    return dataclasses.replace(prediction, refined={**prediction.refined, "normals": normals})


def test_a_new_run_looks_at_its_worst_failure(scene: Scene) -> None:
    assert scene.failure == 1
    assert scene.probe == scene.analysis.failures[0].pixel
    assert scene.chosen is scene.analysis.failures[0]


def test_a_run_without_failures_looks_at_the_middle() -> None:
    photo = np.full((*SIZE, 3), 90, np.uint8)
    made = FakePredictor()(photo)
    single = dataclasses.replace(made, tasks=("semseg", "depth"))
    looked = Scene.of(Analysis(photo, single, "made.jpg", SIZE))
    assert (looked.analysis.coherence, looked.failure, looked.probe) == (None, None, (40, 30))


@given(st.floats(-0.5, 1.5), st.floats(-0.5, 1.5))
def test_a_click_is_always_inside(scene: Scene, x: float, y: float) -> None:
    column, row = scene.point(x, y).probe
    assert 0 <= column < SIZE[1]
    assert 0 <= row < SIZE[0]
    if 0 <= x < 1:
        assert column <= x * SIZE[1] < column + 1


def test_a_number_outside_the_photo_is_named(scene: Scene) -> None:
    assert scene.enter(79, None).probe == (79, scene.probe[1])
    with pytest.raises(InputError, match=r"pixel \(80, \d+\) is outside .* 0 to 79"):
        scene.enter(80, None)
    with pytest.raises(InputError, match="failure 99 does not exist"):
        scene.choose(99)


def test_another_camera_measures_again_but_keeps_what_is_free_of_it(scene: Scene) -> None:
    scene.analysis.cache.update({"attention.entropy": 1, "camera.cloud": 2})
    wide = scene.see_through(100)
    assert wide.analysis.prediction.camera.fov_deg == pytest.approx(100)
    assert wide.analysis.prediction.initial is scene.analysis.prediction.initial
    assert wide.analysis.cache == {"attention.entropy": 1}
    assert wide.failure is None
    before, after = scene.analysis.coherence, wide.analysis.coherence
    assert before is not None
    assert after is not None
    assert before.initial.depth_normal.mean_deg != after.initial.depth_normal.mean_deg
    for wrong in (0, 180, float("nan")):
        with pytest.raises(InputError, match="field of view"):
            scene.see_through(wrong)


def test_the_readout_reads_the_maps(scene: Scene) -> None:
    at = scene.enter(40, 20)
    found = probe.readings(at)
    refined = at.analysis.prediction.refined
    assert found["refined"].depth == pytest.approx(refined["depth"][20, 40])
    assert found["refined"].label == refined["semseg"][20, 40]
    assert found["refined"].normal == pytest.approx(refined["normals"][20, 40])
    assert found["initial"].angle is not None
    readout = probe.readout(at)
    assert f"{refined['depth'][20, 40]:.2f} m" in readout
    assert "window" in readout


def test_the_readout_shows_the_truth_where_it_is_known(scene: Scene) -> None:
    maps = {"depth": np.full(SIZE, 1.25, np.float32), "semseg": np.full(SIZE, 255, np.uint8)}
    true = Truth(maps, scene.analysis.prediction.camera, "made")
    seen = dataclasses.replace(scene, analysis=dataclasses.replace(scene.analysis, truth=true))
    assert probe.readings(seen)["truth"].depth == pytest.approx(1.25)
    assert probe.readings(seen)["truth"].label is None
    assert "truth" in probe.readout(seen)


def test_the_readout_has_two_decimals_and_the_truth_last(scene: Scene) -> None:
    maps = scene.analysis.prediction.initial
    true = Truth(dict(maps), scene.analysis.prediction.camera, "made")
    known = dataclasses.replace(scene.analysis, truth=true, cache={})
    seen = dataclasses.replace(scene, analysis=known).enter(40, 50)
    readout = probe.readout(seen)
    heads = re.findall(r'<th scope="col" class="[^"]*">([^<]*)</th>', readout)
    assert heads == ["", "initial", "refined", "ground truth"]
    row = re.search(r"<tr><td>normal y</td>(.*?)</tr>", readout)
    assert row is not None
    assert row.group(1) == "<td>\N{MINUS SIGN}1.00</td><td>0.00</td><td>\N{MINUS SIGN}1.00</td>"
    assert probe.readings(seen)["truth"].angle is None  # not compared yet
    scoreboard.truth_stage(known)
    assert probe.readings(seen)["truth"].angle == pytest.approx(probe.readings(seen)["initial"].angle)


def test_the_marker_lies_on_the_probe(scene: Scene) -> None:
    css = probe.marker(scene.enter(0, 59))
    assert "--probe-x:0.625%" in css
    assert "--probe-y:99.167%" in css
    assert "--ratio:1.33333" in css
    assert "--probe:none" in probe.marker(None)


def page_with(results: ResultCache, **more: Any) -> Any:
    """As much of a `Page` as a listener needs that moves the probe."""
    sidebar = SimpleNamespace(point=lambda scene: {}, refocus=lambda scene: {})
    return SimpleNamespace(results=results, sidebar=sidebar, scene="scene", drawn="drawn", **more)


def test_a_comparison_that_ends_while_the_probe_is_moved_is_not_lost(scene: Scene) -> None:
    analysis = dataclasses.replace(scene.analysis)  # not compared yet
    early = analysis.uncompared()
    results, drawn = ResultCache(), []
    kept = results.keep(Scene.of(early), "made.jpg")

    def draw(scene: Scene, data: object) -> dict[str, int]:
        if not drawn:  # meanwhile another listener ends
            results.change(kept, lambda before: (before.compare(early.compare()), None))
            assert results.look(kept).analysis.compared
        drawn.append(scene.probe)
        return {}

    move = _mover(page_with(results, draw=draw), lambda scene, *_: scene.point(0.1, 0.2))
    assert move({"scene": kept}, None)["scene"] is kept
    now = results.look(kept)
    assert now.analysis.compared and now.probe == drawn[-1] == Scene.of(analysis).point(0.1, 0.2).probe
    assert len(drawn) == 2


class Thing:
    """Stands for a prediction."""


def test_no_prediction_is_taken_for_one_before_at_the_same_place_in_memory() -> None:
    filled: list[int] = []

    def fill(scene: Scene, data: object) -> dict[str, int]:
        filled.append(1)
        return {}

    tab = SimpleNamespace(title="t", compares=False, fill=fill)
    page: Any = SimpleNamespace(
        slots=(SimpleNamespace(tab=tab, empty=gr.HTML(), shown=gr.Column()),), opened="opened", drawn="drawn"
    )
    drawn: Any = {}
    for turn in range(100):  # each is freed before the next is made, most at its place
        thing = Thing()
        analysis: Any = SimpleNamespace(prediction=thing, truth=None, compared=True)
        data: Any = {"opened": "t", "drawn": drawn}
        drawn = Page.draw(page, Scene(analysis, (1, 2)), data)["drawn"]
        assert len(filled) == turn + 1
        again = Page.draw(page, Scene(analysis, (1, 2)), {**data, "drawn": drawn})
        assert len(filled) == turn + 1 and again["drawn"] is not drawn  # the same: nothing to do
        del thing, analysis
