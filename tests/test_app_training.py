"""The Training tab without a browser: what its curves hold, what it says, what it sends again and what not."""

from __future__ import annotations

import json
import math
import shlex
import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import plotly.graph_objects as go
import pytest
from run_made import STEPS, T0, TASKS, end, gradients, lines, make_run, metrics, text

from app.tabs.training import LIVE_SECONDS, Training
from app.tabs.training_events import listen
from app.views import training, training_numbers, training_replay, training_series, training_status
from app.views.training import ChartOptions
from app.views.training_axis import Logged
from mtcp.objective.balancing import LPS, Uniform
from mtcp.runs.find import Runs
from mtcp.runs.log import Tail
from mtcp.runs.preparing import counting
from mtcp.runs.replay import replay
from mtcp.runs.status import status


@pytest.fixture
def toasts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    messages: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda message, **_: messages.append(message))
    return messages


class Page:
    """The tab as a visitor has it: remembers what the listeners set."""

    def __init__(self, roots: list[Path], shipped: list[Path] | None = None) -> None:
        with gr.Blocks() as self.demo:
            self.opened = gr.State("Training")
            self.tab = Training.build(roots, shipped or [])
            listen(self.tab, [self.demo.load], self.opened)
        values = {part: part.value for part in self.tab.settings}
        self.data: dict[Any, Any] = values | {self.tab.sent: {}, self.opened: "Training", self.tab.picked: []}

    def do(self, listener: Any, changes: dict[Any, Any] | None = None) -> dict[Any, Any]:
        """What the listener sends; settings among it are kept."""
        self.data |= changes or {}
        sent = listener(self.data)
        assert set(sent) <= set(self.tab.outputs)
        for part, value in sent.items():
            if part not in self.data or (isinstance(value, dict) and value.get("__type__")):
                continue
            if not isinstance(value, gr.components.Component):
                self.data[part] = value
            elif "value" in value.constructor_args:
                self.data[part] = value.value
        return sent


def logged(tmp_path: Path, entries: list, index: int = 0) -> Logged:
    return Logged(index, f"run{index}", Tail(make_run(tmp_path / f"run{index}", entries)).poll())


def drawn(runs: list[Logged], **look: Any) -> go.Figure:
    figure = training.curves(runs, ChartOptions(**look))
    assert figure is not None
    json.loads(figure.to_json())
    return figure


def titles(figure: go.Figure) -> list[str]:
    """Of the panels, in reading order."""
    return [note.text.removeprefix("<b>").partition("</b>")[0] for note in figure.layout.annotations]


def series(figure: go.Figure, title: str, group: str = "", **like: Any) -> list[Any]:
    """The traces of a panel, of one legend entry."""
    found = [t for t in figure.data if t.meta == title and group in ("", t.legendgroup)]
    return [t for t in found if all(getattr(t, name) == value for name, value in like.items())]


WEIGHTS, LOSSES = "Task weights wₜ", "Losses Lₜ"


def test_every_quantity_has_a_panel(tmp_path: Path) -> None:
    figure = drawn([logged(tmp_path, lines(4))])
    measured = ["Semantic segmentation: mIoU", "Depth: RMSE", "Surface normals: mean angular error"]
    assert titles(figure) == [
        WEIGHTS,
        LOSSES,
        "Log-projected losses ℓₜ",
        "Ratios rₜ",
        "Learning rate",
        *measured,
    ]
    assert figure.layout.xaxis.title.text == "epochs done" and figure.layout.xaxis2.matches == "x"
    (raw,) = series(figure, LOSSES, "depth", mode="lines")
    assert raw.x[:2] == (0.1, 0.2) and len(raw.y) == 4 * STEPS
    (log,) = series(figure, "Log-projected losses ℓₜ", "depth", mode="lines")
    assert log.y[5] == pytest.approx(math.log1p(raw.y[5]), rel=1e-4)
    initial, refined = series(figure, "Depth: RMSE")
    assert initial.line.color == "var(--initial)" and refined.line.color == "var(--refined)"
    assert refined.x == (2.0, 4.0) and refined.y == pytest.approx([1 / 3, 1 / 5], rel=1e-4)
    assert len({trace.uid for trace in figure.data}) == len(figure.data)


