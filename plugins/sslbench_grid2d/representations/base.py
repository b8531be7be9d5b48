"""The base class of all representations, their options, and the points of the room."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from sslbench.errors import FormatError
from sslbench.specs import Parameter
from sslbench_grid2d.parameters import CELLS, DECODER, THRESHOLD, VARIANCE

__all__ = [
    "PITCH",
    "Lattice",
    "Options",
    "Representation",
    "checked_positions",
    "published_map",
    "room_cells",
]

REFERENCE = 6.0
"""Side in metres of the room of Le Moing et al., to which `MARGIN` and `PITCH` refer."""

MARGIN = 1.0
"""Distance in metres by which the map of `tg` and `hm` extends beyond that room."""

PITCH = 0.1
"""Distance in metres between the points of that map."""

TOLERANCE = 1e-6
"""Distance in metres by which a source may lie outside the room because of rounding."""

SOURCES = Parameter("sources", 1, "largest number of simultaneous sources", minimum=1)


@dataclass(frozen=True)
class Options:
    """Options of a representation.

    Args:
        cells: grid resolution I, the number of cells along each side. 0 is the grid of the paper:
            6 cells for `rg`, `onehot` and `uld`, and the 81 x 81 points of `published_map` for
            `tg` and `hm`. With any other number, the maps of `tg` and `hm` consist of the centres
            of cells x cells cells without a margin, as in the comparison of Feng et al.
        sources: largest number of simultaneous sources.
        variance: variance of the Gaussians of `hm` in m^2. Le Moing et al. use 0.1; Feng et al.
            state a standard deviation of 0.1 m, which is a variance of 0.01.
        decoder: decoder of `tg`: ``baseline`` takes the highest cells, ``improved`` smooths the
            map and applies non-maximum suppression first.
        threshold: score that an estimate must exceed; 0 is the threshold of the paper (0.6, and
            0.1 for `tg` with the improved decoder).

    Raises:
        ParameterError: if an option is out of bounds.
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
    """Evenly spaced points along each side of a room, as fractions of the side.

    Args:
        size: number of points along each side.
        first: position of the first point.
        step: distance between neighbouring points.
    """

    size: int
    first: float
    step: float

    def points(self, room: Tensor) -> Tensor:
        """Return the points in metres along x and y, shape (batch, 2, size)."""
        index = torch.arange(self.size, device=room.device, dtype=room.dtype)
        return room[..., None] * (self.first + self.step * index)

    def index(self, positions: Tensor, room: Tensor) -> Tensor:
        """Return the real-valued indices of positions in metres, (..., S, 2), along x and y."""
        return (positions / room[..., None, :] - self.first) / self.step

    def positions(self, index: Tensor, room: Tensor) -> Tensor:
        """Return the positions in metres of real-valued indices, (..., S, 2)."""
        return (self.first + self.step * index) * room[..., None, :]


def room_cells(cells: int) -> Lattice:
    """Return the centres of cells that tile the room, 6 along each side if `cells` is 0."""
    count = cells or 6
    return Lattice(count, 0.5 / count, 1 / count)


def published_map() -> Lattice:
    """Return the map of Le Moing et al.: 81 points from -1 to 7 m in a room of 6 m x 6 m.

    The paper uses no other room. In a room with side L, the same number of points covers
    [-L/6, L + L/6], so that the output of a network has the same size for all rooms.
    """
    intervals = round((REFERENCE + 2 * MARGIN) / PITCH)
    step = (REFERENCE + 2 * MARGIN) / intervals / REFERENCE
    return Lattice(intervals + 1, -MARGIN / REFERENCE, step)


