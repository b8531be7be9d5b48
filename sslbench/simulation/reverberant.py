"""A fast image method (Allen and Berkley, 1979) for impulse responses of shoebox rooms.

The result equals that of ``pyroomacoustics.Room.compute_rir`` with its high-pass filter switched
off. It is faster for two reasons:

- In a shoebox, image positions and reflection orders are separable by axis and every image is
  visible from everywhere. Images farther away than sound travels within T60 are left out.
- pyroomacoustics adds one filter of 81 taps per image, interpolated linearly between 21 tabulated
  filters. Summing the images into 21 rows first and filtering the rows afterwards gives the same
  result with two additions per image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sslbench.array_types import Floats
from sslbench.geometry import SPEED_OF_SOUND
from sslbench.simulation.filters import GRANULARITY, LENGTH, filter_phases
from sslbench.simulation.t60 import Walls

__all__ = ["Directivity", "ShoeBox", "ambisonic_rirs", "shoebox_rirs"]

Index = NDArray[np.intp]


@dataclass(frozen=True)
class ShoeBox:
    """A rectangular room with one corner at the origin.

    Args:
        size: length, width and height in metres.
        walls: absorption and reflection order.
    """

    size: tuple[float, float, float]
    walls: Walls


@dataclass(frozen=True, eq=False)
class Directivity:
    """A source that is loudest to the front, at all frequencies alike.

    The level falls with the cosine of the angle to the front, from 0 dB to -`back_db`.

    Args:
        front: unit vector, shape (3,).
        back_db: how much less sound is emitted to the back, in dB.
    """

    front: Floats
    back_db: float

    def gain(self, cosine: Floats) -> Floats:
        """Return the gain of the amplitude by the cosine of the angle to the front."""
        return np.asarray(10 ** (-self.back_db / 40 * (1 - cosine)))


@dataclass(frozen=True)
class _Images:
    """Image sources as coordinates per axis and indices into them.

    Squared distances are then computed once per coordinate, not once per image. `mirrored` is -1
    for coordinates of images that look the other way along their axis, and 1 for the others.
    """

    axes: tuple[Floats, Floats, Floats]
    mirrored: tuple[Floats, Floats, Floats]
    which: tuple[Index, Index, Index]
    gains: Floats

    def cosine(self, point: Floats, front: Floats, distance: Floats) -> Floats:
        """Return the cosine of the angle between the front of each image and a point."""
        along = [
            ((at - axis) * sign * towards)[index]
            for axis, sign, index, at, towards in zip(
                self.axes, self.mirrored, self.which, point, front, strict=True
            )
        ]
        return np.asarray((along[0] + along[1] + along[2]) / distance)

    def direction(self, point: Floats, distance: Floats) -> Floats:
        """Return unit vectors from a point to each image, shape (3, images)."""
        return np.stack(
            [
                (axis - at)[index] / distance
                for axis, index, at in zip(self.axes, self.which, point, strict=True)
            ]
        )

    def distance(self, point: Floats) -> Floats:
        squares = [
            ((axis - at) ** 2)[index]
            for axis, index, at in zip(self.axes, self.which, point, strict=True)
        ]
        return np.asarray(np.sqrt(squares[0] + squares[1] + squares[2]))


def shoebox_rirs(
    room: ShoeBox,
    source: ArrayLike,
    microphones: ArrayLike,
    sample_rate: int,
    speed_of_sound: float = SPEED_OF_SOUND,
    directivity: Directivity | None = None,
) -> NDArray[np.float32]:
    """Return the impulse responses from a source to microphones.

    Args:
        room: size and walls.
        source: position in metres from the room's corner, shape (3,).
        microphones: positions in metres from the room's corner, shape (channels, 3).
        sample_rate: in Hz.
        speed_of_sound: in m/s.
        directivity: of the source; None if it is omnidirectional.

    Returns:
        Shape (channels, taps), delayed by `filters.DELAY` samples and without the factor
        1 / (4 pi), as in pyroomacoustics.
    """
    mics = np.asarray(microphones, dtype=float)
    images = _images(room, np.asarray(source, dtype=float), mics)
    arrivals = [images.distance(mic) for mic in mics]
    per_metre = sample_rate / speed_of_sound
    taps = int(max(distance.max() for distance in arrivals) * per_metre) + 1
    gains = [images.gains] * len(mics)
    if directivity is not None:
        gains = [
            images.gains * directivity.gain(images.cosine(mic, directivity.front, distance))
            for mic, distance in zip(mics, arrivals, strict=True)
        ]
    rirs = [
        _rir(distance, gain, per_metre, taps)
        for distance, gain in zip(arrivals, gains, strict=True)
    ]
    return np.asarray(rirs, dtype=np.float32)


def ambisonic_rirs(
    room: ShoeBox,
    source: ArrayLike,
    point: ArrayLike,
    sample_rate: int,
    speed_of_sound: float = SPEED_OF_SOUND,
) -> NDArray[np.float32]:
    """Return the impulse responses from a source to first-order ambisonics at a point.

    Each image arrives from its own direction: W has gain 1, and Y, Z, X have the components of the
    unit vector towards the image (SN3D).

    Args:
        room: size and walls.
        source: position in metres from the room's corner, shape (3,).
        point: where the ambisonic microphone is, likewise.
        sample_rate: in Hz.
        speed_of_sound: in m/s.

    Returns:
        Shape (4, taps), in the order W, Y, Z, X, otherwise as those of `shoebox_rirs`.
    """
    centre = np.asarray(point, dtype=float)
    images = _images(room, np.asarray(source, dtype=float), centre[None])
    distance = images.distance(centre)
    per_metre = sample_rate / speed_of_sound
    taps = int(distance.max() * per_metre) + 1
    x, y, z = images.direction(centre, distance)
    rirs = [
        _rir(distance, images.gains * gain, per_metre, taps) for gain in (np.ones_like(x), y, z, x)
    ]
    return np.asarray(rirs, dtype=np.float32)


def _images(room: ShoeBox, source: Floats, mics: Floats) -> _Images:
    """Return the images that are within the reach of the walls from some microphone."""
    centre = mics.mean(axis=0)
    radius = float(np.linalg.norm(mics - centre, axis=1).max())
    reach = room.walls.reach + radius
    axes, mirrored, orders, squares = [], [], [], []
    for length, at, middle in zip(room.size, source, centre, strict=True):
        most = int(min(room.walls.max_order, np.floor(reach / length) + 2))
        crossed = np.arange(-most, most + 1)
        axis = crossed * length + np.where(crossed % 2 == 1, length - at, at)
        axes.append(axis)
        mirrored.append(np.where(crossed % 2 == 1, -1.0, 1.0))
        orders.append(np.abs(crossed))
        squares.append((axis - middle) ** 2)
    square = _outer_sum(squares)
    order = _outer_sum(orders)
    x, y, z = np.nonzero((square <= reach**2) & (order <= room.walls.max_order))
    gains = np.sqrt(1 - room.walls.absorption) ** order[x, y, z]
    signs = (mirrored[0], mirrored[1], mirrored[2])
    return _Images((axes[0], axes[1], axes[2]), signs, (x, y, z), np.asarray(gains))


def _outer_sum(parts: list[NDArray[np.generic]]) -> Floats:
    x, y, z = (np.asarray(part) for part in parts)
    return np.asarray(x[:, None, None] + y[None, :, None] + z[None, None, :])


def _rir(distance: Floats, gains: Floats, per_metre: float, taps: int) -> Floats:
    from scipy import fft

    delay = distance * per_metre
    whole = delay.astype(np.intp)
    phase = (1 - (delay - whole)) * GRANULARITY
    row = np.minimum(phase.astype(np.intp), GRANULARITY - 1)
    upper = phase - row
    amplitude = gains / distance
    cells = (GRANULARITY + 1) * taps
    index = row * taps + whole
    grid = np.bincount(index, amplitude * (1 - upper), cells)
    grid += np.bincount(index + taps, amplitude * upper, cells)
    size = fft.next_fast_len(taps + LENGTH, real=True)
    spectrum = fft.rfft(grid.reshape(GRANULARITY + 1, taps), size, axis=-1)
    filtered = np.einsum("rf,rf->f", spectrum, fft.rfft(filter_phases(), size, axis=-1))
    return np.asarray(fft.irfft(filtered, size)[: taps + LENGTH - 1])
