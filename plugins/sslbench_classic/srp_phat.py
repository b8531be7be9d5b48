"""SRP-PHAT over positions or directions, with a coarse-to-fine search.

The steered response power is that of DiBiase (2000). Its peaks are narrower than a coarse cell.
At each level, every lag of the correlations is therefore replaced by the maximum over the delays
that a cell spans, similar to the modified functional of Cobos, Marti and Lopez (2011), and the
best cells are divided further.

Several directions cannot be separated in the power averaged over time, because the lobes of a
small array merge. Speech is sparse, however: in a short frame a single source dominates. So each
short frame votes for the peaks of its power, and the votes are clustered, similar to the histogram
of Pavlidi et al. (2013).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor

from sslbench.acoustics.gcc import ROBUST, gcc_phat, largest_lag, mean_gcc_phat, short_frames
from sslbench.acoustics.srp import SteeredResponse, direction_delays, lag_index, point_delays
from sslbench.array_types import Floats
from sslbench.contracts import Method
from sslbench.geometry import Box, fibonacci_sphere
from sslbench.scene import MicArray, Prediction, Recording, Tracks
from sslbench_classic.inputs import is_horizontal, microphone_positions, search_region

__all__ = ["Directions", "Positions", "SearchSpace", "SrpPhat"]

LAGS = 512
"""Correlations are interpolated to at least this many lags on each side of lag 0."""

MAX_UPSAMPLE = 32
"""Largest factor of that interpolation."""

CELLS_DIVIDED = 64
"""Number of cells that are divided at each level of the search."""

VOTING_FRAMES_PER_WINDOW = 4
"""Frames that vote are shorter by this factor than the frames that are averaged."""

VOTE_SPREAD = math.radians(8)
"""Width in radians of the Gaussian kernel that sums the votes for one source.

