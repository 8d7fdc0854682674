"""The two predictions that the page shows beside each other, and what it calls them.

They are the stages of one network, or the last stages of two. A `Prediction` has room for two sets of maps: of two
networks, A and B, one is put together whose "initial" maps are A's and whose "refined" ones are B's. So every view
that compares stages compares networks, too, and takes from `Words` what to call them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from mtcp.errors import InputError
from mtcp.geometry.report import STATUSES
from mtcp.inference.prediction import Maps, Prediction
from mtcp.tasks import title

FIRST, SECOND = "initial", "refined"
"""Keys of the two sides, whatever they are called."""
TRUTH = "ground truth"
THE_REFINEMENT = "the refinement"
"""What makes refined predictions of initial ones, where it is not known which, or has no name that people know."""
_REFINEMENTS = {"trace_back": "trace-back"}
"""`ModelConfig.refinement` -> what people call it."""


@dataclass(frozen=True)
class Words:
    """What the page calls the sides and what is between them.

    sides: side -> a short name, for tables. long: the same with the network's name, for headings and pictures.
    statuses: status of a failure -> its name; meanings: -> what it means; marks: -> class of CSS. change: heading of
    a difference. two: whether they are two networks. refinement: of one network, what makes the refined predictions,
    as in the middle of a sentence.
    """

    sides: Mapping[str, str]
    long: Mapping[str, str]
    statuses: Mapping[str, str]
    meanings: Mapping[str, str]
    marks: Mapping[str, str]
    change: str
    two: bool
    refinement: str = THE_REFINEMENT

    @property
    def refinement_title(self) -> str:
        """`refinement` as at the beginning of a sentence."""
        return self.refinement[0].upper() + self.refinement[1:]

    def side(self, key: str) -> str:
        """The short name of a side or of the truth; anything else is called as it is."""
        return {"truth": TRUTH, **self.sides}.get(key, key)


@cache
def of_stages(refinement: str = "") -> Words:
    """Of the stages of one network. refinement: as `ModelConfig.refinement`; empty where that is not known."""
    by = _REFINEMENTS.get(refinement, THE_REFINEMENT)
    return Words(
        sides={FIRST: "initial", SECOND: "refined"},
        long={FIRST: "initial", SECOND: "refined"},
        statuses={one: one for one in STATUSES},
        meanings={
            "remaining": f"fails after {by}, and was not acceptable before",
            "introduced": f"fails after {by}, and was acceptable before",
            "reduced": f"failed before {by}; less than half of it still does, but it is not acceptable",
            "fixed": f"failed before {by}, and is acceptable now",
        },
        marks={"remaining": "", "introduced": "mt-worse", "reduced": "mt-better", "fixed": "mt-better"},
        change="change",
        two=False,
        refinement=by,
    )


ONE = of_stages()
"""Of the stages of some network."""


def of_two(a: str, b: str) -> Words:
    """Of two networks with these names."""
    return Words(
        sides={FIRST: "A", SECOND: "B"},
        long={FIRST: f"A: {a}", SECOND: f"B: {b}"},
        statuses={
            "remaining": "in both",
            "introduced": "only in B",
            "reduced": "less in B",
            "fixed": "only in A",
        },
        meanings={
            "remaining": "fails in B, and is not acceptable in A",
            "introduced": "fails in B, and is acceptable in A",
            "reduced": "fails in A; less than half of it does in B, but it is not acceptable there",
            "fixed": "fails in A, and is acceptable in B",
        },
        marks={
            "remaining": "",
            "introduced": "mt-refined",
            "reduced": "mt-initial",
            "fixed": "mt-initial",
        },
        change="B \N{MINUS SIGN} A",
        two=True,
    )


@dataclass(frozen=True, eq=False)
class Pair:
    """Two networks' predictions of one photo, at one size. a_name, b_name: what people call the networks.

    both: what they have in common, as one `Prediction`, seen through the camera of A's.

    Raises:
        InputError: they have no task in common.
    """

    a: Prediction
    b: Prediction
    a_name: str
    b_name: str
    both: Prediction = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "both", _joined(self))

    @property
    def words(self) -> Words:
        """What the page calls the two."""
        return of_two(self.a_name, self.b_name)

    def part(self, side: str) -> Prediction:
        """One network's own prediction, with its stages and its inside."""
        return self.a if side == FIRST else self.b

    def stage(self, side: str) -> str:
        """Of which stage that network's maps are: its last."""
        return last_stage(self.part(side))

    @property
    def left_out(self) -> str:
        """What cannot be compared, and why, as the end of a sentence; empty where nothing is."""
        mine, theirs = ({task.name: task for task in one.task_list()} for one in (self.a, self.b))
        both = [
            f"{title(name)} (other classes)" for name in mine if name in theirs and mine[name] != theirs[name]
        ]
        only = [f"{title(name)} (only in A)" for name in mine if name not in theirs]
        only += [f"{title(name)} (only in B)" for name in theirs if name not in mine]
        return ", ".join([*both, *only])


def last_stage(prediction: Prediction) -> str:
    """The stage that a network ends with."""
    return SECOND if prediction.refined else FIRST


def _joined(pair: Pair) -> Prediction:
    a, b = pair.a, pair.b
    theirs = {task.name: task for task in b.task_list()}
    common = tuple(task.name for task in a.task_list() if theirs.get(task.name) == task)
    if not common:
        raise InputError(
            f"{pair.a_name} and {pair.b_name} have nothing to compare: {pair.left_out}; choose another checkpoint"
        )
    sides = {FIRST: (a, a.stages()[last_stage(a)]), SECOND: (b, b.stages()[last_stage(b)])}
    maps: dict[str, Maps] = {
        side: {name: found[name] for name in common} for side, (_, found) in sides.items()
    }
    probability = {
        side: _on_grid(one.probability[last_stage(one)], one, a)
        for side, (one, _) in sides.items()
        if last_stage(one) in one.probability and "semseg" in common
    }
    names = {FIRST: f"A ({pair.a_name})", SECOND: f"B ({pair.b_name})"}
    unlike = {side: one.unlike and f"for {names[side]}, {one.unlike}" for side, (one, _) in sides.items()}
    return replace(
        a,
        tasks=common,
        seconds=a.seconds + b.seconds,
        checkpoint=f"{a.checkpoint} | {b.checkpoint}",
        initial=maps[FIRST],
        refined=maps[SECOND],
        refinement="none",
        intermediate={},
        probability=probability,
        traces=(),
        masks=None,
        gate=None,
        information=None,
        unlike="; ".join(reason for reason in unlike.values() if reason),
        unlike_of=unlike,
    )


def _on_grid(values: np.ndarray, mine: Prediction, other: Prediction) -> np.ndarray:
    """Values (C, h4, w4) on the grid of another prediction of the photo: of the cell under each cell's centre."""
    if (mine.grid, mine.network_size) == (other.grid, other.network_size):
        return values
    at = []
    for axis in (0, 1):
        share = (np.arange(other.grid[axis]) + 0.5) / other.network_size[axis]
        at.append(np.minimum((share * mine.network_size[axis]).astype(np.intp), mine.grid[axis] - 1))
    return values[:, at[0][:, None], at[1]]
