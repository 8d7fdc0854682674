"""What a design leaves of its inside that is not attention between pixels: tables, maps, trees, by their kind."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

import numpy as np

from app.session import Analysis
from app.views import attention_pictures as pictures
from app.views import html
from mtcp.drawing import colour
from mtcp.model.trace import MapsTrace, MatricesTrace, Matrix, TreeTrace

NOTHING = "This checkpoint has nothing else inside to show."


def inside(analysis: Analysis) -> str:
    """Every trace of the prediction that is drawn here, as HTML; a sentence where there is none."""
    drawn = [DRAWN[trace.kind](trace) for trace in _drawn(analysis)]
    return "".join(drawn) or f'<p class="mt-hint">{NOTHING}</p>'


def titles(analysis: Analysis) -> str:
    """What is drawn here, as the end of a sentence in HTML; empty where there is nothing."""
    return ", ".join(f"<b>{html.text(trace.title)}</b>" for trace in _drawn(analysis))


def _drawn(analysis: Analysis) -> list[MatricesTrace | MapsTrace | TreeTrace]:
    kinds = (MatricesTrace, MapsTrace, TreeTrace)
    return [trace for trace in analysis.prediction.traces if isinstance(trace, kinds)]


def _section(trace: MatricesTrace | MapsTrace | TreeTrace, body: str) -> str:
    return f'<section><h3>{html.text(trace.title)}</h3><p class="mt-hint">{html.text(trace.about)}</p>{body}</section>'


def _matrices(trace: MatricesTrace) -> str:
    return _section(trace, f'<div class="mt-attention">{"".join(map(_matrix, trace.matrices))}</div>')


def _matrix(matrix: Matrix) -> str:
    largest = max(float(np.abs(matrix.values).max()), 1e-9)
    rows = []
    for name, values in zip(matrix.rows, matrix.values, strict=True):
        cells = "".join(
            f'<td style="background:color-mix(in srgb, currentColor {abs(value) / largest:.0%}, transparent)">'
            f"<span>{value:.2f}</span></td>"
            for value in values.tolist()
        )
        rows.append(f"<tr><th>{html.text(name)}</th>{cells}</tr>")
    heads = "".join(f"<th>{html.text(name)}</th>" for name in matrix.columns)
    table = f'<table class="mt-matrix"><tr><th></th>{heads}</tr>{"".join(rows)}</table>'
    return f"<figure><figcaption>{html.text(matrix.title)}</figcaption>{table}</figure>"


def _maps(trace: MapsTrace) -> str:
    rows = []
    for group, maps in groupby(trace.maps, key=lambda one: one.group):
        figures = []
        for one in maps:
            values = one.values.astype(np.float32)
            caption = (
                f"{html.text(one.title)} mean <b>{values.mean():.2f}</b> "
                f'<span class="mt-nowrap mt-subdued">{values.min():.2f} to {values.max():.2f}</span>'
            )
            figures.append(
                pictures.figure(colour.probability(values), f"{group}: {one.title}", caption, True)
            )
        rows.append(f'<h4>{html.text(group)}</h4><div class="mt-small">{"".join(figures)}</div>')
    bar = html.bar(colour.colour_map("magma")[::8], ["0", "0.5", "1"])
    return _section(trace, f'{"".join(rows)}<div class="mt-legend">{bar}</div>')


def _tree(trace: TreeTrace) -> str:
    rows = [
        [html.text(level), " &nbsp;|&nbsp; ".join(html.text(", ".join(group)) for group in groups)]
        for level, groups in trace.levels
    ]
    return _section(trace, html.table(["level", "shared by"], rows))


DRAWN: dict[str, Callable[..., str]] = {
    MatricesTrace.kind: _matrices,
    MapsTrace.kind: _maps,
    TreeTrace.kind: _tree,
}
"""How a trace of each kind is drawn; `attention` has the tab's own pictures."""