def test_zoom_and_hidden_series_outlast_an_update(tmp_path: Path) -> None:
    before, after = (drawn([logged(tmp_path, lines(epochs), 0)]) for epochs in (2, 5))
    assert before.layout.uirevision == after.layout.uirevision
    assert before.layout.xaxis.uirevision == after.layout.xaxis.uirevision == "epoch"
    steps = drawn([logged(tmp_path, lines(5))], axis="step")
    assert steps.layout.xaxis.uirevision != after.layout.xaxis.uirevision  # another axis, another zoom


def test_gradients_that_were_compared_have_panels(tmp_path: Path) -> None:
    entries = [*lines(1), *(gradients(step, -step / 10) for step in (2, 4))]
    entries.append({**lines(2)[-1], "gradients": gradients(3, -0.3)})
    figure = drawn([logged(tmp_path, entries)])
    steps, means = series(figure, "Gradient cosines")
    assert (steps.mode, steps.x, steps.y) == ("lines", (0.2, 0.4), (-0.2, -0.4))
    assert (means.mode, means.x, means.y) == ("markers", (1.0, 2.0), (None, -0.3))
    norms = {trace.legendgroup: trace.y for trace in series(figure, "Gradient norms")}
    assert norms == {"semseg": (4.0, 8.0), "depth": (2.0, 4.0)}
    key = next(trace for trace in figure.data if trace.uid == "key semseg-depth")
    assert key.name == "Semantic segmentation and depth"
    assert "--task-semseg" in key.line.color and "--task-depth" in key.line.color


def test_weights_are_stairs_with_the_floor_marked(tmp_path: Path) -> None:
    run = logged(tmp_path, [*lines(5, balancer=LPS(TASKS, 20.0, 0.3)), *lines(6)[-8:-3]])
    assert any(line.floor for line in run.data.epochs)
    figure = drawn([run], axis="step")
    for task in TASKS:
        (line,) = [one for one in series(figure, WEIGHTS, task) if one.line.shape == "hv"]
        assert line.x[:6] == (0, 10, 20, 30, 40, 50) and line.x[-1] == run.data.last_step > 50
        applied = [epoch.weight[task] for epoch in run.data.epochs]
        assert line.y[:5] == pytest.approx(applied, rel=1e-4)
        coming = run.data.epochs[-1].next_weight[task]
        assert line.y[5] == line.y[6] == pytest.approx(coming, rel=1e-4)
        floored = [e + 1 for e, epoch in enumerate(run.data.epochs) if task in epoch.floor]
        marks = [one for one in series(figure, WEIGHTS, task) if "floor acted" in one.name]
        assert [len(one.x) for one in marks] == ([len(floored)] if floored else [])


def test_the_second_epoch_of_lps_does_not_flatten_the_rest(tmp_path: Path) -> None:
    run = logged(tmp_path, lines(8))
    second = max(run.data.epochs[1].weight.values())
    rest = [w for i, line in enumerate(run.data.epochs) if i != 1 for w in line.weight.values()]
    assert second > 2 * max(rest)
    figure = drawn([run])
    low, high = figure.layout.yaxis.range
    assert low < min(rest) and max(rest) < high < second
    marks = [one for one in figure.data if "above the scale" in (one.name or "")]
    assert all(one.meta is None for one in marks)  # they stand where the scale ends: no data
    assert max(one.customdata[0] for one in marks) == pytest.approx(second, rel=1e-4)
    assert all(1 < one.x[0] < 2 and one.y[0] < high for one in marks)
    assert any(f"{second:.3g}" in one.text[0] for one in marks if one.text)
    assert drawn([run], log=True).layout.yaxis.range is None  # there it flattens nothing
    level = drawn([logged(tmp_path, lines(8, balancer=Uniform(TASKS)), 1)])
    assert level.layout.yaxis.range is None


def test_a_finished_run_has_no_weights_after_its_end(tmp_path: Path) -> None:
    line = series(drawn([logged(tmp_path, lines(8))]), WEIGHTS)[0]
    assert list(line.x) == list(range(9)) and line.y[-1] == line.y[-2]


