"""What moves the weights besides the gradient: parameter groups, weight average, a step's seed."""

from __future__ import annotations

import copy
from collections.abc import Callable
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


def make_optimizer(
    model: MTCP, balancer: Balancer, config: TrainConfig, heads: nn.Module | None = None
) -> torch.optim.AdamW:
    """AdamW over network, balancing and auxiliary heads: decay on `decayed` weights, the backbone at its own rate."""
    matrices = {id(parameter) for parameter in decayed(model).values()}
    settings = [
        {
            "params": parameters,
            "base_lr": config.lr * (config.backbone_lr if in_backbone else 1.0),
            "weight_decay": config.weight_decay if is_decayed else 0.0,
        }
        for (in_backbone, is_decayed), parameters in _grouped(model, lambda p: id(p) in matrices)
    ]
    own = list(balancer.parameters())
    if own:
        settings.append({"params": own, "base_lr": config.lr, "weight_decay": 0.0})
    if heads is not None:
        decays = decayed(heads)
        for is_decayed in (False, True):
            params = [p for name, p in heads.named_parameters() if (name in decays) == is_decayed]
            decay = config.weight_decay if is_decayed else 0.0
            settings += [{"params": params, "base_lr": config.lr, "weight_decay": decay}] if params else []
    return torch.optim.AdamW(settings, lr=config.lr, fused=True)


def decayed(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that weight decay acts on, by name: matrices and kernels that are multiplied with features.

    Biases, norms and scales have fewer than two axes. Tables that are looked up or added have two, but decay
    would pull what they say towards nothing: queries, level and position embeddings, relative-position biases.
    Only weights of layers are called `weight`, and of those `nn.Embedding` is a table.
    """
    tables = {f"{name}.weight" for name, module in model.named_modules() if isinstance(module, nn.Embedding)}
    return {
        name: parameter
        for name, parameter in model.named_parameters()
        if parameter.ndim > 1 and name.endswith("weight") and name not in tables
    }


def load_optimizer(optimizer: torch.optim.Optimizer, saved: dict[str, Any], model: MTCP) -> None:
    """Loads a saved state, also one from before tables went without decay: its groups were cut by axes alone.

    Raises:
        ValueError, KeyError: the state is of other parameters.
    """
    now = optimizer.state_dict()
    sizes, old_sizes = ([len(g["params"]) for g in s["param_groups"]] for s in (now, saved))
    old_groups = [group for _, group in _grouped(model, lambda p: p.ndim > 1)]
    own = sum(sizes) - sum(map(len, old_groups))  # of the balancing: behind the network's, then as now
    if sizes != old_sizes and old_sizes == [*map(len, old_groups), *([own] if own else [])]:
        position = {id(p): i for i, p in enumerate(p for group in old_groups for p in group)}
        order = [position.get(id(p), i) for i, p in enumerate(_all(optimizer))]
        state = {i: saved["state"][old] for i, old in enumerate(order) if old in saved["state"]}
        saved = {"state": state, "param_groups": now["param_groups"]}
    optimizer.load_state_dict(saved)


def _all(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _grouped(
    model: MTCP, is_decayed: Callable[[nn.Parameter], bool]
) -> list[tuple[tuple[bool, bool], list[nn.Parameter]]]:
    """Parameters by (in the backbone, decayed)."""
    backbone = {id(p) for p in getattr(model.shared, "backbone", nn.Module()).parameters()}
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        groups.setdefault((id(parameter) in backbone, is_decayed(parameter)), []).append(parameter)
    return sorted(groups.items(), key=lambda item: item[0])
