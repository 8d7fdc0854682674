"""A run in steps: predictions first, the comparison after them, how long each takes, and what the page opens on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from fake_predictor import FakePredictor
from PIL import Image
from served import TASKS

from app import session, ui
from app.opening import Opening
from app.pace import Pace
from app.page import build_slots
from app.result_cache import ResultCache, footprint
from app.scene import Scene
from app.session import Analysis
from app.tabs.coherence import Coherence
from app.views import about, stages
from mtcp.errors import InputError

SIZE = (60, 80)


@pytest.fixture
def analysis() -> Analysis:
    """A floor whose refined normals contradict its depth."""
    photo = np.full((*SIZE, 3), 90, np.uint8)
    made = FakePredictor()(photo)
    normals = made.refined["normals"].copy()
    normals[45:] = (0.0, 0.0, -1.0)
    wrong = dataclasses.replace(made, refined={**made.refined, "normals": normals})
    return Analysis(photo, wrong, "made.jpg", SIZE)


def test_uncompared_it_has_predictions_and_no_comparison(analysis: Analysis) -> None:
    early = analysis.uncompared()
    assert not early.compared and early.coherence is None and early.failures == ()
    assert Scene.of(early).probe == (40, 30)
    early.cache.update({"attention.entropy": 1, "camera.coherence.change": ()})
    done = early.compare()
    assert done.compared and done.failures
    assert done.prediction is early.prediction
    assert done.cache == {"attention.entropy": 1}
    assert done.compare() is done and done.uncompared() is done


def test_a_network_without_normals_has_nothing_to_wait_for(analysis: Analysis) -> None:
    single = dataclasses.replace(analysis.prediction, tasks=("semseg", "depth"))
    assert dataclasses.replace(analysis, prediction=single).uncompared().compared


def test_once_compared_the_probe_goes_to_the_worst_failure_unless_it_was_moved(analysis: Analysis) -> None:
    early = Scene.of(analysis.uncompared())
    done = early.analysis.compare()
    assert early.compare(done).failure == 1
    moved = dataclasses.replace(early, probe=(3, 4)).compare(done)
    assert (moved.probe, moved.failure) == ((3, 4), None)


def test_a_pixel_in_a_region_chooses_its_failure(analysis: Analysis) -> None:
    scene = Scene.of(analysis)
    for failure in analysis.failures:
        x, y = failure.pixel
        assert scene.enter(x, y).failure == failure.rank
    rows, columns = np.nonzero(~np.any([failure.region.mask(SIZE) for failure in analysis.failures], axis=0))
    outside = scene.point((columns[0] + 0.5) / SIZE[1], (rows[0] + 0.5) / SIZE[0])
    assert outside.probe == (columns[0], rows[0])
    assert outside.failure is None


def test_pace_takes_the_run_most_like_the_photo() -> None:
    pace = Pace()
    assert pace.estimate("network") is None
    pace.took("network", 100, 1.0)
    pace.took("network", 1000, 5.0)
    pace.took("network", 100, 2.0)
    assert pace.estimate("network", 120) == 2.0
    assert pace.estimate("network", 900) == 5.0
    assert pace.estimate("network") == 2.0
    assert pace.estimate("coherence", 100) is None
    with pytest.raises(InputError), pace.timed("coherence", 100):
        raise InputError("no")
    assert pace.estimate("coherence") is None
    with pace.timed("coherence", 100):
        pass
    assert pace.estimate("coherence") is not None


def test_what_runs_is_told_by_name_and_time() -> None:
    text = stages.waiting(stages.NETWORK, 2.34)
    assert text.index("Network") < text.index("about 2.34 s") < text.index("Coherence")
    assert "animation-duration:2.34s" in text
    assert "Network" not in stages.waiting(stages.COHERENCE, None)
    assert "about" not in stages.waiting(stages.COHERENCE, None)
    assert "about" not in stages.short(None) and "about 1.00 s" in stages.short(1)


def test_coherence_tab_waits_with_the_photo_and_the_clouds(
    analysis: Analysis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    pace = Pace()
    pace.took(stages.COHERENCE, 4800, 1.5)
    with gr.Blocks():
        tab = Coherence.build(pace)
    settings = {control.component: control.component.value for control in tab.controls}
    waiting = tab.fill(Scene.of(analysis.uncompared()), settings)
    assert "about 1.50 s" in waiting[tab.headline]
    assert "<img" in waiting[tab.failures.picture] and tab.failures.table not in waiting
    assert waiting[tab.cloud.viewer]["stages"] == ["initial", "refined"]
    filled = tab.fill(Scene.of(analysis), settings)
    assert "disagree by" in filled[tab.headline] and "data-failure=" in filled[tab.failures.table]


def test_tabs_say_whether_they_show_the_comparison() -> None:
    network = ui.Network(FakePredictor(), TASKS, "fake-lite.safetensors", "cpu")
    with gr.Blocks():
        slots = build_slots(network, ui.Sources())
    assert [slot.title for slot in slots if slot.tab.compares] == ["Coherence", "Ground truth"]


def test_opening_is_computed_once_with_its_comparison(tmp_path: Path) -> None:
    photo, predictor, pace = tmp_path / "room.png", FakePredictor(), Pace()
    Image.fromarray(np.full((*SIZE, 3), 90, np.uint8)).save(photo)
    opening = Opening(photo)
    opening.start(predictor, session.no_truth, pace).join()
    assert opening.analysis is not None and not opening.failed
    assert "coherence" in vars(opening.analysis)
    assert predictor.calls == 1
    assert pace.estimate(stages.NETWORK) == pytest.approx(0.123)
    assert pace.estimate(stages.COHERENCE) is not None


def test_opening_that_fails_leaves_the_page_to_photos(tmp_path: Path) -> None:
    opening = Opening(tmp_path / "none.png")
    opening.start(FakePredictor(), session.no_truth, Pace()).join()
    assert opening.failed and opening.analysis is None


def test_what_visitors_share_counts_for_none_of_them(analysis: Analysis) -> None:
    scene = Scene.of(analysis)
    assert footprint(scene) > analysis.photo.nbytes
    assert footprint(scene, [analysis]) == 0
    results = ResultCache(budget=1)
    results.share(analysis)
    kept = [results.keep(Scene.of(analysis), "made.jpg") for _ in range(3)]
    assert all(one.value is not None for one in kept)
    assert results.size == 0


def test_readme_on_the_page_has_no_pictures_and_no_dead_links() -> None:
    text = about.readable(
        "---\ntitle: x\n---\n# A\n\n![pic](docs/a.png)\n[b](docs/b.md) [c](https://c.org)\n"
    )
    assert text == "# A\n\nb [c](https://c.org)\n"
    assert 'href="#readme"' in about.intro(True) and 'href="#readme"' not in about.intro(False)


def test_examples_have_captions() -> None:
    assert 'nth-child(2)::after{content:"living room"}' in about.captions(
        [Path("a.jpg"), Path("living-room.jpg")]
    )