def test_weights_that_move_at_every_step_are_lines(tmp_path: Path) -> None:
    entries = lines(2)
    for entry in entries:
        if entry["kind"] == "step":
            entry["weight"] = dict.fromkeys(TASKS, 1 + entry["step"] / 100)
    line = series(drawn([logged(tmp_path, entries)]), WEIGHTS)[0]
    assert line.line.shape is None and len(line.x) == 20


def test_two_runs_differ_in_dashes_and_tasks_in_colours_and_markers(tmp_path: Path) -> None:
    both = [logged(tmp_path, lines(3)), logged(tmp_path, lines(2, balancer=Uniform(TASKS)), 1)]
    figure = drawn(both, split=True)
    stairs = [one for one in series(figure, f"{WEIGHTS}: depth") if one.line.shape == "hv"]
    assert [one.line.dash for one in stairs] == ["solid", "dash"]
    assert len({one.line.color for one in stairs}) == 1
    looks = [training_series.of_task(task) for task in training_series.TASK_ORDER]
    assert len({one.colour for one in looks}) == len({one.symbol for one in looks}) == len(looks)
    assert not {"var(--initial)", "var(--refined)"} & {one.colour for one in looks}
    assert "Ratios rₜ: depth" in titles(figure)


def test_steps_are_the_axis_until_the_length_of_an_epoch_is_known(tmp_path: Path) -> None:
    figure = drawn([logged(tmp_path, lines(1)[:6])], axis="epoch")
    assert figure.layout.xaxis.title.text == "steps done" and series(figure, WEIGHTS)[0].x == (0, 5)
    messages = [{**lines(1)[0], "steps_per_epoch": 20}, *lines(1)[1:6]]
    assert drawn([logged(tmp_path, messages, 1)]).layout.xaxis.title.text == "epochs done"


def test_wall_time_is_since_each_run_began_in_units_that_fit(tmp_path: Path) -> None:
    late = [{**line, "time": line["time"] + 9e6} for line in lines(4)]
    both = [logged(tmp_path, lines(4)), logged(tmp_path, late, 1)]  # a step every 2 s, 40 steps
    figure = drawn(both, axis="time")
    assert figure.layout.xaxis.title.text == "seconds since the run began"
    first, second = series(figure, LOSSES, "depth", mode="lines")
    assert first.x == second.x and first.x[:3] == (2.0, 4.0, 6.0)
    slow = [{**line, "time": T0 + 600 * (line["time"] - T0)} for line in lines(4)]
    hours = drawn([logged(tmp_path, slow, 2)], axis="time")
    assert hours.layout.xaxis.title.text == "hours since the run began"
    assert series(hours, LOSSES, "depth", mode="lines")[0].x[-1] == pytest.approx(
        40 * 2 * 600 / 3600, rel=1e-4
    )


def test_logarithmic_axes_are_those_of_what_is_above_zero(tmp_path: Path) -> None:
    figure = drawn([logged(tmp_path, [*lines(2), gradients(2, -0.2)])], log=True)
    kinds = {
        title: figure.layout[f"yaxis{i}" if i > 1 else "yaxis"].type
        for i, title in enumerate(titles(figure), 1)
    }
    assert kinds[LOSSES] == kinds["Learning rate"] == kinds["Gradient norms"] == "log"
    assert kinds["Gradient cosines"] != "log" and kinds["Depth: RMSE"] != "log"


def test_the_shipped_network_shows_its_metrics(tmp_path: Path) -> None:
    shipped = tmp_path / "lite.log.jsonl"
    shipped.write_text(text([*lines(8, evaluate=99), end(80)]))
    card = {"metrics": metrics(30), "measured_on": {"split": "val", "frames": 654}}
    (tmp_path / "lite.json").write_text(json.dumps(card))
    (ref,) = Runs([], [shipped]).find()
    run = Logged(0, ref.name, Tail(ref.log).poll(), *ref.measured())
    initial, refined = series(drawn([run]), "Semantic segmentation: mIoU")
    assert (initial.x, initial.y, refined.y) == ((8.0,), (40.0,), (41.0,))
    assert "654 frames of val" in refined.name
    (tmp_path / "lite.json").write_text("{")
    assert ref.measured() == ({}, "")


