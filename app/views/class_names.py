"""What classes are called on the page. In files and on the command line they have the data set's own names."""

from __future__ import annotations

PLAIN = {
    "otherprop": "other objects",
    "otherstructure": "other structure",
    "otherfurniture": "other furniture",
    "refridgerator": "refrigerator",
}
"""Name of a data set's class -> as it is written in English."""


def plain(name: str) -> str:
    """A class as people call it."""
    return PLAIN.get(name, name)
