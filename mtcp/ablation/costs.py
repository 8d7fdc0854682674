"""What a row really trains and costs, read off the network and its log rather than off its configuration."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from mtcp.model import MTCP, Decoded
from mtcp.objective.losses import Objective
from mtcp.tasks import Task

MACS_ARE = (
    "multiply-adds of convolutions and matrix products of one photo, initial and refined: half of what "
    "torch's FlopCounterMode counts; upsampling, norms and activations are not in it"
)


def count_macs(model: MTCP, size: tuple[int, int]) -> int:
    """Multiply-adds of one photo of `size` (H, W), see `MACS_ARE`. Runs on the meta device: nothing is computed."""
    shadow = copy.deepcopy(model).to("meta").eval()
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        shadow.inspect(torch.zeros(1, 3, *size, device="meta"))
    return int(counter.get_total_flops()) // 2


def supervised_maps(model: MTCP) -> dict[str, list[str]]:
    """{task: names of the maps that its loss compares with the target}, by watching the trainer's objective."""
    side = 64
    device = next(model.parameters()).device
    watch = _Watch(model)
    was_training = model.training
    model.eval()
    with torch.no_grad():
        batch = {task.name: task.any_target((side, side)).to(device) for task in model.tasks}
        watch({"image": torch.zeros(1, 3, side, side, device=device), **batch})
    model.train(was_training)
    return watch.seen


class _Watch(Objective):
    """Notes which map of the network every single loss is taken of."""

    def __init__(self, model: MTCP) -> None:
        super().__init__(model)
        self.seen: dict[str, list[str]] = {}
        self._names: dict[int, str] = {}

    def task_loss(
        self,
        task: Task,
        decoded: Decoded,
        batch: Mapping[str, Tensor],
        start: tuple[int, int],
        of: str | None = None,
    ) -> Tensor:
        name = task.name
        steps = decoded.intermediate.get(name, ())
        self._names = {id(raw): f"intermediate {i + 1}" for i, raw in enumerate(steps)}
        self._names[id(decoded.initial[name])] = "initial"
        if name in decoded.refined:
            self._names[id(decoded.refined[name])] = "refined"
        return super().task_loss(task, decoded, batch, start, of)

    def one_loss(self, task: Task, raw: Tensor, target: Tensor, name: str | None = None) -> Tensor:
        self.seen.setdefault(task.name, []).append(self._names[id(raw)])
        return super().one_loss(task, raw, target, name)


def log_facts(lines: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Of a run's log: losses and applied weights of every epoch, epochs whose floor acted, seconds of training."""
    epochs = [line for line in lines if line["kind"] == "epoch"]
    return {
        "loss": [_short(line["loss"]) for line in epochs],
        "weight": [_short(line["weight"]) for line in epochs],
        "floored_epochs": sum(bool(line.get("floor")) for line in epochs),
        "training_seconds": round(sum(line["seconds"] for line in epochs), 1),
    }


def _short(numbers: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 5) for name, value in numbers.items()}
