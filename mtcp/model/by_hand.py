"""When the backward passes written by hand, which are for a CPU, stand in for autograd's."""

from __future__ import annotations

import torch
from torch import Tensor


def trains_on_cpu(x: Tensor) -> bool:
    """Whether a gradient through x is wanted, on a CPU, and nothing is traced: exporters know plain formulas only."""
    traced = torch.compiler.is_compiling() or torch.jit.is_tracing()
    return x.device.type == "cpu" and x.requires_grad and torch.is_grad_enabled() and not traced
