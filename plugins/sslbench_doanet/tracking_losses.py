"""Losses from metrics of multi-object tracking (dMOTp and dMOTa), in two variants.

Adavanne et al. 2021 print no equations. They refer to Xu et al. (DeepMOT, CVPR 2020), and their
published code (doa-net) computes something else. Both variants start from the association A of
outputs (rows) with sources (columns), with values from 0 to 1, and from the chord distances D.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sslbench_doanet.targets import Truth

__all__ = [
    "Counts",
    "code_accuracy_loss",
    "code_distance_loss",
    "mean_distance",
    "soft_counts",
]

CODE_DISTANCE_WEIGHT = 50.0

SMALLEST = 1e-7


class Counts(NamedTuple):
    """Sums over a batch, each of shape ().

    Args:
        false_positives: outputs without a source.
        misses: sources without an output.
        switches: sources whose output is not the one that they were last matched with.
        references: sources.
    """

    false_positives: Tensor
    misses: Tensor
    switches: Tensor
    references: Tensor

    def loss(self, switch_weight: float) -> Tensor:
        """Return the errors per source, which is 1 - dMOTA of DeepMOT."""
        errors = self.false_positives + self.misses + switch_weight * self.switches
        return errors / self.references.clamp_min(1)


def matches(associations: Tensor, present: Tensor, threshold: float) -> Tensor:
    """Return which pairs are matched: the row with the largest value of a column, if above."""
    best = torch.nn.functional.one_hot(associations.argmax(dim=-2), associations.shape[-2])
    matched = (associations.amax(dim=-2) > threshold) & present
    return best.transpose(-1, -2).bool() & matched[..., None, :]


def mean_distance(distances: Tensor, matched: Tensor) -> Tensor:
    """Return the mean distance of matched pairs: 1 - dMOTP of DeepMOT with a chord distance."""
    return (distances * matched).sum() / matched.sum().clamp_min(1)


def soft_counts(associations: Tensor, truth: Truth, *, scale: float, threshold: float) -> Counts:
    """Return the differentiable counts of DeepMOT (Xu et al. 2020, equations 3 to 6).

    A column with the value `threshold` is appended to A, and the softmax of each row is taken over
    `scale` times its values: what falls on the new column is the number of false positives. The
    same with a row and the softmax of each column gives the misses. What a column has outside the
    output that its source was last matched with is the number of switches; sources are followed
    by their identity, within a window. With a one-hot A and a growing scale the counts approach
    the hard ones.

    Args:
        associations: shape (batch, times, outputs, slots).
        truth: the sources.
        scale: of the softmax.
        threshold: value of an association from which a pair is matched.
    """
    present = truth.present
    absent = ~present[..., None, :]
    column = torch.full_like(associations[..., :1], threshold)
    rows = torch.cat([associations.masked_fill(absent, -torch.inf), column], dim=-1)
    by_row = (scale * rows).softmax(dim=-1)
    row = torch.full_like(associations[..., :1, :], threshold)
    columns = torch.cat([associations, row], dim=-2)
    by_column = (scale * columns).softmax(dim=-2)
    before = _last_matched(matches(associations, present, threshold), truth)
    followed = torch.nn.functional.one_hot(before.clamp_min(0), associations.shape[-2])
    others = by_column[..., :-1, :] * (1 - followed.transpose(-1, -2))
    return Counts(
        false_positives=by_row[..., -1].sum(),
        misses=(by_column[..., -1, :] * present).sum(),
        switches=(others.sum(dim=-2) * (before >= 0)).sum(),
        references=present.sum(),
    )


def _last_matched(matched: Tensor, truth: Truth) -> Tensor:
    """Return the output that each source was last matched with; -1 if there is none."""
    _, times, slots = truth.previous.shape
    now = torch.where(matched.any(dim=-2), matched.int().argmax(dim=-2), -1).flatten(1)
    before = torch.full_like(now, -1)
    previous = truth.previous.flatten(1)
    for first in range(0, times * slots, slots):
        place = previous[:, first : first + slots]
        at = place.clamp_min(0)
        there, earlier = now.gather(1, at), before.gather(1, at)
        last = torch.where(there >= 0, there, earlier)
        before[:, first : first + slots] = torch.where(place >= 0, last, -1)
    return before.reshape(truth.previous.shape)


def code_distance_loss(distances: Tensor, associations: Tensor) -> Tensor:
    """Return dMOTp of the published code.

    It is 50 sum_t (sum_ij D_ij A_ij) (sum_ij A_ij) / sum_t sum_ij A_ij, over the times t of all
    windows. Compared with a mean over pairs, the distances at a time have the number of sources
    at that time as an additional factor.

    Args:
        distances: shape (batch, times, outputs, slots).
        associations: of the same shape.
    """
    pairs = associations.sum(dim=(-2, -1))
    weighted = (distances * associations).sum(dim=(-2, -1)) * pairs
    return CODE_DISTANCE_WEIGHT * weighted.sum() / pairs.sum().clamp_min(SMALLEST)


def code_accuracy_loss(associations: Tensor, present: Tensor, switch_weight: float) -> Tensor:
    """Return dMOTa of the published code.

    With M_t = sum_i max_j A_ij, and N_t sources, it is sum_t (max(M_t - N_t, 0) + max(N_t - M_t, 0)
    + w IDS_t) / sum_t M_t, where IDS_t = sum_ij A_ij(t) (1 - A_ij(t - 1)). The windows of a batch
    follow one another as if they were one, slots are compared without regard to identities, and a
    source that begins counts as a switch.

    Args:
        associations: shape (batch, times, outputs, slots).
        present: shape (batch, times, slots).
        switch_weight: w.
    """
    flat = associations.flatten(0, 1)
    found = flat.amax(dim=-1).sum(dim=-1)
    difference = (found - present.flatten(0, 1).sum(dim=-1)).abs()
    switches = (flat[1:] * (1 - flat[:-1])).sum()
    return (difference.sum() + switch_weight * switches) / found.sum().clamp_min(SMALLEST)
