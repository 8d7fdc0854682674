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
import pytest
from run_made import STEPS, T0, TASKS, end, gradients, lines, make_run, text

from app.tabs.training import Training
from app.tabs.training_events import listen
from app.views import training, training_replay, training_status
from app.views.training import ChartOptions, Logged
from mtcp.objective.balancing import LPS, Uniform
from mtcp.runs.log import Tail
from mtcp.runs.replay import replay
from mtcp.runs.status import status


@pytest.fixture
def toasts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    told: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda message, **_: told.append(message))
    return told


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
            if part in self.data and not (isinstance(value, dict) and value.get("__type__")):
                self.data[part] = value.value if isinstance(value, gr.components.Component) else value
        return sent


def logged(tmp_path: Path, entries: list, index: int = 0) -> Logged:
    return Logged(index, f"run{index}", Tail(make_run(tmp_path / f"run{index}", entries)).poll())


def chart(drawn: dict[str, Any], id: str) -> dict[str, Any]:
    return next(one for one in drawn["charts"] if one["id"] == id)


def test_every_quantity_has_a_chart(tmp_path: Path) -> None:
    drawn = training.curves([logged(tmp_path, lines(4))], ChartOptions())
    ids = [one["id"] for one in drawn["charts"]]
    metrics = ["metric-semseg", "metric-depth", "metric-normals"]
    assert ids == ["weight", "loss", "log-loss", "ratio", "lr", *metrics]
    assert drawn["x"] == "epochs done" and all(one["unit"] for one in drawn["charts"])
    raw = next(
        line for line in chart(drawn, "loss")["series"] if line["key"] == "depth" and line["kind"] == "line"
    )
    assert raw["x"][:2] == [0.1, 0.2] and len(raw["y"]) == 4 * STEPS
    log = next(
        line
        for line in chart(drawn, "log-loss")["series"]
        if line["key"] == "depth" and line["kind"] == "line"
    )
    assert log["y"][5] == pytest.approx(math.log1p(raw["y"][5]), rel=1e-4)
    rmse = {line["name"]: line for line in chart(drawn, "metric-depth")["series"]}
    assert rmse["initial"]["colour"] == "var(--initial)" and rmse["refined"]["colour"] == "var(--refined)"
    assert rmse["refined"]["x"] == [2.0, 4.0] and rmse["refined"]["y"] == pytest.approx(
        [1 / 3, 1 / 5], rel=1e-4
    )
    json.dumps(drawn, allow_nan=False)


def test_gradients_that_were_compared_have_charts(tmp_path: Path) -> None:
    entries = [*lines(1), *(gradients(step, -step / 10) for step in (2, 4))]
    entries.append({**lines(2)[-1], "gradients": gradients(3, -0.3)})
    drawn = training.curves([logged(tmp_path, entries)], ChartOptions())
    steps, means = chart(drawn, "cosine")["series"]
    assert (steps["kind"], steps["x"], steps["y"]) == ("line", [0.2, 0.4], [-0.2, -0.4])
    assert (means["kind"], means["x"], means["y"]) == ("dots", [1.0, 2.0], [None, -0.3])
    assert chart(drawn, "cosine")["guide"] == 0.0
    norms = {line["key"]: line["y"] for line in chart(drawn, "norm")["series"]}
    assert norms == {"semseg": [4.0, 8.0], "depth": [2.0, 4.0]}
    entry = next(one for one in drawn["legend"] if one["key"] == "semseg-depth")
    assert entry["name"] == steps["name"]
    assert "--task-semseg" in entry["colour"] and "--task-depth" in entry["colour"]
    json.dumps(drawn, allow_nan=False)


def test_weights_are_stairs_with_the_floor_marked(tmp_path: Path) -> None:
    run = logged(tmp_path, [*lines(5, balancer=LPS(TASKS, 20.0, 0.3)), *lines(6)[-8:-3]])
    assert any(line.floor for line in run.data.epochs)
    for line in chart(training.curves([run], ChartOptions(axis="step")), "weight")["series"]:
        assert line["kind"] == "stairs"
        assert line["x"][:6] == [0, 10, 20, 30, 40, 50] and line["x"][-1] == run.data.last_step > 50
        applied = [epoch.weight[line["key"]] for epoch in run.data.epochs]
        assert line["y"][:5] == pytest.approx(applied, rel=1e-4)
        assert (
            line["y"][5]
            == line["y"][6]
            == pytest.approx(run.data.epochs[-1].next_weight[line["key"]], rel=1e-4)
        )
        assert line["marks"] == [
            e + 1 for e, epoch in enumerate(run.data.epochs) if line["key"] in epoch.floor
        ]


def test_a_finished_run_has_no_weights_after_its_end(tmp_path: Path) -> None:
    line = chart(training.curves([logged(tmp_path, lines(8))], ChartOptions()), "weight")["series"][0]
    assert line["x"] == list(range(9)) and line["y"][-1] == line["y"][-2]


