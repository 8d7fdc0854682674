"""The ablation's table as Markdown. Every number in it is read from the result files."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mtcp.ablation.differences import Pick, difference, pairs
from mtcp.ablation.grid import DEFAULT, grid
from mtcp.ablation.records import FOLDER, Record, add_delta_m, check_same, of_singles, read_records
from mtcp.ablation.rows import OF_TASKS, SINGLE, AblationRow, fields_set, is_single
from mtcp.config.idle import is_idle
from mtcp.errors import InputError
from mtcp.evaluation.metric_table import HIGHER_IS_BETTER, UNITS
from mtcp.geometry.quantities import COHERENCE, STAGES, CoherenceQuantity
from mtcp.io.atomic import write_atomic
from mtcp.tasks import Task, task_set


def marks(name: str) -> tuple[str, str]:
    """Between which lines of a document the tables of the grid `name` are."""
    label = "ablation" if name == DEFAULT else f"ablation {name}"
    return f"<!-- {label}: begin -->", f"<!-- {label}: end -->"


def _committed(name: str) -> str:
    """Where a document's result files are, beside it; the grid's reports are read from its parent as from a run's."""
    return FOLDER if name == DEFAULT else f"{name}/{FOLDER}"


def write_report(out: Path, report: Path, name: str = DEFAULT) -> str:
    """Puts the tables of the grid's results in `out` between two marks in `report`, and the result files beside it.

    A new file gets a title; of an existing one everything outside the marks stays, without marks the tables
    are appended. Returns a line that says what was written.

    Raises:
        InputError: no results, or results of different budgets.
    """
    records = [record for record in read_records(out) if record["grid"] == name]
    if not records:
        raise InputError(
            f"{out / FOLDER} has no results yet of the grid {name!r}: run mtcp ablate --data ... first"
        )
    begin, end = marks(name)
    text = f"{begin}\n{tables(records)}\n{end}"
    old = report.read_text(encoding="utf-8") if report.exists() else "# Results\n"
    if begin in old and end in old:
        before, _, rest = old.partition(begin)
        new = before + text + rest.partition(end)[2]
    else:
        new = f"{old.rstrip()}\n\n{text}\n"
    write_atomic(report, lambda file: file.write(new.encode()))
    beside = report.parent / _committed(name)
    if beside.resolve() != (out / FOLDER).resolve():
        beside.mkdir(parents=True, exist_ok=True)
        for path in sorted((out / FOLDER).glob("*.json")):
            shutil.copyfile(path, beside / path.name)
    return f"{report}: {len(records)} results; the files are in {beside}"


def tables(records: Sequence[Record]) -> str:
    """The whole text between the marks, for records of one grid."""
    tasks = _common(records)
    rows = grid(records[0]["grid"], [task.name for task in tasks])
    records = add_delta_m(records, tasks)
    by_row = {name: [r for r in records if r["row"] == name] for name in (*(r.name for r in rows), SINGLE)}
    shown = _shown_rows(rows, by_row)
    done = {name: [r for r in by_row[name] if "metrics" in r] for name, _ in shown}
    parts = [
        "## Ablation" if records[0]["grid"] == DEFAULT else f"## Ablation: {records[0]['grid']}",
        _budget(records),
        _gaps(rows, records),
        _quality(shown, done, tasks),
        _coherence(shown, done),
        _differences(rows, done, tasks),
        _costs(shown, by_row),
        _machines(records),
    ]
    return "\n\n".join(part for part in parts if part)


def _common(records: Sequence[Record]) -> tuple[Task, ...]:
    """The tasks of all rows. Raises InputError when rows differ in more than the grid decides."""
    order = max((record["model"]["tasks"] for record in records), key=len)
    names = dict.fromkeys([*order, *(task for record in records for task in record["model"]["tasks"])])
    if len(names) < 2:
        raise InputError("results of one task only: no table without a second one")
    decided = {"tasks", "seed"}.union(*fields_set(grid(records[0]["grid"], tuple(names))))
    first = next((record for record in records if not of_singles(record)), records[0])
    for record in records:
        own = decided.union(OF_TASKS) if of_singles(record) else decided
        where = Path(f"{record['row']}-s{record['seed']}")
        check_same(where, _per_budget(record), _per_budget(first), but=own)
        check = (record.get("measured_on"), records[0].get("measured_on"))
        if None not in check and check[0] != check[1]:
            raise InputError(f"{record['row']} was measured on {check[0]}, {records[0]['row']} on {check[1]}")
    return task_set(records[0]["model"]["task_set"], tuple(names))


def _per_budget(record: Record) -> dict[str, dict[str, Any]]:
    """Both configurations, with the epochs of one budget."""
    budget = record["train"]["epochs"] / record["budgets"]
    epochs = int(budget) if budget.is_integer() else budget
    return {"model": record["model"], "train": {**record["train"], "epochs": epochs}}


