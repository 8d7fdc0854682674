"""What is inside the network for the whole photo: how widely it attends, gates, query masks, steps."""

from __future__ import annotations

from math import ceil, log, sqrt

import numpy as np

from app.session import Analysis
from app.views import attention_pictures as pictures
from app.views import html, inside, page
from app.views.attention import NOT_ATTENDING, count
from mtcp.drawing import colour
from mtcp.evaluation import attention_stats as attention
from mtcp.inference.prediction import STRIDE
from mtcp.tasks import Task

WITHOUT_GATES = "This checkpoint has no cross-task gates, so there are none to show."
OTHER_INSIDE = "This checkpoint has no attention with cross-task gates, such as CFM."
WITHOUT_QUERIES = (
    "This checkpoint has no query decoder (query_gate off), so there are no query masks to show."
)
WITHOUT_STEPS = "This checkpoint has no steps between initial and refined predictions, such as trace-back's."
ENTROPY_WORK = 1e10
"""Multiplications for a task's entropy map that a click on a tab may cost (under a second on two cores). Beyond,
only every n-th row is computed; each of them exactly."""
QUERIES = 6
GATE_SAME = 0.01
"""A gate that varies by no more over the photo does nothing."""
SAME = 0.05
"""Queries whose masks differ by less of their range, everywhere, are called the same."""


def entropies(analysis: Analysis) -> str:
    """A map per task of how many cells each cell attends to, on one logarithmic scale from 1 to all."""
    prediction = analysis.prediction
    found = entropy_maps(analysis)
    if not found:
        return _sentence(NOT_ATTENDING)
    N = prediction.grid[0] * prediction.grid[1]
    figures = []
    for task, (nats, every) in found.items():
        cells = attention.effective_cells(nats)
        low, middle, high = (count(float(value)) for value in np.quantile(cells, (0.05, 0.5, 0.95)))
        title = html.text(page.title(task))
        caption = f"{title}: median <b>{middle}</b> cells, most between {low} and {high}"
        shares, sharp = pictures.small(prediction, nats / max(log(N), 1e-6), STRIDE, every)
        rgb = colour.mapped(shares, 0.0, 1.0, "viridis")
        figures.append(pictures.figure(rgb, f"{title}: cells attended to", caption, sharp))
    ticks = [f"{N ** (i / 4):,.0f}" for i in range(4)]
    bar = html.bar(colour.colour_map("viridis")[::8], [*ticks, f"{N:,} cells"])
    note = "Effective number of cells that each cell attends to. Dark: a few; light: all of them."
    every = max(step for _, step in found.values())
    if every > 1:
        note += f" Computed for one cell in each {every} &times; {every}."
    return f'{_sentence(note)}<div class="mt-attention">{"".join(figures)}</div><div class="mt-legend">{bar}</div>'


def entropy_maps(analysis: Analysis) -> dict[str, tuple[np.ndarray, int]]:
    """task -> (entropy in nats, cells per value along each side). Computed once per run."""
    trace = analysis.prediction.attention
    if trace is None:
        return {}

    def of(task: str) -> tuple[np.ndarray, int]:
        every = max(1, ceil(sqrt(trace.entropy_work(task) / ENTROPY_WORK)))
        return trace.entropy(task, every), every

    return pictures.once(analysis, "entropy", lambda: {task: of(task) for task in trace.tasks})


def gates(analysis: Analysis) -> str:
    """For each task, how much of every other task it lets in, where: 0 nothing, 1 all of it."""
    prediction = analysis.prediction
    if prediction.attention is None or not prediction.attention.gates:
        titles = inside.titles(analysis)
        return _sentence(
            f"{OTHER_INSIDE} What it has inside is shown above: {titles}." if titles else WITHOUT_GATES
        )
    rows = []
    for main, others in prediction.attention.gates.items():
        figures = []
        for other, values in others.items():
            shares = values.astype(np.float32)
            shown, sharp = pictures.small(prediction, shares, STRIDE)
            what = f"{page.title(other).lower()} into {page.title(main).lower()}"
            caption = (
                f"{html.text(page.title(other))} <span class='mt-nowrap'>mean <b>{shares.mean():.2f}</b></span> "
                f"<span class='mt-nowrap mt-subdued'>{shares.min():.2f} to {shares.max():.2f}</span>"
            )
            figures.append(pictures.figure(colour.probability(shown), f"gate: {what}", caption, sharp))
        title = f"<h3>Into {html.text(page.title(main).lower())}</h3>"
        rows.append(f'<section>{title}<div class="mt-small">{"".join(figures)}</div></section>')
    note = "How much of each other task is let into a task, where (mean over channels). 0: nothing; 1: all of it."
    bar = html.bar(colour.colour_map("magma")[::8], ["0", "0.5", "1"])
    return (
        f'{_sentence(note)}<div class="mt-attention">{"".join(rows)}</div><div class="mt-legend">{bar}</div>'
    )


def queries(analysis: Analysis, probe: tuple[int, int]) -> str:
    """The gate that all masks make, and the masks of the strongest queries at the probe, on one scale."""
    prediction = analysis.prediction
    if prediction.masks is None:
        return _sentence(WITHOUT_QUERIES)
    found = attention.strongest_queries(prediction, *probe, QUERIES)
    masks = prediction.masks
    low, high, same = pictures.once(analysis, "masks", lambda: _mask_range(masks))
    note = "Mask logits of the queries that are strongest at the probe. All masks together gate what every task sees."
    if same and len(prediction.masks) > 1:
        found = found[:1]
        note = (
            f"All {len(prediction.masks)} queries of this checkpoint draw the same mask on this photo, so one is "
            "shown. Its logits gate what every task sees."
        )
    figures = []
    for query in found:
        shown, sharp = pictures.small(prediction, query.mask.astype(np.float32), STRIDE)
        name = "each query" if same else f"query {query.index + 1}"
        rgb = colour.mapped(shown, low, high, "magma")
        caption = f"{name} <b>{query.logit:+.2f}</b> at the probe"
        figures.append(pictures.figure(rgb, f"mask of {name}", caption, sharp))
    ticks = [f"{low:+.1f}", f"{(low + high) / 2:+.1f}", f"{high:+.1f} (logit)"]
    bar = html.bar(colour.colour_map("magma")[::8], ticks)
    masks_drawn = f'<div class="mt-small">{"".join(figures)}</div><div class="mt-legend">{bar}</div>'
    return f"{_gate(analysis)}{_sentence(note)}{masks_drawn}"


