"""Tasks of classes: one label per pixel out of a list of names, as in semantic segmentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mtcp.drawing import colour
from mtcp.drawing.scale import Scale
from mtcp.tasks.base import UNKNOWN, Change, Task
from mtcp.tasks.labels import IGNORE
from mtcp.tasks.measure import percent, shares

if TYPE_CHECKING:
    from torch import Tensor

    from mtcp.evaluation.metrics import ClassMetrics


@dataclass(frozen=True)
class Classes(Task):
    """Head output: logits (C). Final map: labels uint8 (H, W), 255 unknown. Loss: cross-entropy.

    noun: what the labels are called in a sentence.
    """

    noun: str = "labels"

    kind = "classes"
    unit = "%"
    metrics = ("miou", "pixel_acc", "mean_acc")
    metric = "miou"
    higher_is_better = True
    output = "logits"

    @classmethod
    def of(cls, name: str, title: str, short: str, classes: tuple[str, ...], noun: str = "labels") -> Classes:
        """A channel for each of `classes`."""
        return cls(name, title, short, len(classes), classes, noun=noun)

    @property
    def colours(self) -> tuple[colour.Colour, ...]:
        """The colour of each class."""
        return colour.palette(self.channels)

    def empty_map(self, size: tuple[int, int]) -> np.ndarray:
        return np.empty(size, np.uint8)

    def map_of(self, final: Tensor) -> Tensor:
        return final.max(0).indices.byte()  # six times as fast as argmax on a CPU

    def loss(self, final: Tensor, target: Tensor, class_weight: Tensor | None = None) -> Tensor:
        return cross_entropy(final, target, class_weight)

    def valid(self, target: Tensor) -> Tensor:
        return target != IGNORE

    @property
    def highest_label(self) -> int:
        return self.channels - 1

    def any_target(self, size: tuple[int, int]) -> Tensor:
        import torch

        return torch.zeros(1, *size, dtype=torch.uint8)

    def no_target(self, size: tuple[int, int]) -> Tensor:
        import torch

        return torch.full(size, IGNORE, dtype=torch.uint8)

    def trusted(self, final: Tensor, other: Tensor, confidence: float) -> Tensor:
        """The likeliest class of the mean, where its probability is above `confidence`."""
        import torch

        probability, labels = self.mean_of_flips(final, other).softmax(1).max(1)
        return torch.where(probability > confidence, labels, IGNORE).to(torch.uint8)

    def new_metric(self) -> ClassMetrics:
        from mtcp.evaluation.metrics import ClassMetrics

        return ClassMetrics(self.channels)

    def known(self, true: np.ndarray) -> np.ndarray:
        return true != IGNORE

    def error(self, predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
        """1 wrong, 0 right."""
        return np.where(true == IGNORE, np.nan, predicted != true).astype(np.float32)

    def picture(self, values: np.ndarray, scale: Scale | None = None) -> np.ndarray:
        return colour.classes(values, self.colours)

    def legend(self, values: np.ndarray, scale: Scale | None) -> np.ndarray:
        from mtcp.drawing import legend

        return legend.class_strip(legend.class_legend(self.classes, values), values.shape[1])

    def change(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """bool, True where the label is another."""
        return before != after

    def change_scale(self, moved: np.ndarray) -> None:
        return None

    def error_scale(self, off: np.ndarray) -> None:
        return None

    def change_picture(
        self, moved: np.ndarray, scale: Scale | None, after: np.ndarray, photo: np.ndarray
    ) -> np.ndarray:
        """Where a label changed, the class it has now; the faded photo elsewhere."""
        return np.where(moved[..., None], self.picture(after), colour.faded(photo))

    def error_picture(
        self, off: np.ndarray, scale: Scale | None, predicted: np.ndarray, photo: np.ndarray
    ) -> np.ndarray:
        """Where a label is wrong, the class that was predicted; the faded photo where it is right."""
        picture = self.change_picture(off == 1, scale, predicted, photo)
        picture[np.isnan(off)] = colour.INVALID
        return picture

    def change_in_words(self, moved: np.ndarray) -> Change:
        return Change("changed", percent(float(moved.mean())), f"of the {self.noun}")

    def apart(self, values: np.ndarray, last: np.ndarray) -> str:
        return f"{100 * float(self.change(values, last).mean()):.1f} % of labels differ"

    def value_in_words(self, value: np.ndarray) -> str:
        return UNKNOWN if value == IGNORE else self.classes[int(value)]

    def error_in_words(self, value: np.ndarray, true: np.ndarray) -> str:
        return "" if true in (IGNORE, value) else "wrong"

    def numbers(self, maps: Mapping[str, np.ndarray]) -> dict[str, Any]:
        found = shares(maps["initial"], maps.get("refined", maps["initial"]), self.classes)
        rows = [
            {"name": share.name}
            | {f"{stage}_percent": round(100 * getattr(share, stage), 3) for stage in maps}
            for share in found
        ]
        return {"classes": rows}

    def change_numbers(self, moved: np.ndarray) -> dict[str, Any]:
        return {"changed_percent": round(100 * float(moved.mean()), 3)}


def cross_entropy(logits: Tensor, labels: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean over labelled pixels. logits: (B, C, h, w); labels: (B, h, w) integers, 255 = ignore -> scalar.

    weight: (C,) per-class weights. Zero (with a gradient) when nothing is labelled.
    """
    import torch.nn.functional as F

    # Pixels as rows are a view where logits are channels_last; as maps, softmax would copy them, there and back.
    rows, labels = logits.float().permute(0, 2, 3, 1).flatten(0, 2), labels.long().flatten()
    loss = F.cross_entropy(rows, labels, weight=weight, ignore_index=IGNORE, reduction="sum")
    valid = labels != IGNORE
    scale = valid if weight is None else weight[labels.masked_fill(~valid, 0)] * valid
    return loss / scale.sum().clamp(min=1e-6)
