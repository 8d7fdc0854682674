"""Strategies that weigh the tasks by their gradients at the shared parameters; the arithmetic is TorchJD's.

TorchJD makes the weights of the combined gradient from the Gramian (T, T) of the tasks' gradients. The gradients
themselves are taken by a pass per task from its loss to the parameters. TorchJD's `mtl_backward` gives the same ones,
but needs more than losses and shared parameters, which is all that a strategy sees: the features at which the tasks
part, and, task by task, the encoder's parameters that not all tasks share, which else get no gradient.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from mtcp.errors import InputError
from mtcp.objective.balancing.base import Applied, Balancer, EpochReport
from mtcp.objective.gradients import TaskGradients, unscaled
from mtcp.objective.options import CAGradOptions

Weighting = Callable[[Tensor], Tensor]


class Aggregation(Balancer):
    """Gives the shared parameters sum_t w_t g_t, with g_t the gradient of f_t log(1 + L_t) and w_t made from all g_t.

    All other parameters get the sum of the tasks' gradients, as in `mtl_backward`. A task whose gradient is zero (none
    of the samples has a label of it) is left out of a step, with weight 0.

    Raises:
        InputError: TorchJD is not installed.
    """

    several_passes = compares = True
    weights_of_mean: ClassVar[bool] = True
    """Whether TorchJD's weights are those of a mean. They are then multiplied by the number of tasks, so that tasks
    which do not conflict weigh about 1 as in every other strategy, beside the heads, which get the sum."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._weighting = self._make(_torchjd())

    def _make(self, torchjd: ModuleType) -> Weighting:
        """What gives the weights (T,) from a Gramian (T, T)."""
        raise NotImplementedError

    def backward(self, losses: Mapping[str, Tensor], shared: Sequence[nn.Parameter]) -> Applied:
        """As `Balancer.backward`, with one pass per task."""
        gradients = TaskGradients.backward(self._objectives(losses), shared)
        gradients.average(self.mean_over_ranks)
        gramian = gradients.gramian()
        there = gramian.diagonal() > 0
        weights = torch.zeros(len(self.tasks), dtype=torch.float64)
        if there.any():
            weights[there] = self._weigh(gramian[there][:, there], there)
        weights = weights.to(next(iter(losses.values())).device)  # where ranks can speak to each other
        self.mean_over_ranks(weights)  # PCGrad draws an order, which differs from rank to rank
        self.weights = dict(zip(self.tasks, weights.tolist(), strict=True))
        gradients.add_combined(list(self.weights.values()))
        return Applied(
            dict(self.weights),
            float(self.total(losses).detach()),
            unscaled(gramian, self._each(self.factors)),
        )

    def _weigh(self, gramian: Tensor, there: Tensor) -> Tensor:
        """Weights (K,) from the Gramian (K, K) of the tasks that are `there` (T,)."""
        # TorchJD takes a small Gramian for zero. Scaled, as all these weights do not depend on the scale; in float32,
        # so that a pseudo-inverse does not take rounding errors of the gradients for directions.
        scaled = (gramian / gramian.diagonal().mean()).float()
        weights = self._weighting(scaled).double()
        return weights * len(weights) if self.weights_of_mean else weights

    def _decide(self, history: Sequence[Mapping[str, float]]) -> EpochReport:
        return EpochReport(dict(self.weights))


class MGDA(Aggregation):
    """The shortest vector in the convex hull of the gradients (Sener and Koltun, NeurIPS 2018, algorithm 2)."""

    name = "mgda"

    def _make(self, torchjd: ModuleType) -> Weighting:
        return torchjd.MGDAWeighting()


class PCGrad(Aggregation):
    """Takes from each gradient what opposes another, in random order (Yu et al., NeurIPS 2020, algorithm 1)."""

    name = "pcgrad"
    weights_of_mean = False

    def _make(self, torchjd: ModuleType) -> Weighting:
        return torchjd.PCGradWeighting()


class CAGrad(Aggregation):
    """The best worst local improvement within c |g_0| of the mean g_0 (Liu et al., NeurIPS 2021, algorithm 1)."""

    name = "cagrad"
    Options = CAGradOptions
    options: CAGradOptions

    def _make(self, torchjd: ModuleType) -> Weighting:
        return torchjd.CAGradWeighting(self.options.cagrad_c)


class IMTL(Aggregation):
    """IMTL-G: equal projections onto every gradient (Liu et al., ICLR 2021). A weight may be negative."""

    name = "imtl"

    def _make(self, torchjd: ModuleType) -> Weighting:
        return torchjd.IMTLGWeighting()


class UPGrad(Aggregation):
    """The mean of all gradients, each projected so that it opposes none (Quinton and Rey, arXiv:2406.16232)."""

    name = "upgrad"

    def _make(self, torchjd: ModuleType) -> Weighting:
        return torchjd.UPGradWeighting()


class NashMTL(Aggregation):
    """The Nash bargaining solution, its vector at most 1 long (Navon et al., ICML 2022, algorithm 1).

    Each step's search starts from the weights of the one before: the buffer `alpha` (T,).
    """

    name = "nash"
    weights_of_mean = False
    alpha: Tensor

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.register_buffer("alpha", torch.ones(len(self.tasks), dtype=torch.float64))

    def _make(self, torchjd: ModuleType) -> Weighting:
        self._nash = torchjd.NashMTL(len(self.tasks))
        return self._nash.weighting

    def _weigh(self, gramian: Tensor, there: Tensor) -> Tensor:
        if len(gramian) != self._nash.n_tasks:
            self._nash.n_tasks = len(gramian)
            self._nash.reset()
        state = self._nash.weighting
        state.prvs_alpha = self.alpha[there].cpu().numpy()
        values, vectors = torch.linalg.eigh(gramian)
        root = (
            vectors * values.clamp(min=0).sqrt()
        )  # (K, K): it asks for gradients, and these have the same Gramian
        with warnings.catch_warnings():
            # That cvxpy has to compile its problem anew, and that a step of the search failed, which is seen to.
            warnings.simplefilter("ignore")
            weights = self._weighting(root)
        self.alpha[there] = torch.as_tensor(state.prvs_alpha, dtype=torch.float64).to(self.alpha.device)
        return weights


def _torchjd() -> ModuleType:
    try:
        from torchjd import aggregation
    except ImportError as error:
        raise InputError(
            f'balancing by gradients needs TorchJD: pip install -e ".[balancing]" ({error})'
        ) from error
    return aggregation
