"""The coordinate conventions of sslbench and the conversions between them.

The code uses metres, seconds and radians; degrees appear only in input and output for users.
Coordinate frames are right-handed with x to the front, y to the left and z up. Azimuth is measured
counter-clockwise from +x, elevation upwards from the horizontal plane. The angle between two
directions is ``atan2(|u x v|, u . v)``, which stays accurate near 0 and pi, where arccos does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sslbench.array_types import Booleans, Floats
from sslbench.errors import GeometryError

__all__ = [
    "SPEED_OF_SOUND",
    "Box",
    "angle_between",
    "array_rank",
    "azimuth_elevation",
    "check_microphones",
    "far_field_tdoa",
    "fibonacci_sphere",
    "microphone_pairs",
    "tdoa",
    "unit_vector",
    "wrap_angle",
]


SPEED_OF_SOUND = 343.0
"""Speed of sound in dry air at 20 degrees Celsius, in m/s; the default of pyroomacoustics, too."""


@dataclass(frozen=True)
class Box:
    """An axis-aligned region in metres; flat (``low[2] == high[2]``) for 2-D localization.

    Args:
        low: smallest x, y, z.
        high: largest x, y, z.

    Raises:
        GeometryError: if a coordinate is not finite or a minimum exceeds its maximum.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]

    def __post_init__(self) -> None:
        sides = np.subtract(self.high, self.low)
        if sides.shape != (3,) or not np.isfinite(sides).all() or (sides < 0).any():
            raise GeometryError(
                f"{self.low} to {self.high} is not a valid region",
                expected="three finite coordinates each, with min <= max",
            )

    @property
    def size(self) -> Floats:
        """Side lengths in metres, shape (3,)."""
        return np.asarray(np.subtract(self.high, self.low), dtype=float)

    @property
    def centre(self) -> Floats:
        """Centre of the region in metres, shape (3,)."""
        return np.asarray(np.add(self.high, self.low) / 2)

    @property
    def flat(self) -> bool:
        """Whether the region has a single height, so that a position has two unknowns."""
        return bool(self.low[2] == self.high[2])

    def contains(self, points: ArrayLike, margin: float = 0.0) -> Booleans:
        """Return which points, shape (..., 3), lie inside the box extended by ``margin`` metres."""
        xyz = np.asarray(points, dtype=float)
        low, high = np.asarray(self.low) - margin, np.asarray(self.high) + margin
        return np.asarray(((xyz >= low) & (xyz <= high)).all(axis=-1))


def azimuth_elevation(xyz: ArrayLike) -> tuple[Floats, Floats]:
    """Convert vectors, shape (..., 3), to azimuth and elevation in radians.

    >>> azimuth, elevation = azimuth_elevation([0.0, 1.0, 0.0])
    >>> float(np.degrees(azimuth)), float(elevation)
    (90.0, 0.0)
    """
    x, y, z = np.moveaxis(np.asarray(xyz, dtype=float), -1, 0)
    return np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))


def unit_vector(azimuth: ArrayLike, elevation: ArrayLike = 0.0) -> Floats:
    """Convert azimuth and elevation in radians to unit vectors, shape (..., 3)."""
    az, el = np.broadcast_arrays(np.asarray(azimuth, float), np.asarray(elevation, float))
    return np.stack([np.cos(el) * np.cos(az), np.cos(el) * np.sin(az), np.sin(el)], axis=-1)


def wrap_angle(angle: ArrayLike) -> Floats:
    """Wrap angles in radians to [-pi, pi)."""
    return np.asarray((np.asarray(angle, dtype=float) + np.pi) % (2 * np.pi) - np.pi)


def angle_between(u: ArrayLike, v: ArrayLike) -> Floats:
    """Return the angle in radians between vectors of shape (..., 3), accurate near 0 and pi.

    >>> float(angle_between([1, 0, 0], [1, 0, 0]))
    0.0
    """
    a, b = np.asarray(u, dtype=float), np.asarray(v, dtype=float)
    (ax, ay, az), (bx, by, bz) = np.moveaxis(a, -1, 0), np.moveaxis(b, -1, 0)
    # Written out by components: several times faster than `np.cross` for many short vectors.
    sine = np.sqrt((ay * bz - az * by) ** 2 + (az * bx - ax * bz) ** 2 + (ax * by - ay * bx) ** 2)
    return np.asarray(np.arctan2(sine, ax * bx + ay * by + az * bz))


