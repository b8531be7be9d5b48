"""Peak picking in maps: Gaussian smoothing, non-maximum suppression, weighted centroids."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["centroid", "greedy_peaks", "grid_indices", "local_maxima", "smooth"]

RECENTRINGS = 20
"""How often the window of `centroid` is moved onto its centroid.

The largest error on ideal heat maps of one source is 45 mm with a fixed window, 0.8 mm after 10
moves, 0.5 mm after 20 and 0.4 mm after 200.
"""


def smooth(maps: Tensor, points: Tensor, variance: float, *, matched: bool) -> Tensor:
    """Convolve maps with a Gaussian.

    Args:
        maps: shape (batch, size, size), axis -2 along y.
        points: evenly spaced coordinates of the cells along x and y, (batch or 1, 2, size).
        variance: variance of the Gaussian, in the squared unit of the points.
        matched: whether the weights are scaled such that a Gaussian of this variance and height 1,
            centred on a cell, keeps its height there. Otherwise the weights sum to 1. Both also
            hold at the borders.

    Returns:
        Smoothed maps, shape (batch, size, size).
    """
    kernel = torch.exp(-((points[..., :, None] - points[..., None, :]) ** 2) / (2 * variance))
    kernel = kernel / kernel.pow(2 if matched else 1).sum(-1, keepdim=True)
    return kernel[:, 1] @ maps @ kernel[:, 0].mT


def local_maxima(maps: Tensor) -> Tensor:
    """Replace values by -inf where one of the 8 neighbours is higher, (batch, size, size)."""
    highest = functional.max_pool2d(maps[:, None], 3, stride=1, padding=1)[:, 0]
    return maps.masked_fill(maps < highest, -torch.inf)


def grid_indices(maps: Tensor) -> Tensor:
    """Return the indices of all cells along x and y, shape (size * size, 2), as floats."""
    along_y, along_x = (torch.arange(n, device=maps.device) for n in maps.shape[-2:])
    y, x = torch.meshgrid(along_y, along_x, indexing="ij")
    return torch.stack([x, y], -1).reshape(-1, 2).to(maps.dtype)


def greedy_peaks(
    scores: Tensor, points: Tensor, count: int, radius: float
) -> tuple[Tensor, Tensor]:
    """Select the highest candidate repeatedly, removing all candidates close to it each time.

    Args:
        scores: scores of the candidates, shape (batch, candidates).
        points: coordinates of the candidates, shape (batch, candidates, 2) or (candidates, 2).
        count: number of candidates to select.
        radius: candidates closer than this to a selected one are removed.

    Returns:
        Scores, (batch, count), -inf where no candidate was left, and coordinates,
        (batch, count, 2).
    """
    scores = scores.clone()
    points = points.expand(*scores.shape, 2)
    batch = torch.arange(len(scores), device=scores.device)
    taken_scores, taken_points = [], []
    for _ in range(count):
        best = scores.argmax(1)
        point = points[batch, best]
        taken_scores.append(scores[batch, best])
        taken_points.append(point)
        close = ((points - point[:, None]) ** 2).sum(-1) < radius**2
        scores = scores.masked_fill(close, -torch.inf)
    return torch.stack(taken_scores, 1), torch.stack(taken_points, 1)


def centroid(maps: Tensor, indices: Tensor, half_width: float) -> Tensor:
    """Return the weighted mean index of the cells in a square window around each peak.

    The window is 2 x `half_width` cells wide; cells at its border count by the fraction that lies
    within it. A fixed window around a cell, an even number of cells wide, biases the mean towards
    that cell, so the window is moved onto its centroid repeatedly. For a symmetric peak it
    converges to the centre of the peak.

    Args:
        maps: non-negative, shape (batch, size, size), axis -2 along y.
        indices: indices of the peaks along x and y, shape (batch, peaks, 2).
        half_width: half of the width of the window in cells.

    Returns:
        Indices along x and y, (batch, peaks, 2), NaN where the sum of the window is 0.
    """
    cells = torch.arange(maps.shape[-1], device=maps.device, dtype=maps.dtype)
    centre = indices
    for _ in range(RECENTRINGS):
        apart = (cells - centre[..., None]).abs()
        window = (half_width + 0.5 - apart).clamp(0, 1)
        x, y = window.unbind(-2)
        along_x, along_y = x * (y @ maps), y * (x @ maps.mT)
        total = along_x.sum(-1)
        centre = torch.stack([along_x @ cells, along_y @ cells], -1) / total[..., None]
    return centre
