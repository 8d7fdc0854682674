"""The scoreboard of coherence: every number initial, refined, their change, and what the truth itself would score."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app.session import Run
from app.views import html
from app.views.triage import change, number
from mtcp.geometry.coherence import stage_coherence
from mtcp.geometry.report import EdgeAgreement, RoomAngle, StageCoherence
from mtcp.triage import COHERENCE, coherence_numbers

QUANTITIES = {quantity.key: quantity for quantity in COHERENCE}


@dataclass(frozen=True)
class Line:
    """One number.

    key: of `mtcp.triage.COHERENCE`, which knows its unit and which way is better. meaning: one plain sentence.
    reason: why it was not measured, of a stage. detail: what belongs beside it, plain text. floor: the keys of
    `NOISE_FLOOR`, everywhere and away from edges. first: shown without unfolding.
    """

    key: str
    title: str
    meaning: str
    reason: Callable[[StageCoherence], str | None]
    detail: Callable[[StageCoherence], str] = lambda stage: ""
    floor: tuple[str, str] | None = None
    first: bool = False


def _found(angle: RoomAngle, degrees: float | None) -> str:
    if degrees is None:
        return ""
    walls = f", {angle.pairs} walls" if angle.ideal_deg == 90 and angle.pairs > 1 else ""
    return f"{number(degrees, 'deg')}{walls}"


def _chance(edges: EdgeAgreement) -> str:
    return "" if edges.chance_pct is None else f"chance {edges.chance_pct:.1f} %"


def _pieces(stage: StageCoherence) -> str:
    segments = stage.planarity.segments
    if not segments:
        return ""
    share = sum(segment.share_pct for segment in segments)
    return f"{len(segments)} {'piece' if len(segments) == 1 else 'pieces'}, {share:.0f} %"


PLANE_FIT = (
    Line(
        "depth_normal_mean_deg",
        "Depth against normals: mean angle",
        "Between the predicted normal and the one that the predicted depth implies, by plane fit; 0° is agreement.",
        lambda s: s.depth_normal.reason,
        floor=("plane_fit_mean_deg", "plane_fit_away_mean_deg"),
        first=True,
    ),
    Line(
        "depth_normal_within_30_pct",
        "Depth against normals: under 30°",
        "Share of the pixels where both describe about the same surface; failures are sought among the others.",
        lambda s: s.depth_normal.reason,
        first=True,
    ),
    Line(
        "depth_normal_median_deg",
        "median angle",
        "Half of the pixels disagree by less; the few at edges hardly sway it.",
        lambda s: s.depth_normal.reason,
    ),
    Line(
        "depth_normal_within_11_pct",
        "under 11.25°",
        "Share of the pixels that agree well.",
        lambda s: s.depth_normal.reason,
    ),
    Line(
        "depth_normal_within_22_pct",
        "under 22.5°",
        "Share of the pixels that agree roughly.",
        lambda s: s.depth_normal.reason,
    ),
)

DERIVATIVE = (
    Line(
        "derivative_mean_deg",
        "The same by derivatives: mean angle",
        "Normals from neighbouring pixels only: sharper at edges, but any roughness of the depth counts.",
        lambda s: s.depth_normal_derivative.reason,
        floor=("derivative_mean_deg", "derivative_away_mean_deg"),
        first=True,
    ),
    Line(
        "derivative_median_deg",
        "median angle",
        "Half of the pixels disagree by less.",
        lambda s: s.depth_normal_derivative.reason,
    ),
    *(
        Line(
            f"derivative_within_{short}_pct",
            f"under {limit}°",
            "Share of the pixels, normals by derivatives.",
            lambda s: s.depth_normal_derivative.reason,
        )
        for short, limit in ((11, "11.25"), (22, "22.5"), (30, "30"))
    ),
)

PLANES = (
    Line(
        "plane_rms_cm",
        "Flat surfaces: depth off its plane",
        "RMS distance of the points of walls, floor, ceiling, table tops ... to the plane through each piece.",
        lambda s: s.planarity.reason,
        _pieces,
        first=True,
    ),
    Line(
        "plane_angle_deg",
        "Flat surfaces: normals off that plane",
        "Angle between that plane and the mean of the normals predicted on it.",
        lambda s: s.planarity.reason,
        first=True,
    ),
)

ROOM = (
    Line(
        "floor_walls_depth_error_deg",
        "Floor to walls, as depth has it: off 90°",
        "In a room they stand at right angles; this compares the planes fitted to the depth.",
        lambda s: s.room.floor_walls.reason,
        lambda s: _found(s.room.floor_walls, s.room.floor_walls.depth_deg),
        first=True,
    ),
    Line(
        "floor_walls_normals_error_deg",
        "Floor to walls, as the normals have it: off 90°",
        "The same, between the mean predicted normals.",
        lambda s: s.room.floor_walls.reason,
        lambda s: _found(s.room.floor_walls, s.room.floor_walls.normals_deg),
    ),
    Line(
        "floor_ceiling_depth_error_deg",
        "Floor to ceiling, as depth has it: off 180°",
        "They face each other; this compares the planes fitted to the depth.",
        lambda s: s.room.floor_ceiling.reason,
        lambda s: _found(s.room.floor_ceiling, s.room.floor_ceiling.depth_deg),
    ),
    Line(
        "floor_ceiling_normals_error_deg",
        "Floor to ceiling, as the normals have it: off 180°",
        "The same, between the mean predicted normals.",
        lambda s: s.room.floor_ceiling.reason,
        lambda s: _found(s.room.floor_ceiling, s.room.floor_ceiling.normals_deg),
    ),
)

BOUNDARIES = (
    Line(
        "depth_edges_on_boundary_pct",
        "Depth steps on class boundaries",
        "Share of the strong depth steps that lie where the predicted class changes; compare it with chance.",
        lambda s: s.boundaries.depth.reason,
        lambda s: _chance(s.boundaries.depth),
        first=True,
    ),
    Line(
        "normal_edges_on_boundary_pct",
        "Creases of the normals on class boundaries",
        "Share of the strong turns of the predicted normals that lie where the predicted class changes.",
        lambda s: s.boundaries.normals.reason,
        lambda s: _chance(s.boundaries.normals),
    ),
)

GROUPS: dict[str, tuple[Line, ...]] = {
    "Depth against normals, by plane fit": PLANE_FIT,
    "Depth against normals, by derivatives": DERIVATIVE,
    "Flat surfaces": PLANES,
    "Room": ROOM,
    "Boundaries": BOUNDARIES,
}


def truth_stage(run: Run) -> StageCoherence | None:
    """What the truth scores, kept with the run; None where its depth or its normals are unknown."""
    if "camera.coherence.truth" not in run.cache:
        run.cache["camera.coherence.truth"] = _truth_stage(run)
    return run.cache["camera.coherence.truth"]


def stages(run: Run) -> dict[str, StageCoherence]:
    """The columns: "initial", "refined" and "truth", where there are such."""
    if run.coherence is None:
        return {}
    found = {"initial": run.coherence.initial, "refined": run.coherence.refined, "truth": truth_stage(run)}
    return {name: stage for name, stage in found.items() if stage is not None}


def scoreboard(run: Run) -> str:
    """All numbers: the telling ones in a table, the others folded below it. Empty where nothing is compared."""
    columns = stages(run)
    if run.coherence is None:
        return ""
    floor = run.coherence.noise_floor
    first = [line for lines in GROUPS.values() for line in lines if line.first]
    rest = {group: [line for line in lines if not line.first] for group, lines in GROUPS.items()}
    count = sum(map(len, rest.values()))
    more = _table({group: lines for group, lines in rest.items() if lines}, columns, floor)
    note = _truth_note(run) if "truth" in columns else ""
    return (
        f'<div class="mt-legend mt-board">{_table({"": first}, columns, floor)}{note}'
        f"<details><summary>{count} more numbers</summary>{more}</details></div>"
    )


def _truth_stage(run: Run) -> StageCoherence | None:
    truth = run.truth
    if truth is None or not {"depth", "normals"} <= set(truth.maps):
        return None
    classes = run.prediction.classes
    wanted = ("depth", "normals", *(["semseg"] if classes else []))
    maps = {name: truth.maps[name] for name in wanted if name in truth.maps}
    return stage_coherence(maps, truth.camera, classes)


def _truth_note(run: Run) -> str:
    assert run.truth is not None
    return (
        '<p class="mt-subdued"><span class="mt-truth">truth</span>: the same numbers for what the photo really shows '
        f"({html.text(run.truth.source)}). What it scores is the noise of the measurement, not an error.</p>"
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
