"""What can be set about how photos that a teacher teaches are changed (`mtcp.data.mixing`), without loading torch."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from mtcp.errors import InputError
from mtcp.objective.options import described
from mtcp.tasks import DEPTH, SEMSEG


@dataclass(frozen=True)
class MixingOptions:
    """Probabilities from 0 to 1, a finite factor of 1 or more. Else InputError."""

    affine_mix: float = described(
        0.0,
        "probability that into an unlabelled photo of --also classes of another are pasted, nearer or farther, where "
        "the teacher's depth says that they are in front (AffineMix); 0: never",
    )
    affine_scale: float = described(
        1.5, "largest factor, 1 or more, by which affine_mix makes what it pastes larger or smaller"
    )
    color_aug: float = described(
        0.0,
        "probability that in a photo of --also the teacher's classes get changes of colour of their own (ColorAug); "
        "0: never",
    )

    def __post_init__(self) -> None:
        for name in ("affine_mix", "color_aug"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name}={getattr(self, name)}: must be a probability from 0 to 1")
        if not 1 <= self.affine_scale < math.inf:
            raise InputError(f"affine_scale={self.affine_scale}: must be a finite factor of 1 or more")

    @property
    def mixes(self) -> bool:
        """Whether any photo is to be changed."""
        return bool(self.affine_mix or self.color_aug)


def check_mixing(options: MixingOptions, tasks: Collection[str], teacher_weight: float) -> None:
    """Raises InputError, which names the flag, where nobody teaches, or not the tasks that an option goes by.

    tasks: of the network.
    """
    for name, needed in (("affine_mix", (SEMSEG, DEPTH)), ("color_aug", (SEMSEG,))):
        if not getattr(options, name):
            continue
        shown = f"--{name.replace('_', '-')} {getattr(options, name)}"
        if not teacher_weight:
            raise InputError(
                f"{shown} changes photos by what a teacher says of them: give --teacher-weight, or leave it out"
            )
        if missing := [task for task in needed if task not in tasks]:
            raise InputError(
                f"{shown} goes by predicted {' and '.join(needed)}: the tasks are {', '.join(tasks)}; add "
                f"{' and '.join(missing)} to --tasks, or leave it out"
            )
