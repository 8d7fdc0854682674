"""What each task attends to at the probe: overlays, readouts, and where the attention goes."""

from __future__ import annotations

from dataclasses import dataclass
from math import log10

import numpy as np

from app.session import Analysis
from app.views import attention_pictures as pictures
from app.views import html, inside, legends, page
from mtcp.drawing import colour
from mtcp.drawing.colour import palette
from mtcp.evaluation import attention_stats as attention
from mtcp.inference.prediction import STRIDE

NOT_ATTENDING = (
    "This checkpoint has no part in which pixels attend to other pixels, such as CFM, so there is no attention to "
    "show."
)
NEAR = 0.1
"""Of the photo's diagonal: what counts as the probe's surroundings."""
EVEN = "\N{MULTIPLICATION SIGN} uniform"
"""The unit of an affinity: multiples of what attention without preference would give each cell."""
RAISED = str.maketrans("-0123456789", "\N{SUPERSCRIPT MINUS}⁰¹²³⁴⁵⁶⁷⁸⁹")
DECADE_STEP = 2
"""A tick of the log legend at every hundredth."""


@dataclass(frozen=True)
class AttentionRow:
    """One task's affinity row at the probe. row: float32 (h4, w4), summing to 1; effective: in cells."""

    task: str
    row: np.ndarray
    effective: float
    rings: attention.ByDistance

    @property
    def title(self) -> str:
        return page.title(self.task)


@dataclass(frozen=True)
class Labels:
    """Predicted classes per cell, uint8 (h4, w4), with their names and colours; stage "initial" or "refined"."""

    cells: np.ndarray
    names: tuple[str, ...]
    colours: tuple[colour.Colour, ...]
    stage: str

    def name(self, label: int) -> str:
        return self.names[label] if label < len(self.names) else "unknown"


def rows_at(analysis: Analysis, probe: tuple[int, int]) -> tuple[AttentionRow, ...]:
    """Each task's row at the probe (x, y); nothing for a network in which nothing attends."""
    trace = analysis.prediction.attention
    if trace is None:
        return ()
    cell = analysis.prediction.cell(*probe)
    found = []
    for task in trace.tasks:
        row = trace.row(task, cell)
        effective = float(attention.effective_cells(np.float64(attention.row_entropy(row))))
        found.append(AttentionRow(task, row, effective, attention.mass_by_distance(row, cell)))
    return tuple(found)


def labels(analysis: Analysis) -> Labels | None:
    """The predicted classes, refined if there are any; None for a network that predicts no classes."""
    return pictures.once(analysis, "labels", lambda: _labels(analysis))


def headline(analysis: Analysis, probe: tuple[int, int], found: tuple[AttentionRow, ...]) -> str:
    """How widely each task looks from the probe; where nothing attends, what there is to see instead."""
    if not found:
        titles = inside.titles(analysis)
        first = f"What this network computes inside is shown below: {titles}. " if titles else ""
        return f'<p class="mt-headline">{first}{NOT_ATTENDING}</p>'
    N = found[0].row.size
    first, *others = (f"to about <b>{count(look.effective)}</b>" for look in found)
    parts = [f"{html.text(found[0].title.lower())} attends {first} of {N:,} cells"]
    parts += [f"{html.text(look.title.lower())} {to}" for look, to in zip(found[1:], others, strict=True)]
    classes = labels(analysis)
    column, row = analysis.prediction.cell(*probe)
    where = f" on <b>{html.text(classes.name(classes.cells[row, column]))}</b>" if classes else ""
    return f'<p class="mt-headline">From the probe{where}, {html.listed(parts)}.</p>'


def overlays(analysis: Analysis, found: tuple[AttentionRow, ...], scale: str, opacity: float) -> str:
    """The rows over the grey photo, side by side, each with the legend of its scale."""
    shown = "".join(_overlay(analysis, look, scale, opacity) for look in found)
    return f'<div class="mt-attention">{shown}</div>' if shown else ""