def _shown_rows(rows: Iterable[AblationRow], by_row: Mapping[str, Sequence[Record]]) -> list[tuple[str, str]]:
    """(name, title) of every line: the single-task networks together where they were measured so."""
    together = bool(by_row[SINGLE])
    result = [(SINGLE, f"single task x{sum(is_single(row) for row in rows)}")] if together else []
    for row in rows:
        if not (together and is_single(row)):
            found = by_row[row.name]  # of an older version of the grid, they say themselves what they are
            result.append((row.name, found[0]["title"] if found else row.title))
    return result


def _budget(records: Sequence[Record]) -> str:
    train, model = records[0]["train"], records[0]["model"]
    epochs = train["epochs"] // records[0]["budgets"]
    seeds = sorted({record["seed"] for record in records})
    name, folder = records[0]["grid"], _committed(records[0]["grid"])
    other_row = " or from another row" if any(record["start"] for record in records) else ""
    grid_flag = "" if name == DEFAULT else f" --grid {name}"
    lines = [
        f"Every number is read from the files in [{folder}]({folder}/) by `python -m mtcp ablate{grid_flag} --report`. "
        f"All rows: {train['data']} ({train['split']}), {model['backbone']}, width {model['width']}, "
        f"{model['height']}x{model['image_width']}, budgets of {epochs} epochs of batch {train['batch']}, "
        f"{train['schedule']} from {train['lr']:g}, start from {train['init']}{other_row}; seeds {_join(seeds)}."
    ]
    measured = next((record["measured_on"] for record in records if "measured_on" in record), None)
    if measured:
        count, coherent = (measured[key] or "all" for key in ("limit", "coherence_frames"))
        lines.append(
            f"Measured on {measured['data']} ({measured['split']}): {count} frames, coherence on {coherent}, at the "
            "labels' full size."
        )
    lines.append(
        "With several seeds: mean and sample standard deviation."
        if len(seeds) > 1
        else "One seed: differences of the size that another seed would make mean nothing."
    )
    return " ".join(lines)


def _gaps(rows: Iterable[AblationRow], records: Sequence[Record]) -> str:
    """Which rows and seeds lack, and which failed."""
    seeds = sorted({record["seed"] for record in records})
    have = {(record["row"], record["seed"]) for record in records}
    lines = []
    for row in rows:
        lack = [seed for seed in seeds if (row.name, seed) not in have]
        if row.once:
            lack = seeds[:1] if lack == seeds else []
        if lack:
            lines.append(f"{row.title} ({row.name}): seed {_join(lack)}")
    failed = [f"{r['title']}, seed {r['seed']}: {r['failed']}" for r in records if "failed" in r]
    text = f"Missing: {'; '.join(lines)}." if lines else "No row is missing."
    return f"{text}\n\nFailed: {'; '.join(failed)}." if failed else text


def _quality(
    shown: Sequence[tuple[str, str]], done: Mapping[str, list[Record]], tasks: Sequence[Task]
) -> str:
    heads = ["row", "stage", "seeds"]
    heads += [f"{task.name} {_head(task.metric, task.metric)}" for task in tasks]
    picks = [_metric_pick(task.name, task.metric) for task in tasks]
    lines = []
    for name, title, stage, found in _lines(shown, done):
        cells = [_cell(found, pick(stage), _digits(m)) for pick, m in zip(picks, _names(tasks), strict=True)]
        gain = "0 (reference)" if name == SINGLE else _cell(found, _gain(stage), 2, sign="+")
        lines.append([title, stage, str(len(found)), *cells, gain])
    return "### Quality\n\n" + _markdown([*heads, "delta_m [%] up"], lines)


def _digits(metric: str) -> int:
    return 3 if metric == "rmse" else 2


def _names(tasks: Sequence[Task]) -> list[str]:
    return [task.metric for task in tasks]


def _coherence(shown: Sequence[tuple[str, str]], done: Mapping[str, list[Record]]) -> str:
    """Does the depth agree with the normals, are planes flat: numbers that need no ground truth."""
    quantities = [one for one in COHERENCE if one.main]
    heads = [_head(one.key, one.short) for one in quantities]
    lines = []
    for _, title, stage, found in _lines(shown, done):
        cells = [_cell(found, _coherence_pick(one, stage), one.digits) for one in quantities]
        if any(cell != "-" for cell in cells):
            lines.append([title, stage, *cells])
    if not lines:
        return ""
    return "### Coherence (no ground truth)\n\n" + _markdown(["row", "stage", *heads], lines)


