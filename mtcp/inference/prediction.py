"""What a prediction is: numpy only, no torch, so that it crosses a process boundary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mtcp.errors import InputError
from mtcp.geometry.camera import Camera
from mtcp.geometry.coherence import coherence
from mtcp.geometry.report import Coherence
from mtcp.io.photo_facts import PhotoFacts
from mtcp.model.trace import AttentionTrace, Trace
from mtcp.tasks import SEMSEG, Task, task_set

STRIDE = 4  # of the grid that traces, masks and class probabilities live on

Maps = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the network says about one photo. numpy and plain types only: picklable, no tensors.

    Maps by task are at the photo's `size` (H, W): class labels uint8 (H, W); depth float32 (H, W), metres
    along the camera's z axis; normals float32 (H, W, 3), unit, in camera axes x right, y down, z forward (a
    wall facing the camera is (0, 0, -1)); edge and saliency float32 (H, W) in 0..1. Without a refinement
    `refined` and `intermediate` are empty.
    """

    tasks: tuple[str, ...]
    task_set: str  # the list that `tasks` are of, see `task_list`
    size: tuple[int, int]  # (H, W) of the photo as it was worked at
    network_size: tuple[int, int]  # (h, w) that the network saw
    grid: tuple[int, int]  # (h4, w4) = the network's size / 4, rounded up
    seconds: float  # network and upsampling, without reading the file
    device: str
    checkpoint: str
    camera: Camera  # of the photo at `size`
    camera_from: str  # "exif", "given" or "assumed" (60 degrees)
    initial: Maps
    refined: Maps = field(default_factory=dict)
    refinement: str = "none"  # what makes `refined`: as `ModelConfig.refinement`
    # coarsest first; of trace-back at 1/16 and 1/8
    intermediate: dict[str, tuple[np.ndarray, ...]] = field(default_factory=dict)
    probability: Maps = field(default_factory=dict)  # of semseg, by stage: float16 (classes, h4, w4)
    traces: tuple[Trace, ...] = ()  # what fusion and refinement tell of their inside
    masks: np.ndarray | None = None  # float16 (Q, h4, w4), logits
    gate: np.ndarray | None = None  # float32 (h4, w4), what the masks multiply every feature with
    reduced_from: tuple[int, int] | None = None  # the network size for which memory was short
    shrunk_from: tuple[int, int] | None = None  # (H, W) of the file's photo, where `size` is less
    facts: PhotoFacts = field(default_factory=PhotoFacts)  # what the photo's file tells
    information: float | None = (
        None  # of class and place, nats: `mtcp.inference.typical`; None without semseg
    )
    unlike: str = (
        ""  # why the photo is unlike those of training; empty where it is not, or where nothing is known
    )
    unlike_of: Mapping[str, str] = field(
        default_factory=dict
    )  # the same by stage, where these are of two networks

    @property
    def note(self) -> str:
        """What a reader of the maps has to know, for people: that they are coarser than asked for, that geometry does
        not hold for the photo, how its pixels were read, that it is unlike those of training. Else empty.
        """
        unlike = f"unlike the photos of training: {self.unlike}" if self.unlike else ""
        notes = (self._memory_note, self.geometry_note, self.facts.reading_note, unlike)
        return "; ".join(note for note in notes if note)

    @property
    def geometry_note(self) -> str:
        """Why geometry does not hold for the photo; empty where it does."""
        return self.facts.geometry_note

    @property
    def camera_words(self) -> str:
        """Where `camera` comes from, for people."""
        if self.camera_from != "exif":
            return self.camera_from
        return f"from EXIF: {self.facts.focal_from}" if self.facts.focal_from else "from EXIF"

    @property
    def _memory_note(self) -> str:
        if self.reduced_from is None:
            return ""
        (h, w), (asked_h, asked_w) = self.network_size, self.reduced_from
        return f"not enough memory for {asked_h}x{asked_w}, so the network saw {h}x{w}: maps are coarser"

    def task_list(self) -> tuple[Task, ...]:
        """The tasks with their kinds, class names and units."""
        return task_set(self.task_set, self.tasks)

    @property
    def classes(self) -> tuple[str, ...]:
        """What the labels of "semseg" mean; empty if that is not predicted."""
        return next((task.classes for task in self.task_list() if task.name == SEMSEG), ())

    def stages(self) -> dict[str, Maps]:
        """{"initial": maps, "refined": maps}, the second only where there is one."""
        return {"initial": self.initial, **({"refined": self.refined} if self.refined else {})}

    def cell(self, x: int, y: int) -> tuple[int, int]:
        """Pixel (column x, row y) of the photo -> (column, row) of the 1/4 grid.

        Raises:
            InputError: outside the photo.
        """
        H, W = self.size
        if not (0 <= x < W and 0 <= y < H):
            raise InputError(f"pixel (x={x}, y={y}) is outside the photo of {W}x{H}")
        column = int((x + 0.5) * self.network_size[1] / W / STRIDE)
        row = int((y + 0.5) * self.network_size[0] / H / STRIDE)
        return min(column, self.grid[1] - 1), min(row, self.grid[0] - 1)

    @property
    def attention(self) -> AttentionTrace | None:
        """What the network's cells attend to; None for a network in which none attends."""
        return next((trace for trace in self.traces if isinstance(trace, AttentionTrace)), None)

    def affinity(self, task: str, x: int, y: int) -> np.ndarray:
        """What the photo's pixel (column x, row y) attends to in the task: float32 (h4, w4), summing to 1. See
        `AttentionTrace.row`.

        Raises:
            InputError: unknown task, a pixel outside the photo, a network in which nothing attends.
        """
        if task not in self.tasks:
            raise InputError(f"unknown task {task!r}: this prediction has {', '.join(self.tasks)}")
        if self.attention is None:
            raise InputError(
                "this network has no part in which pixels attend to other pixels, such as CFM, so there is no affinity"
            )
        return self.attention.row(task, self.cell(x, y))


def coherence_of(prediction: Prediction) -> Coherence:
    """Whether the depth and normals of a prediction describe one room, with what is known of its photo: see
    `mtcp.geometry.coherence.coherence`.

    Raises:
        InputError: it has no depth or no normals.
    """
    return coherence(
        prediction.initial,
        prediction.refined,
        prediction.camera,
        prediction.classes,
        note=prediction.geometry_note,
        unlike=prediction.unlike_of or prediction.unlike,
    )
