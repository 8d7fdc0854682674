"""Axis conventions of stored normals: told by the folder, or found by comparison with normals from its depth.

Published folders of normals differ in sign (x to the left, y up, z towards the camera are all in use), and
nothing in them says so; a wrong guess trains a network on another room.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mtcp.errors import InputError

LEAST_AGREEMENT = 0.6  # mean cosine under the right axes; derived and published normals agree to 0.8 or more
LEAST_MARGIN = 0.1


@dataclass(frozen=True)
class Axes:
    """Which channel of a file, with which sign, is x right, y down and z forward.

    Attributes:
        channels: file channel of our x, y, z.
        signs: 1 or -1 for each.
    """

    channels: tuple[int, int, int] = (0, 1, 2)
    signs: tuple[int, int, int] = (1, 1, 1)

    def apply(self, normals: np.ndarray) -> np.ndarray:
        """float32 (..., 3) in our axes."""
        if self == Axes():
            return normals.astype(np.float32, copy=False)
        return normals[..., list(self.channels)].astype(np.float32) * np.array(self.signs, np.float32)

    def __str__(self) -> str:
        return "".join(
            "+-"[sign < 0] + "xyz"[channel] for channel, sign in zip(self.channels, self.signs, strict=True)
        )


def parse_axes(text: str) -> Axes:
    """ "+x-y-z" -> our x, y, z are the file's x, -y and -z channels.

    Raises:
        InputError: anything else.
    """
    found = re.fullmatch(r"([+-])([xyz])([+-])([xyz])([+-])([xyz])", text)
    if not found or len(set(found.group(2, 4, 6))) < 3:
        raise InputError(f"normals axes {text!r}: expected signs and letters like +x-y-z")
    channels = tuple("xyz".index(letter) for letter in found.group(2, 4, 6))
    signs = tuple(-1 if sign == "-" else 1 for sign in found.group(1, 3, 5))
    return Axes(channels, signs)  # type: ignore[arg-type]


def find_axes(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> Axes:
    """The axes under which stored normals agree best with derived ones, of all 48.

    Args:
        pairs: (stored, derived) normals, each (h, w, 3), derived ones in our axes; zeros = invalid.

    Raises:
        InputError: no axes make them agree, or two do.
    """
    correlation = np.zeros((3, 3))
    count = 0
    for stored, derived in pairs:
        valid = (np.abs(stored).sum(-1) > 0) & (np.abs(derived).sum(-1) > 0)
        correlation += derived[valid].T.astype(np.float64) @ stored[valid]
        count += int(valid.sum())
    correlation /= max(count, 1)
    candidates = [
        Axes(channels, signs)  # type: ignore[arg-type]
        for channels in itertools.permutations(range(3))
        for signs in itertools.product((1, -1), repeat=3)
    ]
    agreement = [
        sum(
            sign * correlation[k, c]
            for k, (c, sign) in enumerate(zip(axes.channels, axes.signs, strict=True))
        )
        for axes in candidates
    ]
    order = np.argsort(agreement)[::-1]
    best, second = agreement[order[0]], agreement[order[1]]
    if best < LEAST_AGREEMENT or best - second < LEAST_MARGIN:
        raise InputError(
            f"normals fit the depth under no certain axes (mean cosine {best:.2f}, next {second:.2f}): "
            'tell them in meta.json, like {"normals_axes": "+x-y-z"}'
        )
    return candidates[order[0]]