def microphone_pairs(channels: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices (i, j) of all pairs with i < j, each of shape (pairs,)."""
    first, second = np.triu_indices(channels, k=1)
    return first, second


def tdoa(
    microphones: ArrayLike, source: ArrayLike, speed_of_sound: float = SPEED_OF_SOUND
) -> Floats:
    """Return the arrival time at i minus that at j, in seconds, for all pairs i < j.

    Args:
        microphones: positions in metres, shape (channels, 3).
        source: positions in metres, shape (..., 3).
        speed_of_sound: in m/s.

    Returns:
        Time differences of arrival, shape (..., pairs): negative where i is nearer than j.
    """
    mics, xyz = np.asarray(microphones, dtype=float), np.asarray(source, dtype=float)
    distance = np.linalg.norm(xyz[..., None, :] - mics, axis=-1)
    i, j = microphone_pairs(len(mics))
    return np.asarray((distance[..., i] - distance[..., j]) / speed_of_sound)


def far_field_tdoa(
    microphones: Floats, directions: Floats, speed_of_sound: float = SPEED_OF_SOUND
) -> Floats:
    """Return the arrival time at i minus that at j, in seconds, for plane waves.

    Args:
        microphones: positions in metres, shape (channels, 3).
        directions: unit vectors towards the sources, shape (..., 3).
        speed_of_sound: in m/s.

    Returns:
        Time differences of arrival, shape (..., pairs), pairs i < j.
    """
    i, j = microphone_pairs(len(microphones))
    return np.asarray(directions @ (microphones[j] - microphones[i]).T / speed_of_sound)


def array_rank(microphones: ArrayLike, tolerance: float = 1e-3) -> int:
    """Return the number of dimensions an array spans: 0 point, 1 line, 2 plane, 3 volume.

    Args:
        microphones: positions in metres, shape (channels, 3).
        tolerance: singular values of the centred positions up to this, in metres, count as zero.
    """
    mics = np.asarray(microphones, dtype=float)
    spread = np.linalg.svd(mics - mics.mean(axis=0), compute_uv=False)
    return int((spread > tolerance).sum())


def check_microphones(
    microphones: ArrayLike, where: str = "microphones", *, unknown: bool = False
) -> Floats:
    """Return positions, shape (channels, 3), after checking that they can serve as an array.

    Args:
        microphones: positions in metres.
        where: named in errors.
        unknown: whether a row of NaN, a microphone whose position is unknown, is allowed.

    Raises:
        GeometryError: if the shape is wrong, a value is not finite or two microphones coincide.
    """
    mics = np.asarray(microphones, dtype=float)
    if mics.ndim != 2 or mics.shape[1] != 3 or len(mics) < 2:
        raise GeometryError(
            f"positions of shape {mics.shape}",
            where=where,
            expected="at least two microphones with three coordinates each, in metres",
        )
    finite = np.isfinite(mics).all(axis=1)
    allowed = finite | (np.isnan(mics).all(axis=1) & unknown)
    if not allowed.all():
        raise GeometryError(
            f"microphone {int(np.argmin(allowed))} has no finite position",
            where=where,
            expected="three finite coordinates in metres",
        )
    i, j = microphone_pairs(len(mics))
    distance = np.linalg.norm(mics[i] - mics[j], axis=1)
    # Comparisons with the NaN of an unknown position are false.
    if (distance < 1e-4).any():
        pair = int(np.nanargmin(distance))
        raise GeometryError(
            f"microphones {i[pair]} and {j[pair]} coincide",
            where=where,
            expected="microphones at least 0.1 mm apart",
            hint="correct the position or remove one of the two channels",
        )
    return mics


def fibonacci_sphere(points: int) -> Floats:
    """Return nearly uniformly spread unit vectors, shape (points, 3) (golden-angle spiral)."""
    k = np.arange(points) + 0.5
    elevation = np.arcsin(1 - 2 * k / points)
    return unit_vector(wrap_angle(k * np.pi * (3 - np.sqrt(5))), elevation)
