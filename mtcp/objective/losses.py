"""Deep supervision: the losses of the tasks (`Task.loss`) over the stages of the network.

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
from mtcp.objective.mask_supervision import mask_loss
from mtcp.tasks import IGNORE, SEMSEG, Task

REFINED, INTERMEDIATE, INITIAL = 1.0, 0.5, 0.5
FINE_STRIDE, COARSE_STRIDE = 2, 4


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

    def __init__(
        self, model: MTCP, class_weight: Tensor | None = None, *, mask_supervision: float = 0.0
    ) -> None:
        """class_weight: (C,) for the cross-entropy of the first class task; None weighs all alike.
        mask_supervision: factor of `mask_loss`, which is added to the loss of semseg.
        """
        super().__init__()
        self.model = model
        self.mask_supervision = mask_supervision
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
        losses = {task.name: self.task_loss(task, decoded, batch, (row, column)) for task in self.model.tasks}
        if self.mask_supervision and decoded.masks is not None:
            labels = subsample(batch[SEMSEG], COARSE_STRIDE, (row, column))
            losses[SEMSEG] = losses[SEMSEG] + self.mask_supervision * mask_loss(decoded.masks, labels)
        return losses

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
        return task.loss(task.activate(raw), target, self._class_weight(task))

    def _class_weight(self, task: Task) -> Tensor | None:
        w = self.class_weight
        return w if w is not None and len(w) == task.channels else None


def check_labels(task: Task, labels: Tensor, where: str) -> None:
    """Raises InputError when a map of labels holds one out of range, naming it and `where`.

    In range are 0 to `Task.highest_label`, and 255.
    """
    most = task.highest_label
    if most is None:
        return
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
