"""The listeners of the Triage tab."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from app import session
from app.background_job import Progress
from app.listeners import NETWORK, PRIVATE, QUIET, sent, toast, toasting
from app.session import Analysis, Predict, TruthOf
from app.tabs import triage_table
from app.tabs.base import Settings, Values
from app.tabs.triage import MOST, Triage, quantity
from app.views import triage as view
from app.views.triage import Entry
from mtcp.errors import InputError

Entries = tuple[Entry, ...]

REDRAW = 5
"""While photos are analysed, the gallery is sent anew after so many of them."""


def listen(
    tab: Triage,
    predict: Predict,
    inbox: gr.State,
    truth_of: TruthOf = session.no_truth,
    handed: Callable[[Analysis | None], Any] = lambda analysis: analysis,
) -> list[Dependency]:
    """Adds the tab's listeners to the page.

    Args:
        inbox: gets the `Run` of a photo that the person opens, as `handed` makes it.

    Returns:
        The events after which something may be in the inbox.
    """
    inputs: list[Component] = [tab.files, tab.number, tab.of, tab.entries, tab.tables]
    drawn: list[Component] = [tab.note, tab.summary, tab.gallery, tab.table]
    job = tab.job

    def step(data: Settings) -> tuple[Values, Progress]:
        return analyse_next(tab, data, predict, truth_of)

    def state(data: Settings) -> tuple[Values, Progress]:
        return shown(data), at(_photos(tab, data), data[tab.entries], stopped=True)

    job.listen(step, state, inputs, [*drawn, tab.entries])

    def given(data: Settings) -> Values:
        return take(tab, data)

    def resume(data: Settings) -> Values:
        return job.begin(data, at(_photos(tab, data), data[tab.entries]))

    def shown(data: Settings) -> Values:
        return redraw(tab, data, data[tab.entries])

    clock = [job.wanted, job.tick]
    all_outputs = list(dict.fromkeys([*job.outputs, *drawn, tab.entries, tab.tables, tab.files]))
    gr.on(
        [tab.files.upload, tab.files.delete, tab.files.clear],
        given,
        {*inputs, *clock},
        all_outputs,
        **QUIET,
    )
    job.start.click(resume, {*inputs, *clock}, job.outputs, **QUIET)
    gr.on([tab.number.input, tab.of.input], shown, set(inputs), drawn, **QUIET)

    def open_photo(entries: Sequence[Entry], event: gr.EventData) -> Any:
        return handed(reopened(entries, int(sent(event, "open")), predict, truth_of))

    return [
        tab.gallery.click(open_photo, tab.entries, inbox, show_progress_on=tab.summary, **NETWORK, **PRIVATE)
    ]


def take(tab: Triage, data: Settings) -> Values:
    """Files were added or taken away: forget what is gone, and analyse what is new."""
    photos, tables = triage_table.split(data[tab.files])
    if not photos or not tables:
        return take_table(tab, data, tables) if tables else take_photos(tab, data, photos)
    if data[tab.tables]:
        toast(f"{Path(photos[0]).name}: a table is shown; clear the files to look at photos")
        return {tab.files: _there(tables), **take_table(tab, data, tables)}
    toast(f"{Path(tables[0]).name}: a table is not shown beside photos; clear the files, then drop it alone")
    return {tab.files: photos, **take_photos(tab, data, photos)}


def take_table(tab: Triage, data: Settings, tables: Sequence[str]) -> Values:
    """Shows the table in these files in place of what was shown; if it cannot be, all stays as it was."""
    try:
        drawn = triage_table.draw(tab, data, tables)
    except InputError as error:
        toast(error)
        return {tab.files: _there(data[tab.tables])}
    now: Values = {tab.tables: tuple(tables), tab.entries: (), tab.job.wanted: False, tab.job.bar: ""}
    return {**drawn, **now, tab.job.start: gr.Button(visible=False)}


def take_photos(tab: Triage, data: Settings, photos: Sequence[str]) -> Values:
    """Keeps the entries of these photos, and analyses those that have none yet."""
    entries = data[tab.entries]
    if len(photos) > MOST:
        toast(f"{len(photos)} photos are too many: give at most {MOST} at once")
        kept = [one.path for one in entries]
        return {tab.files: kept or None}
    left = tuple(one for one in entries if one.path in photos)
    now = at(photos, left)
    values = {**draw_photos(tab, data, left), tab.entries: left, tab.tables: ()}
    if now.more:
        return {**values, **tab.job.begin(data, now)}
    return values if photos else {**values, tab.job.bar: "", tab.job.start: gr.Button(visible=False)}


def analyse_next(tab: Triage, data: Settings, predict: Predict, truth_of: TruthOf) -> tuple[Values, Progress]:
    """Analyses the first file that is not yet. The gallery is drawn every `REDRAW` files, and at the end."""
    if data[tab.tables]:  # dropped in place of the photos while one of them was analysed
        return {**redraw(tab, data, ()), tab.entries: ()}, at((), ())
    files = _photos(tab, data)
    entries: Entries = tuple(one for one in data[tab.entries] if one.path in files)
    waiting = _waiting(files, entries)
    if waiting:
        entries = (*entries, examined(waiting[0], predict, truth_of))
    now = at(files, entries)
    values = draw_photos(tab, data, entries) if not now.more or now.done % REDRAW == 1 else {}
    return {**values, tab.entries: entries}, now


def examined(path: str, predict: Predict, truth_of: TruthOf = session.no_truth) -> Entry:
    """What is kept of the photo at `path`; a file that is no use tells its problem."""
    try:
        return view.entry(session.analyse(predict, path, truth_of), path)
    except InputError as error:
        return view.unreadable(path, str(error))


def reopened(
    entries: Sequence[Entry], index: int, predict: Predict, truth_of: TruthOf = session.no_truth
) -> Analysis | None:
    """The run of a photo in the gallery, made again; None, and a toast, if that does not work."""
    if not 0 <= index < len(entries):
        toast("This photo is no longer in the list: drop it again")
        return None
    advice = "Uploads are kept for some hours: drop it again."
    return toasting(session.analyse, lambda *_: None, advice)(predict, entries[index].path, truth_of)


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


def redraw(tab: Triage, data: Settings, entries: Sequence[Entry]) -> Values:
    """Everything that is shown: of the table, or of the photos analysed so far. A table that cannot be read any more
    is a toast, and what is shown stays.
    """
    tables = data[tab.tables]
    if not tables:
        return draw_photos(tab, data, entries)
    return toasting(triage_table.draw, lambda *_: {})(tab, data, tables)


def draw_photos(tab: Triage, data: Settings, entries: Sequence[Entry]) -> Values:
    """Everything that is shown of the photos analysed so far."""
    number, of = quantity(data[tab.number]), data[tab.of]
    return {
        tab.note: view.help_line(number),
        tab.summary: view.summary(entries, number),
        tab.gallery: view.cards(entries, number, of),
        tab.table: tab.exported([entries[i].row for i in view.order(entries, number, of)]),
    }


def _photos(tab: Triage, data: Settings) -> list[str]:
    return triage_table.split(data[tab.files])[0]


def _there(paths: Sequence[str]) -> list[str] | None:
    return [path for path in paths if Path(path).is_file()] or None  # gradio takes no path of a deleted file


def _waiting(files: Sequence[str], entries: Sequence[Entry]) -> list[str]:
    known = {one.path for one in entries}
    return [path for path in files if path not in known]