def test_smoothing_keeps_the_raw_line(tmp_path: Path) -> None:
    raw, smoothed = series(drawn([logged(tmp_path, lines(3))], smoothing=0.9), LOSSES, "depth", mode="lines")
    assert raw.opacity == 0.35 and smoothed.opacity is None and "smoothed" in smoothed.name
    assert np.std(np.diff(smoothed.y)) < np.std(np.diff(raw.y))


def test_the_moving_average_is_that_of_the_values() -> None:
    np.testing.assert_allclose(training_numbers.smooth(np.full(9, 3.0), 0.9), 3.0)
    got = training_numbers.smooth(np.array([1.0, np.nan, 3.0]), 0.5)
    np.testing.assert_allclose(got, [1.0, np.nan, (0.5 * 1 + 1 * 3) / 1.5])


def test_thinned_curves_keep_peaks_ends_and_order() -> None:
    x, y = np.arange(50_000.0), np.sin(np.arange(50_000) / 900)
    y[31_234], y[100:300] = 9.0, np.nan
    few_x, few_y = training_numbers.subsample(x, y, 700)
    assert len(few_x) <= 700 and few_x[0] == 0 and few_x[-1] == 49_999 and np.all(np.diff(few_x) > 0)
    assert 9.0 in few_y and few_y[~np.isnan(few_y)].min() == pytest.approx(-1, abs=1e-4)


@pytest.mark.parametrize(
    ("entries", "after", "said"),
    [
        (lines(2), 1, "epoch 3 of 8, 4 images/s, about 2 min left"),
        (lines(2), 600, "epoch 3 of 8, last line 10 min ago"),
        ([*lines(8), end(80)], 7201, "2 h ago, 8 of 8 epochs done"),
        ([*lines(2), end(20, "paused")], 30, "30 s ago, 2 of 8 epochs done; --resume goes on"),
        ([], 0, "preparing its data, nothing logged yet"),
    ],
)
def test_the_line_on_top(tmp_path: Path, entries: list, after: float, said: str) -> None:
    data = logged(tmp_path, entries).data
    now = (data.last_time if entries else T0) + after
    assert training_status.sentence(data, status(data, now)) == said


def test_the_line_escapes_names_and_hides_paths(tmp_path: Path) -> None:
    data = logged(tmp_path, lines(1)).data
    settings = {"balancing": "lps", "kappa": 7.5, "floor": 0.05, "data": "/home/someone/nyud"}
    line = training_status.status_line(0, "<b>x", data, status(data, T0 + 30), settings)
    assert "&lt;b&gt;x" in line and "/home" not in line and "data: nyud" in line and "kappa 7.5" in line


def test_the_replay_says_what_is_different(tmp_path: Path) -> None:
    run = logged(tmp_path, lines(5))
    settings = {"balancing": "lps", "kappa": 7.5, "floor": 0.05}
    same = training_status.replay_text(replay(run.data.epochs, 7.5, 0.05), settings)
    assert "exactly the weights that were logged" in same and "own settings" in same
    messages = replay(run.data.epochs, 0.0, 0.05)
    assert messages is not None
    changed = training_status.replay_text(messages, settings)
    worst = max(abs(change) for task in TASKS for change in messages.differences(task))
    assert "largest difference" in changed and worst > 0.01
    assert "one whole epoch" in training_status.replay_text(None, settings)
    assert "<td>0.000</td>" in same and "+0.000" not in same and "-0.000" not in same
    figure = training_replay.chart(run, messages)
    assert figure is not None and titles(figure) == ["Semantic segmentation", "Depth", "Surface normals"]
    old, new = (one for one in series(figure, "Depth") if one.line.shape == "hv")
    assert (old.legendgroup, new.legendgroup, new.line.dash) == ("logged", "replayed", "dash")
    assert new.line.width > old.line.width
    assert new.y == pytest.approx(
        [weights["depth"] for weights in messages.replayed] + [messages.replayed[-1]["depth"]], rel=1e-4
    )


