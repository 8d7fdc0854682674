"""What `mtcp.inference.typical` compares photos with: the class information of a data set's photos."""

from __future__ import annotations

import math

import torch
from tqdm import tqdm

from mtcp.data.sample import Samples, evenly_spread
from mtcp.errors import InputError
from mtcp.inference.sizes import config_size, network_size, to_network
from mtcp.inference.typical import class_information
from mtcp.model import MTCP
from mtcp.tasks import SEMSEG


def class_informations(
    model: MTCP, data: Samples, *, limit: int | None = None, progress: bool = True
) -> list[float]:
    """`class_information` of each photo as a `Predictor` sees it, nats. The model keeps its mode.

    limit: only so many photos, spread evenly over the data.

    Raises:
        InputError: a network without semantic segmentation, or no photos.
    """
    if SEMSEG not in model.config.tasks:
        raise InputError(f"the network predicts {', '.join(model.config.tasks)}, and no classes to measure")
    if not len(data):
        raise InputError("no photos: nothing to measure a typical range on")
    device, was_training = next(model.parameters()).device, model.training
    model.eval()
    try:
        return [
            information(model, data[i]["image"].to(device))
            for i in tqdm(evenly_spread(len(data), limit), desc="typical", leave=False, disable=not progress)
        ]
    finally:
        model.train(was_training)


def information(model: MTCP, image: torch.Tensor) -> float:
    """`class_information` of one photo, uint8 (3, H, W), at the size that a `Predictor` would take."""
    size = network_size((image.shape[-2], image.shape[-1]), math.prod(config_size(model.config)))
    with torch.inference_mode():
        return class_information(model.inspect(to_network(image, size)).last[SEMSEG])
