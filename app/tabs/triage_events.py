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
from app.networks import Networks
from app.scene import check_fov
from app.session import Analysis, Predict, TruthOf
from app.tabs import triage_table
from app.tabs.base import Settings, Values
from app.tabs.triage import MOST, Triage, quantity
from app.tabs.triage_entries import Entries, at, by_network, examined, holds, reopened, waiting
from app.tabs.triage_scatter import brushed, missed
from app.views import triage as view
from app.views import triage_scatter as scatter_view
from app.views.triage import Entry
from mtcp.errors import InputError

REDRAW = 5
"""While photos are analysed, the gallery is sent anew after so many of them."""
KEPT = 2 * MOST
"""Entries by other networks than the one whose numbers are shown: the latest so many stay."""


def listen(
    tab: Triage,
    networks: Networks,
    network: gr.Dropdown,
    inbox: gr.State,
    truth_of: TruthOf = session.no_truth,
    handed: Callable[[Analysis | None], Any] = lambda analysis: analysis,
) -> list[Dependency]:
    """Adds the tab's listeners to the page.

    Args:
        network: the name of the one that the person has chosen.
        inbox: gets the analysis of a photo that the person opens, as `handed` makes it.

    Returns:
        The events after which something may be in the inbox.
    """
    scatter, job = tab.scatter, tab.job
    inputs: list[Component] = [
        *(tab.files, tab.number, tab.of, tab.entries, tab.tables, tab.fov, tab.seen_through, tab.seen_by),
        *scatter.inputs,
    ]
    drawn: list[Component] = [tab.note, tab.summary, tab.gallery, tab.table, *scatter.outputs, scatter.chosen]

    def step(data: Settings) -> tuple[Values, Progress]:
        return analyse_next(tab, data, networks.predict(data[tab.seen_by]), truth_of)

    def state(data: Settings) -> tuple[Values, Progress]:
        return shown(data), _now(tab, data, stopped=True)

    job.listen(step, state, inputs, [*drawn, tab.entries])

    def given(data: Settings) -> Values:
        return {tab.seen_by: data[network], **take(tab, {**data, tab.seen_by: data[network]})}

    def resume(data: Settings) -> Values:
        return {
            tab.seen_by: data[network],
            **job.begin(data, _now(tab, {**data, tab.seen_by: data[network]})),
        }

    def see_by(data: Settings) -> Values:
        return seen_by(tab, data, data[network])

    def see_through(data: Settings) -> Values:
        return seen_through(tab, data)

    def shown(data: Settings) -> Values:
        return redraw(tab, data, data[tab.entries])

    clock = [job.wanted, job.tick]
    more = [tab.entries, tab.tables, tab.files, tab.fov, tab.seen_through, tab.seen_by]
    all_outputs = list(dict.fromkeys([*job.outputs, *drawn, *more]))
    gr.on(
        [tab.files.upload, tab.files.delete, tab.files.clear],
        given,
        {*inputs, *clock, network},
        all_outputs,
        **QUIET,
    )
    job.start.click(resume, {*inputs, *clock, network}, [*job.outputs, tab.seen_by], **QUIET)
    # in the networks' own queue: no step of the job is under way meanwhile, which would draw what is over
    network.change(see_by, {*inputs, *clock, network}, all_outputs, **NETWORK, **QUIET)
    gr.on([tab.fov.submit, tab.fov.blur], see_through, {*inputs, *clock}, all_outputs, **QUIET)
    keys = [tab.number.input, tab.of.input, scatter.up.input, scatter.across.input]
    gr.on(keys, shown, set(inputs), drawn, **QUIET)

    def brush(data: Settings, event: gr.EventData) -> Values:
        """Lists what was brushed; the chart stays as it is, with what the person drew in it."""
        values = redraw(tab, {**data, scatter.chosen: brushed(event)}, data[tab.entries])
        if missed(event) and scatter.summary in values:
            values[scatter.summary] = scatter_view.MISSED + values[scatter.summary]
        return {part: value for part, value in values.items() if part is not scatter.plot}

    def list_all(data: Settings) -> Values:
        return redraw(tab, {**data, scatter.chosen: ()}, data[tab.entries])

    nothing = toasting(brush, lambda *_: {scatter.chosen: gr.skip()})
    scatter.plot.select(nothing, set(inputs), drawn, **QUIET)
    scatter.everything.click(list_all, set(inputs), drawn, **QUIET)

    def open_photo(entries: Sequence[Entry], name: str, event: gr.EventData) -> Any:
        index = int(sent(event, "open"))
        return handed(reopened(by_network(entries, name), index, networks.predict(name), truth_of))

    asked: list[Component] = [tab.entries, tab.seen_by]
    return [tab.gallery.click(open_photo, asked, inbox, show_progress_on=tab.summary, **NETWORK, **PRIVATE)]


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
        kept = list(dict.fromkeys(one.path for one in entries))
        return {tab.files: kept or None}
    left = tuple(one for one in entries if one.path in photos)
    moved: Settings = (
        {} if left == tuple(entries) else {tab.scatter.chosen: ()}
    )  # places in the list have changed
    now = at(photos, by_network(left, data[tab.seen_by]), data[tab.seen_through])
    values = {**draw_photos(tab, {**data, **moved}, left), tab.entries: left, tab.tables: ()}
    if now.more:
        return {**values, **tab.job.begin(data, now)}
    return values if photos else {**values, tab.job.bar: "", tab.job.start: gr.Button(visible=False)}