def readouts(analysis: Analysis, probe: tuple[int, int], found: tuple[AttentionRow, ...]) -> str:
    """Per task the numbers of its row beside those of a row without preference."""
    if not found:
        return ""
    shown = "".join(f"<section>{_readout(analysis, probe, look)}</section>" for look in found)
    seen = analysis.prediction.network_size
    note = (
        f"A cell is {STRIDE} &times; {STRIDE} pixels of the {seen[1]} &times; {seen[0]} that the network saw. "
        "Effective cells: exp(entropy) of the attention. Uniform: what attention without preference would give."
    )
    return f'<div class="mt-attention">{shown}</div><p class="mt-hint">{note}</p>'


def count(cells: float) -> str:
    """A number of cells: one decimal while it matters."""
    return f"{cells:.1f}" if cells < 20 else f"{cells:,.0f}"


def times(factor: float) -> str:
    """A multiple of the uniform share, with two digits that matter; tiny ones as a power of ten."""
    if factor >= 100 or factor == 0:
        return f"{factor:,.0f}"
    if factor >= 0.01:
        return f"{factor:.2g}"
    return f"10{str(round(log10(factor))).translate(RAISED)}"


def legend(row: np.ndarray, scale: str) -> str:
    """What the colours of an overlay mean, in multiples of the uniform share."""
    top = float(row.max()) * row.size
    if scale == "rank":
        ticks = ["least attended", "median", "most attended"]
    elif scale == "log":
        steps = [
            times(top * 10.0 ** (-DECADE_STEP * i)) for i in range(pictures.DECADES // DECADE_STEP, -1, -1)
        ]
        ticks = [*steps[:-1], f"{steps[-1]} {EVEN}"]
    else:
        ticks = ["0", times(top / 2), f"{times(top)} {EVEN}"]
    return f'<div class="mt-legend">{html.bar(colour.colour_map("magma")[::8], ticks)}</div>'


def _overlay(analysis: Analysis, look: AttentionRow, scale: str, opacity: float) -> str:
    drawn = pictures.overlay(analysis, look.row, scale, opacity)
    alt = f"{look.title}: what the probe attends to, {scale} scale"
    picture = html.picture(drawn, alt, legend(look.row, scale), "JPEG")
    return f"<section><h3>{html.text(look.title)}</h3>{picture}</section>"


def _readout(analysis: Analysis, probe: tuple[int, int], look: AttentionRow) -> str:
    N = look.row.size
    near = look.rings.far <= NEAR + 1e-9
    rows = [
        ["effective cells", f"<b>{count(look.effective)}</b>", f"{N:,}"],
        [
            f"within {100 * NEAR:.0f} % of the diagonal",
            f"<b>{legends.percent(float(look.rings.mass[near].sum()))}</b>",
            legends.percent(float(look.rings.uniform[near].sum())),
        ],
    ]
    classes = labels(analysis)
    strongest = np.unravel_index(int(look.row.argmax()), look.row.shape)
    where = ""
    if classes:
        column, line = analysis.prediction.cell(*probe)
        own = int(classes.cells[line, column])
        mass, even = attention.mass_by_class(look.row, classes.cells)[own]
        rows.append(
            [
                f"on its own class, {html.text(classes.name(own))}",
                f"<b>{legends.percent(mass)}</b>",
                legends.percent(even),
            ]
        )
        where = f", on {html.text(classes.name(int(classes.cells[strongest])))}"
    top = times(float(look.row.max()) * N)
    rows.append([f"strongest cell{where}", f"<b>{top}</b>&times;", "1&times;"])
    return f'<div class="mt-legend">{html.table([look.title, "here", "uniform"], rows)}</div>'


def _labels(analysis: Analysis) -> Labels | None:
    prediction = analysis.prediction
    task = next((task for task in prediction.task_list() if task.classes), None)
    if task is None:
        return None
    stage = "refined" if task.name in prediction.refined else "initial"
    cells = attention.labels_of_cells(prediction, prediction.stages()[stage][task.name])
    return Labels(cells, task.classes, palette(task.channels), stage)
