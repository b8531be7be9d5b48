"""A network for any number of single microphones (nodes) anywhere in a room.

The network is ours. Feng et al. (2025) use the network of Gong et al. (2022), spatio-temporal
attention over nodes, which has no public code and is not described in enough detail. Both accept
any number of nodes in any order, with their positions as an input.

A single microphone does not determine a position, but pairs of them do. All pairs are correlated
and the correlation is laid over a fine map of the room, as steered response power does (DiBiase,
2000). A small convolutional network cleans the map, and the output of any representation is pooled
from it. The source is assumed to be in the plane of the nodes: a difference of 5 cm in height
changes distances above 0.3 m by at most 4 mm.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from sslbench.acoustics.gcc import ROBUST, largest_lag, mean_gcc_phat
from sslbench.errors import GeometryError
from sslbench.geometry import SPEED_OF_SOUND, microphone_pairs
from sslbench_grid2d.networks import NetworkConfig
from sslbench_grid2d.pooling import bumps, cell_centres, hats, overlaps, pool, resample

__all__ = ["CELLS", "SAMPLE_RATE", "AdhocNetwork", "steered_planes"]

SAMPLE_RATE = 16000
"""Of the audio in Hz; recordings are resampled to it."""

CELLS = 64
"""Cells per side of the fine map: 6 to 16 cm in rooms of 4 to 10 m."""

FRAME = 4096
"""Samples of the frames whose cross-spectra are averaged."""

WIDENED = 0.5
"""Samples of lag over which a maximum is taken, as a share of the side of a fine cell."""

CRITICAL = 1.0
"""Distance in metres beyond which the level of a source no longer falls.

Of 0.5, 1, 2 and 4 m, 1 m gave the smallest errors.
"""

PLANES = 3
FINE_MAPS = 4
POOLED = 5
FACTOR = 2
SMALLEST = 1e-4
VARIANCE = 0.1
"""Variance of the peaks of a heat map in square metres (Le Moing et al. 2019)."""


@torch.no_grad()
def steered_planes(
    audio: Tensor, microphones: Tensor, room: Tensor, speed_of_sound: float = SPEED_OF_SOUND
) -> Tensor:
    """Lay the correlation of all pairs of nodes over the room; nothing in it is learned.

    Three planes, each with mean 0 and variance 1 over the room: the mean over pairs of GCC-PHAT
    at the delays of each cell; of its square, each pair divided by its own highest peak; and how
    well the levels of the nodes agree with a source in the cell.

    Args:
        audio: shape (mics, samples), at 16 kHz.
        microphones: metres from the corner of the room, shape (mics, 3).
        room: its sides in metres along x and y, shape (2,).
        speed_of_sound: in m/s.

    Returns:
        Shape (3, 64, 64), axis -2 along y and axis -1 along x.

    Raises:
        GeometryError: if there are fewer than two microphones.
    """
    if len(audio) < 2:
        raise GeometryError(
            f"{len(audio)} microphone(s)", expected="at least two, which can be correlated"
        )
    distances = torch.cdist(microphones[:, :2], _centres() * room)
    per_metre = SAMPLE_RATE / speed_of_sound
    max_lag = largest_lag(microphones.numpy(), SAMPLE_RATE, speed_of_sound)
    reach = round(WIDENED * float(room.max()) / CELLS * per_metre)
    correlation = mean_gcc_phat(audio, FRAME, max_lag + reach, whitening=ROBUST).clamp_min(0)
    widened = functional.max_pool1d(correlation[None], 2 * reach + 1, 1)[0]
    first, second = (torch.from_numpy(each) for each in microphone_pairs(len(microphones)))
    lags = ((distances[first] - distances[second]) * per_metre).round().long()
    steered = widened.gather(1, (lags + max_lag).clamp(0, 2 * max_lag))
    highest = widened.amax(dim=1, keepdim=True).clamp_min(SMALLEST)
    agreement = _level_agreement(audio, distances)
    planes = torch.stack([steered.mean(0), (steered / highest).square().mean(0), agreement])
    deviation, mean = torch.std_mean(planes, dim=-1, keepdim=True)
    return ((planes - mean) / (deviation + SMALLEST)).reshape(PLANES, CELLS, CELLS)


def _centres() -> Tensor:
    """Return the centres of the fine cells as shares of the sides, shape (64 * 64, 2)."""
    centres = cell_centres(CELLS)
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    return torch.stack([x, y], -1).flatten(0, 1)


class AdhocNetwork(nn.Module):
    """Map the planes of a room to outputs over a grid.

    Args:
        config: `channels`, `size`, `width` (24 is enough) and `lattice` are used.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.cleaner = _Cleaner(PLANES * FACTOR**2 + 4, config.width, FINE_MAPS * FACTOR**2)
        self.sharpness = nn.Parameter(torch.ones(FINE_MAPS, 1, 1))
        self.readout = _Readout(config)

    def forward(self, planes: Tensor, room: Tensor) -> Tensor:
        """Return raw outputs, shape (batch, channels, size, size).

        Args:
            planes: from `steered_planes`, shape (batch, 3, 64, 64).
            room: its sides in metres along x and y, shape (batch, 2).
        """
        coarse = functional.pixel_unshuffle(planes, FACTOR)
        fine, hidden = self.cleaner(torch.cat([coarse, _frame(coarse, room)], dim=1))
        logits = functional.pixel_shuffle(fine, FACTOR) + self.sharpness * planes[:, :1]
        shares = logits.flatten(2).softmax(-1).reshape_as(logits)
        outputs: Tensor = self.readout(shares, hidden, room)
        return outputs


