"""What a task is: everything that the rest of the project asks of one, whatever its kind.

A kind is a subclass in a file of its own: `classes`, `depth`, `normals`, `binary`. Outside this package nothing asks
which kind a task is of. torch is imported inside the methods that need it: what only shows maps, or only names tasks,
starts without.

Maps come in two forms. Tensors have their channels in front: a raw head output (B, C, h, w), the same activated, a
target (B, h, w), or (B, 3, h, w) of normals. Final maps are numpy, as in a `Prediction` or a `Truth`: (H, W), or
(H, W, 3) of normals.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from mtcp.drawing.scale import Scale, scale_end
from mtcp.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from mtcp.evaluation.metrics import TaskMetric

UNKNOWN = "unknown"


class Change(NamedTuple):
    """What the refinement did, in words that follow "The refinement": before the number, the number, after it. The
    first word is the verb, which is left out where two networks are compared.
    """

    before: str
    number: str
    after: str


@dataclass(frozen=True)
class Task(ABC):
    """One dense prediction task.

    name: its key in samples, predictions and files. title, short: what people read, in headings and in tables.
    channels: of its head's output. classes: what labels mean, for a task that has labels with names.
    thin: whether lines a pixel wide carry its maps, which shrinking must not lose.
    """

    name: str
    title: str
    short: str
    channels: int
    classes: tuple[str, ...] = ()
    thin: bool = False

    kind: ClassVar[str]
    """The name of the kind, for files and people; not to be branched on."""
    unit: ClassVar[str]
    """Of the number that stands for the task."""
    metrics: ClassVar[tuple[str, ...]]
    """The numbers of `new_metric`, as `evaluate` spells them."""
    metric: ClassVar[str]
    """The one that stands for the task in delta_m."""
    higher_is_better: ClassVar[bool]
    """The direction of `metric`."""
    output: ClassVar[str]
    """What the activated output is, in words."""
    start_bias: ClassVar[float | None] = None
    """What the head's bias starts at; None: as torch has it."""
    directions: ClassVar[bool] = False
    """Whether colours stand for directions, so that a ball explains them."""
    spread_words: ClassVar[tuple[str, str, str] | None] = None
    """What the smallest, the median and the largest value are called, where they tell something."""
    exports: ClassVar[Mapping[str, Callable[[np.ndarray], np.ndarray]]] = {}
    """Pictures for programs beside those for people: a suffix of the file's name -> map to picture, pixel by pixel."""

    def __post_init__(self) -> None:
        if self.classes and len(self.classes) != self.channels:
            raise InputError(
                f"task {self.name!r}: {len(self.classes)} class names for {self.channels} channels"
            )

    # the network's output

    def activate(self, raw: Tensor) -> Tensor:
        """Raw head output (B, C, h, w) -> what `loss` and `new_metric` take, see `output`."""
        return raw

    def fault(self, raw: Tensor) -> str:
        """What is wrong with a raw map, or an empty string."""
        return "" if raw.isfinite().all() else "not a number"

    @abstractmethod
    def empty_map(self, size: tuple[int, int]) -> np.ndarray:
        """A final map of `size` (H, W) that is still to be filled."""

    @abstractmethod
    def map_of(self, final: Tensor) -> Tensor:
        """Activated output of one photo (C, h, w) -> rows of its final map, (h, w, ...), of the map's type."""

    def mirrored(self, values: Tensor) -> Tensor:
        """Values (..., h, w) whose columns have been reversed -> what they are of the mirrored photo."""
        return values

    def mean_of_flips(self, final: Tensor, other: Tensor) -> Tensor:
        """Mean of an activated map (B, C, h, w) with that of the mirrored photo, its columns reversed again."""
        return (final + self.mirrored(other)) / 2

    # training

    @abstractmethod
    def loss(self, final: Tensor, target: Tensor, class_weight: Tensor | None = None) -> Tensor:
        """The loss of an activated map (B, C, h, w) against a target on its grid; a scalar, zero (with a gradient)
        where nothing is labelled. class_weight: (C,), of classes alone.
        """

    @abstractmethod
    def valid(self, target: Tensor) -> Tensor:
        """Where a target ([B,] [3,] h, w) tells something, bool ([B,] h, w); NaN and infinity tell nothing."""

    @property
    def highest_label(self) -> int | None:
        """Labels go from 0 to this, beside 255; None where targets are no labels."""
        return None

    @abstractmethod
    def any_target(self, size: tuple[int, int]) -> Tensor:
        """A target (1, [3,] h, w) that tells something everywhere."""

    @abstractmethod
    def no_target(self, size: tuple[int, int]) -> Tensor:
        """A target ([3,] h, w) that tells nothing anywhere: of a photo that nobody labelled for this task."""

    @abstractmethod
    def trusted(self, final: Tensor, other: Tensor, confidence: float) -> Tensor:
        """A target (B, [3,] h, w) made of two predictions, where they can be trusted; it tells nothing elsewhere.

        final, other: as in `mean_of_flips`. confidence: of classes, the least probability, 0 to 1.
        """

    def loss_task(self, other: Task) -> Task | None:
        """The task by whose loss this one's maps can be compared with targets of `other`; None: by none."""
        return self if other == self else None

    # samples

    def target_of(self, values: np.ndarray) -> Tensor:
        """A true final map -> a target ([3,] h, w)."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(values))

    def zoomed(self, target: Tensor, factor: float) -> Tensor:
        """The target ([3,] h, w) of a photo whose scene is `factor` times nearer, see `mtcp.data.augment`."""
        return target

    def packed(self, target: Tensor) -> Tensor:
        """The target as it is kept in memory: fewer bytes where that loses nothing that matters."""
        return target

    # against the truth

    @abstractmethod
    def new_metric(self) -> TaskMetric:
        """An empty metric of `mtcp.evaluation.metrics` for this task."""

    @abstractmethod
    def known(self, true: np.ndarray) -> np.ndarray:
        """Where a true final map tells something, bool (H, W)."""

    def to_metric(self, predicted: np.ndarray, true: np.ndarray) -> tuple[Tensor, Tensor]:
        """Two final maps as a batch of one for `new_metric`."""
        return self.target_of(predicted)[None], self.target_of(true)[None]

    @abstractmethod
    def error(self, predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
        """Where a final map is off, float32 (H, W); NaN where the truth is unknown, or the prediction no number."""

    # pictures

    def scale(self, *maps: np.ndarray) -> Scale | None:
        """The scale that shows all the final maps alike; None where colours do not depend on the values."""
        return None

    @abstractmethod
    def picture(self, values: np.ndarray, scale: Scale | None = None) -> np.ndarray:
        """A final map as RGB uint8 (H, W, 3), the unknown black; scale: of `scale`, None: of this map alone."""

    def legend(self, values: np.ndarray, scale: Scale | None) -> np.ndarray | None:
        """What the colours of the map's picture mean, as a picture as wide; None where they explain themselves."""
        return None

    # two maps of one photo

    @abstractmethod
    def change(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """How much two final maps differ, (H, W)."""

    @abstractmethod
    def change_scale(self, moved: np.ndarray) -> Scale | None:
        """The scale that shows `change`; None where it is shown in the colours of the map."""

    @abstractmethod
    def error_scale(self, off: np.ndarray) -> Scale | None:
        """The scale that shows `error`, of all its values together; None as in `change_scale`."""

    def change_picture(
        self, moved: np.ndarray, scale: Scale | None, after: np.ndarray, photo: np.ndarray
    ) -> np.ndarray:
        """`moved` of `change` as RGB uint8 (H, W, 3). after: the second map; photo: uint8 (H, W, 3)."""
        assert scale is not None
        return scale.picture(moved)

    def error_picture(
        self, off: np.ndarray, scale: Scale | None, predicted: np.ndarray, photo: np.ndarray
    ) -> np.ndarray:
        """`off` of `error` as RGB uint8 (H, W, 3), black where the truth is unknown."""
        assert scale is not None
        return scale.picture(off)

    # words and numbers

    @abstractmethod
    def change_in_words(self, moved: np.ndarray) -> Change:
        """`moved` of `change` as a part of a sentence."""

    @abstractmethod
    def apart(self, values: np.ndarray, last: np.ndarray) -> str:
        """How far a final map is from another, in a few words."""

    @abstractmethod
    def value_in_words(self, value: np.ndarray) -> str:
        """What a final map says at a pixel, `UNKNOWN` where it says nothing. value: () or (3,)."""

    def error_in_words(self, value: np.ndarray, true: np.ndarray) -> str:
        """How far that is from the truth; empty where that is unknown or goes without saying."""
        return ""

    def summary(self, initial: np.ndarray, refined: np.ndarray | None = None) -> dict[str, Any]:
        """The numbers of a task, as `/predict` returns them: plain JSON types, units in the key names.

        Without a refinement (`refined` None) only what describes the initial map is there.
        """
        maps = {"initial": initial} if refined is None else {"initial": initial, "refined": refined}
        numbers = {"kind": self.kind, **self.numbers(maps)}
        return numbers if refined is None else numbers | self.change_numbers(self.change(initial, refined))

    def numbers(self, maps: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """What describes final maps, by stage, for `summary`."""
        return {}

    @abstractmethod
    def change_numbers(self, moved: np.ndarray) -> dict[str, Any]:
        """What describes `moved` of `change`, for `summary`."""


class ScalarTask(Task):
    """A task with one number per pixel: changes and errors are differences, shown around zero."""

    mark: ClassVar[str]
    """The unit behind a value, in words."""
    key: ClassVar[str]
    """The unit in the names of numbers."""
    digits: ClassVar[int]
    """After the point, of a mean change."""
    least: ClassVar[float]
    """The end of a scale of differences, at least: what nobody would notice must not glow."""
    change_words: ClassVar[tuple[str, str]]
    error_words: ClassVar[tuple[str, str]]

    @property
    def quantity(self) -> str:
        """What is moved, in a sentence."""
        return self.name

    def empty_map(self, size: tuple[int, int]) -> np.ndarray:
        return np.empty(size, np.float32)

    def change(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """after - before."""
        return after - before

    def change_scale(self, moved: np.ndarray) -> Scale:
        return Scale.around_zero(scale_end(moved, self.least), self.mark, self.change_words)

    def error_scale(self, off: np.ndarray) -> Scale:
        return Scale.around_zero(scale_end(off, self.least), self.mark, self.error_words)

    def change_in_words(self, moved: np.ndarray) -> Change:
        return Change(f"moved {self.quantity} by", self._written(np.nanmean(np.abs(moved))), "on average")

    def apart(self, values: np.ndarray, last: np.ndarray) -> str:
        return f"{self._written(np.abs(self.change(values, last)).mean())} away"

    def change_numbers(self, moved: np.ndarray) -> dict[str, Any]:
        return {
            f"mean_abs_change_{self.key}": round(float(np.abs(moved).mean()), 5),
            f"mean_change_{self.key}": round(float(moved.mean()), 5),
        }

    def _written(self, value: np.floating[Any]) -> str:
        return f"{float(value):.{self.digits}f} {self.mark}".rstrip()
