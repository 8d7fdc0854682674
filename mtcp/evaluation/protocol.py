"""What of a data set is measured, where the literature's habit differs from ours. Loads without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtcp.data.nyud_layout import CROP
from mtcp.errors import InputError
from mtcp.tasks import DEPTH

if TYPE_CHECKING:
    from mtcp.data.sample import Sample, Samples

FULL, NYUD_MT = "full", "nyud-mt"
PROTOCOLS = (FULL, NYUD_MT)


@dataclass(frozen=True)
class Protocol:
    """What is shown to a network and measured.

    name: "full", every picture as the data set has it; or "nyud-mt", the 425 x 560 part of NYUv2's pictures that the
        multi-task literature uses (`CROP`). The part is cut out first, so that the network sees no more than it,
        and coherence goes by the camera that belongs to it.
    depth_below: metres; true depth of this and more is unknown, to the metrics alone. None: all of it counts. The
        published MT-CP code leaves out 6.5535 m and more in its loss (`label < 65535*0.01*0.01`).

    Raises:
        InputError: another name, a limit that is not positive.
    """

    name: str = FULL
    depth_below: float | None = None

    def __post_init__(self) -> None:
        if self.name not in PROTOCOLS:
            raise InputError(f"protocol {self.name!r}: choose one of {', '.join(PROTOCOLS)}")
        if self.depth_below is not None and not 0 < self.depth_below < math.inf:
            raise InputError(f"depth_below={self.depth_below}: give metres above 0")

    def of(self, data: Samples, tasks: Sequence[str]) -> Samples:
        """The samples to evaluate a network of `tasks` on.

        Raises:
            InputError: "nyud-mt" of other data than NYUv2's 640 x 480 pictures; a limit of depth without depth.
        """
        if self.name == NYUD_MT:
            from mtcp.data.crop import Cropped

            try:
                data = Cropped(data, CROP)
            except InputError as error:
                raise InputError(f"--protocol {NYUD_MT} needs NYUv2's whole pictures: {error}") from error
        if self.depth_below is None:
            return data
        if DEPTH not in tasks:
            raise InputError(f"--depth-below: this network predicts {', '.join(tasks)}, no depth")
        return _NearDepth(data, self.depth_below)

    def about(self) -> dict[str, Any]:
        """As JSON."""
        return {"protocol": self.name, "depth_below": self.depth_below}

    def in_words(self) -> str:
        """One line for people."""
        x, y, width, height = CROP
        what = "whole pictures"
        if self.name == NYUD_MT:
            what = f"rows {y} to {y + height - 1} and columns {x} to {x + width - 1} of the pictures"
        far = "" if self.depth_below is None else f"; true depth of {self.depth_below:g} m and more left out"
        return f"protocol {self.name}: {what}{far}"


@dataclass(frozen=True)
class _NearDepth:
    """`data`, true depth of `limit` metres and more made unknown."""

    data: Samples
    limit: float

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> Sample:
        sample = dict(self.data[index])
        if DEPTH in sample:
            sample[DEPTH] = sample[DEPTH].where(sample[DEPTH] < self.limit, 0)
        return sample
