"""How many of a step's samples come from which source: whole numbers that depend on the step alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from mtcp.errors import InputError


def steps_of(count: int, batch: int, shares: Sequence[Fraction] = ()) -> list[tuple[int, ...]]:
    """The steps of an epoch: for each, how many samples come from the training set and from each further source.

    Every sample goes to the source that lags furthest behind its share of the samples so far, the first of equals. So
    no source is ever off by a whole sample per other source, whatever the shares.

    Args:
        count: samples of the training set. An epoch ends where they do not suffice for another step.
        batch: samples per step.
        shares: of the further sources; the training set has the rest.

    Raises:
        InputError: not one step, or a source that gets no sample.
    """
    common = math.lcm(*(share.denominator for share in shares))
    parts = [int(share * common) for share in shares]
    parts.insert(0, common - sum(parts))
    owed = [0] * len(parts)
    steps: list[tuple[int, ...]] = []
    used = 0
    while True:
        taken = [0] * len(parts)
        for _ in range(batch):
            owed = [mine + part for mine, part in zip(owed, parts, strict=True)]
            source = owed.index(max(owed))
            owed[source] -= common
            taken[source] += 1
        used += taken[0]
        if used > count:
            break
        steps.append(tuple(taken))
    if not steps:
        raise InputError(f"{count} training samples are no batch of {batch}: lower --batch")
    for share, samples_per_step in zip(shares, list(zip(*steps, strict=True))[1:], strict=True):
        if not any(samples_per_step):
            raise InputError(
                f"--also: a share of {float(share):g} of {len(steps)} steps of {batch} samples is not one sample: "
                "raise SHARE or --batch"
            )
    return steps
