"""What all representations share: their options, the points of the room, and the checks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from sslbench.errors import FormatError
from sslbench.specs import Parameter
from sslbench_grid2d.parameters import CELLS, DECODER, THRESHOLD, VARIANCE

__all__ = ["PITCH", "Lattice", "Options", "Representation", "own_map", "room_cells"]

REFERENCE = 6.0
"""Side in metres of the room of Le Moing et al., in which margin and pitch are given."""

MARGIN = 1.0
"""Metres of the map of `tg` and `hm` beyond that room."""

PITCH = 0.1
"""Metres between the points of that map."""

TOLERANCE = 1e-6
"""Metres by which rounding may put a source outside the room."""

SOURCES = Parameter("sources", 1, "most sources at once", minimum=1)


@dataclass(frozen=True)
class Options:
    """What can be chosen about a representation.

    Args:
        cells: grid resolution I, cells along a side. 0 is the paper's own grid: 6 cells for
            `rg`, `onehot` and `uld`, and for `tg` and `hm` the map of 81 x 81 points of `own_map`.
            Any other number makes `tg` and `hm` maps of cells x cells cell centres without
            margin, which is how Feng et al. compare them.
        sources: most sources at once.
        variance: of the bump of `hm` in m^2; Le Moing et al. have 0.1, and Feng et al. say a
            standard deviation of 0.1 m, which is 0.01.
        decoder: of `tg`: ``baseline`` takes the highest cells, ``improved`` smooths first and
            suppresses what is not highest in its neighbourhood.
        threshold: an answer must exceed it; 0 is the paper's (0.6, and 0.1 for improved `tg`).

    Raises:
        ParameterError: if one is out of bounds.
    """

    cells: int = 0
    sources: int = 1
    variance: float = 0.1
    decoder: str = "improved"
    threshold: float = 0.0

    def __post_init__(self) -> None:
        for parameter in (CELLS, SOURCES, VARIANCE, DECODER, THRESHOLD):
            parameter.check(getattr(self, parameter.name))


@dataclass(frozen=True)
class Lattice:
    """Evenly spaced points along each side of a room, as shares of the side.

    Args:
        size: points along a side.
        first: place of the first one.
        step: from each to the next.
    """

    size: int
    first: float
    step: float

    def points(self, room: Tensor) -> Tensor:
        """Return the points in metres along x and y, shape (batch, 2, size)."""
        index = torch.arange(self.size, device=room.device, dtype=room.dtype)
        return room[..., None] * (self.first + self.step * index)

    def index(self, positions: Tensor, room: Tensor) -> Tensor:
        """Return the real-valued index of positions, (..., S, 2), along x and y."""
        return (positions / room[..., None, :] - self.first) / self.step

    def place(self, index: Tensor, room: Tensor) -> Tensor:
        """Return the positions in metres of real-valued indices, (..., S, 2)."""
        return (self.first + self.step * index) * room[..., None, :]


def room_cells(cells: int) -> Lattice:
    """Return the centres of cells that tile the room, 6 along a side where `cells` is 0."""
    count = cells or 6
    return Lattice(count, 0.5 / count, 1 / count)


def own_map() -> Lattice:
    """Return the map of Le Moing et al.: 81 points from -1 to 7 m in a room of 6 m a side.

    The paper knows no other room. In one of side L the same points are spread over
    [-L/6, L + L/6], so that a network's output has one size.
    """
    intervals = round((REFERENCE + 2 * MARGIN) / PITCH)
    step = (REFERENCE + 2 * MARGIN) / intervals / REFERENCE
    return Lattice(intervals + 1, -MARGIN / REFERENCE, step)


class Representation(ABC):
    """Positions as what a network puts out, and back.

    Positions have shape (batch, sources, 2), x and y in metres from a corner of the room, with
    NaN where there is no source; rooms have shape (batch, 2), their sides in metres. An output
    has shape (batch, channels, size, size), axis -2 along y and -1 along x, and is raw: a logit
    wherever a probability is meant.

    Args:
        options: of the grid and its decoder.
        channels: of the network's output.
        lattice: the points of the room that the output's last two axes stand for.
    """

    def __init__(self, options: Options, channels: int, lattice: Lattice) -> None:
        self.options = options
        self.channels = channels
        self.lattice = lattice
        self.size = lattice.size

    def loss(self, output: Tensor, positions: Tensor, room: Tensor) -> Tensor:
        """Return the paper's loss, shape (), the mean over the batch.

        Raises:
            FormatError: if a shape is another, or a position is outside its room.
        """
        with torch.autocast(output.device.type, enabled=False):
            output = self._checked(output)
            _check_labels(positions, room, len(output))
            positions, room = positions.to(output), room.to(output)
            return self._loss(output, self.target(positions, room)).mean()

    def decode(self, output: Tensor, room: Tensor, sources: int) -> Tensor:
        """Return positions in metres, (batch, sources, 2), surest first, NaN for no claim.

        Raises:
            FormatError: if the output has another shape.
        """
        with torch.no_grad(), torch.autocast(output.device.type, enabled=False):
            output = self._checked(output)
            positions, claimed = self._decode(output, room.to(output), sources)
            positions = positions.masked_fill(~claimed[..., None], torch.nan)
            return _resized(positions, sources)

    def likelihood(self, output: Tensor) -> Tensor:
        """Return how likely a source is at each point, in [0, 1], (batch, size, size).

        Raises:
            FormatError: if the output has another shape.
        """
        with torch.no_grad():
            return self._likelihood(self._checked(output))

    @abstractmethod
    def target(self, positions: Tensor, room: Tensor) -> Tensor:
        """Return what a perfect network would put out, as probabilities or maps.

        The shape is that of an output. Where `loss` takes logits, these are the probabilities.

        Raises:
            FormatError: if a position is outside its room.
        """

    @abstractmethod
    def _loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each item, shape (batch,)."""

    @abstractmethod
    def _decode(self, output: Tensor, room: Tensor, sources: int) -> tuple[Tensor, Tensor]:
        """Return positions, (batch, S, 2) with any S, and which are claimed, (batch, S)."""

    @abstractmethod
    def _likelihood(self, output: Tensor) -> Tensor:
        """Return what `likelihood` does."""

    def _checked(self, output: Tensor) -> Tensor:
        expected = (self.channels, self.size, self.size)
        if output.shape[1:] != expected:
            raise FormatError(
                f"an output of shape {tuple(output.shape)}",
                where=type(self).__name__,
                expected=f"(batch, {', '.join(map(str, expected))})",
                hint="give the network the channels and the size of its representation",
            )
        # Sums over thousands of cells lose too much in half precision.
        half = output.dtype in {torch.float16, torch.bfloat16}
        return output.float() if half else output


