"""The listeners of the Triage tab."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from app import session
from app.folders import fresh_folder
from app.listeners import NETWORK, PRIVATE, QUIET, toast, toasting
from app.session import Predict, Run, TruthOf
from app.steps import Progress
from app.tabs.base import Settings, Values
from app.tabs.triage import MOST, Triage, quantity
from app.views import triage as view
from app.views.triage import Entry
from mtcp.errors import InputError
from mtcp.triage import COHERENCE, to_csv

Entries = tuple[Entry, ...]

REDRAW = 5
"""While photos are analysed, the gallery is sent anew after so many of them."""
CSV_NAME = "mtcp-triage.csv"


def listen(
    tab: Triage,
    predict: Predict,
    inbox: gr.State,
    truth_of: TruthOf = session.no_truth,
) -> list[Dependency]:
    """Adds the tab's listeners to the page.

    Args:
        inbox: gets the `Run` of a photo that the person opens.

    Returns:
        The events after which something may be in the inbox.
    """
    inputs: list[Component] = [tab.files, tab.number, tab.of, tab.entries]
    drawn: list[Component] = [tab.note, tab.summary, tab.gallery, tab.table]
    job = tab.job

    def step(data: Settings) -> tuple[Values, Progress]:
        return analyse_next(tab, data, predict, truth_of)

    def state(data: Settings) -> tuple[Values, Progress]:
        return draw(tab, data, data[tab.entries]), at(data[tab.files], data[tab.entries], stopped=True)

    job.listen(step, state, inputs, [*drawn, tab.entries])

    def given(data: Settings) -> Values:
        return take(tab, data)

    def resume(data: Settings) -> Values:
        return job.begin(data, at(data[tab.files], data[tab.entries]))

    def redraw(data: Settings) -> Values:
        return draw(tab, data, data[tab.entries])

    clock = [job.wanted, job.tick]
    told = list(dict.fromkeys([*job.outputs, *drawn, tab.entries, tab.files]))
    gr.on(
        [tab.files.upload, tab.files.delete, tab.files.clear],
        given,
        {*inputs, *clock},
        told,
        **QUIET,
    )
    job.start.click(resume, {*inputs, *clock}, job.outputs, **QUIET)
    gr.on([tab.number.input, tab.of.input], redraw, set(inputs), drawn, **QUIET)

    def open_photo(entries: Sequence[Entry], event: gr.EventData) -> Run | None:
        return reopened(entries, int(event.open), predict, truth_of)

    return [
        tab.gallery.click(open_photo, tab.entries, inbox, show_progress_on=tab.summary, **NETWORK, **PRIVATE)
    ]


def take(tab: Triage, data: Settings) -> Values:
    """Files were added or taken away: forget what is gone, and analyse what is new."""
    files, entries = data[tab.files], data[tab.entries]
    if len(files) > MOST:
        toast(f"{len(files)} photos are too many: give at most {MOST} at once")
        kept = [one.path for one in entries]
        return {tab.files: kept or None}
    left = tuple(one for one in entries if one.path in files)
    now = at(files, left)
    values = {**draw(tab, data, left), tab.entries: left}
    if now.more:
        return {**values, **tab.job.begin(data, now)}
    return values if files else {**values, tab.job.bar: "", tab.job.start: gr.Button(visible=False)}


def analyse_next(tab: Triage, data: Settings, predict: Predict, truth_of: TruthOf) -> tuple[Values, Progress]:
    """Analyses the first file that is not yet. The gallery is drawn every `REDRAW` files, and at the end."""
    files = data[tab.files]
    entries: Entries = tuple(one for one in data[tab.entries] if one.path in files)
    waiting = _waiting(files, entries)
    if waiting:
        entries = (*entries, examined(waiting[0], predict, truth_of))
    now = at(files, entries)
    values = draw(tab, data, entries) if not now.more or now.done % REDRAW == 1 else {}
    return {**values, tab.entries: entries}, now


def examined(path: str, predict: Predict, truth_of: TruthOf = session.no_truth) -> Entry:
    """What is kept of the photo at `path`; a file that is no use tells its problem."""
    try:
        return view.entry(session.analyse(predict, path, truth_of), path)
    except InputError as error:
        return view.unreadable(path, str(error))


def reopened(
    entries: Sequence[Entry], index: int, predict: Predict, truth_of: TruthOf = session.no_truth
) -> Run | None:
    """The run of a photo in the gallery, made again; None, and a toast, if that does not work."""
    if not 0 <= index < len(entries):
        toast("This photo is no longer in the list: drop it again")
        return None
    advice = "Uploads are kept for some hours: drop it again."
    return toasting(session.analyse, lambda: None, advice)(predict, entries[index].path, truth_of)


def at(files: Sequence[str], entries: Sequence[Entry], stopped: bool = False) -> Progress:
    """How many of the files are analysed, and what comes next."""
    waiting = _waiting(files, entries)
    done = len(files) - len(waiting)
    if not files:
        return Progress(0, 0, "", False)
    if stopped and waiting:
        return Progress(done, len(files), f"stopped: {done} of {len(files)} analysed", False)
    label = f"{done} of {len(files)}, now {Path(waiting[0]).name}" if waiting else f"all {done} analysed"
    return Progress(done, len(files), label, bool(waiting))


def draw(tab: Triage, data: Settings, entries: Sequence[Entry]) -> Values:
    """Everything that is shown of the photos analysed so far."""
    number, of = quantity(data[tab.number]), data[tab.of]
    return {
        tab.note: view.help_line(number),
        tab.summary: view.summary(entries, number),
        tab.gallery: view.cards(entries, number, of),
        tab.table: _table(entries, data, tab),
    }


def _table(entries: Sequence[Entry], data: Settings, tab: Triage) -> gr.DownloadButton:
    if not entries:
        return gr.DownloadButton(value=None, interactive=False)
    rows = [entries[i].row for i in view.order(entries, quantity(data[tab.number]), data[tab.of])]
    path = fresh_folder(tab.table.GRADIO_CACHE) / CSV_NAME
    path.write_text(to_csv(rows, COHERENCE), encoding="utf-8", newline="")
    return gr.DownloadButton(value=str(path), interactive=True)


def _waiting(files: Sequence[str], entries: Sequence[Entry]) -> list[str]:
    known = {one.path for one in entries}
    return [path for path in files if path not in known]
