"""Two networks on the page: what is compared, what it is called, what runs again, and what is left as it was."""

from __future__ import annotations

import dataclasses
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from fake_predictor import GRID, FakePredictor, attention, room
from served import TASKS

from app import session
from app.networks import Network, Networks, Offer, chosen, unique_names
from app.page import build_slots
from app.scene import Scene
from app.session import Analysis
from app.sides import Pair, of_stages
from app.tabs.attention import Attention
from app.tabs.cloud import Cloud
from app.ui import Sources
from app.views import cloud, coherence_change, failures, page, predictions, probe, scoreboard, truth
from app.views.change import Change
from mtcp.errors import InputError
from mtcp.evaluation.ground_truth import Truth
from mtcp.geometry.camera import Camera
from mtcp.geometry.cause_names import UNLIKE
from mtcp.inference.prediction import Prediction, coherence_of
from mtcp.tasks import Task, task_set

H, W = 60, 80
PHOTO = np.full((H, W, 3), 90, np.uint8)


class Tilted(FakePredictor):
    """Its floor is seen as a wall by the normals; without trace-back."""

    def __init__(self) -> None:
        super().__init__(trace_back=False, cfm=False, checkpoint="tilted.safetensors")

    def __call__(self, photo: np.ndarray, **more: object) -> Prediction:
        made = super().__call__(photo, **more)  # type: ignore[arg-type]
        normals = made.initial["normals"].copy()
        normals[round(0.7 * len(normals)) :] = (0.0, 0.0, -1.0)
        return dataclasses.replace(made, initial={**made.initial, "normals": normals})


def network(predictor: FakePredictor) -> Network:
    return Network(predictor, TASKS, predictor.checkpoint, "cpu")


@pytest.fixture
def predictors() -> tuple[FakePredictor, FakePredictor]:
    return FakePredictor(), Tilted()


@pytest.fixture
def networks(predictors: tuple[FakePredictor, FakePredictor]) -> Networks:
    return Networks(network(predictors[0]), {"tilted": Offer(TASKS, lambda: network(predictors[1]))})


@pytest.fixture
def first(networks: Networks) -> Analysis:
    return Analysis(PHOTO, networks.first.predict(PHOTO), "my room.jpg", (H, W))


@pytest.fixture
def both(networks: Networks, first: Analysis) -> Analysis:
    return networks.seen(first, "fake-lite", "tilted")


def difference(analysis: Analysis, task: Task) -> Change:
    made = predictions.view(analysis, task).change
    assert made is not None
    return made


