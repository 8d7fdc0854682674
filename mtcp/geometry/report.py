"""What a coherence report is made of. Frozen; `plain` turns any of it into JSON values.

Units are in the names: `_deg` degrees, `_cm` centimetres, `_pct` per cent. A number that could not be
measured is None, and `reason` then says why in a few words.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mtcp.geometry.camera import Camera
from mtcp.geometry.regions import Region

Vector = tuple[float, float, float]

STATUSES = ("remaining", "introduced", "reduced", "fixed")
"""What the refinement did to a failure. Those of the refined prediction: not acceptable before, either; acceptable
before (see `mtcp.geometry.failures.ACCEPTABLE_DEG`). Those that are left of the initial one, of which less than half
still fails: not acceptable after it; acceptable after it.
"""

_NOT_JSON = {"json": False}
_DIGITS = 4


@dataclass(frozen=True)
class AngleStats:
    """Angles between two normal maps over the pixels where both are known.

    within_*: per cent of those pixels under 11.25, 22.5 and 30 degrees; known_pct: their share of the
    picture.
    """

    mean_deg: float | None
    median_deg: float | None
    within_11: float | None
    within_22: float | None
    within_30: float | None
    known_pct: float
    reason: str | None = None


@dataclass(frozen=True)
class PlaneSegment:
    """One planar piece of the room: the plane through its back-projected depth against its predicted normals.

    rms_cm: root mean square distance of the points to their plane (iBims-1's PE_plan, on the predicted
    segment); angle_deg: between that plane and the mean predicted normal (PE_ori). Normals face the camera.
    """

    label: str
    share_pct: float
    rms_cm: float
    angle_deg: float
    plane_normal: Vector
    predicted_normal: Vector
    pixel: tuple[int, int]  # (x, y) in the photo, inside the segment
    region: Region = field(repr=False, compare=False, metadata=_NOT_JSON)


@dataclass(frozen=True)
class Planarity:
    """All planar segments, largest first; means are weighted by area."""

    segments: tuple[PlaneSegment, ...]
    mean_rms_cm: float | None
    mean_angle_deg: float | None
    reason: str | None = None


@dataclass(frozen=True)
class RoomAngle:
    """An angle of the room that is known beforehand, as normals and as depth (fitted planes) have it.

    normals_deg, depth_deg: the angle found (mean over `pairs`, weighted by area); *_error_deg: mean
    distance from `ideal_deg`; *_range_deg: the smallest and the largest of the angles, which tell why that distance
    is more than the mean angle's where some lie on either side.
    """

    ideal_deg: float
    normals_deg: float | None
    normals_error_deg: float | None
    depth_deg: float | None
    depth_error_deg: float | None
    pairs: int
    reason: str | None = None
    normals_range_deg: tuple[float, float] | None = None
    depth_range_deg: tuple[float, float] | None = None


@dataclass(frozen=True)
class RoomGeometry:
    """The largest floor against the largest ceiling, and against every wall."""

    floor_ceiling: RoomAngle
    floor_walls: RoomAngle


@dataclass(frozen=True)
class EdgeAgreement:
    """Strong edges of a map that lie within `within_px` of a semantic boundary.

    on_boundary_pct: their share (a precision); chance_pct: what edges scattered at random would reach;
    edges_pct: the strong edges' share of the picture.
    """

    on_boundary_pct: float | None
    chance_pct: float | None
    edges_pct: float | None
    within_px: float | None  # in the photo
    reason: str | None = None


@dataclass(frozen=True)
class Boundaries:
    """Depth steps and creases of the predicted normals against semantic boundaries."""

    depth: EdgeAgreement
    normals: EdgeAgreement


@dataclass(frozen=True)
class Cause:
    """Why depth and normals disagree in a failure, in the stage it was found in. See `mtcp.geometry.causes`.

    name: one of `mtcp.geometry.cause_names.CAUSES`; sentence: the reason with its numbers, ASCII. Angles are over the
    failing pixels in and around the region, on its class.
    """

    name: str
    sentence: str
    pixel_deg: float  # mean angle between depth's normals and predicted ones
    means_deg: float | None  # angle between the means of both; None where a mean has no direction
    plane_deg: float | None  # angle between the plane through the depth and the mean predicted normal
    depth_scatter_deg: float | None  # mean angle between depth's normals and their mean
    normals_scatter_deg: float | None  # the same of the predicted normals
    jump_pct: float  # of the region, near a jump of the depth in it
    distance_m: float  # median depth of the region
    view_deg: float | None  # between the mean predicted normal and the direction to the camera


@dataclass(frozen=True)
class Failure:
    """A connected region where predicted depth and predicted normals disagree by over 30 degrees.

    before_deg, after_deg: mean angle in the region, initial and refined; surfaces_deg: between the two mean
    orientations of the stage it was found in, as depth and as the normals have it. status: one of `STATUSES`.
    score = share x mean angle, the rank's key.
    """

    rank: int
    found_in: str  # "initial" or "refined"
    status: str
    label: str | None  # most frequent class, None without semantic segmentation
    label_pct: float | None  # of the region
    share_pct: float
    score: float
    before_deg: float | None
    after_deg: float | None
    surfaces_deg: float | None  # this and the two below: None where the mean has no direction
    depth_normal: Vector | None
    predicted_normal: Vector | None
    cause: Cause
    box: tuple[int, int, int, int]  # x0, y0, x1, y1 in the photo, half-open
    pixel: tuple[int, int]  # (x, y) in the photo, inside the region
    region: Region = field(repr=False, compare=False)


@dataclass(frozen=True)
class StageMaps:
    """Maps (h, w) behind a stage's numbers, at the working size. Angles are NaN where unknown."""

    depth_normals: np.ndarray  # float32 (h, w, 3), plane fit
    derivative_normals: np.ndarray  # float32 (h, w, 3)
    angle_deg: np.ndarray  # float32 (h, w), plane fit against predicted normals
    derivative_angle_deg: np.ndarray  # float32 (h, w)


@dataclass(frozen=True)
class StageCoherence:
    """All numbers of one stage (initial, refined, or the truth)."""

    depth_normal: AngleStats  # plane fit, the method of record
    depth_normal_derivative: AngleStats
    planarity: Planarity
    room: RoomGeometry
    boundaries: Boundaries
    maps: StageMaps = field(repr=False, compare=False, metadata=_NOT_JSON)


@dataclass(frozen=True)
class Coherence:
    """Initial against refined. `camera` and pixels are the photo's; maps and masks have `working_size`."""

    camera: Camera
    working_size: tuple[int, int]  # (height, width)
    initial: StageCoherence
    refined: StageCoherence | None  # None: a network without a refinement
    failures: tuple[Failure, ...]
    noise_floor: dict[str, float]
    note: str = ""  # why geometry, and so none of this, holds for the photo; empty where it does
    unlike: str = (
        ""  # why the photo is unlike those of training; empty where it is not, or where nothing is known
    )

    def to_dict(self) -> dict[str, Any]:
        """JSON values, every float rounded to four digits after the point."""
        return plain(self)


def plain(value: Any) -> Any:
    """Dataclasses, arrays, numpy scalars and containers as JSON values. What is not finite becomes None."""
    if isinstance(value, Camera):
        return value.to_dict()
    if isinstance(value, Region):
        return {"size": list(value.size), "runs": value.runs.tolist()}
    if dataclasses.is_dataclass(value):
        fields = [f for f in dataclasses.fields(value) if f.metadata.get("json", True)]
        return {f.name: plain(getattr(value, f.name)) for f in fields}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return round(float(value), _DIGITS) if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
