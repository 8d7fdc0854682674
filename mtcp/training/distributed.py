"""Data parallel training under `torchrun`; everything here is a no-op in a single process."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from timm.layers import convert_sync_batchnorm
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)
PATIENCE = timedelta(hours=2)
"""How long processes wait for the main one, which evaluates alone. torch would give up after 10 minutes with nccl."""


@dataclass(frozen=True)
class World:
    """Who this process is among how many."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Only the main process writes files and shows progress."""
        return self.rank == 0


def own_device(asked: str) -> str:
    """What this process is to take where `asked` is the command's: of several under `torchrun`, each its own GPU. Asked
    before anything touches CUDA, so that no process leaves a context on another's GPU.
    """
    if _processes() > 1 and (asked.startswith("cuda") or (asked == "auto" and torch.cuda.is_available())):
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    return asked


def join_world(device: torch.device) -> World:
    """Joins the process group that `torchrun` announces in the environment: nccl on CUDA, gloo on a CPU.

    device: of this process, see `own_device`.
    """
    if _processes() == 1:
        return World()
    if not dist.is_initialized():
        if device.type == "cuda":
            torch.cuda.set_device(device)
            dist.init_process_group("nccl", device_id=device, timeout=PATIENCE)
        else:
            dist.init_process_group("gloo", timeout=PATIENCE)
    return World(dist.get_rank(), dist.get_world_size())


def _processes() -> int:
    """How many `torchrun` has started, this one included; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def leave_world() -> None:
    """Leaves the process group, if there is one: the last thing a process does."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def synchronised(model: Network) -> Network:
    """The same network with BatchNorm over the batches of all ranks (training on CUDA only; else as before).

    timm's conversion, not torch's: timm's norms carry the activation after them, which torch's would lose.
    """
    return convert_sync_batchnorm(model)


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """After backward: the mean over the ranks, for parameters that DDP does not see to."""
    for parameter in parameters:
        if parameter.grad is not None:
            mean_over_ranks(parameter.grad)


def mean_over_ranks(tensor: Tensor) -> None:
    """Makes a tensor that every rank has the mean over all of them, in place."""
    if not (dist.is_available() and dist.is_initialized()):
        return
    dist.all_reduce(tensor)
    tensor /= dist.get_world_size()


def sum_over_ranks(values: Mapping[str, float], device: torch.device) -> dict[str, float]:
    """The sums over all ranks, the same on every one."""
    if not (dist.is_available() and dist.is_initialized()):
        return dict(values)
    tensor = torch.tensor(list(values.values()), dtype=torch.float64, device=device)
    dist.all_reduce(tensor)
    return dict(zip(values, tensor.tolist(), strict=True))


def any_rank(device: torch.device, **flags: bool) -> dict[str, bool]:
    """Each flag true on every rank when it is true on one, so that all stop or save together."""
    return {name: count > 0 for name, count in sum_over_ranks(flags, device).items()}
