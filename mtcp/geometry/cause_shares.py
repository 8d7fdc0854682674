"""What the causes of failures amount to, weighted by area: over a photo, and in what the refinement made worse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import itemgetter

from mtcp.geometry.report import Failure


def of_last_stage(failures: Iterable[Failure]) -> list[Failure]:
    """The failures of the refined prediction, or of the only one: without those that are left in the initial one."""
    found = list(failures)
    last = "refined" if any(failure.after_deg is not None for failure in found) else "initial"
    return [failure for failure in found if failure.found_in == last]


def worst_failure(failures: Iterable[Failure]) -> Failure | None:
    """The worst of the last prediction; if nothing fails in that, the worst that is left of the initial one."""
    found = list(failures)
    return next(iter((*of_last_stage(found), *found)), None)


def cause_shares(failures: Iterable[Failure]) -> dict[str, float]:
    """Cause -> share of the picture (%) that fails for it in the last prediction, the largest first."""
    shares: defaultdict[str, float] = defaultdict(float)
    for failure in of_last_stage(failures):
        shares[failure.cause.name] += failure.share_pct
    return dict(sorted(shares.items(), key=itemgetter(1), reverse=True))


def worsened_by_cause(failures: Sequence[Failure]) -> dict[str, float]:
    """Cause -> its share (%) of what the refinement added in the failures of the refined prediction, the largest first.

    A failure weighs its area times the rise of its mean angle, and nothing where the angle fell. Empty where it rose
    nowhere.
    """
    rise: defaultdict[str, float] = defaultdict(float)
    for failure in of_last_stage(failures):
        if failure.after_deg is not None and failure.before_deg is not None:
            rise[failure.cause.name] += failure.share_pct * max(failure.after_deg - failure.before_deg, 0.0)
    total = sum(rise.values())
    ranked = sorted(rise.items(), key=itemgetter(1), reverse=True)
    return {name: 100.0 * value / total for name, value in ranked if value > 0}
