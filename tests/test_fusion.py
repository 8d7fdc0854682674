"""The seams of fusion and refinement: how a part is added, what old configurations mean, what each option does."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tiny_training import NETWORK, make_trainer, tiny_config
from torch import Tensor, nn

from app.session import Analysis
from app.views import attention, attention_inside
from mtcp.checkpoint.store import load_checkpoint, save_checkpoint
from mtcp.cli import train as train_command
from mtcp.config import ModelConfig
from mtcp.errors import InputError
from mtcp.inference import onnx as onnx_export
from mtcp.inference.predictor import Predictor
from mtcp.model import MTCP
from mtcp.model.fusion import FUSIONS
from mtcp.model.fusion.base import Fused
from mtcp.model.refinement import REFINEMENTS
from mtcp.model.refinement.base import Refined
from mtcp.model.trace import Trace

TASKS = ("semseg", "depth", "normals")


@dataclasses.dataclass(frozen=True)
class Shares(Trace):
    kind: ClassVar[str] = "shares"

    share: float


@dataclasses.dataclass(frozen=True)
class TensorShares:
    weight: Tensor

    def numpy(self) -> Shares:
        return Shares(float(self.weight.detach()))


class MeanFusion(nn.Module):
    """Every task gets its own feature plus a learned share of the mean of all."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.tensor(0.5))

    def forward(self, features: dict[str, Tensor]) -> Fused:
        mean = torch.stack(list(features.values())).mean(0)
        return Fused({name: f + self.share * mean for name, f in features.items()}, TensorShares(self.share))


class Smooth(nn.ModuleDict):
    """Refines in one step, with nothing between."""

    intermediates = 0

    def __init__(self, config: ModelConfig) -> None:
        super().__init__({name: nn.Conv2d(config.width, config.width, 3, padding=1) for name in config.tasks})

    def forward(self, features: dict[str, Tensor], stages: dict[str, list[Tensor]]) -> Refined:
        return Refined({name: self[name](feature) for name, feature in features.items()}, {})


@pytest.fixture
def dummies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FUSIONS, "mean", f"{__name__}:MeanFusion")
    monkeypatch.setitem(REFINEMENTS, "smooth", f"{__name__}:Smooth")


def fresh(**changes: Any) -> MTCP:
    torch.manual_seed(0)
    return MTCP(tiny_config(**{"tasks": TASKS, **changes}))


def test_a_registered_fusion_trains_predicts_and_opens(dummies: None, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path / "run", model=MTCP(tiny_config(fusion="mean")), epochs=1)
    before = trainer.model.fusion.share.item()
    assert trainer.run()
    assert trainer.model.fusion.share.item() != before
    save_checkpoint(tmp_path / "mean.safetensors", trainer.model)
    photo = np.full((64, 96, 3), 128, np.uint8)
    prediction = Predictor(tmp_path / "mean.safetensors", "cpu")(photo)
    assert set(prediction.refined) == {"semseg", "depth"}
    assert prediction.traces == (Shares(trainer.model.fusion.share.item()),)
    analysis = Analysis(photo, prediction, "a.png", (64, 96))
    found = attention.rows_at(analysis, (5, 5))
    assert attention.NOT_ATTENDING in attention.headline(analysis, (5, 5), found)
    assert attention.NOT_ATTENDING in attention_inside.entropies(analysis)
    assert attention_inside.WITHOUT_GATES in attention_inside.gates(analysis)


def test_a_registered_refinement_needs_no_intermediate_steps(dummies: None, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path / "run", model=MTCP(tiny_config(refinement="smooth")), epochs=1)
    names = {name.split(".")[0] for name in trainer.model.state_dict()}
    assert {"smooth", "refined_heads"} <= names
    assert not names & {"trace_back", "intermediate_heads"}
    assert trainer.run()
    decoded = trainer.model.inspect(torch.rand(1, 3, 64, 64))
    assert (set(decoded.refined), decoded.intermediate) == ({"semseg", "depth"}, {})


def test_unknown_parts_are_named_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match="fusion='glue': choose one of cfm, none"):
        ModelConfig(fusion="glue")
    with pytest.raises(InputError, match="refinement='glue': choose one of trace_back, none"):
        ModelConfig(refinement="glue")
    for name in ("cfm_residual", "srm_shrink", "heads"):
        with pytest.raises(InputError, match=f"{name}='glue': choose one of"):
            ModelConfig(**{name: "glue"})