def analyse_next(tab: Triage, data: Settings, predict: Predict, truth_of: TruthOf) -> tuple[Values, Progress]:
    """Analyses the first file that is not yet. The gallery is drawn every `REDRAW` files, and at the end."""
    if data[tab.tables]:  # dropped in place of the photos while one of them was analysed
        return {**redraw(tab, data, ()), tab.entries: ()}, at((), ())
    files = _photos(tab, data)
    fov, network = data[tab.seen_through], data[tab.seen_by]
    analysed: Entries = tuple(one for one in data[tab.entries] if one.path in files and holds(one, fov))
    others, entries = [one for one in analysed if one.network != network], by_network(analysed, network)
    left = waiting(files, entries, fov)
    if left:
        entries = (*entries, examined(left[0], predict, truth_of, fov, network))
    now, kept = at(files, entries, fov), (*others[-KEPT:], *entries)
    values = draw_photos(tab, data, kept) if not now.more or now.done % REDRAW == 1 else {}
    return {**values, tab.entries: kept}, now


def seen_by(tab: Triage, data: Settings, network: str) -> Values:
    """Another network was chosen: shows what it has made of the photos so far. The rest waits for the person, as many
    photos take long.
    """
    if not network or network == data[tab.seen_by]:
        return {tab.seen_by: gr.skip()}
    if data[tab.tables] or not _photos(tab, data):
        return {tab.seen_by: network}
    changed = {**data, tab.seen_by: network, tab.scatter.chosen: ()}  # places in another list
    now = _now(tab, changed)
    done = Progress(now.done, now.total, f"{now.done} of {now.total} analysed by {network}", False)
    drawn = draw_photos(tab, changed, data[tab.entries])
    return {**drawn, **tab.job.halted(done), tab.seen_by: network}


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
    left = tuple(one for one in data[tab.entries] if holds(one, fov))
    changed = {**data, tab.seen_through: fov, tab.scatter.chosen: ()}
    values = {**draw_photos(tab, changed, left), tab.entries: left, tab.seen_through: fov}
    progress = at(files, by_network(left, data[tab.seen_by]), fov)
    return {**values, **tab.job.begin(data, progress)} if progress.more else values


def _degrees(typed: str) -> float | None:
    """A field of view as typed; None for nothing. Raises InputError where it is none."""
    if not typed.strip():
        return None
    try:
        fov = float(typed.replace(",", ".").strip().rstrip("°"))
    except ValueError:
        message = f"field of view {typed.strip()[:40]!r}: give degrees, or nothing for each photo's own"
        raise InputError(message) from None
    return check_fov(fov)


def redraw(tab: Triage, data: Settings, entries: Sequence[Entry]) -> Values:
    """Everything that is shown: of the table, or of the photos analysed so far. A table that cannot be read any more
    is a toast, and what is shown stays.
    """
    tables = data[tab.tables]
    if not tables:
        return draw_photos(tab, data, entries)
    return toasting(triage_table.draw, lambda *_: {})(tab, data, tables)


def draw_photos(tab: Triage, data: Settings, entries: Sequence[Entry]) -> Values:
    """Everything that is shown of the photos analysed so far by the network that is looked at.

    entries: of all networks.
    """
    network, others = data[tab.seen_by], bool(entries)
    entries = by_network(entries, network)
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
        tab.summary: (
            view.waiting(network, len(_photos(tab, data)))
            if others and not entries
            else view.summary(listed, number)
        ),
        tab.gallery: view.cards(entries, number, of, chosen),
        tab.table: tab.exported([one.row for one in listed]),
        tab.scatter.chosen: chosen,
        **chart,
    }


def _now(tab: Triage, data: Settings, stopped: bool = False) -> Progress:
    return at(
        _photos(tab, data), by_network(data[tab.entries], data[tab.seen_by]), data[tab.seen_through], stopped
    )


def _photos(tab: Triage, data: Settings) -> list[str]:
    return triage_table.split(data[tab.files])[0]


def _there(paths: Sequence[str]) -> list[str] | None:
    return [path for path in paths if Path(path).is_file()] or None  # gradio takes no path of a deleted file
