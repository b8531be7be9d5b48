"""Noise for recordings: white and independent between channels, or diffuse."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Floats
from sslbench.errors import GeometryError
from sslbench.geometry import fibonacci_sphere
from sslbench.scene import MicArray

__all__ = ["add_noise", "diffuse_noise", "white_noise"]

PLANE_WAVES = 128
"""Plane waves that make up a diffuse field: the coherence of two microphones is within 0.02 of the
ideal sinc up to a distance of 2 wavelengths, and within 0.25 up to 6 wavelengths."""


def white_noise(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return white noise of unit power, independent between channels, shape (channels, samples)."""
    return rng.standard_normal(shape, dtype=np.float32)


def diffuse_noise(
    array: MicArray, samples: int, sample_rate: int, speed: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return white noise from all directions alike (a spherically isotropic field).

    It is the sum of plane waves of independent noise from evenly spread directions, delayed in
    the frequency domain (Habets and Gannot 2007, section II). The mean power of the channels is 1:
    that of each microphone, or half of that of W in first-order ambisonics, whose channels X, Y
    and Z have a third of its power.

    Args:
        array: the microphones, all of known position, or first-order ambisonics.
        samples: length of the noise.
        sample_rate: in Hz.
        speed: of sound, in m/s.
        rng: draws the noise.

    Returns:
        Shape (channels, samples).

    Raises:
        GeometryError: if the position of a microphone is unknown.
    """
    if not array.complete:
        raise GeometryError(
            "diffuse noise for a microphone of unknown position",
            expected="known positions of all microphones",
            hint="add noise before positions are hidden: 'data+noise[kind=diffuse]+hide_positions'",
        )
    directions = fibonacci_sphere(PLANE_WAVES)
    length = samples + int(2 * array.aperture / speed * sample_rate) + 1
    frequency: Floats = np.asarray(np.fft.rfftfreq(length, 1 / sample_rate), dtype=float)
    total: NDArray[np.complex128] = np.zeros((array.channels, len(frequency)), complex)
    for direction in directions:
        spectrum = np.fft.rfft(rng.standard_normal(length))
        total = total + _response(array, direction, frequency, speed) * spectrum
    power = 0.5 if array.positions is None else 1.0
    noise = np.fft.irfft(total, length)[:, :samples] / np.sqrt(PLANE_WAVES * power)
    return np.asarray(noise, dtype=np.float32)


def _response(
    array: MicArray, direction: Floats, frequency: Floats, speed: float
) -> NDArray[np.complex128]:
    """Return the response of each channel to a plane wave, shape (channels, frequencies)."""
    if array.positions is None:
        x, y, z = direction
        return np.array([1.0, y, z, x], complex)[:, None]
    # A microphone towards the source receives the wave earlier than the centre of the array.
    advance = (array.positions - array.centre) @ direction / speed
    return np.asarray(np.exp(2j * np.pi * np.outer(advance, frequency)))


def add_noise(
    audio: NDArray[np.float32], noise: NDArray[np.float32], snr_db: float
) -> NDArray[np.float32]:
    """Add noise at a signal-to-noise ratio.

    Args:
        audio: shape (channels, samples).
        noise: of unit power, of the same shape.
        snr_db: mean power of all channels over the power of the noise, in dB.

    Returns:
        Shape (channels, samples).
    """
    power = float(np.mean(np.square(audio, dtype=float)))
    return audio + noise * np.float32(np.sqrt(power / 10 ** (snr_db / 10)))
