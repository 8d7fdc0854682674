"""Planar segments of a room: which there are, the plane through each, and what the normals say of it.

After iBims-1's planarity measures (Koch, Liebel, Fraundorfer, Koerner, "Evaluation of CNN-based
Single-Image Depth Estimation Methods", 2018): PE_plan, the distance of the points to their own plane, and
PE_ori, an angle between orientations. Here nothing is annotated: segments are the predicted ones, and the
orientation compared is the mean predicted normal.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np

from mtcp.geometry.camera import Camera
from mtcp.geometry.normals import angle_deg
from mtcp.geometry.regions import Part, Region, components, inside
from mtcp.geometry.report import Planarity, PlaneSegment, Vector

ONE_PLANE = ("floor", "ceiling", "door", "picture", "whiteboard", "floor mat", "blinds")
"""Classes of which a connected segment is one plane."""
SEVERAL_PLANES = ("wall", "table", "counter", "desk", "cabinet", "dresser")
"""Classes of which one connected segment shows several planes (two walls meeting in a corner, a table's top
and its side): cut where the predicted normals turn, before planes are fitted.
"""

_FACET_DEG = 45.0  # normals this near a facet's own belong to it: walls at a right angle part in the middle
_MOST_FACETS = 6
_SAMPLE = 2000
# A facet's direction: the one that most normals are this near to, then the mean of those this near, so many times.
_VOTES_COSINE, _SHIFT_COSINE, _SHIFTS = math.cos(math.radians(25.0)), math.cos(math.radians(30.0)), 5


def planarity(
    semseg: np.ndarray,
    normals: np.ndarray,
    depth: np.ndarray,
    camera: Camera,
    classes: Sequence[str],
    photo_size: tuple[int, int],
    min_share: float = 0.01,
) -> Planarity:
    """Planes of all planar segments over `min_share` of the picture.

    Args:
        semseg: uint8 (h, w), index into `classes`, 255 for no class.
        normals: (h, w, 3) unit vectors, zeros where invalid.
        depth: (h, w) metres, 0 where invalid.
        camera: of these maps.
        photo_size: (H, W) of the photo whose pixels `PlaneSegment.pixel` counts.
    """
    from mtcp.geometry import kernels

    least = max(3, int(np.ceil(min_share * semseg.size)))
    x, y = camera.axes()
    found = []
    for label, part, box in planar_parts(semseg, normals, classes, least):
        count, centre, covariance = kernels.plane_moments(depth[box], part, x[box[1]], y[box[0]])
        if count >= least / 2:
            plane = fit_plane(centre, covariance)
            segment = _segment(label, part, box, plane, normals[box], semseg.shape, photo_size)
            if segment is not None:
                found.append(segment)
    if not found:
        return Planarity((), None, None, f"no planar segment over {min_share:.0%} of the picture")
    found.sort(key=lambda s: -s.share_pct)
    area = [s.share_pct for s in found]
    rms, angle = (
        float(np.average([getattr(s, k) for s in found], weights=area)) for k in ("rms_cm", "angle_deg")
    )
    return Planarity(tuple(found), rms, angle)


def planar_parts(
    semseg: np.ndarray, normals: np.ndarray, classes: Sequence[str], least: int
) -> list[tuple[str, np.ndarray, tuple[slice, slice]]]:
    """(class name, mask in its box, box) of each planar piece with at least `least` pixels."""
    parts = []
    for index, label in enumerate(classes):
        if label not in ONE_PLANE and label not in SEVERAL_PLANES:
            continue
        for mask, box in components(semseg == index, least):
            pieces = [(mask, box)] if label in ONE_PLANE else facets(mask, box, normals[box], least)
            parts += [(label, *piece) for piece in pieces]
    return parts


def fit_plane(centre: np.ndarray, covariance: np.ndarray) -> tuple[Vector, float]:
    """Total least squares plane through points with that mean and covariance: normal to the camera, RMS distance."""
    values, vectors = np.linalg.eigh(covariance)
    normal = vectors[:, 0] * (-1.0 if vectors[:, 0] @ centre > 0 else 1.0)
    return _vector(normal), float(np.sqrt(max(values[0], 0.0)))


def mean_normal(normals: np.ndarray, part: np.ndarray) -> Vector | None:
    """Direction of the sum of the unit vectors (h, w, 3) in a mask (h, w); None where they cancel or none is known."""
    from mtcp.geometry import kernels

    total = kernels.sum_vectors(normals, part)
    length = math.hypot(*total)
    return _vector(total / length) if length > 1e-6 else None


def facets(
    mask: np.ndarray,
    box: tuple[slice, slice],
    normals: np.ndarray,
    least: int,
    within_deg: float = _FACET_DEG,
) -> list[Part]:
    """Parts the mask by the direction of its normals: the most frequent direction first, then of the rest.

    Args:
        mask, box: a mask in its box.
        normals: (h, w, 3) unit vectors of the box, zeros where unknown.
        least: pixels of a part, at least.
        within_deg: normals at most this far from a direction are of it.
    """
    from mtcp.geometry import kernels, region_kernels

    rest = mask & kernels.known_vectors(normals)
    found: list[Part] = []
    for _ in range(_MOST_FACETS):
        count = np.count_nonzero(rest)
        if count < least:
            break
        sample = region_kernels.sampled(normals, rest, max(1, count // _SAMPLE))
        direction = region_kernels.main_direction(sample, _sphere(256), _VOTES_COSINE, _SHIFT_COSINE, _SHIFTS)
        facet = region_kernels.within(normals, rest, direction, math.cos(math.radians(within_deg)))
        if not facet.any():
            break
        found += [(part, inside(inner, box)) for part, inner in components(facet, least)]
        rest = rest & ~facet
    return found


def _vector(v: np.ndarray) -> Vector:
    return float(v[0]), float(v[1]), float(v[2])


def _segment(
    label: str,
    part: np.ndarray,
    box: tuple[slice, slice],
    plane: tuple[Vector, float],
    normals: np.ndarray,
    size: tuple[int, int],
    photo_size: tuple[int, int],
) -> PlaneSegment | None:
    predicted = mean_normal(normals, part)
    if predicted is None:
        return None
    normal, rms = plane
    region = Region.of(part, box, size)
    angle = float(angle_deg(np.array(normal), np.array(predicted)))
    share = 100.0 * region.count / (size[0] * size[1])
    return PlaneSegment(
        label, share, 100.0 * rms, angle, normal, predicted, region.scaled_pixel(photo_size), region
    )


@functools.cache
def _sphere(count: int) -> np.ndarray:
    """`count` directions spread evenly over the sphere (Fibonacci lattice), (count, 3)."""
    k = np.arange(count) + 0.5
    polar, turn = np.arccos(1.0 - 2.0 * k / count), np.pi * (1.0 + 5.0**0.5) * k
    return np.stack((np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)), axis=-1)
