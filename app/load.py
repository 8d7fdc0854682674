"""The checkpoints that the page offers, and how one becomes a network. gradio and torch are imported late."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.one_thread import OneThread
from mtcp.checkpoint.store import DEFAULT_CHECKPOINT, read_card
from mtcp.config import ModelConfig
from mtcp.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from app.networks import Network, Networks
    from mtcp.inference.prediction import Prediction
    from mtcp.io.photo_facts import PhotoFacts
    from mtcp.tasks import Task

log = logging.getLogger("app")


def load_all(given: Sequence[Path], device: str) -> Networks:
    """All networks that the page offers: the first of those given, loaded, then the others, then those shipped. On
    ZeroGPU all are loaded, which is not possible later.

    Raises:
        InputError: the first, or the device, cannot be used.
    """
    from app.networks import Networks, Offer, unique_names

    shipped = [path for path in sorted(DEFAULT_CHECKPOINT.parent.glob("*.safetensors")) if _has_card(path)]
    paths = list({path.resolve(): path for path in [*given, *shipped]}.values())
    names = unique_names(paths)
    thread = OneThread()
    first = load(paths[0], device, names[0], thread)
    others = list(zip(names, paths, strict=True))[1:]
    offers = {
        name: Offer(_tasks_of(path), partial(load, path, device, name, thread)) for name, path in others
    }
    networks = Networks(first, offers)
    if os.environ.get("SPACES_ZERO_GPU"):
        for name in networks.names:
            networks.take(name)
    return networks


def _has_card(path: Path) -> bool:
    try:
        read_card(path)
    except InputError as error:
        log.warning("not offered: %s", error)
        return False
    return True


def _tasks_of(path: Path) -> tuple[Task, ...]:
    from mtcp.tasks import task_set

    config = ModelConfig.from_dict(read_card(path)["config"])
    return task_set(config.task_set, config.tasks)


def load(checkpoint: Path, device: str, name: str | None = None, thread: OneThread | None = None) -> Network:
    """The network, ready for the page. name: what the page calls it; by default as its file. thread: where it is loaded
    and runs; one of its own by default.

    Raises:
        InputError: the checkpoint or the device cannot be used.
    """
    from app import gpu
    from app.networks import Network
    from mtcp.inference.predictor import Predictor

    forked = os.environ.get(
        "SPACES_ZERO_GPU"
    )  # it calls from a process that it forks, which has no other thread
    run: Callable[[Callable[[], Any]], Any] = (lambda act: act()) if forked else (thread or OneThread()).run
    predictor = run(lambda: Predictor(checkpoint, device=device))
    predictor.name = f"{name or checkpoint.stem}.safetensors"

    def predict(photo: np.ndarray, facts: PhotoFacts | None = None) -> Prediction:
        return run(lambda: predictor(photo, facts=facts))

    return Network(
        predict=gpu.borrowed(predict),
        tasks=predictor.model.tasks,
        checkpoint=predictor.name,
        device=str(predictor.device),
        card=predictor.card,
    )


def require_checkpoint(path: Path) -> None:
    """Raises InputError if the weights at `path` or their card are missing or no use: found out before the
    heavy imports."""
    if path == DEFAULT_CHECKPOINT and not path.is_file():
        raise InputError(
            f"the shipped weights are not at {path}. Run `git lfs pull` if this is a clone without large "
            "files, or train some (`python -m mtcp train --help`) and give them with --checkpoint FILE"
        )
    read_card(path)
