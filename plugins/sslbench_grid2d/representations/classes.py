"""Probabilities over classes, one map a source: one-hot and ULD (Feng et al. 2025).

With several sources the maps have no order, so training is permutation invariant (Yu et al. 2017):
the loss is that of the best assignment of maps to sources. Every map is an answer, always.
"""

from __future__ import annotations

from abc import abstractmethod
from itertools import permutations

import torch
from torch import Tensor
from torch.nn import functional

from sslbench.errors import FormatError, ParameterError
from sslbench_grid2d.representations.base import (
    Lattice,
    Options,
    Representation,
    present,
    room_cells,
)

__all__ = ["OneHot", "UnbiasedLabels"]

MOST_SOURCES = 3
"""Beyond it, the assignments to try in each step of training are too many."""


class _Classes(Representation):
    """A softmax over the points of the room for each source, by cross entropy."""

    def __init__(self, options: Options, lattice: Lattice) -> None:
        if options.sources > MOST_SOURCES:
            raise ParameterError(
                f"parameter sources={options.sources} is not allowed",
                where=type(self).__name__,
                expected=f"a number from 1 to {MOST_SOURCES}",
                hint="tg, hm and rg represent any number of sources",
            )
        super().__init__(options, options.sources, lattice)

    @abstractmethod
    def _along(self, index: Tensor) -> Tensor:
        """Return the label along an axis at a real-valued index, (...) to (..., size)."""

    @abstractmethod
    def _refined(self, maps: Tensor) -> Tensor:
        """Return real-valued indices along x and y of probabilities, (..., size, size)."""

    def target(self, positions: Tensor, room: Tensor) -> Tensor:
        """Return probabilities in the order of the sources, (batch, channels, size, size).

        Maps beyond the sources that there are are zero.

        Raises:
            FormatError: if a position is outside its room, or there are more than `channels`.
        """
        positions, active = self._fitted(*present(positions, room))
        x, y = self._along(self.lattice.index(positions, room)).unbind(-2)
        return y[..., :, None] * x[..., None, :] * active[..., None, None]

    def _fitted(self, positions: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
        order = active.logical_not().to(torch.uint8).argsort(dim=1, stable=True)
        active = active.gather(1, order)
        if bool(active[:, self.channels :].any()):
            raise FormatError(
                f"{int(active.sum(1).max())} sources at once",
                where=type(self).__name__,
                expected=f"at most {self.channels}",
                hint="raise the parameter `sources`",
            )
        positions = positions.gather(1, order[..., None].expand_as(positions))
        missing = max(0, self.channels - positions.shape[1])
        positions = functional.pad(positions[:, : self.channels], (0, 0, 0, missing))
        return positions, functional.pad(active[:, : self.channels], (0, missing))

    def _loss(self, output: Tensor, target: Tensor) -> Tensor:
        logs = output.flatten(2).log_softmax(-1)
        # A map of zeros stands for no source, and costs nothing wherever it is assigned.
        costs = -(logs[:, :, None] * target.flatten(2)[:, None]).sum(-1)
        orders = torch.tensor(list(permutations(range(self.channels))), device=output.device)
        maps = torch.arange(self.channels, device=output.device)
        return costs[:, maps, orders].sum(-1).amin(-1)

    def _decode(self, output: Tensor, room: Tensor, sources: int) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        maps = self._probabilities(output)
        positions = self.lattice.place(self._refined(maps), room)
        order = maps.amax((-2, -1)).argsort(dim=1, descending=True, stable=True)
        positions = positions.gather(1, order[..., None].expand_as(positions))
        return positions, torch.ones_like(order, dtype=torch.bool)

    def _likelihood(self, output: Tensor) -> Tensor:
        return self._probabilities(output).amax(1)

    @staticmethod
    def _probabilities(output: Tensor) -> Tensor:
        return output.flatten(2).softmax(-1).reshape(output.shape)


class OneHot(_Classes):
    """The cell of the source; the answer is the centre of the likeliest cell (section 3.2).

    The error cannot be less than that of the cells, on average 0.3826 of the side of square ones.

    Args:
        options: `cells` and `sources` matter.
    """

    def __init__(self, options: Options) -> None:
        super().__init__(options, room_cells(options.cells))

    def _along(self, index: Tensor) -> Tensor:
        cell = (index + 0.5).floor().clamp(0, self.size - 1)
        return (cell[..., None] == torch.arange(self.size, device=index.device)).to(index.dtype)

    def _refined(self, maps: Tensor) -> Tensor:
        best = maps.flatten(-2).argmax(-1)
        return torch.stack([best % self.size, best // self.size], -1).to(maps.dtype)


class UnbiasedLabels(_Classes):
    """The nodes around the source, weighted so that their mean is its position (eq. 1 to 5).

    There are cells + 1 nodes along a side, the first and the last on the walls. The answer is the
    mean of the likeliest node of each axis and its two neighbours by their marginal
    probabilities, from which the position comes back without loss.

    Args:
        options: `cells` and `sources` matter.
    """

    def __init__(self, options: Options) -> None:
        cells = options.cells or 6
        super().__init__(options, Lattice(cells + 1, 0.0, 1 / cells))

    def _along(self, index: Tensor) -> Tensor:
        nodes = torch.arange(self.size, device=index.device, dtype=index.dtype)
        # Eq. 1 as one expression, which needs no node beyond the wall for a source on it.
        return (1 - (index[..., None] - nodes).abs()).clamp(min=0)

    def _refined(self, maps: Tensor) -> Tensor:
        return torch.stack([_weighted_adjacent(maps.sum(-2)), _weighted_adjacent(maps.sum(-1))], -1)


def _weighted_adjacent(marginal: Tensor) -> Tensor:
    """Return the mean index of the highest entry and its neighbours, (..., size) to (...)."""
    peak = marginal.argmax(-1, keepdim=True)
    # What is beyond the ends counts as 0, as the paper says after eq. 5.
    padded = functional.pad(marginal, (1, 1))
    left, middle, right = (padded.gather(-1, peak + shift) for shift in range(3))
    return (peak + (right - left) / (left + middle + right))[..., 0]
