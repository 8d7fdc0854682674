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
from app.listeners import LATEST, NETWORK, PRIVATE, QUIET, sent, toast, toasting
from app.scene import check_fov
from app.session import Analysis, Predict, TruthOf
from app.tabs import triage_table
from app.tabs.base import Settings, Values
from app.tabs.triage import MOST, Triage, quantity
from app.tabs.triage_scatter import brushed
from app.views import triage as view
from app.views import triage_scatter as scatter_view
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
    scatter, job = tab.scatter, tab.job
    inputs: list[Component] = [
        *(tab.files, tab.number, tab.of, tab.entries, tab.tables, tab.fov, tab.seen_through),
        *scatter.inputs,
    ]
    drawn: list[Component] = [tab.note, tab.summary, tab.gallery, tab.table, *scatter.outputs, scatter.chosen]

    def step(data: Settings) -> tuple[Values, Progress]:
        return analyse_next(tab, data, predict, truth_of)

    def state(data: Settings) -> tuple[Values, Progress]:
        return shown(data), _now(tab, data, stopped=True)

    job.listen(step, state, inputs, [*drawn, tab.entries])

    def given(data: Settings) -> Values:
        return take(tab, data)

    def resume(data: Settings) -> Values:
        return job.begin(data, _now(tab, data))

    def see_through(data: Settings) -> Values:
        return seen_through(tab, data)

    def shown(data: Settings) -> Values:
        return redraw(tab, data, data[tab.entries])

    clock = [job.wanted, job.tick]
    more = [tab.entries, tab.tables, tab.files, tab.fov, tab.seen_through]
    all_outputs = list(dict.fromkeys([*job.outputs, *drawn, *more]))
    gr.on(
        [tab.files.upload, tab.files.delete, tab.files.clear],
        given,
        {*inputs, *clock},
        all_outputs,
        **QUIET,
    )
    job.start.click(resume, {*inputs, *clock}, job.outputs, **QUIET)
    gr.on([tab.fov.submit, tab.fov.blur], see_through, {*inputs, *clock}, all_outputs, **QUIET)
    keys = [tab.number.input, tab.of.input, scatter.up.input, scatter.across.input]
    gr.on(keys, shown, set(inputs), drawn, **QUIET)

    def brush(data: Settings, event: gr.EventData) -> Values:
        """Lists what was brushed; the chart stays as it is, with what the person drew in it."""
        values = redraw(tab, {**data, scatter.chosen: brushed(event)}, data[tab.entries])
        return {part: value for part, value in values.items() if part is not scatter.plot}

    def list_all(data: Settings) -> Values:
        return redraw(tab, {**data, scatter.chosen: ()}, data[tab.entries])

    nothing = toasting(brush, lambda *_: {scatter.chosen: gr.skip()})
    scatter.plot.select(nothing, set(inputs), drawn, **LATEST)
    scatter.everything.click(list_all, set(inputs), drawn, **QUIET)

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
        drawn = triage_table.draw(tab, {**data, tab.scatter.chosen: ()}, tables)
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
    moved: Settings = (
        {} if left == tuple(entries) else {tab.scatter.chosen: ()}
    )  # places in the list have changed
    now = at(photos, left, data[tab.seen_through])
    values = {**draw_photos(tab, {**data, **moved}, left), tab.entries: left, tab.tables: ()}
    if now.more:
        return {**values, **tab.job.begin(data, now)}
    return values if photos else {**values, tab.job.bar: "", tab.job.start: gr.Button(visible=False)}


def analyse_next(tab: Triage, data: Settings, predict: Predict, truth_of: TruthOf) -> tuple[Values, Progress]:
    """Analyses the first file that is not yet. The gallery is drawn every `REDRAW` files, and at the end."""
    if data[tab.tables]:  # dropped in place of the photos while one of them was analysed
        return {**redraw(tab, data, ()), tab.entries: ()}, at((), ())
    files = _photos(tab, data)
    fov = data[tab.seen_through]
    entries: Entries = tuple(one for one in data[tab.entries] if one.path in files and _holds(one, fov))
    waiting = _waiting(files, entries, fov)
    if waiting:
        entries = (*entries, examined(waiting[0], predict, truth_of, fov))
    now = at(files, entries, fov)
    values = draw_photos(tab, data, entries) if not now.more or now.done % REDRAW == 1 else {}
    return {**values, tab.entries: entries}, now


