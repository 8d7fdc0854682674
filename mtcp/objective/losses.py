"""Deep supervision: the losses of the tasks (`Task.loss`) over the stages of the network.

All of them compare a raw head output, upsampled to the target's grid, with a target on that grid. Targets are
thinned to a coarser grid than the photo's: full-resolution upsampling is what costs on a CPU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtcp.errors import InputError
from mtcp.model import MTCP, Decoded
from mtcp.objective.auxiliary import Auxiliary, auxiliary_heads
from mtcp.objective.depth_term_options import DepthTermOptions
from mtcp.objective.depth_terms import DepthTerms, cameras_in_cells
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


@dataclass(frozen=True)
class Found:
    """What a batch held, beside the losses of the tasks.

    pixels: by target, how many pixels of the losses' finest grid tell something, scalars. auxiliary: the losses of
    the auxiliary targets, without their factor, scalars. terms: the further terms of the depth loss by name, over the
    stages, without their weights.
    """

    pixels: dict[str, Tensor] = field(default_factory=dict)
    auxiliary: dict[str, Tensor] = field(default_factory=dict)
    terms: dict[str, Tensor] = field(default_factory=dict)


def taught_by(task: str) -> str:
    """What a teacher's answers for a task are called in a batch."""
    return f"teacher:{task}"


