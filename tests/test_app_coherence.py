"""The Coherence tab: its numbers and words on maps whose angles are known, its pictures by their pixels."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import re
from collections import Counter
from collections.abc import Callable

import gradio as gr
import numpy as np
import plotly.graph_objects as go
import pytest
from fake_predictor import FLOOR, WALL, WINDOW, FakePredictor
from PIL import Image

from app.scene import Scene
from app.session import Analysis
from app.sides import of_stages
from app.tabs.coherence import Coherence
from app.views import angles, causes, coherence_change, failures, outlines, scoreboard, worse
from mtcp.drawing import colour
from mtcp.evaluation.ground_truth import Truth
from mtcp.geometry.coherence import NOISE_FLOOR
from mtcp.geometry.quantities import COHERENCE
from mtcp.geometry.regions import Region
from mtcp.geometry.report import Failure

SIZE = (96, 128)
H, W = SIZE
LEFT = np.arange(W)[None].repeat(H, 0) < W // 2


def tilted(degrees: np.ndarray) -> np.ndarray:
    """Normals (H, W, 3) that many degrees off a wall that faces the camera."""
    turn = np.radians(degrees)
    return np.stack((np.sin(turn), 0 * turn, -np.cos(turn)), axis=-1).astype(np.float32)


def maps(left: float, right: float) -> dict[str, np.ndarray]:
    """A flat wall three metres away, its right half a window; the normals are off by so many degrees."""
    return {
        "semseg": np.where(LEFT, WALL, WINDOW).astype(np.uint8),
        "depth": np.full(SIZE, 3.0, np.float32),
        "normals": tilted(np.where(LEFT, left, right).astype(np.float32)),
    }


def run_of(
    initial: dict[str, np.ndarray], refined: dict[str, np.ndarray] | None = None, truth=None
) -> Analysis:
    photo = np.full((*SIZE, 3), 200, np.uint8)
    written = dataclasses.replace(FakePredictor()(photo), initial=initial, refined=refined or {})
    return Analysis(photo, written, "room.jpg", SIZE, truth)


@pytest.fixture
def analysis() -> Analysis:
    return run_of(maps(40, 10), maps(20, 10))


@pytest.fixture
def patchy() -> Analysis:
    """Fifteen squares that are wrong, the later the worse."""
    off = np.full(SIZE, 5.0, np.float32)
    for k in range(15):
        y, x = 8 + 30 * (k // 5), 6 + 25 * (k % 5)
        off[y : y + 12, x : x + 12] = 40 + 2 * k
    wrong = {**maps(0, 0), "normals": tilted(off)}
    return run_of(wrong, wrong)


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", html)).replace(" ,", ",").replace(" .", ".").strip()


def row(html: str, key: str) -> str:
    found = re.search(f'<tr data-number="{key}">(.*?)</tr>', html)
    assert found, key
    return found[1]


def cells(html: str, key: str) -> dict[str, str]:
    return {of: words(cell) for of, cell in re.findall(r'<td data-of="(\w+)">(.*?)</td>', row(html, key))}


# the headline


def test_headline_says_how_much_and_where(analysis: Analysis) -> None:
    written = words(coherence_change.headline(analysis))
    for part in ("15.0° on average", "took 10.0° off", "the wall on the left (40.0° to 20.0°)"):
        assert part in written


def test_headline_says_worsening_as_plainly() -> None:
    written = words(coherence_change.headline(run_of(maps(20, 10), maps(40, 10))))
    for part in ("25.0° on average", "added 10.0°", "the wall on the left (20.0° to 40.0°)"):
        assert part in written


def test_headline_tells_both_sides_of_a_mixed_change() -> None:
    written = words(coherence_change.headline(run_of(maps(40, 10), maps(20, 25))))
    assert (
        "took 2.5° off: less on the wall on the left (40.0° to 20.0°), but more on the window on" in written
    )
    even = words(coherence_change.headline(run_of(maps(40, 10), maps(20, 30))))
    assert "left that as it was: it fell on the wall on the left" in even
    assert "rose on the window on the right (10.0° to 30.0°)" in even


def test_gains_add_up_to_the_change_of_the_mean() -> None:
    analysis = run_of(FakePredictor()(np.full((*SIZE, 3), 9, np.uint8)).initial, maps(12, 30))
    found, report = coherence_change.coherence_change(analysis), analysis.coherence
    assert report is not None and report.refined is not None
    total = report.initial.depth_normal.mean_deg - report.refined.depth_normal.mean_deg
    assert sum(gain.off_deg for gain in found) == pytest.approx(total, abs=0.02)
    assert [gain.off_deg for gain in found] == sorted((gain.off_deg for gain in found), reverse=True)


def test_without_a_clear_place_the_largest_part_is_named() -> None:
    many = [coherence_change.Change("the door", 0.4, 20, 10), coherence_change.Change("the bed", 0.3, 9, 8)]
    verbs = coherence_change.verbs_of(of_stages("trace_back"))
    assert "the largest part of it on the door" in coherence_change.change(1.0, many, verbs)
    assert coherence_change.change(1.0, [], verbs) == "trace-back took <b>1.0°</b> off"


def test_only_trace_back_is_called_so() -> None:
    analysis = run_of(maps(20, 10), maps(60, 10))
    for refinement, by in (("trace_back", "trace-back"), ("distillation", "the refinement")):
        named = dataclasses.replace(
            analysis, prediction=dataclasses.replace(analysis.prediction, refinement=refinement)
        )
        assert f"; {by} added <b>" in coherence_change.headline(named)
        assert f"Worse after {by}: " in coherence_change.headline(named)
        assert f"fails after {by}" in failures.about(named)


# the scoreboard


def test_board_shows_numbers_changes_and_the_noise_floor(analysis: Analysis) -> None:
    written = scoreboard.scoreboard(analysis)
    mean = cells(written, "depth_normal_mean_deg")
    assert mean == {"initial": "25.0°", "refined": "15.0°", "change": "\N{MINUS SIGN}10.0° better"}
    assert cells(written, "depth_normal_within_30_pct")["change"] == "+50.0 % better"
    everywhere, away = (NOISE_FLOOR[f"plane_fit_{where}mean_deg"] for where in ("", "away_"))
    assert f"it reads {everywhere:g}° ({away:g}° away from edges)" in row(written, "depth_normal_mean_deg")
    worse = cells(scoreboard.scoreboard(run_of(maps(20, 10), maps(40, 10))), "plane_angle_deg")
    assert worse == {"initial": "20.0°", "refined": "40.0°", "change": "+20.0° worse"}


def test_board_gives_the_reason_for_what_is_missing(analysis: Analysis) -> None:
    written = row(scoreboard.scoreboard(analysis), "floor_walls_depth_error_deg")
    assert "Not measured: no floor large enough is seen." in written
    assert written.count("&ndash;") == 3
    mixed = {**maps(5, 5), "semseg": np.where(np.arange(H)[:, None] > 70, FLOOR, WALL).repeat(W, 1)}
    mixed["semseg"] = mixed["semseg"].astype(np.uint8)
    written = row(scoreboard.scoreboard(run_of(maps(5, 5), mixed)), "floor_walls_depth_error_deg")
    assert "Not measured (initial): no floor large enough is seen." in written


def test_board_tells_chance_beside_edges_and_pieces_beside_planes() -> None:
    stepped = maps(5, 5)
    stepped["depth"] = np.where(LEFT, 2.0, 3.0).astype(np.float32)
    written = scoreboard.scoreboard(run_of(stepped, stepped))
    edges = cells(written, "depth_edges_on_boundary_pct")
    assert edges["initial"].startswith("100.0 % chance ")
    assert edges["change"] == "0.0 % equal"
    assert cells(written, "plane_rms_cm")["initial"] == "0.0 cm 1 piece, 50 %"


def test_truth_is_a_column_of_its_own_and_measured_once() -> None:
    analysis = run_of(maps(40, 10), maps(20, 10))
    truth = Truth(maps(0, 0), analysis.prediction.camera, "made <here>")
    known = dataclasses.replace(analysis, truth=truth, cache={})
    written = scoreboard.scoreboard(known)
    assert cells(written, "depth_normal_mean_deg")["truth"] == "0.0°"
    assert "made &lt;here&gt;" in written and "<here>" not in written
    assert scoreboard.truth_stage(known) is known.cache["truth.coherence"]
    assert "mt-truth" not in scoreboard.scoreboard(analysis)
    depth_only = Truth({"depth": truth.maps["depth"]}, truth.camera, "a scan")
    assert scoreboard.truth_stage(dataclasses.replace(analysis, truth=depth_only, cache={})) is None


def test_without_trace_back_there_is_one_column_and_no_change() -> None:
    analysis = run_of(maps(40, 10))
    written = scoreboard.scoreboard(analysis)
    assert set(cells(written, "depth_normal_mean_deg")) == {"initial"}
    assert "mt-refined" not in written and "better" not in written and "worse" not in written
    assert "no refinement" in coherence_change.headline(analysis)


# the angle map


@pytest.mark.parametrize("method", angles.METHODS)
def test_angle_map_has_the_colour_of_its_angle(analysis: Analysis, method: str) -> None:
    stage = scoreboard.stages(analysis)["initial"]
    drawn = angles.picture(stage, method)
    assert drawn.shape == (H, W, 3)
    expected = colour.angle(np.array([[40.0, 10.0]]))
    assert np.abs(drawn[50, [20, 100]].astype(int) - expected[0]).max() <= 2


def test_unknown_is_grey_and_said() -> None:
    holes = maps(10, 10)
    holes["depth"][:40, :40] = 0
    stages = scoreboard.stages(run_of(holes))
    assert (angles.picture(stages["initial"], "plane fit")[5, 5] == angles.UNKNOWN).all()
    assert "unknown" in angles.legend(stages, "plane fit")
    assert "unknown" not in angles.legend(scoreboard.stages(run_of(maps(1, 1))), "plane fit")


def test_shares_by_hand() -> None:
    found = angles.shares(np.array([0.1, 2.4, 2.6, 89.0, 120.0, np.nan]))
    assert found.shape == (36,)
    assert found[[0, 1, 35]] == pytest.approx([40, 20, 20])
    assert found.sum() == pytest.approx(80)


def line_of(figure: go.Figure | None, stage: str) -> go.Scatter:
    assert figure is not None
    return next(t for t in figure.data if t.legendgroup == stage and t.line.shape == "hv")


def test_histogram_says_medians_and_what_lies_beyond(analysis: Analysis) -> None:
    stages = scoreboard.stages(analysis)
    figure = angles.histogram(stages, "plane fit")
    # half of the picture is at 40 and 20 degrees, half at 10
    initial, refined = (line_of(figure, stage) for stage in ("initial", "refined"))
    assert [initial.name, refined.name] == ["initial, median 25.0°", "refined, median 15.0°"]
    assert (initial.line.color, refined.line.color) == ("var(--initial)", "var(--refined)")
    at = [sum(initial.y[k - 1 : k + 1]) for k in (4, 16)]  # 10 and 40 degrees are edges of bins: either side
    assert (*at, sum(initial.y[:-1])) == pytest.approx((50, 50, 100), abs=0.01)
    assert initial.x[16] == 40.0
    assert figure.layout.xaxis.title.text == "angle (degrees)"
    assert figure.layout.annotations[0].text.endswith("% of the pixels per 2.5°</span>")
    written = angles.beside_histogram(stages, "plane fit")
    assert "Over 90°, not drawn: initial 0.0 %, refined 0.0 %." in words(written)


def test_the_truth_does_not_flatten_the_predictions() -> None:
    spread = {**maps(0, 0), "normals": tilted(np.linspace(5, 80, W, dtype=np.float32)[None].repeat(H, 0))}
    analysis = run_of(spread, spread)
    known = dataclasses.replace(
        analysis, truth=Truth(maps(0, 0), analysis.prediction.camera, "made"), cache={}
    )
    stages = scoreboard.stages(known)
    figure = angles.histogram(stages, "plane fit")
    top = figure.layout.yaxis.range[1]
    assert max(line_of(figure, "initial").y) < top < 1.2 * max(line_of(figure, "initial").y)
    assert max(line_of(figure, "truth").y) > 2 * top
    assert "cut off" in angles.beside_histogram(stages, "plane fit")
    assert "cut off" not in angles.beside_histogram(stages, "plane fit", "log")


def test_log_scale_lifts_what_is_rare(analysis: Analysis) -> None:
    figure = angles.histogram(scoreboard.stages(analysis), "plane fit", "log")
    assert figure.layout.yaxis.type == "log" and figure.layout.yaxis.range == (-2, 2)
    assert min(line_of(figure, "initial").y) == angles.FAINTEST_PCT  # nothing has no place on it


def test_without_a_known_angle_there_is_no_histogram() -> None:
    blind = maps(0, 0) | {"normals": np.full((*SIZE, 3), np.nan, np.float32)}
    stages = scoreboard.stages(run_of(blind))
    if stages:
        assert angles.histogram(stages, "plane fit") is None
        assert "No pixel has both" in angles.beside_histogram(stages, "plane fit")


# the failures


def test_rows_are_ranked_and_named(patchy: Analysis) -> None:
    written = failures.table(patchy)
    ranks = [int(rank) for rank in re.findall(r'data-failure="(\d+)" tabindex="0"', written)]
    assert ranks == list(range(1, 16))
    before_fold, after_fold = written.split("<details><summary>5 more</summary>")
    assert before_fold.count("data-failure") == failures.TOP and after_fold.count("data-failure") == 5
    first = words(re.search(r'<tr role="row" data-failure="1".*?</tr>', written)[0])  # type: ignore[index]
    assert re.fullmatch(r"1 window remaining [a-z ]+ [\d.]+ % 68.0° 68.0° 68.0°", first)


def test_filter_keeps_the_status_asked_for(analysis: Analysis) -> None:
    assert failures.choices(analysis) == [
        ("refined (0)", "current"),
        ("remaining (0)", "remaining"),
        ("introduced (0)", "introduced"),
        ("reduced (0)", "reduced"),
        ("fixed (1)", "fixed"),
        ("all (1)", "all"),
    ]
    assert failures.table(analysis) == '<p class="mt-subdued">No region of this kind.</p>'
    assert "fixed" in failures.table(analysis, "fixed")
    assert failures.table(analysis, "introduced") == '<p class="mt-subdued">No region of this kind.</p>'
    assert failures.picture(analysis, "introduced") == ""
    assert failures.choices(run_of(maps(40, 10))) == [("all (1)", "current")]


def test_a_click_chooses_what_is_listed_before_what_is_left_of_the_initial_prediction() -> None:
    initial, refined = maps(40, 5), maps(5, 5)
    refined["normals"][:, 20:40] = tilted(np.full((SIZE[0], 20), 40, np.float32))
    analysis = run_of(initial, refined)
    listed, left = analysis.failures
    assert (left.found_in, listed.found_in) == ("initial", "refined")
    assert analysis.failure_at(30, SIZE[0] // 2) == listed.rank
    assert analysis.failure_at(8, SIZE[0] // 2) == left.rank


def test_filter_and_order_by_cause() -> None:
    off = maps(40, 10)
    normals = off["normals"].copy()
    swing = 70 * np.sin(np.arange(60) * 2 * np.pi / 20)
    normals[:, 66:126] = tilted(swing)[None]
    analysis = run_of(maps(5, 5), {**off, "normals": normals})
    assert [one.cause.name for one in analysis.failures[:1]] == ["tilted surface"]
    counts = Counter(one.cause.name for one in analysis.failures)
    assert set(counts) == {"tilted surface", "rough normals"}
    assert causes.choices(analysis.failures) == [
        ("any cause", causes.ANY),
        *((f"{name} ({counts[name]})", name) for name in ("tilted surface", "rough normals")),
    ]
    for name, count in counts.items():
        assert failures.table(analysis, "all", name).count("data-failure") == count
        assert failures.picture(analysis, "all", name).count("mt-spot") == count
    grouped = failures.chosen_of(analysis, "all", order="cause")
    assert [one.cause.name for one in grouped] == sorted(counts.elements(), reverse=True)


def many() -> Analysis:
    """Squares of each status on a wall that agrees; the larger ones are less wrong."""
    before, after = np.full(SIZE, 5.0, np.float32), np.full(SIZE, 5.0, np.float32)
    squares = ((12, 60, 60), (20, 50, 45), (16, 10, 65), (14, 60, 25), (18, 40, 10))
    for k, (side, first, last) in enumerate(squares):
        at = slice(5, 5 + side), slice(2 + 25 * k, 2 + 25 * k + side)
        before[at], after[at] = first, last
    return run_of(*({**maps(0, 0), "normals": tilted(of)} for of in (before, after)))


def test_numbers_begin_with_what_is_listed_first_and_counts_add_up() -> None:
    analysis = many()
    listed = failures.chosen_of(analysis, failures.CURRENT)
    assert [one.rank for one in listed] == [1, 2, 3]
    assert [one.score for one in listed] == sorted((one.score for one in listed), reverse=True)
    assert {one.status for one in listed} == {"remaining", "introduced"}
    counts = {value: int(re.findall(r"\d+", words)[0]) for words, value in failures.choices(analysis)}
    assert counts == {"current": 3, "remaining": 2, "introduced": 1, "reduced": 1, "fixed": 1, "all": 5}
    assert "Remaining and introduced add up to refined, and with reduced and fixed to all" in words(
        failures.about(analysis)
    )
    for status, count in counts.items():
        assert failures.table(analysis, status).count('<tr role="row" data-failure') == count


@pytest.mark.parametrize(
    ("order", "key"),
    [
        ("number", lambda one: one.rank),
        ("area", lambda one: -one.share_pct),
        ("angle", lambda one: -(one.after_deg if one.found_in == "refined" else one.before_deg)),
        ("surfaces", lambda one: -one.surfaces_deg),
    ],
)
def test_the_list_is_sorted_by_what_is_asked_for(order: str, key: Callable[[Failure], float]) -> None:
    analysis = many()
    expected = [one.rank for one in sorted(analysis.failures, key=key)]
    written = failures.table(analysis, "all", order=order)
    assert [int(rank) for rank in re.findall(r'<tr role="row" data-failure="(\d+)"', written)] == expected
    assert order == "number" or expected != sorted(expected)


def test_every_number_of_the_list_stands_under_a_heading(patchy: Analysis) -> None:
    written = failures.table(patchy)
    heads = re.findall(
        r'<th scope="col" role="columnheader" class="mt-(\w+)" title="[^"]+">([^<]+)</th>', written
    )
    assert heads == 2 * [  # the folded ones have them too
        ("number", "number"), ("region", "region"), ("share", "area"), ("initial", "initial"),
        ("refined", "refined"), ("surfaces", "apart"),
    ]  # fmt: skip
    row = re.search(r'<tr role="row" data-failure="1".*?</tr>', written)
    assert row
    assert re.findall(r'class="mt-(\w+)" data-head="(\w+)">', row[0]) == heads[2:6]
    assert written.count('role="rowheader"') == 15


def test_why_it_got_worse_is_told_by_area_and_only_where_it_did() -> None:
    written = words(coherence_change.headline(run_of(maps(20, 10), maps(60, 10))))
    assert (
        "Worse after trace-back: plane-fit angle, share under 30° and derivative angle "
        "(added in failing regions: 100 % tilted surface )" in written
    )
    assert "plane angle +40.0° (whole planes, not failing" in written
    assert worse.why_worse(run_of(maps(60, 10), maps(20, 10))) == ""
    assert worse.why_worse(run_of(maps(60, 10))) == ""
    quiet = words(worse.why_worse(run_of(maps(5, 5), maps(9, 5))))
    assert "plane-fit angle and derivative angle (no failing region is worse)" in quiet


def stepped(*columns: int) -> dict[str, np.ndarray]:
    """`maps` with a step of the depth at each of these columns; the class changes at the middle one."""
    found = maps(0, 0)
    for column in columns:
        found["depth"][:, column:] *= 1.4
    return found


def test_where_discontinuities_came_and_went_is_told() -> None:
    written = words(worse.why_worse(run_of(stepped(W // 2), stepped(W // 2, 20, 100))))
    assert "depth discontinuities on boundaries (0 % there, new elsewhere)" in written
    written = words(worse.why_worse(run_of(stepped(W // 2, 20), stepped(20))))
    assert "depth discontinuities on boundaries (\N{MINUS SIGN}100 % there, 0 % elsewhere)" in written


def test_every_number_of_the_scoreboard_can_be_named() -> None:
    main = [one.key for one in COHERENCE if one.main]
    assert sorted(main) == sorted([*worse.ANGLES, *worse.EDGES, *worse.PLANES])
    for initial, refined in ((maps(20, 10), maps(60, 10)), (stepped(W // 2), stepped(W // 2, 20, 100))):
        analysis = run_of(initial, refined)
        board, written = scoreboard.scoreboard(analysis), words(worse.why_worse(analysis))
        named = {**worse.ANGLES, **worse.PLANES, **{key: what for key, (what, _) in worse.EDGES.items()}}
        for key in main:
            found = cells(board, key).get("change", "")
            if "worse" in found:
                assert named[key].removeprefix("plane-fit ") in written
        assert "worse" in board


def test_picture_has_a_number_at_each_region(patchy: Analysis) -> None:
    """At its own pixel, or a little off where it would hang over the edge or cover another."""
    written = failures.picture(patchy)
    spots = re.findall(r'data-failure="(\d+)" style="left:([\d.]+)%;top:([\d.]+)%"', written)
    assert len(spots) == 15
    wide, high = outlines.BADGE  # of the width
    places = [(float(left) / 100, float(top) / 100 * H / W) for _, left, top in spots]
    for k, (x, y) in enumerate(places):
        assert wide / 2 - 1e-3 < x < 1 - wide / 2 + 1e-3 and high / 2 - 1e-3 < y < H / W - high / 2 + 1e-3
        assert all(abs(x - a) > wide - 1e-3 or abs(y - b) > high - 1e-3 for a, b in places[:k])
    for (x, y), (rank, *_) in zip(places, spots, strict=True):
        column, row = patchy.failures[int(rank) - 1].pixel
        assert abs(x - column / W) < 3.1 * wide and abs(y - row / W) < 3.1 * high
    assert 'class="mt-pick"' in written
    data = re.search(r'src="data:image/jpeg;base64,([^"]+)"', written)
    assert data and Image.open(io.BytesIO(base64.b64decode(data[1]))).size == (W, H)


def test_the_chosen_one_is_marked_and_described(analysis: Analysis) -> None:
    scene = Scene.of(analysis)
    written = failures.chosen(scene)
    assert 'tr[data-failure="1"]' in written and "--chosen:url(" in written
    text = words(written.partition("</style>")[2])
    assert text.startswith(
        "Region 1: wall, 50.0 % of the picture, 40.0° initially, 20.0° after trace-back: fixed."
    )
    assert (
        "tilted surface: On average, too, the two face different ways: the mean normals differ by 40.0°"
        in text
    )
    assert "depth has a surface that faces towards the camera (0.00, 0.00, \N{MINUS SIGN}1.00)" in text
    assert "towards the camera and right (0.64, 0.00, \N{MINUS SIGN}0.77): 40.0° apart" in text
    assert "None is chosen" in failures.chosen(dataclasses.replace(scene, failure=None))


def test_no_failures_is_one_sentence() -> None:
    analysis = run_of(maps(5, 5), maps(5, 5))
    assert "No connected region disagrees by over 30°" in failures.about(analysis)
    assert failures.table(analysis) == failures.picture(analysis) == ""
    assert words(failures.chosen(Scene.of(analysis))) == ""


def test_directions_in_words() -> None:
    assert failures.facing((0.0, -1.0, 0.0)) == "up"
    assert failures.facing((0.7, 0.1, -0.7)) == "right and towards the camera"


def test_outlines_follow_the_border() -> None:
    mask = np.zeros((20, 30), bool)
    mask[5:15, 10:20] = True
    region = Region.of(mask, (slice(0, 20), slice(0, 30)), (20, 30))
    assert outlines.border(mask).sum() == 2 * 10 + 2 * 8
    assert outlines.path(region, (20, 30)) == "M10.5 5.5 10.5 14.5 19.5 14.5 19.5 5.5Z"
    hole = mask.copy()
    hole[8:12, 13:17] = False
    ring = Region.of(hole, (slice(0, 20), slice(0, 30)), (20, 30))
    assert outlines.path(ring, (20, 30)).count("M") == 2
    strong, box = outlines.chosen(region, (20, 30))
    assert box == (2, 0, 28, 20) and strong.shape == (20, 26, 4)
    assert strong[10, 13, 3] == 40 and strong[5, 13, 3] == 255 and strong[0, 0, 3] == 0


def test_outlines_leave_out_specks_but_never_a_region() -> None:
    mask = np.zeros((480, 640), bool)
    mask[100:200, 100:200] = True
    mask[150, 200:220] = True  # a hair
    mask[300, 300] = True  # a speck
    drawn = outlines.smooth(mask)
    assert drawn[150, 150] and not drawn[150, 210] and not drawn[300, 300]
    hair = np.zeros((480, 640), bool)
    hair[50, 50:60] = True
    assert (outlines.smooth(hair) == hair).all()


@pytest.mark.parametrize("size", [(40, 200), (200, 40), (3, 5)])
def test_thumbnails_fit_any_photo(size: tuple[int, int]) -> None:
    mask = np.zeros(size, bool)
    mask[: size[0] // 2 + 1, -2:] = True
    region = Region.of(mask, (slice(0, size[0]), slice(0, size[1])), size)
    drawn = outlines.cropped(np.full((*size, 3), 90, np.uint8), region, (84, 112))
    assert drawn.shape == (84, 112, 3)
    assert (drawn == outlines.LINE).all(axis=-1).any()


# the tab


@pytest.fixture(scope="module")
def tab() -> Coherence:
    with gr.Blocks():
        return Coherence.build()


def settings(tab: Coherence, **changed: object) -> dict:
    values = {control.component: control.component.value for control in tab.controls}
    return values | {getattr(tab.angles, name): value for name, value in changed.items()}


def shown(update: dict | gr.components.Component) -> bool:
    return update["visible"] if isinstance(update, dict) else bool(update.visible)


def test_fill_sets_only_outputs_and_shows_the_comparison(tab: Coherence, analysis: Analysis) -> None:
    filled = tab.fill(Scene.of(analysis), settings(tab))
    assert set(filled) <= set(tab.outputs)
    assert filled[tab.failures.table].count("data-failure") == 0  # trace-back fixed the only one
    everything = tab.fill(Scene.of(analysis), {**settings(tab), tab.failures.status: "all"})
    assert everything[tab.failures.table].count("data-failure") == 1
    assert (shown(filled[tab.compared]), shown(filled[tab.angles.compare.both])) == (True, True)
    assert not shown(filled[tab.angles.compare.alone])
    without = tab.fill(Scene.of(run_of(maps(40, 10))), settings(tab))
    assert not shown(without[tab.angles.compare.both]) and shown(without[tab.angles.compare.alone])


def test_point_redraws_neither_table_nor_picture(tab: Coherence, analysis: Analysis) -> None:
    pointed = tab.point(Scene.of(analysis), settings(tab))
    assert tab.failures.chosen in pointed
    assert not {tab.board, tab.failures.table, tab.failures.picture, tab.angles.compare.both} & set(pointed)


def test_controls_redraw_what_they_change(tab: Coherence, analysis: Analysis) -> None:
    scene = Scene.of(analysis)
    redraws = {control.component: control.redraw for control in tab.controls}
    by_scale = redraws[tab.angles.scale](scene, settings(tab, scale="log"))
    assert list(by_scale) == [tab.angles.histogram, tab.angles.beyond]
    assert json.loads(by_scale[tab.angles.histogram])["layout"]["yaxis"]["type"] == "log"
    by_method = redraws[tab.angles.method](scene, settings(tab, method="derivative"))
    assert "derivative" in by_method[tab.angles.histogram] and tab.angles.compare.both in by_method
    by_order = redraws[tab.failures.order](scene, {**settings(tab), tab.failures.order: "area"})
    assert set(by_order) == {tab.failures.table}
    by_status = redraws[tab.failures.status](scene, {**settings(tab), tab.failures.status: "introduced"})
    assert set(by_status) == {tab.failures.table, tab.failures.picture}
    wanted = {tab.failures.status: "all", tab.failures.cause: "rough depth"}
    assert "No region" in redraws[tab.failures.cause](scene, {**settings(tab), **wanted})[tab.failures.table]


def test_without_normals_one_sentence_and_nothing_to_compare(tab: Coherence) -> None:
    bare = run_of({name: values for name, values in maps(1, 1).items() if name != "normals"})
    bare = dataclasses.replace(
        bare, prediction=dataclasses.replace(bare.prediction, tasks=("semseg", "depth"))
    )
    scene = Scene.of(bare)
    filled = tab.fill(scene, settings(tab))
    assert "does not predict normals" in words(filled[tab.headline])
    assert tab.board not in filled and tab.failures.table not in filled
    for control in (*tab.angles.controls, *tab.failures.controls):
        assert set(control.redraw(scene, settings(tab))) <= set(tab.outputs)
    assert tab.failures.chosen not in tab.point(scene, settings(tab))
