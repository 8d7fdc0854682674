"""Results on disk: one small JSON file per row and seed, in OUT/results."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mtcp.ablation.rows import SINGLE, of_one_task
from mtcp.config import ModelConfig, TrainConfig
from mtcp.config.idle import READ_WITH, is_idle
from mtcp.errors import InputError
from mtcp.evaluation.metrics import delta_m
from mtcp.io.atomic import write_atomic
from mtcp.tasks import Task

FOLDER = "results"
Record = dict[str, Any]
BEFORE_GRIDS: Record = {"grid": "parts", "start": None, "budgets": 1, "total_budgets": 1}
"""What results say of themselves that were made before there was more than one grid."""
_FREE = ("workers", "log_every", "eval_every", "log_gradients")
"""Fields of `TrainConfig` that change no weight."""


def result_path(out: Path, row: str, seed: int) -> Path:
    """Where the numbers of a row and seed are."""
    return out / FOLDER / f"{row}-s{seed}.json"


def read_record(path: Path) -> Record:
    """One file. Raises InputError when it is no result."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if not {"row", "seed"} <= record.keys():
            raise ValueError("no row and seed in it")
        record = {**BEFORE_GRIDS, **record}
        for part, config in (("model", ModelConfig), ("switch", ModelConfig), ("train", TrainConfig)):
            if part in record:
                record[part] = config.current(record[part])
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise InputError(f"{path}: not a result of mtcp ablate ({error}); move it away") from error
    return record


def read_records(out: Path) -> list[Record]:
    """All results of `out`, by name. Raises InputError for a file that is none."""
    return [read_record(path) for path in sorted((out / FOLDER).glob("*.json"))]


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Strict JSON, whole or absent: numbers that do not exist become null."""
    text = json.dumps(_strict(record), indent=1, allow_nan=False) + "\n"
    write_atomic(path, lambda file: file.write(text.encode()))


def recorded(model: ModelConfig, train: TrainConfig) -> dict[str, dict[str, Any]]:
    """Both configurations as JSON, with file names in place of this machine's paths."""
    values = train.to_dict()
    for key in ("data", "init", "also"):
        values[key] = ",".join(Path(part).name for part in str(values[key]).split(","))
    return {"model": model.to_dict(), "train": values}


def check_same(
    where: Path, found: Mapping[str, Any], wanted: Mapping[str, Any], but: Collection[str] = ()
) -> None:
    """Refuses to mix budgets in one table: `found` and `wanted` are as `recorded` gives.

    A field that `found` lacks is younger than it: then it was made with the field's default. Fields that nothing reads
    on either side may differ: so a row that two grids have need not be trained twice. So may the fields in `but`.

    Raises:
        InputError: they differ in what changes weights; names the first difference.
    """
    defaults = {"model": ModelConfig().to_dict(), "train": TrainConfig().to_dict()}
    for part, standard in defaults.items():
        for key, value in wanted[part].items():
            old = found[part].get(key, standard[key])
            if key in _FREE or key in but or old == value:
                continue
            if not (_is_idle(key, found) and _is_idle(key, wanted)):
                raise InputError(f"{where} was made with {key}={old}, now it is {value}: take another --out")


def _is_idle(key: str, parts: Mapping[str, Any]) -> bool:
    values = {**parts["model"], **parts["train"]}
    return READ_WITH.get(key, {}).keys() <= values.keys() and is_idle(key, values)


def of_singles(record: Record) -> bool:
    """Whether it is of a single-task network, or of several of them together."""
    return record["row"] == SINGLE or of_one_task(record["row"])


def add_delta_m(records: Iterable[Record], tasks: Sequence[Task]) -> list[Record]:
    """The records with "delta_m" per stage, against the single-task rows of the same seed; None while these
    lack.
    """
    result = list(records)
    singles: dict[int, dict[str, Mapping[str, float]]] = {}
    for record in result:
        if of_one_task(record["row"]) and "metrics" in record:
            singles.setdefault(record["seed"], {}).update(record["metrics"]["initial"])
    return [
        {**record, "delta_m": _delta(record, singles.get(record["seed"], {}), tasks)} for record in result
    ]


def _delta(
    record: Record, single: Mapping[str, Mapping[str, float]], tasks: Sequence[Task]
) -> dict[str, float] | None:
    """Of a row with one task it is that task's own gain over itself: nothing worth a number."""
    stages = record.get("metrics", {})
    numbers = [single.get(task.name, {}).get(task.metric) for task in tasks]
    if any(not n for n in numbers) or not stages or of_singles(record):
        return None
    found = {
        stage: delta_m(of, single, tasks)
        for stage, of in stages.items()
        if all(of.get(task.name, {}).get(task.metric) is not None for task in tasks)
    }
    return found or None


def _strict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _strict(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(inner) for inner in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
