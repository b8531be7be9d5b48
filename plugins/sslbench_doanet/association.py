"""Associations of outputs with sources that minimize the sum of distances, in batches.

All permutations are tried, which for the few outputs of a network is faster than solving one
assignment problem after the other.
"""

from __future__ import annotations

from itertools import permutations

import torch
from torch import Tensor

__all__ = ["best_assignment", "chord", "least_cost"]

TINY = 1e-12
"""Added to squared distances, whose root has no gradient at 0."""


def chord(estimates: Tensor, references: Tensor) -> Tensor:
    """Return Euclidean distances of all pairs, shape (..., estimates, references).

    Args:
        estimates: shape (..., estimates, 3).
        references: shape (..., references, 3).
    """
    squared = (estimates[..., :, None, :] - references[..., None, :, :]).square().sum(dim=-1)
    return (squared + TINY).sqrt()


def best_assignment(costs: Tensor, present: Tensor) -> Tensor:
    """Return the assignment of least summed cost, 1 for a pair, of the shape of the costs.

    Every present column has a row of its own.

    Args:
        costs: shape (..., n, n).
        present: columns that are to be assigned, shape (..., n).
    """
    orders, sums = _sums(costs, present)
    rows = orders[sums.argmin(dim=-1)]
    found = torch.nn.functional.one_hot(rows, costs.shape[-1]).transpose(-1, -2)
    return found.to(costs.dtype) * present[..., None, :]


def least_cost(costs: Tensor, present: Tensor) -> Tensor:
    """Return the sum of the costs of the best assignment, shape (...); see `best_assignment`."""
    return _sums(costs, present)[1].amin(dim=-1)


def _sums(costs: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Return the row of each column, (permutations, n), and the sums, (..., permutations)."""
    size = costs.shape[-1]
    orders = torch.tensor(list(permutations(range(size))), device=costs.device)
    counted = torch.where(present[..., None, :], costs, 0)
    sums = counted[..., orders, torch.arange(size, device=costs.device)].sum(dim=-1)
    return orders, sums
