"""Robust multilateration: positions from range differences with many outliers.

After Åström, Larsson, Flood and Oskarsson (EUSIPCO 2021), as used by Berg et al. (2024): a minimal
solver in RANSAC, followed by refinement on the inliers. There are three differences. The minimal
problem consists of three range differences with a common reference microphone, which has a
closed-form solution. All hypotheses of all frames are solved and scored at once. Thresholds are
relative to the number of pairs, since five microphones with one peak per pair can never reach the
"at least 10 inliers" of the paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sslbench.array_types import Floats
from sslbench.errors import GeometryError
from sslbench.geometry import Box, microphone_pairs

__all__ = ["SolverOptions", "TdoaSolver"]

CONDITION = 50.0
"""Largest condition number of a minimal problem; beyond it, hypotheses are not useful."""

FINALISTS = 8
"""Number of hypotheses that are refined: the best before refinement may not be best after it."""

SCORED = 2**22
"""Largest number of range differences compared at once; bounds the memory."""


@dataclass(frozen=True)
class SolverOptions:
    """Settings of the solver.

    Args:
        threshold: largest residual of an inlier in metres.
        hypotheses: number of minimal problems that are solved.
        steps: number of refinement steps; the inliers are determined again before each step.
        accept: smallest share of the measured pairs that must agree with an estimate.
        margin: distance in metres by which an estimate may lie outside the region.
        seed: seed of the random choice of minimal problems.
    """

    threshold: float = 0.1
    hypotheses: int = 1000
    steps: int = 8
    accept: float = 0.3
    margin: float = 0.5
    seed: int = 0


class TdoaSolver:
    """Find positions that agree with range differences, for one array and one region.

    If the region is flat, the height is known and two range differences determine a hypothesis.

    Args:
        microphones: positions in metres, shape (channels, 3).
        region: region that contains the sources.
        candidates: number of range differences per pair, sorted from most to least reliable.
        options: settings of the solver.

    Raises:
        GeometryError: if there are too few microphones or they span too few dimensions.
    """

    def __init__(
        self,
        microphones: Floats,
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
        """Find one position per frame.

        Args:
            range_differences: distance to microphone i minus distance to microphone j in metres,
                for all pairs i < j, shape (frames, pairs, candidates); NaN where missing.
            weights: weight of each range difference in the score of a position, of the same
                shape; equal by default.

        Returns:
            Positions in metres, shape (frames, 3); NaN where too few pairs agree.
        """
        measured = range_differences.double()
        weights = torch.ones_like(measured) if weights is None else weights.double()
        size = max(1, SCORED // (2 * len(self.mics) * measured[0].numel())) if len(measured) else 1
        blocks = zip(torch.split(measured, size), torch.split(weights, size), strict=True)
        found = [self._solve(*block) for block in blocks]
        return torch.cat(found) if found else measured.new_zeros(0, 3)

    def _plan(self, candidates: int) -> None:
        """Choose the minimal problems, the same for all frames, and invert their matrices."""
        rng = np.random.default_rng(self.options.seed)
        mics, inverse = self._microphone_sets(rng)
        chosen = rng.integers(len(mics), size=self.options.hypotheses)
        self.mics, self.inverse = mics[chosen], inverse[chosen]
        # The probability of a peak is proportional to 1 / rank, approximately the frequency
        # with which it is the correct one. A quarter of the problems use only the first peaks.
        likely = 1 / np.arange(1, candidates + 1)
        ranks = rng.choice(candidates, (len(chosen), self.unknowns), p=likely / likely.sum())
        ranks[: len(ranks) // 4] = 0
        self.ranks = torch.from_numpy(ranks)
        reference, others = self.mics[:, :1], self.mics[:, 1:]
        channels = len(self.microphones)
        table = torch.zeros(channels, channels, dtype=torch.long)
        pairs = torch.arange(len(self.first))
        table[self.first, self.second] = table[self.second, self.first] = pairs
        self.pairs = table[others, reference]
        self.sign = torch.where(others < reference, 1.0, -1.0).double()

    def _microphone_sets(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Draw well-conditioned sets of a reference and 2 or 3 further microphones."""
        draws = rng.random((4 * self.options.hypotheses, len(self.microphones)))
        mics = torch.from_numpy(draws.argsort(axis=1)[:, : self.unknowns + 1].copy())
        matrix = self.microphones[mics[:, 1:]] - self.microphones[mics[:, :1]]
        # At known height only the horizontal coordinates are unknown.
        matrix = matrix[..., : self.unknowns]
        good = torch.linalg.cond(matrix) < CONDITION
        if not good.any():
            raise GeometryError(
                f"{len(self.microphones)} microphones do not determine a position",
                where="multilateration",
                expected=f"microphones that span {self.unknowns} dimensions",
                hint="move a microphone out of the common line or plane, or use a flat region",
            )
        return mics[good], torch.linalg.inv(matrix[good])

    def _solve(self, measured: Tensor, weights: Tensor) -> Tensor:
        points = self._hypotheses(measured)
        # Single precision is sufficient to rank hypotheses and takes half the time.
        _, best = self._score(points.float(), measured.float(), weights.float()).topk(
            min(FINALISTS, points.shape[1]), dim=1
        )
        points = points.gather(1, best[..., None].expand(-1, -1, 3))
        solved = points.isfinite().all(dim=-1, keepdim=True)
        points = torch.where(solved, points, (self.low + self.high) / 2)
        for _ in range(self.options.steps):
            points = self._step(points, measured)
        score, winner = self._score(points, measured, weights).max(dim=1)
        best_points = points[torch.arange(len(winner)), winner]
        agreeing = self._residuals(best_points[:, None], measured)[1].sum(dim=-1)[:, 0]
        accepted = (agreeing >= self._required_pairs(measured)) & (score > 0)
        return torch.where(accepted[:, None], best_points, torch.nan)

    def _required_pairs(self, measured: Tensor) -> Tensor:
        """Return how many pairs must agree, shape (frames,).

        This is a share of the measured pairs, and more pairs than a hypothesis always fits.
        """
        pairs = measured.isfinite().any(dim=-1).sum(dim=-1)
        return (self.options.accept * pairs).ceil().clamp_min(self.unknowns + 2)

    def _hypotheses(self, measured: Tensor) -> Tensor:
        """Solve all minimal problems, shape (frames, 2 * hypotheses, 3); NaN if unsolvable.

        Let the reference microphone be the origin, d the distance of the source s to it, m another
        microphone and z its range difference. Squaring ``|s - m| = d + z`` gives
        ``2 m.s = |m|^2 - z^2 - 2 d z``, which is linear in s. Its solution is ``s = p + d q``, and
        ``|s| = d`` is a quadratic equation in d.
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

    def _range_differences(self, points: Tensor) -> Tensor:
        """Return the range differences of points, shape (..., points, pairs)."""
        path: Tensor = (points[:, :, None] - self.microphones.to(points.dtype)).norm(dim=-1)
        return path[..., self.first] - path[..., self.second]

    def _residuals(self, points: Tensor, measured: Tensor) -> tuple[Tensor, Tensor]:
        """Return the residual of the nearest candidate per pair, and whether it is an inlier.

        Both have shape (frames, points, pairs). A pair counts once, even if several of its
        candidates agree.
        """
        difference = self._range_differences(points)
        nearest = torch.full_like(difference, torch.inf)
        for candidate in measured.unbind(-1):
            error = difference - candidate[:, None]
            nearest = torch.where(error.abs() < nearest.abs(), error, nearest)
        return nearest, nearest.abs() < self.options.threshold

    def _score(self, points: Tensor, measured: Tensor, weights: Tensor) -> Tensor:
        """Return the score of points, shape (frames, points); 0 outside the region.

        Each pair contributes 1 - (residual / threshold)^2, or 0 if that is negative, multiplied
        by the weight of the candidate; the candidate with the largest contribution counts.
        """
        difference = self._range_differences(points)
        best = torch.zeros_like(difference)
        for candidate, weight in zip(measured.unbind(-1), weights.unbind(-1), strict=True):
            # A missing candidate gets an infinite residual.
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
        # Far from the solution the linear model is inaccurate; limiting the step to half a metre
        # per coordinate keeps it in the basin of attraction.
        moved[..., : self.unknowns] -= step.clamp(-0.5, 0.5)
        return moved


def _check_count(channels: int, flat: bool) -> None:
    needed = 4 if flat else 5
    if channels < needed:
        raise GeometryError(
            f"{channels} microphones",
            where="multilateration",
            expected=f"at least {needed} at {'known' if flat else 'unknown'} height",
            hint="add microphones: with fewer, several positions explain the same delays",
        )
