"""The network: shapes at odd sizes, activations, streamed against materialised affinity, ablation switches, export."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from timm.models.swin_transformer import SwinTransformerBlock, SwinTransformerStage
from torch import nn

from mtcp.config import ModelConfig, TrainConfig
from mtcp.errors import InputError
from mtcp.model import MTCP
from mtcp.model.backbone import Backbone, sine_positions
from mtcp.model.decoder.swin import WINDOW, TaskDecoder
from mtcp.model.encoder.timm import MaskGate
from mtcp.model.fusion.affinity import attend, attend_materialised
from mtcp.model.fusion.cfm import CoherenceFusion
from mtcp.model.windows import PaddedFirst, pad_before_shift
from mtcp.objective.losses import Objective
from mtcp.presets import PRESETS, preset

TINY = ModelConfig(backbone="mobilenetv3_small_050", width=16, queries=4, query_layers=2, query_heads=2)


def tiny(**changes: object) -> MTCP:
    torch.manual_seed(0)
    return MTCP(TINY.replace(**changes)).eval()


@pytest.mark.parametrize("size", [(64, 96), (97, 131), (131, 97), (33, 40), (160, 64)])
@pytest.mark.parametrize("kv_stride", [1, 2])
def test_any_size_gives_maps_of_that_size(size: tuple[int, int], kv_stride: int) -> None:
    model = tiny(kv_stride=kv_stride)
    with torch.no_grad():
        out = model(torch.rand(2, 3, *size))
    for stage in ("initial", "refined"):
        assert out[stage]["semseg"].shape == (2, 40, *size)
        assert out[stage]["depth"].shape == (2, 1, *size)
        assert (out[stage]["depth"] > 0).all()
        assert torch.allclose(out[stage]["normals"].norm(dim=1), torch.ones(2, *size), atol=1e-4)


@pytest.mark.parametrize(
    "data,tasks",
    [
        ("nyud", ("semseg", "depth", "normals", "edge")),
        ("nyud", ("depth", "edge")),
        ("pascal", ("semseg", "human_parts", "saliency", "normals", "edge")),
    ],
)
def test_any_number_of_tasks(data: str, tasks: tuple[str, ...]) -> None:
    model = tiny(task_set=data, tasks=tasks)
    with torch.no_grad():
        out = model(torch.rand(1, 3, 64, 64))
    assert tuple(out["refined"]) == tasks
    for task in model.tasks:
        assert out["refined"][task.name].shape == (1, task.channels, 64, 64)


def test_photo_is_not_shifted_by_padding() -> None:
    """A photo that is no multiple of 32 and the same photo padded by hand agree on the shared pixels' features."""
    model = tiny(fusion="none", refinement="none", task_decoder=False, query_gate=False)
    x = torch.rand(1, 3, 96, 100)
    padded = torch.nn.functional.pad(x, (0, 28, 0, 0), mode="replicate")
    with torch.no_grad():
        a, b = model.inspect(x).initial["depth"], model.inspect(padded).initial["depth"]
    assert a.shape[-1] == 25
    # the deep heads' 3x3 convolution sees the crop at the last column only
    assert torch.allclose(a[..., :24], b[..., :24], atol=1e-5)


@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "test_resnet.r160_in1k", "tf_efficientnet_lite0"])
def test_backbones_give_four_levels(name: str) -> None:
    backbone = Backbone(name).eval()
    with torch.no_grad():
        maps = backbone(torch.rand(1, 3, 64, 96))
    assert [tuple(m.shape[-2:]) for m in maps] == [(16, 24), (8, 12), (4, 6), (2, 3)]
    assert [m.shape[1] for m in maps] == backbone.channels


@pytest.mark.slow
def test_swin_backbone_takes_any_size_and_comes_channels_first() -> None:
    backbone = Backbone("swin_tiny_patch4_window7_224").eval()
    with torch.no_grad():
        maps = backbone(torch.rand(1, 3, 64, 96))
    assert [tuple(m.shape[-2:]) for m in maps] == [(16, 24), (8, 12), (4, 6), (2, 3)]


def test_a_swin_map_as_high_as_it_has_channels_is_not_taken_for_channels_first() -> None:
    backbone = Backbone("swin_tiny_patch4_window7_224").eval()
    with torch.no_grad():
        maps = backbone(torch.rand(1, 3, 4 * backbone.channels[0], 32))
    assert [tuple(m.shape[1:]) for m in maps] == [(96, 96, 8), (192, 48, 4), (384, 24, 2), (768, 12, 1)]


SIDES = [*range(1, 30), 32, 40]  # with and without whole windows


