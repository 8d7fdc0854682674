"""All strategies by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mtcp.errors import InputError
from mtcp.objective.balancing.aggregation import IMTL, MGDA, CAGrad, NashMTL, PCGrad, UPGrad
from mtcp.objective.balancing.base import Balancer
from mtcp.objective.balancing.dtp import DTP
from mtcp.objective.balancing.dwa import DWA
from mtcp.objective.balancing.gradnorm import GradNorm
from mtcp.objective.balancing.prioritization import LPS
from mtcp.objective.balancing.uncertainty import Uncertainty
from mtcp.objective.balancing.uniform import Uniform
from mtcp.objective.options import option_names

_WITHIN_EPOCHS = (GradNorm, MGDA, PCGrad, CAGrad, IMTL, NashMTL, UPGrad)
BALANCERS: dict[str, type[Balancer]] = {
    kind.name: kind for kind in (LPS, Uniform, Uncertainty, DWA, DTP, *_WITHIN_EPOCHS)
}


def make_balancer(
    name: str, tasks: Sequence[str], factors: Mapping[str, float] | None = None, **options: float
) -> Balancer:
    """The strategy `name` for `tasks`; `options` are its own (see `mtcp.objective.options`), factors f_t.

    Raises:
        InputError: an unknown name, an option the strategy does not have, an option out of range, factors of
            other tasks, a package that the strategy needs and that is not installed.
    """
    known = option_names(name)
    unknown = sorted(set(options) - set(known))
    if unknown:
        has = f"has {', '.join(known)}" if known else "has no options"
        raise InputError(f"unknown option(s) {', '.join(unknown)} for balancing {name!r}: it {has}")
    return BALANCERS[name](tasks, factors=factors, **options)
