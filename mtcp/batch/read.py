"""Such a table opened for triage: its worst rows by any number, without reading the others."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtcp.batch.storage import open_place
from mtcp.batch.table import BAD, PHOTOS, REAL, TEXT, WHOLE, arrow, parts
from mtcp.errors import InputError, one_line
from mtcp.evaluation.ranking import CHANGE, TriageRow
from mtcp.geometry.quantities import (
    COHERENCE,
    FORMER_COLUMNS,
    OF_PHOTO,
    STAGES,
    Numbers,
    PhotoQuantity,
    Quantity,
)
from mtcp.io.safe_read import brief

MOST_ROWS = 20_000_000
MOST_BYTES = 16 * 2**30
"""Larger tables, unpacked, are refused: ten million photos are about 5 GB."""
LONGEST_TEXT = 500
_DETAILS = (
    "width_px",
    "height_px",
    "field_of_view_deg",
    "camera_from",
    "geometry_note",
    "unlike",
    "failures_remaining",
    "failures_introduced",
    "failures_reduced",
    "failures_fixed",
    "worst_cause",
    "checkpoint",
)
"""Columns that become a row's `details`, as in the page's own triage."""
_FORMER = {column: former for former, column in FORMER_COLUMNS.items()}
"""Column -> what tables of version 1 call it."""
_BAD_COLUMNS = ("path", "message")


@dataclass(frozen=True)
class CoherenceTable:
    """A table that `python -m mtcp predict --table` wrote. Open it with `open_table`.

    photos, bad: pyarrow datasets of the two tables, None where there are no rows. Every method raises InputError
    where a part turns out damaged, or gone, only now that its rows are read.
    """

    photos: Any
    bad: Any
    count: int
    bad_count: int

    def values(self, quantity: Quantity, of: str = "refined") -> np.ndarray:
        """A number of every photo, float64 (count,), in the table's order; NaN where it is not known.

        of: "initial", "refined" (the initial number where no photo has a refined one) or "change". A number of the
        photo as a whole is the same of either stage, and has no change.
        """
        if isinstance(quantity, PhotoQuantity):
            return np.full(self.count, np.nan) if of == CHANGE else self.column(quantity.key)
        before = self.column(f"initial_{quantity.key}")
        if of == "initial":
            return before
        after = self.column(f"refined_{quantity.key}")
        if of == CHANGE:
            return after - before
        return after if self._has_refined() else before

    def worst(
        self, quantity: Quantity, of: str = "refined", most: int = 200, among: Sequence[int] = ()
    ) -> list[TriageRow]:
        """The first `most` rows of `mtcp.evaluation.ranking.ranked` over the whole table, the worst first.

        among: only of the rows at these places in the table (others are passed over); of all if there are none.
        """
        if not self.count:
            return []
        sign = -1.0 if quantity.higher_is_better else 1.0
        worth = sign * self.values(quantity, of)
        worth[~np.isfinite(worth)] = -np.inf
        order = np.argsort(-worth, kind="stable")
        if among:
            order = order[np.isin(order, np.array(among))]
        return self.rows(order[:most])

    def unmeasured(self, most: int = 200) -> list[TriageRow]:
        """Rows of what could not be measured, with the problem."""
        if self.bad is None:
            return []
        with _reading():
            found = self.bad.head(most, columns=list(_BAD_COLUMNS)).to_pylist()
        return [TriageRow(_text(one["path"]), problem=_text(one["message"])) for one in found]

    def mean(self, quantity: Quantity, of: str = "refined") -> float | None:
        """Mean of a number over the photos that have it."""
        known = _known(self.values(quantity, of))
        return float(known.mean()) if known.size else None

    def improved(self, quantity: Quantity) -> tuple[int, int]:
        """In how many photos the refinement made the number better, and in how many both numbers are known."""
        changes = _known(self.values(quantity, CHANGE))
        better = changes > 0 if quantity.higher_is_better else changes < 0
        return int(better.sum()), int(changes.size)

    def _has_refined(self) -> bool:
        return bool(np.isfinite(self.column(f"refined_{COHERENCE[0].key}")).any())

    def column(self, name: str) -> np.ndarray:
        """A column of numbers, float64 (count,), by its name in the file; NaN where it is not known."""
        if self.photos is None:
            return np.zeros(0)
        with _reading():
            found = self.photos.to_table(columns=[name, _FORMER[name]] if name in _FORMER else [name])
            values: np.ndarray = found[name].to_numpy().astype(np.float64)
            if name in _FORMER:
                former = found[_FORMER[name]].to_numpy().astype(np.float64)
                values = np.where(np.isnan(values), former, values)
            return values

    def rows(self, order: np.ndarray) -> list[TriageRow]:
        """The rows at these places in the table, int (n,), in this order."""
        if not len(order):
            return []
        # take() wants rising indices to read each part once; the rank is put back after it
        rising = np.sort(order)
        with _reading():
            found = self.photos.take(rising).to_pylist()
        by_index = dict(zip(rising.tolist(), found, strict=True))
        return [_row(by_index[index]) for index in order.tolist()]


def open_table(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    most_rows: int = MOST_ROWS,
    most_bytes: int = MOST_BYTES,
) -> CoherenceTable:
    """Opens a table of coherence numbers.

    Args:
        source: what `predict --table --out` was given (a folder or URL); or one or several of its .parquet files, of
            either table.
        most_rows, most_bytes: larger tables are refused; bytes are counted unpacked.

    Raises:
        InputError: pyarrow is not installed, nothing is there, a file is damaged or not of this kind, or it is too
            large.
    """
    arrow()
    given = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    files = [file for one in given for file in _files(os.fspath(one))]
    kinds = {PHOTOS: [f for f in files if f.kind == PHOTOS], BAD: [f for f in files if f.kind == BAD]}
    if not files:
        names = ", ".join(os.fspath(one) for one in given)
        raise InputError(f"{names}: no table there; give the --out of `mtcp predict --table`")
    rows = {kind: sum(file.rows for file in of_kind) for kind, of_kind in kinds.items()}
    size = sum(file.unpacked for file in files)
    if sum(rows.values()) > most_rows or size > most_bytes:
        raise InputError(
            f"{_base(files[0].path)}: {sum(rows.values())} rows, {size >> 20} MiB unpacked; at most {most_rows} rows "
            f"and {most_bytes >> 20} MiB are opened: take a part of it"
        )
    return CoherenceTable(_dataset(kinds[PHOTOS]), _dataset(kinds[BAD]), rows[PHOTOS], rows[BAD])


@dataclass(frozen=True)
class _File:
    path: str
    fs: Any
    kind: str  # PHOTOS or BAD
    rows: int
    unpacked: int


def _files(source: str) -> list[_File]:
    place = open_place(source)
    try:
        if place.fs.isfile(place.root):
            return [_inspect(place.root, place.fs)]
    except OSError as error:
        raise InputError(f"{source}: cannot be read ({brief(error)})") from error
    return [_inspect(path, place.fs) for folder in (PHOTOS, BAD) for path in parts(place, folder)]


def _inspect(path: str, fs: Any) -> _File:
    """What a file says of itself, checked before any row is read."""
    pa = arrow()
    name = _base(path)
    try:
        with fs.open(path, "rb") as file:
            parquet = pa.parquet.ParquetFile(file)
            columns, metadata = parquet.schema_arrow, parquet.metadata
            unpacked = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    except (OSError, pa.ArrowException, ValueError) as error:
        raise InputError(f"{name}: not a readable Parquet file ({brief(error)})") from error
    kind = BAD if set(_BAD_COLUMNS) <= set(columns.names) else PHOTOS
    wanted = _BAD_COLUMNS if kind == BAD else (*TEXT, *WHOLE, *REAL)
    for column in wanted:
        stored = column if column in columns.names else _FORMER.get(column, column)
        if stored not in columns.names:
            raise InputError(f"{name}: not a table of `mtcp predict --table` (no column {column})")
        if not _fits(columns.field(stored).type, column):
            what = f"column {stored} is {columns.field(stored).type}"
            raise InputError(f"{name}: not a table of `mtcp predict --table` ({what})")
    return _File(path, fs, kind, metadata.num_rows, unpacked)


def _fits(kind: Any, name: str) -> bool:
    types = arrow().types
    if name in REAL:
        return bool(types.is_floating(kind))
    if name in WHOLE:
        return bool(types.is_integer(kind))
    return bool(types.is_string(kind) or types.is_large_string(kind))


def _dataset(files: Sequence[_File]) -> Any:
    if not any(file.rows for file in files):
        return None
    import pyarrow.dataset as ds

    from mtcp.batch.table import bad_schema, schema

    columns = schema() if files[0].kind == PHOTOS else bad_schema()
    if files[0].kind == PHOTOS:
        for former in FORMER_COLUMNS:
            columns = columns.append(arrow().field(former, arrow().int64()))  # null in parts of today
    text = [field.name for field in columns if arrow().types.is_string(field.type)]
    for name in text:  # else one long text, stored once for a million rows, would be unpacked a million times
        at = columns.get_field_index(name)
        columns = columns.set(at, columns.field(at).with_type(arrow().dictionary("int32", "string")))
    return ds.dataset(
        [file.path for file in files],
        schema=columns,
        format=ds.ParquetFileFormat(dictionary_columns=set(text)),
        filesystem=files[0].fs,
    )


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, arrow().ArrowException) as error:
        raise InputError(
            f"the table's rows cannot be read: a part is damaged or gone ({brief(error)})"
        ) from error


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _row(values: dict[str, Any]) -> TriageRow:
    stages: dict[str, Numbers] = {
        stage: {one.key: _number(values[f"{stage}_{one.key}"]) for one in COHERENCE} for stage in STAGES
    }
    refined = stages["refined"] if any(v is not None for v in stages["refined"].values()) else {}
    details: dict[str, str | float | int] = {}
    for name in _DETAILS:
        value = values[name]
        if value is None and name in _FORMER:
            value = values[_FORMER[name]]
        if value is not None:
            details[name] = _text(value) if isinstance(value, str) else value
    photo = {one.key: _number(values[one.key]) for one in OF_PHOTO}
    return TriageRow(_text(values["photo"]), stages["initial"], refined, details, photo=photo)


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _text(value: str | None) -> str:
    return one_line((value or "")[:LONGEST_TEXT])


def _known(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]
