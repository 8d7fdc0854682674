"""The training loop: one step at a time, everything that matters in one state that resumes exactly."""

from __future__ import annotations

import logging
import math
import signal
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from mtcp.config import ModelConfig, TrainConfig
from mtcp.model import MTCP
from mtcp.objective.balancing import Balancer, EpochReport
from mtcp.objective.losses import Objective
from mtcp.train.batches import Batches
from mtcp.train.distributed import World, any_rank, sum_over_ranks
from mtcp.train.run_folder import RunFolder
from mtcp.train.schedule import lr_factor

log = logging.getLogger(__name__)
SAVE_SECONDS = 300
Evaluate = Callable[[MTCP], dict[str, Any]]


class TrainingError(RuntimeError):
    """Training cannot go on: the message names the step and the task."""


def hardware_has_bf16(device: torch.device) -> bool:
    """Whether bf16 autocast pays: CUDA from Ampere on, CPUs with AMX or AVX512-BF16 (elsewhere it is slower than fp32)."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


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
        class_weight: Tensor | None = None,
        evaluate: Evaluate | None = None,
        save_model: Callable[[MTCP, Any], None] | None = None,
    ) -> None:
        """evaluate: metrics of a model on the held-out split, by stage; save_model: writes a checkpoint to a path."""
        self.config, self.folder, self.batches, self.balancer = config, folder, batches, balancer
        self.device, self.world = device, world or World()
        self.evaluate, self.save_model = evaluate, save_model
        model.to(device=device, memory_format=torch.channels_last)
        if self.world.size > 1 and device.type == "cuda":
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        self.model = model
        self.balancer.to(device)
        self.objective = Objective(model, class_weight).to(device)
        self.parallel: nn.Module = self.objective
        if self.world.size > 1:
            self.parallel = DistributedDataParallel(self.objective)
        self.optimizer = make_optimizer(model, balancer, config)
        self.average = WeightAverage(model, config.ema) if config.ema else None
        self.bf16 = config.bf16 == "on" or (config.bf16 == "auto" and hardware_has_bf16(device))
        self.total_steps = config.epochs * batches.steps
        self.step = 0  # optimizer steps done
        self.sums = self._no_sums()  # of the running epoch
        self.best = -math.inf
        self._stop_asked = False

    @property
    def epoch(self) -> int:
        """The epoch that the next step belongs to."""
        return self.step // self.batches.steps

    def run(self, *, max_minutes: float | None = None, until_epoch: int | None = None) -> bool:
        """Trains to the end, or until time is up, `until_epoch` is reached or SIGINT/SIGTERM comes. True when finished.

        However it ends (a NaN excepted), last.pt holds the state to go on from.

        Raises:
            TrainingError: a loss is not finite.
        """
        deadline = math.inf if max_minutes is None else time.monotonic() + 60 * max_minutes
        last_epoch = min(self.config.epochs, until_epoch or self.config.epochs)
        self._log("resume" if self.step else "start", step=self.step, epoch=self.epoch, epochs=self.config.epochs)
        previous = {s: signal.signal(s, self._ask_stop) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            while self.epoch < last_epoch:
                if not self._run_epoch(deadline):
                    break
        finally:
            for s, handler in previous.items():
                signal.signal(s, handler)
        finished = self.epoch >= self.config.epochs
        self.save()
        reason = "finished" if finished else "interrupted" if self._stop_asked else "paused"
        self._log("end", step=self.step, epoch=self.epoch, reason=reason)
        return finished

    def _ask_stop(self, *_: Any) -> None:
        self._stop_asked = True

    def _run_epoch(self, deadline: float) -> bool:
        """The rest of the current epoch; False when it had to stop on the way."""
        epoch, steps = self.epoch, self.batches.steps
        done = self.step - epoch * steps
        saved = time.monotonic()
        self.model.train()
        bar = tqdm(total=steps, initial=done, desc=f"epoch {epoch + 1}/{self.config.epochs}", leave=False,
                   disable=not self.world.is_main)  # fmt: skip
        with bar:
            for batch in self.batches.epoch(epoch, skip=done):
                start = time.monotonic()
                losses, weights, total, lr = self._train_step(batch)
                seconds = time.monotonic() - start
                self.sums["seconds"] += seconds
                bar.update()
                bar.set_postfix({name: f"{loss:.3f}" for name, loss in losses.items()})
                if self.step % self.config.log_every == 0:
                    speed = round(self.batches.batch / seconds, 3)
                    self._log("step", step=self.step, epoch=epoch, lr=lr, loss=losses, total=total, weight=weights,
                              images_per_s=speed)  # fmt: skip
                if self.step == (epoch + 1) * steps:
                    break
                if any_rank(self._stop_asked or time.monotonic() > deadline, self.device):
                    return False
                if time.monotonic() - saved > SAVE_SECONDS:
                    self.save()
                    saved = time.monotonic()
        self._end_epoch(epoch, lr)
        return not any_rank(self._stop_asked or time.monotonic() > deadline, self.device)

    def _train_step(self, batch: dict[str, Tensor]) -> tuple[dict[str, float], dict[str, float], float, float]:
        factor = lr_factor(
            self.step, self.total_steps, schedule=self.config.schedule, warmup=self.config.warmup
        )
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_lr"] * factor
        batch = {name: value.to(self.device, non_blocking=True) for name, value in batch.items()}
        batch["image"] = batch["image"].contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16):
            tensors: dict[str, Tensor] = self.parallel(batch)
        losses = dict(zip(tensors, torch.stack(list(tensors.values())).tolist(), strict=True))
        for task, value in losses.items():
            if not math.isfinite(value):
                raise TrainingError(f"step {self.step}: the loss of {task} is {value}; lower --lr or look at its data")
        total, weights = self.balancer.total({name: torch.log1p(loss) for name, loss in tensors.items()})
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        self.balancer.average_gradients()
        if self.config.clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimizer.step()
        if self.average:
            self.average.update(self.model)
        self.step += 1
        for task, value in losses.items():
            self.sums[f"loss {task}"] += value
            self.sums[f"log {task}"] += math.log1p(value)
            self.sums[f"weight {task}"] += weights[task]
        self.sums["steps"] += 1
        return losses, weights, float(total.detach()), self.optimizer.param_groups[0]["lr"]

    def _end_epoch(self, epoch: int, lr: float) -> None:
        sums = sum_over_ranks(self.sums, self.device)
        means = {
            kind: {t.name: sums[f"{kind} {t.name}"] / sums["steps"] for t in self.model.tasks}
            for kind in ("loss", "log", "weight")
        }
        report: EpochReport = self.balancer.end_epoch(means["log"])
        if report.floored:
            log.info("epoch %d: the floor of the task weights acted on %s", epoch, ", ".join(report.floored))
        seconds, self.sums = sums["seconds"] / self.world.size, self._no_sums()
        metrics = self._evaluate(epoch)
        images = self.batches.steps * self.batches.batch
        self._log("epoch", epoch=epoch, step=self.step, lr=lr, loss=means["loss"], log_loss=means["log"],
                  ratio=report.ratios, weight=means["weight"], next_weight=report.weights, floor=list(report.floored),
                  metrics=metrics, images_per_s=round(images / max(seconds, 1e-9), 3), seconds=round(seconds, 1))  # fmt: skip
        self.save()

    def _evaluate(self, epoch: int) -> dict[str, Any] | None:
        last = epoch + 1 == self.config.epochs
        if self.evaluate is None or not self.world.is_main or not (last or (epoch + 1) % self.config.eval_every == 0):
            return None
        model = self.averaged_model()
        model.eval()
        metrics = self.evaluate(model)
        model.train()
        score = overall_score(metrics, self.model)
        if score > self.best and self.save_model:
            self.best = score
            self.save_model(model, self.folder.best_path)
        return metrics

    def averaged_model(self) -> MTCP:
        """The network to evaluate and ship: the averaged one where there is an average."""
        return self.average.model if self.average else self.model

    def save(self) -> None:
        """Writes the state to last.pt and the network to model.safetensors (main process only)."""
        if not self.world.is_main:
            return
        self.folder.save_state(
            {
                "model": self.model.state_dict(),
                "average": self.average.state_dict() if self.average else None,
                "optimizer": self.optimizer.state_dict(),
                "balancer": self.balancer.state_dict(),
                "step": self.step,
                "sums": self.sums,
                "best": self.best,
                "random": torch.get_rng_state(),
            }
        )
        if self.save_model:
            self.save_model(self.averaged_model(), self.folder.last_path)

    def resume(self) -> None:
        """Goes on from last.pt. Raises InputError when it is damaged."""
        state = self.folder.load_state()
        self.model.load_state_dict(state["model"])
        if self.average:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.balancer.load_state_dict(state["balancer"])
        self.step, self.sums, self.best = state["step"], state["sums"], state["best"]
        torch.set_rng_state(state["random"])
        if self.world.is_main:
            self.folder.drop_lines_after(self.step)

    def _no_sums(self) -> dict[str, float]:
        keys = [f"{kind} {t.name}" for t in self.model.tasks for kind in ("loss", "log", "weight")]
        return dict.fromkeys([*keys, "steps", "seconds"], 0.0)

    def _log(self, kind: str, **values: Any) -> None:
        if self.world.is_main:
            self.folder.log(kind, **values)


class WeightAverage:
    """Exponential moving average of weights and buffers, with a warm-up: decay min(decay, (1 + n) / (10 + n))."""

    def __init__(self, model: MTCP, decay: float) -> None:
        import copy

        self.model: MTCP = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay, self.updates = decay, 0

    @torch.no_grad()
    def update(self, model: MTCP) -> None:
        """One step towards `model`."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for mine, new in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(new, 1 - decay)
            else:
                mine.copy_(new)

    def state_dict(self) -> dict[str, Any]:
        return {"model": self.model.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.updates = state["updates"]


def make_optimizer(model: MTCP, balancer: Balancer, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW; no decay on biases, norms and tables; the pretrained backbone at a lower rate; balancing's own weights too."""
    backbone = {id(p) for p in getattr(model.shared, "backbone", nn.Module()).parameters()}
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        groups.setdefault((id(parameter) in backbone, parameter.ndim > 1), []).append(parameter)
    settings = [
        {
            "params": parameters,
            "base_lr": config.lr * (config.backbone_lr if in_backbone else 1.0),
            "weight_decay": config.weight_decay if decayed else 0.0,
        }
        for (in_backbone, decayed), parameters in sorted(groups.items(), key=lambda item: item[0])
    ]
    own = list(balancer.parameters())
    if own:
        settings.append({"params": own, "base_lr": config.lr, "weight_decay": 0.0})
    return torch.optim.AdamW(settings, lr=config.lr)


def overall_score(metrics: dict[str, Any], model: MTCP) -> float:
    """One number to tell checkpoints apart: the mean over tasks of the (signed) log of the task's own metric."""
    stage = metrics.get("refined") or metrics["initial"]
    signed = [
        (1 if task.higher_is_better else -1) * math.log(max(stage[task.name][task.metric], 1e-6)) for task in model.tasks
    ]
    return sum(signed) / len(signed)
