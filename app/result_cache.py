"""Visitors' results within a bound of memory: those that nobody has looked at for longest are let go first.

A session keeps a `CachedResult`, and the result is freed with it. `ResultCache` only knows them all, and empties the
oldest when they are too much together.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from mtcp.errors import InputError

BUDGET = 2**30
"""Bytes of all results. A photo of the page's largest size has about 50 MiB of maps, one of 400x300 about 15."""

T = TypeVar("T")
R = TypeVar("R")


class CachedResult(Generic[T]):
    """One visitor's result as their session keeps it. value: None once it was let go. size: in bytes, as last
    counted. turn: grows with each look.
    """

    def __init__(self, name: str, value: T) -> None:
        self.name = name
        self.value: T | None = value
        self.size = 0
        self.turn = 0


class ResultCache:
    """All results that sessions keep, `budget` bytes at most; more only where the newest alone is larger."""

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget = budget
        self._all: weakref.WeakSet[CachedResult[Any]] = weakref.WeakSet()
        self._shared: list[object] = []
        self._turns = 0
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes held now, as last counted."""
        with self._lock:
            return sum(kept.size for kept in self._all if kept.value is not None)

    def share(self, value: object) -> None:
        """A part of many results that is held anyway: it counts for none of them."""
        if not any(value is one for one in self._shared):
            self._shared.append(value)

    def keep(self, value: T, name: str) -> CachedResult[T]:
        """Holds `value` for as long as what is returned lives, or until others need the memory. name: of its
        photo, for messages."""
        kept = CachedResult(name, value)
        with self._lock:
            self._all.add(kept)
        self.settle(kept)
        return kept

    def look(self, kept: CachedResult[T]) -> T:
        """The value.

        Raises:
            InputError: it was let go.
        """
        value = kept.value
        if value is None:
            raise InputError(
                f"{kept.name}: its result is no longer held, other visitors needed the memory; drop the photo again"
            )
        with self._lock:
            self._touch(kept)
        return value

    def take(self, kept: CachedResult[T]) -> T:
        """The value, which is not held any more.

        Raises:
            InputError: it was let go.
        """
        value = self.look(kept)
        kept.value = None
        return value

    def change(self, kept: CachedResult[T], step: Callable[[T], tuple[T, R]]) -> R:
        """Puts another value in the place of the one before. step: from the value to the next one and to what is
        returned here; the same value changes nothing. It is called again where another listener of the visitor was
        faster, so that what that one did is not lost.

        Raises:
            InputError: the value was let go.
        """
        while True:
            before = self.look(kept)
            value, result = step(before)
            if value is before:
                return result
            with self._lock:
                changed = kept.value is before
                if changed:
                    kept.value = value
            if changed:
                self.settle(kept)
                return result

    def settle(self, latest: CachedResult[Any]) -> None:
        """Counts `latest` anew, whose views may have computed more, and lets go of what is too much."""
        size, gone = footprint(latest.value, self._shared), False
        with self._lock:
            latest.size = size
            self._touch(latest)
            waiting = sorted((one for one in self._all if one.value is not None), key=lambda one: one.turn)
            total = sum(one.size for one in waiting)
            for one in waiting:
                if total <= self.budget or one is latest:
                    break
                total -= one.size
                one.value, gone = None, True
        if gone:
            give_back()

    def _touch(self, kept: CachedResult[Any]) -> None:
        self._turns += 1
        kept.turn = self._turns


def footprint(value: object, without: Sequence[object] = ()) -> int:
    """Bytes of all arrays, bytes and text in a value made of containers and plain objects. What is there twice counts
    once, and a view as the whole array that it keeps alive. without: objects that do not count, nor what they hold.
    """
    seen = {id(one) for one in without}
    return sum(_bytes(part) for part in _parts(value, seen))


def _parts(value: object, seen: set[int]) -> Iterator[object]:
    waiting = [value]
    while waiting:
        now = waiting.pop()
        while isinstance(now, np.ndarray) and isinstance(now.base, np.ndarray):
            now = now.base
        if id(now) in seen:
            continue
        seen.add(id(now))
        yield now
        if isinstance(now, dict):
            waiting.extend(list(now.values()))  # at once: another listener may be adding to it
        elif isinstance(now, (list, tuple)):
            waiting.extend(now)
        elif not isinstance(now, (type, np.ndarray)):
            waiting.extend(list(getattr(now, "__dict__", {}).values()))


def _bytes(part: object) -> int:
    if isinstance(part, np.ndarray):
        return part.nbytes
    return len(part) if isinstance(part, (bytes, bytearray, str)) else 0


def give_back() -> None:
    """Has the C library return freed memory to the system; once a photo is often enough. glibc keeps what lies between
    blocks in use, and visitors who come and go leave gaps: for 200 MiB of maps in use it held 800 MiB, and 240 so.
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # musl has none
        trim(0)