def _gate(analysis: Analysis) -> str:
    """The factor that the masks put on every feature; words alone where it is the same everywhere."""
    prediction = analysis.prediction
    gate = prediction.gate
    if gate is None:
        return ""
    low, high, mean = float(gate.min()), float(gate.max()), float(gate.mean())
    if high - low <= GATE_SAME:
        return _sentence(f"This gate is <b>{mean:.2f}</b> everywhere: it does nothing.")
    shown, sharp = pictures.small(prediction, gate, STRIDE)
    bottom, top = (0.0, 1.0 if high <= 1 else 2.0) if low >= 0 and high <= 2 else (low, high)
    rgb = colour.mapped(shown, bottom, top, "magma")
    caption = (
        f"gate <span class='mt-nowrap'>mean <b>{mean:.2f}</b></span> "
        f"<span class='mt-nowrap mt-subdued'>{low:.2f} to {high:.2f}</span>"
    )
    drawn = pictures.figure(rgb, "the gate that the query masks make", caption, sharp)
    bar = html.bar(colour.colour_map("magma")[::8], [f"{v:g}" for v in (bottom, (bottom + top) / 2, top)])
    note = "The gate that all masks make: every feature of the photo is multiplied with it, for every task."
    return f'{_sentence(note)}<div class="mt-small">{drawn}</div><div class="mt-legend">{bar}</div>'


def steps(analysis: Analysis) -> str:
    """Per task the strip initial, the steps of the refinement, refined, each with how far it still is from refined."""
    prediction = analysis.prediction
    if not prediction.intermediate:
        return _sentence(WITHOUT_STEPS)
    strips = "".join(
        _strip(analysis, task) for task in prediction.task_list() if task.name in prediction.intermediate
    )
    note = "Coarsest step first. Under each: how far it is from the refined map, on average over the photo."
    return f"{_sentence(note)}{strips}"


def _strip(analysis: Analysis, task: Task) -> str:
    prediction = analysis.prediction
    size = pictures.small_size(prediction)
    between_them = prediction.intermediate[task.name]
    last = pictures.nearest(prediction.refined[task.name], size)
    ends = {"initial": pictures.nearest(prediction.initial[task.name], size), "refined": last}
    scale = task.scale(prediction.initial[task.name], *between_them, prediction.refined[task.name])
    kind = "PNG" if task.classes else "JPEG"

    def end(stage: str) -> str:
        caption = f'<span class="mt-{stage}">{stage}</span>'
        if stage != "refined":
            caption += f" {_apart(task, ends[stage], last)}"
        rgb = task.picture(ends[stage], scale)
        return pictures.figure(rgb, f"{page.title(task.name)}: {stage}", caption, False, kind)

    def between(i: int, values: np.ndarray) -> str:
        by = _stride(prediction.grid, values.shape)
        rows, columns = pictures.cells_under(prediction, values.shape[:2], by, size)
        shown, sharp = pictures.small(prediction, values, by)
        name = f"step {i + 1}, 1/{by}"
        caption = f"<b>{name}</b> {values.shape[1]} &times; {values.shape[0]} "
        caption += _apart(task, values[rows[:, None], columns], last)
        rgb = task.picture(shown, scale)
        return pictures.figure(rgb, f"{page.title(task.name)}: {name}", caption, sharp)

    middle = "".join(between(i, values) for i, values in enumerate(between_them))
    bar = ""
    if scale is not None and scale.unit:  # what has no unit goes from 0 to 1
        middle_value = (scale.low + scale.high) / 2
        ticks = [f"{value:.1f} {scale.unit}" for value in (scale.low, middle_value, scale.high)]
        bar = f'<div class="mt-legend">{html.bar(colour.colour_map(scale.colours)[::8], ticks)}</div>'
    strip = f'<div class="mt-strip">{end("initial")}{middle}{end("refined")}</div>'
    return f"<h3>{html.text(page.title(task.name))}</h3>{strip}{bar}"


def _stride(grid: tuple[int, int], shape: tuple[int, ...]) -> int:
    """Network pixels along a cell of a map of `shape` (h, w, ...): the 1/4 grid, or that halved some times."""
    halved = (by for by in (1, 2, 4, 8, 16) if tuple(ceil(side / by) for side in grid) == shape[:2])
    return STRIDE * next(halved, 1)


def _apart(task: Task, values: np.ndarray, last: np.ndarray) -> str:
    """How far a map is from the refined one, in the task's own words."""
    return f'<span class="mt-subdued">{html.text(task.apart(values, last))}</span>'


def _mask_range(masks: np.ndarray) -> tuple[float, float, bool]:
    """Lowest and highest logit of all masks, and whether all queries draw the same mask."""
    low, high = float(masks.min()), float(masks.max())
    apart = (masks.max(axis=0).astype(np.float32) - masks.min(axis=0)).max()
    return low, high, bool(apart <= SAME * (high - low))


def _sentence(words: str) -> str:
    return f'<p class="mt-hint">{words}</p>'