def test_the_shown_command_is_one_that_train_accepts(tmp_path: Path) -> None:
    from mtcp.cli.train import _configs, add_parser

    parser = ArgumentParser()
    add_parser(parser.add_subparsers())
    for roots in ([], [Path("runs")], [tmp_path / "my runs"]):
        words = shlex.split(training_status.command(roots))
        assert words[:3] == ["python", "-m", "mtcp"]
        args = parser.parse_args(words[3:])
        model, train = _configs(args)
        assert (model.height, model.image_width, train.data, train.epochs) == (96, 128, "rooms:48", 20)
        assert args.runs == (roots or [Path("runs")])[0]


def test_opening_the_tab_shows_the_newest_run_and_its_own_kappa(tmp_path: Path) -> None:
    make_run(tmp_path / "runs/demo", lines(3, balancer=LPS(TASKS, 3.0)), kappa=3.0)
    page = Page([tmp_path / "runs"])
    sent = page.do(page.tab.enter)
    assert page.data[page.tab.picked] == ["runs/demo"] and page.data[page.tab.kappa] == 3.0
    assert {WEIGHTS, "Ratios rₜ"} <= {one.get("meta") for one in json.loads(sent[page.tab.charts])["data"]}
    assert "exactly the weights" in sent[page.tab.replay_text]
    assert "runs/demo" in sent[page.tab.status]


def test_the_shipped_log_is_there_from_the_start(tmp_path: Path) -> None:
    shipped = tmp_path / "lite.log.jsonl"
    shipped.write_text(text([*lines(8), end(80)]))
    page = Page([tmp_path / "runs"], [shipped])
    sent = page.do(page.tab.enter)
    assert page.data[page.tab.picked] == ["shipped/lite"] and "finished" in sent[page.tab.status]
    assert sent[page.tab.timer].active and sent[page.tab.timer].value > LIVE_SECONDS  # a new run may begin


def test_nothing_is_sent_again_until_the_log_grows(tmp_path: Path) -> None:
    entries = lines(2)
    log = make_run(tmp_path / "runs/demo", entries[:-3])
    page = Page([tmp_path / "runs"])
    page.tab.runs.clock = lambda: entries[-1]["time"]
    assert page.do(page.tab.enter)[page.tab.timer].active is True
    assert list(page.do(page.tab.draw)) == [page.tab.sent]
    log.write_text(text(entries[:-2]))
    assert set(page.do(page.tab.draw)) >= {page.tab.charts, page.tab.sent}
    log.write_text(text(entries))  # an epoch more: the replay, too
    assert set(page.do(page.tab.draw)) >= {page.tab.charts, page.tab.replay_text, page.tab.replay_charts}
    sent = page.do(page.tab.draw, {page.tab.kappa: 15.0})
    assert set(sent) == {page.tab.replay_text, page.tab.replay_charts, page.tab.sent}
    page.tab.runs.clock = lambda: entries[-1]["time"] + 10_000
    sent = page.do(page.tab.draw)
    assert "stalled" in sent[page.tab.status] and sent[page.tab.timer].value > LIVE_SECONDS


def test_a_run_that_disappears_keeps_its_curves(tmp_path: Path) -> None:
    make_run(tmp_path / "runs/demo", lines(2))
    page = Page([tmp_path / "runs"])
    page.do(page.tab.enter)
    shutil.rmtree(tmp_path / "runs/demo")
    sent = page.do(page.tab.draw)
    assert "disappeared" in sent[page.tab.status]
    assert json.loads(sent[page.tab.charts])["data"]


def test_a_folder_outside_is_refused_in_a_toast(tmp_path: Path, toasts: list[str]) -> None:
    make_run(tmp_path / "runs/demo", lines(2))
    make_run(tmp_path / "secret", lines(1))
    page = Page([tmp_path / "runs"])
    sent = page.do(page.tab.pick, {page.tab.picked: ["demo", "../secret"]})
    assert page.data[page.tab.picked] == ["runs/demo"]
    assert len(toasts) == 1 and "../secret" in toasts[0] and str(tmp_path) not in toasts[0]
    assert "secret" not in sent[page.tab.charts]


