"""A network for single microphones anywhere in a room, as many as there are.

It is ours. Feng et al. (2025) use the network of Gong et al. (2022), spatio-temporal attention
over nodes, of which there is no public code and too little description. What both have in common:
any number of nodes in any order, with their positions as an input.

Nodes of one microphone hear a place only together. So all pairs are correlated and the correlation
is laid over a fine map of the room, as steered response power does (DiBiase, 2000); a small
convolutional network cleans the map, and the output of any representation is pooled from it.
The source is taken to be in the plane of the nodes: 5 cm of height are at most 4 mm of distance
from 0.3 m on.
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

__all__ = ["CELLS", "AdhocNetwork", "SteeredFrontend"]

SAMPLE_RATE = 16000
CELLS = 64
"""Cells a side of the fine map: 6 to 16 cm in rooms of 4 to 10 m."""

FRAME = 4096
"""Samples of the frames whose cross-spectra are averaged."""

WIDENED = 0.5
"""Samples of lag over which a maximum is taken, as a share of the side of a fine cell."""

CRITICAL = 1.0
"""Metres beyond which the level of a source no longer falls: 1 of {0.5, 1, 2, 4} located best."""

PLANES = 3
FINE_MAPS = 4
POOLED = 5
FACTOR = 2
SMALLEST = 1e-4
VARIANCE = 0.1
"""Of the bumps of a heat map, in m^2 (Le Moing et al., 2019)."""


class SteeredFrontend(nn.Module):
    """Lay what pairs of nodes hear over the room; nothing in it is learned.

    Three planes, each with mean 0 and variance 1 over the room: the mean over pairs of GCC-PHAT
    at the delays of each cell; of its square, each pair by its own highest peak; and how well
    the levels of the nodes agree with a source in the cell.
    """

    centres: Tensor

    def __init__(self) -> None:
        super().__init__()
        centres = cell_centres(CELLS)
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        self.register_buffer("centres", torch.stack([x, y], -1).flatten(0, 1), persistent=False)

    @torch.no_grad()
    def forward(self, audio: Tensor, microphones: Tensor, room: Tensor) -> Tensor:
        """Return the planes of each room.

        Args:
            audio: shape (batch, mics, samples), at 16 kHz.
            microphones: metres from the corner of the room, shape (batch, mics, 3).
            room: its sides in metres along x and y, shape (batch, 2).

        Returns:
            Shape (batch, 3, 64, 64), axis -2 along y and axis -1 along x.

        Raises:
            GeometryError: if there are fewer than two microphones.
        """
        if audio.shape[1] < 2:
            raise GeometryError(
                f"{audio.shape[1]} microphone(s)", expected="at least two, to be heard as pairs"
            )
        rooms = zip(audio, microphones, room, strict=True)
        planes = torch.stack([self._planes(*each) for each in rooms])
        deviation, mean = torch.std_mean(planes, dim=-1, keepdim=True)
        return ((planes - mean) / (deviation + SMALLEST)).reshape(-1, PLANES, CELLS, CELLS)

    def _planes(self, audio: Tensor, microphones: Tensor, room: Tensor) -> Tensor:
        distances = torch.cdist(microphones[:, :2], self.centres * room)
        agreement = _level_agreement(audio, distances)
        max_lag = largest_lag(microphones.cpu().numpy(), SAMPLE_RATE, SPEED_OF_SOUND)
        per_metre = SAMPLE_RATE / SPEED_OF_SOUND
        reach = round(WIDENED * float(room.max()) / CELLS * per_metre)
        correlation = mean_gcc_phat(audio, FRAME, max_lag + reach, whitening=ROBUST).clamp_min(0)
        widened = functional.max_pool1d(correlation[None], 2 * reach + 1, 1)[0]
        first, second = (torch.from_numpy(i) for i in microphone_pairs(len(microphones)))
        delays = (distances[first] - distances[second]) * per_metre
        heard = widened.gather(1, (delays.round().long() + max_lag).clamp(0, 2 * max_lag))
        highest = widened.amax(dim=1, keepdim=True).clamp_min(SMALLEST)
        return torch.stack([heard.mean(0), (heard / highest).square().mean(0), agreement])


class AdhocNetwork(nn.Module):
    """Map nodes of one microphone each, in any number and order, to outputs over a grid.

    Args:
        config: `channels`, `size`, `width` (24 is plenty) and `lattice` matter.
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
            planes: of the front end, shape (batch, 3, 64, 64).
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
    hats, heat maps are bumps, and the place within a cell is the mean over a box. All are offered
    for each fine map, and what the output is made of is learned.
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
    """Return minus the spread over nodes of level less that of a source in each cell."""
    level = (audio.square().mean(dim=1, keepdim=True) + SMALLEST**4).log()
    expected = (1 / (distances.square() + 0.01) + 1 / CRITICAL**2).log()
    return -(level - expected).std(dim=0, correction=0)


def _logit(moments: Tensor, boxes: Tensor) -> Tensor:
    """Return the mean place within each cell as a logit; the middle where there is nothing."""
    return torch.logit((moments + SMALLEST / 2) / (boxes + SMALLEST), eps=0.01)


def _frame(maps: Tensor, room: Tensor) -> Tensor:
    """Return where each place of a map is, from -1 to 1, and how large its room is."""
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
