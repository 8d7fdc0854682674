"""Maps derived from other maps: semantic boundaries, smaller depth, normals from depth."""

from __future__ import annotations

import numpy as np

from mtcp.geometry.camera import Camera
from mtcp.geometry.normals import REFERENCE_WIDTH, plane_fit_normals
from mtcp.tasks import IGNORE

SEAM = 6  # px: unlabelled seams between objects are this thin; farther in, nobody knows where the border is


def semantic_edges(labels: np.ndarray, unlabelled: int = 0) -> np.ndarray:
    """Semantic-boundary edges of a label map.

    Unlabelled pixels first take the label of the nearest labelled one, because annotators leave thin seams
    between objects; then a pixel is an edge where its label differs from its right or lower neighbour's.

    Args:
        labels: integer (H, W).
        unlabelled: the value that means "no label".

    Returns:
        uint8 (H, W): 1 edge, 0 none, 255 (ignore) further than `SEAM` pixels from any label.
    """
    from scipy.ndimage import distance_transform_edt

    missing = labels == unlabelled
    if missing.all():
        return np.full(labels.shape, IGNORE, np.uint8)
    filled, far = labels, np.zeros(labels.shape, bool)
    if missing.any():
        distance, (rows, columns) = distance_transform_edt(missing, return_indices=True)
        filled = labels[rows, columns]
        far = distance > SEAM
    edges = np.zeros(labels.shape, np.uint8)
    edges[:, :-1] |= filled[:, :-1] != filled[:, 1:]
    edges[:-1, :] |= filled[:-1, :] != filled[1:, :]
    edges[far] = IGNORE
    return edges


def shrink_depth(depth: np.ndarray, factor: int, smooth: float = 0.02) -> np.ndarray:
    """Depth at 1/`factor` of the size without inventing surfaces between foreground and background.

    A block whose values lie within `smooth` (relative) of each other becomes its mean, any other block one of
    its own values (the middle one in order of depth). Invalid (0) pixels are left out.

    Args:
        depth: float32 (H, W) metres, 0 = invalid; H and W multiples of `factor` (a remainder is cut off).

    Returns:
        float32 (H // factor, W // factor).
    """
    h, w = depth.shape[0] // factor, depth.shape[1] // factor
    blocks = depth[: h * factor, : w * factor].reshape(h, factor, w, factor).swapaxes(1, 2).reshape(h, w, -1)
    ordered = np.sort(blocks, axis=-1)  # invalid zeros first
    valid = ordered > 0
    count = valid.sum(-1)
    first = ordered.shape[-1] - count
    middle = np.minimum(first + count // 2, ordered.shape[-1] - 1)
    sample = np.take_along_axis(ordered, middle[..., None], -1)[..., 0]
    lowest = np.take_along_axis(ordered, np.minimum(first, ordered.shape[-1] - 1)[..., None], -1)[..., 0]
    mean = ordered.sum(-1) / np.maximum(count, 1)
    flat = ordered[..., -1] - lowest <= smooth * mean
    return np.where(count == 0, 0, np.where(flat, mean, sample)).astype(np.float32)


def derive_normals(depth: np.ndarray, camera: Camera) -> np.ndarray:
    """Plane-fit normals of a depth map at about 320 px width, where the method's window is defined.

    Args:
        depth: float32 (h, w) metres, 0 = invalid.
        camera: of the photo; it is resized to the depth map used.

    Returns:
        float32 (h', w', 3) unit vectors (x right, y down, z forward), zeros = invalid.
    """
    factor = max(1, round(depth.shape[1] / REFERENCE_WIDTH))
    if factor > 1:
        depth = shrink_depth(depth, factor)
    height, width = depth.shape
    return plane_fit_normals(depth, camera.resize(width, height))
