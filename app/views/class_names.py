"""What classes are called on the page. In files and on the command line they have the data set's own names."""

from __future__ import annotations

import re

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


def plain_text(text: str) -> str:
    """A sentence with its classes as people call them."""
    return re.sub("|".join(rf"\b{name}\b" for name in PLAIN), lambda found: PLAIN[found[0]], text)
