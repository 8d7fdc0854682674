"""Why depth and normals disagree in a failure, in words, and the list of failures by that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from app.views import html
from app.views.class_names import plain_text
from mtcp.geometry.cause_names import CAUSES
from mtcp.geometry.report import Failure

ANY = "any"
"""What the list is filtered by, besides a cause: nothing."""


def sentence(failure: Failure) -> str:
    """The cause and its numbers, ready HTML."""
    said = html.text(plain_text(failure.cause.sentence)).replace(" degrees", "°")
    return f'<span class="mt-cause"><b>{html.text(failure.cause.name)}:</b> {said}</span>'


def unlike(reason: str) -> str:
    """That the photo is unlike those of training, where it is. reason: as `Prediction.unlike`."""
    return html.caveat(reason and f"This photo is unlike those of training: {reason}")


def choices(failures: Sequence[Failure]) -> list[tuple[str, str]]:
    """What the list can be filtered by: words with the count, and cause."""
    counts = Counter(failure.cause.name for failure in failures)
    of_causes = [(f"{name} ({counts[name]})", name) for name in CAUSES if counts[name]]
    return [("any cause", ANY), *of_causes]


def filtered(failures: Sequence[Failure], cause: str) -> list[Failure]:
    """Those of a cause; of all causes for `ANY`."""
    return [failure for failure in failures if cause in (ANY, failure.cause.name)]
