"""Maps with a peak at each source: tight grid and heat map (Le Moing et al. 2019, II-B)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sslbench_grid2d.representations.base import (
    PITCH,
    Options,
    Representation,
    checked_positions,
    published_map,
    room_cells,
)
from sslbench_grid2d.representations.peaks import (
    centroid,
    greedy_peaks,
    grid_indices,
    local_maxima,
    smooth,
)

__all__ = ["HeatMap", "TightGrid"]

INACTIVE = 0.01
"""Weight of inactive cells in the loss of the tight grid (section III-C)."""

SMOOTHING = 1.0
"""Standard deviation, in cells, of the smoothing of the improved tight grid.

The paper does not state it. This is the largest integer with which a single active cell still
exceeds the threshold of 0.1 of the paper: its value becomes 1 / (2 pi) = 0.159, and 0.04 with 2.
"""

SEPARATION = 1.0
"""Radius of the non-maximum suppression, in metres in a room of 6 m.

The paper does not state its neighbourhood. This is half of the smallest distance between two
sources in the paper. On maps of cells, the neighbourhood consists of the 8 adjacent cells.
"""

WINDOW = 10
"""Width, in points, of the window of the weighted mean (section II-C); 3 on maps of cells."""


class _Map(Representation):
    """One channel on the map of the paper or on cells that tile the room."""

    def __init__(self, options: Options) -> None:
        lattice = room_cells(options.cells) if options.cells else published_map()
        super().__init__(options, 1, lattice)
        self.radius = 1.5 if options.cells else SEPARATION / PITCH

    def _peaks(self, maps: Tensor, sources: int) -> tuple[Tensor, Tensor]:
        scores = local_maxima(maps).flatten(1)
        return greedy_peaks(scores, grid_indices(maps), sources, self.radius)


class TightGrid(_Map):
    """The activity of each cell, with a weighted binary cross-entropy loss (eq. 2).

    The baseline decoder of the paper returns every active cell. Here the number of estimates is
    limited by the largest number of sources of the recording, so the baseline returns the highest
    cells. Several of them may belong to the same source.

    Args:
        options: `cells`, `decoder` and `threshold` are used.
    """

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.improved = options.decoder == "improved"
        self.threshold = options.threshold or (0.1 if self.improved else 0.6)

    def target(self, positions: Tensor, room: Tensor) -> Tensor:
        """Return 1 in the cell of each source, (batch, 1, size, size).

        Raises:
            FormatError: if a position is outside its room.
        """
        positions, active = checked_positions(positions, room)
        cell = (self.lattice.index(positions, room) + 0.5).floor().long()
        cell = cell.clamp(0, self.size - 1)
        flat = positions.new_zeros(len(positions), self.size**2)
        index = cell[..., 1] * self.size + cell[..., 0]
        flat = flat.scatter_reduce(1, index, active.to(flat.dtype), "amax")
        return flat.view(-1, 1, self.size, self.size)

    def _loss(self, output: Tensor, target: Tensor) -> Tensor:
        weight = INACTIVE + (1 - INACTIVE) * target
        entropy = functional.binary_cross_entropy_with_logits(
            output, target, weight, reduction="none"
        )
        return entropy.sum((1, 2, 3))

    def _decode(self, output: Tensor, room: Tensor, sources: int) -> tuple[Tensor, Tensor]:
        maps = self._likelihood(output)
        scores, indices = (
            self._improved(maps, sources) if self.improved else _highest(maps, sources)
        )
        return self.lattice.positions(indices, room), scores > self.threshold

    def _improved(self, maps: Tensor, sources: int) -> tuple[Tensor, Tensor]:
        cells = torch.arange(self.size, device=maps.device, dtype=maps.dtype)
        points = cells.expand(1, 2, -1)
        return self._peaks(smooth(maps, points, SMOOTHING**2, matched=False), sources)

    def _likelihood(self, output: Tensor) -> Tensor:
        return output[:, 0].sigmoid()


def _highest(maps: Tensor, sources: int) -> tuple[Tensor, Tensor]:
    """Return the scores and the indices of the highest cells."""
    flat = maps.flatten(1)
    scores, cells = flat.topk(min(sources, flat.shape[1]))
    return scores, grid_indices(maps)[cells]


class HeatMap(_Map):
    """The maximum of Gaussians at the sources, with a mean squared error loss (eq. 3 and 4).

    The output is the map itself, not a logit. On cells that tile the room, each Gaussian is scaled
    to a height of 1 at its highest cell. Otherwise a Gaussian narrower than a cell could fall
    between the centres, and the median target of Feng et al. (standard deviation 0.1 m, cells of
    1 m) would be zero everywhere. This is consistent with "normalized to [0, 1]" in the paper; on
    the map of the paper it would change values by 2.5 % at most.

    Args:
        options: `cells`, `variance` and `threshold` are used. The variance is in m^2 in rooms of
            any size.
    """

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.threshold = options.threshold or 0.6
        self.half_width = 1.5 if options.cells else WINDOW / 2

    def target(self, positions: Tensor, room: Tensor) -> Tensor:
        """Return the maximum of the Gaussians, (batch, 1, size, size), 0 without a source.

        Raises:
            FormatError: if a position is outside its room.
        """
        positions, active = checked_positions(positions, room)
        points = self.lattice.points(room)
        squared = (points[:, None] - positions[..., None]) ** 2
        if self.options.cells:
            squared = squared - squared.amin(-1, keepdim=True)
        # A Gaussian in the plane is the product of one Gaussian along each axis.
        x, y = torch.exp(-squared / (2 * self.options.variance)).unbind(-2)
        gaussians = y[..., :, None] * (x * active[..., None])[..., None, :]
        return gaussians.amax(1, keepdim=True)

    def _loss(self, output: Tensor, target: Tensor) -> Tensor:
        return ((output - target) ** 2).mean((1, 2, 3))

    def _decode(self, output: Tensor, room: Tensor, sources: int) -> tuple[Tensor, Tensor]:
        # The threshold applies to heights of the map, so the smoothing must preserve them.
        maps = smooth(
            output[:, 0].clamp(min=0),
            self.lattice.points(room),
            self.options.variance,
            matched=True,
        )
        scores, indices = self._peaks(maps, sources)
        indices = centroid(maps, indices, self.half_width)
        return self.lattice.positions(indices, room), scores > self.threshold

    def _likelihood(self, output: Tensor) -> Tensor:
        return output[:, 0].clamp(0, 1)
