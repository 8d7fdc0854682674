"""The 3D view of a scene: what the viewer in the browser draws, its colours and their legends, and the exports.

Every point is a pixel of an even sample of the photo, so that a cloud travels as depths and colours only: the
viewer knows the camera.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.scene import Scene
from app.session import Analysis
from app.views import html, legends, predictions
from app.views.cloud_layers import TRUTH, compared, layer_name, layers
from mtcp.drawing import colour
from mtcp.drawing.colour import palette
from mtcp.drawing.scale import Scale, scale_end
from mtcp.geometry import cloud
from mtcp.geometry.cloud_files import Cloud
from mtcp.tasks import DEPTH, NORMALS, SEMSEG, measure
from mtcp.tasks.normals import LEAST_ANGLE

COLOURS: Mapping[str, str] = {
    "photo": "photo",
    "class": "class",
    "normal": "predicted normal",
    "depth normal": "normal from depth",
    "angle": "angle between them",
    "change": "change of depth",
}
"""What points can be coloured by -> what the page calls it."""

NO_DEPTH = "This checkpoint predicts no depth, so there is no point cloud."
LEAST_CHANGE = 0.05
"""Metres at the end of the scale of changes, at least."""
_DISC = 0.06  # radius of the region around the probe, of the photo's long side
_NEEDLE = (0.03, 0.4)  # shortest and longest needle, metres
_AROUND = 20_000  # points that may hide a region
_NOTHING = 128  # the grey of points without what the colours show


@dataclass(frozen=True, eq=False)
class Shape:
    """The sampled depths of all clouds (see `layers`), as they travel.

    rows (h,), columns (w,): the pixels of the photo. depths: uint16 (S, h, w), in steps of `farthest` / 65535
    metres, 0 unknown. jumps: uint8 (S, h, w), see `cloud.depth_jumps`.
    """

    rows: np.ndarray
    columns: np.ndarray
    depths: np.ndarray
    jumps: np.ndarray
    farthest: float

    def data(self) -> bytes:
        """All depths, then all jumps, little-endian."""
        return self.depths.astype("<u2").tobytes() + self.jumps.tobytes()

    def shown(self, stage: int, limit: int) -> np.ndarray:
        """bool (h, w): the points that pass the filter."""
        return cloud.shown(self.depths[stage], self.jumps[stage], limit)


def available(analysis: Analysis) -> list[str]:
    """The keys of `COLOURS` that this prediction has something for."""
    has = {
        "photo": True,
        "class": SEMSEG in analysis.prediction.initial,
        "normal": NORMALS in analysis.prediction.initial,
        "depth normal": analysis.coherence is not None,
        "angle": analysis.coherence is not None,
        "change": bool(analysis.prediction.refined),
    }
    return [name for name in COLOURS if has[name]]


def shape(analysis: Analysis, budget: int | None) -> Shape:
    """The sample of at most `budget` points a cloud; None: every pixel of the photo."""
    rows, columns = cloud.sample(*analysis.prediction.size, budget)
    at = np.ix_(rows, columns)
    maps = [maps[DEPTH] for maps in layers(analysis).values()]
    depths = np.stack([depth[at] for depth in maps])
    known = np.isfinite(depths) & (depths > 0)
    farthest = float(depths[known].max()) if known.any() else 1.0
    steps = np.maximum(np.rint(np.where(known, depths, 0) * (65535 / farthest)), known).astype(np.uint16)
    return Shape(rows, columns, steps, np.stack([cloud.depth_jumps(depth)[at] for depth in maps]), farthest)


def paint(analysis: Analysis, what: str, sampled: Shape) -> np.ndarray:
    """Colours of the points, uint8 (S, h, w, 3); (1, h, w, 3) where all clouds look the same."""
    at = np.ix_(sampled.rows, sampled.columns)
    if what == "photo":
        return analysis.photo[at][None]
    if what == "change":
        moved = displacement(analysis)[at]
        return colour.difference(moved, scale_end(moved, LEAST_CHANGE))[None]
    return np.stack([_paint_layer(analysis, layer, what, at) for layer in layers(analysis)])


def _paint_layer(analysis: Analysis, layer: str, what: str, at: tuple[np.ndarray, ...]) -> np.ndarray:
    """One cloud's colours (h, w, 3); grey where a truth does not have what they show."""
    maps = layers(analysis)[layer]
    if what == "class" and SEMSEG in maps:
        return colour.classes(maps[SEMSEG][at], palette(len(analysis.prediction.classes)))
    if what == "normal" and NORMALS in maps:
        return colour.normals(maps[NORMALS][at])
    found = compared(analysis, layer)
    if what == "depth normal" and found is not None:
        return colour.normals(found.depth_normals[_working(analysis, at)])
    if what == "angle" and found is not None:
        return colour.angle(found.angle_deg[_working(analysis, at)], _angle_limit(analysis))
    return np.full((*np.broadcast_shapes(*(index.shape for index in at)), 3), _NOTHING, np.uint8)


