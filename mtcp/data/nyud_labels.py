"""Which of the two label conventions a source has: 0..39 with 255 unlabelled, or 1..40 with 0 unlabelled.

One frame cannot tell: a frame of the second kind without class 40 is a valid frame of the first, all of its classes
shifted by one. All frames together do.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np

from mtcp.errors import InputError
from mtcp.tasks import IGNORE, NYUD_CLASSES

log = logging.getLogger(__name__)

CLASSES = len(NYUD_CLASSES)
CONVENTIONS = {IGNORE: f"0..{CLASSES - 1}, {IGNORE} unlabelled", 0: f"1..{CLASSES}, 0 unlabelled"}
EXPECTED = " or ".join(CONVENTIONS.values())


@dataclass
class SeenLabels:
    """The values seen so far, and where each was seen first."""

    where: dict[int, str] = field(default_factory=dict)

    def add(self, labels: np.ndarray, where: str) -> None:
        """labels: whole numbers of any shape; where: names them in messages.

        Raises:
            InputError: a value that neither convention has.
        """
        wrong = (labels < 0) | ((labels > CLASSES) & (labels != IGNORE))
        if wrong.any():
            raise InputError(f"{where}: label {labels[wrong].max()}; expected {EXPECTED}")
        for value in np.flatnonzero(np.bincount(labels.ravel(), minlength=IGNORE + 1)):
            self.where.setdefault(int(value), where)

    def unlabelled(self, source: str, documented: int, declared: int | None = None) -> int:
        """The value that means "no label", 255 or 0.

        Args:
            source: names all the labels in messages.
            documented: what the layout says, taken (and said) where the values leave it open.
            declared: what the person says, or None.

        Raises:
            InputError: values of both conventions, or of the other one than declared.
        """
        found = [value for value, mark in ((IGNORE, IGNORE), (0, CLASSES)) if mark in self.where]
        if len(found) == 2:
            raise InputError(
                f"{source}: both {CLASSES} ({self.where[CLASSES]}) and {IGNORE} ({self.where[IGNORE]}); "
                f"expected {EXPECTED}"
            )
        if declared is not None:
            if found and found != [declared]:
                mark = IGNORE if found == [IGNORE] else CLASSES
                raise InputError(
                    f"{self.where[mark]}: label {mark}, although {declared} is declared unlabelled: "
                    f"expected {CONVENTIONS[declared]}"
                )
            return declared
        if not found:
            log.warning(
                "%s: neither %d nor %d occurs, so nothing shows which value is unlabelled; taken as %s",
                source,
                CLASSES,
                IGNORE,
                CONVENTIONS[documented],
            )
        return found[0] if found else documented


def to_stored(labels: np.ndarray, unlabelled: int) -> np.ndarray:
    """uint8 with 0 = unlabelled and 1..40, of labels in the convention of `unlabelled`."""
    if unlabelled == 0:
        return labels.astype(np.uint8)
    return np.where(labels == IGNORE, 0, labels + 1).astype(np.uint8)
