"""What `mtcp.inference.typical` compares photos with: the signals of a data set's photos."""

from __future__ import annotations

import torch
from tqdm import tqdm

from mtcp.data.sample import Samples, evenly_spread
from mtcp.errors import InputError
from mtcp.inference.sizes import to_network, usual_size
from mtcp.inference.typical import Signals, signals
from mtcp.model import MTCP


def signals_of(
    model: MTCP, data: Samples, *, limit: int | None = None, progress: bool = True
) -> list[Signals]:
    """The signals of each photo as a `Predictor` sees it. The model keeps its mode.

    limit: only so many photos, spread evenly over the data.

    Raises:
        InputError: no photos.
    """
    if not len(data):
        raise InputError("no photos: nothing to measure a typical range on")
    device, was_training = next(model.parameters()).device, model.training
    model.eval()
    try:
        return [
            of_photo(model, data[i]["image"].to(device))
            for i in tqdm(evenly_spread(len(data), limit), desc="typical", leave=False, disable=not progress)
        ]
    finally:
        model.train(was_training)


def of_photo(model: MTCP, photo: torch.Tensor) -> Signals:
    """The signals of one photo, uint8 (3, H, W), at the size that a `Predictor` would take."""
    image = to_network(photo, usual_size(model.config, (photo.shape[-2], photo.shape[-1])))
    with torch.inference_mode():
        return signals(image, model.inspect(image))