def displacement(analysis: Analysis) -> np.ndarray:
    """How far the refinement moved each pixel along its ray, metres (H, W); positive: away. NaN where unknown."""
    before, after = analysis.prediction.initial[DEPTH], analysis.prediction.refined[DEPTH]
    x, y = analysis.prediction.camera.axes()
    ray = np.sqrt(1 + x[None] ** 2 + y[:, None] ** 2).astype(np.float32)
    return np.where((before > 0) & (after > 0), (after - before) * ray, np.nan)


def legend(analysis: Analysis, what: str, sampled: Shape) -> str:
    """What the colours mean, HTML; before it, why the shapes are wrong, where they are."""
    return html.caveat(analysis.prediction.geometry_note) + _legend(analysis, what, sampled)


def _legend(analysis: Analysis, what: str, sampled: Shape) -> str:
    if what == "photo":
        return ""
    if what in ("normal", "depth normal"):
        return legends.normal_axes(predictions.normal_ball())
    if what == "angle":
        return legends.bar(Scale.of_angles(_angle_limit(analysis)))
    if what == "change":
        end = scale_end(displacement(analysis)[np.ix_(sampled.rows, sampled.columns)], LEAST_CHANGE)
        return legends.bar(Scale.around_zero(end, "m", ("closer", "farther")))
    classes = analysis.prediction.classes
    maps = [stage[SEMSEG] for stage in analysis.prediction.stages().values()]
    return legends.labels(
        measure.shares(maps[0], maps[-1], classes), palette(len(classes)), words=analysis.words
    )


def describe(scene: Scene, sampled: Shape, filter_share: float, needles: bool) -> dict[str, Any]:
    """Everything the viewer needs beside the depths and colours; plain JSON types."""
    analysis = scene.analysis
    camera = analysis.prediction.camera
    limit = cloud.jump_limit(filter_share)
    x, y = scene.probe
    clouds = layers(analysis)
    return {
        "size": list(analysis.prediction.size),
        "grid": [len(sampled.rows), len(sampled.columns)],
        "camera": {"fx": camera.fx, "fy": camera.fy, "cx": camera.cx, "cy": camera.cy},
        "farthest": sampled.farthest,
        "stages": list(clouds),
        "names": [layer_name(analysis, layer) for layer in clouds],
        "limit": limit,
        "counts": [int(np.count_nonzero(sampled.shown(k, limit))) for k in range(len(clouds))],
        "probe": {"at": [x, y], "depths": [_metres(maps[DEPTH][y, x]) for maps in clouds.values()]},
        "region": _region(scene),
        "focus": focus(scene),
        "needles": _needles(scene) if needles and analysis.coherence is not None else None,
    }


def focus(scene: Scene) -> dict[str, Any] | None:
    """Where to look to see the chosen failure: see `cloud.Viewpoint`; with its rank."""
    chosen, analysis = scene.chosen, scene.analysis
    if chosen is None:
        return None
    depth = analysis.prediction.stages()[chosen.found_in][DEPTH]
    pixels = _to_photo(cloud.pick_pixels(chosen.region.mask(), 2000), chosen.region.size, analysis)
    points = cloud.lift(depth, analysis.prediction.camera, pixels)
    rows, columns = cloud.sample(*analysis.prediction.size, _AROUND)
    others = cloud.lift(
        depth, analysis.prediction.camera, np.stack(np.meshgrid(columns, rows), -1).reshape(-1, 2)
    )
    around = others[others[:, 2] > 0]
    seen = cloud.viewpoint(points[points[:, 2] > 0], _vector(chosen.depth_normal), around)
    if seen is None:
        return None
    half = {"width": seen.half_width, "height": seen.half_height, "nearer": seen.nearer}
    turn = {"yaw": seen.yaw_deg, "pitch": seen.pitch_deg}
    return {"rank": chosen.rank, "centre": list(seen.centre), **half, **turn}