class Representation(ABC):
    """Conversion between positions and the output of a network.

    Positions have shape (batch, sources, 2): x and y in metres from a corner of the room, NaN
    where there is no source. Rooms have shape (batch, 2): the lengths of their sides in metres.
    An output has shape (batch, channels, size, size), with axis -2 along y and axis -1 along x.
    Outputs are raw: logits where the representation consists of probabilities.

    Args:
        options: options of the grid and its decoder.
        channels: number of channels of the network's output.
        lattice: points of the room that correspond to the last two axes of the output.
    """

    def __init__(self, options: Options, channels: int, lattice: Lattice) -> None:
        self.options = options
        self.channels = channels
        self.lattice = lattice
        self.size = lattice.size

    def loss(self, output: Tensor, positions: Tensor, room: Tensor) -> Tensor:
        """Return the loss of the paper, averaged over the batch, shape ().

        Raises:
            FormatError: if a shape is wrong or a position is outside its room.
        """
        with torch.autocast(output.device.type, enabled=False):
            output = self._checked(output)
            _check_labels(positions, room, len(output))
            positions, room = positions.to(output), room.to(output)
            return self._loss(output, self.target(positions, room)).mean()

    def decode(self, output: Tensor, room: Tensor, sources: int) -> Tensor:
        """Return positions in metres, (batch, sources, 2), NaN where no source is detected.

        The positions are sorted from the highest to the lowest score.

        Raises:
            FormatError: if the output has a wrong shape.
        """
        with torch.no_grad(), torch.autocast(output.device.type, enabled=False):
            output = self._checked(output)
            positions, detected = self._decode(output, room.to(output), sources)
            positions = positions.masked_fill(~detected[..., None], torch.nan)
            return _resized(positions, sources)

    def likelihood(self, output: Tensor) -> Tensor:
        """Return the likelihood of a source at each point, 0 to 1, (batch, size, size).

        Raises:
            FormatError: if the output has a wrong shape.
        """
        with torch.no_grad():
            return self._likelihood(self._checked(output))

    @abstractmethod
    def target(self, positions: Tensor, room: Tensor) -> Tensor:
        """Return the ideal output for positions, in the shape of an output.

        Where an output consists of logits, the target consists of probabilities.

        Raises:
            FormatError: if a position is outside its room.
        """

    @abstractmethod
    def _loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each item, shape (batch,)."""

    @abstractmethod
    def _decode(self, output: Tensor, room: Tensor, sources: int) -> tuple[Tensor, Tensor]:
        """Return positions, (batch, S, 2) with any S, and which are detected, (batch, S)."""

    @abstractmethod
    def _likelihood(self, output: Tensor) -> Tensor:
        """Return the likelihood map of a checked output."""

    def _checked(self, output: Tensor) -> Tensor:
        expected = (self.channels, self.size, self.size)
        if output.shape[1:] != expected:
            raise FormatError(
                f"the output of the network has shape {tuple(output.shape)}",
                where=type(self).__name__,
                expected=f"(batch, {', '.join(map(str, expected))})",
                hint="build the network with the channels and the size of its representation",
            )
        # Sums over thousands of cells are too inaccurate in half precision.
        half_precision = output.dtype in {torch.float16, torch.bfloat16}
        return output.float() if half_precision else output


def checked_positions(positions: Tensor, room: Tensor) -> tuple[Tensor, Tensor]:
    """Return positions within the room, without NaN, and which of them are sources.

    Positions outside the room by no more than the rounding tolerance are moved onto the wall.

    Args:
        positions: in metres, shape (batch, S, 2), NaN rows where there is no source.
        room: sides in metres, shape (batch, 2).

    Returns:
        Positions in metres, shape (batch, S, 2), and flags, shape (batch, S).

    Raises:
        FormatError: if a position is more than 1e-6 m outside the room, or NaN in one coordinate.
    """
    sides = room[:, None, :]
    absent = positions.isnan().all(-1)
    inside = ((positions >= -TOLERANCE) & (positions <= sides + TOLERANCE)).all(-1)
    # A single check for the whole batch: each check synchronizes with the GPU.
    if not bool((absent | inside).all()):
        raise _outside(positions, room, ~(absent | inside))
    filled = torch.where(absent[..., None], 0 * sides, positions)
    return torch.minimum(filled.clamp(min=0), sides), ~absent


def _check_labels(positions: Tensor, room: Tensor, batch: int) -> None:
    # Without this check, tensors of one item would be broadcast over the batch.
    shapes = (positions.ndim, len(positions), positions.shape[-1], *room.shape)
    if shapes != (3, batch, 2, batch, 2):
        raise FormatError(
            f"positions have shape {tuple(positions.shape)}, rooms {tuple(room.shape)}",
            where=f"labels of a batch of {batch}",
            expected=f"({batch}, sources, 2) and ({batch}, 2)",
            hint="pass one item per item of the output",
        )


def _outside(positions: Tensor, room: Tensor, wrong: Tensor) -> FormatError:
    item, source = (int(i) for i in wrong.nonzero()[0])
    x, y = positions[item, source].tolist()
    width, depth = room[item].tolist()
    return FormatError(
        f"position ({x:g}, {y:g}) m is outside the room of {width:g} x {depth:g} m",
        where=f"item {item} of the batch, source {source}",
        expected="coordinates from 0 to the side of the room, or two NaN for no source",
        hint="pass positions in metres relative to the corner of the room",
    )


def _resized(positions: Tensor, sources: int) -> Tensor:
    """Cut or pad with NaN to the number of sources, (batch, sources, 2)."""
    missing = max(0, sources - positions.shape[1])
    return functional.pad(positions[:, :sources], (0, 0, 0, missing), value=torch.nan)