Measured on 100 scenes each of the validation split of `respeaker-sim`: with voting, the mean error
for two sources falls from 16.0 degrees (estimates for 85 % of the sources) to 5.8 degrees
(estimates for all sources), and for three sources from 21.0 degrees (79 %) to 10.1 degrees.
`PraNormMusic` has 27.0 and 36.3 degrees. A spread of 12 degrees, or voting frames of 1024 samples
instead of 512, changes the errors by less than a degree. Removing the delays of sources already
found from the correlations, instead of voting, gave 11.6 and 21.7 degrees.
"""

VOTE_POWER = 0.8
"""A frame votes for all peaks with at least this share of its highest power. This also finds
stationary sources that mask each other in every frame. With votes for the highest peak only, the
mean errors for speech were 6.2 and 9.2 degrees."""

VOTING_FRAMES_PER_BATCH = 256
"""Number of voting frames processed at once; bounds the memory needed for long recordings."""


class SearchSpace(ABC):
    """A space to search: its coarse cells, the delays of points, and how cells are divided.

    Args:
        points: centres of the coarse cells, shape (points, 3).
        spacing: spacing of the coarse cells, in metres or radians.
        finest: spacing at which the search stops.
    """

    def __init__(self, points: Tensor, spacing: float, finest: float) -> None:
        self.points = points
        self.spacing = spacing
        self.finest = finest

    @abstractmethod
    def delays(self, points: Tensor) -> Tensor:
        """Return delays in seconds, shape (..., pairs)."""

    @abstractmethod
    def reach(self, spacing: float) -> float:
        """Return by how many seconds delays change over half a cell, approximately."""

    @abstractmethod
    def divide(self, points: Tensor, spacing: float) -> Tensor:
        """Return finer points around each of `points`, shape (finer points, 3)."""

    @abstractmethod
    def distance(self, points: Tensor, point: Tensor) -> Tensor:
        """Return the distances of points to a point, in the unit of the spacing."""


class Positions(SearchSpace):
    """Positions in a region: a plane if the region is flat, otherwise a volume.

    Args:
        microphones: positions in metres, shape (channels, 3).
        region: region to search.
        spacing: spacing of the coarse grid in metres.
        speed_of_sound: in m/s.
    """

    def __init__(
        self, microphones: Tensor, region: Box, spacing: float, speed_of_sound: float
    ) -> None:
        self.microphones = microphones
        self.speed_of_sound = speed_of_sound
        self.low = torch.tensor(region.low, dtype=torch.float32)
        self.high = torch.tensor(region.high, dtype=torch.float32)
        cells = [max(1, math.ceil(side / spacing)) for side in region.size]
        axes = [
            low + (torch.arange(n) + 0.5) * (side / n)
            for low, side, n in zip(region.low, region.size, cells, strict=True)
        ]
        points = torch.cartesian_prod(*axes).float()
        super().__init__(points, spacing, finest=0.005)
        sides = [torch.arange(-1.0, 2) if side > 0 else torch.zeros(1) for side in region.size]
        self.around = torch.cartesian_prod(*sides)

    def delays(self, points: Tensor) -> Tensor:
        """Return delays of spherical waves in seconds, shape (..., pairs)."""
        return point_delays(self.microphones, points, self.speed_of_sound)

    def reach(self, spacing: float) -> float:
        """Return the time in seconds that sound takes to cross half a cell."""
        return spacing / 2 / self.speed_of_sound

    def divide(self, points: Tensor, spacing: float) -> Tensor:
        """Return 9 (in a plane) or 27 points around each point, within the region."""
        around = points[:, None] + self.around * spacing
        return torch.minimum(torch.maximum(around.flatten(0, 1), self.low), self.high)

    def distance(self, points: Tensor, point: Tensor) -> Tensor:
        """Return distances in metres."""
        squared: Tensor = (points - point).square().sum(dim=-1)
        return squared.sqrt()


class Directions(SearchSpace):
    """Directions on the sphere, or on the upper hemisphere for a horizontal array.

    A horizontal array cannot distinguish a direction from its mirror image below the plane; the
    upper one is searched. Other planar and linear arrays have such ambiguities too; for them the
    result is an arbitrary one of the equivalent directions.

    Args:
        array: the microphones.
        spacing: spacing of the coarse grid in radians.
        speed_of_sound: in m/s.
    """

    def __init__(self, array: MicArray, spacing: float, speed_of_sound: float) -> None:
        assert array.positions is not None
        self.microphones = torch.tensor(array.positions, dtype=torch.float32)
        self.speed_of_sound = speed_of_sound
        self.aperture = array.aperture
        self.upper = is_horizontal(array.positions)
        sphere = fibonacci_sphere(math.ceil(4 * np.pi / spacing**2))
        points = sphere[sphere[:, 2] >= 0] if self.upper else sphere
        super().__init__(torch.tensor(points).float(), spacing, finest=float(np.radians(0.2)))

    def delays(self, points: Tensor) -> Tensor:
        """Return delays of plane waves in seconds, shape (..., pairs)."""
        return direction_delays(self.microphones, points, self.speed_of_sound)

    def reach(self, spacing: float) -> float:
        """Return by how many seconds the delay over the aperture changes in half a cell."""
        return self.aperture * spacing / 2 / self.speed_of_sound

    def divide(self, points: Tensor, spacing: float) -> Tensor:
        """Return a 3 x 3 grid in the tangent plane of each point, normalised to unit length."""
        # The axis least parallel to the point gives a well-conditioned basis of that plane.
        axis = torch.eye(3)[points.abs().argmin(dim=1)]
        east = torch.nn.functional.normalize(torch.linalg.cross(axis, points), dim=-1)
        north = torch.linalg.cross(points, east)
        around = torch.cartesian_prod(torch.arange(-1.0, 2), torch.arange(-1.0, 2)) * spacing
        moved = points[:, None] + around[:, :1] * east[:, None] + around[:, 1:] * north[:, None]
        moved = torch.nn.functional.normalize(moved.flatten(0, 1), dim=-1)
        if self.upper:
            moved[:, 2].clamp_min_(0)
        return torch.nn.functional.normalize(moved, dim=-1)

    def distance(self, points: Tensor, point: Tensor) -> Tensor:
        """Return angles in radians."""
        sine = torch.linalg.cross(points, point.expand_as(points)).norm(dim=-1)
        return torch.atan2(sine, points @ point)


class SrpPhat(Method):
    """Locate sources at the peaks of the steered response power.

    Positions are searched in the region (in its plane if it is flat), directions on the sphere.
    Several positions are found one after the other, each at a minimum distance from the previous
    ones. Several directions are found by the votes of short frames.

    Args:
        grid: spacing of the coarse grid of positions in metres.
        angle: spacing of the coarse grid of directions in degrees.
        window: length in samples of the frames over which correlations are averaged. Frames that
            vote have a quarter of this length.
        threshold: power, or number of votes, that a further source needs, relative to the
            strongest source. For up to three speakers, 0.2 gives F-measures within 20 degrees of
            0.90, 0.92 and 0.88 with one, two and three active speakers (validation split of
            `respeaker-sim`).
        separation: smallest distance between two positions in metres.
        separation_angle: smallest angle between two directions in degrees.
    """

    def __init__(
        self,
        *,
        grid: float = 0.2,
        angle: float = 5.0,
        window: int = 2048,
        threshold: float = 0.2,
        separation: float = 0.5,
        separation_angle: float = 15.0,
    ) -> None:
        self.grid = grid
        self.angle = float(np.radians(angle))
        self.window = window
        self.threshold = threshold
        self.separation = separation
        self.separation_angle = float(np.radians(separation_angle))
        self._key: object = None
        self._search: _Search | None = None

    def locate(self, recording: Recording) -> Prediction:
        """Return `max_sources` tracks per frame, strongest first, NaN where none was found."""
        search = self._prepared(recording)
        separation = self.separation if recording.kind == "position" else self.separation_angle
        several = recording.kind == "direction" and recording.max_sources > 1
        find = search.votes if several else search.peaks
        found = np.stack(
            [
                find(torch.tensor(frame), recording.max_sources, separation, self.threshold)
                for frame in recording.frames()
            ]
        )
        xyz = np.broadcast_to(found, (len(recording.times), *found.shape[1:]))
        return Prediction(Tracks.of(recording.times, xyz, recording.kind))

    def _prepared(self, recording: Recording) -> _Search:
        """Return the search for an array and a region; the most recent one is kept."""
        mics, speed = microphone_positions(recording), recording.speed_of_sound
        key = (mics.tobytes(), recording.region, recording.kind, recording.sample_rate, speed)
        if self._search is None or key != self._key:
            space: SearchSpace
            if recording.kind == "position":
                region = search_region(recording)
                space = Positions(torch.tensor(mics).float(), region, self.grid, speed)
            else:
                space = Directions(recording.array, self.angle, speed)
            max_lag = largest_lag(mics, recording.sample_rate, speed) + 1
            self._search = _Search(space, recording.sample_rate, max_lag, self.window)
            self._key = key
        return self._search


class _Search:
    """Coarse-to-fine search of one space at one sample rate."""

    def __init__(self, space: SearchSpace, sample_rate: int, max_lag: int, window: int) -> None:
        self.space = space
        self.max_lag = max_lag
        self.window = max(window, 2 * max_lag)
        self.upsample = min(MAX_UPSAMPLE, math.ceil(LAGS / max_lag))
        self.step = 1 / (sample_rate * self.upsample)
        self.lags = 2 * max_lag * self.upsample + 1
        self.neighbours: Tensor | None = None
        self.coarse = SteeredResponse(space.delays(space.points), self.step, self.lags)

    def peaks(self, frame: Tensor, count: int, separation: float, threshold: float) -> Floats:
        """Return at most `count` peaks, then NaN, shape (count, 3)."""
        gcc = self._correlation(frame)
        power = self.coarse(self._widened(gcc, self.space.spacing))
        found = np.full((count, 3), np.nan)
        strongest = 0.0
        for source in range(count):
            if not power.isfinite().any():
                break
            peak, height = self._refine(gcc, power)
            if height <= threshold * strongest:
                break
            strongest = max(strongest, height)
            found[source] = peak.double().numpy()
            if source + 1 < count:
                power = self._other_maxima(power, peak, separation)
        return found

    def votes(self, frame: Tensor, count: int, separation: float, threshold: float) -> Floats:
        """Return at most `count` directions by votes of short frames, then NaN, (count, 3)."""
        points, weight = self._collect_votes(frame)
        distances = [self.space.distance(points, point) for point in points]
        found = np.full((count, 3), np.nan)
        if not distances:
            return found
        kernel = torch.exp(-(torch.stack(distances) / VOTE_SPREAD).square())
        strongest = 0.0
        for source in range(count):
            votes = (kernel @ weight) * (weight > 0)
            height, top = float(votes.max()), int(votes.argmax())
            if height <= threshold * strongest:
                break
            strongest = max(strongest, height)
            peak = torch.nn.functional.normalize((kernel[top] * weight) @ points, dim=0)
            found[source] = peak.double().numpy()
            weight = weight.masked_fill(self.space.distance(points, peak) < separation, 0)
        return found

    def _collect_votes(self, frame: Tensor) -> tuple[Tensor, Tensor]:
        """Return the directions with votes, shape (points, 3), and their weights, (points,)."""
        length = max(self.window // VOTING_FRAMES_PER_WINDOW, 2 * self.max_lag)
        padded = torch.nn.functional.pad(frame, (0, max(0, length - frame.shape[1])))
        frames = short_frames(padded, length, length // 2)
        tally = torch.zeros(len(self.space.points))
        for batch in torch.split(frames, VOTING_FRAMES_PER_BATCH):
            gcc = gcc_phat(batch, self.max_lag, self.upsample, ROBUST)
            power = self.coarse(gcc).clamp_min(0)
            flank = power < power[:, self._adjacent()].amax(dim=2)
            weak = power < VOTE_POWER * power.amax(dim=1, keepdim=True)
            # A frame dominated by one source has a higher power and is more reliable.
            tally += power.square().masked_fill(flank | weak, 0).sum(dim=0)
        return self.space.points[tally > 0], tally[tally > 0]

    def _other_maxima(self, power: Tensor, peak: Tensor, separation: float) -> Tensor:
        """Keep the local maxima that are not near `peak`; set all other power to -inf."""
        near = self.space.distance(self.space.points, peak) < separation
        flank = power < power[self._adjacent()].amax(dim=1)
        return power.masked_fill(near | flank, -torch.inf)

    def _adjacent(self) -> Tensor:
        if self.neighbours is None:
            self.neighbours = _neighbours(self.space)
        return self.neighbours

    def _correlation(self, frame: Tensor) -> Tensor:
        padded = torch.nn.functional.pad(frame, (0, max(0, self.max_lag - frame.shape[1])))
        return mean_gcc_phat(padded, self.window, self.max_lag, self.upsample, ROBUST)

    def _widened(self, gcc: Tensor, spacing: float) -> Tensor:
        """Replace the value at each lag by the maximum over the lags within half a cell."""
        radius = min(round(self.space.reach(spacing) / self.step), (self.lags - 1) // 2)
        return torch.nn.functional.max_pool1d(gcc, 2 * radius + 1, stride=1, padding=radius)

    def _refine(self, gcc: Tensor, power: Tensor) -> tuple[Tensor, float]:
        """Divide the best cells down to the finest spacing; return the peak and its power."""
        best = power.topk(min(CELLS_DIVIDED, int(power.isfinite().sum()))).indices
        points, spacing = self.space.points[best], self.space.spacing
        while spacing > self.space.finest:
            spacing /= 2
            points = self.space.divide(points, spacing)
            power = self._power(self._widened(gcc, spacing), points)
            best = power.topk(min(CELLS_DIVIDED, len(power))).indices
            points = points[best]
        power = self._power(gcc, points)
        top = int(power.argmax())
        return points[top], float(power[top])

    def _power(self, gcc: Tensor, points: Tensor) -> Tensor:
        index = lag_index(self.space.delays(points), self.step, self.lags)
        return gcc.T.gather(0, index).mean(dim=1)


def _neighbours(space: SearchSpace) -> Tensor:
    """Return the indices of the nearest points of each point, including itself."""
    from scipy.spatial import KDTree

    points = space.points.numpy()
    count = min(len(points), len(space.divide(space.points[:1], space.spacing)))
    index = KDTree(points).query(points, k=count)[1]
    return torch.from_numpy(index.reshape(len(points), count))
