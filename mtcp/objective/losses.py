"""Task losses and deep supervision.

All of them compare a raw head output, upsampled to the target's grid, with a target on that grid. Targets are
thinned to a coarser grid than the photo's: full-resolution upsampling is what costs on a CPU.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtcp.errors import InputError
from mtcp.model import MTCP, Decoded
from mtcp.tasks import IGNORE, Task

REFINED, INTERMEDIATE, INITIAL = 1.0, 0.5, 0.5
FINE_STRIDE, COARSE_STRIDE = 2, 4


def valid_pixels(kind: str, target: Tensor) -> Tensor:
    """Where a target of a task of this kind tells something; NaN and infinity tell nothing.

    target: ([B,] h, w), or ([B,] 3, h, w) for normals -> bool ([B,] h, w).
    """
    if kind == "depth":
        return (target > 0) & (target < torch.inf)
    if kind == "normals":
        length = target.abs().sum(-3)
        return (length > 0.5) & (length < torch.inf)
    return target != IGNORE


def cross_entropy(logits: Tensor, labels: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean over labelled pixels. logits: (B, C, h, w); labels: (B, h, w) integers, 255 = ignore -> scalar.

    weight: (C,) per-class weights. Zero (with a gradient) when nothing is labelled.
    """
    # Pixels as rows are a view where logits are channels_last; as maps, softmax would copy them, there and back.
    rows, labels = logits.float().permute(0, 2, 3, 1).flatten(0, 2), labels.long().flatten()
    loss = F.cross_entropy(rows, labels, weight=weight, ignore_index=IGNORE, reduction="sum")
    valid = valid_pixels("classes", labels)
    scale = valid if weight is None else weight[labels.masked_fill(~valid, 0)] * valid
    return loss / scale.sum().clamp(min=1e-6)


def depth_l1(depth: Tensor, target: Tensor) -> Tensor:
    """Mean |difference| in metres over valid pixels. depth: (B, 1, h, w) > 0; target: (B, h, w), 0 or
    not finite = invalid.
    """
    valid = valid_pixels("depth", target)
    # chosen before abs(), whose gradient at NaN is NaN whatever it is multiplied with
    return torch.where(valid, depth[:, 0] - target, 0).abs().sum() / valid.sum().clamp(min=1)


def unit_l1(normals: Tensor, target: Tensor) -> Tensor:
    """Mean L1 distance of unit vectors over valid pixels. normals: (B, 3, h, w) unit; target: same, zeros
    or not finite = invalid.

    Near the truth it is proportional to the angle (not its square as 1 - cos is), so it goes for the mean
    error.
    """
    valid = valid_pixels("normals", target)
    return torch.where(valid[:, None], normals - target, 0).abs().sum() / valid.sum().clamp(min=1)


def balanced_bce(logits: Tensor, target: Tensor) -> Tensor:
    """BCE with either class given half the say (Xie and Tu, HED, ICCV 2015). logits: (B, 1, h, w); target:
    0/1/255.
    """
    valid = valid_pixels("binary", target)
    positive = (target == 1) & valid
    negative = valid & ~positive
    share = negative.sum() / valid.sum().clamp(min=1)
    loss = F.binary_cross_entropy_with_logits(logits[:, 0].float(), positive.float(), reduction="none")
    weight = positive * share + negative * (1 - share)
    return (loss * weight).sum() / valid.sum().clamp(min=1)


def subsample(target: Tensor, stride: int, start: tuple[int, int]) -> Tensor:
    """Every `stride`-th pixel of (..., H, W) from `start` (row, column; taken modulo `stride`).

    The centre of a coarse cell lies between pixels. Whatever the start, a sample is off it by up to half a
    cell, always to the same side; over all starts the mean offset is zero and every pixel has its say. Hence
    a start per step.
    """
    return target[..., start[0] % stride :: stride, start[1] % stride :: stride]