def stage(**changes: object) -> tuple[Any, Any]:
    """timm's stage of a plain and a shifted block, and the same with `pad_before_shift`."""
    torch.manual_seed(0)
    options = {"dim": 8, "out_dim": 8, "input_resolution": (56, 56), "depth": 2, "downsample": False,
               "num_heads": 2, "window_size": WINDOW, "always_partition": True, "dynamic_mask": True}  # fmt: skip
    timms = SwinTransformerStage(**{**options, **changes}).eval()  # type: ignore[arg-type]
    ours = copy.deepcopy(timms)
    pad_before_shift(ours)
    return timms, ours


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("axis", [1, 2])
def test_a_shifted_block_does_not_reach_round_the_picture(side: int, axis: int) -> None:
    """Shifted by 3, the first row's (column's) window ends with the third."""
    block = stage()[1].blocks[1]
    assert block.shift_size == (3, 3)
    x = torch.randn(1, *(side, 15)[:: 1 if axis == 1 else -1], 8)
    other = x.clone()
    other.select(axis, 0).normal_()
    with torch.no_grad():
        moved = (block(x) - block(other)).abs().amax([d for d in range(4) if d != axis])
    assert moved[0] > 0.1
    assert not moved[3:].any()


@pytest.mark.parametrize("size", [(h, w) for h in (5, 7, 15, 22, 28) for w in (7, 14, 23, 32)])
def test_windows_are_timms_on_a_map_padded_by_hand(size: tuple[int, int]) -> None:
    """At whole windows that is timm's output itself. LayerNorm without a bias leaves the padding at zero."""
    timms, ours = (one.blocks[1] for one in stage())
    h, w = size
    x = torch.randn(2, h, w, 8)
    by_hand = F.pad(x, (0, 0, 0, math.ceil(w / WINDOW) * WINDOW - w, 0, math.ceil(h / WINDOW) * WINDOW - h))
    with torch.no_grad():
        torch.testing.assert_close(ours(x), timms(by_hand)[:, :h, :w], rtol=0, atol=1e-6)
        if h % WINDOW == w % WINDOW == 0:
            assert torch.equal(ours(x), timms(x))


def test_merging_of_odd_sides_sees_no_padding_of_windows() -> None:
    """The blocks crop, so merging adds its own single row and column of zeros and no more."""
    _, first = stage()
    _, second = stage(out_dim=16, downsample=True)
    x = torch.randn(1, 15, 23, 8)
    with torch.no_grad():
        full = first(x)
        assert full.shape == x.shape
        merged = second.downsample(full)
        assert merged.shape == (1, 8, 12, 16)
        torch.testing.assert_close(merged, second.downsample(F.pad(full, (0, 0, 0, 1, 0, 1))))


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: TaskDecoder(ModelConfig(width=8)), id="task decoder"),
        pytest.param(lambda: Backbone("swin_tiny_patch4_window7_224"), id="backbone", marks=pytest.mark.slow),
    ],
)
def test_every_swin_block_pads_first_and_keeps_its_names(make: Callable[[], nn.Module]) -> None:
    net = make()
    blocks = [m for m in net.modules() if isinstance(m, SwinTransformerBlock)]
    assert blocks and {type(block) for block in blocks} == {PaddedFirst}
    assert any(any(block.shift_size) for block in blocks)
    plain, ours = stage()
    assert list(plain.state_dict()) == list(ours.state_dict())


@pytest.mark.parametrize("h,w", [(1, 1), (2, 3), (6, 8), (15, 20), (60, 80)])
@pytest.mark.parametrize("channels", [8, 64, 256])
def test_positions_do_not_alias_and_are_told_apart(h: int, w: int, channels: int) -> None:
    found = sine_positions(h, w, channels, torch.zeros((), dtype=torch.float64))
    rows, columns = found.unflatten(0, (h, w)).chunk(2, -1)
    for values, cells in ((rows[:, 0], h), (columns[0], w)):
        sin, cos = values.chunk(2, -1)
        phase = torch.atan2(sin, cos) % (2 * torch.pi)  # (cells, channels / 4)
        step = phase.diff(dim=0)
        # An aliased component falls somewhere. Two cells are half a turn apart.
        assert (step > 0).all() and (step <= 2 * torch.pi / cells + 1e-6).all()
        assert cells < 3 or (step < torch.pi).all()
        apart = torch.cdist(values, values).fill_diagonal_(torch.inf)
        assert apart.min() > torch.pi / cells


def test_unknown_backbone_and_wrong_shape_are_named() -> None:
    with pytest.raises(InputError, match="no_such_net"):
        tiny(backbone="no_such_net")
    with pytest.raises(InputError, match=r"\(3, 64, 64\)"):
        tiny()(torch.rand(3, 64, 64))


