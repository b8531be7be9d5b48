"""From a reverberation time to walls, and from an impulse response back to the time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sslbench.errors import ParameterError
from sslbench.geometry import SPEED_OF_SOUND

__all__ = ["Walls", "measured_t60", "shortest_t60", "walls_for"]


@dataclass(frozen=True)
class Walls:
    """What the walls of a shoebox do to sound.

    Args:
        absorption: share of the energy that a reflection takes, the same for all walls.
        max_order: most reflections of a path that is heard; 0 is an anechoic room.
        reach: longest path in metres that is heard; infinite in an anechoic room.
    """

    absorption: float
    max_order: int
    reach: float

    @property
    def anechoic(self) -> bool:
        """Whether only the direct path is heard."""
        return self.max_order == 0


def shortest_t60(size: ArrayLike, speed_of_sound: float = SPEED_OF_SOUND) -> float:
    """Return the T60 in seconds at which Sabine's formula asks for walls that absorb all.

    Args:
        size: length, width and height of the room in metres.
        speed_of_sound: in m/s.
    """
    x, y, z = np.asarray(size, dtype=float)
    surface = 2 * (x * y + y * z + z * x)
    return float(24 * np.log(10) * x * y * z / (speed_of_sound * surface))


def walls_for(t60: float, size: ArrayLike, speed_of_sound: float = SPEED_OF_SOUND) -> Walls:
    """Choose walls for a wanted T60 by Sabine's formula (`pyroomacoustics.inverse_sabine`).

    A time below `shortest_t60` cannot be had (the formula has no answer, and pyroomacoustics
    raises): the room is then anechoic, which `Walls.anechoic` says. Sabine's formula is not exact
    either, so what came out is measured with `measured_t60`.

    Args:
        t60: wanted reverberation time in seconds, 0 for an anechoic room.
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
    """Measure T60 by backward integration (Schroeder, 1965), the median over the responses.

    A line is fitted to the decay from -5 dB down by `decay_db` and extended to 60 dB (T20 of
    ISO 3382-1 by default). A response of one arrival has no decay to speak of and measures as 0.

    Args:
        rirs: impulse responses, shape (..., samples).
        sample_rate: in Hz.
        decay_db: part of the decay that is fitted.
        above: frequency in Hz from which on it is measured, by a Butterworth high-pass of order
            4. The image method adds positive pulses alone, whose mean decays later than all that
            can be heard; 0 measures it with the rest.

    Returns:
        Seconds; 0 where there is no decay to fit.
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
