"""Window attention is rearranged for speed: values and gradients are those of timm's stage."""

from __future__ import annotations

import copy

import pytest
import torch
from timm.models.swin_transformer import SwinTransformerBlock, SwinTransformerStage
from torch import nn

from mtcp.model.task_decoder import TaskDecoder
from mtcp.model.windows import Block, cut_windows


def stages() -> tuple[SwinTransformerStage, SwinTransformerStage]:
    """timm's, with every bias and table different from zero, and the same with our blocks."""
    torch.manual_seed(0)
    plain = SwinTransformerStage(
        dim=8, out_dim=8, input_resolution=(56, 56), depth=2, downsample=False, num_heads=2, window_size=7,
        always_partition=True, dynamic_mask=True,
    ).double()  # fmt: skip
    for parameter in plain.parameters():
        nn.init.normal_(parameter, std=0.2)
    ours = copy.deepcopy(plain)
    for block in ours.blocks:
        block.__class__ = Block
    return plain, ours


@pytest.mark.parametrize("size", [(14, 21), (15, 20), (5, 9), (8, 6)])
def test_block_is_timms(size: tuple[int, int]) -> None:
    """Whole windows, padding on both sides, one window; the second block is shifted and masked."""
    plain, ours = stages()
    x = torch.randn(2, *size, 8, dtype=torch.double, requires_grad=True)
    wanted, got = plain(x), ours(x)
    torch.testing.assert_close(got, wanted)
    weight = torch.randn_like(wanted)
    for a, b in zip(
        torch.autograd.grad(got, [x, *ours.parameters()], weight),
        torch.autograd.grad(wanted, [x, *plain.parameters()], weight),
        strict=True,
    ):
        torch.testing.assert_close(a, b)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), wanted)


def test_autocast_trains_it_too() -> None:
    plain, ours = (stage.float() for stage in stages())
    x = torch.randn(1, 9, 10, 8, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        wanted, got = plain(x), ours(x)
    torch.testing.assert_close(got, wanted, rtol=0.05, atol=0.05)
    got.float().sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()


def test_windows_hold_every_pixel_once() -> None:
    cut = cut_windows((5, 9), (7, 7), (3, 3), torch.device("cpu"))
    assert len(cut.source) == 2 * 49
    assert len(cut.padding) == 2 * 49 - 45
    assert cut.source[cut.place].tolist() == list(range(45))
    assert not set(cut.place.tolist()) & set(cut.padding.tolist())
    # the first place holds the pixel three rows down and three columns to the right of the first
    assert cut.source[0] == 3 * 9 + 3


def test_the_decoder_has_these_blocks_and_timms_parameters() -> None:
    decoder = TaskDecoder(8)
    blocks = [module for module in decoder.modules() if isinstance(module, SwinTransformerBlock)]
    assert [type(block) for block in blocks] == [Block] * 4
    plain = SwinTransformerBlock(8, (56, 56), num_heads=2, always_partition=True, dynamic_mask=True)
    assert list(blocks[0].state_dict()) == list(plain.state_dict())
