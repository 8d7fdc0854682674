"""Why depth and normals disagree, in words: of one failure, and why the refinement made a number worse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from app.session import Analysis
from app.views import html
from mtcp.drawing import shown
from mtcp.geometry.cause_names import CAUSES
from mtcp.geometry.cause_shares import worsened_by_cause
from mtcp.geometry.quantities import COHERENCE
from mtcp.geometry.report import Failure

ANY, GROUPED = "any", "grouped"
"""What the list is filtered by, besides a cause: nothing; nothing, but the list is in the order of the causes."""
ANGLES = ("Predicted vs. plane-fit normals", "Predicted vs. derivative normals")
"""Groups of the numbers that failures explain."""
LEAST_PCT = 15.0
"""Causes of less than this share of the rise are not named."""


def sentence(failure: Failure) -> str:
    """The cause and its numbers, ready HTML."""
    said = html.text(failure.cause.sentence).replace(" degrees", "°")
    return f'<span class="mt-cause"><b>{html.text(failure.cause.name)}:</b> {said}</span>'


def unlike(reason: str) -> str:
    """That the photo is unlike those of training, where it is. reason: as `Prediction.unlike`."""
    return html.caveat(reason and f"This photo is unlike those of training: {reason}")


def choices(failures: Sequence[Failure]) -> list[tuple[str, str]]:
    """What the list can be filtered by: words with the count, and cause."""
    counts = Counter(failure.cause.name for failure in failures)
    of_causes = [(f"{name} ({counts[name]})", name) for name in CAUSES if counts[name]]
    return [("any cause", ANY), ("any cause, grouped by cause", GROUPED), *of_causes]


def filtered(failures: Sequence[Failure], cause: str) -> list[Failure]:
    """Those of a cause, worst first; of all causes for `ANY`; these one cause after the other for `GROUPED`."""
    if cause == GROUPED:
        order = list(CAUSES)
        return sorted(failures, key=lambda failure: order.index(failure.cause.name))
    return [failure for failure in failures if cause in (ANY, failure.cause.name)]


def why_worse(analysis: Analysis) -> str:
    """Which of the angles the refinement made worse, and for what causes; nothing where it made none worse."""
    report = analysis.coherence
    if report is None or report.refined is None:
        return ""
    worse = []
    for one in COHERENCE:
        if one.main and one.group in ANGLES:
            moved = shown.change(one.read(report.initial), one.read(report.refined), one.digits) or 0.0
            if moved and (moved < 0) == one.higher_is_better:
                worse.append(one.short)
    shares = worsened_by_cause(report.failures)
    if not worse or not shares:
        return ""
    main = next(iter(shares))
    named = [f"<b>{shares[main]:.0f} %</b> has the cause {main} ({CAUSES[main]})"]
    named += [
        f"{share:.0f} % {name}" for name, share in shares.items() if name != main and share >= LEAST_PCT
    ]
    by = analysis.words.refinement
    where, added = f"after {by}", f"that {by} added"
    if analysis.words.two:
        where, added = "in B", "that B has more of than A"
    return (
        f'<p class="mt-why">Worse {where}: {"; ".join(map(html.text, worse))}. Of the disagreement {added} in '
        f"failing regions (area times angle), {', '.join(named)}.</p>"
    )