@pytest.mark.parametrize(
    ("old", "now"),
    [
        ({"cfm": True, "trace_back": True}, {"fusion": "cfm", "refinement": "trace_back"}),
        ({"cfm": False, "trace_back": True}, {"fusion": "none", "refinement": "trace_back"}),
        ({"cfm": False, "trace_back": False}, {"fusion": "none", "refinement": "none"}),
        ({"cfm_residual": True}, {"cfm_residual": "branch"}),
        ({"cfm_residual": False}, {"cfm_residual": "none"}),
    ],
)
def test_configurations_of_earlier_versions_are_read(old: dict[str, bool], now: dict[str, str]) -> None:
    assert ModelConfig.from_dict(old) == ModelConfig(**now)
    other = ModelConfig(fusion="none", refinement="none", cfm_residual="input")
    assert other.replace(**old) == other.replace(**now)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"cfm": True, "fusion": "none"}, "cfm is now fusion: leave cfm out"),
        ({"trace_back": "no"}, r"unknown ModelConfig field\(s\) trace_back"),
        ({"cfm_residual": 1}, "cfm_residual=1"),
    ],
)
def test_old_and_new_do_not_mix(bad: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        ModelConfig.from_dict(bad)


def test_commands_of_earlier_versions_are_read() -> None:
    import argparse

    parser = argparse.ArgumentParser()
    train_command.add_parser(parser.add_subparsers())
    flags = ["--task-decoder", "no", "--cfm", "no", "--trace-back", "no"]
    model, _ = train_command._configs(parser.parse_args(["train", "--name", "x", *NETWORK, *flags]))
    assert (model.fusion, model.refinement) == ("none", "none")


def test_with_its_input_added_the_fusion_begins_as_none() -> None:
    """Bit for bit, in training too: batch norm's factor is zero, not small."""
    fused = fresh(fusion="cfm", cfm_residual="input")
    bare = fresh(fusion="none")
    bare.load_state_dict({name: v for name, v in fused.state_dict().items() if "fusion." not in name})
    x = torch.rand(2, 3, 65, 97)
    for mode in (True, False):
        with torch.no_grad():
            one, other = fused.train(mode).inspect(x), bare.train(mode).inspect(x)
        for stage in ("initial", "refined"):
            for task in TASKS:
                assert torch.equal(getattr(one, stage)[task], getattr(other, stage)[task])
    with torch.no_grad():
        apart = fresh(fusion="cfm").eval().inspect(x).initial["depth"] - other.initial["depth"]
    assert apart.abs().max() > 1e-3  # as published it does not


def test_the_zero_factor_learns_and_frees_the_rest() -> None:
    model = fresh(fusion="cfm", cfm_residual="input").train()
    x = torch.rand(2, 3, 64, 96)
    last = model.fusion["depth"].out[1]
    step = torch.optim.SGD(model.parameters(), 0.1)
    for moved in (False, True):
        model.zero_grad()
        model.inspect(x).initial["depth"].square().mean().backward()
        assert last.weight.grad.abs().max() > 0
        assert bool(model.fusion["depth"].theta[0].channel.fc1.weight.grad.any()) == moved
        step.step()


def test_an_antialiased_shrink_is_the_mean_over_each_cell() -> None:
    chain = fresh(srm_shrink="antialiased").eval().trace_back["depth"]
    first = chain.steps[0]
    feature, stage = torch.rand(1, 8, 17, 23), torch.rand(1, 32, 5, 6)
    p, q = first.previous(feature), first.stage(stage)
    mean = torch.stack(
        [p[..., 4 * i : 4 * i + 4, 4 * j : 4 * j + 4].mean((2, 3)) for i in range(5) for j in range(6)], -1
    ).unflatten(-1, (5, 6))
    with torch.no_grad():
        torch.testing.assert_close(first(feature, stage)[0], first.pred(torch.cat([mean, q], 1)))
    checks = (
        torch.arange(24)[:, None] + torch.arange(32)
    ) % 2 * 2.0 - 1  # finer than a cell: nothing is left of it
    assert F.avg_pool2d(checks[None, None], 4).abs().max() == 0
    assert all(step.shrink == 0 for step in chain.steps[1:])


def test_heads_with_a_block_are_so_everywhere() -> None:
    model = fresh(heads="conv")
    heads = [*model.initial_heads.values(), *model.refined_heads.values()]
    heads += [head for of in model.intermediate_heads.values() for head in of]
    assert len(heads) == 4 * len(TASKS)
    assert {tuple(type(layer) for layer in head) for head in heads} == {
        (nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.Conv2d)
    }
    assert {head[0].kernel_size for head in heads} == {(3, 3)}


NEW = {"cfm_residual": "input", "srm_shrink": "antialiased", "heads": "conv"}


def test_the_new_options_survive_a_checkpoint_and_onnx(tmp_path: Path) -> None:
    model = fresh(**NEW, tasks=TASKS[:2]).eval()
    with torch.no_grad():
        for task in TASKS[:2]:  # else the fusion's part would not show
            model.fusion[task].out[1].weight.fill_(0.7)
    save_checkpoint(tmp_path / "net.safetensors", model)
    again, card = load_checkpoint(tmp_path / "net.safetensors")
    assert {name: card["config"][name] for name in NEW} == NEW
    x = torch.rand(1, 3, 65, 97)
    with torch.no_grad():
        assert torch.equal(again(x)["refined"]["depth"], model(x)["refined"]["depth"])
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    errors = onnx_export.differences(
        model, onnx_export.session(onnx_export.traced(model), 1), (2, 3, 97, 131)
    )
    assert max(errors.values()) <= 1e-4, errors
