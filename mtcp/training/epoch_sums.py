"""What is added up over an epoch's steps, and the means that its log line has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mtcp.objective.auxiliary import Auxiliary
from mtcp.training.gradient_log import GradientLog

BY_TASK = ("loss", "log", "weight", "steps", "pixels", "asked", "taught")
BY_AUXILIARY = ("loss", "steps", "pixels")


class EpochSums:
    """Numbers of the running epoch, which travel in last.pt and are added up over the ranks: `values`, by name.

    A step without a label of a task does not count for the means of its losses.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        auxiliary: Sequence[Auxiliary],
        terms: Sequence[str],
        gradients: GradientLog,
    ) -> None:
        """terms: names of the further terms of the depth loss."""
        self.tasks, self.terms, self.gradients = tuple(tasks), tuple(terms), gradients
        self.auxiliary = [target.key for target in auxiliary]
        self._taught_by = {
            task: [task, *(target.key for target in auxiliary if target.of == task)] for task in self.tasks
        }
        self.values = self._zeros()

    def reset(self) -> None:
        """Begins an epoch."""
        self.values = self._zeros()

    def load(self, saved: Mapping[str, float]) -> None:
        """Goes on from saved `values`, also from before steps were counted by task."""
        every = {f"steps {task}": saved["steps"] for task in self.tasks}
        self.values = self._zeros() | every | dict(saved)

    def add(
        self,
        *,
        losses: Mapping[str, float],
        pixels: Mapping[str, float],
        auxiliary: Mapping[str, float],
        weights: Mapping[str, float],
        **others: Mapping[str, float],
    ) -> None:
        """Adds a step. pixels: labelled ones, by target. others: further kinds by name."""
        self.values["steps"] += 1
        for kind, numbers in {"weight": weights, "pixels": pixels, **others}.items():
            for name, number in numbers.items():
                self.values[f"{kind} {name}"] += number
        for task, loss in losses.items():
            if any(pixels[name] for name in self._taught_by[task]):
                self.values[f"loss {task}"] += loss
                self.values[f"log {task}"] += math.log1p(loss)
                self.values[f"steps {task}"] += 1
        for name, loss in auxiliary.items():
            if pixels[name]:
                self.values[f"loss {name}"] += loss
                self.values[f"steps {name}"] += 1

    def unlabelled(self, sums: Mapping[str, float]) -> list[str]:
        """The tasks that no step had a label of. sums: `values`, over all ranks; also below."""
        return [task for task in self.tasks if not sums[f"steps {task}"]]

    def means(self, sums: Mapping[str, float], ranks: int) -> dict[str, dict[str, float]]:
        """As the log calls them: "loss", "log_loss" and "weight" of each task, "supervised" pixels of a step."""
        steps = sums["steps"] / ranks
        return {
            "loss": {task: sums[f"loss {task}"] / sums[f"steps {task}"] for task in self.tasks},
            "log_loss": {task: sums[f"log {task}"] / sums[f"steps {task}"] for task in self.tasks},
            "weight": {task: sums[f"weight {task}"] / sums["steps"] for task in self.tasks},
            "supervised": {
                name: round(sums[f"pixels {name}"] / steps) for name in (*self.tasks, *self.auxiliary)
            },
        }

    def further(self, sums: Mapping[str, float], *, teacher: bool) -> dict[str, Any]:
        """What the log has only where there is some: "auxiliary", "taught" (with a teacher), "terms", "gradients"."""
        found = {
            "auxiliary": {
                name: sums[f"loss {name}"] / max(1, sums[f"steps {name}"]) for name in self.auxiliary
            },
            "taught": {
                task: round(sums[f"taught {task}"] / max(1, sums[f"asked {task}"]), 4)
                for task in (self.tasks if teacher else ())
            },
            "terms": {name: sums[f"term {name}"] / sums["steps"] for name in self.terms},
            "gradients": self.gradients.means(sums),
        }
        return {name: values for name, values in found.items() if values}

    def _zeros(self) -> dict[str, float]:
        keys = [f"{kind} {task}" for task in self.tasks for kind in BY_TASK]
        keys += [f"{kind} {name}" for name in self.auxiliary for kind in BY_AUXILIARY]
        keys += [f"term {name}" for name in self.terms]
        return dict.fromkeys([*keys, "steps", "seconds"], 0.0) | self.gradients.no_sums()
