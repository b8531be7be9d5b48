"""The coarse-to-fine search of SRP-PHAT, over positions or directions.

The steered response power is that of DiBiase (2000). Its peaks are narrower than a coarse cell.
At each level, every lag of the correlations is therefore replaced by the maximum over the delays
that a cell spans, similar to the modified functional of Cobos, Marti and Lopez (2011), and the
best cells are divided further.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor

from sslbench.acoustics.srp import SteeredResponse, direction_delays, lag_index, point_delays
from sslbench.array_types import Floats
from sslbench.geometry import Box, fibonacci_sphere
from sslbench.scene import MicArray
from sslbench_classic.direction_votes import angles
from sslbench_classic.inputs import is_horizontal

__all__ = ["Directions", "Positions", "Search", "SearchSpace"]

CELLS_DIVIDED = 64
"""Number of cells that are divided at each level of the search."""


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
        return angles(points, point)


class Search:
    """Coarse-to-fine search of one space in what is known of the delays of all pairs.

    Args:
        space: to be searched.
        step: spacing of the lags of the correlations in seconds.
        lags: number of lags of the correlations; odd, with lag 0 in the middle.
    """

    def __init__(self, space: SearchSpace, step: float, lags: int) -> None:
        self.space = space
        self.step = step
        self.lags = lags
        self._neighbours: Tensor | None = None
        self.coarse = SteeredResponse(space.delays(space.points), step, lags)

    def peaks(
        self, gcc: Tensor, count: int, separation: float, threshold: float
    ) -> tuple[Floats, Floats]:
        """Return the highest peaks of the power, strongest first.

        Args:
            gcc: correlations, shape (pairs, lags), or other values per lag whose mean over the
                pairs is above zero at a source.
            count: largest number of peaks.
            separation: smallest distance between two peaks, in the unit of the space.
            threshold: power that a further peak needs, relative to the strongest one.

        Returns:
            At most `count` peaks, then NaN, shape (count, 3), and the value at each, (count,).
        """
        power = self.coarse(self._widened(gcc, self.space.spacing))
        found, heights = np.full((count, 3), np.nan), np.full(count, np.nan)
        strongest = 0.0
        for source in range(count):
            if not power.isfinite().any():
                break
            peak, height = self._refine(gcc, power)
            if height <= threshold * strongest:
                break
            strongest = max(strongest, height)
            found[source], heights[source] = peak.double().numpy(), height
            if source + 1 < count:
                power = self._other_maxima(power, peak, separation)
        return found, heights

    def adjacent(self) -> Tensor:
        """Return the indices of the nearest coarse points of each, itself included."""
        if self._neighbours is None:
            self._neighbours = _nearest(self.space)
        return self._neighbours

    def _other_maxima(self, power: Tensor, peak: Tensor, separation: float) -> Tensor:
        """Keep the local maxima that are not near `peak`; set all other power to -inf."""
        near = self.space.distance(self.space.points, peak) < separation
        flank = power < power[self.adjacent()].amax(dim=1)
        return power.masked_fill(near | flank, -torch.inf)

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


def _nearest(space: SearchSpace) -> Tensor:
    """Return the indices of the nearest points of each point, including itself."""
    from scipy.spatial import KDTree

    points = space.points.numpy()
    count = min(len(points), len(space.divide(space.points[:1], space.spacing)))
    index = KDTree(points).query(points, k=count)[1]
    return torch.from_numpy(index.reshape(len(points), count))
