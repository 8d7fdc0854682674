"""The network. `MTCP` is the whole; the other modules are its parts, in the order a photo meets them.

Torch is loaded when `MTCP` is first asked for: the names of the parts and their traces are needed without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mtcp.model.network import MTCP, Decoded, upsample

__all__ = ["MTCP", "Decoded", "upsample"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mtcp.model import network

    return getattr(network, name)
