"""The scoreboard of coherence: every number initial, refined, their change, and what the truth itself would score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from app.session import Analysis
from app.sides import Words
from app.views import html
from app.views.score_lines import detail
from app.views.triage import change, number
from mtcp.geometry.coherence import stage_coherence
from mtcp.geometry.quantities import COHERENCE, CoherenceQuantity, coherence_numbers
from mtcp.geometry.report import StageCoherence
from mtcp.tasks import DEPTH, NORMALS, SEMSEG, lacking


def truth_stage(analysis: Analysis) -> StageCoherence | None:
    """What the truth scores, kept with the run; None where its depth or its normals are unknown."""
    if "truth.coherence" not in analysis.cache:
        analysis.cache["truth.coherence"] = _truth_stage(analysis)
    return analysis.cache["truth.coherence"]


def stages(analysis: Analysis) -> dict[str, StageCoherence]:
    """The columns: "initial", "refined" and "truth", where there are such."""
    if analysis.coherence is None:
        return {}
    found = {
        "initial": analysis.coherence.initial,
        "refined": analysis.coherence.refined,
        "truth": truth_stage(analysis),
    }
    return {name: stage for name, stage in found.items() if stage is not None}


def scoreboard(analysis: Analysis) -> str:
    """All of `COHERENCE`: the main ones in a table, the others folded below it. Empty where nothing is compared."""
    columns = stages(analysis)
    if analysis.coherence is None:
        return ""
    floor = analysis.coherence.noise_floor
    main = [one for one in COHERENCE if one.main]
    others = [one for one in COHERENCE if not one.main]
    groups = {group: list(of_group) for group, of_group in groupby(others, lambda one: one.group)}
    words = analysis.words
    more = _table(groups, columns, floor, words)
    note = _truth_note(analysis) if "truth" in columns else ""
    return (
        f'<div class="mt-legend mt-board">{_table({"": main}, columns, floor, words)}{note}'
        f"<details><summary>{len(others)} more numbers</summary>{more}</details></div>"
    )


def _truth_stage(analysis: Analysis) -> StageCoherence | None:
    truth = analysis.truth
    if truth is None or lacking(truth.maps):
        return None
    classes = analysis.prediction.classes
    wanted = (DEPTH, NORMALS, *([SEMSEG] if classes else []))
    maps = {name: truth.maps[name] for name in wanted if name in truth.maps}
    return stage_coherence(maps, truth.camera, classes)


def _truth_note(analysis: Analysis) -> str:
    assert analysis.truth is not None
    return (
        '<p class="mt-subdued"><span class="mt-truth">ground truth</span>: the same numbers for what the photo really '
        f"shows ({html.text(analysis.truth.source)}). What it scores is the noise of the measurement, not an error.</p>"
    )


def _table(
    groups: Mapping[str, Sequence[CoherenceQuantity]],
    columns: Mapping[str, StageCoherence],
    floor: Mapping[str, float],
    words: Words,
) -> str:
    head = _heads(columns)
    numbers = {name: coherence_numbers(stage) for name, stage in columns.items()}
    body = ""
    for group, quantities in groups.items():
        title = (
            f'<tr class="mt-group"><th scope="rowgroup" colspan="{len(head)}">{html.text(group)}</th></tr>'
            if group
            else ""
        )
        body += f"<tbody>{title}{''.join(_row(one, columns, numbers, floor, words) for one in quantities)}</tbody>"
    titles = "".join(
        f'<th scope="col" class="{f"mt-{name}" if name in columns else ""}">{_head(name, words)}</th>'
        for name in head
    )
    return f'<table style="--columns:{len(head) - 1}"><thead><tr>{titles}</tr></thead>{body}</table>'


def _head(name: str, words: Words) -> str:
    if words.two and name in words.long:
        side, _, network = words.long[name].partition(": ")
        return f'{html.text(side)} <small class="mt-network">{html.text(network)}</small>'
    return html.text(words.change if name == "change" else words.side(name))


def _heads(columns: Mapping[str, StageCoherence]) -> list[str]:
    heads = ["number", *columns]
    if "refined" in columns:
        heads.insert(heads.index("refined") + 1, "change")
    return heads


def _row(
    quantity: CoherenceQuantity,
    columns: Mapping[str, StageCoherence],
    numbers: Mapping[str, Mapping[str, float | None]],
    floor: Mapping[str, float],
    words: Words,
) -> str:
    key = quantity.key
    cells = []
    for name in _heads(columns)[1:]:
        if name == "change":
            before, after = (numbers[stage].get(key) for stage in ("initial", "refined"))
            cells.append(f'<td data-of="change">{change(before, after, quantity)}</td>')
            continue
        beside = detail(key, columns[name])
        small = f"<small>{html.text(beside)}</small>" if beside else ""
        cells.append(f'<td data-of="{name}">{number(numbers[name].get(key), quantity.unit)}{small}</td>')
    said = " ".join([quantity.meaning, *_floor(quantity, floor), *_reasons(quantity, columns, words)])
    head = f'<th scope="row">{html.text(quantity.title)}<small>{html.text(said)}</small></th>'
    return f'<tr data-number="{key}">{head}{"".join(cells)}</tr>'


def _floor(quantity: CoherenceQuantity, floor: Mapping[str, float]) -> list[str]:
    if quantity.floor is None or not set(quantity.floor) <= set(floor):
        return []
    everywhere, away = (floor[key] for key in quantity.floor)
    return [f"On exact depth of furnished rooms it reads {everywhere:g}° ({away:g}° away from edges)."]


def _reasons(quantity: CoherenceQuantity, columns: Mapping[str, StageCoherence], words: Words) -> list[str]:
    """Why a number is missing, and in which columns unless in all."""
    found = {name: reason for name, stage in columns.items() if (reason := quantity.reason(stage))}
    if not found:
        return []
    if len(found) == len(columns) and len(set(found.values())) == 1:
        return [f"Not measured: {next(iter(found.values()))}."]
    return [f"Not measured ({words.side(name)}): {reason}." for name, reason in found.items()]
