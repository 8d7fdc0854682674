"""CBAM and trace-back are rearranged for speed: values and gradients are those of the plain formulas."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from timm.layers.cbam import CbamModule
from torch import Tensor, nn

from mtcp.model.cbam import Cbam, pool
from mtcp.model.refinement.trace_back import SpatialRefinement


def gradients(output: Tensor, of: list[Tensor]) -> list[Tensor]:
    weight = torch.randn(output.shape, generator=torch.Generator().manual_seed(2))
    return list(torch.autograd.grad((output * weight).sum(), of, retain_graph=True))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(5, 7), (1, 1), (8, 6)])
def test_cbam_is_timms(layout: torch.memory_format, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 16, *size).contiguous(memory_format=layout).requires_grad_()
    plain, ours = CbamModule(16).eval(), Cbam(16).eval()
    ours.load_state_dict(plain.state_dict(), strict=True)
    wanted, got = plain(x), ours(x)
    torch.testing.assert_close(got, wanted)
    for a, b in zip(
        gradients(got, [x, *ours.parameters()]), gradients(wanted, [x, *plain.parameters()]), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(ours(x, pool(x, (2, 3))), wanted)


@pytest.mark.parametrize("dims", [(1,), (2, 3)])
def test_of_equal_maxima_one_gets_the_gradient_where_autograd_shares_it(dims: tuple[int, ...]) -> None:
    x = torch.zeros(2, 3, 4, 5, requires_grad=True)
    _, largest = pool(x, dims)
    (gradient,) = torch.autograd.grad(largest.sum(), x)
    (shared,) = torch.autograd.grad(x.amax(dims).sum(), x)
    torch.testing.assert_close(gradient.sum(dims), torch.ones_like(gradient.sum(dims)))
    torch.testing.assert_close(gradient.sum(dims), shared.sum(dims))
    assert int((gradient != 0).sum()) == largest.numel()
    assert int((shared != 0).sum()) == x.numel()


@pytest.mark.parametrize("last", [False, True])
def test_srm_is_the_published_concatenation(last: bool) -> None:
    torch.manual_seed(0)
    srm = SpatialRefinement(12, 8, 6, first=False, last=last).double().train()
    previous = torch.randn(2, 12, 3, 4, dtype=torch.double, requires_grad=True)
    stage = torch.randn(2, 8, 5, 7, dtype=torch.double, requires_grad=True)
    grown = F.interpolate(srm.previous(previous), size=(5, 7), mode="bilinear")
    c = torch.cat([grown, srm.stage(stage)], 1)
    pred, back = srm(previous, stage)
    wanted = [block(c) for block in (srm.pred, srm.back) if isinstance(block, nn.Module)]
    for got, want in zip([pred] if back is None else [pred, back], wanted, strict=True):
        torch.testing.assert_close(got, want)
        for a, b in zip(gradients(got, [previous, stage]), gradients(want, [previous, stage]), strict=True):
            torch.testing.assert_close(a, b)
