"""Batch norms folded into the convolutions before them: what does not change after training is computed once."""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mtcp.model import MTCP

_PROBE = (1, 3, 64, 64)


def folded(model: MTCP) -> MTCP:
    """A copy of `model`, for evaluation only, whose batch norms that follow a convolution are part of it.

    In evaluation a batch norm multiplies and shifts each channel by fixed numbers, which a convolution's own weights
    and bias can do: equal up to rounding. Which norm reads which convolution is seen in a run on an empty picture, so
    that every design folds without saying how it is built. A convolution that is called as a function of its weights
    keeps its norm. What is not folded is shared with `model`, not copied.
    """
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    copied = copy.deepcopy(model, shared).eval()
    for conv, norm in _pairs(copied).items():
        pair = cast(nn.Conv2d, copied.get_submodule(conv)), cast(_BatchNorm, copied.get_submodule(norm))
        fused = fuse_conv_bn_eval(*pair)
        copied.set_submodule(conv, fused)
        # timm's batch norms bring their activation with them
        copied.set_submodule(norm, getattr(copied.get_submodule(norm), "act", nn.Identity()))
    return copied


def _pairs(model: MTCP) -> dict[str, str]:
    """Names of convolutions -> the one batch norm that reads all that they give, and reads nothing else. That something
    else reads it too is not seen: a test compares every design with its unfolded self.
    """
    made: dict[int, tuple[str, Tensor]] = {}  # the tensors are kept, so that no other one gets their id
    calls: dict[str, int] = defaultdict(int)
    read: dict[tuple[str, str], int] = defaultdict(int)

    def called(name: str) -> Any:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            calls[name] += 1
            made[id(output)] = (name, output)

        return hook

    def reads(name: str) -> Any:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            calls[name] += 1
            if id(inputs[0]) in made:
                read[made[id(inputs[0])][0], name] += 1

        return hook

    handles = []
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            handles.append(module.register_forward_hook(called(name)))
        elif isinstance(module, _BatchNorm):
            handles.append(module.register_forward_pre_hook(reads(name)))
    try:
        with torch.inference_mode():
            model.inspect(torch.zeros(_PROBE, device=model.mean.device))
    finally:
        for handle in handles:
            handle.remove()
    return {conv: norm for (conv, norm), count in read.items() if count == calls[conv] == calls[norm]}
