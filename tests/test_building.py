"""A checkpoint's configuration is not believed: nothing is fetched, and no more is built than the file fills."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from test_checkpoint import rewrite_card
from tiny_training import tiny_config

from mtcp.checkpoint.safe_build import _at_most, build_offline, refuse_online
from mtcp.checkpoint.store import check_fit, load_checkpoint, save_checkpoint
from mtcp.config import ModelConfig
from mtcp.errors import InputError
from mtcp.model import MTCP

PLAIN = {"query_gate": False, "fusion": "none", "refinement": "none", "task_decoder": False}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, MTCP(tiny_config()))
    return path


def forge(path: Path, **changes: object) -> None:
    """The file with another configuration, in the header and on the card, as someone would who means it."""
    config = {**json.loads(path.with_suffix(".json").read_text())["config"], **changes}
    header = {"format": "mtcp-checkpoint", "version": "1", "config": json.dumps(config)}
    save_file(load_file(path), path, header)
    rewrite_card(path, config=config, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name is looked up and nothing connected to."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("went online")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize(
    "name",
    ["hf-hub:owner/net", "hf_hub:owner/net", "local-dir:/tmp/net", "https://example.org/net", "owner/net",
     "..\\net", "net name", "", "x" * 200],
)  # fmt: skip
def test_a_backbone_from_elsewhere_is_refused(saved: Path, offline: None, name: str) -> None:
    forge(saved, backbone=name)
    with pytest.raises(InputError, match="expected the plain name of a timm model") as caught:
        load_checkpoint(saved)
    assert str(saved) in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("", "does not carry its Mask2Former's shape"),
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ('{"backbone": "microsoft/resnet-50"}', "'backbone', which would be loaded"),
        ('{"backbone_config": {"use_pretrained_backbone": true}}', "'use_pretrained_backbone', which"),
        ('{"backbone_config": [{"model_type": "timm_backbone"}]}', "'timm_backbone', which"),
        ('{"auto_map": {"AutoModel": "evil.Net"}}', "'auto_map', which"),
    ],
)
def test_a_mask2former_from_elsewhere_is_refused(offline: None, settings: str, message: str) -> None:
    config = ModelConfig(shared="mask2former", backbone="owner/net", mask2former=settings)
    with pytest.raises(InputError, match=message):
        refuse_online(config)


def test_a_giant_is_not_built(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest backbone with four levels, for a file of a few thousand values: only its shapes are made."""
    largest = 0
    register = torch.nn.Module.register_parameter

    def weigh(module: torch.nn.Module, name: str, parameter: torch.nn.Parameter | None) -> None:
        nonlocal largest
        if parameter is not None and parameter.device.type != "meta":
            largest += parameter.numel()
        register(module, name, parameter)

    forge(saved, backbone="convnext_xxlarge")  # 846 million parameters
    monkeypatch.setattr(torch.nn.Module, "register_parameter", weigh)
    with pytest.raises(InputError, match="does not fit its configuration"):
        load_checkpoint(saved)
    assert 0 < largest < 30_000_000  # values, 120 MB


@pytest.mark.parametrize("changes", [{"width": 4096, "queries": 4096}, {"query_layers": 64}])
def test_a_wide_or_deep_network_is_not_built(saved: Path, changes: dict[str, int]) -> None:
    forge(saved, **changes)
    with pytest.raises(InputError, match="does not fit its configuration"):
        load_checkpoint(saved)


def test_a_mask2former_of_endless_layers_is_not_built() -> None:
    pytest.importorskip("transformers")
    swin = {"model_type": "swin", "embed_dim": 8, "depths": [1] * 4, "num_heads": [1] * 4}
    swin["out_features"] = [f"stage{i}" for i in (1, 2, 3, 4)]
    sizes = {"hidden_dim": 32, "mask_feature_size": 32, "feature_size": 32, "dim_feedforward": 32}
    layers = {"encoder_layers": 10**7, "decoder_layers": 2, "num_attention_heads": 2}
    tiny = {**sizes, **layers, "backbone_config": swin}
    config = ModelConfig(shared="mask2former", backbone="x/y", width=16, mask2former=json.dumps(tiny))
    with pytest.raises(InputError, match="many more than the 1 tensors"):
        build_offline(config, {"w": torch.zeros(10**6)}, check_fit)


def test_what_timm_cuts_off_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A head (VGG's is seven times its features) may look too much at first sight; shapes decide."""
    full = MTCP(tiny_config(**PLAIN))
    monkeypatch.setattr("mtcp.checkpoint.safe_build.SPARE_VALUES", -(full.config.width**2) * 10**4)
    built = build_offline(full.config, full.state_dict(), check_fit)
    assert built.state_dict().keys() == full.state_dict().keys()
    assert all(p.device.type == "cpu" for p in built.parameters())


def test_other_threads_build_what_they_like() -> None:
    done = []
    with _at_most(0, 0):
        thread = threading.Thread(target=lambda: done.append(torch.nn.Linear(4, 4)))
        thread.start()
        thread.join()
    assert done
    assert not torch.nn.modules.module._global_parameter_registration_hooks
