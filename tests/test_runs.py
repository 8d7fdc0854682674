"""Logs that are torn, damaged, replaced, huge or gone; runs found and refused; status; replay."""

from __future__ import annotations

import json
import math
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from run_made import STEPS, T0, TASKS, end, gradients, lines, make_run, text

from mtcp.errors import InputError
from mtcp.objective.balancing import DWA, LPS, Uncertainty, Uniform
from mtcp.runs import columns
from mtcp.runs import log as run_log
from mtcp.runs.compare import differences
from mtcp.runs.find import Runs, find_runs
from mtcp.runs.log import Tail
from mtcp.runs.preparing import Preparing, counting, read_preparing
from mtcp.runs.replay import replay
from mtcp.runs.status import status


def append(log: Path, more: str) -> None:
    with log.open("a") as file:
        file.write(more)


def test_a_log_read_in_pieces_equals_the_log_read_at_once(tmp_path: Path) -> None:
    content = text([*lines(3), end(30)])
    log = tmp_path / "log.jsonl"
    log.write_text("")
    tail = Tail(log)
    for start in range(0, len(content), 97):  # cuts lines anywhere
        append(log, content[start : start + 97])
        tail.poll()
    in_pieces, at_once = tail.poll(), Tail(log).poll()
    assert in_pieces.lines == at_once.lines == len(content.splitlines())
    assert in_pieces.broken == at_once.broken == 0
    assert in_pieces.tasks == TASKS and len(in_pieces.epochs) == 3 and in_pieces.ended == "finished"
    for name, column in at_once.steps.items():
        np.testing.assert_array_equal(in_pieces.steps[name], column)


def test_comparisons_of_gradients_are_columns_and_means(tmp_path: Path) -> None:
    entries = [*lines(1), *(gradients(step, -step / 10) for step in (1, 2, 3))]
    entries[-1]["cosine"]["semseg-depth"] = None
    entries.append({**lines(2)[-1], "gradients": gradients(20, -0.2)})
    log = make_run(tmp_path, entries)
    data = Tail(log).poll()
    np.testing.assert_array_equal(data.gradients["step"], [1, 2, 3])
    np.testing.assert_array_equal(data.gradients["cosine/semseg-depth"], [-0.1, -0.2, np.nan])
    np.testing.assert_array_equal(data.gradients["norm/depth"], [1, 2, 3])
    assert data.epochs[0].cosine == data.epochs[0].norm == {}
    assert (data.epochs[1].cosine, data.epochs[1].norm["semseg"]) == ({"semseg-depth": -0.2}, 40.0)
    append(log, text([{"kind": "resume", "step": 2, "time": T0 + 99}]))
    again = Tail(log).poll()
    np.testing.assert_array_equal(again.gradients["step"], [1, 2])


def test_a_torn_last_line_waits_for_its_end(tmp_path: Path) -> None:
    entries = lines(1)
    log = make_run(tmp_path, entries[:4])
    tail = Tail(log)
    rest = text(entries[4:5])
    append(log, rest[:20])
    torn = tail.poll()
    assert len(torn.steps["step"]) == 3 and torn.broken == 0
    assert tail.poll() is torn  # nothing changed: nothing to draw again
    append(log, rest[20:])
    mended = tail.poll()
    assert list(mended.steps["step"]) == [1, 2, 3, 4] and mended.version > torn.version


def test_damaged_lines_are_counted_and_odd_values_are_gaps(tmp_path: Path) -> None:
    log = make_run(tmp_path, lines(1)[:2])
    append(log, '{"kind": "step", "st\n\xff\xfe\n[1, 2]\n\n' + "[" * 100_000 + "\n")
    odd = {
        "kind": "step",
        "step": 2,
        "epoch": 0,
        "lr": None,
        "loss": {"semseg": math.nan, "depth": math.inf, "normals": "x"},
    }
    append(log, json.dumps(odd) + '\n{"kind": "step", "step": "three"}\n{"kind": "step"}\n')
    append(
        log,
        '{"kind": "epoch", "epoch": 0, "step": 2, "loss": null, "metrics": 3, "floor": null}\n{"kind": "new"}\n',
    )
    data = Tail(log).poll()
    assert data.broken == 4
    assert list(data.steps["step"]) == [1, 2]
    assert all(
        math.isnan(data.steps[name][1])
        for name in ("lr", "loss/semseg", "loss/depth", "loss/normals", "time")
    )
    assert data.epochs[0].loss == {} and data.epochs[0].metrics == {} and data.epochs[0].floor == ()


