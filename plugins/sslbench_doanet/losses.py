"""Losses without an association network: the published baseline, and its usual alternatives."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

from sslbench_doanet.association import chord, least_cost
from sslbench_doanet.targets import Truth

__all__ = ["adpit_loss", "masked_mse_loss", "mse_loss", "pit_loss"]

EMPTY = (0.0, 0.0, 1.0)
"""What the published baseline learns where a slot has no source."""


def mse_loss(directions: Tensor, truth: Truth) -> Tensor:
    """Return the mean square error over all slots, with (0, 0, 1) in empty ones.

    This is the baseline of Adavanne et al. 2021.

    Args:
        directions: unit vectors, shape (batch, times, slots, 3).
        truth: the sources.
    """
    filler = torch.tensor(EMPTY, device=directions.device)
    wanted = torch.where(truth.present[..., None], truth.directions, filler)
    return (directions - wanted).square().mean()


def masked_mse_loss(directions: Tensor, truth: Truth) -> Tensor:
    """Return the mean square error over the slots with a source; see `mse_loss`."""
    errors = (directions - truth.directions).square().mean(dim=-1)
    return (errors * truth.present).sum() / truth.present.sum().clamp_min(1)


def pit_loss(directions: Tensor, truth: Truth, *, squared: bool) -> Tensor:
    """Return the mean distance of the best assignment of outputs to sources, time by time.

    Frame-wise permutation-invariant training (Yu et al. 2017). Outputs without a source learn
    nothing. With the chord this equals dMOTp with an exact association.

    Args:
        directions: unit vectors, shape (batch, times, slots, 3).
        truth: the sources.
        squared: whether distances are squared chords.
    """
    distances = chord(directions, truth.directions)
    costs = distances.square() if squared else distances
    return least_cost(costs, truth.present).sum() / truth.present.sum().clamp_min(1)


def adpit_loss(vectors: Tensor, truth: Truth) -> Tensor:
    """Return the loss of multi-ACCDOA without classes (Shimada et al. 2022, equations 3 to 5).

    The length of a vector is the activity. Where there are fewer sources than outputs, several
    outputs learn the same source (auxiliary duplicating); where there is none, all learn 0. The
    mean square error of the best of these assignments counts.

    Args:
        vectors: shape (batch, times, slots, 3).
        truth: the sources.
    """
    size = vectors.shape[2]
    squared = (vectors[..., :, None, :] - truth.directions[..., None, :, :]).square().mean(dim=-1)
    count = truth.present.sum(dim=-1)
    maps = torch.tensor(list(product(range(size), repeat=size)), device=vectors.device)
    # Outputs are mapped to the sources, which are in the first slots, so that each has an output.
    reached = torch.nn.functional.one_hot(maps, size).amax(dim=1).bool()
    allowed = (reached == truth.present[..., None, :]).all(dim=-1)
    costs = squared[..., torch.arange(size, device=vectors.device), maps].mean(dim=-1)
    best = costs.masked_fill(~allowed, torch.inf).amin(dim=-1)
    silent = vectors.square().mean(dim=(-2, -1))
    # `best` is infinite without sources; `where` would spread NaN in the gradient.
    best = best.masked_fill(count == 0, 0)
    return (best + silent * (count == 0)).mean()
