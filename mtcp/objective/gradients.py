"""The gradients of several tasks at the same parameters: each by itself, compared, and combined."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class TaskGradients:
    """Gradients of T scalars at P parameters. rows: T rows of P tensors, each in its parameter's shape; zeros where a
    scalar does not depend on a parameter.
    """

    parameters: tuple[nn.Parameter, ...]
    rows: tuple[tuple[Tensor, ...], ...]

    @classmethod
    def of(cls, scalars: Sequence[Tensor], parameters: Sequence[nn.Parameter]) -> TaskGradients:
        """Without touching `.grad` of anything. The graph stays, so that a backward pass can follow."""
        used = _trained(parameters)
        rows = [
            torch.autograd.grad(scalar, used, retain_graph=True, allow_unused=True)
            if scalar.requires_grad and used
            else (None,) * len(used)
            for scalar in scalars
        ]
        return cls(used, tuple(_filled(row, used) for row in rows))

    @classmethod
    def backward(cls, scalars: Sequence[Tensor], parameters: Sequence[nn.Parameter]) -> TaskGradients:
        """A backward pass per scalar, which frees the graph. The gradients at all other parameters add up in their
        `.grad`, as one pass of the sum would leave them; `.grad` of `parameters` stays as it is.
        """
        used = _trained(parameters)
        before = [parameter.grad for parameter in used]
        rows = []
        for position, scalar in enumerate(scalars):
            _set(used, [None] * len(used))
            if scalar.requires_grad:
                scalar.backward(retain_graph=position + 1 < len(scalars))
            rows.append(_filled([parameter.grad for parameter in used], used))
        _set(used, before)
        return cls(used, tuple(rows))

    def average(self, mean_over_ranks: Callable[[Tensor], None]) -> None:
        """Makes each the mean over the ranks, in place."""
        for gradient in itertools.chain.from_iterable(self.rows):
            mean_over_ranks(gradient)

    def gramian(self) -> Tensor:
        """(T, T) float64 on the CPU: the inner products of the tasks' gradients over all parameters."""
        parts = [self._matrix(position) for position in range(len(self.parameters))]  # (T, numel)
        if not parts:
            return torch.zeros(len(self.rows), len(self.rows), dtype=torch.float64)
        return torch.stack([part @ part.T for part in parts]).cpu().double().sum(0)

    def add_combined(self, weights: Sequence[float]) -> None:
        """Adds sum_t w_t g_t to `.grad` of the parameters."""
        for position, parameter in enumerate(self.parameters):
            matrix = self._matrix(position)
            combined = (matrix.new_tensor(list(weights)) @ matrix).view_as(parameter).to(parameter.dtype)
            parameter.grad = combined if parameter.grad is None else parameter.grad + combined

    def _matrix(self, position: int) -> Tensor:
        return torch.stack([row[position].float().flatten() for row in self.rows])


def compare(gramian: Tensor, tasks: Sequence[str]) -> dict[str, dict[str, float | None]]:
    """What a Gramian (T, T) says of conflict, JSON-able.

    Returns:
        "cosine": by pair, named "depth-normals", from -1 (opposed) to 1 (the same direction); None where a gradient is
        zero. "norm": by task.
    """
    norms = gramian.diagonal().clamp(min=0).sqrt().tolist()
    cosines: dict[str, float | None] = {}
    for (i, one), (j, other) in itertools.combinations(enumerate(tasks), 2):
        lengths = norms[i] * norms[j]
        cosines[f"{one}-{other}"] = max(-1.0, min(1.0, float(gramian[i, j]) / lengths)) if lengths else None
    return {"cosine": cosines, "norm": dict(zip(tasks, norms, strict=True))}


def unscaled(gramian: Tensor, scales: Sequence[float]) -> Tensor:
    """The Gramian (T, T) of g_t, given that of s_t g_t with s_t > 0."""
    factors = gramian.new_tensor(list(scales))  # (T,)
    return gramian / torch.outer(factors, factors)


def _trained(parameters: Sequence[nn.Parameter]) -> tuple[nn.Parameter, ...]:
    return tuple(parameter for parameter in parameters if parameter.requires_grad)


def _filled(row: Sequence[Tensor | None], parameters: Sequence[nn.Parameter]) -> tuple[Tensor, ...]:
    return tuple(
        torch.zeros_like(parameter) if gradient is None else gradient.detach()
        for gradient, parameter in zip(row, parameters, strict=True)
    )


def _set(parameters: Sequence[nn.Parameter], gradients: Sequence[Tensor | None]) -> None:
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