@pytest.mark.parametrize("how", ["shrank", "replaced", "rewritten longer"])
def test_a_file_that_is_not_the_same_is_read_anew(tmp_path: Path, how: str) -> None:
    log = make_run(tmp_path, lines(2))
    tail = Tail(log)
    before = tail.poll()
    if how == "shrank":
        log.write_text(text(lines(1)))
    elif how == "replaced":
        moved = tmp_path / "aside"
        moved.write_text(text(lines(1)))
        moved.replace(log)
    else:
        other = [{**entry, "time": 1.0} for entry in lines(1)]
        log.write_text(text(other) + "x" * 100_000)
    after = tail.poll()
    assert len(before.epochs) == 2 and len(after.epochs) == 1
    assert list(after.steps["step"]) == list(range(1, STEPS + 1))
    assert after.version > before.version


def test_a_resumed_run_does_its_last_steps_again(tmp_path: Path) -> None:
    resumed = {"kind": "resume", "step": 12, "epoch": 1, "epochs": 8, "time": T0 + 1000}
    again = [entry for entry in lines(2) if entry.get("step", 0) > 12]
    data = Tail(make_run(tmp_path, [*lines(2), resumed, *again])).poll()
    assert list(data.steps["step"]) == list(range(1, 21))
    assert [line.epoch for line in data.epochs] == [0, 1]


def test_a_vanished_folder_is_told_and_keeps_its_curves(tmp_path: Path) -> None:
    log = make_run(tmp_path / "run", lines(2))
    tail = Tail(log)
    tail.poll()
    shutil.rmtree(tmp_path / "run")
    gone = tail.poll()
    assert not gone.exists and len(gone.epochs) == 2
    assert status(gone, T0 + 50).state == "vanished"
    make_run(tmp_path / "run", lines(3))
    assert len(tail.poll().epochs) == 3


def test_many_lines_stay_bounded_and_keep_every_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "MOST_ROWS", 64)
    monkeypatch.setattr(run_log, "CHUNK", 4096)
    data = Tail(make_run(tmp_path, lines(60, planned=60))).poll()
    steps = data.steps["step"]
    assert len(steps) <= 64 and data.every == 16 and len(data.epochs) == 60
    assert set(np.diff(steps)) == {16.0} and steps[0] == 1 and steps[-1] > 600 - 16


def test_a_line_longer_than_a_chunk_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_log, "CHUNK", 4096)
    log = make_run(tmp_path, lines(1))
    append(log, "x" * 10_000 + "\n" + text([end(10)]))
    data = Tail(log).poll()
    assert data.broken >= 1 and data.ended == "finished"


def test_runs_are_found_below_the_roots_the_newest_first(tmp_path: Path) -> None:
    for age, name in enumerate(("new", "group/old")):
        log = make_run(tmp_path / "runs" / name, lines(1))
        os.utime(log, (T0 - age, T0 - age))
    make_run(tmp_path / "runs/.hidden", lines(1))
    waiting = make_run(tmp_path / "runs/waiting", [])
    waiting.unlink()
    os.utime(waiting.with_name("config.json"), (T0 - 9, T0 - 9))
    (tmp_path / "runs/other").mkdir()
    (tmp_path / "runs/other/config.json").write_text('{"hidden_size": 8}')
    shipped = tmp_path / "lite.log.jsonl"
    shipped.write_text(text(lines(1)))
    found = find_runs([tmp_path / "runs", tmp_path / "absent"], [shipped, tmp_path / "no.log.jsonl"])
    assert [ref.id for ref in found] == ["runs/new", "runs/group/old", "runs/waiting", "shipped/lite"]
    assert found[0].settings()["kappa"] == 7.5 and found[3].settings() == {}


HOSTILE = ["nested", "endless", "a list", "no text", *(["a pipe"] if hasattr(os, "mkfifo") else [])]


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_configuration_is_as_good_as_none(tmp_path: Path, what: str) -> None:
    folder = make_run(tmp_path / "runs" / "odd", lines(1)).parent
    config = folder / "config.json"
    config.unlink()
    if what == "endless":
        with config.open("wb") as file:
            file.write(b'{"train": {"kappa": 1}}')
            file.truncate(2**40)  # a terabyte of nothing that takes no room
    elif what == "a pipe":
        os.mkfifo(config)
    else:
        texts = {"nested": b'{"train":' + b"[" * 200_000, "a list": b"[]", "no text": b"\xff\xfe"}
        config.write_bytes(texts[what])
    (ref,) = find_runs([tmp_path / "runs"])
    assert ref.settings() == {}
    (folder / "log.jsonl").unlink()
    assert find_runs([tmp_path / "runs"]) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_in_place_of_a_log_is_not_waited_for(tmp_path: Path) -> None:
    log = make_run(tmp_path / "runs" / "odd", lines(1), kappa=2.0)
    log.unlink()
    os.mkfifo(log)
    runs = Runs([tmp_path / "runs"])
    (ref,) = runs.find()
    assert not runs.read(ref).exists


