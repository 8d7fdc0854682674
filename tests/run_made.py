"""Run folders as the trainer writes them, made without training."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from mtcp.objective.balancing import LPS, Balancer

TASKS = ("semseg", "depth", "normals")
STEPS = 10  # per epoch
T0 = 1_700_000_000.0


def losses(step: int) -> dict[str, float]:
    """Falling losses of three tasks, each at its own pace."""
    wave = 0.1 * math.sin(step)
    return {
        "semseg": 4 / (1 + step / 30) + 0.5 + wave,
        "depth": 1.2 / (1 + step / 9) + 0.3,
        "normals": 1.5 / (1 + step / 300) + 0.5,
    }


def lines(
    epochs: int, *, planned: int = 8, balancer: Balancer | None = None, evaluate: int = 2
) -> list[dict[str, Any]]:
    """The log of a run after `epochs` complete epochs: a step line every 2 s, metrics every `evaluate` epochs."""
    balancer = balancer or LPS(TASKS)
    made: list[dict[str, Any]] = [{"kind": "start", "step": 0, "epoch": 0, "epochs": planned, "time": T0}]
    for epoch in range(epochs):
        before = dict(balancer.weights)
        for step in range(epoch * STEPS + 1, (epoch + 1) * STEPS + 1):
            made.append(
                {
                    "kind": "step",
                    "step": step,
                    "epoch": epoch,
                    "lr": 1e-3,
                    "loss": losses(step),
                    "total": 1.0,
                    "weight": before,
                    "images_per_s": 4.0,
                    "time": T0 + 2 * step,
                }
            )
        every = [losses(step) for step in range(epoch * STEPS + 1, (epoch + 1) * STEPS + 1)]
        loss = {task: sum(one[task] for one in every) / STEPS for task in TASKS}
        log_loss = {task: sum(math.log1p(one[task]) for one in every) / STEPS for task in TASKS}
        report = balancer.end_epoch(log_loss)
        made.append(
            {"kind": "epoch", "epoch": epoch, "step": (epoch + 1) * STEPS, "lr": 1e-3, "loss": loss,
             "log_loss": log_loss, "weight": before, "next_weight": report.weights, **report.record,
             "metrics": metrics(epoch) if (epoch + 1) % evaluate == 0 else None,
             "images_per_s": 4.0, "seconds": 20.0, "time": T0 + 2 * (epoch + 1) * STEPS}
        )  # fmt: skip
    return made


def metrics(epoch: int) -> dict[str, Any]:
    """Numbers that get better, refined ahead of initial."""
    return {
        stage: {
            "semseg": {"miou": 10.0 + epoch + ahead},
            "depth": {"rmse": 1 / (1 + epoch + ahead)},
            "normals": {"mean": 40.0 - epoch - ahead},
        }
        for ahead, stage in enumerate(("initial", "refined"))
    }


def gradients(step: int, cosine: float) -> dict[str, Any]:
    """A line that compares the gradients of two tasks."""
    norms = {"semseg": 2.0 * step, "depth": 1.0 * step}
    return {
        "kind": "gradients",
        "step": step,
        "epoch": (step - 1) // STEPS,
        "cosine": {"semseg-depth": cosine},
        "norm": norms,
        "time": T0 + 2 * step,
    }


def end(step: int, reason: str = "finished") -> dict[str, Any]:
    """A run's last line."""
    return {"kind": "end", "step": step, "epoch": step // STEPS, "reason": reason, "time": T0 + 2 * step + 1}


def text(entries: list[dict[str, Any]]) -> str:
    """Log lines."""
    return "".join(json.dumps(entry) + "\n" for entry in entries)


def make_run(folder: Path, entries: list[dict[str, Any]], **train: Any) -> Path:
    """A run folder; returns its log."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"balancing": "lps", "kappa": 7.5, "floor": 0.05, "data": "rooms:48", **train}
    (folder / "config.json").write_text(json.dumps({"model": {}, "train": settings, "command": ""}))
    log = folder / "log.jsonl"
    log.write_text(text(entries))
    return log