class Objective(nn.Module):
    """The network with its losses: what is trained, and what DDP wraps.

    L_t = refined + (intermediate 1 + intermediate 2 + ...) / 2 + initial / 2. Without a refinement the initial
    prediction is the final one and counts 1. The further terms of the depth loss count likewise, but on no intermediate
    prediction: at 1/16 and 1/8 the slope from cell to cell is the interpolation's. The losses of auxiliary targets are
    added to those of their tasks, and so are those against the answers of a teacher, where a batch has them (see
    `taught_by`).
    """

    def __init__(
        self,
        model: MTCP,
        class_weight: Mapping[str, Tensor] | None = None,
        depth_terms: DepthTermOptions = DepthTermOptions(),  # noqa: B008 - frozen
        auxiliary: Sequence[Auxiliary] = (),
        auxiliary_weight: float = 1.0,
        mask_supervision: float = 0.0,
    ) -> None:
        """class_weight: by target, (C,) for the cross-entropy; a target that it lacks has all classes weighed alike.
        auxiliary: further targets that batches have; auxiliary_weight: the factor of their losses.
        mask_supervision: factor of `mask_loss`, which is added to the loss of semseg.
        """
        super().__init__()
        self.model = model
        self.depth_terms = DepthTerms(depth_terms, model.tasks)
        for name, weight in (class_weight or {}).items():
            self.register_buffer(f"class weight of {name}", weight, persistent=False)
        self.auxiliary, self.auxiliary_weight = tuple(auxiliary), auxiliary_weight
        self.mask_supervision = mask_supervision
        self.heads = auxiliary_heads(self.auxiliary, model)
        self.found = Found()
        """Of the last batch."""
        self.teacher_weight = 0.0
        """Factor of the losses against a teacher's answers, for batches that have them."""

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
        start = (row, column)
        losses = {task.name: self.task_loss(task, decoded, batch, start) for task in self.model.tasks}
        terms = {}
        if self.depth_terms.weights:
            terms = self._terms(decoded, batch, start)
            losses = self.depth_terms.added(losses, terms)
        extra = {target.key: self.auxiliary_loss(target, decoded, batch, start) for target in self.auxiliary}
        for target in self.auxiliary:
            losses[target.of] = losses[target.of] + self.auxiliary_weight * extra[target.key]
        for task in self.model.tasks:
            if (answers := batch.get(taught_by(task.name))) is not None:
                taught = self.over_stages(task, decoded, answers, answers, task.name)
                losses[task.name] = losses[task.name] + self.teacher_weight * taught
        if self.mask_supervision and decoded.masks is not None:
            labels = subsample(batch[SEMSEG], COARSE_STRIDE, start)
            losses[SEMSEG] = losses[SEMSEG] + self.mask_supervision * mask_loss(decoded.masks, labels)
        targets = [*self.model.tasks, *(target.task for target in self.auxiliary)]
        names = [*losses, *extra]
        self.found = Found(
            {
                name: task.valid(subsample(batch[name], FINE_STRIDE, start)).sum()
                for name, task in zip(names, targets, strict=True)
            },
            {name: loss.detach() for name, loss in extra.items()},
            {name: term.detach() for name, term in terms.items()},
        )
        return losses

    def task_loss(
        self,
        task: Task,
        decoded: Decoded,
        batch: Mapping[str, Tensor],
        start: tuple[int, int],
        of: str | None = None,
    ) -> Tensor:
        """L_t of one task, on pixels from `start` (see `subsample`). Shapes as in `forward`.

        of: the network's task whose predictions are compared with this one's targets; None: itself.
        """
        if task.name not in batch:
            raise InputError(f"task {task.name!r} has no target in the data: it gives {', '.join(batch)}")
        target = batch[task.name]
        fine, coarse = subsample(target, FINE_STRIDE, start), subsample(target, COARSE_STRIDE, start)
        return self.over_stages(task, decoded, fine, coarse, of or task.name)

    def over_stages(self, task: Task, decoded: Decoded, fine: Tensor, coarse: Tensor, of: str) -> Tensor:
        """The weighted sum of the stages' losses, of the intermediate ones against `coarse`. of: as in `task_loss`."""
        initial = self.one_loss(task, decoded.initial[of], fine)
        if of not in decoded.refined:
            return REFINED * initial
        refined = self.one_loss(task, decoded.refined[of], fine)
        steps = [self.one_loss(task, raw, coarse) for raw in decoded.intermediate.get(of, ())]
        return REFINED * refined + INTERMEDIATE * sum(steps) + INITIAL * initial

    def auxiliary_loss(
        self, target: Auxiliary, decoded: Decoded, batch: Mapping[str, Tensor], start: tuple[int, int]
    ) -> Tensor:
        """The loss of an auxiliary target, zero (with a gradient) where nothing is labelled. As `task_loss`."""
        if not target.head:
            return self.task_loss(target.task, decoded, batch, start, target.of)
        head = self.heads[target.key]
        labels = subsample(batch[target.key], FINE_STRIDE, start)
        # Other samples' maps would be the largest of all, 150 channels, for nothing; one stays if none is labelled.
        rows = target.task.valid(labels).flatten(1).any(1)
        rows[0] |= ~rows.any()
        raw = head(decoded.features[target.of][rows])
        return self.one_loss(target.task, raw, labels[rows], target.key)

    def one_loss(self, task: Task, raw: Tensor, target: Tensor, name: str | None = None) -> Tensor:
        """One raw head output (B, C_t, h, w) against a target (B, [3,] h', w'), called `name` if not by its task."""
        weight = self._buffers.get(f"class weight of {name or task.name}")
        return task.loss(_final(task, raw, (target.shape[-2], target.shape[-1])), target, weight)

    def _terms(
        self, decoded: Decoded, batch: Mapping[str, Tensor], start: tuple[int, int]
    ) -> dict[str, Tensor]:
        tasks, depth = self.depth_terms.tasks, self.depth_terms.depth
        true = {task.name: subsample(batch[task.name], FINE_STRIDE, start) for task in tasks}
        size = (true[depth].shape[-2], true[depth].shape[-1])
        stages = [(REFINED, decoded.refined), (INITIAL, decoded.initial)]
        if depth not in decoded.refined:
            stages = [(REFINED, decoded.initial)]
        h, w = decoded.grid
        # The cells of a prediction lie where its upsampling puts them, whatever pixels the target is read at.
        return self.depth_terms.of_stages(
            [(weight, {t.name: _final(t, raws[t.name], size) for t in tasks}) for weight, raws in stages],
            true,
            cameras_in_cells(batch, (4 * h, 4 * w), size) if self.depth_terms.needs_camera else None,
        )


def _final(task: Task, raw: Tensor, size: tuple[int, int]) -> Tensor:
    """A raw head output (B, C_t, h, w) as the final map at `size`."""
    raw = F.interpolate(raw.float(), size=size, mode="bilinear", align_corners=False)
    return task.activate(raw)


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