def _differences(rows: Sequence[AblationRow], done: Mapping[str, list[Record]], tasks: Sequence[Task]) -> str:
    """What a row changes, where there are seeds enough to say how sure that is."""
    columns: list[tuple[str, int, Callable[[str], Pick]]] = [
        (
            f"{task.name} {_head(task.metric, task.metric)}",
            _digits(task.metric),
            _metric_pick(task.name, task.metric),
        )
        for task in tasks
    ]
    columns += [
        (_head(one.key, one.short), one.digits, partial(_coherence_pick, one))
        for one in COHERENCE
        if one.main
    ]
    lines = []
    for title, one, other in pairs(rows, done):
        found = [(difference(one, other, done, pick), digits) for _, digits, pick in columns]
        if any(of for of, _ in found):
            cells = [f"{of[0]:+.{digits}f} ± {of[1]:.{digits}f}" if of else "-" for of, digits in found]
            lines.append([title, *cells])
    if not lines:
        return ""
    note = (
        "Mean and sample standard deviation of the differences between networks, or stages, of the same seed."
    )
    return f"### Differences, seed by seed\n\n{note}\n\n" + _markdown(
        ["", *(head for head, _, _ in columns)], lines
    )


def _costs(shown: Sequence[tuple[str, str]], by_row: Mapping[str, Sequence[Record]]) -> str:
    """What each row is and really trained: read off the network and the log. Of its fields those that differ among the
    rows, and that something reads.
    """
    every = [{**r["model"], **r["train"]} for name, _ in shown for r in by_row[name] if "metrics" in r]
    differ = (
        {key for key in every[0] if any(fields[key] != every[0][key] for fields in every)} if every else set()
    )
    lines = []
    for name, title in shown:
        for record in by_row[name][:1]:
            if "metrics" not in record:
                continue
            fields = {**record["model"], **record["train"]}
            changed = ", ".join(
                f"{key}={_plain(value)}"
                for key, value in record["switch"].items()
                if key in differ and not is_idle(key, fields)
            )
            maps = sorted({m for maps in record["supervised"].values() for m in maps})
            last = record.get("weight", [])[-1:]
            weights = ", ".join(f"{task} {w:.2f}" for task, w in last[0].items()) if last else "-"
            difference = (
                f"{record['base']} with {changed}"
                if record["base"] and changed
                else record["base"] or changed
            )
            budgets = (
                f"{record['budgets']}, after {record['start']}" if record["start"] else str(record["budgets"])
            )
            lines.append(
                [
                    title,
                    difference,
                    budgets,
                    f"{record['parameters']['in all'] / 1e6:.2f}",
                    f"{record['macs'] / 1e9:.2f}",
                    ", ".join(maps),
                    weights,
                    f"{record['training_seconds'] / 3600:.2f}",
                ]
            )
    heads = [
        "row",
        "is",
        "budgets",
        "parameters [M]",
        "MACs [G]",
        "maps with a loss",
        "weights, last epoch",
        "hours",
    ]
    note = next((r["macs_are"] for of in by_row.values() for r in of if "macs_are" in r), "")
    return "### What each row is\n\n" + _markdown(heads, lines) + (f"\n\nMACs: {note}." if note else "")


def _machines(records: Sequence[Record]) -> str:
    seen: dict[str, list[str]] = {}
    for record in records:
        e = record["environment"]
        machine = e["device"] if e["device"] != "cpu" else f"{e['processor']}, {e['threads']} threads"
        seen.setdefault(f"{machine}, torch {e['torch']}, commit {e['commit'] or 'unknown'}", []).append(
            e["date"]
        )
    lines = [f"{machine}, {min(dates)} to {max(dates)}" for machine, dates in seen.items()]
    return f"Machines: {'; '.join(lines)}."


def _lines(
    shown: Sequence[tuple[str, str]], done: Mapping[str, list[Record]]
) -> list[tuple[str, str, str, list[Record]]]:
    """(name, title, stage, records) of every line: a stage that no record has is left out."""
    return [
        (name, title, stage, found)
        for name, title in shown
        for stage in STAGES
        if (found := [record for record in done[name] if stage in record["metrics"]])
    ]


def _metric_pick(part: str, name: str) -> Callable[[str], Pick]:
    return lambda stage: lambda record: record["metrics"][stage].get(part, {}).get(name)


def _coherence_pick(quantity: CoherenceQuantity, stage: str) -> Pick:
    return lambda record: quantity.find(record["metrics"][stage].get("coherence", {}))


def _gain(stage: str) -> Pick:
    return lambda record: (record["delta_m"] or {}).get(stage)


def _cell(records: Iterable[Record], pick: Pick, digits: int, sign: str = "") -> str:
    """Mean over the records that have the number, with the sample standard deviation from two on."""
    values = [value for value in map(pick, records) if value is not None]
    if not values:
        return "-"
    mean = f"{statistics.fmean(values):{sign}.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


def _head(metric: str, title: str) -> str:
    unit = f" [{UNITS[metric]}]" if UNITS.get(metric) else ""
    return f"{title}{unit} {'up' if HIGHER_IS_BETTER[metric] else 'down'}"


def _markdown(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _join(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))
