"""Many photos or frames side by side: a row of numbers each, ranked by any of them, and as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mtcp.evaluation.ground_truth import Errors
from mtcp.evaluation.metric_table import HIGHER_IS_BETTER, UNITS
from mtcp.geometry.cause_names import CAUSES, share_key
from mtcp.geometry.cause_shares import cause_shares, worst_failure
from mtcp.geometry.quantities import STAGES, Numbers, PhotoQuantity, Quantity, coherence_numbers
from mtcp.geometry.report import STATUSES, Coherence
from mtcp.tasks import Task, task_named

CHANGE = "change"
"""What a row can be ranked by, beside the two stages: refined - initial."""

_KEY_UNITS = {"%": "pct", "deg": "deg", "m": "m", "cm": "cm", "": "ratio"}
METRIC_TITLES = {
    "miou": "mIoU",
    "pixel_acc": "pixel accuracy",
    "mean_acc": "mean class accuracy",
    "rmse": "RMSE",
    "rmse_log": "RMSE of log",
    "abs_rel": "AbsRel",
    "delta1": "delta < 1.25",
    "delta2": "delta < 1.25²",
    "delta3": "delta < 1.25³",
    "si_log": "log error up to scale",
    "mean": "mean angular error",
    "median": "median angular error",
    "angular_rmse": "angular RMSE",
    "within_11": "under 11.25 degrees",
    "within_22": "under 22.5 degrees",
    "within_30": "under 30 degrees",
    "maxf": "best F-measure",
}
"""Metric -> what it is called, on the page, in tables and in charts of training."""


@dataclass(frozen=True)
class TriageRow:
    """One photo: its numbers before and, where there is a refinement, after it.

    details: further columns of the CSV, by name. problem: why there are no numbers. photo: numbers of the photo as a
    whole (`mtcp.geometry.quantities.OF_PHOTO`), which do not stand initial beside refined.
    """

    name: str
    initial: Numbers = field(default_factory=dict)
    refined: Numbers = field(default_factory=dict)
    details: dict[str, str | float | int] = field(default_factory=dict)
    problem: str = ""
    photo: Numbers = field(default_factory=dict)

    def value(self, key: str, of: str = "refined") -> float | None:
        """A number of stage `of`, or its "change". Without a refinement "refined" is the initial one, and the
        change is None. A number of the photo as a whole is the same of either, and has no change.
        """
        if key in self.photo:
            return None if of == CHANGE else self.photo[key]
        before, after = self.initial.get(key), self.refined.get(key)
        if of == "initial" or (of == "refined" and not self.refined):
            return before
        if of == "refined":
            return after
        return None if before is None or after is None else after - before


def error_quantities(tasks: Sequence[Task]) -> tuple[Quantity, ...]:
    """What the tasks' metrics measure against ground truth, over one frame."""
    return tuple(error_quantity(task.name, metric) for task in tasks for metric in task.metrics)


def error_quantity(task: str, metric: str) -> Quantity:
    """One metric of `mtcp.evaluation.metrics` for one task."""
    unit = UNITS[metric]
    title = f"{task_named(task).short}: {METRIC_TITLES[metric]}"
    return Quantity(f"{task}_{metric}_{_KEY_UNITS[unit]}", title, unit, HIGHER_IS_BETTER[metric])


def error_numbers(errors: Errors) -> Numbers:
    """Errors against the truth, with the keys of `error_quantity`."""
    return {
        error_quantity(task, metric).key: value
        for task, metrics in errors.items()
        for metric, value in metrics.items()
    }


def stage_numbers(report: Coherence | None) -> tuple[Numbers, Numbers]:
    """`COHERENCE` before and after the refinement; empty where there is none."""
    if report is None:
        return {}, {}
    refined = {} if report.refined is None else coherence_numbers(report.refined)
    return coherence_numbers(report.initial), refined


def failure_counts(report: Coherence | None) -> dict[str, str | float | int]:
    """How many regions of a photo fail, by what the refinement did to them."""
    if report is None:
        return {}
    found = [failure.status for failure in report.failures]
    return {f"failures_{status}": found.count(status) for status in STATUSES}


def worst_cause(report: Coherence | None) -> dict[str, str | float | int]:
    """Why the worst region of a photo fails, see `mtcp.geometry.causes`; empty where none does."""
    worst = worst_failure(report.failures) if report else None
    return {} if worst is None else {"worst_cause": worst.cause.name}


def cause_numbers(report: Coherence | None) -> Numbers:
    """`mtcp.geometry.quantities.CAUSE_SHARES` of a photo; empty where nothing was compared."""
    if report is None:
        return {}
    shares = cause_shares(report.failures)
    return {share_key(name): shares.get(name, 0.0) for name in CAUSES}


def ranked(rows: Sequence[TriageRow], quantity: Quantity, of: str = "refined") -> list[int]:
    """Indices of `rows`, the worst first. Equal ones keep their order; those without the number come last.

    of: "initial", "refined" or "change" (what the refinement worsened most comes first).
    """
    sign = 1 if quantity.higher_is_better else -1

    def place(index: int) -> tuple[bool, float]:
        value = rows[index].value(quantity.key, of)
        known = value is not None and math.isfinite(value)
        return not known, sign * value if known and value is not None else 0.0

    return sorted(range(len(rows)), key=place)


def mean(rows: Iterable[TriageRow], key: str, of: str) -> float | None:
    """Mean of a number over the rows that have it."""
    found = [value for row in rows if (value := row.value(key, of)) is not None]
    return sum(found) / len(found) if found else None


def improved(rows: Iterable[TriageRow], quantity: Quantity) -> tuple[int, int]:
    """In how many rows the refinement made the number better, and in how many both numbers are known."""
    changes = [change for row in rows if (change := row.value(quantity.key, CHANGE)) is not None]
    return sum((change > 0) if quantity.higher_is_better else (change < 0) for change in changes), len(
        changes
    )


def to_csv(rows: Sequence[TriageRow], quantities: Sequence[Quantity]) -> str:
    """One line per row, in the order given: file, details, initial_KEY and refined_KEY (of a `PhotoQuantity` KEY
    alone), problem.

    Units are in the column names; what was not measured is empty. Text that a spreadsheet would take for a
    formula gets an apostrophe in front.
    """
    details = list(dict.fromkeys(name for row in rows for name in row.details))
    columns = [(quantity.key, stage) for quantity in quantities for stage in _stages(quantity)]
    numbers = [f"{stage}_{key}" if stage else key for key, stage in columns]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["rank", "file", *details, *numbers, "problem"])
    for rank, row in enumerate(rows, 1):
        values = [_numbers(row, stage).get(key) for key, stage in columns]
        cells = [_cell(row.details.get(name, "")) for name in details]
        writer.writerow([rank, _cell(row.name), *cells, *map(_number, values), _cell(row.problem)])
    return text.getvalue()


def _stages(quantity: Quantity) -> Sequence[str]:
    return ("",) if isinstance(quantity, PhotoQuantity) else STAGES


def _numbers(row: TriageRow, stage: str) -> Mapping[str, float | None]:
    return {"initial": row.initial, "refined": row.refined}.get(stage, row.photo)


def _number(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:.4f}"


def _cell(value: str | float | int) -> str | float | int:
    if not isinstance(value, str):
        return value
    return f"'{value}" if value.lstrip(" ")[:1] in set("=+-@\t\r\n|%") else value
