"""Training augmentation as published (MT-CP section 4, after ASTMT and MTI-Net), with the geometry kept
exact.

A random horizontal flip, a random zoom by 1, 1.2 or 1.5 with a random crop back to the input size, and
photometric distortion.

Zoom divides depth by its factor s, as published, which says: the zoomed picture was taken by the *same*
focal length of a scene that is s times nearer. The transform that does this to every point is (X, Y, Z) ->
(X, Y, Z/s), so planes keep their equations when normals become normalise(nx, ny, s nz). The published code
leaves the normals as they are; here they follow, so that the augmented depth, normals and camera describe
one scene: plane-fit normals of the augmented depth equal the augmented normals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mtcp.data.resample import Window, resample, resample_image
from mtcp.data.sample import NOT_MAPS, Sample, image_size
from mtcp.errors import InputError
from mtcp.tasks import task_named

UNDISTORTED = "undistorted"
BRIGHTNESS = 32.0  # of 255
CONTRAST = SATURATION = (0.5, 1.5)
HUE_DEG = 36.0
WHOLE = (0.0, 0.0, 1.0, 1.0)

_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
_FROM_YIQ = np.linalg.inv(_TO_YIQ)


@dataclass(frozen=True)
class Zoom:
    """Part of an image: zoom factor and the whole-pixel box (left, top, right, bottom) that is kept."""

    factor: float
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class Augment:
    """`augment(sample, rng)` -> a sample at `size`, image still uint8; every random choice comes from `rng`.

    The sample may be a stored one, whose maps differ in size from the image (see `mtcp.data.sample`). An
    image of another shape than `size` is stretched, as it is for evaluation.

    Attributes:
        size: (height, width) of the result.
        scales: zoom factors, one drawn per sample; (1.0,) for none. The whole picture at `size` is factor 1.
        flip: mirror half of the samples.
        photometric: brightness, contrast, saturation and hue, each with probability 1/2.
        inside: left, top, right, bottom in fractions of the picture: zoomed windows stay inside wherever they fit.
        keep_undistorted: add the image as it was before those, as `UNDISTORTED`.

    Raises:
        InputError: no scale, a scale below 1 (nothing to fill the border with), an empty size.
    """

    size: tuple[int, int]
    scales: tuple[float, ...] = (1.0, 1.2, 1.5)
    flip: bool = True
    photometric: bool = True
    inside: tuple[float, float, float, float] = WHOLE
    keep_undistorted: bool = False

    def __post_init__(self) -> None:
        if not self.scales or not all(math.isfinite(s) and s >= 1 for s in self.scales):
            raise InputError(f"scales {self.scales}: give zoom factors of 1 or more")
        if len(self.size) != 2 or min(self.size) < 1:
            raise InputError(f"size {self.size}: give (height, width) in pixels")

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        zoom = draw_zoom(image_size(sample), self.scales, rng, self.inside)
        tie = (int(rng.integers(2)) * 2 - 1, int(rng.integers(2)) * 2 - 1)
        result = zoomed(sample, zoom, self.size, tie)
        if self.flip and rng.random() < 0.5:
            result = flipped(result)
        if self.keep_undistorted:
            result[UNDISTORTED] = result["image"].contiguous()
        if self.photometric:
            result["image"] = distort_colours(result["image"], rng)
        result["image"] = result["image"].contiguous()
        return result


def draw_zoom(
    size: tuple[int, int],
    scales: tuple[float, ...],
    rng: np.random.Generator,
    inside: tuple[float, float, float, float] = WHOLE,
) -> Zoom:
    """A random factor, and a box of 1/factor of an image of `size` (H, W) at a random place.

    inside: see `Augment`.
    """
    factor = float(scales[rng.integers(len(scales))])
    height, width = (max(1, round(side / factor)) for side in size)
    top = _start(size[0], height, inside[1::2], rng)
    left = _start(size[1], width, inside[::2], rng)
    return Zoom(factor, (left, top, left + width, top + height))


def _start(side: int, length: int, inside: tuple[float, ...], rng: np.random.Generator) -> int:
    """Where `length` of `side` pixels begin, at random between the two fractions, or anywhere if it does not fit."""
    low, high = math.ceil(inside[0] * side), math.floor(inside[1] * side)
    if length > high - low:
        low, high = 0, side
    return int(rng.integers(low, high - length + 1))


def zoomed(sample: Sample, zoom: Zoom, size: tuple[int, int], tie: tuple[int, int] = (1, 1)) -> Sample:
    """The box of the zoom at `size`, depth divided by its factor, normals and camera to match.

    The crop moves the camera's centre and the resizing multiplies its focal lengths; dividing them by the
    factor again (depth has taken it) leaves those of the whole picture at `size`, up to the rounding of the
    box.
    """
    H, W = image_size(sample)
    left, top, right, bottom = zoom.box
    window = Window(left / W, top / H, right / W, bottom / H, tie)
    result: Sample = {}
    for name, value in sample.items():
        if name not in NOT_MAPS:
            result[name] = task_named(name).zoomed(resample(name, value, window, size), zoom.factor)
    result["image"] = resample_image(sample["image"], size, zoom.box)
    if "camera" in sample:
        sx, sy = size[1] / (right - left), size[0] / (bottom - top)
        fx, fy, cx, cy = sample["camera"].tolist()
        focal = (fx * sx / zoom.factor, fy * sy / zoom.factor)
        result["camera"] = torch.tensor([*focal, (cx - left) * sx, (cy - top) * sy])
    return result


def flipped(sample: Sample) -> Sample:
    """The sample mirrored left to right: the normals' x is negated, the camera's cx becomes W - cx."""
    result = {
        name: task_named(name).mirrored(value.flip(-1))
        for name, value in sample.items()
        if name not in NOT_MAPS
    }
    result["image"] = sample["image"].flip(-1)
    if "camera" in sample:
        fx, fy, cx, cy = sample["camera"].tolist()
        result["camera"] = torch.tensor([fx, fy, image_size(sample)[1] - cx, cy])
    return result


def distort_colours(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Photometric distortion of a uint8 (3, H, W) image: brightness by up to 32, contrast and saturation by
    0.5 to 1.5, hue by up to 36 degrees, each with probability 1/2 (the ranges of ASTMT's successors).

    Saturation and hue are the linear ones (a scaled rotation of the YIQ chroma plane) rather than HSV's:
    the whole distortion then is one 3 x 3 matrix.
    """
    amounts = rng.random(4) < 0.5
    brightness = rng.uniform(-BRIGHTNESS, BRIGHTNESS) * amounts[0]
    contrast = rng.uniform(*CONTRAST) if amounts[1] else 1.0
    saturation = rng.uniform(*SATURATION) if amounts[2] else 1.0
    angle = math.radians(rng.uniform(-HUE_DEG, HUE_DEG)) * amounts[3]
    if not amounts.any():
        return image
    c, s = saturation * math.cos(angle), saturation * math.sin(angle)
    chroma = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    matrix = contrast * (_FROM_YIQ @ chroma @ _TO_YIQ)
    pixels = image.permute(1, 2, 0).reshape(-1, 3).float()
    mixed = pixels @ torch.from_numpy(matrix.T.astype(np.float32)).to(pixels.device)
    # 0.5 rounds to the nearest level; brightness comes before contrast, as published
    mixed += brightness * contrast + 0.5
    return mixed.clamp_(0, 255).to(torch.uint8).view(*image.shape[1:], 3).permute(2, 0, 1)
