"""A network against the ground truth of a data set: every task's metrics, initial and refined."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset
from tqdm import tqdm

from mtcp.data.sample import Samples, evenly_spread
from mtcp.errors import InputError
from mtcp.evaluation.metrics import TaskMetric
from mtcp.geometry.quantities import STAGES
from mtcp.inference.sizes import check_size, config_size, to_network
from mtcp.model import MTCP
from mtcp.tasks import Task

if TYPE_CHECKING:
    from mtcp.evaluation.coherence_means import CoherenceMeans

log = logging.getLogger(__name__)

Numbers = dict[str, dict[str, dict[str, float]]]


def evaluate(
    model: MTCP,
    dataset: Samples,
    *,
    size: tuple[int, int] | None = None,
    device: torch.device | str | None = None,
    flip: bool = False,
    bf16: bool = False,
    limit: int | None = None,
    coherence: bool = False,
    workers: int = 0,
    progress: bool = True,
) -> Numbers:
    """Metrics of `model` on `dataset`, as {"initial": {task: {metric: number}}, "refined": ...}.

    Each photo is resized to `size`, and the network's output is finished at the full size of the labels, so
    numbers of different network sizes compare. Without a refinement there is no "refined". The model keeps
    its mode.

    Args:
        size: (height, width) that the network sees; None takes the configuration's.
        device: where to run; None leaves the model where it is.
        flip: average with the mirrored photo's prediction (twice the time).
        bf16: autocast the network.
        limit: only so many frames, spread evenly over the data set.
        coherence: also measure without ground truth whether the maps agree: "coherence" beside the tasks,
            means over the frames.
        workers: processes that read samples.

    Raises:
        InputError: an empty data set, a sample without a task's labels, labels out of range, a small size.
    """
    size = check_size(size or config_size(model.config))
    device = torch.device(device) if device is not None else next(model.parameters()).device
    metrics: dict[str, Any] = {
        stage: torch.nn.ModuleDict({task.name: task.new_metric() for task in model.tasks}).to(device)
        for stage in model.config.stages
    }
    agreement = _coherence_means(model.tasks, metrics) if coherence else {}
    was_training = model.training
    model.to(device).eval()
    try:
        with torch.inference_mode():
            for sample in tqdm(
                _loader(dataset, limit, workers), desc="evaluate", leave=False, disable=not progress
            ):
                predicted = predict_sample(model, sample["image"].to(device), size, flip=flip, bf16=bf16)
                _update(metrics, predicted, sample, model.tasks)
                for stage, means in agreement.items():
                    means.update(predicted[stage], sample["camera"])
    finally:
        model.train(was_training)
    numbers = {
        stage: {name: metric.compute() for name, metric in of.items()} for stage, of in metrics.items()
    }
    _warn_of_missing(metrics)
    for stage, means in agreement.items():
        numbers[stage]["coherence"] = means.compute()
    return numbers


def _warn_of_missing(metrics: Mapping[str, Any]) -> None:
    for stage, of_stage in metrics.items():
        for name, metric in of_stage.items():
            if missing := metric.missing_pixels():
                log.warning(
                    "%s %s: %d pixels of the prediction are no numbers; its numbers leave them out",
                    stage,
                    name,
                    missing,
                )


def predict_sample(
    model: MTCP, image: Tensor, size: tuple[int, int], *, flip: bool = False, bf16: bool = False
) -> dict[str, dict[str, Tensor]]:
    """One photo's final maps at its own size, (1, C_t, H, W), by stage and task. image: uint8 (3, H, W)."""
    x = to_network(image, size)
    full = (image.shape[-2], image.shape[-1])
    maps = _finished(model, x, full, bf16)
    if flip:
        mirrored = _finished(model, x.flip(-1), full, bf16)
        for stage, of_stage in maps.items():
            for task in model.tasks:
                other = mirrored[stage][task.name].flip(-1)
                of_stage[task.name] = task.mean_of_flips(of_stage[task.name], other)
    return maps


def _finished(model: MTCP, x: Tensor, full: tuple[int, int], bf16: bool) -> dict[str, dict[str, Tensor]]:
    with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=bf16):
        decoded = model.inspect(x)
    seen = (x.shape[-2], x.shape[-1])
    return {
        stage: {name: model.finish(name, raw.float(), full, seen) for name, raw in raws.items()}
        for stage, raws in zip(STAGES, (decoded.initial, decoded.refined), strict=True)
        if raws
    }


def _update(
    metrics: Mapping[str, Any],
    predicted: Mapping[str, Mapping[str, Tensor]],
    sample: Mapping[str, Tensor],
    tasks: Iterable[Task],
) -> None:
    for task in tasks:
        if task.name not in sample:
            raise InputError(f"the data set has no {task.name}, which this network predicts")
        for stage, maps in predicted.items():
            metric: TaskMetric = metrics[stage][task.name]
            metric.update(maps[task.name], sample[task.name][None].to(maps[task.name].device))


def _coherence_means(tasks: Sequence[Task], stages: Iterable[str]) -> dict[str, CoherenceMeans]:
    from mtcp.evaluation.coherence_means import CoherenceMeans

    return {stage: CoherenceMeans(tasks) for stage in stages}


def _loader(dataset: Samples, limit: int | None, workers: int) -> DataLoader[Any]:
    if not len(dataset):
        raise InputError("the data set is empty: nothing to evaluate")
    chosen: Any = Subset(dataset, evenly_spread(len(dataset), limit))  # type: ignore[arg-type]
    return DataLoader(chosen, batch_size=None, num_workers=workers)
