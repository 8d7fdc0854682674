"""The network. `MTCP` is the whole; the other modules are its parts, in the order a photo meets them."""

from mtcp.model.network import MTCP, Decoded, upsample

__all__ = ["MTCP", "Decoded", "upsample"]