def present(positions: Tensor, room: Tensor) -> tuple[Tensor, Tensor]:
    """Return positions without NaN, moved onto the wall by rounding, and which are sources.

    Args:
        positions: in metres, shape (batch, S, 2), NaN rows where there is no source.
        room: sides in metres, shape (batch, 2).

    Returns:
        Positions of shape (batch, S, 2), and flags of shape (batch, S).

    Raises:
        FormatError: if a position is more than 1e-6 m outside the room, or NaN in one coordinate.
    """
    sides = room[:, None, :]
    absent = positions.isnan().all(-1)
    inside = ((positions >= -TOLERANCE) & (positions <= sides + TOLERANCE)).all(-1)
    # One look for the whole batch, since each waits for the accelerator.
    if not bool((absent | inside).all()):
        raise _outside(positions, room, ~(absent | inside))
    filled = torch.where(absent[..., None], 0 * sides, positions)
    return torch.minimum(filled.clamp(min=0), sides), ~absent


def _check_labels(positions: Tensor, room: Tensor, batch: int) -> None:
    # Tensors of one item would be spread over the batch in silence.
    shapes = (positions.ndim, len(positions), positions.shape[-1], *room.shape)
    if shapes != (3, batch, 2, batch, 2):
        raise FormatError(
            f"positions of shape {tuple(positions.shape)}, rooms of {tuple(room.shape)}",
            where=f"labels of a batch of {batch}",
            expected=f"({batch}, sources, 2) and ({batch}, 2)",
            hint="give as many items as the output has",
        )


def _outside(positions: Tensor, room: Tensor, wrong: Tensor) -> FormatError:
    item, source = (int(i) for i in wrong.nonzero()[0])
    x, y = positions[item, source].tolist()
    width, depth = room[item].tolist()
    return FormatError(
        f"position ({x:g}, {y:g}) m is outside the room of {width:g} x {depth:g} m",
        where=f"item {item} of the batch, source {source}",
        expected="both coordinates from 0 to the side of the room, or NaN for no source",
        hint="give positions from the corner of the room, in metres",
    )


def _resized(positions: Tensor, sources: int) -> Tensor:
    missing = max(0, sources - positions.shape[1])
    return functional.pad(positions[:, :sources], (0, 0, 0, missing), value=torch.nan)
