"""Tables in the Triage tab: `.parquet` files of `python -m mtcp predict --table`, dropped in place of photos.

Of a table only the paths of its files are kept; it is opened again each time it is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.tabs.base import Settings, Values
from app.tabs.triage import Triage, quantity
from app.views import triage as view
from app.views import triage_table
from mtcp.batch.read import CoherenceTable, open_table
from mtcp.errors import InputError

SUFFIX = ".parquet"
MOST_FILES = 500
MOST_ROWS = 2_000_000
MOST_BYTES = 2**30
"""Unpacked: some 2 million rows. Larger tables are for a program, not for a page that others use too."""


def split(files: Sequence[str]) -> tuple[list[str], list[str]]:
    """The photos among the files, and the parts of tables: by suffix, what is in them is judged later."""
    tables = [path for path in files if path.lower().endswith(SUFFIX)]
    return [path for path in files if path not in tables], tables


def opened(paths: Sequence[str]) -> CoherenceTable:
    """The table that uploaded files make up.

    Raises:
        InputError: what `open_table` refuses; or too many files, or one that was deleted meanwhile.
    """
    gone = [Path(path).name for path in paths if not Path(path).is_file()]
    if gone:
        raise InputError(
            f"{gone[0]}: uploads are kept for a few hours only, and this one is gone: drop it again"
        )
    if len(paths) > MOST_FILES:
        raise InputError(f"{len(paths)} files are too many: give at most {MOST_FILES} at once, or merge them")
    return open_table(paths, most_rows=MOST_ROWS, most_bytes=MOST_BYTES)


def draw(tab: Triage, data: Settings, paths: Sequence[str]) -> Values:
    """Everything that is shown of the table in these files.

    Raises:
        InputError: see `opened`; or a part turns out damaged. It names no folder of this machine.
    """
    number, of = quantity(data[tab.number]), data[tab.of]
    try:
        table, chosen = opened(paths), data[tab.scatter.chosen]
        seen = triage_table.look(table, number, of, among=chosen)
        chart = tab.scatter.draw(data, of, lambda x, y: triage_table.points(table, x, y, of))
    except InputError as error:
        raise InputError(_without_folders(str(error), paths)) from error
    return {
        **chart,
        tab.scatter.chosen: chosen,
        tab.note: view.help_line(number),
        tab.summary: triage_table.summary(seen, number),
        tab.gallery: triage_table.listing(seen, number, of),
        tab.table: tab.exported([*seen.rows, *seen.bad]),
    }


def _without_folders(message: str, paths: Sequence[str]) -> str:
    for folder in {str(Path(path).parent) for path in paths}:
        message = message.replace(f"{folder}/", "").replace(f"{folder}\\", "")
    return message
