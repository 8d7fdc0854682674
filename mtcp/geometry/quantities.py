"""The one list of coherence quantities: what each is called, its unit, which direction is better, where it is.

Rankings, tables, the scoreboard, the ablation, `evaluate` and `coherence` all read it from here, so that a number has
the same key, words and digits wherever it is seen. Without torch and numpy: what only shows numbers starts at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from mtcp.geometry.cause_names import CAUSES, share_key

if TYPE_CHECKING:
    from mtcp.geometry.report import StageCoherence

STAGES = ("initial", "refined")
"""A network's two predictions, before and after the refinement."""

Numbers = dict[str, float | None]
"""Key of a `Quantity` -> number; None where it could not be measured."""

DIGITS = {"deg": 1, "cm": 1, "%": 1, "m": 3, "nat": 2, "": 3}
"""Unit -> digits shown after the point."""


@dataclass(frozen=True)
class Quantity:
    """A number that photos, frames and networks are compared by.

    key: with its unit, as columns are called; title: for people, without the unit, in ASCII for any terminal.
    """

    key: str
    title: str
    unit: str  # "deg", "cm", "m", "%", "nat" or "" (a ratio)
    higher_is_better: bool

    @property
    def digits(self) -> int:
        """Digits shown after the point."""
        return DIGITS[self.unit]


@dataclass(frozen=True)
class CoherenceQuantity(Quantity):
    """A number of a coherence report. It needs no ground truth.

    short: the title for narrow columns and terminals. group: what it belongs to. meaning: one sentence. path: where it
    is in a `StageCoherence`, and in its JSON; the `reason` beside it says why it may be missing. main: among those
    that are seen first. floor: keys of `mtcp.geometry.coherence.NOISE_FLOOR`, everywhere and away from edges.
    """

    short: str
    group: str
    meaning: str
    path: str
    main: bool = False
    floor: tuple[str, str] | None = None

    def read(self, stage: StageCoherence) -> float | None:
        """The number of one stage; None where it could not be measured."""
        return attrgetter(self.path)(stage)

    def reason(self, stage: StageCoherence) -> str | None:
        """Why it could not be measured; None where it could."""
        return attrgetter(f"{self.path.rpartition('.')[0]}.reason")(stage)

    def find(self, numbers: Mapping[str, float | None]) -> float | None:
        """Its number in a record, under its key or a former one; None where the record lacks it."""
        return next((numbers[key] for key in numbers if FORMER_KEYS.get(key, key) == self.key), None)


@dataclass(frozen=True)
class PhotoQuantity(Quantity):
    """A number of a photo as a whole: it does not stand initial beside refined. meaning: one sentence."""

    meaning: str


def _angles(
    prefix: str, method: str, path: str, mean: str, floor: str, main: tuple[str, ...]
) -> Iterator[CoherenceQuantity]:
    """The five numbers of one way to turn depth into normals. mean: what the mean angle means."""
    same = "Share of the pixels where depth and normals describe about the same surface."
    for name, words, higher, meaning in (
        ("mean", "mean angle", False, mean),
        ("median", "median angle", False, "Half of the pixels disagree by less; edges hardly sway it."),
        ("within_11", "under 11.25 degrees", True, "Share of the pixels that agree well."),
        ("within_22", "under 22.5 degrees", True, "Share of the pixels that agree roughly."),
        ("within_30", "under 30 degrees", True, same),
    ):
        yield CoherenceQuantity(
            f"{prefix}_{name}_{'pct' if higher else 'deg'}",
            f"Predicted vs. {method} normals: {words}",
            "%" if higher else "deg",
            higher,
            short=f"{method} normals, {words}",
            group=f"Predicted vs. {method} normals",
            meaning=meaning,
            path=f"{path}.{name}" if higher else f"{path}.{name}_deg",
            main=name in main,
            floor=(f"{floor}_mean_deg", f"{floor}_away_mean_deg") if name == "mean" else None,
        )


def _pair(pair: str, what: str, ideal: int, expected: str, main: bool) -> Iterator[CoherenceQuantity]:
    """How two surfaces of the room stand to each other, once for depth and once for the normals."""
    sources = {"depth": "the planes fitted to the depth", "normals": "the mean predicted normals"}
    for source, between in sources.items():
        yield CoherenceQuantity(
            f"{pair}_{source}_error_deg",
            f"{what} angle from {source}: deviation from {ideal} degrees",
            "deg",
            higher_is_better=False,
            short=f"{what.lower()} from {source}, off {ideal} deg",
            group="Room",
            meaning=f"{expected}; this compares {between}.",
            path=f"room.{pair}.{source}_error_deg",
            main=main,
        )