def test_a_run_is_named_by_id_or_by_folder(tmp_path: Path) -> None:
    make_run(tmp_path / "runs/demo", lines(1))
    make_run(tmp_path / "b/runs/demo", lines(1))
    runs = Runs([tmp_path / "runs", tmp_path / "b/runs"])
    assert {ref.id for ref in runs.find()} == {"runs/demo", "runs-2/demo"}
    for typed in ("runs/demo", "demo", str(tmp_path / "runs/demo")):
        assert runs.locate(typed).id == "runs/demo"
    assert runs.locate("runs-2/demo").log == tmp_path / "b/runs/demo/log.jsonl"


@pytest.mark.parametrize(
    "typed", ["../secret", "/etc", "link", "runs/link", "nested/../../secret", "", "a\0b", "loop"]
)
def test_folders_outside_the_roots_are_refused(tmp_path: Path, typed: str) -> None:
    make_run(tmp_path / "secret", lines(1))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/link").symlink_to(tmp_path / "secret")
    (tmp_path / "runs/loop").symlink_to(tmp_path / "runs/loop")
    runs = Runs([tmp_path / "runs"])
    assert runs.find() == []
    with pytest.raises(InputError) as refused:
        runs.locate(typed)
    assert repr(typed) in str(refused.value) and str(tmp_path) not in str(refused.value)


def test_a_log_that_is_a_link_to_the_outside_is_not_read(tmp_path: Path) -> None:
    secret = make_run(tmp_path / "secret", lines(1))
    log = make_run(tmp_path / "runs/demo", lines(2))
    runs = Runs([tmp_path / "runs"])
    ref = runs.locate("demo")
    assert len(runs.read(ref).epochs) == 2
    log.unlink()
    log.symlink_to(secret)
    assert runs.find() == []
    assert not runs.read(ref).exists


def test_a_folder_without_a_run_is_refused_in_other_words(tmp_path: Path) -> None:
    (tmp_path / "runs/empty").mkdir(parents=True)
    with pytest.raises(InputError, match="'empty' holds no run"):
        Runs([tmp_path / "runs"]).locate("empty")


@pytest.mark.parametrize(
    ("entries", "after", "state", "epoch"),
    [
        (lines(2), 5, "running", 3),
        (lines(2), 59, "running", 3),
        (lines(2), 61, "stalled", 3),
        (lines(1)[:1], 250, "running", 1),  # no gap is known yet: the first steps are slow
        ([*lines(8), end(80)], 9999, "finished", 8),
        ([*lines(2), end(20, "paused")], 9999, "paused", 2),
        ([*lines(2), end(20, "interrupted")], 9999, "interrupted", 2),
        ([], 0, "starting", 0),
    ],
)
def test_status(tmp_path: Path, entries: list, after: float, state: str, epoch: int) -> None:
    data = Tail(make_run(tmp_path, entries)).poll()
    reported = status(data, entries[-1]["time"] + after if entries else T0)
    assert (reported.state, reported.epoch) == (state, epoch)


def test_a_slow_run_is_given_five_of_its_gaps(tmp_path: Path) -> None:
    slow = [{**entry, "time": T0 + 40 * i} for i, entry in enumerate(lines(2))]
    data = Tail(make_run(tmp_path, slow)).poll()
    assert status(data, slow[-1]["time"] + 190).state == "running"
    assert status(data, slow[-1]["time"] + 210).state == "stalled"


def test_an_evaluation_is_given_time(tmp_path: Path) -> None:
    entries = lines(4, evaluate=1)
    begun = Tail(make_run(tmp_path, entries[:-1])).poll()  # all steps of epoch 4, not its epoch line
    assert status(begun, entries[-2]["time"] + 290).state == "running"
    assert status(begun, entries[-2]["time"] + 310).state == "stalled"
    second = 2 * (STEPS + 1)  # the second epoch's line: that evaluation took 500 s
    late = [{**entry, "time": entry["time"] + 500 * (i >= second)} for i, entry in enumerate(entries)]
    slow = Tail(make_run(tmp_path, late[:-1])).poll()
    assert slow.evaluation == 500
    assert status(slow, late[-2]["time"] + 900).state == "running"
    assert status(slow, late[-2]["time"] + 1100).state == "stalled"


def test_time_left_and_speed(tmp_path: Path) -> None:
    reported = status(Tail(make_run(tmp_path, lines(2))).poll(), T0 + 41)
    assert reported.images_per_s == 4.0
    assert reported.seconds_left == pytest.approx(2 * 60)  # 2 s a step, 6 epochs of 10 steps to go


