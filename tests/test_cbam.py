"""CBAM and trace-back are rearranged for speed: values and gradients are those of the plain formulas."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from timm.layers.cbam import CbamModule
from torch import Tensor, nn

from mtcp.model.cbam import Cbam, _ChannelGate, pool
from mtcp.model.trace_back import SpatialRefinement


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
        torch.testing.assert_close(ours(x), wanted)


def test_two_cbams_may_look_at_one_pooled_map() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 16, 5, 7, requires_grad=True)
    first, second = Cbam(16).eval(), Cbam(16).eval()
    pooled = pool(x)
    got, wanted = first(pooled) * second(pooled), first(x) * second(x)
    torch.testing.assert_close(got, wanted)
    for a, b in zip(gradients(got, [x]), gradients(wanted, [x]), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_of_equal_maxima_one_gets_the_gradient() -> None:
    x = torch.zeros(2, 3, 4, 5, requires_grad=True)
    _, _, of_pixels = pool(x)
    _, of_channels = _ChannelGate.apply(x, torch.ones(2, 3, 1, 1))
    for largest, dims in ((of_pixels, (2, 3)), (of_channels[:, 1:], (1,))):
        (gradient,) = torch.autograd.grad(largest.sum(), x)
        assert torch.equal(gradient.sum(dims), torch.ones_like(gradient.sum(dims)))
        assert int((gradient != 0).sum()) == largest.numel()


def test_gradients_that_come_in_are_left_as_they_are() -> None:
    """They may be someone else's: only the module's own are written into."""
    x = torch.randn(2, 16, 5, 7).contiguous(memory_format=torch.channels_last).requires_grad_()
    gradient = torch.randn(2, 16, 5, 7).contiguous(memory_format=torch.channels_last)
    before = gradient.clone()
    torch.autograd.grad(Cbam(16).eval()(x), x, gradient)
    assert torch.equal(gradient, before)


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
