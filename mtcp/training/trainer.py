"""The training loop: one step at a time, everything that matters in one state that resumes exactly."""

from __future__ import annotations

import logging
import math
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from mtcp.config import TrainConfig
from mtcp.data.augment import UNDISTORTED
from mtcp.model import MTCP
from mtcp.model.encoder.base import Encoder
from mtcp.objective.auxiliary import Auxiliary
from mtcp.objective.balancing import Applied, Balancer
from mtcp.objective.gradients import compare
from mtcp.objective.losses import Objective
from mtcp.training.batches import Batches
from mtcp.training.distributed import (
    World,
    any_rank,
    average_gradients,
    mean_over_ranks,
    sum_over_ranks,
    synchronised,
)
from mtcp.training.epoch_sums import EpochSums
from mtcp.training.events import Events
from mtcp.training.gradient_log import GradientLog
from mtcp.training.mixing import mix
from mtcp.training.optimizer import WeightAverage, make_optimizer, step_seed
from mtcp.training.run_folder import RunFolder
from mtcp.training.schedule import lr_factor, ramp
from mtcp.training.selection import overall_score
from mtcp.training.state import restore, state_of
from mtcp.training.teacher import Lesson, teach

log = logging.getLogger(__name__)
SAVE_SECONDS = 300
Evaluate = Callable[[MTCP], dict[str, Any]]


class TrainingError(RuntimeError):
    """Training cannot go on: the message names the step and the task."""