@pytest.mark.parametrize("kappa", [0.0, 7.5, 20.0])
def test_replay_with_its_own_settings_is_the_log(tmp_path: Path, kappa: float) -> None:
    data = Tail(make_run(tmp_path, lines(6, balancer=LPS(TASKS, kappa, 0.3)))).poll()
    reported = replay(data.epochs, kappa, 0.3)
    assert reported is not None and len(reported.replayed) == 7
    assert max(abs(change) for task in TASKS for change in reported.differences(task)) < 1e-9
    assert reported.logged_floor == reported.replayed_floor
    assert any(reported.replayed_floor) == (kappa > 0)  # kappa 0: equal weights, nothing to floor


@pytest.mark.parametrize("balancer", [Uniform(TASKS), DWA(TASKS), Uncertainty(TASKS)])
def test_replay_of_other_strategies(tmp_path: Path, balancer) -> None:
    data = Tail(make_run(tmp_path, lines(4, balancer=balancer))).poll()
    lps = Tail(make_run(tmp_path, lines(4))).poll()
    reported = replay(data.epochs, 7.5, 0.05)
    assert reported is not None and reported.stopped == ""
    for weights, line in zip(reported.replayed, lps.epochs, strict=False):
        assert weights == pytest.approx(line.weight)


def test_replay_ends_at_the_first_hole(tmp_path: Path) -> None:
    entries = lines(5)
    del entries[[i for i, e in enumerate(entries) if e["kind"] == "epoch"][3]]
    reported = replay(Tail(make_run(tmp_path, entries)).poll().epochs, 7.5, 0.05)
    assert (
        reported is not None
        and len(reported.replayed) == 4
        and reported.stopped == "epoch 4 is missing in the log"
    )
    for entry in entries:
        if entry.get("epoch") == 1 and entry["kind"] == "epoch":
            entry["log_loss"]["depth"] = math.nan
    reported = replay(Tail(make_run(tmp_path, entries)).poll().epochs, 7.5, 0.05)
    assert reported is not None and len(reported.replayed) == 2 and "epoch 2" in reported.stopped
    assert replay((), 7.5, 0.05) is None


def test_reading_the_data_is_told_once_a_second_and_at_its_end(tmp_path: Path) -> None:
    now = [T0]
    tell = counting(tmp_path, 5, clock=lambda: now[0])
    reported = []
    for after in (0.0, 0.4, 0.7, 0.1, 0.1):
        now[0] += after
        tell()
        reported.append(read_preparing(tmp_path))
    assert [known.done for known in reported if known] == [1, 1, 3, 3, 5]
    assert reported[-1] == Preparing(5, 5, pytest.approx(T0 + 1.3))
    assert [path.name for path in tmp_path.iterdir()] == ["preparing.json"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[1]",
        '{"done": 2, "of": 1, "time": 0}',
        '{"done": true, "of": 1, "time": 0}',
        '{"done": 1}',
        "x" * 9999,
    ],
)
def test_a_damaged_word_on_the_data_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "preparing.json").write_text(content)
    assert read_preparing(tmp_path) is None


def test_a_resumed_run_prepares_its_data_again(tmp_path: Path) -> None:
    data = Tail(make_run(tmp_path, [*lines(2), end(20, "paused")])).poll()
    before, after = Preparing(3, 9, data.last_time - 99), Preparing(3, 9, data.last_time + 50)
    assert status(data, data.last_time + 51, before).state == "paused"
    again = status(data, data.last_time + 51, after)
    assert (again.state, again.preparing, again.live) == ("starting", after, True)
    assert status(data, data.last_time + 400, after).state == "stalled"


def test_what_differs_between_configurations() -> None:
    old = {"model": {"cfm": True, "width": 32}, "train": {"lr": 0.1, "init": "/a/b c/d/w.safetensors,x/y.pt"}}
    new = {"model": {"width": 64}, "train": {"lr": 0.1, "flip": False}}
    found = differences([old, new])
    assert found["width"] == ["32", "64"] and found["flip"] == ["yes", "no"]
    assert "lr" not in found and "cfm" not in found  # as it is called today
    assert "/a" not in found["init"][0] and "x/y.pt" in found["init"][0]
    elsewhere = differences([{"train": {"data": "/data/nyud"}}, {"train": {"data": "/old/nyud"}}])
    assert elsewhere == {"data": ["nyud", "nyud (another folder)"]}
    assert differences([new, new]) == {} and differences([]) == {}
    unknown = differences([{"train": {"of_tomorrow": 1}}, {"train": {"of_tomorrow": 2}}])
    assert unknown == {"of_tomorrow": ["1", "2"]}
