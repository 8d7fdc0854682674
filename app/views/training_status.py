"""In words: how runs are doing, and what a replay changed."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from app.views import html, page
from mtcp.drawing import shown
from mtcp.runs.log import RunData
from mtcp.runs.replay import Replay
from mtcp.runs.status import Status

COMMAND = (
    "python -m mtcp train --name demo --data rooms:48 --val-split val --init none --height 96 --image-width 128 "
    "--epochs 20 --eval-every 10 --log-every 2"
)
"""Trains the rooms demo: 120 small steps, two evaluations, 96 rooms to build."""
DEFAULT_RUNS = Path("runs")
CLOSE = 5e-4


def command(roots: Sequence[Path]) -> str:
    """The one line that trains the demo into a folder that the page reads."""
    if not roots or DEFAULT_RUNS.resolve() in [root.resolve() for root in roots]:
        return COMMAND
    return f"{COMMAND} --runs {shlex.quote(str(roots[0]))}"


def status_line(index: int, name: str, data: RunData, status: Status, settings: Mapping[str, Any]) -> str:
    """One run's line: name, state, and how it is trained."""
    about = " · ".join([*_about(settings), *_flaws(data)])
    dash = f'<i class="mt-dash mt-dash-{index}"></i>'
    return (
        f'<p class="mt-run">{dash}<b>{html.text(name)}</b> '
        f'<span class="mt-state mt-state-{status.state}">{status.state}</span> {html.text(sentence(data, status))}'
        f'<span class="mt-subdued">{html.text(about)}</span></p>'
    )


def other_line(name: str, status: Status) -> str:
    """The line of a run that reads its data and is not picked."""
    reading = f"{_reading(status)}; pick it above" if status.preparing else "pick it above"
    return f'<p class="mt-run"><b>{html.text(name)}</b> <span class="mt-state">{status.state}</span> {reading}</p>'


def sentence(data: RunData, status: Status) -> str:
    """What follows "running", "stalled" ..."""
    of = f" of {status.epochs}" if status.epochs else ""
    done = f"{status.epoch}{of} epochs done"
    if status.preparing is not None:
        late = f", last update {ago(status.silent)}" if status.state == "stalled" else ""
        return _reading(status) + late
    if status.state == "starting":
        return "preparing its data, nothing logged yet"
    if status.state == "vanished":
        return "its folder has disappeared; these are the last curves read from it"
    if status.state == "stalled":
        return f"epoch {status.epoch}{of}, last line {ago(status.silent)}"
    if status.state == "running":
        parts = [f"epoch {status.epoch}{of}"]
        if math.isfinite(status.images_per_s):
            parts.append(f"{status.images_per_s:.3g} images/s")
        if math.isfinite(status.seconds_left):
            parts.append(f"about {left(status.seconds_left)} left")
        return ", ".join(parts)
    again = "" if status.state == "finished" else "; --resume goes on"
    return f"{ago(status.silent)}, {done}{again}"


def _reading(status: Status) -> str:
    known = status.preparing
    return f"preparing data {known.done}/{known.of}" if known else ""


def nothing(roots: Sequence[str]) -> str:
    """What the tab says while there is no run at all."""
    read = ", ".join(html.text(root) for root in roots) or "no folder"
    return (
        '<div class="mt-empty"><h2>No run yet.</h2><p>Start one with the command below: it appears here by '
        f'itself, and its curves grow while it trains.</p><p class="mt-subdued">This page looks into: {read}'
        " (more with --runs DIR).</p></div>"
    )


def choose_one() -> str:
    """What the tab says while no run is chosen."""
    return '<div class="mt-empty"><h2>Pick a run above.</h2><p>Up to four can be compared.</p></div>'


