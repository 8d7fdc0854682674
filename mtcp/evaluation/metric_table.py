"""What metrics are called, measured in and good for, and numbers as a table of text. Without torch, so that what only
shows numbers starts at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mtcp.drawing import shown
from mtcp.geometry.quantities import BY_KEY

_SHARES = (
    "miou", "pixel_acc", "mean_acc", "delta1", "delta2", "delta3", "within_11", "within_22", "within_30", "maxf",
)  # fmt: skip
HIGHER_IS_BETTER: dict[str, bool] = {
    **dict.fromkeys(_SHARES, True),
    **dict.fromkeys(("rmse", "rmse_log", "abs_rel", "si_log", "mean", "median", "angular_rmse"), False),
    **{key: quantity.higher_is_better for key, quantity in BY_KEY.items()},
}
UNITS: dict[str, str] = {
    **dict.fromkeys(_SHARES, "%"),
    **dict.fromkeys(("rmse_log", "abs_rel", "si_log"), ""),
    **dict.fromkeys(("mean", "median", "angular_rmse"), "deg"),
    "rmse": "m",
    **{key: quantity.unit for key, quantity in BY_KEY.items()},
}


def table(numbers: Mapping[str, Any]) -> str:
    """The numbers as text: per task and metric initial, refined, their change and whether it is better."""
    header = ("task", "metric", "", "initial", "refined", "change", "")
    rows = [header, *_rows(numbers)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(w) if i < 3 or i == 6 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _rows(numbers: Mapping[str, Any]) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = []
    for task, metrics in numbers["initial"].items():
        for i, (metric, value) in enumerate(metrics.items()):
            initial = _or_nan(value)
            refined = _or_nan(numbers.get("refined", {}).get(task, {}).get(metric))
            title = BY_KEY[metric].short if metric in BY_KEY else metric
            name = f"{title} [{UNITS[metric]}]" if UNITS.get(metric) else title
            better = HIGHER_IS_BETTER.get(metric)
            direction = "" if better is None else "higher is better" if better else "lower is better"
            texts = [_number(metric, n) for n in (initial, refined)]
            rows.append((task if i == 0 else "", name, direction, *texts, *_change(metric, initial, refined)))
    return rows


def _change(metric: str, initial: float, refined: float) -> tuple[str, str]:
    change = shown.change(initial, refined, _digits(metric))
    if not change:
        return ("-", "") if change is None else (shown.EQUAL, "")
    text = _number(metric, change, sign="+")
    if metric not in HIGHER_IS_BETTER:
        return text, ""
    return text, "better" if (change > 0) == HIGHER_IS_BETTER[metric] else "worse"


def _or_nan(value: float | None) -> float:
    """Missing (no refinement) and null (JSON's way to say that no pixel was valid) alike."""
    return math.nan if value is None else value


def _number(metric: str, value: float, sign: str = "") -> str:
    if not math.isfinite(value):
        return "-"
    return f"{shown.rounded(value, _digits(metric)):{sign}.{_digits(metric)}f}"


def _digits(metric: str) -> int:
    if metric in BY_KEY:
        return BY_KEY[metric].digits
    return 3 if metric in ("rmse", "rmse_log", "abs_rel", "si_log") else 2