SWITCHES = [
    {"refinement": "none"},
    {"fusion": "none"},
    {"query_gate": False},
    {"fusion": "none", "refinement": "none"},
    {"task_decoder": False, "fusion": "none", "refinement": "none"},
    {"task_decoder": False, "fusion": "none", "refinement": "none", "query_gate": False},
    {"cfm_residual": "branch", "cfm_scale": True},
    {"mask_gate": "sigmoid"},
    {"mask_gate": "normalised"},
    {"tasks": ("depth",), "fusion": "none"},
]


@pytest.mark.parametrize("changes", SWITCHES, ids=lambda c: ",".join(c))
def test_switches_change_the_network_and_train_every_parameter(changes: dict[str, object]) -> None:
    model = tiny(**changes).train()
    decoded = model.inspect(torch.rand(2, 3, 64, 64))
    assert bool(decoded.refined) == (model.config.refinement != "none")
    assert bool(decoded.traces) == (model.config.fusion != "none")
    assert (decoded.masks is not None) == model.config.query_gate
    assert (decoded.gate is not None) == model.config.query_gate
    maps = [
        *decoded.initial.values(),
        *decoded.refined.values(),
        *(m for p in decoded.intermediate.values() for m in p),
    ]
    sum(m.float().square().mean() for m in maps).backward()  # type: ignore[union-attr]
    unused = [name for name, p in model.named_parameters() if p.grad is None]
    assert unused == []


def test_switches_change_the_parameter_count() -> None:
    full = sum(p.numel() for p in tiny().parameters())
    for changes in SWITCHES[:6]:
        assert sum(p.numel() for p in tiny(**changes).parameters()) < full


@pytest.mark.parametrize("bad", [{"fusion": "cfm", "tasks": ("depth",)}, {"task_decoder": False}, {"width": 15},
                                 {"mask_gate": "tanh"}, {"kv_stride": 0}, {"tasks": ("semseg", "height")}])  # fmt: skip
def test_impossible_configurations_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(InputError):
        TINY.replace(**bad)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 300), m=st.integers(1, 200), width=st.sampled_from([8, 16, 64]), seed=st.integers(0, 99),
       scale=st.sampled_from([1.0, 0.125]))  # fmt: skip
