"""Loss balancing: how much each task counts in the loss that is minimised."""

from mtcp.objective.balancing.lps import FLOOR, KAPPA, LPSResult, lps_weights
from mtcp.objective.balancing.strategies import (
    BALANCERS,
    DWA,
    LPS,
    Balancer,
    EpochReport,
    Uncertainty,
    Uniform,
    make_balancer,
)

__all__ = [
    "BALANCERS",
    "DWA",
    "FLOOR",
    "KAPPA",
    "LPS",
    "Balancer",
    "EpochReport",
    "LPSResult",
    "Uncertainty",
    "Uniform",
    "lps_weights",
    "make_balancer",
]
