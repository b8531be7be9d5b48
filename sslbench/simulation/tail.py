"""A diffuse tail that replaces late reflections in rooms with too many image sources.

The cost of the image method is proportional to the number of images, which grows with the cube of
the reverberation time. Here images up to some order are computed exactly (`shoebox_rirs`), and the
others are replaced by noise of the same energy, independent between microphones and between
sources (Polack, 1988).

The energy of the tail follows from the image model. At time t, ``4 pi c^3 t^2 / V`` images arrive
per second, each with energy ``(1 - a)^n / (c t)^2`` (without ``4 pi``, as in `shoebox_rirs`). An
image in direction u has been reflected ``n(u, t) = c t (|u_x| / L_x + |u_y| / L_y + |u_z| / L_z)``
times. The energy of the tail per second is therefore

    ``e(t) = 4 pi c / V * mean over u of (1 - a)^n(u, t) where n(u, t) > N + 1/2``

if images up to order N are computed exactly; images of order n fill the shell ``n -+ 1/2``. The
condition fades the tail in, direction by direction, as the exact images become incomplete, so
neither a crossover time nor a level has to be chosen. Without the condition, and with ``n``
replaced by its mean over directions, ``c t S / (4 V)``, this is the exponential decay of Eyring;
the mean over directions decays more slowly, as the image method does.

The accuracy was measured in 24 rooms with sides of 4 to 10 m, height 4.2 m and T60 from 0.2 to
0.6 s, with 16 microphones each, against the full image method (tests/simulation/test_tail.py,
slow), above 100 Hz:

==========================================  =============  =============
difference from the full image method       order 6        order 10
==========================================  =============  =============
T60, mean absolute                          2.3 %          1.3 %
T60, largest                                10 %           5 %
clarity C50, rms                            0.47 dB        0.12 dB
direct to reverberant energy, rms           0.09 dB        0.03 dB
energy decay curve at -5 dB, rms            0.10 dB        0.02 dB
energy decay curve at -15 dB, rms           0.25 dB        0.14 dB
energy decay curve at -25 dB, rms           0.61 dB        0.40 dB
pairs with GCC-PHAT peak at the true delay  62.3 (62.5) %  62.5 (62.5) %
the same with all frequencies               57.7 (45.9) %  52.5 (45.9) %
==========================================  =============  =============

Values in parentheses are those of the full image method. The last row shows the cost of the
approximation: below 100 Hz images add up in phase and form the modes of the room, which noise does
not have. Methods that use these frequencies score slightly better on the approximated tail.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sslbench.geometry import SPEED_OF_SOUND, fibonacci_sphere
from sslbench.simulation.filters import DELAY
from sslbench.simulation.reverberant import ShoeBox, shoebox_rirs

__all__ = ["diffuse_tail", "hybrid_rirs", "tail_energy"]

DIRECTIONS = 512
GRID_SECONDS = 0.002
"""Spacing at which the energy is computed; it is interpolated in between."""


def hybrid_rirs(
    room: ShoeBox,
    order: int,
    source: ArrayLike,
    microphones: ArrayLike,
    sample_rate: int,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Return impulse responses with images up to an order and a diffuse tail for the others.

    Args:
        room: size and walls; their `max_order` and `reach` describe the full set of images.
        order: order up to which images are computed exactly; 0 gives the direct paths only,
            without a tail. From the `max_order` of the walls on, nothing is replaced.
        source: position in metres from the room's corner, shape (3,).
        microphones: positions in metres from the room's corner, shape (channels, 3).
        sample_rate: in Hz.
        rng: random generator for the tail.

    Returns:
        Shape (channels, taps), delayed by `filters.DELAY` samples as those of `shoebox_rirs`.
    """
    limited = replace(room.walls, max_order=min(order, room.walls.max_order))
    early = shoebox_rirs(replace(room, walls=limited), source, microphones, sample_rate)
    if order == 0 or order >= room.walls.max_order:
        return early
    late = diffuse_tail(room, order, len(early), sample_rate, rng)
    taps = max(early.shape[1], late.shape[1])
    return _padded(early, taps) + _padded(late, taps)


def diffuse_tail(
    room: ShoeBox, order: int, channels: int, sample_rate: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return noise with the energy of the images above an order, up to the reach of the walls.

    Args:
        room: size and walls; not anechoic.
        order: order up to which images are computed exactly.
        channels: number of responses, each with independent noise; the first channels are the
            same for any number.
        sample_rate: in Hz.
        rng: random generator for the noise.

    Returns:
        Shape (channels, taps), delayed by `filters.DELAY` samples.
    """
    seconds = room.walls.reach / SPEED_OF_SOUND
    grid = np.arange(0, seconds + GRID_SECONDS, GRID_SECONDS)
    times = np.arange(int(seconds * sample_rate)) / sample_rate
    energy = np.interp(times, grid, tail_energy(room, order, grid)) / sample_rate
    noise = rng.standard_normal((channels, len(times)), dtype=np.float32)
    noise *= np.sqrt(energy).astype(np.float32)
    return np.pad(noise, ((0, 0), (DELAY, 0)))


def tail_energy(room: ShoeBox, order: int, times: ArrayLike) -> NDArray[np.float64]:
    """Return the energy per second of the images above an order, averaged over positions.

    Args:
        room: size and walls; not anechoic.
        order: order up to which images are left out; -1 to include all.
        times: seconds since the emission of the impulse, shape (times,).

    Returns:
        Shape (times,), in the unit of a squared impulse response of `shoebox_rirs`, per second.
    """
    size = np.asarray(room.size)
    walls_per_metre = (np.abs(fibonacci_sphere(DIRECTIONS)) / size).sum(axis=1)
    crossed = SPEED_OF_SOUND * np.asarray(times, dtype=float)[:, None] * walls_per_metre
    left = np.where(crossed > order + 0.5, (1 - room.walls.absorption) ** crossed, 0.0)
    return np.asarray(4 * np.pi * SPEED_OF_SOUND / size.prod() * left.mean(axis=1))


def _padded(rirs: NDArray[np.float32], taps: int) -> NDArray[np.float32]:
    return np.pad(rirs, ((0, 0), (0, taps - rirs.shape[1])))
