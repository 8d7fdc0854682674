"""AffineMix and ColorAug (Bansal et al., "Semantics-Depth-Symbiosis", arXiv:2206.10562) as we read its abstract:
photos that a teacher has answered for are changed by its answers. docs/systems.md says what is certain.

Answers are maps on cells of `CELL` x `CELL` pixels. What is pasted is decided by the cell, so that a photo and its
answers never disagree about it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mtcp.data.augment import distort_colours
from mtcp.tasks import DEPTH, IGNORE, SEMSEG, Task

CELL = 4
"""Pixels of a photo on a side of what a teacher answers for."""


@dataclass(frozen=True)
class Answered:
    """A photo with a teacher's answers.

    image: uint8 (3, H, W). answers: by task ([3,] h, w), h = ceil(H / CELL), as targets (see `mtcp.data.sample`).
    camera: (fx, fy, cx, cy) in pixels; None: that of the other photo, in the middle of the picture.
    """

    image: Tensor
    answers: Mapping[str, Tensor]
    camera: tuple[float, float, float, float] | None = None


def affine_mix(
    photo: Answered, other: Answered, tasks: Sequence[Task], classes: Tensor, scale: float
) -> Answered:
    """`photo` with those parts of `classes` in `other` pasted in that are in front of what is there.

    All points of `other` are moved from (X, Y, Z) to (X, Y, Z / scale) before they are photographed by the camera of
    `photo`. So they grow by `scale` about the principal point, depth is divided by it, and normals follow
    (`Task.zoomed`, as in `mtcp.data.augment`). A cell is pasted where the class is one of `classes` and the moved depth
    is less than that of `photo`, both known. It then has all answers of `other`, unknown ones too.

    tasks: of the answers, semseg and depth among them. classes: (K,), as in semseg. scale: above 0.
    """
    height, width = photo.image.shape[-2:]
    grow, shift = _moves(photo, other, scale)
    places = [torch.arange(n, device=photo.image.device) for n in photo.answers[DEPTH].shape[-2:]]
    rows, columns = (
        torch.floor((((at + 0.5) * CELL - to) / by) / CELL).long()
        for at, to, by in zip(places, shift, grow, strict=True)
    )
    h, w = other.answers[DEPTH].shape[-2:]
    inside = ((rows >= 0) & (rows < h))[:, None] & ((columns >= 0) & (columns < w))  # (h, w)
    rows, columns = rows.clamp(0, h - 1)[:, None], columns.clamp(0, w - 1)
    moved = {task.name: task.zoomed(other.answers[task.name][..., rows, columns], scale) for task in tasks}
    known = {task.name: task for task in tasks}[DEPTH].valid
    paste = (
        inside
        & torch.isin(moved[SEMSEG], classes)
        & known(moved[DEPTH])
        & known(photo.answers[DEPTH])
        & (moved[DEPTH] < photo.answers[DEPTH])
    )
    answers = {name: torch.where(paste, value, photo.answers[name]) for name, value in moved.items()}
    image = torch.where(
        _on_pixels(paste, photo.image), _sampled(other.image, (height, width), grow, shift), photo.image
    )
    return replace(photo, image=image, answers=answers)


def _moves(photo: Answered, other: Answered, scale: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Row and column of `photo` are these factors times those of `other`, plus these pixels."""
    (fx, fy, cx, cy), (gx, gy, dx, dy) = (
        one.camera or (1.0, 1.0, one.image.shape[-1] / 2, one.image.shape[-2] / 2) for one in (photo, other)
    )
    grow = (scale * fy / gy, scale * fx / gx)
    return grow, (cy - grow[0] * dy, cx - grow[1] * dx)


def _sampled(
    image: Tensor, size: tuple[int, int], grow: tuple[float, ...], shift: tuple[float, ...]
) -> Tensor:
    """The image as `_moves` says, at `size`, uint8, by bilinear interpolation."""
    y, x = (
        2 * ((torch.arange(n, device=image.device) + 0.5 - to) / by) / side - 1
        for n, to, by, side in zip(size, shift, grow, image.shape[-2:], strict=True)
    )
    at = torch.stack((x.expand(size), y[:, None].expand(size)), -1)[None]  # (1, H, W, 2)
    sampled = F.grid_sample(image[None].float(), at, padding_mode="border", align_corners=False)
    return sampled[0].add(0.5).clamp(0, 255).to(torch.uint8)


def _on_pixels(cells: Tensor, image: Tensor) -> Tensor:
    """A map of cells (h, w) at the size of an image (3, H, W)."""
    height, width = image.shape[-2:]
    return cells.repeat_interleave(CELL, 0).repeat_interleave(CELL, 1)[:height, :width]


def half_of_classes(labels: Tensor, rng: np.random.Generator) -> Tensor:
    """Half of the classes in the labels (h, w), rounded up, at random: as in ClassMix (Olsson et al., WACV 2021)."""
    there = labels[labels != IGNORE].unique()
    chosen = rng.permutation(len(there))[: (len(there) + 1) // 2]
    return there[torch.from_numpy(np.sort(chosen)).to(there.device)]


def draw_scale(largest: float, rng: np.random.Generator) -> float:
    """A factor between 1 / largest and largest, evenly in its logarithm."""
    return math.exp(rng.uniform(-1, 1) * math.log(largest))


def color_aug(image: Tensor, labels: Tensor, rng: np.random.Generator) -> Tensor:
    """The image uint8 (3, H, W) with, for every second class at random, a distortion of that class's colours.

    The distortions are those of `distort_colours`, one for all of a class: what a thing is and how far it is does not
    depend on its colour. Pixels without a class stay as they are. labels: (h, w) in cells, as in `Answered`.
    """
    pixels = _on_pixels(labels, image)
    result = image.clone()
    for label in labels[labels != IGNORE].unique().tolist():
        if rng.random() < 0.5:
            region = pixels == label
            result[:, region] = distort_colours(image[:, region][:, None], rng)[:, 0]
    return result
