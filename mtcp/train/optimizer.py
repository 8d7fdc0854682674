"""What moves the weights besides the gradient: parameter groups, weight average, a step's seed."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import nn

from mtcp.config import TrainConfig
from mtcp.model import MTCP
from mtcp.objective.balancing import Balancer


class WeightAverage:
    """Exponential moving average of weights and buffers; warms up: decay min(decay, (1 + n) / (10 + n))."""

    def __init__(self, model: MTCP, decay: float) -> None:
        self.model: MTCP = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay, self.updates = decay, 0

    @torch.no_grad()
    def update(self, model: MTCP) -> None:
        """One step towards `model`."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for mine, new in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(new, 1 - decay)
            else:
                mine.copy_(new)

    def state_dict(self) -> dict[str, Any]:
        return {"model": self.model.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.updates = state["updates"]


def step_seed(seed: int, step: int, rank: int) -> int:
    """Seed of a step's dropout and sampling, a function of where it is: resuming needs no saved random state.

    A saved one would not do: a data loader that starts in mid-epoch draws from it too.
    """
    return int(np.random.SeedSequence((seed, step, rank)).generate_state(1)[0])


def make_optimizer(model: MTCP, balancer: Balancer, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW over network and balancing: no decay on biases and norms, the backbone at a rate of its own."""
    backbone = {id(p) for p in getattr(model.shared, "backbone", nn.Module()).parameters()}
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        groups.setdefault((id(parameter) in backbone, parameter.ndim > 1), []).append(parameter)
    settings = [
        {
            "params": parameters,
            "base_lr": config.lr * (config.backbone_lr if in_backbone else 1.0),
            "weight_decay": config.weight_decay if decayed else 0.0,
        }
        for (in_backbone, decayed), parameters in sorted(groups.items(), key=lambda item: item[0])
    ]
    own = list(balancer.parameters())
    if own:
        settings.append({"params": own, "base_lr": config.lr, "weight_decay": 0.0})
    return torch.optim.AdamW(settings, lr=config.lr, fused=True)
