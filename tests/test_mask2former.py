"""The Mask2Former form of the shared representation, offline from a small configuration."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch

from mtcp.config import ModelConfig, TrainConfig
from mtcp.errors import InputError

transformers = pytest.importorskip("transformers")

from mtcp.checkpoint.store import load_checkpoint, save_checkpoint  # noqa: E402
from mtcp.model import MTCP  # noqa: E402
from mtcp.model.encoder.mask2former import Mask2FormerShared, pack, resolve, with_default_shape  # noqa: E402
from mtcp.objective.balancing import make_balancer  # noqa: E402
from mtcp.training.optimizer import make_optimizer  # noqa: E402

STAGES = ["stage1", "stage2", "stage3", "stage4"]


def settings(**changes: object):
    """The smallest Mask2Former that still has every part."""
    small = {
        "backbone_config": {
            "model_type": "swin",
            "embed_dim": 8,
            "depths": [1, 2, 1, 1],
            "num_heads": [1, 1, 2, 2],
            "window_size": 4,
            "drop_path_rate": 0.0,
            "out_features": STAGES,
        },
        "feature_size": 32,
        "mask_feature_size": 32,
        "hidden_dim": 32,
        "num_queries": 5,
        "encoder_layers": 1,
        "decoder_layers": 4,
        "num_attention_heads": 2,
        "encoder_feedforward_dim": 32,
        "dim_feedforward": 32,
    }
    return transformers.Mask2FormerConfig(**{**small, **changes})


def config(**changes: object) -> ModelConfig:
    base = ModelConfig(
        shared="mask2former", mask2former=pack(settings()), backbone="made/small", width=16, query_heads=2
    )
    return base.replace(**changes)


@pytest.mark.parametrize(("height", "width"), [(64, 96), (97, 131), (224, 32)])
def test_forward_takes_any_size(height: int, width: int) -> None:
    torch.manual_seed(0)
    model = MTCP(config()).eval()
    with torch.inference_mode():
        out = model(torch.rand(1, 3, height, width))
        decoded = model.inspect(torch.rand(1, 3, height, width))
    assert out["refined"]["semseg"].shape == (1, 40, height, width)
    assert all(torch.isfinite(m).all() for maps in out.values() for m in maps.values())
    assert decoded.masks is not None
    assert decoded.masks.shape == (1, 5, -(-height // 4), -(-width // 4))


def test_a_small_photo_leaves_the_network_as_it_was() -> None:
    torch.manual_seed(0)
    shared = Mask2FormerShared.from_config(config()).eval()
    photo = torch.randn(1, 3, 160, 192)
    with torch.inference_mode():
        before = shared(photo).features["depth"]
        shared(torch.randn(1, 3, 32, 64))
        after = shared(photo).features["depth"]
    torch.testing.assert_close(before, after, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("query_gate", "mask_gate"), [(True, "sum"), (True, "normalised"), (False, "sum"), (False, "normalised")]
)
def test_every_parameter_learns(query_gate: bool, mask_gate: str) -> None:
    torch.manual_seed(0)
    shared = Mask2FormerShared.from_config(config(query_gate=query_gate, mask_gate=mask_gate))
    out = shared(torch.randn(2, 3, 64, 64))
    assert (out.masks is not None) == query_gate
    (out.features["depth"] * torch.randn_like(out.features["depth"])).sum().backward()
    without = [
        name for name, p in shared.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()
    ]
    assert without == []
    # one tensor under every task's name
    assert len({id(feature) for feature in out.features.values()}) == 1
    assert list(map(id, shared.shared_parameters())) == list(map(id, shared.parameters()))


def test_representation_is_the_gate_of_pixel_decoder_and_masks() -> None:
    torch.manual_seed(0)
    full = transformers.Mask2FormerForUniversalSegmentation(settings()).eval()
    photo = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        reference = full(photo)
        shared = Mask2FormerShared(full.model, width=32, tasks=("depth",), gate="sum").eval()(photo)
    expected = reference.pixel_decoder_last_hidden_state * reference.masks_queries_logits.sum(1, keepdim=True)
    assert isinstance(Mask2FormerShared(full.model, width=32, tasks=("depth",)).project, torch.nn.Identity)
    torch.testing.assert_close(shared.features["depth"], expected)
    torch.testing.assert_close(shared.masks, reference.masks_queries_logits)
    torch.testing.assert_close(shared.gate, reference.masks_queries_logits.sum(1, keepdim=True))


def test_the_pretrained_part_trains_at_its_own_rate() -> None:
    model = MTCP(config())
    training = TrainConfig(lr=1e-3, backbone_lr=0.1)
    rates = {}
    for group in make_optimizer(model, make_balancer("uniform", model.config.tasks), training).param_groups:
        rates.update({id(parameter): group["base_lr"] for parameter in group["params"]})
    assert {rates[id(p)] for p in model.shared.net.parameters()} == {1e-3 * 0.1}
    assert {rates[id(p)] for p in model.shared.project.parameters()} == {1e-3}
    assert {rates[id(p)] for p in model.refined_heads.parameters()} == {1e-3}


def test_bfloat16_autocast() -> None:
    torch.manual_seed(0)
    shared = Mask2FormerShared.from_config(config())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = shared(torch.randn(1, 3, 64, 64))
    out.features["depth"].float().sum().backward()
    assert torch.isfinite(out.features["depth"]).all()


def test_weights_come_from_a_local_folder_and_the_config_says_which_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    source = transformers.Mask2FormerForUniversalSegmentation(
        settings(id2label={i: str(i) for i in range(7)})
    )
    source.save_pretrained(tmp_path)
    asked = config(backbone=str(tmp_path), mask2former="", queries=99)
    model = MTCP(asked, pretrained=True)
    assert (model.config.queries, model.config.query_layers) == (5, 3)
    assert json.loads(model.config.mask2former)["feature_size"] == 32
    loaded = dict(model.shared.net.named_parameters())
    expected = {k: v for k, v in source.model.named_parameters() if ".swin.layernorm." not in k}
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(loaded[name], expected[name]) for name in loaded)


def test_a_checkpoint_is_loaded_without_the_folder_it_came_from(tmp_path: Path) -> None:
    torch.manual_seed(0)
    source = tmp_path / "source"
    transformers.Mask2FormerForUniversalSegmentation(settings()).save_pretrained(source)
    model = MTCP(config(backbone=str(source), mask2former=""), pretrained=True).eval()
    path = tmp_path / "made.safetensors"
    save_checkpoint(path, model, data="made", command="test", commit="", train={})
    shutil.rmtree(source)
    rebuilt, card = load_checkpoint(path)
    assert json.loads(card["config"]["mask2former"])["num_queries"] == 5
    photo = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        one, other = model(photo)["refined"]["depth"], rebuilt(photo)["refined"]["depth"]
    torch.testing.assert_close(one, other, rtol=0.02, atol=0.02)  # weights may be stored in half precision


def test_resolve_is_idempotent_and_packs_no_noise() -> None:
    once = resolve(config())
    assert resolve(once) == once
    packed = json.loads(once.mask2former)
    assert "id2label" not in packed
    assert "id2label" not in packed["backbone_config"]
    assert packed["backbone_config"]["depths"] == [1, 2, 1, 1]


def test_a_shape_without_the_hub() -> None:
    """The default of `transformers` is the Swin-S with 100 queries that the preset names."""
    bare = ModelConfig(shared="mask2former", backbone="no/where", width=256, queries=100, query_layers=9)
    shaped = with_default_shape(bare)
    assert shaped.replace(mask2former="") == bare
    assert resolve(shaped) == shaped  # 100 queries, 9 layers
    swin = json.loads(shaped.mask2former)["backbone_config"]
    assert (swin["embed_dim"], swin["depths"]) == (96, [2, 2, 18, 2])
    own = config()
    assert with_default_shape(own) == own


def test_missing_transformers_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = config()
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match="pip install transformers"):
        MTCP(asked)


def test_what_is_no_mask2former_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither a folder nor a hub id"):
        MTCP(config(backbone=str(tmp_path / "nothing"), mask2former=""))
    with pytest.raises(InputError, match="gives no Mask2Former"):
        MTCP(config(backbone=str(tmp_path), mask2former=""))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "maskformer"}))
    with pytest.raises(InputError, match="model_type 'maskformer'"):
        MTCP(config(backbone=str(tmp_path), mask2former=""))
    with pytest.raises(InputError, match="mask2former=nonsense"):
        MTCP(config(mask2former="nonsense"))


def test_incomplete_weights_are_refused(tmp_path: Path) -> None:
    import safetensors.torch

    transformers.Mask2FormerForUniversalSegmentation(settings()).save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    state = safetensors.torch.load_file(weights)
    lost = next(name for name in state if name.endswith("mask_projection.weight"))
    del state[lost]
    safetensors.torch.save_file(state, weights, metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"lack 1 tensors, first .*mask_projection\.weight"):
        MTCP(config(backbone=str(tmp_path), mask2former=""), pretrained=True)
