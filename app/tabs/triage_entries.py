"""The entries of the Triage tab: which photos have one already, by which network, and how one is made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app import session
from app.background_job import Progress
from app.listeners import toast, toasting
from app.session import Analysis, Predict, TruthOf
from app.views import triage as view
from app.views.triage import Entry
from mtcp.errors import InputError

Entries = tuple[Entry, ...]


def by_network(entries: Sequence[Entry], network: str) -> Entries:
    """Those of one network, in their order."""
    return tuple(one for one in entries if one.network == network)


def examined(
    path: str,
    predict: Predict,
    truth_of: TruthOf = session.no_truth,
    fov: float | None = None,
    network: str = "",
) -> Entry:
    """What is kept of the photo at `path`; a file that is no use tells its problem. fov, network: see `Entry`."""
    try:
        return view.entry(session.analyse(predict, path, truth_of, fov), path, fov, network)
    except InputError as error:
        return view.unreadable(path, str(error), network)


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
    left = waiting(files, entries, fov)
    done = len(files) - len(left)
    if not files:
        return Progress(0, 0, "", False)
    if stopped and left:
        return Progress(done, len(files), f"stopped: {done} of {len(files)} analysed", False)
    label = f"{done} of {len(files)}, now {Path(left[0]).name}" if left else f"all {done} analysed"
    return Progress(done, len(files), label, bool(left))


def holds(one: Entry, fov: float | None) -> bool:
    """Whether an entry is of this field of view."""
    return bool(one.row.problem) or one.fov == fov


def waiting(files: Sequence[str], entries: Sequence[Entry], fov: float | None) -> list[str]:
    """The files that have no entry of this field of view."""
    known = {one.path for one in entries if holds(one, fov)}
    return [path for path in files if path not in known]
