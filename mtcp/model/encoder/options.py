"""What an encoder's options may be, and the text of a branching. Without torch, as configurations are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from mtcp.errors import InputError
from mtcp.tasks import task_set

if TYPE_CHECKING:
    from mtcp.config import ModelConfig

Groups = tuple[tuple[str, ...], ...]
"""Tasks that share something, group by group."""

STAGES = 4
GATED = ("timm", "mask2former")
"""Encoders with a query decoder."""
COLUMNS = ("cross_stitch", "nddr")
"""Encoders that mix the features of several tasks."""
OWN = {
    "subspaces": (1, "cross_stitch"),
    "skip_mixing": (False, "cross_stitch"),
    "branching": ("", "branched"),
}
"""Option -> the value that says nothing, and the encoder that it belongs to."""


def check_encoder(config: ModelConfig) -> None:
    """Raises InputError where the options of `config` are not for its encoder, or make no sense with it."""
    shared = config.shared
    if config.query_gate and shared not in GATED:
        raise InputError(f"query_gate=yes: shared={shared} has no query decoder; take query_gate=no")
    if shared in COLUMNS and len(config.tasks) < 2:
        raise InputError(
            f"tasks={','.join(config.tasks)}: shared={shared} mixes tasks, of which it needs two"
        )
    for name, (idle, owner) in OWN.items():
        if getattr(config, name) != idle and shared != owner:
            raise InputError(
                f"{name}={getattr(config, name)}: it is an option of shared={owner}; this is {shared}"
            )
    if shared == "branched":
        tree_of(config)


def nothing_shared(config: ModelConfig) -> str:
    """The fields of `config` by which the encoder has no parameters that all tasks share; empty where it has some."""
    if len(config.tasks) < 2:
        return f"tasks={config.tasks[0]}"
    if config.shared == "branched" and len(tree_of(config)[0]) > 1:
        return f"shared={config.shared} with branching={config.branching!r}"
    return ""


def tree_of(config: ModelConfig) -> tuple[Groups, ...]:
    """The branching of `config`, among its tasks; raises InputError as `branching`."""
    return branching(config.branching, config.tasks, [task.name for task in task_set(config.task_set)])


def branching(text: str, tasks: Sequence[str], known: Collection[str]) -> tuple[Groups, ...]:
    """`ModelConfig.branching` as the groups of each stage: "a,b,c;a,b,c;a|b,c;a|b|c" shares two stages among all.

    Groups are separated by "|", stages, of which there are four, by ";". Empty text shares everything. Other tasks
    than `tasks` are left out, so that a tree also serves fewer of them.

    tasks: those of the network, in whose order the groups are returned. known: what may be named.

    Raises:
        InputError: another number of stages, a task that is unknown, missing or twice in a stage, a group of tasks
            that were apart in the stage before.
    """
    if not text.strip():
        return ((tuple(tasks),),) * STAGES
    stages = text.split(";")
    if len(stages) != STAGES:
        raise InputError(f"branching={text!r}: {len(stages)} stages, expected {STAGES}, separated by ';'")
    found: list[Groups] = []
    for stage in stages:
        groups = [[name.strip() for name in group.split(",")] for group in stage.split("|")]
        named = [name for group in groups for name in group]
        for name in named:
            if name not in known:
                raise InputError(f"branching={text!r}: unknown task {name!r}: choose from {', '.join(known)}")
            if named.count(name) > 1:
                raise InputError(f"branching={text!r}: {name} is twice in {stage.strip()!r}")
        if missing := [task for task in tasks if task not in named]:
            raise InputError(f"branching={text!r}: {', '.join(missing)} is not in {stage.strip()!r}")
        kept = [tuple(task for task in tasks if task in group) for group in groups]
        found.append(tuple(sorted((group for group in kept if group), key=lambda g: tasks.index(g[0]))))
        for group in found[-1]:
            if len(found) > 1 and not any(set(group) <= set(before) for before in found[-2]):
                raise InputError(
                    f"branching={text!r}: {', '.join(group)} share a stage again after they were apart"
                )
    return tuple(found)


def branching_text(levels: Sequence[Groups]) -> str:
    """Inverse of `branching`."""
    return ";".join("|".join(",".join(group) for group in groups) for groups in levels)
