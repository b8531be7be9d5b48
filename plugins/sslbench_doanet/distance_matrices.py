"""Random distance matrices with their optimal associations: what Hnet learns from.

They are generated as by Adavanne et al. 2021, section 2.2, and by their code (hungarian-net):
directions on grids of several resolutions, all combinations of numbers of references and
estimates, and points far from the sphere in place of those that are missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from sslbench.array_types import Floats
from sslbench.geometry import unit_vector

__all__ = ["FAR", "RESOLUTIONS", "Matrices", "generate"]

RESOLUTIONS = (1, 2, 3, 4, 5, 10, 15, 20, 30)
"""Spacings in degrees of the grids of azimuth and elevation."""

FAR = 10.0
"""Each coordinate of a missing reference or estimate, in half of the rows and columns."""

WIDEST = 100.0
"""The coordinates of the other missing ones are uniform from -100 to 100, outside -1 to 1."""

SAMPLES = (3000, 5000, 15000)
"""Matrices for one combination of numbers, by the number of associations: 0, 1, 2 and more."""


@dataclass(frozen=True, eq=False)
class Matrices:
    """Distance matrices and their associations.

    Args:
        distances: Euclidean, float32, shape (matrices, n, n).
        associations: 1 for a pair of the assignment with the least sum, shape (matrices, n, n).
        resolutions: of the grid in degrees, shape (matrices,).
    """

    distances: NDArray[np.float32]
    associations: NDArray[np.float32]
    resolutions: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of matrices."""
        return len(self.distances)


def generate(rng: np.random.Generator, n_max: int, share: float = 1.0) -> Matrices:
    """Generate matrices of all resolutions and combinations, in random order.

    Args:
        rng: random generator.
        n_max: largest number of references, and of estimates; 1 to 6, so that the coarsest grid
            has enough elevations.
        share: of the published number of matrices, which is 405,000 for `n_max` 2.
    """
    parts = [
        _combination(rng, resolution, references, estimates, n_max, share)
        for resolution in RESOLUTIONS
        for references, estimates in product(range(n_max + 1), repeat=2)
    ]
    order = rng.permutation(sum(len(part) for part in parts))
    return Matrices(
        np.concatenate([part.distances for part in parts])[order],
        np.concatenate([part.associations for part in parts])[order],
        np.concatenate([part.resolutions for part in parts])[order],
    )


def _combination(
    rng: np.random.Generator,
    resolution: int,
    references: int,
    estimates: int,
    n_max: int,
    share: float,
) -> Matrices:
    """Return the matrices of one resolution with given numbers of references and estimates."""
    published = SAMPLES[min(references, estimates, len(SAMPLES) - 1)]
    count = max(1, round(share * published))
    rows = _points(rng, count, references, n_max, resolution)
    columns = _points(rng, count, estimates, n_max, resolution)
    distances = np.linalg.norm(rows[:, :, None] - columns[:, None], axis=-1)
    associations = np.zeros(distances.shape, dtype=np.float32)
    for matrix in range(count):
        pairs = linear_sum_assignment(distances[matrix, :references, :estimates])
        associations[matrix][pairs] = 1
    return Matrices(
        *_shuffled(rng, distances.astype(np.float32), associations),
        np.full(count, resolution, dtype=np.int64),
    )


def _points(
    rng: np.random.Generator, count: int, present: int, n_max: int, resolution: int
) -> Floats:
    """Return directions, then points far away, shape (count, n_max, 3)."""
    azimuths = _drawn(rng, np.arange(-180, 180, resolution), count, present)
    elevations = _drawn(rng, np.arange(-90, 91, resolution), count, present)
    directions = unit_vector(np.radians(azimuths), np.radians(elevations))
    missing = rng.uniform(-WIDEST, WIDEST, (count, n_max - present, 3))
    missing = np.where(np.abs(missing) <= 1, FAR, missing)
    constant = rng.random((count, n_max - present, 1)) < 0.5
    return np.concatenate([directions, np.where(constant, FAR, missing)], axis=1)


def _drawn(rng: np.random.Generator, values: NDArray[np.int64], count: int, size: int) -> Floats:
    """Draw different values in each of `count` rows, shape (count, size)."""
    if size > len(values):
        raise ValueError(f"{size} different values of {len(values)}")
    # The ranks of random numbers are a random order.
    order = rng.random((count, len(values))).argsort(axis=1)[:, :size]
    return np.asarray(values[order], dtype=float)


def _shuffled(
    rng: np.random.Generator, distances: NDArray[np.float32], associations: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Permute the rows of a random half of the matrices, and the columns of the others."""
    count, size = distances.shape[:2]
    order = rng.random((count, size)).argsort(axis=1)
    by_row = rng.random((count, 1, 1)) < 0.5
    rows, columns = order[:, :, None], order[:, None, :]
    shuffled = [
        np.where(
            by_row,
            np.take_along_axis(each, rows, axis=1),
            np.take_along_axis(each, columns, axis=2),
        )
        for each in (distances, associations)
    ]
    return shuffled[0], shuffled[1]