def test_without_any_run_the_page_says_what_to_do_and_waits(tmp_path: Path) -> None:
    page = Page([tmp_path / "runs"])
    sent = page.do(page.tab.enter)
    assert "No run yet" in sent[page.tab.status] and sent[page.tab.timer].active is True
    make_run(tmp_path / "runs/demo", lines(1))
    tick = next(fn.fn for fn in page.demo.fns.values() if fn.name == "tick")
    assert "runs/demo" in page.do(tick)[page.tab.status]
    assert page.do(tick, {page.opened: "Predictions"})[page.tab.timer].active is False


def test_a_run_is_listed_as_soon_as_its_folder_is_there(tmp_path: Path) -> None:
    make_run(tmp_path / "runs/demo", [*lines(8), end(80)])
    page = Page([tmp_path / "runs"])
    page.tab.runs.clock = lambda: T0 + 1
    page.do(page.tab.enter)
    page.do(page.tab.look)
    make_run(tmp_path / "runs/new", []).unlink()
    tell = counting(tmp_path / "runs/new", 48, clock=lambda: T0)
    tell()
    sent = page.do(page.tab.look)
    assert [value for _, value in sent[page.tab.picked].choices] == ["runs/demo", "runs/new"]
    assert page.data[page.tab.picked] == ["runs/demo"]  # what is picked stays
    assert "runs/new" in sent[page.tab.status] and "preparing data 1/48; pick it" in sent[page.tab.status]
    assert sent[page.tab.timer].value == LIVE_SECONDS
    sent = page.do(page.tab.pick, {page.tab.picked: ["runs/new"]})
    assert "starting" in sent[page.tab.status] and "preparing data 1/48" in sent[page.tab.status]
    page.tab.runs.clock = lambda: T0 + 301
    assert "preparing data 1/48, last update 5 min ago" in page.do(page.tab.look)[page.tab.status]
    (tmp_path / "runs/new/log.jsonl").write_text(text(lines(1)))
    page.tab.runs.clock = lambda: T0 + 30
    assert "preparing" not in page.do(page.tab.look)[page.tab.status]


def test_what_differs_in_the_configuration_is_a_table(tmp_path: Path) -> None:
    make_run(tmp_path / "runs/a", lines(2), kappa=3.0, init="/home/someone/deep/a.safetensors")
    make_run(tmp_path / "runs/b", lines(2), kappa=7.0, init="/home/someone/b.safetensors")
    page = Page([tmp_path / "runs"])
    sent = page.do(page.tab.pick, {page.tab.picked: ["runs/a", "runs/b"]})
    table = sent[page.tab.differences]
    assert "<td>kappa</td><td>3.0</td><td>7.0</td>" in table
    assert "<td>a.safetensors</td><td>b.safetensors</td>" in table and "/home" not in table
    assert "batch" not in table and "floor" not in table  # the same in both
    assert page.do(page.tab.pick, {page.tab.picked: ["runs/a"]})[page.tab.differences] == ""


def test_the_replay_of_one_run_needs_no_choice(tmp_path: Path) -> None:
    for name, kappa in (("a", 3.0), ("b", 7.0)):
        make_run(tmp_path / "runs" / name, lines(3, balancer=LPS(TASKS, kappa)), kappa=kappa)
    page = Page([tmp_path / "runs"])
    both = page.do(page.tab.pick, {page.tab.picked: ["runs/a", "runs/b"]})[page.tab.replayed]
    assert both.visible and [value for _, value in both.choices] == ["runs/a", "runs/b"]
    page.do(page.tab.choose_replay, {page.tab.replayed: "runs/b"})
    sent = page.do(page.tab.pick, {page.tab.picked: ["runs/a"]})
    hidden = sent[page.tab.replayed]
    # hidden, it goes on sending runs/b: with fewer choices gradio would refuse that
    assert not hidden.visible and "choices" not in hidden.constructor_args
    assert page.data[page.tab.replayed] == "runs/b"
    assert page.data[page.tab.kappa] == 3.0 and "exactly the weights" in sent[page.tab.replay_text]


def test_no_listener_is_an_endpoint(tmp_path: Path) -> None:
    page = Page([tmp_path / "runs"])
    assert {fn.api_visibility for fn in page.demo.fns.values()} == {"private"}