def hardware_has_bf16(device: torch.device) -> bool:
    """Whether bf16 autocast pays: CUDA from Ampere on, CPUs with AMX or AVX512-BF16; else fp32 is faster."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


class Step(NamedTuple):
    """What one step gave: losses by task, those of auxiliary targets, further terms of the depth loss, what was
    minimised, the learning rate.
    """

    losses: dict[str, float]
    auxiliary: dict[str, float]
    terms: dict[str, float]
    applied: Applied
    lr: float


class Trainer:
    """Trains one network into one run folder."""

    def __init__(
        self,
        model: MTCP,
        batches: Batches,
        balancer: Balancer,
        config: TrainConfig,
        folder: RunFolder,
        *,
        device: torch.device,
        world: World | None = None,
        class_weight: Mapping[str, Tensor] | None = None,
        auxiliary: Sequence[Auxiliary] = (),
        evaluate: Evaluate | None = None,
        save_model: Callable[[MTCP, Any], None] | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """class_weight, auxiliary: see `Objective`; evaluate: a model's metrics on `val_split`, by stage;
        save_model: writes a checkpoint; about: further JSON for the log's first line.
        """
        self.config, self.folder, self.batches, self.balancer = config, folder, batches, balancer
        self.device, self.world = device, world or World()
        self.evaluate, self.save_model, self.about = evaluate, save_model, about or {}
        model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self.world.size > 1 and device.type == "cuda":
            model = synchronised(model)
        self.model = model
        self.shared = cast(Encoder, model.shared).shared_parameters()
        self.balancer.to(device)
        self.balancer.mean_over_ranks = mean_over_ranks
        tasks = [task.name for task in model.tasks]
        every = config.log_gradients or (config.log_every if balancer.compares else 0)
        self.gradients = GradientLog(every, tasks)
        self.objective = Objective(
            model, class_weight, config, auxiliary, config.also_weight, config.mask_supervision
        ).to(device)
        self.parallel: nn.Module = self.objective
        if self.world.size > 1:
            self.parallel = DistributedDataParallel(self.objective)
        self.optimizer = make_optimizer(model, balancer, config, self.objective.heads)
        self.average = WeightAverage(model, config.ema) if config.ema else None
        self.bf16 = config.bf16 == "on" or (config.bf16 == "auto" and hardware_has_bf16(device))
        self.total_steps = config.epochs * batches.steps
        self.step = 0  # optimizer steps done
        self.sums = EpochSums(tasks, auxiliary, list(config.term_weights), self.gradients)
        self.best = -math.inf
        self._stop_asked = False
        self.events: Events | None = None

    @property
    def epoch(self) -> int:
        """The epoch that the next step belongs to."""
        return self.step // self.batches.steps

    def run(self, *, max_minutes: float | None = None, until_epoch: int | None = None) -> bool:
        """Trains to the end, until time is up, to `until_epoch` or to SIGINT/SIGTERM. True when finished.

        However it ends (a NaN excepted), last.pt holds the state to go on from.

        Raises:
            TrainingError: a loss is not finite.
        """
        deadline = math.inf if max_minutes is None else time.monotonic() + 60 * max_minutes
        last_epoch = min(self.config.epochs, until_epoch or self.config.epochs)
        self.events = Events(self.folder.path, self.step) if self.world.is_main else None
        self._log(
            "resume" if self.step else "start",
            step=self.step,
            epoch=self.epoch,
            epochs=self.config.epochs,
            steps_per_epoch=self.batches.steps,
            **({} if self.step else self.about),
        )
        previous = {s: signal.signal(s, self._ask_stop) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            while self.epoch < last_epoch:
                if not self._run_epoch(deadline):
                    break
            finished = self.epoch >= self.config.epochs
            self.save()
            reason = "finished" if finished else "interrupted" if self._stop_asked else "paused"
            self._log("end", step=self.step, epoch=self.epoch, reason=reason)
        finally:
            for s, handler in previous.items():
                signal.signal(s, handler)
            if self.events:
                self.events.close()
        return finished

    def _ask_stop(self, *_: Any) -> None:
        self._stop_asked = True

    def _run_epoch(self, deadline: float) -> bool:
        """The rest of the current epoch; False when it had to stop on the way."""
        epoch, steps = self.epoch, self.batches.steps
        done = self.step - epoch * steps
        saved = tick = time.monotonic()
        self.model.train()
        bar = tqdm(
            total=steps,
            initial=done,
            desc=f"epoch {epoch + 1}/{self.config.epochs}",
            leave=False,
            disable=not self.world.is_main,
        )
        with bar:
            for batch in self.batches.epoch(epoch, skip=done):
                step = self._train_step(batch)
                now = time.monotonic()
                seconds, tick = now - tick, now  # reading the batch included
                self.sums.values["seconds"] += seconds
                bar.update()
                bar.set_postfix({name: f"{loss:.3f}" for name, loss in step.losses.items()})
                if self.step % self.config.log_every == 0:
                    speed = round(self.batches.batch / seconds, 3)
                    self._log(
                        "step",
                        step=self.step,
                        epoch=epoch,
                        lr=step.lr,
                        loss=step.losses,
                        total=step.applied.total,
                        weight=step.applied.weights,
                        images_per_s=speed,
                        **({"auxiliary": step.auxiliary} if step.auxiliary else {}),
                        **({"terms": step.terms} if step.terms else {}),
                    )
                if self.step == (epoch + 1) * steps:
                    break
                due = any_rank(self.device, stop=self._must_stop(deadline), save=now - saved > SAVE_SECONDS)
                if due["stop"]:
                    return False
                if due["save"]:
                    self.save()
                    saved = tick = time.monotonic()
        self._end_epoch(epoch, step.lr)
        return not any_rank(self.device, stop=self._must_stop(deadline))["stop"]

    def _must_stop(self, deadline: float) -> bool:
        return self._stop_asked or time.monotonic() > deadline

    def _train_step(self, batch: dict[str, Tensor]) -> Step:
        factor = lr_factor(
            self.step, self.total_steps, schedule=self.config.schedule, warmup=self.config.warmup
        )
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_lr"] * factor
        torch.manual_seed(step_seed(self.config.seed, self.step, self.world.rank))
        batch = {name: value.to(self.device, non_blocking=True) for name, value in batch.items()}
        batch["image"] = batch["image"].contiguous(memory_format=torch.channels_last)
        lesson = self._lesson(batch)
        batch |= lesson.targets
        if self.config.mixes and lesson.targets:
            batch |= self._mixed(batch)
        with self._reducing(), torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16):
            tensors: dict[str, Tensor] = self.parallel(batch)
        found = self.objective.found
        losses, pixels, auxiliary, terms, asked, taught = numbers(
            tensors, found.pixels, found.auxiliary, found.terms, lesson.asked, lesson.taught
        )
        for task, value in losses.items():
            if not math.isfinite(value):
                raise TrainingError(
                    f"step {self.step}: the loss of {task} is {value}; lower --lr or look at its data"
                )
        self.optimizer.zero_grad(set_to_none=True)
        applied = self._backward(tensors)
        if self.config.clip:
            nn.utils.clip_grad_norm_(self.objective.parameters(), self.config.clip)
        self.optimizer.step()
        if self.average:
            self.average.update(self.model)
        self.step += 1
        self.sums.add(
            losses=losses,
            pixels=pixels,
            auxiliary=auxiliary,
            weights=applied.weights,
            term=terms,
            asked=asked,
            taught=taught,
        )
        return Step(losses, auxiliary, terms, applied, self.optimizer.param_groups[0]["lr"])

    def _lesson(self, batch: dict[str, Tensor]) -> Lesson:
        """What the average of the network teaches of what the batch lacks; takes the undistorted photo out of it."""
        if not (self.config.teacher_weight and self.average):
            return Lesson({}, {}, {})
        self.objective.teacher_weight = self.config.teacher_weight * ramp(self.step, self.total_steps)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16):
            lesson = teach(self.average.model, batch, self.config.teacher_confidence)
        del batch[UNDISTORTED]
        return lesson

    def _mixed(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The photos that were taught, mixed, with their answers."""
        tasks = self.model.tasks
        targets = {task.name: task for task in tasks} | {t.key: t.task for t in self.objective.auxiliary}
        rng = np.random.default_rng(step_seed(self.config.seed, self.step, self.world.rank))
        return mix(batch, tasks, targets, self.config, rng)

    def _reducing(self) -> AbstractContextManager[None]:
        """DDP averages the gradients during a backward pass, and it must be the only one; else it is kept out."""
        if isinstance(self.parallel, DistributedDataParallel) and self.balancer.several_passes:
            return self.parallel.no_sync()
        return nullcontext()

    def _backward(self, losses: dict[str, Tensor]) -> Applied:
        """Gradients of this step, the mean over the ranks, in all parameters."""
        due, found = self.gradients.due(self.step + 1), None
        if due and not self.balancer.compares:
            found = self.gradients.look(losses, self.shared, mean_over_ranks)
        applied = self.balancer.backward(losses, self.shared)
        if due and applied.gramian is not None:
            found = compare(applied.gramian, self.gradients.tasks)
        if found:
            self.gradients.add(found, self.sums.values)
            self._log("gradients", step=self.step + 1, epoch=self.epoch, **found)
        if self.balancer.several_passes:
            average_gradients(self.objective.parameters())
        average_gradients(self.balancer.parameters())
        return applied

    def _end_epoch(self, epoch: int, lr: float) -> None:
        sums = sum_over_ranks(self.sums.values, self.device)
        if unlabelled := self.sums.unlabelled(sums):
            raise TrainingError(
                f"epoch {epoch}: no step had a label of {', '.join(unlabelled)}; look at its data"
            )
        means = self.sums.means(sums, self.world.size)
        report = self.balancer.end_epoch(means["log_loss"])
        if report.note:
            log.info("epoch %d: %s", epoch, report.note)
        self.sums.reset()
        seconds, images = sums["seconds"] / self.world.size, self.batches.steps * self.batches.batch
        self._log(
            "epoch",
            epoch=epoch,
            step=self.step,
            lr=lr,
            **means,
            next_weight=report.weights,
            metrics=self._evaluate(epoch),
            images_per_s=round(images / max(seconds, 1e-9), 3),
            seconds=round(seconds, 1),
            **self.sums.further(sums, teacher=bool(self.config.teacher_weight)),
            **report.record,
        )
        self.save()

    def _evaluate(self, epoch: int) -> dict[str, Any] | None:
        last = epoch + 1 == self.config.epochs
        if (
            self.evaluate is None
            or not self.world.is_main
            or not (last or (epoch + 1) % self.config.eval_every == 0)
        ):
            return None
        model = self.averaged_model()
        model.eval()
        metrics = self.evaluate(model)
        model.train()
        score = overall_score(metrics, self.model.tasks)
        if score > self.best and self.save_model:
            self.best = score
            self.save_model(model, self.folder.best_path)
        return metrics

    def averaged_model(self) -> MTCP:
        """The network to evaluate and ship: the averaged one where there is an average."""
        return self.average.model if self.average else self.model

    def save(self) -> None:
        """Writes last.pt (state) and model.safetensors (network). Every rank calls it, the main one writes.

        Of the running epoch's sums the mean over ranks is kept, which every rank resumes with: their sum is
        right again.
        """
        sums = sum_over_ranks(self.sums.values, self.device)
        if not self.world.is_main:
            return
        means = {key: value / self.world.size for key, value in sums.items()}
        self.folder.save_state(state_of(self, means))
        if self.save_model:
            self.save_model(self.averaged_model(), self.folder.last_path)

    def resume(self, state: dict[str, Any] | None = None, *, restart: bool = False) -> None:
        """Goes on from last.pt, or from the `state` that was read from it.

        restart: epochs, learning rate and balancing start again, with the weights, the optimizer's moments and
        the best score as they are; the log so far is kept beside the new one.

        Raises:
            InputError: what `restore` refuses.
        """
        restore(self, self.folder.load_state() if state is None else state, restart=restart)
        if not self.world.is_main:
            return
        if restart:
            self.folder.put_log_aside()
        else:
            self.folder.drop_lines_after(self.step)

    def _log(self, kind: str, **values: Any) -> None:
        if not self.world.is_main:
            return
        self.folder.log(kind, **values)
        if self.events:
            self.events.add(kind, values)


def numbers(*parts: Mapping[str, Tensor]) -> tuple[dict[str, float], ...]:
    """Scalars by name as numbers; the accelerator is waited for once."""
    values = iter(torch.stack([value.float() for part in parts for value in part.values()]).tolist())
    return tuple({name: next(values) for name in part} for part in parts)
