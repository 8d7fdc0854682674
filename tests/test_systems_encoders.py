"""The designs that differ in their encoder: shapes, gradients, files, resuming, and what each tells of its inside."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_onnx import require_extra
from test_train import assert_same_training
from tiny_training import TASKS, make_trainer

from app.session import Analysis
from app.views import inside
from mtcp.checkpoint.store import load_checkpoint, save_checkpoint
from mtcp.config import ModelConfig
from mtcp.errors import InputError
from mtcp.inference.onnx import differences, session, traced
from mtcp.inference.predictor import Predictor
from mtcp.model import MTCP, Decoded
from mtcp.model.backbone import Backbone
from mtcp.model.encoder.base import make_encoder
from mtcp.model.encoder.branched import Branched
from mtcp.model.encoder.columns import Columns
from mtcp.model.encoder.options import Groups, branching, branching_text, nothing_shared
from mtcp.model.stages import StagedBackbone
from mtcp.model.trace import MapsTrace, MatricesTrace, TreeTrace
from mtcp.objective.gradients import TaskGradients
from mtcp.presets import preset
from mtcp.tasks import TASK_SETS
from mtcp.training.warm_start import take_over

MIXING = ("cross-stitch", "nddr-cnn")
PRESETS = ("plain", *MIXING, "mtan", "fafs")
SMALL = {"backbone": "test_efficientnet", "width": 8, "query_heads": 2}
SETS = [("nyud", ("depth", "semseg")), ("nyud", ("semseg", "depth", "normals")), ("pascal", None)]
SLUICE = {"subspaces": 2, "skip_mixing": True}
PARTED = "semseg,depth,normals;semseg,depth,normals;semseg|depth,normals;semseg|depth|normals"


def small(
    name: str, tasks: tuple[str, ...] = ("semseg", "depth", "normals"), **changes: object
) -> ModelConfig:
    """The preset in tiny, with a tree of these tasks where it has one."""
    if name == "fafs" and "branching" not in changes:
        joint = ",".join(tasks)
        changes["branching"] = f"{joint};{joint};{tasks[0]}|{','.join(tasks[1:])};{'|'.join(tasks)}"
    return preset(name, tasks=tasks, **SMALL, **changes)


def built(config: ModelConfig) -> MTCP:
    torch.manual_seed(0)
    return MTCP(config)


def seen(model: MTCP, size: tuple[int, int] = (37, 70)) -> Decoded:
    torch.manual_seed(1)
    with torch.no_grad():
        return model.eval().inspect(torch.rand(2, 3, *size))


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize(("task_set", "tasks"), SETS)
def test_any_tasks_at_an_odd_size(name: str, task_set: str, tasks: tuple[str, ...] | None) -> None:
    known = {task.name: task for task in TASK_SETS[task_set]}
    names = tasks or tuple(known)[:4]
    model = built(small(name, names, task_set=task_set)).eval()
    with torch.no_grad():
        out = model(torch.rand(2, 3, 37, 70))
    assert out["refined"] == {}
    shapes = {task: tuple(maps.shape) for task, maps in out["initial"].items()}
    assert shapes == {task: (2, known[task].channels, 37, 70) for task in names}
    assert all(trace.numpy().kind for trace in model.inspect(torch.rand(1, 3, 37, 70)).traces)


@pytest.mark.parametrize(
    ("name", "changes"), [*((name, {}) for name in ("single", *PRESETS)), ("cross-stitch", SLUICE)]
)
def test_gradients_reach_every_parameter(name: str, changes: dict[str, Any]) -> None:
    model = built(small(name, **({"tasks": ("depth",)} if name == "single" else {}), **changes))
    maps = model.inspect(torch.rand(2, 3, 64, 96)).initial.values()
    torch.stack([one.square().mean() for one in maps]).sum().backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("levels", [False, True])
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        *((name, {}) for name in PRESETS),
        ("plain", {"query_gate": True, "mask_gate": "sum", "queries": 4, "query_layers": 1}),
        ("cross-stitch", SLUICE),
        ("fafs", {"branching": ""}),
        ("fafs", {"branching": PARTED}),
        ("fafs", {"branching": ";".join(["semseg|depth,normals"] * 4)}),
        ("fafs", {"tasks": ("normals", "depth"), "branching": ";".join(["normals,depth"] * 3 + ["depth|normals"])}),
    ],
)  # fmt: skip
def test_shared_parameters_are_those_that_every_task_reaches(
    name: str, changes: dict[str, Any], levels: bool
) -> None:
    config = small(name, **changes)
    torch.manual_seed(0)
    encoder: Any = make_encoder(config, levels=levels).double()  # so that nothing is rounded to zero
    encoded = encoder(torch.randn(2, 3, 64, 96, dtype=torch.float64))
    scalars = []
    for task in config.tasks:
        maps = encoded.levels[task] if levels else [encoded.features[task]]
        scalars.append(torch.stack([one.square().mean() for one in maps]).sum())
    named = dict(encoder.named_parameters())
    reached = set()
    for key, *of_tasks in zip(named, *TaskGradients.of(scalars, list(named.values())).rows, strict=True):
        # some element by every task: of the last cross-stitch unit each has a row of its own
        if torch.stack([gradient != 0 for gradient in of_tasks]).all(0).any():
            reached.add(key)
    listed = encoder.shared_parameters()
    assert {key for key, parameter in named.items() if any(parameter is one for one in listed)} == reached
    assert len(listed) == len(reached)
    assert (nothing_shared(config) == "") == bool(listed)


@pytest.mark.parametrize("name", ["plain", "single"])
def test_one_encoder_for_all_tasks_is_all_shared(name: str) -> None:
    encoder: Any = built(small(name, ("depth",) if name == "single" else ("depth", "normals"))).shared
    for mine, every in zip(encoder.shared_parameters(), encoder.parameters(), strict=True):
        assert mine is every


@pytest.mark.parametrize("name", PRESETS)
def test_checkpoints_keep_it(name: str, tmp_path: Path) -> None:
    model = built(small(name))
    save_checkpoint(tmp_path / "net.safetensors", model)
    loaded, _ = load_checkpoint(tmp_path / "net.safetensors")
    assert loaded.config == model.config
    before, after = seen(model), seen(loaded)
    for task in before.initial:
        assert torch.equal(before.initial[task], after.initial[task])


@pytest.mark.parametrize("name", PRESETS)
def test_decoders_that_read_levels_get_them(name: str) -> None:
    encoder = make_encoder(small(name), levels=True)
    encoded = encoder(torch.rand(1, 3, 64, 96))
    for task, levels in encoded.levels.items():
        assert levels[0] is encoded.features[task]
        assert [tuple(level.shape) for level in levels] == [
            (1, 8, 64 // stride, 96 // stride) for stride in (4, 8, 16, 32)
        ]
    assert list(encoded.levels) == list(encoded.features) == ["semseg", "depth", "normals"]


@pytest.mark.parametrize(
    ("name", "title", "says"),
    [
        ("plain", "", inside.NOTHING),
        ("cross-stitch", "Cross-stitch units", "<span>0.90</span>"),
        ("nddr-cnn", "NDDR layers", "after the stage at 1/32"),
        ("mtan", "Attention masks", "at 1/32: normals"),
        ("fafs", "Branching", "semseg &nbsp;|&nbsp; depth &nbsp;|&nbsp; normals"),
    ],
)
def test_the_page_shows_the_inside(name: str, title: str, says: str, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "net.safetensors", built(small(name)))
    photo = np.random.default_rng(0).integers(0, 256, (37, 70, 3), dtype=np.uint8)
    prediction = Predictor(tmp_path / "net.safetensors", "cpu")(photo)
    pickle.loads(pickle.dumps(prediction))  # it crosses a process boundary
    html = inside.inside(Analysis(photo, prediction, "a.png", (37, 70)))
    assert title in html
    assert says in html


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PRESETS, "sluice"])
def test_onnx_runtime_and_torch_agree(name: str) -> None:
    require_extra()
    tasks = ("depth", "normals")
    config = small("cross-stitch", tasks, **SLUICE) if name == "sluice" else small(name, tasks)
    model = built(config).eval()
    network = session(traced(model), 1)
    for size in ((1, 3, 97, 131), (3, 3, 64, 160)):
        errors = differences(model, network, size)
        assert max(errors.values()) <= 1e-4, errors


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PRESETS, "sluice"])
def test_a_run_is_two_halves(name: str, tmp_path: Path) -> None:
    config = small("cross-stitch", TASKS, **SLUICE) if name == "sluice" else small(name, TASKS)
    full = make_trainer(tmp_path / "whole", model=built(config), epochs=2)
    assert full.run()
    assert not make_trainer(tmp_path / "halves", model=built(config), epochs=2).run(until_epoch=1)
    second = make_trainer(tmp_path / "halves", model=built(config), epochs=2, resume=True)
    assert second.run()
    assert_same_training(full, second)


# the stages of a backbone


@pytest.mark.parametrize(
    "name",
    ["test_efficientnet", "tf_efficientnet_lite0", "mobilenetv3_small_050", "test_resnet", "test_convnext"],
)
def test_stages_in_turn_are_the_backbone(name: str) -> None:
    torch.manual_seed(0)
    staged = StagedBackbone(name).eval()
    full = Backbone(name).eval()
    full.load_state_dict(staged.state_dict())
    x = torch.rand(1, 3, 64, 96)
    feature, maps = x, []
    with torch.no_grad():
        for stage in range(4):
            feature = staged.stage(stage, feature)
            maps.append(feature)
        for mine, theirs, channels in zip(maps, full(x), full.channels, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-6)
            assert mine.shape[1] == channels


@pytest.mark.parametrize("name", ["swin_tiny_patch4_window7_224", "hrnet_w18_small"])
def test_backbones_that_are_no_chain_are_refused(name: str) -> None:
    with torch.device("meta"), pytest.raises(InputError, match=f"{name}' cannot be split into stages"):
        StagedBackbone(name)


def test_a_branch_has_its_own_stages_alone() -> None:
    full, branch = StagedBackbone("test_efficientnet"), StagedBackbone("test_efficientnet")
    branch.keep_from(2)
    kept = [key for key in full.state_dict() if key.startswith(("net.blocks.3.", "net.blocks.4."))]
    assert list(branch.state_dict()) == kept


# what goes where


def test_cross_stitch_mixes_as_its_units_say() -> None:
    encoder: Any = built(small("cross-stitch", ("semseg", "depth"))).shared
    with torch.no_grad():
        encoder.units[1].copy_(torch.tensor([[1.0, 2.0], [-1.0, 0.5]]))
    a, b = torch.rand(2, 24, 3, 4), torch.rand(2, 24, 3, 4)
    first, second = encoder.mix(1, [a, b])
    torch.testing.assert_close(first, a + 2 * b)
    torch.testing.assert_close(second, 0.5 * b - a)


def test_subspaces_are_mixed_apart_and_stages_weighed() -> None:
    encoder: Any = built(small("cross-stitch", ("semseg", "depth"), **SLUICE)).shared
    with torch.no_grad():
        encoder.units[0].copy_(torch.eye(4)[[0, 2, 1, 3]])  # semseg's second half for depth's first
        encoder.skips.copy_(torch.tensor([[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 1.0]]))
    a, b = torch.rand(1, 8, 2, 2), torch.rand(1, 8, 2, 2)
    first, second = encoder.mix(0, [a, b])
    assert torch.equal(first, torch.cat([a[:, :4], b[:, :4]], 1))
    assert torch.equal(second, torch.cat([a[:, 4:], b[:, 4:]], 1))
    weighed = encoder.to_pyramid([[torch.ones(1, 1, 1, 1)] * 4] * 2)[0]
    assert torch.cat(weighed).flatten().tolist() == [1, 2, 3, 4]


def test_nddr_starts_diagonal() -> None:
    encoder: Any = built(small("nddr-cnn")).shared.eval()
    features = [torch.rand(1, encoder.channels[0], 2, 3) for _ in range(3)]
    mixed = encoder.mix(0, features)
    scale = (1 + 1e-5) ** 0.5  # of a fresh BatchNorm
    torch.testing.assert_close(mixed[1] * scale, 0.9 * features[1] + 0.05 * (features[0] + features[2]))


@pytest.mark.parametrize("name", MIXING)
def test_the_tables_start_with_nine_tenths_of_ones_own(name: str) -> None:
    (trace,) = (trace.numpy() for trace in seen(built(small(name))).traces)
    assert isinstance(trace, MatricesTrace)
    assert [matrix.title[-4:].strip() for matrix in trace.matrices] == ["1/4", "1/8", "1/16", "1/32"]
    for matrix in trace.matrices:
        assert matrix.rows == matrix.columns == ("semseg", "depth", "normals")
        np.testing.assert_allclose(matrix.values, np.full((3, 3), 0.05) + 0.85 * np.eye(3), atol=1e-6)


def test_nddr_says_how_much_it_takes_from_which_task() -> None:
    model = built(small("nddr-cnn", ("semseg", "depth")))
    encoder: Any = model.shared
    weight = encoder.layers[0]["depth"][0].weight
    with torch.no_grad():
        weight.zero_()
        weight[0, 0], weight[1, 1], weight[0, -1] = 2.0, -4.0, 1.0
    trace: Any = seen(model).traces[0].numpy()
    channels = encoder.channels[0]
    np.testing.assert_allclose(trace.matrices[0].values[1], [6 / channels, 1 / channels], rtol=1e-6)


def test_the_sluice_tables_name_subspaces() -> None:
    trace: Any = seen(built(small("cross-stitch", ("semseg", "depth"), **SLUICE))).traces[0].numpy()
    assert trace.matrices[0].rows == ("semseg 1", "semseg 2", "depth 1", "depth 2")
    np.testing.assert_allclose(trace.matrices[0].values.sum(1), 1, atol=1e-6)
    assert trace.matrices[-1].columns == ("1/4", "1/8", "1/16", "1/32")


def test_masks_are_shown_as_they_are_used() -> None:
    model = built(small("mtan"))
    encoder: Any = model.shared
    with torch.no_grad():  # BatchNorm before the sigmoid: its factor and shift alone decide
        for of_task in encoder.masks.values():
            for mask in of_task:
                mask[4].weight.zero_()
        encoder.masks["depth"][0][4].bias.fill_(-100)
        encoder.masks["normals"][3][4].bias.fill_(100)
    (trace,) = (trace.numpy() for trace in seen(model).traces)
    assert isinstance(trace, MapsTrace)
    found = {(one.group, one.title): one.values for one in trace.maps}
    assert len(found) == 12
    assert found["at 1/4", "depth"].max() == 0
    assert found["at 1/32", "normals"].min() == 1
    assert (found["at 1/8", "semseg"] == 0.5).all()
    assert [found[f"at 1/{stride}", "depth"].shape for stride in (4, 8, 16, 32)] == [
        (10, 18), (5, 9), (3, 5), (2, 3),
    ]  # fmt: skip
    assert encoder._masks("depth", model.shared.backbone(torch.rand(2, 3, 64, 96)))[0].max() < 1e-6


def test_a_closed_mask_hides_the_stage_from_its_task_alone() -> None:
    open_, closed = built(small("mtan")), built(small("mtan"))
    encoder: Any = closed.shared
    for mask in encoder.masks["depth"]:
        torch.nn.init.zeros_(mask[4].weight)
        torch.nn.init.constant_(mask[4].bias, -100)
    before, after = seen(open_).features, seen(closed).features
    assert torch.equal(before["normals"], after["normals"])
    depth = after["depth"][..., 1:-1, 1:-1]  # what is left is the FPN's biases, alike everywhere
    torch.testing.assert_close(depth, depth[..., :1, :1].expand_as(depth))


# branching


def test_without_branches_it_is_the_plain_network() -> None:
    plain, joint = built(small("plain")), built(small("fafs", branching=""))
    assert [tuple(p.shape) for p in plain.parameters()] == [tuple(p.shape) for p in joint.parameters()]
    for mine, theirs in zip(joint.state_dict().values(), plain.state_dict().values(), strict=True):
        mine.copy_(theirs)
    for task, maps in seen(plain).initial.items():
        assert torch.equal(maps, seen(joint).initial[task])


def test_tasks_share_what_the_tree_says() -> None:
    """A gradient of one task reaches the stages on its path and no others."""
    model = built(small("fafs", branching=PARTED))
    assert isinstance(model.shared, Branched)
    assert model.shared.first == [0, 2, 3]
    model.inspect(torch.rand(2, 3, 64, 96)).initial["normals"].sum().backward()
    reached = {
        key.split(".net.")[0].removeprefix("shared.backbone.")
        + " "
        + key.split(".net.")[1].split(".bn")[0][:8]
        for key, parameter in model.named_parameters()
        if key.startswith("shared.backbone.") and parameter.grad is not None
    }
    stems = {"semseg conv_ste", "semseg bn1.weig", "semseg bn1.bias"}
    assert reached - stems == {
        "semseg blocks.0",
        "semseg blocks.1",
        "semseg blocks.2",
        "depth blocks.3",
        "normals blocks.4",
    }
    (trace,) = (trace.numpy() for trace in seen(model).traces)
    assert isinstance(trace, TreeTrace)
    assert trace.levels[2] == ("stage at 1/16", (("semseg",), ("depth", "normals")))
    assert [len(groups) for _, groups in trace.levels] == [1, 1, 2, 3, 3]


def test_parted_everywhere_it_is_a_network_per_task() -> None:
    model = built(small("fafs", branching=";".join(["semseg|depth|normals"] * 4)))
    encoder: Any = model.shared
    x = torch.rand(1, 3, 64, 96)
    model.eval()
    with torch.no_grad():
        encoded = encoder(x)
        for task in model.config.tasks:
            alone = encoder.fpn[task](Backbone.forward(encoder.backbone[task], x))[0]
            assert torch.equal(encoded.features[task], alone)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("semseg,depth,normals", "1 stages, expected 4"),
        (PARTED.replace("normals", "normal"), "unknown task 'normal'"),
        (PARTED.replace("semseg|depth|normals", "semseg|depth"), "normals is not in 'semseg.depth'"),
        (PARTED.replace("semseg|depth,normals", "semseg,semseg|depth,normals"), "semseg is twice"),
        (";".join(reversed(PARTED.split(";"))), "share a stage again after they were apart"),
        (PARTED.replace("semseg|depth,normals", "semseg||depth,normals"), "unknown task ''"),
    ],
)
def test_a_branching_that_is_none_is_one_line(text: str, says: str) -> None:
    with pytest.raises(InputError, match=f"branching=.*{says}"):
        preset("fafs", branching=text)


@settings(deadline=None)
@given(st.permutations(("a", "b", "c", "d")), st.lists(st.booleans(), min_size=9, max_size=9))
def test_a_branching_is_read_as_it_is_written(order: list[str], cuts: list[bool]) -> None:
    """Groups that only ever fall apart, made of cuts that accumulate."""
    tasks, cut = ("a", "b", "c", "d"), [False] * 3
    levels: list[Groups] = []
    for stage in range(4):
        cut = [was or (stage > 0 and cuts[3 * (stage - 1) + i]) for i, was in enumerate(cut)]
        groups = [[order[0]]]
        for i, name in enumerate(order[1:]):
            if cut[i]:
                groups.append([])
            groups[-1].append(name)
        levels.append(tuple(sorted(tuple(sorted(group)) for group in groups)))
    assert branching(branching_text(levels), tasks, tasks) == tuple(levels)


def test_a_tree_serves_fewer_tasks() -> None:
    found = branching(PARTED, ("normals", "semseg"), ("semseg", "depth", "normals"))
    assert found == ((("normals", "semseg"),),) * 2 + ((("normals",), ("semseg",)),) * 2


# configuration and start


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("mtan", {"query_gate": True}, "shared=mtan has no query decoder; take query_gate=no"),
        ("cross-stitch", {"tasks": ("depth",)}, "tasks=depth: shared=cross_stitch mixes tasks"),
        ("nddr-cnn", {"subspaces": 2}, "subspaces=2: it is an option of shared=cross_stitch"),
        ("plain", {"branching": PARTED}, "it is an option of shared=branched"),
    ],
)
def test_options_that_do_nothing_are_refused(name: str, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        preset(name, **changes)


def test_subspaces_divide_the_channels() -> None:
    with pytest.raises(InputError, match="subspaces=5: a stage of test_efficientnet has 24 channels"):
        built(small("cross-stitch", subspaces=5))


@pytest.mark.parametrize(
    ("name", "count"), [("plain", 1), ("mtan", 1), ("cross-stitch", 3), ("nddr-cnn", 3), ("fafs", 3)]
)
def test_every_backbone_can_be_given_imagenet_weights(name: str, count: int) -> None:
    """`load_imagenet` fills `backbones`, which are all there is under `backbone`, whose learning rate is its own."""
    encoder: Any = built(small(name)).shared
    assert len(encoder.backbones) == count
    full = set(Backbone("test_efficientnet").net.state_dict())
    for net in encoder.backbones:
        assert set(net.net.state_dict()) <= full
    listed = {id(p) for net in encoder.backbones for p in net.parameters()}
    assert listed == {id(p) for p in encoder.backbone.parameters()}


def test_a_copy_is_a_network_of_its_own() -> None:
    """What averages the weights copies the network: stages of the copy must be the copy's."""
    model = built(small("cross-stitch"))
    other = copy.deepcopy(model)
    assert isinstance(other.shared, Columns)
    with torch.no_grad():
        for parameter in other.shared.backbone.parameters():
            parameter.zero_()
    assert not torch.equal(seen(model).initial["depth"], seen(other).initial["depth"])


