"""Draws from a random generator, with the type kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def any_of(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of the options, each as likely."""
    return options[int(rng.integers(len(options)))]


def span(rng: np.random.Generator, low: float, high: float) -> float:
    """A number from `low` to `high`."""
    return float(rng.uniform(low, high))


def odds(rng: np.random.Generator, chance: float) -> bool:
    """True with this chance."""
    return bool(rng.random() < chance)


def seed_of(rng: np.random.Generator) -> int:
    """A seed for a texture."""
    return int(rng.integers(1 << 20))
