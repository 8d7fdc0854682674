"""Further training data (`--also`): what of a source teaches which task of the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from torch import Tensor

from mtcp.data import find_data
from mtcp.data.cache import Cached
from mtcp.data.sample import Samples
from mtcp.errors import InputError
from mtcp.objective.auxiliary import Auxiliary
from mtcp.tasks import Task, task_set
from mtcp.training.batches import Source
from mtcp.training.targets import count_targets


@dataclass(frozen=True)
class Also:
    """One further source, opened.

    task_set: whose classes its labels are. keys: what those of its maps that teach something are called in a batch.
    targets: what the maps are, by that name. auxiliary: those that are no targets of the network's own.
    """

    name: str
    share: Fraction
    data: Samples
    task_set: str
    keys: dict[str, str] = field(default_factory=dict)
    targets: dict[str, Task] = field(default_factory=dict)
    auxiliary: tuple[Auxiliary, ...] = ()


def open_also(sources: Mapping[str, Fraction], tasks: Sequence[Task], *, teacher: bool = False) -> list[Also]:
    """The training splits of `sources` (shares by name), for a network of `tasks`.

    teacher: whether photos without labels teach something too.

    Raises:
        InputError: as `find_data`; a source without a map that could teach any of the tasks.
    """
    return [_open(name, share, tasks, teacher) for name, share in sources.items()]


def _open(name: str, share: Fraction, tasks: Sequence[Task], teacher: bool) -> Also:
    found = find_data(name, photos=True)
    keys: dict[str, str] = {}
    targets: dict[str, Task] = {}
    auxiliary = []
    for other in task_set(found.task_set, found.tasks) if found.tasks else ():
        match = _match(other, found.task_set, tasks)
        if match is None:
            continue
        keys[other.name], targets[match.key] = match.key, match.task
        if all(match.key != task.name for task in tasks):
            auxiliary.append(match)
    if not keys and not teacher:
        raise InputError(
            f"--also {name}: nothing in it teaches {', '.join(task.name for task in tasks)}; it has "
            f"{', '.join(found.tasks) or 'no labels'}; with --teacher-weight photos alone will do"
        )
    data = found.open("train", tuple(keys))
    return Also(name, share, data, found.task_set, keys, targets, tuple(auxiliary))


def _match(other: Task, its_set: str, tasks: Sequence[Task]) -> Auxiliary | None:
    """How targets of `other`, a task of `its_set`, teach one of the network's tasks; None: they do not."""
    for task in tasks:
        if (by := task.loss_task(other)) is not None:
            return Auxiliary(by.name, by, task.name, head=False)
    for task in tasks:
        if task.name == other.name:
            return Auxiliary(f"{other.name}:{its_set}", other, task.name, head=True)
    return None


def read_also(
    also: Sequence[Also],
    size: tuple[int, int],
    counts: Mapping[str, Tensor],
    samples: int,
    each: Callable[[], object] = lambda: None,
) -> tuple[list[Source], dict[str, Tensor]]:
    """The sources read into memory, and the pixels per class by target, theirs included.

    A source's pixels count as often as its samples are drawn. So the counts say how frequent a class is in training.

    Args:
        size: (height, width) of training.
        counts: of the training set. samples: how many it has.
        each: called after each sample that is read.

    Raises:
        InputError: a label out of range, a source without a single label.
    """
    found, sources = dict(counts), []
    drawn = dict.fromkeys(counts, (1 - sum(source.share for source in also)) / samples)
    for source in also:
        data = Cached(source.data, size, times=2 if source.keys else 1, each=each)
        tasks = task_set(source.task_set, tuple(source.keys)) if source.keys else ()
        own, unlabelled = count_targets(data, tasks, f"--also {source.name}")
        if tasks and len(unlabelled) == len(tasks):
            raise InputError(f"--also {source.name}: none of its {len(data)} samples has a label: look at it")
        often = source.share / len(data)
        for name, count in own.items():
            key = source.keys[name]
            first = drawn.setdefault(key, often)
            found[key] = found[key] + count * float(often / first) if key in found else count
        sources.append(Source(data, source.share, source.keys))
    return sources, found


def auxiliary_of(also: Sequence[Also]) -> list[Auxiliary]:
    """The auxiliary targets of all sources; some may share one."""
    return list({target.key: target for source in also for target in source.auxiliary}.values())
