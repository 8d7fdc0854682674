"""What the causes of failures are called. See `mtcp.geometry.causes`, which finds them."""

from __future__ import annotations

UNLIKE = "unlike training"
FAR = "too far or oblique"
DISCONTINUITY = "depth discontinuity"
MERGED = "merged planes"
TILTED = "tilted surface"
ROUGH_DEPTH = "rough depth"
ROUGH_NORMALS = "rough normals"
ROUGH_BOTH = "rough depth and normals"

CAUSES = {
    UNLIKE: "the photo is unlike anything the network has learned from",
    FAR: "too far away, or seen too obliquely, to tell",
    DISCONTINUITY: "a depth discontinuity runs through the region",
    MERGED: "several objects or planes that one of the two maps takes for one",
    TILTED: "on average, too, depth and normals face different ways",
    ROUGH_DEPTH: "on average the two agree, but the depth's normals scatter",
    ROUGH_NORMALS: "on average the two agree, but the predicted normals scatter",
    ROUGH_BOTH: "on average the two agree, but the normals of both scatter",
}
"""Each cause and what it means, in the order in which they are asked for."""


def share_key(name: str) -> str:
    """What the share of the picture (%) that fails for one of `CAUSES` is called in tables."""
    return f"cause_{name.replace(' ', '_')}_pct"
