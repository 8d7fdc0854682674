"""Samples kept in memory: reading and decoding happens once, not once an epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from tqdm import tqdm

from mtcp.data.resample import Window, resample, resample_image
from mtcp.data.sample import NOT_MAPS, Sample, image_size
from mtcp.errors import InputError
from mtcp.tasks import task_named


class Cached:
    """A data set held in memory, for training at one size.

    Images and maps are kept at their own stored size, but at most `times` `size`: twice, so that a zoom
    still finds detail. Samples are *stored* ones: a map may be smaller than the image, which
    `mtcp.data.augment.Augment` expects. Normals are kept in half precision (0.03 degrees), everything else
    as it is. NYUv2's 795 training frames take 1.6 GB.

    Worker processes that are forked share the memory.

    Args:
        dataset: samples by index (see `mtcp.data.sample`), read at once.
        size: (height, width) that training runs at.
        progress: shows a bar.
        times: see above.
        each: called after each sample that is read.

    Raises:
        InputError: an empty size, or what reading a sample raises.
    """

    def __init__(
        self,
        dataset: Any,
        size: tuple[int, int],
        progress: bool = True,
        times: int = 2,
        each: Callable[[], object] = lambda: None,
    ) -> None:
        if len(size) != 2 or min(size) < 1:
            raise InputError(f"size {size}: give (height, width) in pixels")
        count = len(dataset)
        self.ids = list(getattr(dataset, "ids", None) or map(str, range(count)))
        self.size = size
        read = getattr(dataset, "stored", dataset.__getitem__)
        limit = (times * size[0], times * size[1])
        self._samples: list[Sample] = []
        for i in tqdm(range(count), desc="read", unit="sample", leave=False, disable=not progress):
            self._samples.append(_packed(shrunk(read(i), limit)))
            each()

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> Sample:
        return {
            name: value.float() if value.dtype == torch.float16 else value
            for name, value in self._samples[index].items()
        }

    @property
    def bytes(self) -> int:
        """Memory that the samples take."""
        return sum(value.nbytes for sample in self._samples for value in sample.values())


def shrunk(sample: Sample, limit: tuple[int, int]) -> Sample:
    """The stored sample with nothing larger than `limit` (H, W); the camera follows the image."""
    H, W = image_size(sample)
    result: Sample = {}
    for name, value in sample.items():
        if name == "camera":
            result[name] = value * torch.tensor([min(1, limit[1] / W), min(1, limit[0] / H)] * 2)
            continue
        size = (min(value.shape[-2], limit[0]), min(value.shape[-1], limit[1]))
        result[name] = (
            resample_image(value, size) if name == "image" else resample(name, value, Window(), size)
        )
    return result


def _packed(sample: Sample) -> Sample:
    """Own memory for every tensor, channels last for the image, fewer bytes for maps that bear it."""
    packed = {
        name: task_named(name).packed(value.clone()) for name, value in sample.items() if name not in NOT_MAPS
    }
    packed["image"] = sample["image"].permute(1, 2, 0).contiguous().permute(2, 0, 1)
    if "camera" in sample:
        packed["camera"] = sample["camera"]
    return packed
