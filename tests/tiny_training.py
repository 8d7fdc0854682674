"""The smallest training that has every part: a tiny network on made samples, seconds a run. For the trainer's
tests.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from mtcp.config import ModelConfig, TrainConfig
from mtcp.model import MTCP
from mtcp.objective.balancing import Balancer, make_balancer
from mtcp.training import RunFolder, Trainer
from mtcp.training.batches import Batches
from mtcp.training.distributed import World

TASKS = ("semseg", "depth")
SIZE = (32, 64)
"""Height and width of the made samples: two cells at 1/32, that attention has something to choose between."""
SMALL = {"backbone": "test_efficientnet", "width": 8, "query-heads": 2}
NETWORK = [f"--{flag}={value}" for flag, value in {**SMALL, "height": 64, "image-width": 96}.items()]
"""Flags of `mtcp train` for the smallest network of three tasks."""


class MadeSamples:
    """Random photos with a target per task; sample i is the same at every read."""

    def __init__(self, count: int = 9) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        g = torch.Generator().manual_seed(i)
        return {
            "image": torch.randint(0, 256, (3, *SIZE), dtype=torch.uint8, generator=g),
            "semseg": torch.randint(0, 40, SIZE, generator=g).to(torch.uint8),
            "depth": 1 + 3 * torch.rand(SIZE, generator=g),
        }


def made_nyud(root: Path) -> Path:
    """Six frames in the NYUD_MT layout below `root`, four of them to train on. Returns `root`."""
    rng = np.random.default_rng(0)
    for part in ("images", "segmentation", "depth", "normals", "gt_sets"):
        (root / part).mkdir(parents=True)
    for i in range(6):
        Image.fromarray(rng.integers(0, 256, (72, 96, 3), dtype=np.uint8)).save(root / f"images/{i}.jpg")
        Image.fromarray(rng.integers(0, 41, (72, 96), dtype=np.uint8)).save(root / f"segmentation/{i}.png")
        np.save(root / f"depth/{i}.npy", rng.uniform(1, 4, (72, 96)).astype(np.float32))
        normals = rng.normal(size=(72, 96, 3))
        normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
        np.save(root / f"normals/{i}.npy", normals.astype(np.float32))
    (root / "gt_sets/train.txt").write_text("0\n1\n2\n3\n")
    (root / "gt_sets/val.txt").write_text("4\n5\n")
    camera = {"fx": 80.0, "fy": 80.0, "cx": 48.0, "cy": 36.0, "width": 96, "height": 72}
    (root / "meta.json").write_text(json.dumps({"camera": camera, "axes": "x right, y down, z forward"}))
    return root


def flip(sample: dict[str, Tensor], rng: np.random.Generator) -> dict[str, Tensor]:
    """A random augmentation, so that resuming must repeat it."""
    if rng.random() < 0.5:
        return sample
    return {name: value.flip(-1) for name, value in sample.items()}


def tiny_config(**changes: object) -> ModelConfig:
    """Every part of the network, two tasks."""
    base = ModelConfig(
        tasks=TASKS,
        backbone="test_efficientnet",
        width=8,
        queries=4,
        query_layers=1,
        query_heads=2,
        kv_stride=2,
    )
    return base.replace(**changes)


def forgetful(model: MTCP) -> MTCP:
    """Adds dropout: a resumed run must draw the very numbers that the unbroken one drew."""

    def drop(module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (nn.functional.dropout(args[0], 0.3, training=module.training), *args[1:])

    for decoder in model.decoders.values():
        decoder.register_forward_pre_hook(drop)
    return model


def make_trainer(
    folder: Path,
    *,
    resume: bool = False,
    restart: bool = False,
    balancer: Balancer | None = None,
    data: MadeSamples | None = None,
    world: World | None = None,
    model: MTCP | None = None,
    workers: int = 0,
    **changes: object,
) -> Trainer:
    """A trainer of four samples a step (two steps an epoch) in `folder`, resumed if asked."""
    config = TrainConfig(epochs=4, batch=4, lr=3e-3, log_every=1, bf16="off").replace(**changes)
    world = world or World()
    torch.manual_seed(config.seed + world.rank)  # ranks start apart: only data parallel makes them one
    model = model or forgetful(MTCP(tiny_config()))
    batches = Batches(
        data or MadeSamples(), flip, batch=config.batch, seed=config.seed, rank=world.rank, ranks=world.size,
        workers=workers,
    )  # fmt: skip
    run = RunFolder(folder)
    if world.is_main:
        run.create(model.config, config, "test", resume=resume)
    trainer = Trainer(
        model, batches, balancer or make_balancer(config.balancing, TASKS, config.factors(), **config.options()),
        config, run, device=torch.device("cpu"), world=world,
    )  # fmt: skip
    if resume:
        trainer.resume(restart=restart)
    return trainer
