"""Robust multilateration: from range differences, most of them wrong, to a position.

After Astrom, Larsson, Flood and Oskarsson (EUSIPCO 2021), as used by Berg et al. (2024): a
minimal solver in RANSAC, then refinement on the inliers. Here the minimal problem is three range
differences that share a reference microphone, which has a closed form; all hypotheses of all
frames are solved and scored at once; and thresholds are relative to the number of pairs, since
"at least 10 inliers" cannot be met by five microphones with one peak a pair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sslbench.errors import GeometryError
from sslbench.geometry import Box, microphone_pairs

__all__ = ["SolverOptions", "TdoaSolver"]

CONDITION = 50.0
"""Sets of microphones whose linear system is worse conditioned give no useful hypothesis."""

FINALISTS = 8
"""Hypotheses that are refined; the best one before refinement is not always the best after."""

SCORED = 2**22
"""Range differences that are compared at once, which bounds the memory."""


@dataclass(frozen=True)
class SolverOptions:
    """How hard to try and what to believe.

    Args:
        threshold: largest residual of an inlier in metres.
        hypotheses: minimal problems that are solved.
        steps: of refinement; the inliers are found anew before each.
        accept: smallest share of the measured pairs that must agree with an answer.
        margin: metres by which an answer may lie outside the region.
        seed: of the choice of minimal problems.
    """

    threshold: float = 0.1
    hypotheses: int = 1000
    steps: int = 8
    accept: float = 0.3
    margin: float = 0.5
    seed: int = 0


class TdoaSolver:
    """Find positions that agree with range differences, for one array and region.

    The height is known where the region is flat: then two range differences make a hypothesis.

    Args:
        microphones: positions in metres, shape (channels, 3).
        region: where positions can lie.
        candidates: range differences that there are of each pair, the most trusted first.
        options: how hard to try.

    Raises:
        GeometryError: if the microphones are too few, or span too little to find a position.
    """

    def __init__(
        self,
        microphones: NDArray[np.float64],
        region: Box,
        candidates: int,
        options: SolverOptions | None = None,
    ) -> None:
        self.options = options or SolverOptions()
        self.microphones = torch.tensor(microphones, dtype=torch.float64)
        self.flat = region.flat
        self.low = torch.tensor(region.low, dtype=torch.float64) - self.options.margin
        self.high = torch.tensor(region.high, dtype=torch.float64) + self.options.margin
        self.height = region.low[2]
        self.unknowns = 2 if region.flat else 3
        _check_count(len(microphones), region.flat)
        first, second = microphone_pairs(len(microphones))
        self.first, self.second = torch.from_numpy(first), torch.from_numpy(second)
        self._plan(candidates)

    def solve(self, range_differences: Tensor, weights: Tensor | None = None) -> Tensor:
        """Find one position a frame.

        Args:
            range_differences: path to i minus path to j in metres for all pairs i < j, shape
                (frames, pairs, candidates); NaN where there is none.
            weights: how much each one that agrees counts in choosing between positions, in the
                same shape; all the same by default.

        Returns:
            Positions in metres, shape (frames, 3); NaN where too few pairs agree.
        """
        measured = range_differences.double()
        trust = torch.ones_like(measured) if weights is None else weights.double()
        size = max(1, SCORED // (2 * len(self.mics) * measured[0].numel())) if len(measured) else 1
        blocks = zip(torch.split(measured, size), torch.split(trust, size), strict=True)
        found = [self._solve(*block) for block in blocks]
        return torch.cat(found) if found else measured.new_zeros(0, 3)

    def _plan(self, candidates: int) -> None:
        """Choose minimal problems, the same for all frames, and invert their matrices."""
        rng = np.random.default_rng(self.options.seed)
        mics, inverse = self._sets(rng)
        chosen = rng.integers(len(mics), size=self.options.hypotheses)
        self.mics, self.inverse = mics[chosen], inverse[chosen]
        # A peak is trusted in proportion to 1 / rank, about as often as it is the right one.
        trust = 1 / np.arange(1, candidates + 1)
        ranks = rng.choice(candidates, (len(chosen), self.unknowns), p=trust / trust.sum())
        ranks[: len(ranks) // 4] = 0
        self.ranks = torch.from_numpy(ranks)
        reference, others = self.mics[:, :1], self.mics[:, 1:]
        channels = len(self.microphones)
        table = torch.zeros(channels, channels, dtype=torch.long)
        pairs = torch.arange(len(self.first))
        table[self.first, self.second] = table[self.second, self.first] = pairs
        self.pairs = table[others, reference]
        self.sign = torch.where(others < reference, 1.0, -1.0).double()

    def _sets(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Draw sets of a reference and 2 or 3 more microphones that are well conditioned."""
        draws = rng.random((4 * self.options.hypotheses, len(self.microphones)))
        mics = torch.from_numpy(draws.argsort(axis=1)[:, : self.unknowns + 1].copy())
        matrix = self.microphones[mics[:, 1:]] - self.microphones[mics[:, :1]]
        # Only the horizontal part is unknown at known height.
        matrix = matrix[..., : self.unknowns]
        good = torch.linalg.cond(matrix) < CONDITION
        if not good.any():
            raise GeometryError(
                f"{len(self.microphones)} microphones do not determine a position",
                where="multilateration",
                expected=f"microphones that span {self.unknowns} dimensions",
                hint="move a microphone off the line or plane, or ask for fewer dimensions",
            )
        return mics[good], torch.linalg.inv(matrix[good])

    def _solve(self, measured: Tensor, trust: Tensor) -> Tensor:
        points = self._hypotheses(measured)
        # Single precision ranks hypotheses as well, in half the time.
        _, best = self._score(points.float(), measured.float(), trust.float()).topk(
            min(FINALISTS, points.shape[1]), dim=1
        )
        points = points.gather(1, best[..., None].expand(-1, -1, 3))
        solved = points.isfinite().all(dim=-1, keepdim=True)
        points = torch.where(solved, points, (self.low + self.high) / 2)
        for _ in range(self.options.steps):
            points = self._step(points, measured)
        score, winner = self._score(points, measured, trust).max(dim=1)
        answer = points[torch.arange(len(winner)), winner]
        agreed = self._residuals(answer[:, None], measured)[1].sum(dim=-1)[:, 0]
        accepted = (agreed >= self._needed(measured)) & (score > 0)
        return torch.where(accepted[:, None], answer, torch.nan)

    def _needed(self, measured: Tensor) -> Tensor:
        """Return how many pairs must agree: a share of them, and more than any point can fit."""
        pairs = measured.isfinite().any(dim=-1).sum(dim=-1)
        return (self.options.accept * pairs).ceil().clamp_min(self.unknowns + 2)

    def _hypotheses(self, measured: Tensor) -> Tensor:
        """Solve all minimal problems, shape (frames, 2 * hypotheses, 3); NaN without solution.

        With the reference as origin and d the range to it, ``|s - m| = d + z`` squared is
        ``2 m.s = |m|^2 - z^2 - 2 d z``: s = p + d q, and ``|s| = d`` leaves a quadratic in d.
        """
        z = measured[:, self.pairs, self.ranks] * self.sign
        origin = self.microphones[self.mics[:, 0]]
        m = self.microphones[self.mics[:, 1:]] - origin[:, None]
        constant = (m.square().sum(-1) - z.square()) / 2
        rise = torch.zeros_like(origin[:, 2])
        if self.flat:
            rise = self.height - origin[:, 2]
            constant = constant - m[..., 2] * rise[:, None]
        p = torch.einsum("hij,fhj->fhi", self.inverse, constant)
        q = -torch.einsum("hij,fhj->fhi", self.inverse, z)
        a, b = q.square().sum(-1) - 1, (p * q).sum(-1)
        root = (b.square() - a * (p.square().sum(-1) + rise.square())).sqrt()
        ranges = torch.stack(((-b + root) / a, (-b - root) / a), dim=-1)
        s = p[:, :, None] + ranges[..., None] * q[:, :, None]
        if self.flat:
            s = torch.cat((s, rise[:, None, None].expand(*s.shape[:-1], 1)), dim=-1)
        s = torch.where((ranges > 0)[..., None], s + origin[:, None], torch.nan)
        return s.flatten(1, 2)

    def _differences(self, points: Tensor) -> Tensor:
        path: Tensor = (points[:, :, None] - self.microphones.to(points.dtype)).norm(dim=-1)
        return path[..., self.first] - path[..., self.second]

    def _residuals(self, points: Tensor, measured: Tensor) -> tuple[Tensor, Tensor]:
        """Return the residual of each pair's nearest measurement, and whether it is an inlier.

        Both are of shape (frames, points, pairs). A pair counts once, however many of its
        measurements agree.
        """
        difference = self._differences(points)
        nearest = torch.full_like(difference, torch.inf)
        for candidate in measured.unbind(-1):
            error = difference - candidate[:, None]
            nearest = torch.where(error.abs() < nearest.abs(), error, nearest)
        return nearest, nearest.abs() < self.options.threshold

    def _score(self, points: Tensor, measured: Tensor, trust: Tensor) -> Tensor:
        """Return the truncated squared gain of points, shape (frames, points); 0 outside.

        A pair gains by the measurement that agrees best, weighted by the trust in it.
        """
        difference = self._differences(points)
        best = torch.zeros_like(difference)
        for candidate, weight in zip(measured.unbind(-1), trust.unbind(-1), strict=True):
            # One that is missing is infinitely far.
            error = difference - candidate.nan_to_num(torch.inf)[:, None]
            gain = (1 - (error / self.options.threshold).square()).clamp_min(0)
            best = torch.maximum(best, gain * weight.nan_to_num(0)[:, None])
        inside = ((points >= self.low) & (points <= self.high)).all(dim=-1)
        return torch.where(inside, best.sum(-1), 0.0)

    def _step(self, points: Tensor, measured: Tensor) -> Tensor:
        """Take one Gauss-Newton step on the squared residuals of the current inliers."""
        offset = points[:, :, None] - self.microphones
        unit = (offset / offset.norm(dim=-1, keepdim=True).clamp_min(1e-9))[..., : self.unknowns]
        error, inlier = self._residuals(points, measured)
        weight = inlier[..., None].double()
        jacobian = (unit[:, :, self.first] - unit[:, :, self.second]) * weight
        normal = jacobian.mT @ jacobian
        damping = 1e-6 * torch.eye(self.unknowns, dtype=normal.dtype)
        error = torch.where(inlier, error, 0.0)[..., None]
        step = torch.linalg.solve(normal + damping, jacobian.mT @ error)[..., 0]
        moved = points.clone()
        # Far from an answer the linear model means little; half a metre keeps it in the basin.
        moved[..., : self.unknowns] -= step.clamp(-0.5, 0.5)
        return moved


def _check_count(channels: int, flat: bool) -> None:
    needed = 4 if flat else 5
    if channels < needed:
        raise GeometryError(
            f"{channels} microphones",
            where="multilateration",
            expected=f"at least {needed} at {'known' if flat else 'unknown'} height",
            hint="fewer leave two positions, or many, that explain the same delays",
        )
