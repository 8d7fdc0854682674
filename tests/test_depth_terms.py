"""Further terms of the depth loss: exact on planes whatever the camera, by hand elsewhere, finite everywhere."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from data_made import plane_depth
from geometry_scenes import box_room
from hypothesis import given, settings
from hypothesis import strategies as st
from test_augment import CAMERA, H, W, camera_of, plane_sample
from test_losses import make_batch
from tiny_training import MadeSamples, make_trainer, tiny_config
from torch import Tensor

from mtcp.config import TrainConfig
from mtcp.data.augment import Zoom, flipped, zoomed
from mtcp.errors import InputError
from mtcp.geometry.camera import Camera
from mtcp.model import MTCP, Decoded
from mtcp.objective.depth_term_options import DepthTermOptions
from mtcp.objective.losses import Objective
from mtcp.objective.slope import (
    STEP,
    agreement_loss,
    bend,
    depth_normals,
    gradient_matching,
    slope_loss,
)
from mtcp.run_config import train_config_for
from mtcp.training import read_log

SCALES = (1, 3)
TASKS = ("depth", "normals")
facing = st.tuples(st.floats(-0.6, 0.6), st.floats(-0.6, 0.6), st.just(-1.0))
cameras = st.builds(
    lambda fx, fy, cx, cy: Camera(fx, fy, cx, cy, 24, 20),
    st.floats(20, 60), st.floats(20, 60), st.floats(4, 20), st.floats(4, 16),
)  # fmt: skip


def cells(camera: Camera) -> Tensor:
    return torch.tensor([[camera.fx, camera.fy, camera.cx, camera.cy]])


def plane(camera: Camera, normal: tuple[float, float, float], distance: float = 2.0) -> tuple[Tensor, Tensor]:
    """Exact depth (1, h, w) and normals (1, 3, h, w)."""
    depth = torch.from_numpy(plane_depth(camera, normal, distance))[None]
    unit = F.normalize(torch.tensor(normal), dim=0)
    return depth, unit.view(1, 3, 1, 1).expand(1, 3, *depth.shape[1:]).clone()


@settings(max_examples=60, deadline=None)
@given(facing, cameras, st.floats(0.5, 8), st.sampled_from((1, 2, 3, 5)))
def test_the_normals_of_a_plane_are_exact(
    normal: tuple[float, float, float], camera: Camera, distance: float, apart: int
) -> None:
    depth, normals = plane(camera, normal, distance)
    if not (depth > 0).all():
        return
    found = depth_normals(depth, cells(camera), apart)
    assert found.shape == (1, 3, 20 - 2 * apart, 24 - 2 * apart)
    torch.testing.assert_close(found, normals[..., apart:-apart, apart:-apart], atol=1e-4, rtol=0)
    assert slope_loss(depth, normals, depth, cells(camera), SCALES).item() < 1e-4
    assert agreement_loss(depth, normals, cells(camera), SCALES).item() < 1e-4


@settings(max_examples=40, deadline=None)
@given(facing, cameras, st.floats(0.2, 5))
def test_no_term_depends_on_a_common_factor(
    normal: tuple[float, float, float], camera: Camera, factor: float
) -> None:
    torch.manual_seed(0)
    depth, normals = plane(camera, normal)
    rough = depth.clamp(min=0.1) * (1 + 0.1 * torch.rand_like(depth))
    for loss in (
        lambda d: slope_loss(d, normals, depth, cells(camera), SCALES),
        lambda d: agreement_loss(d, normals, cells(camera), SCALES),
        lambda d: gradient_matching(d, depth),
    ):
        torch.testing.assert_close(loss(rough * factor), loss(rough), rtol=1e-3, atol=1e-4)


def test_a_turned_plane_by_hand() -> None:
    """Predicted: a wall that faces the camera, (0, 0, -1). True: turned about the vertical to (0.6, 0, -0.8)."""
    camera = Camera(40.0, 40.0, 12.0, 10.0, 24, 20)
    wall, _ = plane(camera, (0.0, 0.0, -1.0))
    turned, normals = plane(camera, (0.6, 0.0, -0.8))
    assert slope_loss(wall, normals, turned, cells(camera), (1,)).item() == pytest.approx(0.8, abs=1e-5)
    assert agreement_loss(wall, normals, cells(camera), SCALES).item() == pytest.approx(0.8, abs=1e-5)


def test_a_step_by_hand() -> None:
    """Depth 2 m to 1 m between columns 9 and 10: 1/z from 0.5 to 1, which bends by 1 and by 1/2 of itself."""
    depth = torch.full((1, 9, 20), 2.0)
    depth[..., 10:] = 1.0
    found = bend(depth, 2)
    assert found.shape == (1, 5, 16)
    assert found[0, 0].tolist() == pytest.approx([0] * 6 + [1, 1, 0.5, 0.5] + [0] * 6)
    depth[0, 4, 3] = 0
    unknown = bend(depth, 1).isnan()[0].nonzero().tolist()  # of the inner cells: one less
    assert unknown == [[2, 2], [3, 1], [3, 2], [3, 3], [4, 2]]


def test_steps_and_unknown_truth_are_left_out() -> None:
    camera = Camera(40.0, 40.0, 12.0, 10.0, 24, 20)
    depth, normals = plane(camera, (0.0, 0.0, -1.0))
    true = depth.clone()
    true[..., 12:] *= 0.5
    stepped = true.clone()  # the prediction has the step: central differences there are no surface's
    assert slope_loss(stepped, normals, true, cells(camera), SCALES).item() < 1e-5
    assert agreement_loss(stepped, normals, cells(camera), SCALES).item() < 1e-5
    blurred = depth * torch.tensor([2.0] * 10 + [1.75, 1.5, 1.25] + [1.0] * 11) / 2
    near = cells(Camera(200.0, 200.0, 12.0, 10.0, 24, 20))
    assert agreement_loss(blurred, normals, near, (1,)).item() < 1e-5  # the middle is seen at a grazing angle
    low = depth.clone()
    low[..., 12:] *= 0.96  # too low a step to be one, whatever the prediction does there
    assert slope_loss(low, normals, low, cells(camera), (1,)).item() > 0.01
    assert agreement_loss(low, normals, cells(camera), (3,)).item() > 0.01
    assert agreement_loss(low, normals, cells(camera), (3,), true).item() < 1e-5  # unless the truth knows
    nothing = torch.zeros_like(normals)
    assert slope_loss(stepped, nothing, depth, cells(camera), SCALES).item() == 0
    assert slope_loss(stepped, normals, torch.zeros_like(depth), cells(camera), SCALES).item() == 0
    assert agreement_loss(low, normals, cells(camera), (3,), torch.zeros_like(depth)).item() > 0.01


def test_only_edges_of_a_room_are_left_out() -> None:
    """A closed room has no depth discontinuity: its slanted floor and walls are kept, but for creases."""
    camera = Camera(130.0, 130.0, 80.0, 60.0, 160, 120)
    room = box_room(camera)
    depth = torch.from_numpy(room.depth).float()[None]
    for apart in SCALES:
        smooth = (bend(depth, apart) <= STEP)[0].numpy()
        away = room.away_from_edges(apart)[apart:-apart, apart:-apart]
        assert smooth[away].all()


@pytest.mark.parametrize(
    "depth",
    [torch.full((1, 12, 16), 2.0), math.exp(-3) + math.exp(5) * (torch.rand(1, 12, 16) > 0.5)],
    ids=["no slope", "largest steps"],
)
def test_gradients_are_finite(depth: Tensor) -> None:
    camera = torch.tensor([[200.0, 200.0, 8.0, 6.0]])
    known = torch.rand(1, 12, 16) > 0.3
    target = torch.where(known, 2.0, torch.tensor([0.0, math.nan, math.inf])[torch.randint(3, known.shape)])
    normals = torch.where(known[:, None], torch.tensor([0.0, 0.0, -1.0]).view(1, 3, 1, 1), math.nan)
    predicted = F.normalize(torch.randn(1, 3, 12, 16), dim=1)
    predicted[..., 5] = 0
    for loss in (
        lambda d, n: slope_loss(d, normals, torch.full_like(target, 2.0), camera, SCALES),
        lambda d, n: slope_loss(d, normals, target, camera, SCALES),
        lambda d, n: agreement_loss(d, n, camera, SCALES, target),
        lambda d, n: gradient_matching(d, target),
    ):
        d, n = depth.clone().requires_grad_(), predicted.clone().requires_grad_()
        value = loss(d, n)
        (gradient,) = torch.autograd.grad(value, d)
        assert math.isfinite(value.item()) and gradient.isfinite().all()


def test_gradient_matching_by_hand() -> None:
    """R = log depth - log target: 0, 1, 3 in a row, the last pixel of the next row unknown."""
    off = torch.tensor([[0.0, 1.0, 3.0], [0.0, 1.0, 0.0]])
    target = torch.tensor([[2.0, 2.0, 2.0], [2.0, 2.0, 0.0]])
    depth = off.exp()[None] * 2
    # scale 1: columns |1|, |2|, |1| over three pairs, rows 0 over two; scale 2: |3| over the one pair there is
    assert gradient_matching(depth, target[None], (1, 2)).item() == pytest.approx(4 / 3 + 3)
    assert gradient_matching(depth, target[None] * 7, (1, 2)).item() == pytest.approx(4 / 3 + 3)
    assert gradient_matching(depth, torch.zeros(1, 2, 3)).item() == 0


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("box", [(20, 10, 84, 58), (0, 0, 128, 96), (43, 32, 128, 96)])
def test_augmented_planes_keep_their_slopes(box: tuple[int, int, int, int], flip: bool) -> None:
    """Crops at their own size, so that no resampling moves a pixel; depth divided, normals and camera to match."""
    left, top, right, bottom = box
    zoom = Zoom(W / (right - left), box)
    sample = zoomed(plane_sample((0.3, -0.4, -1.0)), zoom, (bottom - top, right - left))
    sample = flipped(sample) if flip else sample
    depth, camera = sample["depth"][None], sample["camera"][None]
    loss = slope_loss(depth, sample["normals"][None], depth, camera, SCALES)
    assert loss.item() < 1e-4
    moved = camera + torch.tensor([0.0, 0.0, 20.0, 0.0])
    assert slope_loss(depth, sample["normals"][None], depth, moved, SCALES).item() > 0.02
    assert camera_of(sample).width == right - left


def objective_of(options: DepthTermOptions, tasks: tuple[str, ...] = TASKS, **changes: object) -> Objective:
    torch.manual_seed(0)
    return Objective(MTCP(tiny_config(tasks=tasks, **changes)), depth_terms=options)


@pytest.mark.parametrize("start", [(0, 0), (1, 0), (1, 1)])
def test_predictions_have_their_own_camera(start: tuple[int, int]) -> None:
    """A plane as the heads would give it, log depth on the 1/4 grid: right up to bilinear upsampling, wherever the
    targets are read.
    """
    options = DepthTermOptions(slope=1.0, agreement=1.0)
    objective = objective_of(options, fusion="none", refinement="none")
    sample = plane_sample((0.4, -0.5, -1.0))
    quarter = CAMERA.resize(W // 4, H // 4)
    log_depth = torch.from_numpy(plane_depth(quarter, (0.4, -0.5, -1.0), 2.0)).log()[None, None]
    raw = {"depth": log_depth, "normals": 3 * sample["normals"][None, :, ::4, ::4]}
    batch = {name: value[None] for name, value in sample.items()}
    decoded = Decoded(initial=raw, grid=(H // 4, W // 4))
    terms = objective._terms(decoded, batch, start)
    assert set(terms) == {"slope", "agreement"} and all(term.item() < 0.01 for term in terms.values())
    twice = Decoded(initial=raw, refined=raw, grid=(H // 4, W // 4))
    assert objective._terms(twice, batch, start)["slope"].item() == pytest.approx(1.5 * terms["slope"].item())
    batch["camera"] = batch["camera"] + torch.tensor([0.0, 0.0, 4.0, 0.0])
    assert objective._terms(decoded, batch, start)["slope"].item() > 2 * terms["slope"].item()


def with_camera(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return {**batch, "camera": torch.tensor([[60.0, 60.0, 32.0, 32.0]]).expand(2, 4)}


def test_terms_belong_to_the_depth_loss_alone() -> None:
    torch.manual_seed(1)
    batch = with_camera(make_batch())
    plain = objective_of(DepthTermOptions()).eval()
    full = objective_of(DepthTermOptions(slope=2.0, depth_gradient=0.5, agreement=0.25)).eval()
    before, after = plain(batch), full(batch)
    assert plain.found.terms == {} and set(full.found.terms) == {"slope", "depth_gradient", "agreement"}
    torch.testing.assert_close(after["normals"], before["normals"], rtol=0, atol=0)
    t = full.found.terms
    expected = before["depth"] + 2 * t["slope"] + 0.5 * t["depth_gradient"] + 0.25 * t["agreement"]
    torch.testing.assert_close(after["depth"], expected)
    assert all(term.item() > 0 for term in t.values())


@pytest.mark.parametrize(("teaches", "taught"), [("depth", False), ("both", True)])
def test_whom_agreement_teaches(teaches: str, taught: bool) -> None:
    torch.manual_seed(1)
    objective = objective_of(
        DepthTermOptions(agreement=1.0, agreement_teaches=teaches), fusion="none", refinement="none"
    )
    objective(with_camera(make_batch()))["depth"].backward()
    head = objective.model.initial_heads["normals"]
    gradients = [p.grad for p in head.parameters() if p.grad is not None]
    assert any(bool(g.abs().sum() > 0) for g in gradients) == taught


def test_missing_cameras_are_named() -> None:
    objective = objective_of(DepthTermOptions(slope=1.0))
    with pytest.raises(InputError, match="--slope and --agreement need the camera"):
        objective(make_batch())
    torch.manual_seed(1)
    assert objective_of(DepthTermOptions(depth_gradient=1.0))(make_batch())["depth"].item() > 0


@pytest.mark.parametrize(
    ("values", "tasks", "message"),
    [
        ({"slope": -1.0}, TASKS, "slope=-1.0: must not be negative"),
        ({"agreement": math.nan}, TASKS, "agreement=nan: must not be negative"),
        ({"slope_scales": ()}, TASKS, "slope_scales=.*one or more whole numbers"),
        ({"slope_scales": (1, 0)}, TASKS, "slope_scales=.*from 1"),
        ({"agreement_teaches": "normals"}, TASKS, "agreement_teaches='normals': choose one of depth, both"),
        (
            {"slope": 1.0},
            ("semseg", "depth"),
            "--slope 1.0 needs the task normals: the tasks are semseg, depth",
        ),
        ({"agreement": 1.0}, ("semseg", "edge"), "--agreement 1.0 needs the tasks depth and normals"),
        ({"depth_gradient": 1.0}, ("semseg", "normals"), "--depth-gradient 1.0 needs the task depth"),
        ({"slope": 1.0, "slope_scales": (1, 15)}, TASKS, "--slope-scales 1,15: 15 cells .* 64 x 96"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, object], tasks: tuple[str, ...], message: str) -> None:
    model = tiny_config(tasks=tasks, height=64, image_width=96)
    with pytest.raises(InputError, match=message):
        TrainConfig(**values) if tasks == TASKS and len(values) == 1 else train_config_for(model, values)


def test_relative_depth_may_have_gradients_matched() -> None:
    model = tiny_config(task_set="places", tasks=("semseg", "relative_depth"))
    config = train_config_for(model, {"depth_gradient": 1.0})
    batch = make_batch()
    batch["relative_depth"] = batch.pop("depth")
    torch.manual_seed(0)
    objective = Objective(MTCP(model), depth_terms=config)
    objective(batch)
    assert objective.found.terms["depth_gradient"].item() > 0


class WithCamera(MadeSamples):
    """Made samples with normals and a camera."""

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        sample = super().__getitem__(i)
        sample["camera"] = torch.tensor([60.0, 60.0, 32.0, 32.0])
        return sample


def test_terms_are_logged(tmp_path: Path) -> None:
    """Of every step line, and their mean over the epoch, also when it was interrupted on the way."""
    changes = {"depth_gradient": 0.5, "epochs": 1}
    unbroken = make_trainer(tmp_path / "whole", data=WithCamera(), **changes)
    unbroken.run()
    lines = list(read_log(tmp_path / "whole" / "log.jsonl"))
    steps = [line["terms"]["depth_gradient"] for line in lines if line["kind"] == "step"]
    (epoch,) = (line for line in lines if line["kind"] == "epoch")
    assert len(steps) == 2 and min(steps) > 0
    assert epoch["terms"] == {"depth_gradient": pytest.approx(np.mean(steps))}
    make_trainer(tmp_path / "none", data=WithCamera(), epochs=1).run()
    assert all("terms" not in line for line in read_log(tmp_path / "none" / "log.jsonl"))


def test_a_resumed_epoch_has_its_mean_over_all_steps(tmp_path: Path) -> None:
    changes = {"depth_gradient": 0.5, "epochs": 1}
    unbroken = make_trainer(tmp_path / "whole", data=WithCamera(), **changes)
    unbroken.run()
    make_trainer(tmp_path / "halves", data=WithCamera(), **changes).run(max_minutes=0)
    make_trainer(tmp_path / "halves", data=WithCamera(), resume=True, **changes).run()
    ends = [
        next(line for line in read_log(tmp_path / name / "log.jsonl") if line["kind"] == "epoch")["terms"]
        for name in ("whole", "halves")
    ]
    assert ends[0] == ends[1]