def test_weights_that_move_at_every_step_are_lines(tmp_path: Path) -> None:
    entries = lines(2)
    for entry in entries:
        if entry["kind"] == "step":
            entry["weight"] = dict.fromkeys(TASKS, 1 + entry["step"] / 100)
    line = chart(training.curves([logged(tmp_path, entries)], ChartOptions()), "weight")["series"][0]
    assert line["kind"] == "line" and len(line["x"]) == 20


def test_two_runs_keep_their_dashes_and_tasks_their_colours(tmp_path: Path) -> None:
    both = [logged(tmp_path, lines(3)), logged(tmp_path, lines(2, balancer=Uniform(TASKS)), 1)]
    drawn = training.curves(both, ChartOptions(split=True))
    lines_ = chart(drawn, "weight-depth")["series"]
    assert [line["dash"] for line in lines_] == [0, 1] and len({line["colour"] for line in lines_}) == 1
    assert (
        len({training.colour(task) for task in TASKS}) == len({training.shape(task) for task in TASKS}) == 3
    )
    assert not {"var(--initial)", "var(--refined)"} & {training.colour(task) for task in training.TASK_ORDER}
    assert "ratio-depth" in [one["id"] for one in drawn["charts"]]
    assert [entry["name"] for entry in drawn["legend"]][-2:] == ["run0", "run1"]


def test_steps_are_the_axis_until_the_length_of_an_epoch_is_known(tmp_path: Path) -> None:
    begun = logged(tmp_path, lines(1)[:6])
    drawn = training.curves([begun], ChartOptions(axis="epoch"))
    assert drawn["axis"] == "step" and chart(drawn, "weight")["series"][0]["x"] == [0, 5]
    told = [{**lines(1)[0], "steps_per_epoch": 20}, *lines(1)[1:6]]
    assert training.curves([logged(tmp_path, told, 1)], ChartOptions())["axis"] == "epoch"


def test_smoothing_keeps_the_raw_line(tmp_path: Path) -> None:
    drawn = training.curves([logged(tmp_path, lines(3))], ChartOptions(smoothing=0.9))
    raw, smoothed = (
        line for line in chart(drawn, "loss")["series"] if line["key"] == "depth" and line["kind"] == "line"
    )
    assert raw["faint"] and not smoothed["faint"] and smoothed["what"] == "smoothed"
    assert np.std(np.diff(smoothed["y"])) < np.std(np.diff(raw["y"]))


def test_the_moving_average_is_that_of_the_values() -> None:
    np.testing.assert_allclose(training.smooth(np.full(9, 3.0), 0.9), 3.0)
    got = training.smooth(np.array([1.0, np.nan, 3.0]), 0.5)
    np.testing.assert_allclose(got, [1.0, np.nan, (0.5 * 1 + 1 * 3) / 1.5])


def test_thinned_curves_keep_peaks_ends_and_order() -> None:
    x, y = np.arange(50_000.0), np.sin(np.arange(50_000) / 900)
    y[31_234], y[100:300] = 9.0, np.nan
    few_x, few_y = training.subsample(x, y, 700)
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
    told = replay(run.data.epochs, 0.0, 0.05)
    assert told is not None
    changed = training_status.replay_text(told, settings)
    worst = max(abs(change) for task in TASKS for change in told.differences(task))
    assert "largest difference" in changed and worst > 0.01
    assert "one whole epoch" in training_status.replay_text(None, settings)
    drawn = training_replay.chart_data(run, told)
    assert drawn is not None and [one["id"] for one in drawn["charts"]] == [
        f"replay-{task}" for task in TASKS
    ]
    old, new = drawn["charts"][1]["series"]
    assert (old["name"], new["name"], new["thick"]) == ("logged", "replayed", True)
    assert new["y"] == pytest.approx(
        [weights["depth"] for weights in told.replayed] + [told.replayed[-1]["depth"]], rel=1e-4
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
    assert {"weight", "ratio"} <= {one["id"] for one in json.loads(sent[page.tab.charts])["charts"]}
    assert "exactly the weights" in sent[page.tab.replay_text]
    assert "runs/demo" in sent[page.tab.status]


def test_the_shipped_log_is_there_from_the_start(tmp_path: Path) -> None:
    shipped = tmp_path / "lite.log.jsonl"
    shipped.write_text(text([*lines(8), end(80)]))
    page = Page([tmp_path / "runs"], [shipped])
    sent = page.do(page.tab.enter)
    assert page.data[page.tab.picked] == ["shipped/lite"] and "finished" in sent[page.tab.status]
    assert sent[page.tab.timer].active is False


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
    assert "stalled" in sent[page.tab.status] and sent[page.tab.timer].active is False


def test_a_run_that_disappears_keeps_its_curves(tmp_path: Path) -> None:
    make_run(tmp_path / "runs/demo", lines(2))
    page = Page([tmp_path / "runs"])
    page.do(page.tab.enter)
    shutil.rmtree(tmp_path / "runs/demo")
    sent = page.do(page.tab.draw)
    assert "disappeared" in sent[page.tab.status]
    assert json.loads(sent[page.tab.charts])["charts"]


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


def test_no_listener_is_an_endpoint(tmp_path: Path) -> None:
    page = Page([tmp_path / "runs"])
    assert {fn.api_visibility for fn in page.demo.fns.values()} == {"private"}
