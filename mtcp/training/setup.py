"""From two configurations to a `Trainer`: the one place that knows all parts of a run."""

from __future__ import annotations

import copy
import random
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from mtcp.checkpoint.store import save_checkpoint
from mtcp.config import ModelConfig, TrainConfig
from mtcp.data import open_data
from mtcp.data.augment import WHOLE, Augment
from mtcp.data.cache import Cached
from mtcp.data.crop import INSIDE_FRAME, Cropped, require_nyuv2
from mtcp.data.nyud_layout import WITHOUT_FRAME
from mtcp.data.sample import Samples
from mtcp.errors import InputError
from mtcp.evaluation.evaluate import evaluate
from mtcp.model import MTCP
from mtcp.objective.balancing import make_balancer
from mtcp.objective.losses import class_weights
from mtcp.run_config import check_gradients, check_together
from mtcp.training.also import auxiliary_of, open_also, read_also
from mtcp.training.batches import Batches, check_batch, check_data
from mtcp.training.distributed import World
from mtcp.training.run_folder import RunFolder
from mtcp.training.targets import check_targets
from mtcp.training.trainer import Trainer
from mtcp.training.warm_start import initialise, take_heads


def build_trainer(
    model_config: ModelConfig,
    config: TrainConfig,
    folder: RunFolder,
    *,
    device: torch.device,
    world: World,
    resume: bool = False,
    restart: bool = False,
    command: str = "",
    commit: str = "",
) -> Trainer:
    """Everything for a run, ready to `.run()`. Weights come from `config.init`, or from the folder with `resume`.

    restart: of a resumed run, whether to count its epochs anew (see `Trainer.resume`).

    Raises:
        InputError: configuration, data, initial weights or the run folder cannot be used. What can be refused
            without reading the data is refused before.
    """
    check_together(model_config, config)
    if not resume:  # what runs already goes on
        check_gradients(model_config, config)
    training_set = open_data(config.data, config.split, model_config.tasks)
    training_set, inside = _without_frame(training_set, config.frame)
    val_set = open_data(config.data, config.val_split, model_config.tasks) if config.val_split else None
    also = open_also(config.sources(), model_config.task_list(), teacher=bool(config.teacher_weight))
    check_batch(len(training_set), config.batch, world.size, [source.share for source in also])
    balancer = make_balancer(config.balancing, model_config.tasks, config.factors(), **config.options())
    state = folder.load_state() if resume else None
    if state is not None and not restart:
        check_data(state, len(training_set), config.batch, [len(source.data) for source in also])
    seed_everything(config.seed)
    model = MTCP(model_config)
    taken = [] if resume else initialise(model, config.init)
    if world.size == 1 or device.type != "cuda":  # else BatchNorm is over all ranks
        smallest = config.sizes()[0][1] if config.grow else (model_config.height, model_config.image_width)
        check_batch_norm(model, smallest, config.batch // world.size, device)
    # From here on it takes time: what can be refused without reading the data has been.
    size = (model_config.height, model_config.image_width)
    with folder.preparing(len(training_set) + sum(len(s.data) for s in also), world.is_main) as each:
        data = Cached(training_set, size, each=each)
        counts = check_targets(data, model.tasks, f"{config.data} {config.split}")
        sources, counts = read_also(also, size, counts, len(data), each)
    augment = Augment(
        size=size,
        scales=config.scales,
        flip=config.flip,
        photometric=config.photometric,
        inside=inside,
        keep_undistorted=bool(config.teacher_weight),
    )
    batches = Batches(
        data,
        augment,
        batch=config.batch,
        seed=config.seed,
        rank=world.rank,
        ranks=world.size,
        workers=config.workers,
        sources=sources,
        targets={name: task for source in also for name, task in source.targets.items()}
        | ({task.name: task for task in model.tasks} if also else {}),
        first=[(until, replace(augment, size=small)) for until, small in config.sizes()],
    )
    trainer = Trainer(
        model,
        batches,
        balancer,
        config,
        folder,
        device=device,
        world=world,
        class_weight={name: class_weights(count, config.class_power) for name, count in counts.items()}
        if config.class_power
        else None,
        auxiliary=auxiliary_of(also),
        evaluate=(lambda m: evaluate(m, val_set, progress=world.is_main)) if val_set is not None else None,
        save_model=lambda m, path: _save(m, path, config, command, commit),
        about={"init": [asdict(one) for one in taken]} if taken else None,
    )
    if state is not None:
        trainer.resume(state, restart=restart)
    else:
        take_heads(trainer.objective.heads, trainer.objective.auxiliary, config.init)
    return trainer


def _without_frame(data: Samples, how: str) -> tuple[Samples, tuple[float, float, float, float]]:
    """The training set and where its zoomed windows lie, as `TrainConfig.frame` says.

    Raises:
        InputError: data that is not NYUv2's whole pictures, where the frame is not kept.
    """
    if how == "keep":
        return data, WHOLE
    try:
        if how == "crop":
            return Cropped(data, WITHOUT_FRAME), WHOLE
        require_nyuv2(data[0], "the first training sample")
    except InputError as error:
        raise InputError(f"frame={how}: {error}; leave --frame out for other data") from error
    return data, INSIDE_FRAME


def seed_everything(seed: int) -> None:
    """Seeds every generator that initialisation or a library may draw from."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries may still draw from it
    torch.manual_seed(seed)


def check_batch_norm(model: MTCP, size: tuple[int, int], share: int, device: torch.device) -> None:
    """Raises InputError where one sample a step leaves BatchNorm a single value per channel to average.

    size: (height, width), the smallest of the training. share: samples per step of one process. Which sizes that
    concerns depends on the backbone: it is tried.
    """
    if share > 1:
        return
    trial = copy.deepcopy(model).to(device).train()
    try:
        with torch.no_grad():
            trial(torch.zeros(1, 3, *size, device=device))
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise InputError(
            f"one sample per step at {size[0]} x {size[1]} leaves a level of one pixel, too "
            "little for BatchNorm: raise --batch, --height or --image-width"
        ) from error


def _save(model: MTCP, path: Path, config: TrainConfig, command: str, commit: str) -> None:
    save_checkpoint(
        path,
        model,
        data=f"{config.data} {config.split}" + (f", also {config.also}" if config.also else ""),
        command=command,
        commit=commit,
        train=config.to_dict(),
    )
