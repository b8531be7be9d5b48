"""Wall absorption from a reverberation time, and reverberation time of an impulse response."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sslbench.errors import ParameterError
from sslbench.geometry import SPEED_OF_SOUND

__all__ = ["Walls", "measured_t60", "shortest_t60", "walls_for"]


@dataclass(frozen=True)
class Walls:
    """Acoustic properties of the walls of a shoebox room.

    Args:
        absorption: fraction of the energy that a reflection absorbs, the same for all walls.
        max_order: largest number of reflections of a simulated path; 0 for an anechoic room.
        reach: length of the longest simulated path in metres; infinite in an anechoic room.
    """

    absorption: float
    max_order: int
    reach: float

    @property
    def anechoic(self) -> bool:
        """Whether there is only the direct path."""
        return self.max_order == 0


def shortest_t60(size: ArrayLike, speed_of_sound: float = SPEED_OF_SOUND) -> float:
    """Return the T60 in seconds for which Sabine's formula gives total absorption.

    Args:
        size: length, width and height of the room in metres.
        speed_of_sound: in m/s.
    """
    x, y, z = np.asarray(size, dtype=float)
    surface = 2 * (x * y + y * z + z * x)
    return float(24 * np.log(10) * x * y * z / (speed_of_sound * surface))


def walls_for(t60: float, size: ArrayLike, speed_of_sound: float = SPEED_OF_SOUND) -> Walls:
    """Return the walls for a target T60 by Sabine's formula (`pyroomacoustics.inverse_sabine`).

    For a T60 up to `shortest_t60` the formula has no solution (pyroomacoustics raises an error):
    the room is then anechoic, see `Walls.anechoic`. For longer times Sabine's formula is only
    approximate; `measured_t60` measures the T60 that results.

    Args:
        t60: target reverberation time in seconds, 0 for an anechoic room.
        size: length, width and height of the room in metres.
        speed_of_sound: in m/s.

    Raises:
        ParameterError: if the time is negative or not finite.
    """
    if not 0 <= t60 < np.inf:
        raise ParameterError(f"a T60 of {t60} s", expected="a finite time, 0 for an anechoic room")
    if t60 <= shortest_t60(size, speed_of_sound):
        return Walls(absorption=1.0, max_order=0, reach=np.inf)
    from pyroomacoustics import inverse_sabine

    absorption, order = inverse_sabine(t60, list(np.asarray(size, dtype=float)), c=speed_of_sound)
    return Walls(float(absorption), int(order), speed_of_sound * t60)


def measured_t60(
    rirs: NDArray[np.floating], sample_rate: int, decay_db: float = 20.0, above: float = 0.0
) -> float:
    """Return the median T60 of impulse responses by backward integration (Schroeder, 1965).

    A line is fitted to the decay from -5 dB down to -5 dB - `decay_db` and extrapolated to 60 dB
    (T20 of ISO 3382-1 by default). A response with a single arrival has no decay and gives 0.

    Args:
        rirs: impulse responses, shape (..., samples).
        sample_rate: in Hz.
        decay_db: range of the decay that is fitted, in dB.
        above: cut-off frequency in Hz of a Butterworth high-pass filter of order 4 applied before;
            0 for none. The image method adds only positive pulses, whose mean value decays later
            than the audible part of the response.

    Returns:
        T60 in seconds; 0 if there is no decay to fit.
    """
    flat = np.asarray(rirs, dtype=float).reshape(-1, np.shape(rirs)[-1])
    if above > 0:
        flat = _high_passed(flat, sample_rate, above)
    return float(np.median([_one_t60(rir, sample_rate, decay_db) for rir in flat]))


def _high_passed(rirs: NDArray[np.float64], sample_rate: int, above: float) -> NDArray[np.float64]:
    from scipy import signal

    sections = signal.butter(4, above, "highpass", fs=sample_rate, output="sos")
    return np.asarray(signal.sosfilt(sections, rirs, axis=-1))


def _one_t60(rir: NDArray[np.float64], sample_rate: int, decay_db: float) -> float:
    energy = np.cumsum(rir[::-1] ** 2)[::-1]
    energy = energy[energy > 0]
    if not len(energy):
        return 0.0
    level = 10 * np.log10(energy / energy[0])
    part = np.flatnonzero((level <= -5) & (level >= -5 - decay_db))
    if len(part) < 2 or level[-1] > -5 - decay_db:
        return 0.0
    slope = np.polyfit(part / sample_rate, level[part], 1)[0]
    return float(-60 / slope) if slope < 0 else 0.0