def seen_through(tab: Triage, data: Settings) -> Values:
    """Another field of view for all photos, or none: they are analysed again. One that cannot be is a toast."""
    now = data[tab.seen_through]
    in_force = "" if now is None else f"{now:g}"
    try:
        fov = _degrees(str(data[tab.fov] or ""))
        if fov != now and data[tab.tables]:
            raise InputError(
                "a table has the field of view that it was made with: give predict --table another --fov"
            )
    except InputError as error:
        toast(error)
        return {tab.fov: in_force}
    if fov == now:
        return {tab.fov: gr.skip()}
    files = _photos(tab, data)
    left = tuple(one for one in data[tab.entries] if _holds(one, fov))
    changed = {**data, tab.seen_through: fov, tab.scatter.chosen: ()}
    values = {**draw_photos(tab, changed, left), tab.entries: left, tab.seen_through: fov}
    progress = at(files, left, fov)
    return {**values, **tab.job.begin(data, progress)} if progress.more else values


def _degrees(typed: str) -> float | None:
    """A field of view as typed; None for nothing. Raises InputError where it is none."""
    if not typed.strip():
        return None
    try:
        fov = float(typed.replace(",", ".").strip().rstrip("°"))
    except ValueError:
        told = f"field of view {typed.strip()[:40]!r}: give degrees, or nothing for each photo's own"
        raise InputError(told) from None
    return check_fov(fov)


def examined(
    path: str, predict: Predict, truth_of: TruthOf = session.no_truth, fov: float | None = None
) -> Entry:
    """What is kept of the photo at `path`; a file that is no use tells its problem. fov: see `Entry`."""
    try:
        return view.entry(session.analyse(predict, path, truth_of, fov), path, fov)
    except InputError as error:
        return view.unreadable(path, str(error))


def reopened(
    entries: Sequence[Entry], index: int, predict: Predict, truth_of: TruthOf = session.no_truth
) -> Analysis | None:
    """The run of a photo in the gallery, made again; None, and a toast, if that does not work."""
    if not 0 <= index < len(entries):
        toast("This photo is no longer in the list: drop it again")
        return None
    advice = "Uploads are kept for a few hours only: drop it again."
    return toasting(session.analyse, lambda *_: None, advice)(
        predict, entries[index].path, truth_of, entries[index].fov
    )


def at(
    files: Sequence[str], entries: Sequence[Entry], fov: float | None = None, stopped: bool = False
) -> Progress:
    """How many of the files are analysed, and what comes next. fov: see `Entry`."""
    waiting = _waiting(files, entries, fov)
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
    number, of, chosen = quantity(data[tab.number]), data[tab.of], data[tab.scatter.chosen]
    rows = [one.row for one in entries]
    listed = [entries[i] for i in view.order(entries, number, of, chosen)]
    chart = (
        tab.scatter.draw(data, of, lambda x, y: scatter_view.points(rows, x, y, of))
        if any(not row.problem for row in rows)
        else tab.scatter.hide()
    )
    return {
        tab.note: view.help_line(number),
        tab.summary: view.summary(listed, number),
        tab.gallery: view.cards(entries, number, of, chosen),
        tab.table: tab.exported([one.row for one in listed]),
        tab.scatter.chosen: chosen,
        **chart,
    }


def _now(tab: Triage, data: Settings, stopped: bool = False) -> Progress:
    return at(_photos(tab, data), data[tab.entries], data[tab.seen_through], stopped)


def _photos(tab: Triage, data: Settings) -> list[str]:
    return triage_table.split(data[tab.files])[0]


def _there(paths: Sequence[str]) -> list[str] | None:
    return [path for path in paths if Path(path).is_file()] or None  # gradio takes no path of a deleted file


def _holds(one: Entry, fov: float | None) -> bool:
    return bool(one.row.problem) or one.fov == fov


def _waiting(files: Sequence[str], entries: Sequence[Entry], fov: float | None) -> list[str]:
    known = {one.path for one in entries if _holds(one, fov)}
    return [path for path in files if path not in known]