def words(html: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", html).split())


# what is compared


def test_last_stages_stand_beside_each_other(both: Analysis, first: Analysis) -> None:
    assert both.prediction.initial["depth"] is first.prediction.refined["depth"]
    assert both.pair is not None
    assert both.prediction.refined["depth"] is both.pair.b.initial["depth"]
    assert both.prediction.tasks == ("semseg", "depth", "normals")
    assert (both.pair.stage("initial"), both.pair.stage("refined")) == ("refined", "initial")
    assert both.prediction.traces == () and both.prediction.masks is None


def test_only_common_tasks_of_the_same_classes_are_compared(first: Analysis) -> None:
    a = first.prediction
    pascal = dataclasses.replace(a, tasks=("semseg", "normals", "edge"), task_set="pascal")
    pascal.refined["edge"] = np.zeros((H, W), np.float32)
    pair = Pair(a, pascal, "a", "b")
    assert pair.both.tasks == ("normals",)
    assert pair.left_out == "Semantic segmentation (other classes), Depth (only in A), Edges (only in B)"
    assert pair.both.probability == {}
    assert "not compared" in page.header("a", "cpu", pair.both, pair=pair)
    with pytest.raises(
        InputError, match=r"a and c have nothing to compare: .*Depth .only in A.*choose another"
    ):
        Pair(dataclasses.replace(a, tasks=("depth",)), dataclasses.replace(pascal, tasks=("edge",)), "a", "c")


def test_probabilities_of_another_grid_are_read_under_the_same_pixel(first: Analysis) -> None:
    a = first.prediction
    h, w = 2 * GRID[0], 2 * GRID[1]
    values = np.broadcast_to(np.arange(w, dtype=np.float16), (40, h, w))
    b = dataclasses.replace(
        a, grid=(h, w), network_size=(4 * h, 4 * w), probability={"refined": values}, checkpoint="b"
    )
    found = Pair(a, b, "a", "b").both.probability["refined"]
    assert found.shape == (40, *GRID)
    for x in range(0, W, 7):
        column, row = a.cell(x, 30)
        assert abs(found[0, row, column] - values[0, 0, b.cell(x, 30)[0]]) <= 1


# what runs, and what stays


def test_a_network_that_has_seen_the_photo_does_not_run_again(
    networks: Networks, first: Analysis, predictors: tuple[FakePredictor, FakePredictor]
) -> None:
    both = networks.seen(first, "fake-lite", "tilted")
    assert networks.seen(both, "fake-lite", "tilted") is both
    swapped = networks.seen(both, "tilted", "fake-lite")
    alone = networks.seen(swapped, "tilted")
    back = networks.seen(both, "fake-lite", "")
    assert [one.calls for one in predictors] == [1, 1]
    assert [chosen(one) for one in (both, swapped, alone, back)] == [
        ("fake-lite", "tilted"),
        ("tilted", "fake-lite"),
        ("tilted", ""),
        ("fake-lite", ""),
    ]
    assert back.prediction.refined and back.words is of_stages("trace_back")
    assert not alone.prediction.refined
    assert networks.seen(first, "fake-lite", "fake-lite") is first


def test_camera_truth_and_probe_stay(networks: Networks, first: Analysis) -> None:
    own = Truth(room(H, W, 0.25, 3.2), first.prediction.camera, "mine", calibrated=False)
    narrow = session.with_own(first, own).with_camera(Camera.from_fov(W, H, 40))
    both = networks.seen(narrow, "fake-lite", "tilted")
    back = networks.seen(both, "tilted")
    for one in (both, back):
        assert one.prediction.camera.fov_deg == pytest.approx(40)
        assert one.prediction.camera_from == "given"
        assert one.truth is not None and one.truth.camera.fov_deg == pytest.approx(40)
    assert Scene.of(first).point(0.2, 0.9).seen_by(both).probe == (16, 54)


def test_nothing_drawn_of_other_networks_is_kept(networks: Networks, first: Analysis) -> None:
    first.cache["cloud.run"] = "old"
    both = networks.seen(first, "fake-lite", "tilted")
    assert both.cache == {}
    assert networks.seen(both, "fake-lite").cache == {}


def test_networks_are_loaded_when_first_chosen_and_once(
    predictors: tuple[FakePredictor, FakePredictor],
) -> None:
    loads = []

    def load() -> Network:
        loads.append(1)
        return network(predictors[1])

    many = Networks(network(predictors[0]), {"tilted": Offer(TASKS, load)})
    assert many.names == ("fake-lite", "tilted") and loads == []
    assert many.take(None) is many.first
    assert many.take("tilted") is many.take("tilted") and loads == [1]
    with pytest.raises(InputError, match="'/etc/passwd' is not offered here: choose fake-lite, tilted"):
        many.take("/etc/passwd")


def test_equal_file_names_are_told_apart_by_their_folders() -> None:
    paths = [Path("runs/a/best.safetensors"), Path("runs/b/best.safetensors"), Path("x/lite.safetensors")]
    assert unique_names(paths) == ["a-best", "b-best", "lite"]
    twice = unique_names([Path("1/a/best.safetensors"), Path("2/a/best.safetensors")])
    assert twice == ["a-best", "a-best (2)"]


def test_page_has_room_for_what_any_network_predicts() -> None:
    first = Network(FakePredictor(), TASKS, "fake-lite.safetensors", "cpu")
    more = Networks(first, {"edges": Offer(task_set("nyud", ("semseg", "edge")), lambda: first)})
    with gr.Blocks():
        slots = build_slots(first, Sources(), more)
    panels = slots[0].tab.tasks  # type: ignore[attr-defined]
    assert [panel.task for panel in panels] == ["semseg", "depth", "normals", "edge"]
    scene = Scene.of(Analysis(PHOTO, FakePredictor()(PHOTO), "room.jpg", (H, W)))
    filled = slots[0].tab.fill(scene, {})
    assert [filled[panel.column].visible for panel in panels] == [True, True, True, False]


# what it is called


def test_nothing_on_the_page_says_initial_or_trace_back(both: Analysis) -> None:
    scene = Scene.of(both)
    described = [
        page.headline([difference(both, task).short for task in TASKS], both.words),
        *(predictions.view(both, task).legend + difference(both, task).note for task in TASKS),
        coherence_change.headline(both),
        scoreboard.scoreboard(both),
        failures.about(both),
        failures.table(both, "all"),
        failures.chosen(scene),
        probe.readout(scene),
        " ".join(words for words, _ in failures.choices(both)),
    ]
    for text in map(words, described):
        assert not re.search("trace-back|refine|initial", text), text


def test_labels_name_both_networks(both: Analysis) -> None:
    scene = Scene.of(both)
    assert "A fake-lite" in words(scoreboard.scoreboard(both)) and "B tilted" in words(
        scoreboard.scoreboard(both)
    )
    header = words(page.header("", "cpu", both.prediction, pair=both.pair))
    assert "A fake-lite (refined, 64" in header and "B tilted (initial, 64" in header
    assert '--badge-initial:"A: fake-lite"' in probe.marker(scene)
    described = cloud.describe(scene, cloud.shape(both, 100), 0.1, False)
    assert described["names"] == ["A: fake-lite", "B: tilted"]
    assert words(difference(both, TASKS[1]).note).startswith("B differs from A: depth by 0.45 m")
    read = words(probe.readout(scene))
    assert read.startswith("A B class floor 0.80 floor 0.80 depth 2.49 m 2.14 m")


def test_names_cannot_end_the_style_sheet(first: Analysis) -> None:
    pair = Pair(first.prediction, first.prediction, 'x"}</style><b>', "b")
    scene = Scene.of(dataclasses.replace(first, prediction=pair.both, pair=pair))
    described = probe.marker(scene)
    assert described.count("</style>") == 1 and "<b>" not in described and '"A: x\\22 \\7d ' in described


def test_failures_are_of_a_of_b_or_of_both(networks: Networks, both: Analysis) -> None:
    assert {failure.status for failure in both.failures} == {
        "introduced"
    }  # the fake's own room is consistent
    assert "only in B" in words(failures.table(both)) and failures.choices(both)[0][0] == "B (1)"
    swapped = networks.seen(both, "tilted", "fake-lite")
    assert "only in A" in words(failures.table(swapped, "all"))
    assert "No region of this kind" in failures.table(swapped)
    headline = words(coherence_change.headline(both))
    assert re.search(
        r"disagree by \d+\.\d° on average in A and by \d+\.\d° in B; B has \d+\.\d° more", headline
    )
    assert "Worse in B:" in headline
    assert "B has" in words(coherence_change.headline(swapped)) and "less" in words(
        coherence_change.headline(swapped)
    )


def test_only_failures_of_the_network_that_finds_the_photo_unlike_are_put_down_to_that(
    networks: Networks, first: Analysis
) -> None:
    seen = networks.seen(first, "fake-lite", "tilted")
    assert seen.pair is not None
    strange = dataclasses.replace(seen.pair.a, unlike="it is darker than 99 % of rooms")
    pair = Pair(strange, seen.pair.b, "fake-lite", "tilted")
    analysis = dataclasses.replace(first, prediction=pair.both, pair=pair)
    assert {one.found_in for one in analysis.failures} == {"refined"}  # all are B's
    assert UNLIKE not in {one.cause.name for one in analysis.failures}
    said = words(coherence_change.headline(analysis))
    assert (
        "This photo is unlike those of training: for A (fake-lite), it is darker than 99 % of rooms" in said
    )
    swapped = Pair(seen.pair.b, strange, "tilted", "fake-lite")
    assert swapped.both.unlike == "for B (fake-lite), it is darker than 99 % of rooms"
    both = Pair(strange, dataclasses.replace(seen.pair.b, unlike="it is blurred"), "a", "b")
    causes = {one.cause.name: one.cause.sentence for one in coherence_of(both.both).failures}
    assert list(causes) == [UNLIKE] and "for B (b), it is blurred. By its shape" in causes[UNLIKE]


def test_without_common_depth_the_page_says_so(first: Analysis) -> None:
    flat = dataclasses.replace(first.prediction, tasks=("semseg", "normals"), checkpoint="flat")
    pair = Pair(first.prediction, flat, "a", "flat")
    analysis = dataclasses.replace(first, prediction=pair.both, pair=pair)
    assert "The two networks have no depth in common" in coherence_change.headline(analysis)


def test_truth_columns_are_of_both(networks: Networks, first: Analysis) -> None:
    known = session.known(first, Truth(room(H, W, 0.25, 3.2), first.prediction.camera, "made"))
    both = networks.seen(known, "fake-lite", "tilted")
    depth = truth.view(both, TASKS[1])
    assert depth is not None
    described = words(depth.numbers)
    assert described.startswith("against the ground truth A B B \N{MINUS SIGN} A")
    assert "A " in words(truth.headline(both)) and "\N{RIGHTWARDS ARROW}" not in truth.headline(both)
    assert words(truth.at_probe(Scene(both, (3, 4)))).startswith("at (3, 4) A B ground truth")


def test_labels_of_other_classes_are_no_truth(first: Analysis) -> None:
    truth = Truth(room(H, W, 0.25, 3.2), first.prediction.camera, "made", task_set("nyud")[0].classes)
    known = session.known(first, truth)
    other = dataclasses.replace(first.prediction, task_set="pascal", tasks=("semseg", "normals"))
    changed = session.of_networks(known, other)
    assert changed.truth is not None and set(changed.truth.maps) == {"depth", "normals"}
    again = session.of_networks(changed, first.prediction)
    assert again.truth is not None and "semseg" in again.truth.maps


# tabs and files


def test_attention_shows_the_inside_of_either(both: Analysis) -> None:
    with gr.Blocks():
        tab = Attention.build()
    settings = {control.component: control.component.value for control in tab.controls}
    scene = Scene.of(both)
    filled = tab.fill(scene, settings)
    assert filled[tab.network].visible and [label for label, _ in filled[tab.network].choices] == [
        "A: fake-lite",
        "B: tilted",
    ]
    assert "<img" in filled[tab.overlays]
    of_b = tab.fill(scene, {**settings, tab.network: "refined"})
    assert of_b[tab.overlays] == "" and "no part in which pixels attend" in of_b[tab.headline]
    assert both.alone("initial") is both.alone("initial")
    alone = tab.fill(Scene.of(both.alone("initial")), {**settings, tab.network: "refined"})
    assert "<img" in alone[tab.overlays]
    assert attention().grid == GRID


def test_zip_and_clouds_name_their_networks(
    both: Analysis, first: Analysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with zipfile.ZipFile(session.archive(both, tmp_path)) as packed:
        names = packed.namelist()
        for side, name, checkpoint, stage in (
            ("initial", "my room_A-fake-lite.npz", "fake-lite.safetensors", "refined"),
            ("refined", "my room_B-tilted.npz", "tilted.safetensors", "initial"),
        ):
            with packed.open(name) as file, np.load(file) as stored:
                assert str(stored["checkpoint"]) == checkpoint
                assert np.array_equal(stored[f"depth_{stage}"], both.prediction.stages()[side]["depth"])
    assert "my room_A-fake-lite_depth_refined_mm.png" in names
    with zipfile.ZipFile(session.archive(first, tmp_path)) as packed, packed.open("my room.npz") as file:
        assert str(np.load(file)["checkpoint"]) == "fake-lite.safetensors"
    with gr.Blocks():
        tab = Cloud.build()
    settings = {control.component: getattr(control.component, "value", None) for control in tab.controls}
    saved = tab._saver(lambda place, clouds: _listed(place, clouds))(Scene.of(both), settings)
    assert saved[tab.saved]["file"]["orig_name"] == "A-fake-lite-refined,B-tilted-initial"


def _listed(place: Path, clouds: Mapping[str, object]) -> Path:
    made = place.with_name(",".join(clouds))
    made.write_text("")
    return made
