"""Checkpoints come back as they were, and whatever is wrong with one is said."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from mtcp.checkpoint.store import DEFAULT_CHECKPOINT, card_path, load_checkpoint, read_card, save_checkpoint
from mtcp.config import ModelConfig
from mtcp.errors import InputError
from mtcp.model import MTCP

TINY = ModelConfig(
    tasks=("semseg", "depth"),
    backbone="tf_efficientnet_lite0",
    width=8,
    queries=2,
    query_layers=1,
    query_heads=2,
    kv_stride=2,
    height=64,
    image_width=64,
)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return MTCP(TINY).eval()


@pytest.fixture
def saved(model, tmp_path):
    path = tmp_path / "net.safetensors"
    save_checkpoint(
        path, model, data="rooms", metrics={"initial": {}}, commit="abc", command="train", epochs=3
    )
    return path


def rewrite_card(path, **changes):
    card = json.loads(card_path(path).read_text())
    card_path(path).write_text(json.dumps({**card, **changes}))


def reseal(path, tensors, **changes):
    """Writes other tensors under the same header, with a card that vouches for them."""
    import hashlib

    card = json.loads(card_path(path).read_text())
    config = {**card["config"], **changes}
    save_file(tensors, path, {"format": card["format"], "version": "1", "config": json.dumps(config)})
    rewrite_card(path, config=config, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def test_round_trip_is_exact(model, saved):
    loaded, card = load_checkpoint(saved)
    assert loaded.config == TINY
    assert not loaded.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name
    assert card["data"] == "rooms"
    assert card["epochs"] == 3
    assert card["tasks"] == ["semseg", "depth"]
    assert len(card["classes"]["semseg"]) == 40
    assert card["normalisation"] == {"mean": [0.5] * 3, "std": [0.5] * 3}
    assert card["parameters"] == sum(p.numel() for p in model.parameters())
    assert card == read_card(saved)
    assert sorted(p.name for p in saved.parent.iterdir()) == ["net.json", "net.safetensors"]


def test_half_precision_on_disk_is_fp32_in_memory(model, tmp_path):
    path = tmp_path / "half.safetensors"
    save_checkpoint(path, model, dtype="float16")
    stored = load_file(path)
    assert stored["refined_heads.depth.weight"].dtype == torch.float16
    assert stored["refined_heads.depth.bias"].dtype == torch.float32
    loaded, _ = load_checkpoint(path)
    before, after = model.state_dict(), loaded.state_dict()
    for name in before:
        assert after[name].dtype == before[name].dtype, name
        if before[name].ndim < 2:
            assert torch.equal(before[name], after[name]), name
    full = sum(t.numel() for t in before.values() if t.ndim > 1) * 4
    assert path.stat().st_size < 0.75 * full
    x = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        a, b = model(x)["refined"]["depth"], loaded(x)["refined"]["depth"]
    assert torch.allclose(a, b, rtol=0.05)


def test_values_beyond_half_precision_are_not_saved(model, tmp_path):
    import copy

    broken = copy.deepcopy(model)
    with torch.no_grad():
        broken.refined_heads["depth"].weight[0, 0] = 1e6
    path = tmp_path / "net.safetensors"
    with pytest.raises(InputError, match=r"refined_heads.depth.weight is not finite in float16"):
        save_checkpoint(path, broken, dtype="float16")
    assert not list(tmp_path.iterdir())
    save_checkpoint(path, broken)
    with pytest.raises(InputError, match="dtype 'int8'"):
        save_checkpoint(path, broken, dtype="int8")


def test_a_failed_write_leaves_the_old_one(model, saved, monkeypatch):
    import mtcp.checkpoint.store

    before = saved.read_bytes()
    monkeypatch.setattr(
        mtcp.checkpoint.store.os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full"))
    )
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(saved, model, dtype="float16")
    assert saved.read_bytes() == before
    assert len(list(saved.parent.iterdir())) == 2


def test_damaged_weights(saved):
    content = bytearray(saved.read_bytes())
    content[-5] ^= 0xFF
    saved.write_bytes(content)
    with pytest.raises(InputError, match=r"sha256 is [0-9a-f]{12}\.\.\., the card says"):
        load_checkpoint(saved)


def test_cut_or_foreign_files(saved, tmp_path):
    import hashlib

    content = saved.read_bytes()
    for wrong, message in (
        (content[:-100], "damaged"),
        (content[:50], "damaged"),
        (b"", "no safetensors file|not written"),
        (b"PK\x03\x04" + b"x" * 500, "no safetensors file"),
    ):
        saved.write_bytes(wrong)
        rewrite_card(saved, sha256=hashlib.sha256(wrong).hexdigest())
        with pytest.raises(InputError, match=message) as caught:
            load_checkpoint(saved)
        assert str(saved) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_safetensors_of_another_program(saved):
    import hashlib

    save_file({"w": torch.zeros(2)}, saved)
    rewrite_card(saved, sha256=hashlib.sha256(saved.read_bytes()).hexdigest())
    with pytest.raises(InputError, match="not written by this program"):
        load_checkpoint(saved)


def test_wrong_keys_and_shapes_are_listed_and_counted(saved):
    tensors = load_file(saved)
    gone = sorted(tensors)[:20]
    reshaped = "refined_heads.depth.weight"
    wrong = {name: tensor for name, tensor in tensors.items() if name not in gone}
    wrong[reshaped] = torch.zeros(2, 8, 1, 1)
    wrong["stray.weight"] = torch.zeros(1)
    reseal(saved, wrong)
    with pytest.raises(InputError) as caught:
        load_checkpoint(saved)
    message = str(caught.value)
    assert "20 missing: " in message
    assert "and 12 more" in message
    assert "1 unexpected: stray.weight" in message
    assert f"1 of another shape: {reshaped} is 2x8x1x1, expected 1x8x1x1" in message
    assert "\n" not in message


def test_weights_for_another_configuration(saved):
    reseal(saved, load_file(saved), width=16)
    with pytest.raises(InputError, match="of another shape"):
        load_checkpoint(saved)


def test_card_and_weights_must_agree(saved):
    rewrite_card(saved, config={**TINY.to_dict(), "cfm_residual": "branch"})
    with pytest.raises(InputError, match="configuration in the weights and on the card differ"):
        load_checkpoint(saved)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "version 2; this program reads version 1"),
        ({"format": "other"}, "no checkpoint card"),
        ({"config": {"width": 8, "colour": "blue"}}, "unknown ModelConfig field"),
        ({"config": {"tasks": ["semseg", "smell"]}}, "unknown task 'smell'"),
        ({"config": {"width": "wide"}}, "net.json"),
        ({"config": 3}, "lacks a config object"),
    ],
)
def test_bad_cards(saved, changes, message):
    rewrite_card(saved, **changes)
    with pytest.raises(InputError, match=message):
        load_checkpoint(saved)


def test_missing_files_and_names(saved, tmp_path):
    with pytest.raises(InputError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "none.safetensors")
    with pytest.raises(InputError, match=r"ends in \.safetensors"):
        load_checkpoint(tmp_path / "last.pt")
    card_path(saved).write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        load_checkpoint(saved)
    card_path(saved).unlink()
    with pytest.raises(InputError, match=r"net\.json is missing"):
        load_checkpoint(saved)


def test_default_is_in_the_repository():
    assert DEFAULT_CHECKPOINT.is_absolute()
    assert (DEFAULT_CHECKPOINT.parents[1] / "pyproject.toml").is_file()
