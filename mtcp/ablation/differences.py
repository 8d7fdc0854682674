"""What a row changes, seed by seed: both sides of a pair have the same seed, so what seeds do to both cancels out."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence

from mtcp.ablation.records import Record
from mtcp.ablation.rows import AblationRow, by_name, total_budgets

Pick = Callable[[Record], "float | None"]
Side = tuple[str, str]
"""A row's name and a stage."""


def pairs(rows: Sequence[AblationRow], done: Mapping[str, Sequence[Record]]) -> list[tuple[str, Side, Side]]:
    """(what is compared, the one side, the other) of all that can be: a row's last stage with that of the nearest row
    it is a change of that has as much training behind it, and a row's refined predictions with its initial ones.
    """
    found = []
    for row in rows:
        stages = _stages(done.get(row.name, ()))
        if not stages:
            continue
        base = row.base
        while base and total_budgets(by_name(rows, base), rows) != total_budgets(row, rows):
            base = by_name(rows, base).base
        if base and (of_base := _stages(done.get(base, ()))):
            title = f"{row.title}, {stages[-1]}, against {by_name(rows, base).title}, {of_base[-1]}"
            found.append((title, (row.name, stages[-1]), (base, of_base[-1])))
        if len(stages) > 1:
            title = f"{row.title}, {stages[-1]}, against its own {stages[0]}"
            found.append((title, (row.name, stages[-1]), (row.name, stages[0])))
    return found


def difference(
    one: Side, other: Side, done: Mapping[str, Sequence[Record]], pick: Callable[[str], Pick]
) -> tuple[float, float] | None:
    """Mean and sample standard deviation of one minus other over the seeds that both have; None with fewer than two.

    pick: of a stage, how its number is read from a record.
    """
    by_seed = [{r["seed"]: pick(stage)(r) for r in done.get(name, ())} for name, stage in (one, other)]
    both = [(by_seed[0][seed], by_seed[1].get(seed)) for seed in sorted(by_seed[0])]
    values = [a - b for a, b in both if a is not None and b is not None]
    return (statistics.fmean(values), statistics.stdev(values)) if len(values) > 1 else None


def _stages(records: Sequence[Record]) -> list[str]:
    return list(records[0]["metrics"]) if records else []
