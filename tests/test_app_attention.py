"""The Attention tab: what its pictures show, what its words say, and what it does without the parts it shows."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
import subprocess
import sys
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from fake_predictor import FLOOR, QUERIES, TASKS, FakePredictor
from PIL import Image

from app.scene import Scene
from app.session import Analysis
from app.tabs.attention import Attention
from app.views import attention, attention_bars, attention_inside
from app.views import attention_pictures as pictures
from mtcp.drawing import colour
from mtcp.model.trace import AttentionTrace, MapsTrace, NamedMap, Trace
from mtcp.tasks import NYUD_CLASSES

ROOT = Path(__file__).parents[1]
PROBE = (40, 50)


def run_of(predictor: FakePredictor, size: tuple[int, int] = (96, 128)) -> Analysis:
    photo = np.full((*size, 3), 200, np.uint8)
    return Analysis(photo, predictor(photo), "room.jpg", size)


@pytest.fixture
def analysis() -> Analysis:
    return run_of(FakePredictor())


def drawn(html: str) -> list[np.ndarray]:
    """The pictures in a piece of HTML."""
    found = re.findall(r'src="data:image/\w+;base64,([^"]+)"', html)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")) for data in found]


def alts(html: str) -> list[str]:
    return re.findall(r'alt="([^"]*)"', html)


def test_views_need_neither_gradio_nor_torch() -> None:
    code = "import sys, app.views.attention_inside; print(sorted({'gradio', 'torch'} & set(sys.modules)))"
    values = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert values.stdout == "[]\n"


def test_scales_by_hand() -> None:
    row = np.array([[0.8, 0.08], [0.08, 0.0]], np.float32)
    assert pictures.scaled(row, "linear").ravel() == pytest.approx([1, 0.1, 0.1, 0])
    assert pictures.scaled(row, "log").ravel() == pytest.approx([1, 5 / 6, 5 / 6, 0], abs=1e-6)
    assert pictures.scaled(row, "rank").ravel() == pytest.approx([1, 0.5, 0.5, 0])
    assert pictures.scaled(np.ones((1, 1), np.float32), "rank").shape == (1, 1)


@pytest.mark.parametrize("scale", pictures.SCALES)
def test_every_scale_keeps_the_order(scale: str) -> None:
    row = np.random.default_rng(0).gamma(0.3, size=(12, 16)).astype(np.float32)
    seen = pictures.scaled(row, scale).ravel()[np.argsort(row.ravel())]
    assert (np.diff(seen) >= 0).all()
    assert (seen.max(), seen.min() >= 0) == (pytest.approx(1), True)


def test_overlay_goes_from_the_grey_photo_to_the_row_alone(analysis: Analysis) -> None:
    row = analysis.prediction.affinity("depth", *PROBE)
    bare = pictures.overlay(analysis, row, "linear", 0.0)
    assert bare.shape == (96, 128, 3)
    assert (bare == 200).all()
    full = pictures.overlay(analysis, row, "linear", 1.0)
    expected = colour.probability(row / row.max())
    assert (full == expected.repeat(8, axis=0).repeat(8, axis=1)).all()
    half = pictures.overlay(analysis, row, "linear", 0.5)
    assert half == pytest.approx((bare.astype(float) + full) / 2, abs=0.5)


def test_overlays_of_large_photos_are_small() -> None:
    large = run_of(FakePredictor(), (600, 800))
    row = large.prediction.affinity("depth", 0, 0)
    assert pictures.overlay(large, row, "linear", 0.5).shape == (300, 400, 3)


def test_a_grid_that_reaches_beyond_the_photo_is_cut() -> None:
    prediction = dataclasses.replace(
        FakePredictor()(np.full((92, 122, 3), 9, np.uint8)), network_size=(46, 61)
    )
    values = np.arange(12 * 16, dtype=np.float32).reshape(12, 16)
    shown, each_a_cell = pictures.small(prediction, values, 4)
    assert (shown.shape, each_a_cell) == ((92, 122), False)
    assert shown[:, 0].tolist() == [16.0 * (y // 8) for y in range(92)]
    assert np.count_nonzero(shown[0] == 15) == 2  # a quarter of the last cell is inside
    exact, each_a_cell = pictures.small(FakePredictor()(np.full((96, 128, 3), 9, np.uint8)), values, 4)
    assert each_a_cell
    assert exact is values


def test_headline_tells_the_class_and_how_widely_each_task_looks(analysis: Analysis) -> None:
    found = attention.rows_at(analysis, (64, 90))  # on the floor
    words = attention.headline(analysis, (64, 90), found)
    assert "From the probe on <b>floor</b>, semantic segmentation attends to about <b>" in words
    assert "of 192 cells, depth to about <b>" in words
    assert [look.task for look in found] == list(TASKS)
    for look in found:
        assert f"to about <b>{attention.count(look.effective)}</b>" in words
        assert look.effective == pytest.approx(np.exp(-(look.row * np.log(look.row)).sum()), rel=1e-4)


def test_overlays_follow_the_probe_and_the_scale(analysis: Analysis) -> None:
    here = attention.overlays(analysis, attention.rows_at(analysis, PROBE), "linear", 0.7)
    assert alts(here) == [
        f"{title}: what the probe attends to, linear scale"
        for title in ("Semantic segmentation", "Depth", "Surface normals")
    ]
    assert here.count('class="mt-pick"') == 3
    elsewhere = attention.overlays(analysis, attention.rows_at(analysis, (120, 5)), "linear", 0.7)
    ranked = attention.overlays(analysis, attention.rows_at(analysis, PROBE), "rank", 0.7)
    assert (drawn(here)[0] != drawn(elsewhere)[0]).any()
    assert (drawn(here)[0] != drawn(ranked)[0]).any()
    assert "most attended" in ranked


def test_legends_are_in_multiples_of_the_even_share() -> None:
    row = np.full((10, 10), 0.5 / 99, np.float32)
    row[3, 3] = 0.5
    assert "<span>0</span><span>25</span><span>50 × uniform</span>" in attention.legend(row, "linear")  # noqa: RUF001
    log_ticks = "<span>10⁻⁴</span><span>10⁻²</span><span>0.5</span><span>50 × uniform</span>"  # noqa: RUF001
    assert log_ticks in attention.legend(row, "log")


def test_readouts_compare_with_attention_without_preference(analysis: Analysis) -> None:
    trace = analysis.prediction.attention
    assert trace is not None
    flat = dataclasses.replace(trace, queries={task: np.zeros_like(of) for task, of in trace.queries.items()})
    prediction = Analysis(
        analysis.photo,
        dataclasses.replace(analysis.prediction, traces=(flat,)),
        analysis.name,
        analysis.original,
    )
    text = attention.readouts(prediction, PROBE, attention.rows_at(prediction, PROBE))
    rows = re.findall(r"<tr><td>([^<]*)</td><td><b>([^<]*)</b>(?:&times;)?</td><td>([^<&]*)", text)
    assert [name for name, _, _ in rows[:3]] == [
        "effective cells",
        "within 10 % of the diagonal",
        "on its own class, wall",
    ]
    for _, here, even in rows:
        assert here == even  # rows without preference


def test_bars_name_the_refined_classes_and_the_rings(analysis: Analysis) -> None:
    found = attention.rows_at(analysis, PROBE)
    assert '<span class="mt-refined">refined</span>' in attention_bars.note(analysis, found)
    figure = attention_bars.bars(analysis, found)
    assert figure is not None and len(figure.layout.annotations) == 2 * len(found)
    by_class = next(t for t in figure.data if t.type == "bar" and t.meta == "Semantic segmentation, by class")
    assert {"wall", "floor", "window"} == set(by_class.y)
    labels = attention.labels(analysis)
    assert labels is not None
    floor = float(found[0].row[labels.cells == FLOOR].sum())
    assert by_class.x[by_class.y.index("floor")] == pytest.approx(100 * floor, abs=1e-3)
    even = next(t for t in figure.data if t.name == "uniform" and t.meta == by_class.meta)
    assert even.x[even.y.index("floor")] == pytest.approx(
        100 * float((labels.cells == FLOOR).mean()), abs=1e-3
    )
    rings = next(t for t in figure.data if t.type == "bar" and t.meta == "Depth, by distance")
    assert rings.y[0] == "0 to 10 %" and sum(rings.x) == pytest.approx(100, abs=0.1)
    plain = run_of(FakePredictor(trace_back=False))
    note = attention_bars.note(plain, attention.rows_at(plain, PROBE))
    assert '<span class="mt-initial">initial</span>' in note
    assert attention_bars.bars(plain, ()) is None


def test_many_classes_are_summed_up() -> None:
    row = np.full((4, 5), 1 / 20, np.float32)
    cells = np.arange(20, dtype=np.uint8).reshape(4, 5)
    palette = ((1, 2, 3),) * 40
    shown = attention_bars.by_class(row, attention.Labels(cells, NYUD_CLASSES, palette, "refined"))
    assert len(shown) == attention_bars.SHOWN_CLASSES + 1
    assert shown[-1].name == "12 more" and shown[-1].share == pytest.approx(12 / 20)
    assert shown[0].colour == "#010203"


def test_entropy_maps_are_computed_once(analysis: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    first = attention_inside.entropies(analysis)
    monkeypatch.setattr(AttentionTrace, "entropy", None)
    assert attention_inside.entropies(analysis) == first
    assert [picture.shape for picture in drawn(first)] == [(12, 16, 3)] * 3
    assert "<span>192 cells</span>" in first


def test_large_networks_get_a_sparse_entropy_map(analysis: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention_inside, "ENTROPY_WORK", 192 * 48 * 8 / 3.9)
    text = attention_inside.entropies(analysis)
    assert [picture.shape for picture in drawn(text)] == [(6, 8, 3)] * 3
    assert "one cell in each 2 &times; 2" in text


def test_gates_state_their_mean(analysis: Analysis) -> None:
    text = attention_inside.gates(analysis)
    assert text.count("<img") == 6
    trace = analysis.prediction.attention
    assert trace is not None
    gate = trace.gates["semseg"]["depth"].astype(np.float32)
    assert f"<b>{gate.mean():.2f}</b>" in text
    assert "gate: depth into semantic segmentation" in alts(text)
    assert (drawn(text)[0] == colour.probability(gate)).all()


def test_the_six_strongest_queries_are_shown_with_their_logit(analysis: Analysis) -> None:
    text = attention_inside.queries(analysis, PROBE)
    strongest = analysis.prediction.masks[:, 50 // 8, 40 // 8].astype(float)
    assert len(drawn(text)) == 6 < QUERIES
    best = int(strongest.argmax())
    assert f"query {best + 1} <b>{strongest[best]:+.2f}</b> at the probe" in text


def test_queries_that_are_all_alike_are_said_to_be(analysis: Analysis) -> None:
    masks = analysis.prediction.masks[:1].repeat(QUERIES, axis=0)
    same = Analysis(
        analysis.photo,
        dataclasses.replace(analysis.prediction, masks=masks),
        analysis.name,
        analysis.original,
    )
    text = attention_inside.queries(same, PROBE)
    assert len(drawn(text)) == 1
    assert f"All {QUERIES} queries of this checkpoint draw the same mask" in text


def gated(analysis: Analysis, gate: np.ndarray | None) -> Analysis:
    prediction = dataclasses.replace(analysis.prediction, gate=gate)
    return Analysis(analysis.photo, prediction, analysis.name, analysis.original)


def test_the_gate_of_the_masks_is_shown_from_0_to_1(analysis: Analysis) -> None:
    gate = np.linspace(0.2, 0.9, 12 * 16, dtype=np.float32).reshape(12, 16)
    text = attention_inside.queries(gated(analysis, gate), PROBE)
    assert alts(text)[0] == "the gate that the query masks make"
    assert "mean <b>0.55</b>" in text and "0.20 to 0.90" in text
    assert (drawn(text)[0] == colour.mapped(gate, 0.0, 1.0, "magma")).all()
    doubled = attention_inside.queries(gated(analysis, 2 * gate), PROBE)
    assert (drawn(doubled)[0] == drawn(text)[0]).all()  # from 0 to 2
    unbounded = attention_inside.queries(gated(analysis, 10 * gate - 5), PROBE)
    assert "-3 to 4" in unbounded.replace("-3.00 to 4.00", "-3 to 4")


def test_a_gate_that_does_nothing_is_said_to(analysis: Analysis) -> None:
    even = np.full((12, 16), 0.998, np.float32)
    even[0] = 0.99
    text = attention_inside.queries(gated(analysis, even), PROBE)
    assert "This gate is <b>1.00</b> everywhere: it does nothing." in text
    even[0] = 0.98
    assert "does nothing" not in attention_inside.queries(gated(analysis, even), PROBE)
    assert "gate is" not in attention_inside.queries(gated(analysis, None), PROBE)


def test_the_strip_shows_each_step_at_its_own_resolution(analysis: Analysis) -> None:
    text = attention_inside.steps(analysis)
    found = drawn(text)
    assert [picture.shape[:2] for picture in found] == [(96, 128), (3, 4), (6, 8), (96, 128)] * 3
    assert alts(text)[4:8] == [
        "Depth: initial",
        "Depth: step 1, 1/16",
        "Depth: step 2, 1/8",
        "Depth: refined",
    ]
    prediction = analysis.prediction
    maps = (prediction.initial["depth"], *prediction.intermediate["depth"], prediction.refined["depth"])
    assert (found[5] == colour.depth(prediction.intermediate["depth"][0], colour.value_range(*maps))).all()
    apart = np.abs(prediction.initial["depth"] - prediction.refined["depth"]).mean()
    assert f"{apart:.2f} m away" in text


def scene_of(predictor: FakePredictor) -> Scene:
    return Scene(run_of(predictor), PROBE)


@pytest.fixture
def tab() -> Attention:
    with gr.Blocks():
        return Attention.build()


def settings_of(tab: Attention, **values: object) -> dict[object, object]:
    return {tab.network: "initial", tab.scale: "linear", tab.opacity: 60} | {
        getattr(tab, name): value for name, value in values.items()
    }


def test_fill_sets_everything_and_point_what_follows_the_probe(tab: Attention) -> None:
    scene, settings = scene_of(FakePredictor()), settings_of(tab)
    filled = tab.fill(scene, settings)
    assert set(filled) == set(tab.outputs)
    pointed = tab.point(scene, settings)
    blocks = {*tab.attending, tab.holding, tab.stepping}
    assert (
        set(filled) - set(pointed) == {tab.network, tab.steps, tab.entropies, tab.gates, tab.inside} | blocks
    )
    assert all(filled[component] == value for component, value in pointed.items())
    moved = tab.point(scene.point(0.95, 0.05), settings)
    for component in (tab.headline, tab.overlays, tab.readouts, tab.bars, tab.queries):
        assert moved[component] != pointed[component]


def test_a_second_fill_draws_anew_only_what_follows_the_probe(
    tab: Attention, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, settings = scene_of(FakePredictor()), settings_of(tab)
    filled = tab.fill(scene, settings)
    for name in ("steps", "entropies", "gates"):
        monkeypatch.setattr(attention_inside, name, None)
    again = tab.fill(scene, settings)
    updates = dict.fromkeys((tab.network, *tab.attending, tab.holding, tab.stepping))
    assert {**again, **updates} == {**filled, **updates}
    assert all(key.startswith("attention.") for key in scene.analysis.cache)


def test_controls_redraw_the_overlays_alone(tab: Attention) -> None:
    scene = scene_of(FakePredictor())
    before = tab.fill(scene, settings_of(tab))[tab.overlays]
    for control, changed in zip(tab.controls[:2], ({"scale": "log"}, {"opacity": 0}), strict=True):
        drawn_anew = control.redraw(scene, settings_of(tab, **changed))
        assert set(drawn_anew) == {tab.overlays}
        assert drawn_anew[tab.overlays] != before


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ({"cfm": False}, {"headline", "masses", "entropies", "gates"}),
        ({"query_gate": False}, {"queries"}),
        ({"trace_back": False}, {"steps"}),
    ],
)
def test_a_missing_part_is_one_plain_sentence(tab: Attention, missing: dict, said: set[str]) -> None:
    filled = tab.fill(scene_of(FakePredictor(**missing)), settings_of(tab))
    for name in said:
        values = filled[getattr(tab, name)]
        assert "This checkpoint has no" in values
        assert "<img" not in values
    for name in {"headline", "masses", "entropies", "gates", "queries", "steps"} - said:
        assert "This checkpoint has no" not in filled[getattr(tab, name)]
    if "cfm" in missing:
        assert filled[tab.overlays] == filled[tab.readouts] == ""


def test_a_trace_that_no_view_knows_is_no_attention(tab: Attention) -> None:
    @dataclasses.dataclass(frozen=True)
    class Slots(Trace):
        kind = "slots"

    scene = scene_of(FakePredictor())
    other = dataclasses.replace(scene.analysis.prediction, traces=(Slots(),))
    values = tab.fill(Scene(dataclasses.replace(scene.analysis, prediction=other), PROBE), settings_of(tab))
    assert values[tab.headline] == f'<p class="mt-headline">{attention.NOT_ATTENDING}</p>'
    assert "<img" in values[tab.steps]


def test_a_design_in_which_nothing_attends_leads_with_its_inside(tab: Attention) -> None:
    scene = scene_of(FakePredictor())
    gate = NamedMap("into depth", "semseg", np.full((12, 16), 0.5, np.float16))
    traces = (MapsTrace("What is let in", "How much.", (gate,)),)
    distils = dataclasses.replace(scene.analysis.prediction, traces=traces, refinement="distillation")
    values = tab.fill(Scene(dataclasses.replace(scene.analysis, prediction=distils), PROBE), settings_of(tab))
    assert values[tab.headline].startswith(
        '<p class="mt-headline">What this network computes inside is shown below: <b>What is let in</b>. This '
    )
    assert values[tab.gates].endswith("What it has inside is shown above: <b>What is let in</b>.</p>")
    assert values[tab.holding].visible and not any(values[block].visible for block in tab.attending)
    assert values[tab.stepping].label == "The refinement, step by step"
    mtcp = tab.fill(scene, settings_of(tab))
    assert not mtcp[tab.holding].visible and all(mtcp[block].visible for block in tab.attending)
    assert mtcp[tab.stepping].label == "Trace-back, step by step"


@pytest.mark.parametrize(
    ("shape", "stride"),
    [((12, 16, 3), 4), ((6, 8), 8), ((3, 4), 16), ((11, 17), 4), ((6, 9), 8), ((3, 5), 16)],
)
def test_a_steps_cells_are_told_by_its_shape(shape: tuple[int, ...], stride: int) -> None:
    grid = (12, 16) if shape[1] % 4 == 0 else (11, 17)
    assert attention_inside._stride(grid, shape) == stride
