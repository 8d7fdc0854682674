"""The designs that distil between tasks or share a workspace: what each computes, and that each trains and travels."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_onnx import require_extra
from test_train import assert_same_training
from tiny_training import TASKS as TWO
from tiny_training import make_trainer
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from app.session import Analysis
from app.views import attention_inside, inside
from mtcp.checkpoint.store import load_checkpoint, save_checkpoint
from mtcp.config import ModelConfig
from mtcp.errors import InputError
from mtcp.inference import onnx as onnx_export
from mtcp.inference.predictor import Predictor
from mtcp.model import MTCP
from mtcp.model.fusion.base import make_fusion
from mtcp.model.fusion.ccam import ChannelFusion
from mtcp.model.fusion.kem import WorkspaceUse, effective_number, simplex_frame
from mtcp.model.refinement.multi_scale import FeaturePropagation
from mtcp.model.refinement.task_recursive import TaskRecursive
from mtcp.model.trace import AttentionTrace, MapsTrace, MatricesTrace
from mtcp.presets import preset
from mtcp.training.warm_start import take_over

PRESETS = ("pad-net", "mti-net", "jtrl", "sequential", "kem", "stable-kem", "ccam")
REFINED = {"pad-net": 0, "mti-net": 4, "jtrl": 3, "sequential": 0}
"""Designs with refined predictions, and how many there are between initial and refined."""
CANCELLED = re.compile(r"^(sequential\..*\.(key|value|mix\.\d)|fusion\.workspace\.out)\.bias$")
"""What changes nothing: a key's bias moves all logits of a row alike; what a value's, or a slot's, adds to every cell,
the BatchNorm behind it takes away, and so both for the biases before them."""
SMALL = {
    "backbone": "test_efficientnet",
    "width": 8,
    "queries": 4,
    "query_layers": 1,
    "query_heads": 2,
    "slots": 4,
}
THREE = ("semseg", "depth", "normals")
SIZE = (37, 70)


def config_of(name: str, tasks: tuple[str, ...] = THREE, **changes: object) -> ModelConfig:
    return preset(name, tasks=tasks, **{**SMALL, **changes})


def fresh(name: str, tasks: tuple[str, ...] = THREE, **changes: object) -> MTCP:
    torch.manual_seed(0)
    return MTCP(config_of(name, tasks, **changes))


def features_of(tasks: tuple[str, ...] = THREE, h: int = 6, w: int = 9) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {task: torch.randn(2, 8, h, w, generator=generator) for task in tasks}


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize(
    "tasks", [("depth", "normals"), THREE, ("semseg", "depth", "normals", "edge")], ids=["2", "3", "4"]
)
def test_any_number_of_tasks_at_an_odd_size(name: str, tasks: tuple[str, ...]) -> None:
    model = fresh(name, tasks).eval()
    x = torch.rand(1, 3, *SIZE)
    with torch.no_grad():
        out, decoded = model(x), model.inspect(x)
    stages = ("initial", "refined") if name in REFINED else ("initial",)
    assert model.config.stages == stages
    for stage in stages:
        assert {task: tuple(out[stage][task].shape) for task in tasks} == {
            task.name: (1, task.channels, *SIZE) for task in model.tasks
        }
        assert all(torch.isfinite(maps).all() for maps in out[stage].values())
    steps = {task: len(decoded.intermediate.get(task, ())) for task in tasks}
    assert steps == dict.fromkeys(tasks, REFINED.get(name, 0))
    grids = [(2, 3), (3, 5), (5, 9), (10, 18)]
    assert [tuple(raw.shape[-2:]) for raw in decoded.intermediate.get("depth", ())] == grids[: steps["depth"]]


@pytest.mark.parametrize("name", PRESETS)
def test_gradients_reach_every_parameter(name: str) -> None:
    model = fresh(name).train().double()  # so that zero and short are told apart
    decoded = model.inspect(torch.rand(2, 3, *SIZE, dtype=torch.float64))
    maps = [*decoded.initial.values(), *decoded.refined.values()]
    maps += [raw for steps in decoded.intermediate.values() for raw in steps]
    torch.stack([raw.square().mean() for raw in maps]).sum().backward()
    without = [n for n, p in model.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
    assert without == []
    longest = {n: float(p.grad.abs().max()) for n, p in model.named_parameters()}  # type: ignore[union-attr]
    unmoved = [n for n, length in longest.items() if length <= 1e-10 * max(longest.values())]
    assert [n for n in unmoved if not CANCELLED.search(n)] == []


@pytest.mark.parametrize("name", PRESETS)
def test_a_checkpoint_opens_in_the_attention_tab(name: str, tmp_path: Path) -> None:
    model = fresh(name).eval()
    save_checkpoint(tmp_path / "net.safetensors", model)
    again, _ = load_checkpoint(tmp_path / "net.safetensors")
    x = torch.rand(1, 3, *SIZE)
    with torch.no_grad():
        assert torch.equal(
            again(x)[model.config.stages[-1]]["depth"], model(x)[model.config.stages[-1]]["depth"]
        )
    photo = np.full((64, 96, 3), 128, np.uint8)
    prediction = pickle.loads(pickle.dumps(Predictor(tmp_path / "net.safetensors", "cpu")(photo)))
    analysis = Analysis(photo, prediction, "a.png", (64, 96))
    if name == "sequential":
        assert prediction.attention is not None
        assert "cells attended to" in attention_inside.entropies(analysis)
    else:
        assert inside.NOTHING not in inside.inside(analysis)
    for trace in prediction.traces:
        if isinstance(trace, MapsTrace):
            assert all(one.values.min() >= 0 and one.values.max() <= 1 for one in trace.maps)
    steps = attention_inside.steps(analysis)
    assert steps.count("step ") >= 3 if REFINED.get(name) else steps.count("step ") == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_onnx_runtime_and_torch_agree(name: str) -> None:
    require_extra()
    model = fresh(name, THREE[1:]).eval()
    session = onnx_export.session(onnx_export.traced(model), 1)
    for size in ((1, 3, 97, 131), (3, 3, 64, 160)):
        errors = onnx_export.differences(model, session, size)
        assert max(errors.values()) <= 1e-4, errors


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_a_resumed_run_is_the_unbroken_one(name: str, tmp_path: Path) -> None:
    def trainer(folder: str, **options: Any) -> Any:
        return make_trainer(tmp_path / folder, model=fresh(name, TWO), epochs=2, **options)

    full = trainer("whole")
    assert full.run()
    assert not trainer("halves").run(until_epoch=1)
    second = trainer("halves", resume=True)
    assert second.run()
    assert_same_training(full, second)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"refinement": "trace_back"},
            "reads the stages of the decoder swin, and decoder=conv: take decoder=swin",
        ),
        ({"refinement": "multi_scale"}, "take decoder=pyramid"),
        ({"decoder": "pyramid"}, "take decoder=conv, or refinement=multi_scale, task_recursive, sequential"),
        ({"tasks": ["depth"]}, "'distillation' needs two tasks; take refinement=none or trace_back for one"),
        ({"fusion": "kem", "slots": 1}, "slots=1: must be from 2 to width=8"),
        ({"fusion": "kem", "slots": 9}, "slots=9: must be from 2 to width=8"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        config_of("pad-net", **{"slots": 4, **changes})


def test_what_was_learned_of_other_tasks_is_not_taken_over(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "two.safetensors", fresh("jtrl", ("semseg", "depth")))
    taken = take_over(fresh("jtrl", ("depth", "normals")), str(tmp_path / "two.safetensors"))
    assert "fuses semseg, expected normals" in taken.skipped["task_recursive.depth"]
    assert "decoders.depth" in taken.taken


def identity_kernel(conv: nn.Conv2d) -> None:
    nn.init.dirac_(conv.weight)


def test_distillation_adds_the_gated_features_of_the_others() -> None:
    model = fresh("pad-net").eval()
    features = features_of()
    with torch.no_grad():
        for module in model.distillation.values():
            for gate in module.distil.values():
                gate.gate.weight.zero_()
                identity_kernel(gate.value)
        found, gates = model.distillation["depth"].distil(features)
        wanted = features["depth"] + 0.5 * (features["semseg"] + features["normals"])
        torch.testing.assert_close(found, wanted)
        trace = model.distillation(features, {}).trace.numpy()
    assert set(gates) == {"semseg", "normals"}
    assert [(one.group, one.title) for one in trace.maps[2:4]] == [
        ("into depth", "semseg"),
        ("into depth", "normals"),
    ]
    assert len(trace.maps) == 6
    assert all((one.values == 0.5).all() for one in trace.maps)


def test_propagation_weighs_the_tasks_against_each_other() -> None:
    torch.manual_seed(0)
    propagation, features = FeaturePropagation(config_of("mti-net")).eval(), features_of()
    with torch.no_grad():
        propagation.weigh[1].weight.zero_()
        propagation.weigh[1].bias.zero_()  # all tasks alike
        found = propagation(features)["normals"]
        shared = propagation.reduce(torch.cat(list(features.values()), 1) / 3)
        torch.testing.assert_close(found, features["normals"] + propagation.excite["normals"](shared))
        propagation.weigh[1].bias[8:16] = 50.0  # the second task alone, at all its channels
        one = torch.cat([torch.zeros_like(found), features["depth"], torch.zeros_like(found)], 1)
        wanted = features["normals"] + propagation.excite["normals"](propagation.reduce(one))
        torch.testing.assert_close(propagation(features)["normals"], wanted)


def test_gates_and_steps_of_every_scale() -> None:
    model = fresh("mti-net").eval()
    with torch.no_grad():
        decoded = model.inspect(torch.rand(1, 3, *SIZE))
    (trace,) = (one.numpy() for one in decoded.traces)
    shapes = {one.group: one.values.shape for one in trace.maps}
    assert len(trace.maps) == 3 * 2 * 4
    assert [shapes[f"into depth at 1/{by}"] for by in (32, 16, 8, 4)] == [(2, 3), (3, 5), (5, 9), (10, 18)]


class Recorder(nn.Module):
    """A step that only counts: each new state is the number of the step."""

    def __init__(self, count: list[float], seen: list[tuple[float, list[float], float]]) -> None:
        super().__init__()
        self.count, self.seen = count, seen

    def forward(self, own: Tensor, others: list[Tensor], stage: Tensor) -> tuple[Tensor, Tensor]:
        self.seen.append((float(own.mean()), [float(x.mean()) for x in others], float(stage.mean())))
        self.count[0] += 1
        return torch.full_like(stage, self.count[0]), torch.zeros_like(stage)


def test_tasks_take_turns_and_see_the_latest_states() -> None:
    module = TaskRecursive(config_of("jtrl", ("semseg", "depth")))
    count, seen = [0.0], []
    for steps in module.values():
        for i in range(4):
            steps[i] = Recorder(count, seen)
    stages = {
        task: [torch.full((1, 8, 8 // 2**i, 8 // 2**i), first - i) for i in range(4)]
        for task, first in (("semseg", -10.0), ("depth", -20.0))
    }
    refined = module({}, stages)
    assert seen == [
        (-13.0, [-23.0], -13.0), (-23.0, [1.0], -23.0),
        (1.0, [2.0], -12.0), (2.0, [3.0], -22.0),
        (3.0, [4.0], -11.0), (4.0, [5.0], -21.0),
        (5.0, [6.0], -10.0), (6.0, [7.0], -20.0),
    ]  # fmt: skip
    assert float(refined.features["depth"].mean()) == 8
    assert [float(state.mean()) for state in refined.intermediate["semseg"]] == [1, 3, 5]


def test_a_step_balances_its_own_state_and_the_others() -> None:
    step = fresh("jtrl").eval().task_recursive["depth"][3]
    own, other, stage = (torch.rand(1, 8, 6, 9) for _ in range(3))
    with torch.no_grad():
        step.balance.weight.zero_()
        step.balance.bias.fill_(50.0)
        seen: list[Tensor] = []
        step.down.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
        balance = step(own, [other, other], stage)[1]
        assert balance.min() == 1
        torch.testing.assert_close(seen[0], own)
        step.up.weight.zero_()
        step.up.bias.zero_()  # M = 1/2
        wanted = step.join(torch.cat([1.5 * own, 1.5 * step.gather(torch.cat([other, other], 1)), stage], 1))
        torch.testing.assert_close(step(own, [other, other], stage)[0], wanted)


def test_a_task_attends_to_the_others_and_to_its_own_scales() -> None:
    model = fresh("sequential").eval()
    module = model.sequential["depth"]
    stages = {
        task: [feature, *(feature[..., ::by, ::by] for by in (2, 4, 8))]
        for task, feature in features_of().items()
    }
    with torch.no_grad():
        trace = model.sequential({}, stages).trace.numpy()
        attention = module.tasks[0]
        others = torch.cat([stages[task][0] for task in ("semseg", "normals")], 1)
        keys = torch.nn.functional.avg_pool2d(
            attention.key(module.mix[0](others)), 2, ceil_mode=True, count_include_pad=False
        )
        query = attention.query(stages["depth"][0])[0, :, 2, 4]
        shares = torch.softmax(query @ keys[0].flatten(1) / 8**0.5, 0)
    assert isinstance(trace, AttentionTrace)
    assert (trace.tasks, trace.key_grid) == (THREE, (3, 5))
    row = trace.row("depth", (4, 2))
    assert row.sum() == pytest.approx(1, abs=1e-5)
    full = shares.view(3, 5)[1, 2]  # a key of four cells
    assert row[2, 4] == pytest.approx(float(full) / 4, rel=1e-4)
    changed = {**stages, "depth": [stages["depth"][0], *(torch.zeros_like(x) for x in stages["depth"][1:])]}
    with torch.no_grad():
        assert not torch.allclose(module(changed)[0], module(stages)[0])


@pytest.mark.parametrize("name", ["kem", "stable-kem"])
def test_shares_of_the_workspace_sum_to_one(name: str) -> None:
    fusion = fresh(name).eval().fusion
    with torch.no_grad():
        tables, retrieved, reads = (one.numpy() for one in fusion(features_of()).trace)
    assert isinstance(tables, MatricesTrace)
    by_task, gates, _, _, *alignment = tables.matrices
    assert (by_task.rows, by_task.columns) == (tuple(f"slot {i}" for i in range(1, 5)), THREE)
    np.testing.assert_allclose(by_task.values.sum(1), 1, atol=1e-5)
    for slot, shares in zip(by_task.rows, by_task.values, strict=True):
        maps = [one.values for one in retrieved.maps if one.group == slot]
        assert len(maps) == 3
        assert max(one.max() for one in maps) == 1
        for one, share in zip(maps, shares, strict=True):
            total = sum(map(np.sum, np.float64(maps)))
            assert one.sum(dtype=np.float64) / total == pytest.approx(share, abs=2e-3)
    read = {task: [one for one in reads.maps if one.group == f"{task} reads"] for task in THREE}
    for maps in read.values():
        assert tuple(one.title for one in maps) == by_task.rows
        np.testing.assert_allclose(sum(one.values.astype(np.float32) for one in maps), 1, atol=2e-3)
    assert gates.columns == ("write gate", "keep gate", "share of reading")
    for m, share in enumerate(gates.values[:, 2]):
        shown = np.mean([read[task][m].values.astype(np.float32) for task in THREE])
        assert share == pytest.approx(shown, abs=2e-3)
    assert len(alignment) == (1 if name == "stable-kem" else 0)


def open_gates(fusion: nn.Module, write: float, keep: float) -> None:
    """Gates that do not look at anything, their logits as given."""
    gates = fusion.get_submodule("workspace.gates")
    gates.weight.zero_()  # type: ignore[operator,union-attr]
    gates.bias.copy_(torch.tensor([write] * 8 + [keep] * 8))  # type: ignore[operator,union-attr]


@pytest.mark.parametrize(("write", "reaches"), [(0.0, True), (-50.0, False)], ids=["half open", "shut"])
def test_a_shut_write_gate_is_shown_as_what_it_is(write: float, reaches: bool) -> None:
    fusion = fresh("kem").eval().fusion
    features = features_of()
    with torch.no_grad():
        open_gates(fusion, write, 1.0)
        before, after = fusion(features), fusion({**features, "depth": 3 * features["depth"] + 1})
    assert torch.equal(before.features["semseg"], after.features["semseg"]) is not reaches
    (tables, _, reads), (_, _, others) = ([one.numpy() for one in made.trace] for made in (before, after))
    gates = tables.matrices[1].values
    np.testing.assert_allclose(gates[:, 0], 0.5 if reaches else 0.0, atol=1e-6)
    np.testing.assert_allclose(gates[:, 1], 1 / (1 + np.exp(-1)), atol=1e-6)
    of_semseg = [[one.values for one in made.maps if one.group == "semseg reads"] for made in (reads, others)]
    assert np.array_equal(*of_semseg) is not reaches
    assert not any(task in one.title for one in reads.maps for task in THREE)  # nobody is credited with it


def test_the_effective_number_of_slots_by_hand() -> None:
    amounts = torch.tensor([[3.0, 0.0, 1.0], [3.0, 7.0, 3.0], [3.0, 0.0, 0.0], [3.0, 0.0, 0.0]])
    found = effective_number(amounts[None])[0]
    wanted = [4.0, 1.0, np.exp(-(0.25 * np.log(0.25) + 0.75 * np.log(0.75)))]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_slots_in_use_are_counted() -> None:
    fusion, features = fresh("kem").eval().fusion, features_of()
    with torch.no_grad():
        for task in THREE:
            fusion[task].query.weight.zero_()
            fusion[task].query.bias.zero_()  # every cell reads all slots alike
        alike = fusion(features).trace[0].numpy().matrices
        fusion["workspace"].query.weight.zero_()
        fusion["workspace"].query.bias.zero_()
        open_gates(fusion, -50.0, 50.0)
        fusion["workspace"].out.weight.zero_()
        fusion["workspace"].out.bias.zero_()  # the slots are the learned ones
        slots = fusion["workspace"].slots
        fusion["depth"].query.bias.copy_(1e4 * (slots[2] - slots.mean(0)))
        one = fusion(features).trace[0].numpy().matrices
    assert alike[3].columns == (*THREE, "all tasks")
    np.testing.assert_allclose(alike[3].values, 4, rtol=1e-5)
    np.testing.assert_allclose(one[2].values, 4, rtol=1e-5)  # no slot prefers anything
    assert one[3].values[0, 1] == pytest.approx(1, abs=1e-3)  # depth reads one slot
    assert 3 < one[3].values[0, 3] < 4
    assert one[1].values[:, 2].sum() == pytest.approx(1, abs=1e-5)


def test_training_makes_no_maps_of_the_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fresh("kem")
    for name in ("tables", "retrieval_maps", "reading_maps"):
        monkeypatch.setattr(WorkspaceUse, name, None)
    decoded = model.inspect(torch.rand(2, 3, *SIZE))
    assert len(decoded.traces) == 3
    with pytest.raises(TypeError):
        decoded.traces[0].numpy()


def test_slots_that_cannot_choose_take_the_mean_of_all_cells() -> None:
    fusion, features = fresh("kem").eval().fusion, features_of()
    workspace = fusion["workspace"]
    with torch.no_grad():
        workspace.query.weight.zero_()
        workspace.query.bias.zero_()
        keys, values = torch.rand(2, 162, 8), torch.rand(2, 162, 8)
        retrieved = workspace.retrieve(keys, values).content
        torch.testing.assert_close(retrieved, values.mean(1, keepdim=True).expand(2, 4, 8))
        open_gates(fusion, 50.0, -50.0)  # write all, keep nothing
        workspace.out.weight.zero_()
        workspace.out.bias.zero_()
        torch.testing.assert_close(workspace.write(retrieved).slots, retrieved.tanh())
        table = fusion(features).trace[0].numpy().matrices[0]
    np.testing.assert_allclose(table.values, 1 / 3, atol=1e-6)


def test_a_slot_of_the_frame_finds_what_points_its_way() -> None:
    workspace = fresh("stable-kem").eval().fusion["workspace"]
    keys = 7.0 * workspace.frame.T[None]  # four cells, each at a vertex
    found = workspace.retrieve(keys, torch.eye(4, 8)[None])
    wanted = torch.full((4, 4), -1 / 3).fill_diagonal_(1.0)
    torch.testing.assert_close(found.alignment[0], wanted, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.shares[0], torch.softmax(wanted * 8**0.5, -1), atol=1e-5, rtol=0)
    assert not any("frame" in key for key in workspace.state_dict())


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_the_frame_is_a_simplex(data: st.DataObject) -> None:
    width = data.draw(st.integers(2, 96))
    vertices = data.draw(st.integers(2, width))
    frame = simplex_frame(width, vertices).double()
    wanted = torch.full((vertices, vertices), -1 / (vertices - 1), dtype=torch.float64).fill_diagonal_(1.0)
    torch.testing.assert_close(frame.T @ frame, wanted, atol=1e-5, rtol=0)


def test_channels_that_cannot_choose_take_the_mean_channel() -> None:
    torch.manual_seed(0)
    fusion = ChannelFusion(8, 1).eval()
    main, source = features_of(("semseg", "depth")).values()
    with torch.no_grad():
        fusion.log_temperature.fill_(-50.0)
        found, (affinity,) = fusion(main, [source])
        torch.testing.assert_close(affinity, torch.full_like(affinity, 1 / 8))
        mean = (source * fusion.gates[0](source).sigmoid()).mean(1, keepdim=True)
        torch.testing.assert_close(found, main + fusion.norm(mean.expand_as(main)))
        for gate in (fusion.gate, fusion.gates[0]):
            gate.weight.zero_()
            gate.bias.zero_()
        fusion.log_temperature.fill_(5.0)
        order = torch.randperm(8)
        affinity = fusion(main, [main[:, order] * 3 + 1])[1][0]
    assert (affinity.argmax(-1) == order.argsort()).all()  # scale and offset of a channel do not matter


def test_the_channel_table_keeps_sums() -> None:
    fusion = fresh("ccam", width=20).eval().fusion
    generator = torch.Generator().manual_seed(0)
    features = {task: torch.randn(2, 20, 6, 9, generator=generator) for task in THREE}
    with torch.no_grad():
        trace = fusion(features).trace
        tables = trace.numpy().matrices
    assert [table.title for table in tables[:2]] == ["into semseg from depth", "into semseg from normals"]
    assert (len(tables), tables[0].values.shape, tables[0].rows[:2]) == (6, (8, 8), ("1 to 2", "3 to 5"))
    full = trace.affinities["semseg", "depth"][0]
    assert tables[0].values[1, 0] == pytest.approx(float(full[2:5, :2].sum(1).mean()), rel=1e-4)
    for table in tables:
        np.testing.assert_allclose(table.values.sum(1), 1, atol=1e-5)


def multiply_adds(name: str, side: int, **changes: object) -> int:
    fusion = make_fusion(config_of(name, **changes)).eval().to("meta")
    features = {task: torch.zeros(1, 8, side, side, device="meta") for task in THREE}
    with FlopCounterMode(display=False) as counter:
        fusion(features)
    return int(counter.get_total_flops()) // 2


@pytest.mark.parametrize("name", ["kem", "stable-kem", "ccam"])
def test_work_grows_linearly_with_the_number_of_cells(name: str) -> None:
    one, two, four = (multiply_adds(name, side) for side in (40, 80, 160))
    assert four - two == 4 * (two - one)  # what is left does not depend on N
    assert one < 1.1 * (two - one) / 3


def test_the_workspace_costs_tasks_times_cells_times_slots() -> None:
    side, M, C = 40, 4, 8
    more = multiply_adds("kem", side, slots=2 * M) - multiply_adds("kem", side)
    per_slot = 4 * 3 * side**2 * C  # logits and values of retrieve and of broadcast
    fixed = C * C + 2 * C * 2 * C + 3 * C * C + C * C  # the slots' own layers
    among = 2 * C * ((2 * M) ** 2 - M**2)
    assert more == M * (per_slot + fixed) + among
