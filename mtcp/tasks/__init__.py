"""Tasks: what a dense task predicts, and everything that its kind decides, from the loss to the legend.

=========  ==========================  =======================  =====================================
kind       head output                 final map                example
=========  ==========================  =======================  =====================================
classes    logits (C)                  labels                   semseg, human_parts
depth      log metres (1)              metres, > 0              depth, relative_depth (up to a factor)
normals    free vector (3)             unit vector              normals (x right, y down, z forward)
binary     logit (1)                   probability              edge, saliency
=========  ==========================  =======================  =====================================

A kind is one file and one class, see `mtcp.tasks.base.Task`. Nothing outside asks which kind a task is of.
"""

from __future__ import annotations

from collections.abc import Iterable

from mtcp.errors import InputError
from mtcp.tasks.base import Task
from mtcp.tasks.binary import Binary, Region
from mtcp.tasks.classes import Classes
from mtcp.tasks.depth import Depth
from mtcp.tasks.labels import ADE_CLASSES, HUMAN_PARTS, IGNORE, NYUD_CLASSES, PASCAL_CLASSES
from mtcp.tasks.normals import Normals
from mtcp.tasks.relative_depth import RelativeDepth

__all__ = [
    "ADE_CLASSES",
    "DEPTH",
    "HUMAN_PARTS",
    "IGNORE",
    "NORMALS",
    "NYUD_CLASSES",
    "PASCAL_CLASSES",
    "SEMSEG",
    "TASK_SETS",
    "Task",
    "lacking",
    "task_named",
    "task_set",
    "title",
]

SEMSEG, DEPTH, NORMALS = "semseg", "depth", "normals"
"""The tasks that geometry is about: coherence and point clouds take maps of these names."""

_DEPTH = Depth(DEPTH, "Depth", "Depth")
_RELATIVE_DEPTH = RelativeDepth("relative_depth", "Relative depth", "Relative depth")
_NORMALS = Normals(NORMALS, "Surface normals", "Normals")
_EDGE = Binary("edge", "Edges", "Edges", thin=True)
_SALIENCY = Region("saliency", "Saliency", "Saliency", beta_squared=0.3)
_PARTS = Classes.of("human_parts", "Human parts", "Human parts", HUMAN_PARTS, "human parts labels")


def _semseg(classes: tuple[str, ...]) -> Task:
    return Classes.of(SEMSEG, "Semantic segmentation", "Segmentation", classes)


TASK_SETS: dict[str, tuple[Task, ...]] = {
    "nyud": (_semseg(NYUD_CLASSES), _DEPTH, _NORMALS, _EDGE),
    "pascal": (_semseg(PASCAL_CLASSES), _PARTS, _SALIENCY, _NORMALS, _EDGE),
    "places": (_semseg(ADE_CLASSES), _RELATIVE_DEPTH),
}
_BY_NAME = {task.name: task for tasks in reversed(TASK_SETS.values()) for task in tasks}


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


def task_named(name: str) -> Task:
    """The first task of that name, whatever its set: for what its kind alone decides, not its classes.

    Raises:
        InputError: no set has it.
    """
    if name not in _BY_NAME:
        raise InputError(f"unknown task {name!r}: choose from {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def title(name: str) -> str:
    """What people read for a task's name, also for one of no set, as in the log of another version."""
    return _BY_NAME[name].title if name in _BY_NAME else name.replace("_", " ").capitalize()


def lacking(tasks: Iterable[str]) -> tuple[str, ...]:
    """Which maps are missing among `tasks` for coherence, which compares depth with normals."""
    there = set(tasks)
    return tuple(name for name in (DEPTH, NORMALS) if name not in there)
