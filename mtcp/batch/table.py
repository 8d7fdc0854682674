"""The table on disk: a row of numbers per photo and, beside it, what could not be measured. Both are Parquet.

    DEST/settings.json          checkpoint, field of view and network size that all rows have in common
    DEST/photos/part-*.parquet  a row per photo, columns as `schema`
    DEST/bad/part-*.parquet     path, message

A part holds what one block of photos gave. It is named by the block's photos, so that a block that is done again
(a lost worker) replaces its own parts.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mtcp import __version__
from mtcp.batch.storage import Place, write_whole
from mtcp.errors import InputError
from mtcp.geometry.quantities import COHERENCE, OF_PHOTO, STAGES
from mtcp.io.safe_read import brief

if TYPE_CHECKING:
    import pyarrow as pa

PHOTOS, BAD = "photos", "bad"
FORMAT, VERSION = "mtcp-coherence-table", 2
SETTINGS = "settings.json"

TableRow = dict[str, Any]
"""Column -> value of one photo."""

TEXT = ("photo", "camera_from", "device", "checkpoint", "checkpoint_sha256", "worst_status", "worst_class")
WHOLE = {
    "width_px": "px",
    "height_px": "px",
    "network_width_px": "px",
    "network_height_px": "px",
    "threads": "",
    "failures_remaining": "",
    "failures_introduced": "",
    "failures_reduced": "",
    "failures_fixed": "",
    "worst_x_px": "px",
    "worst_y_px": "px",
}
"""Columns of whole numbers -> unit."""
NEWER_TEXT = ("geometry_note", "unlike", "worst_cause")
"""Columns of text that older tables do not have."""
REAL = {
    "seconds": "s",
    "network_seconds": "s",
    "field_of_view_deg": "deg",
    "worst_share_pct": "%",
    "worst_before_deg": "deg",
    "worst_after_deg": "deg",
    **{f"{stage}_{quantity.key}": quantity.unit for quantity in COHERENCE for stage in STAGES},
}
"""Columns of real numbers -> unit. Those of `mtcp.geometry.quantities.COHERENCE` start with the stage."""


NEWER_REAL = {quantity.key: quantity.unit for quantity in OF_PHOTO}
"""Columns of real numbers that older tables do not have -> unit."""


def arrow() -> ModuleType:
    """pyarrow with its Parquet part. Raises InputError where it is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise InputError('Parquet tables need pyarrow: pip install "mtcp-explorer[table]"') from error
    return pyarrow


@functools.cache
def schema() -> pa.Schema:
    """Columns of the table of photos; each field's metadata has its `unit`."""
    pa = arrow()
    fields = [pa.field(name, pa.string()) for name in (*TEXT, *NEWER_TEXT)]
    fields += [pa.field(name, pa.int64(), metadata={"unit": unit}) for name, unit in WHOLE.items()]
    fields += [
        pa.field(name, pa.float64(), metadata={"unit": unit}) for name, unit in (REAL | NEWER_REAL).items()
    ]
    return pa.schema(fields, metadata={"format": FORMAT, "version": str(VERSION), "mtcp": __version__})


@functools.cache
def bad_schema() -> pa.Schema:
    """Columns of the table of what could not be measured."""
    pa = arrow()
    metadata = {"format": f"{FORMAT}-bad", "version": str(VERSION), "mtcp": __version__}
    return pa.schema([("path", pa.string()), ("message", pa.string())], metadata=metadata)


def stored_name(name: str) -> str:
    """A file's name as text that Parquet takes: undecodable bytes as escapes."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def write_block(dest: Place, names: Sequence[str], rows: Sequence[TableRow], bad: Sequence[TableRow]) -> None:
    """What the photos `names` gave, as a part of each table that has something to hold.

    Raises:
        OSError: it could not be written.
    """
    part = f"part-{hashlib.sha256(json.dumps(list(names)).encode()).hexdigest()[:20]}.parquet"
    for folder, content, columns in ((PHOTOS, rows, schema()), (BAD, bad, bad_schema())):
        if content:
            write_whole(dest, f"{folder}/{part}", _parquet(content, columns))


def _parquet(rows: Sequence[TableRow], columns: pa.Schema) -> bytes:
    pa = arrow()
    file = io.BytesIO()
    pa.parquet.write_table(pa.Table.from_pylist(list(rows), columns), file, compression="zstd")
    return file.getvalue()


def parts(dest: Place, folder: str) -> list[str]:
    """Paths of a table's parts, sorted; none where nothing was written yet.

    Raises:
        InputError: the folder is there but cannot be listed.
    """
    try:
        dest.fs.invalidate_cache()
        return sorted(dest.fs.glob(f"{dest.path(folder)}/part-*.parquet"))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"{dest.url}: cannot be listed ({brief(error)})") from error


def column(dest: Place, folder: str, name: str) -> list[str]:
    """One column of text of a whole table, in the parts' order.

    Raises:
        InputError: a part that is damaged or foreign.
    """
    pa = arrow()
    found: list[str] = []
    for path in parts(dest, folder):
        try:
            with dest.fs.open(path, "rb") as file:
                found += pa.parquet.read_table(file, columns=[name])[name].to_pylist()
        except (OSError, KeyError, pa.ArrowException) as error:
            raise InputError(
                f"{path}: damaged or not from this program ({brief(error)}); remove it"
            ) from error
    return found


def agree(dest: Place, settings: Mapping[str, Any]) -> None:
    """Writes the settings that all rows have in common, or compares them with those already there.

    Raises:
        InputError: rows in the table were made with others; mixed rows could not be compared.
        OSError: they could not be written.
    """
    wanted = {"format": FORMAT, "version": VERSION, **settings}
    path = dest.path(SETTINGS)
    try:
        found = json.loads(dest.fs.cat_file(path))
    except FileNotFoundError:
        write_whole(dest, SETTINGS, (json.dumps(wanted, indent=2) + "\n").encode())
        return
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: damaged or unreadable ({brief(error)}); give another --out") from error
    for key, value in wanted.items():
        had = found.get(key) if isinstance(found, dict) else None
        if had != value:
            raise InputError(f"{dest.url}: its rows have {key} {had}, this run {value}; give another --out")


def forget_bad(dest: Place) -> None:
    """Empties the table of what could not be measured, so that it is tried again."""
    for path in parts(dest, BAD):
        dest.fs.rm_file(path)