class _Cleaner(nn.Module):
    """A U-Net of three levels, on maps of 32 x 32."""

    def __init__(self, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.fine = _convolutions(inputs, width)
        self.middle = _convolutions(width, 2 * width)
        self.coarse = _convolutions(2 * width, 2 * width)
        self.middle_again = _convolutions(4 * width, width)
        self.fine_again = _convolutions(2 * width, width)
        self.last = nn.Conv2d(width, outputs, 1)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        fine = self.fine(maps)
        middle = self.middle(functional.avg_pool2d(fine, 2))
        coarse = self.coarse(functional.avg_pool2d(middle, 2))
        middle = self.middle_again(torch.cat([middle, _doubled(coarse)], dim=1))
        hidden: Tensor = self.fine_again(torch.cat([fine, _doubled(middle)], dim=1))
        return self.last(hidden), hidden


class _Readout(nn.Module):
    """Pool fine maps of probability onto the points of the output.

    Every representation is such a pooling: classes are boxes, unbiased label distributions are
    triangles (hats), heat maps are Gaussians (bumps), and the position within a cell is the mean
    over a box. All are computed for each fine map, and how to combine them is learned.
    """

    points: Tensor
    boxes: Tensor
    moments: Tensor
    hats: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        first, step = config.lattice or (0.5 / config.size, 1 / config.size)
        points = first + step * torch.arange(config.size)
        boxes = overlaps(points, step, CELLS)
        within = (cell_centres(CELLS) - points[:, None]) / step + 0.5
        self.register_buffer("points", points, persistent=False)
        self.register_buffer("boxes", boxes, persistent=False)
        self.register_buffer("moments", boxes * within, persistent=False)
        self.register_buffer("hats", hats(points, step, CELLS), persistent=False)
        inputs = FINE_MAPS * POOLED + config.width
        self.direct = nn.Conv2d(inputs, config.channels, 1)
        self.hidden = nn.Conv2d(inputs, 2 * config.width, 1)
        self.output = nn.Conv2d(2 * config.width, config.channels, 1)

    def forward(self, shares: Tensor, hidden: Tensor, room: Tensor) -> Tensor:
        x, y = (bumps(self.points, side, VARIANCE, CELLS) for side in room.unbind(1))
        boxes = pool(shares, self.boxes, self.boxes)
        along_x = _logit(pool(shares, self.boxes, self.moments), boxes)
        along_y = _logit(pool(shares, self.moments, self.boxes), boxes)
        pooled = pool(shares, self.hats, self.hats)
        logs = [torch.log(each + SMALLEST) for each in (boxes, pooled)]
        parts = [*logs, along_x, along_y, pool(shares, y, x), resample(hidden, len(self.points))]
        inputs = torch.cat(parts, dim=1)
        outputs: Tensor = self.direct(inputs) + self.output(self.hidden(inputs).relu())
        return outputs


def _level_agreement(audio: Tensor, distances: Tensor) -> Tensor:
    """Return how well levels agree with a source in each cell, shape (cells,), 0 for perfectly.

    It is minus the standard deviation over nodes of the difference between the log power that was
    recorded and the one that a source in the cell would cause.
    """
    level = (audio.square().mean(dim=1, keepdim=True) + SMALLEST**4).log()
    expected = (1 / (distances.square() + 0.01) + 1 / CRITICAL**2).log()
    return -(level - expected).std(dim=0, correction=0)


def _logit(moments: Tensor, boxes: Tensor) -> Tensor:
    """Return the mean position within each cell as a logit; the middle of an empty cell."""
    return torch.logit((moments + SMALLEST / 2) / (boxes + SMALLEST), eps=0.01)


def _frame(maps: Tensor, room: Tensor) -> Tensor:
    """Return the coordinates of each cell, from -1 to 1, and the size of its room."""
    along = 2 * cell_centres(maps.shape[-1]).to(maps) - 1
    y, x = torch.meshgrid(along, along, indexing="ij")
    sides = (room / 7 - 1)[:, :, None, None].expand(-1, -1, *x.shape)
    return torch.cat([torch.stack([x, y]).expand(len(room), -1, -1, -1), sides], dim=1)


def _convolutions(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for count in (inputs, outputs):
        layers += [nn.Conv2d(count, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def _doubled(maps: Tensor) -> Tensor:
    return maps.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
