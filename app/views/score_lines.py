"""What the scoreboard of coherence lists: each number's title, its meaning, and why it may be missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from app.views.triage import digits_of, number
from mtcp.drawing import shown
from mtcp.geometry.report import EdgeAgreement, RoomAngle, StageCoherence


@dataclass(frozen=True)
class Line:
    """One number.

    key: of `mtcp.evaluation.ranking.COHERENCE`, which knows its unit and direction. meaning: one plain sentence.
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


_by_fit = partial(Line, reason=lambda s: s.depth_normal.reason)
_by_derivatives = partial(Line, reason=lambda s: s.depth_normal_derivative.reason)

PLANE_FIT = (
    _by_fit(
        "depth_normal_mean_deg",
        "Depth against normals: mean angle",
        "Between the predicted normal and the one that the predicted depth implies, by plane fit; 0° is agreement.",
        floor=("plane_fit_mean_deg", "plane_fit_away_mean_deg"),
        first=True,
    ),
    _by_fit(
        "depth_normal_within_30_pct",
        "Depth against normals: under 30°",
        "Share of the pixels where both describe about the same surface; failures are sought among the others.",
        first=True,
    ),
    _by_fit(
        "depth_normal_median_deg",
        "median angle",
        "Half of the pixels disagree by less; the few at edges hardly sway it.",
    ),
    _by_fit(
        "depth_normal_within_11_pct",
        "under 11.25°",
        "Share of the pixels that agree well.",
    ),
    _by_fit(
        "depth_normal_within_22_pct",
        "under 22.5°",
        "Share of the pixels that agree roughly.",
    ),
)

DERIVATIVE = (
    _by_derivatives(
        "derivative_mean_deg",
        "The same by derivatives: mean angle",
        "Normals from neighbouring pixels only: sharper at edges, but any roughness of the depth counts.",
        floor=("derivative_mean_deg", "derivative_away_mean_deg"),
        first=True,
    ),
    _by_derivatives(
        "derivative_median_deg",
        "median angle",
        "Half of the pixels disagree by less.",
    ),
    *(
        _by_derivatives(
            f"derivative_within_{short}_pct",
            f"under {limit}°",
            "Share of the pixels, normals by derivatives.",
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


def _stands(
    pair: str,
    name: str,
    ideal: int,
    why: str,
    angle: Callable[[StageCoherence], RoomAngle],
    first: bool = False,
) -> tuple[Line, Line]:
    """How two surfaces of the room stand to each other. why: what is expected of them, as a clause."""
    return (
        Line(
            f"{pair}_depth_error_deg",
            f"{name}, as depth has it: off {ideal}°",
            f"{why}; this compares the planes fitted to the depth.",
            lambda s: angle(s).reason,
            lambda s: found(angle(s), angle(s).depth_range_deg),
            first=first,
        ),
        Line(
            f"{pair}_normals_error_deg",
            f"{name}, as the normals have it: off {ideal}°",
            "The same, between the mean predicted normals.",
            lambda s: angle(s).reason,
            lambda s: found(angle(s), angle(s).normals_range_deg),
        ),
    )


ROOM = (
    *_stands(
        "floor_walls",
        "Floor to walls",
        90,
        "In a room they stand at right angles",
        lambda s: s.room.floor_walls,
        first=True,
    ),
    *_stands(
        "floor_ceiling", "Floor to ceiling", 180, "They face each other", lambda s: s.room.floor_ceiling
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
