"""A GPU that is lent for each call (Hugging Face ZeroGPU), and for how long it is asked for."""

from __future__ import annotations

import functools
import logging
import math
import os
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar, cast

log = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., Any])

MOST_SECONDS, LEAST_SECONDS = 30, 5
"""Of a GPU, for one call. The first call starts CUDA and asks for the most."""
CALLS = 5
"""So many of the latest calls tell how long one takes."""


def borrowed(function: F) -> F:
    """`function` itself; on ZeroGPU, `function` with a GPU for each call, for twice the longest of the latest calls.

    The time is the visitor's, with the wait for a GPU: too much rather than too little. The shorter, the sooner a
    visitor's turn comes.
    """
    if not os.environ.get("SPACES_ZERO_GPU"):
        return function
    import spaces

    taken: deque[float] = deque(maxlen=CALLS)

    def seconds(*_: Any, **__: Any) -> int:
        return min(MOST_SECONDS, max(LEAST_SECONDS, math.ceil(2 * max(taken)))) if taken else MOST_SECONDS

    lent = spaces.GPU(duration=seconds)(function)

    @functools.wraps(function)
    def timed(*args: Any, **kwargs: Any) -> Any:
        start = time.monotonic()
        result = lent(*args, **kwargs)
        taken.append(time.monotonic() - start)
        log.info("a borrowed GPU took %.1f s; %d s are asked for next", taken[-1], seconds())
        return result

    return cast(F, timed)