@pytest.mark.parametrize("levels", [False, True])
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("cross-stitch", {}),
        ("cross-stitch", SLUICE),
        ("nddr-cnn", {}),
        ("mtan", {}),
        ("fafs", {}),
        ("fafs", {"branching": PARTED}),
    ],
)
def test_a_plain_network_is_copied_into_every_tasks_encoder(
    name: str, changes: dict[str, Any], levels: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """levels: whether this network's FPNs have more levels than the plain one's: those it lacks stay as they were."""
    plain, file = built(small("plain")), tmp_path / "plain.safetensors"
    save_checkpoint(file, plain)
    if levels:
        changes = {**changes, "task_decoder": True, "decoder": "pyramid", "refinement": "multi_scale"}
    torch.manual_seed(7)  # `built` would make the same backbone anyway
    model = MTCP(small(name, **changes))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with caplog.at_level("INFO"):
        found = take_over(model, str(file))
    source = plain.state_dict()
    for part in ("backbone", "fpn"):
        owners = found.into.get(f"shared.{part}", ())
        if part == "fpn" or name != "mtan":
            assert owners == tuple(name for name, _ in getattr(model.shared, part).named_children())
            assert f"shared.{part} (a copy each for {', '.join(owners)})" in caplog.text
        equal = 0
        for key, value in model.state_dict().items():
            if not key.startswith(f"shared.{part}."):
                continue
            at = len(f"shared.{part}.") + (len(key.split(".")[2]) + 1 if owners else 0)
            theirs = source.get(f"shared.{part}.{key[at:]}")
            assert torch.equal(value, before[key] if theirs is None else theirs), key
            equal += theirs is not None
        assert equal >= len([key for key in source if key.startswith(f"shared.{part}.")])
    for key, value in model.state_dict().items():  # the units and masks are the design's own
        if not key.startswith(("shared.backbone.", "shared.fpn.", "initial_heads.")):
            assert torch.equal(value, before[key]), key


def test_cross_stitch_begins_where_the_plain_network_ended(tmp_path: Path) -> None:
    """Every column computes the same, so that what the units mix is what they are given."""
    plain, file = built(small("plain")).eval(), tmp_path / "plain.safetensors"
    save_checkpoint(file, plain)
    torch.manual_seed(7)
    model = MTCP(small("cross-stitch")).eval()
    take_over(model, str(file))
    for task, wanted in seen(plain).initial.items():
        torch.testing.assert_close(seen(model).initial[task], wanted, rtol=1e-3, atol=1e-3)


def test_another_width_or_backbone_is_no_start_for_the_columns(tmp_path: Path) -> None:
    file = tmp_path / "plain.safetensors"
    save_checkpoint(file, built(small("plain").replace(width=16)))
    found = take_over(built(small("cross-stitch")), str(file))
    assert "shared.fpn" not in found.into and "has another shape" in found.skipped["shared.fpn"]
    assert found.into == {"shared.backbone": ("semseg", "depth", "normals")}
    save_checkpoint(file, built(small("plain").replace(backbone="test_resnet")))
    found = take_over(built(small("cross-stitch")), str(file))
    assert found.skipped["shared.backbone"] == "is built differently"


def test_a_tree_also_serves_fewer_tasks_than_it_names() -> None:
    model = built(preset("fafs", tasks=("normals", "depth"), **SMALL))
    assert model.shared.tree[-1] == (("normals",), ("depth",))
    assert set(seen(model).initial) == {"normals", "depth"}
