"""The scoreboard of coherence: every number initial, refined, their change, and what the truth itself would score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.session import Analysis
from app.views import html
from app.views.score_lines import GROUPS, Line
from app.views.triage import change, number
from mtcp.evaluation.ranking import COHERENCE, coherence_numbers
from mtcp.geometry.coherence import stage_coherence
from mtcp.geometry.report import StageCoherence
from mtcp.tasks import DEPTH, NORMALS, SEMSEG, lacking

QUANTITIES = {quantity.key: quantity for quantity in COHERENCE}


def truth_stage(analysis: Analysis) -> StageCoherence | None:
    """What the truth scores, kept with the run; None where its depth or its normals are unknown."""
    if "camera.coherence.truth" not in analysis.cache:
        analysis.cache["camera.coherence.truth"] = _truth_stage(analysis)
    return analysis.cache["camera.coherence.truth"]


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
    """All numbers: the telling ones in a table, the others folded below it. Empty where nothing is compared."""
    columns = stages(analysis)
    if analysis.coherence is None:
        return ""
    floor = analysis.coherence.noise_floor
    first = [line for lines in GROUPS.values() for line in lines if line.first]
    rest = {group: [line for line in lines if not line.first] for group, lines in GROUPS.items()}
    count = sum(map(len, rest.values()))
    more = _table({group: lines for group, lines in rest.items() if lines}, columns, floor)
    note = _truth_note(analysis) if "truth" in columns else ""
    return (
        f'<div class="mt-legend mt-board">{_table({"": first}, columns, floor)}{note}'
        f"<details><summary>{count} more numbers</summary>{more}</details></div>"
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
        '<p class="mt-subdued"><span class="mt-truth">truth</span>: the same numbers for what the photo really shows '
        f"({html.text(analysis.truth.source)}). What it scores is the noise of the measurement, not an error.</p>"
    )


def _table(
    groups: Mapping[str, Sequence[Line]], columns: Mapping[str, StageCoherence], floor: Mapping[str, float]
) -> str:
    head = _heads(columns)
    numbers = {name: coherence_numbers(stage) for name, stage in columns.items()}
    body = ""
    for group, lines in groups.items():
        title = (
            f'<tr class="mt-group"><th scope="rowgroup" colspan="{len(head)}">{group}</th></tr>'
            if group
            else ""
        )
        body += f"<tbody>{title}{''.join(_row(line, columns, numbers, floor) for line in lines)}</tbody>"
    titles = "".join(
        f'<th scope="col" class="{f"mt-{name}" if name in columns else ""}">{name}</th>' for name in head
    )
    return f'<table style="--columns:{len(head) - 1}"><thead><tr>{titles}</tr></thead>{body}</table>'


def _heads(columns: Mapping[str, StageCoherence]) -> list[str]:
    heads = ["number", *columns]
    if "refined" in columns:
        heads.insert(heads.index("refined") + 1, "change")
    return heads


def _row(
    line: Line,
    columns: Mapping[str, StageCoherence],
    numbers: Mapping[str, Mapping[str, float | None]],
    floor: Mapping[str, float],
) -> str:
    quantity = QUANTITIES[line.key]
    cells = []
    for name in _heads(columns)[1:]:
        if name == "change":
            before, after = (numbers[stage].get(line.key) for stage in ("initial", "refined"))
            cells.append(f'<td data-of="change">{change(before, after, quantity)}</td>')
            continue
        beside = line.detail(columns[name])
        small = f"<small>{html.text(beside)}</small>" if beside else ""
        cells.append(f'<td data-of="{name}">{number(numbers[name].get(line.key), quantity.unit)}{small}</td>')
    words = " ".join([line.meaning, *_floor(line, floor), *_reasons(line, columns)])
    told = f'<th scope="row">{html.text(line.title)}<small>{html.text(words)}</small></th>'
    return f'<tr data-number="{line.key}">{told}{"".join(cells)}</tr>'


def _floor(line: Line, floor: Mapping[str, float]) -> list[str]:
    if line.floor is None or not set(line.floor) <= set(floor):
        return []
    everywhere, away = (floor[key] for key in line.floor)
    return [f"On exact depth of furnished rooms it reads {everywhere:g}° ({away:g}° away from edges)."]


def _reasons(line: Line, columns: Mapping[str, StageCoherence]) -> list[str]:
    """Why a number is missing, and in which columns unless in all."""
    found = {name: reason for name, stage in columns.items() if (reason := line.reason(stage))}
    if not found:
        return []
    if len(found) == len(columns) and len(set(found.values())) == 1:
        return [f"Not measured: {next(iter(found.values()))}."]
    return [f"Not measured ({name}): {reason}." for name, reason in found.items()]
