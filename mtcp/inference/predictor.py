"""The one door for photos: an image in, a `Prediction` out."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mtcp.checkpoint.store import DEFAULT_CHECKPOINT, load_checkpoint
from mtcp.errors import InputError
from mtcp.geometry.camera import Camera
from mtcp.inference.folding import folded
from mtcp.inference.prediction import STRIDE, Prediction
from mtcp.inference.sizes import (
    check_size,
    is_memory_short,
    pick_device,
    smaller_size,
    to_network,
    usual_size,
)
from mtcp.inference.typical import Typical, signals
from mtcp.io.photo import check_photo, open_photo, shrink
from mtcp.io.photo_facts import PhotoFacts, wide_note
from mtcp.model import MTCP, Decoded
from mtcp.model.trace import first_of
from mtcp.tasks import SEMSEG

__all__ = ["Prediction", "Predictor", "finish"]

log = logging.getLogger(__name__)
STRIP_VALUES = 2_000_000  # values of a map that are upsampled at once: 8 MB


class Predictor:
    """A checkpoint, ready for photos. Calls may come from several threads at once."""

    def __init__(
        self,
        checkpoint: str | os.PathLike[str] | MTCP = DEFAULT_CHECKPOINT,
        device: str | torch.device = "auto",
        network_size: tuple[int, int] | None = None,
        longest_side: int | None = None,
    ) -> None:
        """checkpoint: a path, or a network in memory (it is moved to `device` and set to evaluation; what is learned
        afterwards is not seen).

        device: "auto" takes CUDA where there is one; network_size: (h, w) for every photo; None keeps each
        photo's shape at about as many pixels as the configuration has. longest_side: photos that are longer are
        worked at this (`mtcp.io.photo.shrink`), maps and camera too; None: every photo at its own size.

        Raises:
            InputError: what `load_checkpoint` refuses, an unknown device, a size under 32.
        """
        self.device = pick_device(device)
        if network_size is not None:
            check_size(network_size)
        self.network_size = network_size
        self.longest_side = longest_side
        self.card: dict[str, Any] = {}
        self.typical: Typical | None = None
        if isinstance(checkpoint, MTCP):
            self.name = "network in memory"
            self.model = checkpoint.to(self.device).eval()
        else:
            self.name = Path(checkpoint).name
            self.model, self.card = load_checkpoint(checkpoint, self.device)
            self.typical = Typical.from_card(self.card, self.name)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.folded = folded(self.model)

    def __call__(
        self,
        photo: np.ndarray | str | os.PathLike[str],
        fov_deg: float | None = None,
        *,
        facts: PhotoFacts | None = None,
    ) -> Prediction:
        """Predicts one photo.

        Args:
            photo: RGB uint8 (H, W, 3), upright, or a file (see `mtcp.io.photo.open_photo`).
            fov_deg: horizontal field of view; without it EXIF decides, without that 60 degrees are assumed.
            facts: what `open_photo` said of the file, for an array that was read from one.

        Raises:
            InputError: an unreadable photo, a field of view outside 1 to 179 degrees, a network whose output is
                no number or nonsense, or too little memory for a small network size or for the photo's maps.

        Where memory is short for the network's size, a smaller one is taken: `Prediction.reduced_from` and
        `Prediction.note` say so.
        """
        if isinstance(photo, (str, os.PathLike)):
            photo, file_facts = open_photo(photo)
            facts = facts or file_facts
        check_photo(photo)
        own = (photo.shape[0], photo.shape[1])
        if self.longest_side is not None:
            photo = shrink(photo, self.longest_side)
        size = (photo.shape[0], photo.shape[1])
        facts = facts or PhotoFacts(geometry_note=wide_note(size[1], size[0]))
        camera, camera_from = _camera(size, fov_deg, facts.focal35_mm)
        usual = usual_size(self.model.config, size)
        asked = self.network_size or usual
        start = time.perf_counter()
        with torch.inference_mode():
            image = torch.from_numpy(photo.copy()).to(self.device).permute(2, 0, 1)
            seen, picture, decoded = self._inspect(image, asked)
            self._check(decoded)
            try:
                maps = {
                    stage: {name: finish(self.model, name, raw, size, seen) for name, raw in raws.items()}
                    for stage, raws in (("initial", decoded.initial), ("refined", decoded.refined))
                }
                if seen != usual:  # the card's range is of photos of their usual size
                    picture = to_network(image, usual)
                inside = _inside(self.model, decoded) | self._typicality(picture, decoded)
            except (MemoryError, RuntimeError) as error:
                if not is_memory_short(error):
                    raise
                raise InputError(
                    f"not enough memory for the maps of a photo of {size[0]}x{size[1]}: give a smaller copy"
                ) from error
        return Prediction(
            tasks=tuple(task.name for task in self.model.tasks),
            task_set=self.model.config.task_set,
            size=size,
            network_size=seen,
            grid=decoded.grid,
            seconds=time.perf_counter() - start,
            device=str(self.device),
            checkpoint=self.name,
            camera=camera,
            camera_from=camera_from,
            reduced_from=None if seen == asked else asked,
            shrunk_from=None if size == own else own,
            facts=facts,
            initial=maps["initial"],
            refined=maps["refined"],
            refinement=self.model.config.refinement,
            **inside,
        )

    def _inspect(self, image: Tensor, asked: tuple[int, int]) -> tuple[tuple[int, int], Tensor, Decoded]:
        """The network on `image` (3, H, W) at `asked`, or at the first smaller size that memory is enough for: that
        size, what the network saw, and what it made of it.

        Raises:
            InputError: it is not enough for any.
        """
        size = asked
        while True:
            try:
                picture = to_network(image, size)
                return size, picture, self.folded.inspect(picture)
            except Exception as error:
                if not is_memory_short(error):
                    raise
                log.warning("not enough memory for a network size of %dx%d", *size)
            # Out here the error is gone, and with its traceback all that the failed try had made.
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            smaller = smaller_size(size)
            if smaller is None:
                raise InputError(
                    f"not enough memory on {self.device} even for a network size of {size[0]}x{size[1]}: "
                    "end other programs, or take another device or a smaller photo"
                )
            size = smaller

    def _typicality(self, picture: Tensor, decoded: Decoded) -> dict[str, Any]:
        """The fields of a `Prediction` that tell whether the photo is like those of training. picture: the photo at its
        usual size, (1, 3, h, w) in 0..1.
        """
        found = signals(picture, decoded)
        return {
            "information": found.get("information"),
            "unlike": self.typical.unlike(found) if self.typical else "",
        }

    def _check(self, decoded: Decoded) -> None:
        for stage, raws in (("initial", decoded.initial), ("refined", decoded.refined)):
            for task in self.model.tasks:
                if task.name in raws and (fault := task.fault(raws[task.name])):
                    what = f"its {stage} {task.name} of this photo is {fault}"
                    raise InputError(f"{self.name}: {what}; use another checkpoint")


def finish(
    model: MTCP, task: str, raw: Tensor, size: tuple[int, int], seen: tuple[int, int] | None = None
) -> np.ndarray:
    """Raw head output (1, C, h, w) -> the map of a `Prediction` at `size`, strip by strip: no (C, H, W)
    ever exists.

    seen: the network's (h, w), as in `MTCP.finish`, with which this agrees.
    """
    of = next(one for one in model.tasks if one.name == task)
    result = of.empty_map(size)
    top = 0
    for strip in _strips(raw.float(), size, seen):
        rows = of.map_of(of.activate(strip)[0])
        result[top : top + strip.shape[2]] = rows.cpu().numpy()
        top += strip.shape[2]
    return result


def _strips(raw: Tensor, size: tuple[int, int], seen: tuple[int, int] | None) -> Iterator[Tensor]:
    """The rows of `mtcp.model.upsample(raw, size, seen)`, a few at a time: (1, C, rows, W)."""
    h, w = raw.shape[-2:]
    H, W = size
    seen = seen or (STRIDE * h, STRIDE * w)
    covered = round(STRIDE * h * H / seen[0]), round(STRIDE * w * W / seen[1])
    wide = F.interpolate(raw, size=(h, covered[1]), mode="bilinear", align_corners=False)[..., :W]
    at = ((torch.arange(H, device=raw.device) + 0.5) * (h / covered[0]) - 0.5).clamp_(0, h - 1)
    above = at.long()
    below = (above + 1).clamp_(max=h - 1)
    weight = (at - above).view(-1, 1)
    rows = max(1, STRIP_VALUES // (raw.shape[1] * W))
    for top in range(0, H, rows):
        part = slice(top, top + rows)
        strip = wide.index_select(2, above[part])
        yield strip.lerp_(wide.index_select(2, below[part]), weight[part])


def _camera(size: tuple[int, int], fov_deg: float | None, focal35: float | None) -> tuple[Camera, str]:
    H, W = size
    if fov_deg is not None:
        return Camera.from_fov(W, H, fov_deg), "given"
    if focal35 is not None:
        return Camera.from_focal35(W, H, focal35), "exif"
    return Camera.from_fov(W, H), "assumed"


def _inside(model: MTCP, decoded: Decoded) -> dict[str, Any]:
    """The fields of a `Prediction` that look inside the network."""
    semseg = {
        stage: raws[SEMSEG].float().softmax(1)
        for stage, raws in (("initial", decoded.initial), ("refined", decoded.refined))
        if SEMSEG in raws
    }
    return {
        "intermediate": {
            name: tuple(finish(model, name, raw, (raw.shape[-2], raw.shape[-1])) for raw in raws)
            for name, raws in decoded.intermediate.items()
        },
        "probability": {stage: first_of(p, np.float16) for stage, p in semseg.items()},
        "masks": None if decoded.masks is None else first_of(decoded.masks.clamp(-6e4, 6e4), np.float16),
        "gate": None if decoded.gate is None else first_of(decoded.gate, np.float32)[0],
        "traces": tuple(trace.numpy() for trace in decoded.traces),
    }
