"""Tasks as data: what a dense task predicts, how its head is finished and judged.

Nothing else in the package branches on a task's *name*; it branches on `Task.kind`, of which there are four:

=========  ==========================  =======================  =====================================
kind       head output                 final map                example
=========  ==========================  =======================  =====================================
classes    logits (C)                  logits, argmax           semseg, human_parts
depth      log metres (1)              metres, > 0              depth
normals    free vector (3)             unit vector              normals (x right, y down, z forward)
binary     logit (1)                   logit, sigmoid           edge, saliency
=========  ==========================  =======================  =====================================
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import Literal

from mtcp.errors import InputError

Kind = Literal["classes", "depth", "normals", "binary"]
IGNORE = 255

NYUD_CLASSES: tuple[str, ...] = tuple(
    "wall,floor,cabinet,bed,chair,sofa,table,door,window,bookshelf,picture,counter,blinds,desk,shelves,curtain,"
    "dresser,pillow,mirror,floor mat,clothes,ceiling,books,refridgerator,television,paper,towel,shower curtain,"
    "box,whiteboard,person,night stand,toilet,sink,lamp,bathtub,bag,otherstructure,otherfurniture,"
    "otherprop".split(",")
)
"""The 40 classes of Gupta et al. 2013 in their usual order and spelling (`refridgerator` is the data set's own)."""

PASCAL_CLASSES: tuple[str, ...] = tuple(
    "background,aeroplane,bicycle,bird,boat,bottle,bus,car,cat,chair,cow,diningtable,dog,horse,motorbike,person,"
    "pottedplant,sheep,sofa,train,tvmonitor".split(",")
)
HUMAN_PARTS: tuple[str, ...] = tuple(
    "background,head,torso,upper arm,lower arm,upper leg,lower leg".split(",")
)


@dataclass(frozen=True)
class Task:
    """One dense prediction task.

    `metric` names the number that stands for the task in delta_m, as `evaluate` spells it; `higher_is_better` is its
    direction.
    """

    name: str
    kind: Kind
    channels: int
    metric: str
    higher_is_better: bool
    unit: str
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.classes and len(self.classes) != self.channels:
            raise InputError(
                f"task {self.name!r}: {len(self.classes)} class names for {self.channels} channels"
            )


def _classes(name: str, classes: tuple[str, ...]) -> Task:
    return Task(name, "classes", len(classes), "miou", True, "%", classes)


_DEPTH = Task("depth", "depth", 1, "rmse", False, "m")
_NORMALS = Task("normals", "normals", 3, "mean", False, "deg")
_EDGE = Task("edge", "binary", 1, "maxf", True, "%")
_SALIENCY = Task("saliency", "binary", 1, "maxf", True, "%")

TASK_SETS: dict[str, tuple[Task, ...]] = {
    "nyud": (_classes("semseg", NYUD_CLASSES), _DEPTH, _NORMALS, _EDGE),
    "pascal": (
        _classes("semseg", PASCAL_CLASSES),
        _classes("human_parts", HUMAN_PARTS),
        _SALIENCY,
        _NORMALS,
        _EDGE,
    ),
}


def task_set(name: str, select: tuple[str, ...] | None = None) -> tuple[Task, ...]:
    """The tasks of data set `name`, in the order of `select` (all of them when None).

    Raises:
        InputError: an unknown set or task, a task named twice.
    """
    if name not in TASK_SETS:
        raise InputError(f"unknown task set {name!r}: choose one of {', '.join(TASK_SETS)}")
    known = {task.name: task for task in TASK_SETS[name]}
    if select is None:
        return TASK_SETS[name]
    for task in select:
        if task not in known:
            raise InputError(f"unknown task {task!r} for {name!r}: choose from {', '.join(known)}")
        if select.count(task) > 1:
            raise InputError(f"task {task!r} is named twice")
    return tuple(known[task] for task in select)


def palette(count: int) -> tuple[tuple[int, int, int], ...]:
    """`count` distinct RGB colours (0..255): golden-ratio hues over three lightness and two saturation levels."""
    colours = []
    for i in range(count):
        hue = (i * 0.61803398875 + 0.55) % 1.0
        lightness = (0.42, 0.62, 0.78)[i % 3]
        saturation = (0.55, 0.85)[(i // 3) % 2]
        r, g, b = colorsys.hls_to_rgb(hue, lightness, saturation)
        colours.append((round(r * 255), round(g * 255), round(b * 255)))
    return tuple(colours)
