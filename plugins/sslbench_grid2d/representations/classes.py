"""Class probabilities with one map per source: one-hot and ULD (Feng et al. 2025).

With several sources the maps have no order, so training is permutation invariant (Yu et al. 2017):
the loss is that of the best assignment of maps to sources. Every map always gives an estimate.
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
    checked_positions,
    room_cells,
)

__all__ = ["OneHot", "UnbiasedLabels"]

MOST_SOURCES = 3
"""Largest number of sources: all assignments are evaluated in each training step."""


class _Classes(Representation):
    """A softmax over the points of the room per source, with a cross-entropy loss."""

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
        """Return the labels along one axis for real-valued indices, (...) to (..., size)."""

    @abstractmethod
    def _refined(self, maps: Tensor) -> Tensor:
        """Return the real-valued indices along x and y, (..., 2), of (..., size, size)."""

    def target(self, positions: Tensor, room: Tensor) -> Tensor:
        """Return one map of probabilities per source, (batch, channels, size, size).

        Maps without a source are zero.

        Raises:
            FormatError: if a position is outside its room or there are more sources than channels.
        """
        positions, active = self._in_channels(*checked_positions(positions, room))
        x, y = self._along(self.lattice.index(positions, room)).unbind(-2)
        return y[..., :, None] * x[..., None, :] * active[..., None, None]

    def _in_channels(self, positions: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
        """Move the sources to the front, then cut or pad to one position per channel."""
        order = active.logical_not().to(torch.uint8).argsort(dim=1, stable=True)
        active = active.gather(1, order)
        if bool(active[:, self.channels :].any()):
            raise FormatError(
                f"{int(active.sum(1).max())} simultaneous sources",
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
        # A target of zeros means no source; it has no cost, whichever map is assigned to it.
        costs = -(logs[:, :, None] * target.flatten(2)[:, None]).sum(-1)
        orders = torch.tensor(list(permutations(range(self.channels))), device=output.device)
        maps = torch.arange(self.channels, device=output.device)
        return costs[:, maps, orders].sum(-1).amin(-1)

    def _decode(self, output: Tensor, room: Tensor, sources: int) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        maps = self._probabilities(output)
        positions = self.lattice.positions(self._refined(maps), room)
        order = maps.amax((-2, -1)).argsort(dim=1, descending=True, stable=True)
        positions = positions.gather(1, order[..., None].expand_as(positions))
        return positions, torch.ones_like(order, dtype=torch.bool)

    def _likelihood(self, output: Tensor) -> Tensor:
        return self._probabilities(output).amax(1)

    @staticmethod
    def _probabilities(output: Tensor) -> Tensor:
        return output.flatten(2).softmax(-1).reshape(output.shape)


class OneHot(_Classes):
    """Classification of cells; the estimate is the centre of the most likely one (section 3.2).

    The quantization error is a lower bound. On average it is 0.3826 of the side of square cells.

    Args:
        options: `cells` and `sources` are used.
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
    """Unbiased label distribution: the mean of adjacent nodes is the position (eq. 1 to 5).

    There are cells + 1 nodes along each side; the first and the last are on the walls. Along each
    axis the estimate is the mean of the most likely node and its two neighbours, weighted by their
    marginal probabilities. For an ideal output it is exact.

    Args:
        options: `cells` and `sources` are used.
    """

    def __init__(self, options: Options) -> None:
        cells = options.cells or 6
        super().__init__(options, Lattice(cells + 1, 0.0, 1 / cells))

    def _along(self, index: Tensor) -> Tensor:
        nodes = torch.arange(self.size, device=index.device, dtype=index.dtype)
        # Eq. 1 as a single expression; it needs no node beyond the wall for a source on the wall.
        return (1 - (index[..., None] - nodes).abs()).clamp(min=0)

    def _refined(self, maps: Tensor) -> Tensor:
        return torch.stack([_weighted_adjacent(maps.sum(-2)), _weighted_adjacent(maps.sum(-1))], -1)


def _weighted_adjacent(marginal: Tensor) -> Tensor:
    """Return the mean index of the maximum and its neighbours, (..., size) to (...)."""
    peak = marginal.argmax(-1, keepdim=True)
    # Entries beyond the ends count as 0, as stated after eq. 5 of the paper.
    padded = functional.pad(marginal, (1, 1))
    left, middle, right = (padded.gather(-1, peak + shift) for shift in range(3))
    return (peak + (right - left) / (left + middle + right))[..., 0]
