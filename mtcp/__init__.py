"""MT-CP: multi-task dense prediction with coherence fusion, trace-back refinement and loss prioritisation."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Predictor", "__version__", "load_checkpoint"]

if TYPE_CHECKING:
    from mtcp.checkpoint.store import load_checkpoint
    from mtcp.inference.predictor import Predictor
else:
    _HOMES = {"Predictor": "mtcp.inference.predictor", "load_checkpoint": "mtcp.checkpoint.store"}

    def __getattr__(name: str) -> Any:
        """The two doors are imported when they are asked for: the command line's help waits for no torch."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(_HOMES[name]), name)