COHERENCE: tuple[CoherenceQuantity, ...] = (
    *_angles(
        "depth_normal",
        "plane-fit",
        "depth_normal",
        "Between the predicted normal and that of a plane fitted to the predicted depth; 0 is agreement.",
        "plane_fit",
        ("mean", "within_30"),
    ),
    *_angles(
        "derivative",
        "derivative",
        "depth_normal_derivative",
        "The same with normals from neighbouring depths only: sharper at edges, but any roughness of the depth counts.",
        "derivative",
        ("mean",),
    ),
    CoherenceQuantity(
        "plane_rms_cm",
        "Planar segments: RMS distance to the fitted plane",
        "cm",
        higher_is_better=False,
        short="planar segments, RMS to plane",
        group="Planar segments",
        meaning="How far the points of walls, floor, ceiling, table tops ... are from the plane through each piece.",
        path="planarity.mean_rms_cm",
        main=True,
    ),
    CoherenceQuantity(
        "plane_angle_deg",
        "Planar segments: predicted normals vs. fitted plane",
        "deg",
        higher_is_better=False,
        short="planar segments, normals vs. plane",
        group="Planar segments",
        meaning="Angle between that plane and the mean of the normals predicted on it.",
        path="planarity.mean_angle_deg",
        main=True,
    ),
    *_pair("floor_walls", "Floor-wall", 90, "In a room walls stand at right angles to the floor", main=True),
    *_pair("floor_ceiling", "Floor-ceiling", 180, "In a room floor and ceiling face each other", main=False),
    CoherenceQuantity(
        "depth_edges_on_boundary_pct",
        "Depth discontinuities on class boundaries",
        "%",
        higher_is_better=True,
        short="depth discontinuities on boundaries",
        group="Boundaries",
        meaning="Share of the depth discontinuities that lie where the predicted class changes; compare with chance.",
        path="boundaries.depth.on_boundary_pct",
        main=True,
    ),
    CoherenceQuantity(
        "normal_edges_on_boundary_pct",
        "Normal discontinuities on class boundaries",
        "%",
        higher_is_better=True,
        short="normal discontinuities on boundaries",
        group="Boundaries",
        meaning="The same share for strong turns of the predicted normals.",
        path="boundaries.normals.on_boundary_pct",
        main=True,
    ),
)
"""All of them, in the order in which they are shown."""

CAUSE_SHARES: tuple[PhotoQuantity, ...] = tuple(
    PhotoQuantity(
        share_key(name),
        f"Failing area, cause: {name}",
        "%",
        higher_is_better=False,
        meaning=f"Share of the picture that fails in the last prediction because of this: {meaning}.",
    )
    for name, meaning in CAUSES.items()
)
"""Of the failures of the refined prediction, or of the only one. See `mtcp.geometry.cause_shares`."""

INFORMATION = PhotoQuantity(
    "class_information_nat",
    "Class information (of class and place)",
    "nat",
    higher_is_better=True,
    meaning="How much the place in the picture tells of the class: low in photos unlike those of training.",
)
"""See `mtcp.inference.typical`."""

OF_PHOTO: tuple[PhotoQuantity, ...] = (*CAUSE_SHARES, INFORMATION)
"""Numbers of a photo as a whole, in the order in which they are shown."""

RANKED: tuple[CoherenceQuantity | PhotoQuantity, ...] = (*COHERENCE, *OF_PHOTO)
"""All that photos can be ranked by."""

FORMER_KEYS = {
    "depth_normal_mean": "depth_normal_mean_deg",
    "depth_normal_median": "depth_normal_median_deg",
    "depth_normal_within_30": "depth_normal_within_30_pct",
    "derivative_mean": "derivative_mean_deg",
    "plane_rms": "plane_rms_cm",
    "plane_angle": "plane_angle_deg",
    "floor_walls_normals": "floor_walls_normals_error_deg",
    "floor_walls_depth": "floor_walls_depth_error_deg",
    "depth_edges": "depth_edges_on_boundary_pct",
    "normal_edges": "normal_edges_on_boundary_pct",
}
"""Keys in cards, records and JSON that were written before December 2026 -> key."""

FORMER_COLUMNS = {"failures_mended": "failures_fixed", "failures_new": "failures_introduced"}
"""Columns in tables of photos that were written before December 2026 -> column. Those of coherence are as they were."""

BY_KEY: dict[str, CoherenceQuantity] = {one.key: one for one in COHERENCE}
BY_KEY |= {former: BY_KEY[key] for former, key in FORMER_KEYS.items()}
"""Each quantity by its key and by its former one."""

RANKED_BY_KEY: dict[str, CoherenceQuantity | PhotoQuantity] = {**BY_KEY, **{one.key: one for one in OF_PHOTO}}


def coherence_numbers(stage: StageCoherence) -> Numbers:
    """All of `COHERENCE` for one stage."""
    return {one.key: one.read(stage) for one in COHERENCE}
