"""What differs in the configurations of the runs that are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.views import html
from mtcp.runs.compare import differences


def table(runs: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """A field in each row, a run in each column, HTML. runs: name and configuration. Empty for fewer than two."""
    if len(runs) < 2:
        return ""
    missing = [name for name, config in runs if not config]
    found = differences([config for _, config in runs if config])
    note = f" No configuration is known of {html.text(', '.join(missing))}." if missing else ""
    if not found:
        return f'<p class="mt-subdued">The runs have the same configuration.{note}</p>'
    head = ["differs", *(name for name, config in runs if config)]
    rows = [
        [html.text(name), *(html.text(value) or "&ndash;" for value in values)]
        for name, values in found.items()
    ]
    return (
        f'<details class="mt-differences" open><summary>What differs in their configuration ({len(rows)})</summary>'
        f'<div class="mt-legend">{html.table(head, rows)}</div>'
        f"{f'<p class=mt-subdued>{note}</p>' if note else ''}</details>"
    )
