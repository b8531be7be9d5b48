"""Coarse cells with the position of the source within each (Le Moing et al. 2019, II-B)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sslbench_grid2d.representations.base import (
    Options,
    Representation,
    checked_positions,
    room_cells,
)
from sslbench_grid2d.representations.peaks import greedy_peaks, grid_indices

__all__ = ["RefinedGrid"]

INACTIVE = 0.25
"""Weight of inactive cells in the loss (section III-C)."""

OFFSET = 10.0
"""Weight in the loss of the squared error of the position in active cells (section III-C)."""


class RefinedGrid(Representation):
    """Three channels: the activity of a cell, and the x and y position in it from 0 to 1 (eq. 5).

    If two sources are in one cell, the first one is represented. The paper suppresses cells that
    are adjacent to a more likely cell, because a source near an edge activates both. Two sources
    at a distance of 2 m can be in cells that touch at a corner, so here a cell is suppressed only
    if the two estimates are closer than the side of a cell.

    Args:
        options: `cells` and `threshold` are used.
    """

    def __init__(self, options: Options) -> None:
        super().__init__(options, 3, room_cells(options.cells))
        self.threshold = options.threshold or 0.6

    def target(self, positions: Tensor, room: Tensor) -> Tensor:
        """Return activity and position, (batch, 3, size, size), 0 in cells without a source.

        Raises:
            FormatError: if a position is outside its room.
        """
        positions, active = checked_positions(positions, room)
        # Relative to the corners of the cells; their centres are the points of the lattice.
        index = self.lattice.index(positions, room) + 0.5
        cell = index.floor().clamp(0, self.size - 1)
        occupied = _first(self._occupied(cell) & active[..., None, None])
        values = torch.cat([torch.ones_like(index[..., :1]), index - cell], -1)
        return (occupied[:, :, None] * values[..., None, None]).sum(1)

    def _occupied(self, cell: Tensor) -> Tensor:
        """Return whether each source is in each cell, (batch, sources, size, size)."""
        cells = torch.arange(self.size, device=cell.device)
        x, y = (cell[..., None] == cells).unbind(-2)
        return y[..., :, None] & x[..., None, :]

    def _loss(self, output: Tensor, target: Tensor) -> Tensor:
        active = target[:, :1]
        weight = INACTIVE + (1 - INACTIVE) * active
        entropy = functional.binary_cross_entropy_with_logits(
            output[:, :1], active, weight, reduction="none"
        )
        squared = active * (output[:, 1:].sigmoid() - target[:, 1:]) ** 2
        return entropy.sum((1, 2, 3)) + OFFSET * squared.sum((1, 2, 3))

    def _decode(self, output: Tensor, room: Tensor, sources: int) -> tuple[Tensor, Tensor]:
        likelihood, x, y = output.sigmoid().flatten(2).unbind(1)
        indices = grid_indices(output) + torch.stack([x, y], -1) - 0.5
        scores, indices = greedy_peaks(likelihood, indices, sources, 1.0)
        return self.lattice.positions(indices, room), scores > self.threshold

    def _likelihood(self, output: Tensor) -> Tensor:
        return output[:, 0].sigmoid()


def _first(occupied: Tensor) -> Tensor:
    """Keep only the first source of each cell, (batch, sources, size, size)."""
    return occupied & (occupied.cumsum(1) == 1)
