"""Batch norms folded for inference: the same numbers, for every design."""

from __future__ import annotations

import copy

import pytest
import torch
from test_systems_distil import SMALL
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mtcp.inference.folding import folded
from mtcp.model import MTCP
from mtcp.presets import DESIGNS, preset


def trained(name: str) -> MTCP:
    """A network whose batch norms have seen something: none of their numbers is that of a fresh one."""
    torch.manual_seed(0)
    model = MTCP(preset(name, **SMALL))
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.3, 3)
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias, 0, 0.3)
    return model.eval()


def norms(model: nn.Module) -> int:
    return sum(isinstance(module, _BatchNorm) for module in model.modules())


@pytest.mark.parametrize("name", ["lite", "published", *DESIGNS])
def test_folded_says_what_the_network_says(name: str) -> None:
    model, image = trained(name), torch.rand(1, 3, 70, 97, generator=torch.Generator().manual_seed(1))
    before = copy.deepcopy(model.state_dict())
    fast = folded(model)
    assert norms(fast) <= norms(model) / 2
    with torch.inference_mode():
        wanted, found = model(image), fast(image)
    for stage, maps in wanted.items():
        for task, values in maps.items():
            torch.testing.assert_close(found[stage][task], values, rtol=1e-4, atol=1e-4)
    after = model.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[key], before[key]) for key in before)


def test_a_norm_that_is_called_twice_is_kept() -> None:
    model = trained("plain")
    head = model.initial_heads["depth"]
    head[1] = model.initial_heads["normals"][1]  # one norm after two convolutions
    fast = folded(model)
    assert isinstance(fast.initial_heads["depth"][1], _BatchNorm)
    assert isinstance(fast.initial_heads["semseg"][1], nn.Identity)
