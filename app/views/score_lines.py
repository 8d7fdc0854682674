"""What stands in small print beside a number of the scoreboard of coherence."""

from __future__ import annotations

from collections.abc import Callable

from app.views.triage import digits_of, number
from mtcp.drawing import shown
from mtcp.geometry.report import EdgeAgreement, RoomAngle, StageCoherence


def found(angle: RoomAngle, extremes: tuple[float, float] | None) -> str:
    """The angle itself beside its distance from the ideal; of several walls from the smallest to the largest: their
    mean would not fit the mean distance where some lie on either side.
    """
    if extremes is None:
        return ""
    low, high = (number(shown.away_from(angle.ideal_deg, end, digits_of("deg")), "deg") for end in extremes)
    between = low if low == high else f"{low} to {high}"
    return f"{angle.pairs} walls, {between}" if angle.pairs > 1 else between


def _chance(edges: EdgeAgreement) -> str:
    return "" if edges.chance_pct is None else f"chance {edges.chance_pct:.1f} %"


def _pieces(stage: StageCoherence) -> str:
    segments = stage.planarity.segments
    if not segments:
        return ""
    share = sum(segment.share_pct for segment in segments)
    return f"{len(segments)} {'piece' if len(segments) == 1 else 'pieces'}, {share:.0f} %"


DETAILS: dict[str, Callable[[StageCoherence], str]] = {
    "plane_rms_cm": _pieces,
    "floor_walls_depth_error_deg": lambda s: found(s.room.floor_walls, s.room.floor_walls.depth_range_deg),
    "floor_walls_normals_error_deg": lambda s: found(
        s.room.floor_walls, s.room.floor_walls.normals_range_deg
    ),
    "floor_ceiling_depth_error_deg": lambda s: found(
        s.room.floor_ceiling, s.room.floor_ceiling.depth_range_deg
    ),
    "floor_ceiling_normals_error_deg": lambda s: found(
        s.room.floor_ceiling, s.room.floor_ceiling.normals_range_deg
    ),
    "depth_edges_on_boundary_pct": lambda s: _chance(s.boundaries.depth),
    "normal_edges_on_boundary_pct": lambda s: _chance(s.boundaries.normals),
}
"""Key of a `mtcp.geometry.quantities.COHERENCE` -> what belongs beside its number, plain text."""


def detail(key: str, stage: StageCoherence) -> str:
    """What belongs beside a number, plain text; empty where nothing does."""
    return DETAILS[key](stage) if key in DETAILS else ""
