"""Matrices that pool a fine map onto the points of a coarser map, along one axis.

They are applied along y and along x. Unlike the interpolation functions of torch, matrix products
have deterministic gradients on a GPU.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["bumps", "cell_centres", "hats", "overlaps", "pool", "resample"]


def cell_centres(cells: int) -> Tensor:
    """Return the centres of cells that tile a side, as fractions of it, shape (cells,)."""
    return (torch.arange(cells) + 0.5) / cells


def overlaps(points: Tensor, step: float, cells: int) -> Tensor:
    """Return the fraction of each fine cell that lies within half a step of each point.

    Args:
        points: positions along a side, as fractions of it, shape (points,).
        step: distance between points, as a fraction of the side.
        cells: number of cells of the fine map along the side.

    Returns:
        Shape (points, cells). If the points tile the side, each column sums to 1.
    """
    edges = torch.arange(cells + 1, dtype=points.dtype) / cells
    high = torch.minimum(points[:, None] + step / 2, edges[1:])
    low = torch.maximum(points[:, None] - step / 2, edges[:-1])
    return (high - low).clamp_min(0) * cells


def hats(points: Tensor, step: float, cells: int) -> Tensor:
    """Return linear interpolation weights of fine cells between points, (points, cells)."""
    return (1 - (cell_centres(cells) - points[:, None]).abs() / step).clamp_min(0)


def bumps(points: Tensor, sides: Tensor, variance: float, cells: int) -> Tensor:
    """Return Gaussians of height 1 around points.

    Args:
        points: positions along a side, as fractions of it, shape (points,).
        sides: lengths of the sides in metres, shape (batch,).
        variance: in m².
        cells: number of cells of the fine map along the side.

    Returns:
        Shape (batch, points, cells).
    """
    distance = cell_centres(cells).to(points) - points[:, None]
    return torch.exp(-((distance * sides[:, None, None]) ** 2) / (2 * variance))


def pool(maps: Tensor, along_y: Tensor, along_x: Tensor) -> Tensor:
    """Multiply maps by one matrix along each axis.

    Args:
        maps: shape (batch, channels, cells, cells).
        along_y: shape (points, cells) or (batch, points, cells).
        along_x: of the same shapes.

    Returns:
        Shape (batch, channels, points, points).
    """
    along_y, along_x = (each if each.ndim == 2 else each[:, None] for each in (along_y, along_x))
    return along_y @ maps @ along_x.mT


def resample(maps: Tensor, size: int) -> Tensor:
    """Resample maps, shape (batch, channels, cells, cells), to another size by area means."""
    weights = overlaps(cell_centres(size), 1 / size, maps.shape[-1]).to(maps)
    weights = weights / weights.sum(dim=1, keepdim=True)
    return pool(maps, weights, weights)
