"""Do the predicted maps of one photo describe the same room? No ground truth needed.

`stage_coherence` measures one stage, `coherence` the pair initial and refined with the failures. Maps
larger than `WORKING_SIDE` are reduced to it first (geometry kept exactly, see `reduce_maps`), so that the
cost is bounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from mtcp.errors import InputError
from mtcp.geometry.boundaries import boundary_agreement
from mtcp.geometry.camera import Camera
from mtcp.geometry.failures import find_failures
from mtcp.geometry.normals import derivative_normals, plane_fit_normals, scaled_window
from mtcp.geometry.planes import planarity
from mtcp.geometry.quantities import STAGES
from mtcp.geometry.regions import nearest
from mtcp.geometry.report import (
    AngleStats,
    Boundaries,
    Coherence,
    EdgeAgreement,
    Planarity,
    StageCoherence,
    StageMaps,
)
from mtcp.geometry.room import room_geometry
from mtcp.geometry.stage import StageInput
from mtcp.tasks import DEPTH, IGNORE, NORMALS, NYUD_CLASSES, SEMSEG

WORKING_SIDE = 640
"""Long side of the maps that are measured, at most. The fit's window is scaled to it (`scaled_window`)."""

NOISE_FLOOR = {
    "plane_fit_mean_deg": 8.8,
    "plane_fit_away_mean_deg": 0.5,
    "derivative_mean_deg": 1.1,
    "derivative_away_mean_deg": 0.06,
}
"""What each method is off by on *exact* depth: over twelve furnished rooms at 480 x 640, everywhere and away
from edges. Measured by `python -m benchmarks.normals`; a disagreement below it says nothing about a network.
"""

_SAME_SURFACE = 1.1  # depths of four neighbours within this ratio are blended, others are not


def coherence(
    initial: Mapping[str, np.ndarray],
    refined: Mapping[str, np.ndarray] | None,
    camera: Camera,
    classes: Sequence[str] = NYUD_CLASSES,
    working_side: int = WORKING_SIDE,
    note: str = "",
    unlike: str | Mapping[str, str] = "",
) -> Coherence:
    """The whole report on one photo.

    Args:
        initial, refined: maps by task at the photo's size, as in `Prediction`: "depth" (H, W) metres and
            "normals" (H, W, 3), and "semseg" (H, W) uint8 where there is one. `refined` may be None or
            empty.
        camera: of the photo.
        classes: names of the labels in "semseg".
        working_side: long side that larger maps are reduced to.
        note: why geometry does not hold for the photo, as `Prediction.geometry_note`; it is passed on.
        unlike: why the photo is unlike those of training, from whatever measures that; empty where it is not, or where
            nothing is known of it. See `mtcp.geometry.causes.cause_of`. By stage where the two are of two networks.

    Raises:
        InputError: a missing map, a size that is not the camera's.
    """
    photo_size = (camera.height, camera.width)

    def measured(maps: Mapping[str, np.ndarray]) -> tuple[StageCoherence, StageInput]:
        stage, found = _measure(maps, camera, classes, working_side, photo_size)
        return stage, found.prepare()

    with ThreadPoolExecutor(2) as beside:  # what takes the time lets go of Python's lock
        first, *second = beside.map(measured, [initial, refined] if refined else [initial])
    after, later = second[0] if second else (None, None)
    reasons = dict.fromkeys(STAGES, unlike) if isinstance(unlike, str) else unlike
    failures = find_failures(first[1], later, photo_size, classes, reasons)
    return Coherence(
        camera=camera,
        working_size=first[1].depth.shape,
        initial=first[0],
        refined=after,
        failures=failures,
        noise_floor=dict(NOISE_FLOOR),
        note=note,
        unlike="; ".join(dict.fromkeys(reason for reason in reasons.values() if reason)),
    )


def stage_coherence(
    maps: Mapping[str, np.ndarray],
    camera: Camera,
    classes: Sequence[str] = NYUD_CLASSES,
    working_side: int = WORKING_SIDE,
) -> StageCoherence:
    """One stage, or the truth (depth 0, normals 0, what is not finite, and label 255 are unknown). No failures."""
    return _measure(maps, camera, classes, working_side, (camera.height, camera.width))[0]


def angle_stats(angle: np.ndarray) -> AngleStats:
    """Summary of an angle map (H, W) in degrees, NaN where unknown."""
    known = angle[np.isfinite(angle)]
    known_pct = 100.0 * known.size / max(angle.size, 1)
    if not known.size:
        return AngleStats(None, None, None, None, None, 0.0, "no pixel has both depth and normal")
    under = [100.0 * float(np.mean(known < limit)) for limit in (11.25, 22.5, 30.0)]
    mean, median = float(known.mean(dtype=np.float64)), float(np.median(known))
    return AngleStats(mean, median, under[0], under[1], under[2], known_pct)


def reduce_maps(
    maps: Mapping[str, np.ndarray], camera: Camera, side: int = WORKING_SIDE
) -> tuple[dict[str, np.ndarray], Camera]:
    """The maps with the long side at most `side`, and their camera.

    Labels and normals are those of the pixel under the new pixel's centre. Depth is blended in 1/z from the
    four pixels around that centre where they lie within 10 %, which is exact on planes, and not blended
    across steps.
    """
    scale = side / max(camera.width, camera.height)
    if scale >= 1:
        return dict(maps), camera
    small = camera.resize(max(1, round(camera.width * scale)), max(1, round(camera.height * scale)))
    return resize_maps(maps, small), small