def test_streamed_attention_equals_the_formula(n: int, m: int, width: int, seed: int, scale: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    theta, phi, values = (torch.randn(2, k, width, generator=generator) for k in (n, m, m))
    theta, phi = theta.relu(), phi.relu()
    difference = attend(theta, phi, values, scale) - attend_materialised(theta, phi, values, scale)
    assert difference.abs().max() <= 1e-4


@pytest.mark.parametrize(
    "tasks", [("depth", "normals"), ("semseg", "depth", "normals"), ("semseg", "depth", "normals", "edge")]
)
@pytest.mark.parametrize("size", [(24, 32), (17, 23)])
def test_fusion_streams_what_the_published_formula_says(
    tasks: tuple[str, ...], size: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    fusion = CoherenceFusion(16, len(tasks) - 1).eval()
    features = [torch.randn(2, 16, *size) for _ in tasks]
    with torch.no_grad():
        fused = fusion(features[0], features[1:])
        s = fusion.main(features[0]).flatten(2).transpose(1, 2)
        A = torch.softmax(fused.theta.transpose(1, 2) @ fused.phi, -1)  # (B, N, N)
        expected = fusion.out((A @ s).transpose(1, 2).reshape(2, 16, *size))
    assert (fused.feature - expected).abs().max() <= 1e-4
    assert torch.allclose(A.sum(-1), torch.ones(2, size[0] * size[1]), atol=1e-5)


@pytest.mark.slow
def test_full_size_passes_without_the_affinity_ever_existing(monkeypatch: pytest.MonkeyPatch) -> None:
    """480x640, C = 64 as in lite: no tensor of N x N elements (1.47 GB) is ever allocated."""
    from torch.utils._python_dispatch import TorchDispatchMode

    N = 120 * 160
    largest = 0

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            nonlocal largest
            out = func(*args, **(kwargs or {}))
            for tensor in out if isinstance(out, tuple | list) else (out,):
                if isinstance(tensor, torch.Tensor):
                    largest = max(largest, tensor.untyped_storage().nbytes())
            return out

    fusion = CoherenceFusion(64, 1).eval()
    features = [torch.randn(1, 64, 120, 160) for _ in range(2)]
    with torch.no_grad(), Watch():
        out = fusion(features[0], features[1:]).feature
    assert out.shape == (1, 64, 120, 160)
    assert largest < N * N * 4 / 30


def test_published_gate_sums_and_bounded_gate_is_bounded() -> None:
    masks = 30 * torch.randn(1, 3, 4, 5)
    assert torch.equal(MaskGate("sum", 3)(masks), masks.sum(1, keepdim=True))
    bounded = MaskGate("sigmoid", 3)(masks)
    assert bounded.shape == (1, 1, 4, 5)
    assert (bounded >= 0).all() and (bounded <= 1).all()


def mixing(queries: int = 3) -> MaskGate:
    """A normalised gate that has begun to learn."""
    torch.manual_seed(0)
    gate = MaskGate("normalised", queries)
    nn.init.normal_(gate.mix.weight)
    return gate


@pytest.mark.parametrize("common", [0.0, 66.0, 517.0])
def test_a_normalised_gate_lives_on_where_the_others_die(common: float) -> None:
    """66 and 517 are mean logits of trained networks with the sigmoid gate."""
    torch.manual_seed(1)
    masks = (common + torch.randn(2, 3, 4, 5)).requires_grad_()
    gate = mixing()(masks)
    assert (gate > 0).all() and (gate < 2).all()
    assert (gate.detach().std((2, 3)) > 0.1).all()
    (gradient,) = torch.autograd.grad((gate * torch.randn_like(gate)).sum(), masks)
    assert gradient.abs().mean() > 1e-3
    torch.testing.assert_close(
        gate, mixing()(masks - common), rtol=0, atol=1e-4
    )  # what all share cancels out
    if common:
        (dead,) = torch.autograd.grad(MaskGate("sigmoid", 3)(masks).sum(), masks)
        assert dead.abs().max() < 1e-12


def test_a_normalised_gate_of_masks_that_say_nothing_is_one() -> None:
    assert torch.equal(mixing()(torch.full((1, 3, 4, 5), 7.0)), torch.ones(1, 1, 4, 5))


def test_a_fresh_normalised_gate_leaves_the_network_as_one_without() -> None:
    """So a checkpoint without a gate is a warm start."""
    model, plain = tiny(mask_gate="normalised"), tiny(query_gate=False)
    state = plain.state_dict()
    model.load_state_dict({name: state.get(name, value) for name, value in model.state_dict().items()})
    x = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        for stage, maps in model(x).items():
            for name, found in maps.items():
                assert torch.equal(found, plain(x)[stage][name])


def test_a_fresh_normalised_gate_begins_to_learn() -> None:
    """First the mixture, then through it the queries."""
    model = tiny(mask_gate="normalised").train()
    optimizer = torch.optim.SGD(model.shared.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        model.inspect(torch.rand(2, 3, 64, 64)).initial["depth"].square().mean().backward()
        optimizer.step()
    assert model.shared.gate.mix.weight.abs().max() > 0
    assert model.shared.queries.query.grad.abs().max() > 0


def test_bf16_stays_near_fp32() -> None:
    model, x = tiny(), torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        exact = model(x)["refined"]["depth"]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = model(x)["refined"]["depth"]
    assert torch.allclose(exact, rough, rtol=0.1)


@pytest.mark.slow
def test_forward_exports() -> None:
    model, x = tiny(tasks=("semseg", "depth")), torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        program = torch.export.export(model, (x,))
        exported, eager = program.module()(x), model(x)
    assert torch.allclose(exported["refined"]["depth"], eager["refined"]["depth"], atol=1e-4)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_agrees_with_cpu() -> None:
    model, x = tiny(), torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        cpu = model(x)["refined"]["depth"]
        gpu = model.cuda()(x.cuda())["refined"]["depth"].cpu()
    assert torch.allclose(cpu, gpu, rtol=1e-2)


def test_objective_needs_the_target_of_every_task() -> None:
    with pytest.raises(InputError, match="semseg"):
        Objective(tiny())({"image": torch.zeros(1, 3, 64, 64, dtype=torch.uint8)})


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_json(name: str) -> None:
    config = preset(name)
    assert ModelConfig.from_dict(config.to_dict()) == config
    with pytest.raises(InputError, match="widht"):
        preset(name, widht=3)


def test_the_published_form_is_of_the_size_of_lite() -> None:
    published, lite = preset("published"), preset("lite")
    departures = {
        "mask_gate": "sum", "cfm_residual": "none", "cfm_scale": False, "kv_stride": 1, "srm_shrink": "bilinear",
        "heads": "conv", "fusion": "cfm", "refinement": "trace_back", "query_gate": True, "task_decoder": True,
    }  # fmt: skip
    for field in dataclasses.fields(ModelConfig):
        wanted = departures.get(field.name, getattr(lite, field.name))
        assert getattr(published, field.name) == wanted, field.name


@given(st.sampled_from([f.name for f in dataclasses.fields(TrainConfig)]))
def test_train_config_names_unknown_fields(name: str) -> None:
    with pytest.raises(InputError, match=name + "x"):
        TrainConfig.from_dict({name + "x": 1})
