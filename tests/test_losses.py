"""Task losses: hand-checked values, ignored pixels, alignment with the photo, and deep supervision."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from tiny_training import tiny_config
from torch import Tensor

from mtcp.errors import InputError
from mtcp.model import MTCP
from mtcp.objective.losses import (
    COARSE_STRIDE,
    Objective,
    check_labels,
    class_weights,
    subsample,
)
from mtcp.tasks import TASK_SETS, Task
from mtcp.tasks.binary import balanced_bce
from mtcp.tasks.classes import cross_entropy
from mtcp.tasks.depth import depth_l1
from mtcp.tasks.normals import unit_l1

ALL = ("semseg", "depth", "normals", "edge")


def make_batch(size: int = 64) -> dict[str, Tensor]:
    normals = F.normalize(torch.randn(2, 3, size, size), dim=1)
    return {
        "image": torch.randint(0, 256, (2, 3, size, size), dtype=torch.uint8),
        "semseg": torch.randint(0, 40, (2, size, size)).to(torch.uint8),
        "depth": 1 + torch.rand(2, size, size),
        "normals": normals,
        "edge": torch.randint(0, 2, (2, size, size)).to(torch.uint8),
    }


def test_cross_entropy_by_hand() -> None:
    logits = torch.zeros(1, 4, 1, 3)
    logits[0, 2, 0, 0] = math.log(3)  # softmax 1/6, 1/6, 1/2, 1/6
    labels = torch.tensor([[[2, 0, 255]]], dtype=torch.uint8)
    assert cross_entropy(logits, labels).item() == pytest.approx((math.log(2) + math.log(4)) / 2)
    weight = torch.tensor([3.0, 1.0, 1.0, 1.0])
    assert cross_entropy(logits, labels, weight).item() == pytest.approx((math.log(2) + 3 * math.log(4)) / 4)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_cross_entropy_of_rows_is_that_of_maps(layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 5, 3, 4, dtype=torch.float).contiguous(memory_format=layout).requires_grad_()
    labels = torch.randint(0, 5, (2, 3, 4))
    labels[0, 1] = 255
    weight = torch.rand(5)
    got = cross_entropy(logits, labels.to(torch.uint8), weight)
    wanted = F.cross_entropy(logits, labels, weight=weight, ignore_index=255)
    torch.testing.assert_close(got, wanted)
    for a, b in zip(torch.autograd.grad(got, logits), torch.autograd.grad(wanted, logits), strict=True):
        torch.testing.assert_close(a, b)


def test_depth_l1_by_hand_and_invalid_pixels() -> None:
    target = torch.tensor([[[2.0, 0.0, 1.0]]])
    depth = torch.tensor([[[[2.5, 9.0, 0.0]]]])
    assert depth_l1(depth, target).item() == pytest.approx((0.5 + 1.0) / 2)


def test_unit_l1_by_hand_and_invalid_pixels() -> None:
    target = torch.tensor([[0.0, 0.0, -1.0], [0.0, 0.0, 0.0]]).T.reshape(1, 3, 1, 2)
    normals = torch.tensor([[0.6, 0.0, -0.8], [1.0, 0.0, 0.0]]).T.reshape(1, 3, 1, 2)
    assert unit_l1(normals, target).item() == pytest.approx(0.6 + 0.2)


@pytest.mark.parametrize("unknown", [math.nan, math.inf])
def test_targets_that_are_no_numbers_are_invalid(unknown: float) -> None:
    depth = torch.tensor([[[[2.5, 9.0]]]], requires_grad=True)
    loss = depth_l1(depth, torch.tensor([[[2.0, unknown]]]))
    loss.backward()
    assert loss.item() == 0.5
    assert depth.grad is not None and depth.grad.flatten().tolist() == [1.0, 0.0]
    target = torch.tensor([[0.0, 0.0, -1.0], [0.0, unknown, -1.0]]).T.reshape(1, 3, 1, 2)
    normals = torch.tensor([[0.6, 0.0, -0.8], [1.0, 0.0, 0.0]]).T.reshape(1, 3, 1, 2).requires_grad_()
    loss = unit_l1(normals, target)
    loss.backward()
    assert loss.item() == pytest.approx(0.6 + 0.2)
    assert normals.grad is not None and normals.grad[0, :, 0].T.tolist() == [[1, 0, 1], [0, 0, 0]]


def test_balanced_bce_gives_both_classes_half_the_say() -> None:
    # One positive and three negatives, all at logit 0: each class's loss sums to 3/4 log 2, over 4 pixels.
    target = torch.tensor([[[1, 0, 0, 0, 255]]], dtype=torch.uint8)
    logits = torch.zeros(1, 1, 1, 5, requires_grad=True)
    loss = balanced_bce(logits, target)
    assert loss.item() == pytest.approx(2 * 0.75 * math.log(2) / 4)
    loss.backward()
    assert logits.grad is not None
    assert logits.grad.sum().item() == pytest.approx(0.0, abs=1e-7)
    assert logits.grad[0, 0, 0, 4].item() == 0.0


def test_nothing_labelled_is_zero_with_a_zero_gradient() -> None:
    nothing = torch.full((1, 2, 2), 255, dtype=torch.uint8)
    for channels, loss in ((4, cross_entropy), (1, balanced_bce)):
        logits = torch.randn(1, channels, 2, 2, requires_grad=True)
        value = loss(logits, nothing)
        value.backward()
        assert value.item() == 0.0
        assert logits.grad is not None
        assert logits.grad.abs().sum().item() == 0.0
    assert depth_l1(torch.rand(1, 1, 2, 2), torch.zeros(1, 2, 2)).item() == 0.0
    assert unit_l1(torch.rand(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)).item() == 0.0


@pytest.mark.parametrize("stride", [2, 4])
def test_thinning_is_centred_over_its_starts(stride: int) -> None:
    # A map of its own pixel centres, and the same map on the 1/4 grid, upsampled: they must agree but at the
    # border, where bilinear upsampling has nothing to lean on.
    centres = torch.arange(32) + 0.5
    photo = torch.stack(torch.meshgrid(centres, centres, indexing="ij"))  # (2, 32, 32)
    quarter = F.avg_pool2d(photo, 4)
    starts = list(product(range(stride), repeat=2))
    mean = torch.stack([subsample(photo, stride, start) for start in starts]).mean(0)
    up = F.interpolate(quarter[None], size=mean.shape[-2:], mode="bilinear", align_corners=False)[0]
    inner = slice(4 // stride, -4 // stride)
    torch.testing.assert_close(mean[:, inner, inner], up[:, inner, inner])
    covered = torch.cat([subsample(torch.arange(1024).view(32, 32), stride, s).flatten() for s in starts])
    assert covered.sort().values.tolist() == list(range(1024))


def test_training_looks_at_every_pixel_in_turn() -> None:
    torch.manual_seed(0)
    objective = Objective(MTCP(tiny_config(tasks=("depth",), fusion="none")))
    batch = make_batch()
    batch["depth"] = torch.zeros(2, 64, 64)
    batch["depth"][:, 3::4, 2::4] = 2.0
    seen = [float(objective(batch)["depth"].detach()) > 0 for _ in range(60)]
    assert any(seen)
    assert not all(seen)
    objective.eval()
    assert len({float(objective(batch)["depth"].detach()) for _ in range(3)}) == 1


def test_deep_supervision_weighs_the_stages() -> None:
    torch.manual_seed(0)
    objective = Objective(MTCP(tiny_config(tasks=ALL))).eval()
    batch = make_batch()
    decoded = objective.model.inspect(batch["image"].float() / 255)
    for task in objective.model.tasks:
        target = batch[task.name]
        fine, coarse = subsample(target, 2, (1, 1)), subsample(target, COARSE_STRIDE, (1, 1))
        refined = objective.one_loss(task, decoded.refined[task.name], fine)
        initial = objective.one_loss(task, decoded.initial[task.name], fine)
        steps = [objective.one_loss(task, raw, coarse) for raw in decoded.intermediate[task.name]]
        expected = refined + 0.5 * sum(steps) + 0.5 * initial
        torch.testing.assert_close(objective.task_loss(task, decoded, batch, (1, 1)), expected)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"query_gate": False},
        {"fusion": "none"},
        {"refinement": "none"},
        {"fusion": "none", "refinement": "none", "task_decoder": False},
        {"mask_gate": "sigmoid", "cfm_residual": "branch", "cfm_scale": True, "kv_stride": 1},
        {"mask_gate": "normalised"},
        {"query_layers": 4},
        {"tasks": ("depth",), "fusion": "none"},
    ],
    ids=str,
)
def test_every_parameter_of_every_ablation_gets_a_gradient(changes: dict[str, object]) -> None:
    """What gets none would stop data parallel training, and sit in the checkpoint for nothing."""
    torch.manual_seed(0)
    objective = Objective(MTCP(tiny_config(**{"tasks": ("semseg", "depth"), **changes})))
    losses = objective(make_batch())
    torch.stack(list(losses.values())).sum().backward()
    without = [name for name, p in objective.named_parameters() if p.grad is None]
    assert without == []
    assert all(torch.isfinite(p.grad).all() for p in objective.parameters() if p.grad is not None)


def test_all_tasks_of_all_sets_have_a_loss() -> None:
    torch.manual_seed(0)
    for data, tasks in TASK_SETS.items():
        names = tuple(task.name for task in tasks)
        batch = make_batch()
        batch["semseg"] %= 21
        batch["human_parts"], batch["saliency"] = batch["semseg"] % 7, batch["edge"]
        batch["relative_depth"] = batch["depth"]
        losses = Objective(MTCP(tiny_config(task_set=data, tasks=names)))(batch)
        assert tuple(losses) == names
        assert all(math.isfinite(loss.item()) and loss.item() > 0 for loss in losses.values())


def test_a_missing_target_is_named() -> None:
    objective = Objective(MTCP(tiny_config(tasks=("semseg", "edge"))))
    batch = make_batch()
    del batch["edge"]
    with pytest.raises(InputError, match="'edge' has no target"):
        objective(batch)


def test_labels_out_of_range_are_named() -> None:
    task = TASK_SETS["nyud"][0]
    check_labels(task, torch.tensor([0, 39, 255], dtype=torch.uint8), "frame 7")
    with pytest.raises(InputError, match=r"frame 7: semseg label 40 is out of range 0\.\.39"):
        check_labels(task, torch.tensor([0, 40, 255], dtype=torch.uint8), "frame 7")


@pytest.mark.parametrize(
    "task", [task for tasks in TASK_SETS.values() for task in tasks], ids=lambda t: t.name
)
def test_labels_are_looked_at_where_there_are_any(task: Task) -> None:
    target = torch.tensor([[0, task.channels, 255]], dtype=torch.uint8)
    if task.highest_label is None:
        check_labels(task, target, "frame 7")
    else:
        with pytest.raises(InputError, match=f"label {max(task.channels, 2)} is out of range"):
            check_labels(task, target + (task.kind == "binary") * (target == 1), "frame 7")


def test_class_weights_by_hand() -> None:
    counts = torch.tensor([6, 2, 0])
    assert class_weights(counts, 0.0).tolist() == pytest.approx([1.0, 1.0, 0.0])
    # power 1: 4/3 and 4 before scaling; their mean over pixels is 2.
    assert class_weights(counts, 1.0).tolist() == pytest.approx([2 / 3, 2.0, 0.0])