def replay_text(replayed: Replay | None, settings: Mapping[str, Any]) -> str:
    """What another kappa and floor would have changed, plainly."""
    if replayed is None:
        return "<p>Replay needs one whole epoch in the log.</p>"
    worst, epoch, change = _largest(replayed)
    if math.isnan(change):
        first = "The log holds no weights to compare with."
    elif abs(change) < CLOSE:
        own = " These are the run's own settings." if _own(replayed, settings) else ""
        first = f"LPS gives exactly the weights that were logged.{own}"
    else:
        new, old = replayed.replayed[epoch][worst], replayed.logged[epoch][worst]
        which = "the next epoch" if epoch == len(replayed.replayed) - 1 else f"epoch {epoch + 1}"
        first = (
            f"The largest difference: <b>{html.text(page.title(worst).lower())}</b> in {which}, "
            f"<b>{new:.2f}</b> instead of <b>{old:.2f}</b>."
        )
    stopped = f" The replay ends early: {html.text(replayed.stopped)}." if replayed.stopped else ""
    caveat = (
        "The losses are the logged ones: with these weights the network would have trained differently from "
        "the first difference on. Epoch 1 always weighs 1, epoch 2 follows the losses alone."
    )
    return f'<p>{first}{stopped}</p>{_table(replayed)}<p class="mt-subdued">{caveat}</p>'


def _table(replayed: Replay) -> str:
    rows = []
    for task in replayed.tasks:
        differences = [d for d in replayed.differences(task)[2:] if math.isfinite(d)]
        mean = (
            shown.number(sum(differences) / len(differences), 3, "", sign=True) if differences else "none yet"
        )
        span = [weights[task] for weights in replayed.replayed[2:]]
        between = f"{min(span):.2f} to {max(span):.2f}" if span else "none yet"
        hits = [
            sum(task in clamped for clamped in all)
            for all in (replayed.logged_floor, replayed.replayed_floor)
        ]
        rows.append(
            [html.text(page.title(task)), between, mean, f"{_times(hits[1])}, logged {_times(hits[0])}"]
        )
    head = ["from epoch 3 on", "replayed weight", "mean change", "floor acted"]
    return f'<div class="mt-legend mt-replay-table">{html.table(head, rows)}</div>'


def _times(count: int) -> str:
    return {0: "never", 1: "once"}.get(count, f"{count} times")


def _largest(replayed: Replay) -> tuple[str, int, float]:
    """Task, epoch and amount of the largest difference; NaN if nothing can be compared."""
    every = [
        (task, epoch, change)
        for task in replayed.tasks
        for epoch, change in enumerate(replayed.differences(task))
        if math.isfinite(change)
    ]
    return max(every, key=lambda item: abs(item[2]), default=(replayed.tasks[0], 0, math.nan))


def _own(replayed: Replay, settings: Mapping[str, Any]) -> bool:
    own = (settings.get("balancing"), settings.get("kappa"), settings.get("floor"))
    return own == ("lps", replayed.kappa, replayed.floor)


def _about(settings: Mapping[str, Any]) -> list[str]:
    """Strategy and data, without the path of this machine that the data may be given by."""
    if not settings:
        return []
    strategy = str(settings.get("balancing", ""))
    if strategy == "lps":
        strategy = f"LPS, kappa {settings.get('kappa')}, floor {settings.get('floor')}"
    return [f"weights: {strategy}", f"data: {PurePath(str(settings.get('data', ''))).name}"]


def _flaws(data: RunData) -> list[str]:
    flaws = []
    if data.broken:
        flaws.append(f"{data.broken} damaged line{'s' if data.broken > 1 else ''} skipped")
    if data.every > 1:
        flaws.append(f"every {data.every}th step line drawn")
    return flaws


def ago(seconds: float) -> str:
    """ "12 s ago", "3 min ago" ..."""
    return f"{_span(seconds)} ago" if math.isfinite(seconds) else "some time ago"


def left(seconds: float) -> str:
    """As `ago`, rounded up to whole minutes, as an estimate should be."""
    minutes = max(1, math.ceil(seconds / 60))
    return f"{minutes} min" if minutes < 120 else f"{seconds / 3600:.1f} h"


def _span(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
