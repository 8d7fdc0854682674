"""Loss balancing: how much each task counts in the loss that is minimised (MT-CP section 3.4).

A strategy gets raw losses and owns what is done to them: logarithm, fixed factors, weights. `base.py` is the
interface, each strategy has a module of its own, and `mtcp.objective.options` its options.
"""

from mtcp.objective.balancing.aggregation import Aggregation
from mtcp.objective.balancing.base import Applied, Balancer, EpochReport
from mtcp.objective.balancing.dtp import DTP
from mtcp.objective.balancing.dwa import DWA
from mtcp.objective.balancing.gradnorm import GradNorm
from mtcp.objective.balancing.lps import LPSResult, lps_weights
from mtcp.objective.balancing.prioritization import LPS
from mtcp.objective.balancing.strategies import BALANCERS, make_balancer
from mtcp.objective.balancing.uncertainty import Uncertainty
from mtcp.objective.balancing.uniform import Uniform
from mtcp.objective.options import FLOOR, KAPPA

__all__ = [
    "BALANCERS",
    "DTP",
    "DWA",
    "FLOOR",
    "KAPPA",
    "LPS",
    "Aggregation",
    "Applied",
    "Balancer",
    "EpochReport",
    "GradNorm",
    "LPSResult",
    "Uncertainty",
    "Uniform",
    "lps_weights",
    "make_balancer",
]
