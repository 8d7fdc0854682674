"""What a mean of metres does not see: losses of the slopes and steps of depth.

On a plane the inverse depth is affine in pixel coordinates, see `mtcp.geometry.normals`: its central differences
give the normal exactly, whatever the distance between the pixels. All losses are the same for depth times any factor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mtcp.tasks.depth import measured
from mtcp.tasks.normals import unit_l1

STEP = 0.05
"""A depth discontinuity of the truth: on either axis the inverse depth bends by more than this share of itself over
the stencil. A plane, however slanted, has 0; a step by a tenth of the depth, which the coherence report calls a depth
edge, has about 0.1. Half of NYUv2's cells have less than 0.010 over one cell and 0.022 over three (20 training frames
at 192 x 256, with the noise of their depth); 13 and 33 % are left out."""
GRAZING_DEG = 80.0
"""A predicted surface that is seen at more than this from its normal is a blurred step, which bends only at its two
ends. A floor seen from 1.4 m above it gets there 8 m away."""
GRADIENT_SCALES = (1, 2, 4, 8)


def depth_normals(depth: Tensor, camera: Tensor, apart: int) -> Tensor:
    """The normals that a depth map implies, by central differences of its inverse over `apart` cells to either side.

    Args:
        depth: (B, h, w) above 0 along z.
        camera: (B, 4), fx, fy, cx, cy in cells of that grid; cell (i, j) covers [i, i+1) x [j, j+1).
        apart: in cells, at least 1.

    Returns:
        (B, 3, h - 2 apart, w - 2 apart) unit vectors that face the camera, for the inner cells. Gradients are finite
        at every depth above 0: the vector that is normalised is never shorter than cos(angle of the ray).
    """
    inverse = 1 / depth
    centre = _inner(inverse, apart)
    left, right, above, below = _around(inverse, apart)
    fx, fy = camera[:, 0, None, None], camera[:, 1, None, None]
    a = (right - left) / (2 * apart * centre) * fx  # (B, h', w')
    b = (below - above) / (2 * apart * centre) * fy
    x, y = _axes(camera, depth.shape[-2:], apart)
    vectors = torch.stack((a, b, 1 - a * x - b * y), dim=1)
    return -vectors * vectors.square().sum(1, keepdim=True).rsqrt()


def slope_loss(
    depth: Tensor, target_normals: Tensor, target_depth: Tensor, camera: Tensor, scales: Sequence[int]
) -> Tensor:
    """Mean L1 distance between `depth_normals` of the prediction and the target normals, mean over `scales`.

    Left out: cells without a target normal, and where the truth has a `STEP` or an unknown depth in the stencil.

    Args:
        depth: (B, h, w) predicted, above 0.
        target_normals: (B, 3, h, w) unit vectors, zeros or not finite = invalid.
        target_depth: (B, h, w), 0 or not finite = invalid.
        camera: (B, 4) in cells.
        scales: numbers of cells.
    """
    terms = []
    for apart in scales:
        smooth = bend(target_depth, apart) <= STEP  # (B, h', w'), False where unknown
        target = torch.where(smooth[:, None], _inner(target_normals, apart), 0)
        terms.append(unit_l1(depth_normals(depth, camera, apart), target))
    return torch.stack(terms).mean()


def agreement_loss(
    depth: Tensor,
    normals: Tensor,
    camera: Tensor,
    scales: Sequence[int],
    target_depth: Tensor | None = None,
) -> Tensor:
    """Mean L1 distance between `depth_normals` and the predicted normals, mean over `scales`. Needs no truth.

    Left out: cells where the predicted depth has a `STEP` or is seen at more than `GRAZING_DEG`, and, where there is a
    truth, its steps: depth must not be made flat across them.

    Args:
        depth: (B, h, w) predicted, above 0.
        normals: (B, 3, h, w) predicted unit vectors; detach them where they are not to learn.
        camera: (B, 4) in cells.
        scales: numbers of cells.
        target_depth: (B, h, w), 0 or not finite = unknown; there only the prediction decides what is left out.
    """
    terms = []
    for apart in scales:
        own = depth_normals(depth, camera, apart)
        kept = _facing(own.detach(), camera, depth.shape[-2:], apart) > math.cos(math.radians(GRAZING_DEG))
        for one in (depth.detach(), target_depth):
            if one is not None:
                kept &= ~(bend(one, apart) > STEP)  # NaN, where it is unknown, is no step
        terms.append(unit_l1(own, torch.where(kept[:, None], _inner(normals, apart), 0)))
    return torch.stack(terms).mean()


def gradient_matching(depth: Tensor, target: Tensor, scales: Sequence[int] = GRADIENT_SCALES) -> Tensor:
    """Multi-scale gradients of log depth, predicted against true: per scale the mean |difference of the log difference
    R = log depth - log target between neighbours|, summed over both axes and the scales.

    Li and Snavely, "MegaDepth", CVPR 2018, equation 5, with the mean over the valid pairs of each scale as in MiDaS
    (Ranftl et al. 2020) in place of their one over all pixels. A scale of s takes every s-th cell.

    Args:
        depth: (B, h, w) predicted, above 0.
        target: (B, h, w), 0 or not finite = invalid; may be off by a factor per photo.
        scales: in cells.
    """
    valid = measured(target)
    # 1 before log(), whose gradient at what is invalid is no number whatever it is multiplied with
    off = torch.where(valid, depth, 1).log() - torch.where(valid, target, 1).log()
    total = off.new_zeros(())
    for scale in scales:
        rows, known = off[..., ::scale, ::scale], valid[..., ::scale, ::scale]
        for axis in (-2, -1):
            both = known.narrow(axis, 1, known.shape[axis] - 1) & known.narrow(axis, 0, known.shape[axis] - 1)
            change = torch.where(both, rows.diff(dim=axis), 0)
            total = total + change.abs().sum() / both.sum().clamp(min=1)
    return total


def bend(depth: Tensor, apart: int) -> Tensor:
    """How far the inverse depth is from affine over the stencil: the larger over both axes of |its second difference
    over `apart` cells| as a share of it. depth: (B, h, w) -> (B, h - 2 apart, w - 2 apart), NaN where one of the five
    depths is unknown (0 or not finite).
    """
    inverse = torch.where(measured(depth), 1 / depth.float(), math.nan)
    centre = _inner(inverse, apart)
    left, right, above, below = _around(inverse, apart)
    return torch.maximum((left + right - 2 * centre).abs(), (above + below - 2 * centre).abs()) / centre


def _inner(maps: Tensor, apart: int) -> Tensor:
    return maps[..., apart:-apart, apart:-apart]


def _around(maps: Tensor, apart: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The neighbours `apart` cells to the left of, right of, above and below the inner cells."""
    columns, rows = maps[..., apart:-apart, :], maps[..., apart:-apart]
    return (
        columns[..., : -2 * apart],
        columns[..., 2 * apart :],
        rows[..., : -2 * apart, :],
        rows[..., 2 * apart :, :],
    )


def _axes(camera: Tensor, size: Sequence[int], apart: int) -> tuple[Tensor, Tensor]:
    """Normalised coordinates of the inner cells' centres: x (B, 1, w'), y (B, h', 1)."""
    fx, fy, cx, cy = (value[:, None] for value in camera.unbind(1))
    columns = torch.arange(apart, size[1] - apart, device=camera.device) + 0.5
    rows = torch.arange(apart, size[0] - apart, device=camera.device) + 0.5
    return ((columns - cx) / fx)[:, None], ((rows - cy) / fy)[:, :, None]


def _facing(normals: Tensor, camera: Tensor, size: Sequence[int], apart: int) -> Tensor:
    """The cosine (B, h', w') between the normals of the inner cells and the direction to the camera."""
    x, y = _axes(camera, size, apart)
    along = -(normals[:, 0] * x + normals[:, 1] * y + normals[:, 2])
    return along * (x.square() + y.square() + 1).rsqrt()