class Objective(nn.Module):
    """The network with its losses: what is trained, and what DDP wraps.

    L_t = refined + (intermediate 1 + intermediate 2 + ...) / 2 + initial / 2. Without a refinement the initial
    prediction is the final one and counts 1.
    """

    class_weight: Tensor | None

    def __init__(self, model: MTCP, class_weight: Tensor | None = None) -> None:
        """class_weight: (C,) for the cross-entropy of the first class task; None weighs all alike."""
        super().__init__()
        self.model = model
        self.register_buffer("class_weight", class_weight, persistent=False)

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """batch: "image" (B, 3, H, W) uint8 or float 0..1 and a target per task -> {task: scalar L_t}.

        That class labels are in range is seen to before training (`check_labels`): on an accelerator it would
        cost a wait per step.

        Raises:
            InputError: the batch lacks a task's target.
        """
        image = batch["image"]
        decoded = self.model.inspect(image.float() / 255 if image.dtype == torch.uint8 else image)
        row, column = torch.randint(COARSE_STRIDE, (2,)).tolist() if self.training else (1, 1)
        return {task.name: self.task_loss(task, decoded, batch, (row, column)) for task in self.model.tasks}

    def task_loss(
        self, task: Task, decoded: Decoded, batch: Mapping[str, Tensor], start: tuple[int, int]
    ) -> Tensor:
        """L_t of one task, on pixels from `start` (see `thin`). Shapes as in `forward`."""
        if task.name not in batch:
            raise InputError(f"task {task.name!r} has no target in the data: it gives {', '.join(batch)}")
        target = batch[task.name]
        fine, coarse = subsample(target, FINE_STRIDE, start), subsample(target, COARSE_STRIDE, start)
        initial = self.one_loss(task, decoded.initial[task.name], fine)
        if task.name not in decoded.refined:
            return REFINED * initial
        refined = self.one_loss(task, decoded.refined[task.name], fine)
        steps = [self.one_loss(task, raw, coarse) for raw in decoded.intermediate.get(task.name, ())]
        return REFINED * refined + INTERMEDIATE * sum(steps) + INITIAL * initial

    def one_loss(self, task: Task, raw: Tensor, target: Tensor) -> Tensor:
        """One raw head output (B, C_t, h, w) against a target (B, [3,] h', w')."""
        size = target.shape[-2:]
        raw = F.interpolate(raw.float(), size=size, mode="bilinear", align_corners=False)
        final = self.model.activate(task.name, raw)
        if task.kind == "classes":
            return cross_entropy(final, target, self._class_weight(task))
        if task.kind == "depth":
            return depth_l1(final, target)
        if task.kind == "normals":
            return unit_l1(final, target)
        return balanced_bce(final, target)

    def _class_weight(self, task: Task) -> Tensor | None:
        w = self.class_weight
        return w if w is not None and len(w) == task.channels else None


def check_labels(task: Task, labels: Tensor, where: str) -> None:
    """Raises InputError when a map of labels holds one out of range, naming it and `where`.

    In range are 0..C-1 of a task of classes, 0 and 1 of a binary one, and 255. Other kinds have no labels.
    """
    if task.kind not in ("classes", "binary"):
        return
    most = task.channels - 1 if task.kind == "classes" else 1
    bad = labels[(labels > most) & (labels != IGNORE)]
    if bad.numel():
        raise InputError(f"{where}: {task.name} label {int(bad[0])} is out of range 0..{most} or {IGNORE}")


def class_weights(counts: Tensor, power: float) -> Tensor:
    """Weights (C,) from pixel counts (C,): frequency^-power, scaled so that the mean over pixels is 1; absent
    classes 0.

    power 0 weighs every pixel alike, 1 every class.
    """
    share = counts.double() / counts.sum().clamp(min=1)
    weight = torch.where(share > 0, share.clamp(min=1e-6) ** -power, torch.zeros_like(share))
    return (weight / (weight * share).sum().clamp(min=1e-12)).float()