def resize_maps(maps: Mapping[str, np.ndarray], camera: Camera) -> dict[str, np.ndarray]:
    """The maps at the size of `camera`, which is already theirs at the new size. See `reduce_maps`."""
    resized = {}
    for name, values in maps.items():
        at = np.ix_(nearest(values.shape[0], camera.height), nearest(values.shape[1], camera.width))
        resized[name] = _reduce_depth(values, camera, at) if name == DEPTH else values[at]
    return resized


def _measure(
    maps: Mapping[str, np.ndarray],
    camera: Camera,
    classes: Sequence[str],
    working_side: int,
    photo_size: tuple[int, int],
) -> tuple[StageCoherence, StageInput]:
    reduced, small = reduce_maps(_checked(maps, camera), camera, working_side)
    depth, normals, semseg = reduced[DEPTH], _unit(reduced[NORMALS]), reduced.get(SEMSEG)
    depth = np.where(np.isfinite(depth) & (depth > 0), depth, 0.0)
    if semseg is not None:
        semseg = _labels(semseg, classes)
    by_depth = plane_fit_normals(depth, small, *scaled_window(small.width, small.height))
    by_derivative = derivative_normals(depth, small)
    stage_maps = StageMaps(
        by_depth, by_derivative, _angle_map(by_depth, normals), _angle_map(by_derivative, normals)
    )
    if semseg is None:
        planes, edges = _without_semseg()
    else:
        planes = planarity(semseg, normals, depth, small, classes, photo_size)
        edges = boundary_agreement(semseg, depth, normals, camera.width / small.width)
    stage = StageCoherence(
        depth_normal=angle_stats(stage_maps.angle_deg),
        depth_normal_derivative=angle_stats(stage_maps.derivative_angle_deg),
        planarity=planes,
        room=room_geometry(planes),
        boundaries=edges,
        maps=stage_maps,
    )
    return stage, StageInput(stage_maps, normals, semseg, depth, small)


def _checked(maps: Mapping[str, np.ndarray], camera: Camera) -> dict[str, np.ndarray]:
    shapes = {DEPTH: 2, NORMALS: 3, SEMSEG: 2}
    found = {}
    for name, dimensions in shapes.items():
        if name not in maps:
            if name == SEMSEG:
                continue
            raise InputError(
                f"coherence needs a map of {name!r}; there are {', '.join(sorted(maps)) or 'none'}"
            )
        array = np.asarray(maps[name])
        if array.ndim != dimensions or (dimensions == 3 and array.shape[2] != 3):
            raise InputError(
                f"{name} has shape {array.shape}: expected (H, W{', 3' if dimensions == 3 else ''})"
            )
        camera.require(array, name)
        found[name] = array
    return found


def _labels(semseg: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    if semseg.dtype.kind not in "iu":
        raise InputError(f"semseg is {semseg.dtype}: expected whole numbers, the labels of the classes")
    wrong = semseg[(semseg != IGNORE) & ((semseg < 0) | (semseg >= len(classes)))]
    if wrong.size:
        raise InputError(
            f"semseg has the label {wrong[0]}: there are {len(classes)} classes, and 255 for none"
        )
    return semseg.astype(np.uint8)


def _unit(normals: np.ndarray) -> np.ndarray:
    """float32 unit vectors; zeros where the vector is zero or not finite."""
    from mtcp.geometry import kernels

    return kernels.unit_vectors(normals.astype(np.float32))


def _angle_map(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    from mtcp.geometry import kernels

    return kernels.angle_map(a, b)


def _without_semseg() -> tuple[Planarity, Boundaries]:
    reason = "no semantic segmentation"
    none = EdgeAgreement(None, None, None, None, reason)
    return Planarity((), None, None, reason), Boundaries(none, none)


def _reduce_depth(depth: np.ndarray, small: Camera, at: tuple[np.ndarray, ...]) -> np.ndarray:
    H, W = depth.shape
    (y0, y1, fy), (x0, x1, fx) = _taps(H, small.height), _taps(W, small.width)
    corners = [depth[np.ix_(y, x)].astype(np.float64) for y in (y0, y1) for x in (x0, x1)]
    lowest, highest = np.minimum.reduce(corners), np.maximum.reduce(corners)
    smooth = np.isfinite(lowest) & (lowest > 0) & (highest <= _SAME_SURFACE * lowest)
    a, b, c, d = (np.divide(1.0, z, out=np.zeros_like(z), where=smooth) for z in corners)
    fy, fx = fy[:, None], fx[None]
    inverse = (1 - fy) * ((1 - fx) * a + fx * b) + fy * ((1 - fx) * c + fx * d)
    out = depth[at].astype(np.float32)
    np.divide(1.0, inverse, out=out, where=smooth, casting="same_kind")
    return out


def _taps(have: int, want: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lower and upper neighbour of each new pixel's centre on an axis, and the weight of the upper."""
    position = np.clip((np.arange(want) + 0.5) * have / want - 0.5, 0, have - 1)
    low = np.minimum(position.astype(np.intp), max(have - 2, 0))
    return low, np.minimum(low + 1, have - 1), position - low
