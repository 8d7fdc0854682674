"""The sample: what every data set gives and training takes.

A sample is a dict of tensors. The maps are there only for the tasks that were asked for:

==============  =================  ==========================================================================
key             type and shape     values
==============  =================  ==========================================================================
image           uint8 (3, H, W)    RGB
semseg          uint8 (H, W)       class, 255 = ignore
human_parts     uint8 (H, W)       0 background, 1..6 parts, 255 = ignore
saliency        uint8 (H, W)       0/1, 255 = ignore
edge            uint8 (H, W)       0/1, 255 = ignore
depth           float32 (H, W)     metres along z, 0 (or not finite) = invalid
relative_depth  float32 (H, W)     the same, right only up to a factor per photo
normals         float32 (3, H, W)  unit vectors, x right, y down, z forward, a wall facing the camera is
                                   (0, 0, -1); zeros (or not finite) = invalid
camera          float32 (4,)       fx, fy, cx, cy in pixels of the image; pixel (column i, row j) covers
                                   [i, i+1) x [j, j+1)
undistorted     as image           in a batch alone: the image before `Augment` changed its colours
==============  =================  ==========================================================================

`stored` samples (of `DataSet.stored` and of `mtcp.data.cache.Cached`) are the same, but a map may have
another size than the image: its pixels then divide the same field of view. `conform` brings the maps to the
image's size, and `mtcp.data.augment.Augment` takes either.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from mtcp.data.resample import Window, resample
from mtcp.errors import InputError
from mtcp.geometry.camera import Camera

Sample = dict[str, Tensor]
NOT_MAPS = ("image", "camera", "undistorted")


class Samples(Protocol):
    """Samples by index: what training and evaluation ask of a data set."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Mapping[str, Tensor]: ...


class DataSet(ABC):
    """Base of the data sets on disk. `ids` names the samples; `dataset[i]` is one sample."""

    ids: Sequence[str]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Sample:
        return conform(self.stored(index))

    @abstractmethod
    def stored(self, index: int) -> Sample:
        """One sample with every map at the size it is stored in. Raises InputError naming a bad file."""


def evenly_spread(count: int, limit: int | None = None) -> list[int]:
    """Which of `count` samples are at most `limit`, spread evenly over all from the first on; None: every one.

    Raises:
        InputError: a limit below 1.
    """
    if limit is not None and limit < 1:
        raise InputError(f"limit {limit}: give at least 1 frame")
    kept = count if limit is None else min(limit, count)
    return [i * count // kept for i in range(kept)]


def image_size(sample: Sample) -> tuple[int, int]:
    """(H, W) of the sample's image."""
    return sample["image"].shape[-2], sample["image"].shape[-1]


def conform(sample: Sample) -> Sample:
    """The sample with every map at the image's size, by nearest neighbour; geometry needs no change."""
    size = image_size(sample)
    return {
        name: value if name in NOT_MAPS else resample(name, value, Window(), size)
        for name, value in sample.items()
    }


def image_tensor(image: np.ndarray) -> Tensor:
    """uint8 (3, H, W) of a uint8 (H, W, 3) photo: a view, channels last in memory, as resizing likes it."""
    return torch.from_numpy(image).permute(2, 0, 1)


def camera_tensor(camera: Camera) -> Tensor:
    """float32 (4,) = fx, fy, cx, cy."""
    return torch.tensor([camera.fx, camera.fy, camera.cx, camera.cy], dtype=torch.float32)