def export(analysis: Analysis, layer: str, what: str, sampled: Shape, filter_share: float) -> Cloud:
    """One cloud's points as they are shown: with its colours, and its predicted normals, or those from depth
    where these are the colours.
    """
    clouds = layers(analysis)
    which = list(clouds).index(layer)
    at = np.ix_(sampled.rows, sampled.columns)
    keep = sampled.shown(which, cloud.jump_limit(filter_share))
    grid = np.stack(np.broadcast_arrays(at[1], at[0]), axis=-1)
    maps, found = clouds[layer], compared(analysis, layer)
    points = cloud.lift(maps[DEPTH], analysis.prediction.camera, grid[keep])
    colours = paint(analysis, what, sampled)
    normals = np.zeros((*keep.shape, 3), np.float32)
    if what == "depth normal" and found is not None:
        normals = found.depth_normals[_working(analysis, at)]
    elif what != "depth normal" and NORMALS in maps:
        normals = maps[NORMALS][at]
    return Cloud(points, colours[min(which, len(colours) - 1)][keep], normals[keep])


def arrows(analysis: Analysis, show: str) -> str:
    """What the arrows beside those from depth are, by what is shown; empty for a truth without normals."""
    if show != TRUTH:
        return "predicted normals"
    return "" if compared(analysis, TRUTH) is None else "ground-truth normals"


def _needles(scene: Scene) -> dict[str, Any]:
    """Predicted (or true) and depth-derived normals of the chosen region, or around the probe.

    data: base64 of float16 (S, N, 9), little-endian: point in metres, predicted normal, normal from depth.
    """
    analysis = scene.analysis
    assert analysis.coherence is not None
    h, w = analysis.coherence.working_size
    if scene.chosen is not None:
        mask = scene.chosen.region.mask()
    else:
        scale = w / analysis.prediction.size[1]
        centre = ((scene.probe[0] + 0.5) * scale - 0.5, (scene.probe[1] + 0.5) * scale - 0.5)
        mask = cloud.disc((h, w), centre, _DISC * max(h, w))
    small = cloud.pick_pixels(mask, cloud.MOST_NEEDLES)
    pixels = _to_photo(small, (h, w), analysis)
    records, spacing = [], 0.0
    for layer, maps in layers(analysis).items():
        points = cloud.lift(maps[DEPTH], analysis.prediction.camera, pixels)
        found = compared(analysis, layer)
        if found is None:  # a truth of depth alone
            records.append(np.zeros((len(pixels), 9)))
            continue
        normals = maps[NORMALS][pixels[:, 1], pixels[:, 0]]
        derived = found.depth_normals[small[:, 1], small[:, 0]]
        records.append(np.nan_to_num(np.concatenate((points, normals, derived), axis=1), posinf=0, neginf=0))
        if layer in analysis.prediction.stages():
            spacing = _spacing(points, int(np.count_nonzero(mask)), analysis)
    data = np.stack(records).astype("<f2")  # (S, N, 9): millimetres at arm's length, a tenth of a degree
    length = float(np.clip(spacing, *_NEEDLE))
    return {"data": base64.b64encode(data.tobytes()).decode(), "count": len(pixels), "length": length}


def _spacing(points: np.ndarray, pixels: int, analysis: Analysis) -> float:
    """Metres between neighbouring needles (N, 3) that share a region of so many pixels of the working size."""
    if not len(points):
        return 0.0
    assert analysis.coherence is not None
    apart = np.sqrt(pixels / len(points)) * analysis.prediction.size[1] / analysis.coherence.working_size[1]
    return float(apart * np.median(points[:, 2]) / analysis.prediction.camera.fx)


def _region(scene: Scene) -> dict[str, Any] | None:
    chosen = scene.chosen
    if chosen is None:
        return None
    return {"size": list(chosen.region.size), "runs": chosen.region.runs.ravel().tolist()}


def _angle_limit(analysis: Analysis) -> float:
    assert analysis.coherence is not None
    found = [
        stage.maps.angle_deg for stage in (analysis.coherence.initial, analysis.coherence.refined) if stage
    ]
    return min(max(scale_end(angles, LEAST_ANGLE) for angles in found), colour.ANGLE_LIMIT)


def _working(analysis: Analysis, at: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Open-mesh indices into maps of the photo's size -> into those of the working size."""
    assert analysis.coherence is not None
    sizes = zip(at, analysis.coherence.working_size, analysis.prediction.size, strict=True)
    return tuple(((index + 0.5) * small / large).astype(np.intp) for index, small, large in sizes)


def _to_photo(pixels: np.ndarray, size: tuple[int, int], analysis: Analysis) -> np.ndarray:
    """Pixels (x, y) of a picture of `size` (h, w) -> those of the photo under their centres."""
    H, W = analysis.prediction.size
    return ((pixels + 0.5) * (W / size[1], H / size[0])).astype(np.intp)


def _metres(value: float) -> float:
    return float(value) if np.isfinite(value) and value > 0 else 0.0


def _vector(normal: tuple[float, float, float] | None) -> np.ndarray | None:
    return None if normal is None else np.array(normal)
