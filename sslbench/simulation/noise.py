"""Noise for recordings: white and independent between channels, or diffuse."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Floats
from sslbench.errors import GeometryError
from sslbench.geometry import fibonacci_sphere
from sslbench.scene import MicArray

__all__ = ["DiffuseField", "add_noise", "pink", "white_noise"]

PLANE_WAVES = 128
"""Plane waves that make up a diffuse field: the coherence of two microphones is within 0.02 of the
ideal sinc up to a distance of 2 wavelengths, and within 0.25 up to 6 wavelengths."""

KEPT = 4_000_000
"""Most values of the responses to all plane waves that a field keeps in memory (64 MB)."""


def white_noise(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return white noise of unit power, independent between channels, shape (channels, samples)."""
    return rng.standard_normal(shape, dtype=np.float32)


class DiffuseField:
    """White noise from all directions alike at an array (a spherically isotropic field).

    It is the sum of plane waves of independent noise from evenly spread directions, delayed in
    the frequency domain (Habets and Gannot 2007, section II). The mean power of the channels is 1:
    that of each microphone, or half of that of W in first-order ambisonics, whose channels X, Y
    and Z have a third of its power.

    Args:
        array: the microphones, all of known position, or first-order ambisonics.
        samples: length of the noise.
        sample_rate: in Hz.
        speed: of sound, in m/s.

    Raises:
        GeometryError: if the position of a microphone is unknown.
    """

    def __init__(self, array: MicArray, samples: int, sample_rate: int, speed: float) -> None:
        if not array.complete:
            raise GeometryError(
                "diffuse noise for a microphone of unknown position",
                expected="known positions of all microphones",
                hint="add noise before positions are hidden:"
                " 'data+noise[kind=diffuse]+hide_positions'",
            )
        self.array = array
        self.samples = samples
        self.speed = speed
        self.length = self.length_for(array, samples, sample_rate, speed)
        self.frequency: Floats = np.asarray(np.fft.rfftfreq(self.length, 1 / sample_rate))
        self._kept: dict[int, NDArray[np.complex128]] = {}

    @staticmethod
    def length_for(array: MicArray, samples: int, sample_rate: int, speed: float) -> int:
        """Return the length of the Fourier transforms, longer by what arrives at different times.

        They are fast if this is a product of small primes.
        """
        return samples + int(2 * array.aperture / speed * sample_rate) + 1

    def draw(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """Return noise, shape (channels, samples)."""
        total = np.zeros((self.array.channels, len(self.frequency)), complex)
        for number, direction in enumerate(fibonacci_sphere(PLANE_WAVES)):
            spectrum = np.fft.rfft(rng.standard_normal(self.length))
            total += self._response(number, direction) * spectrum
        power = 0.5 if self.array.positions is None else 1.0
        noise = np.fft.irfft(total, self.length)[:, : self.samples]
        return np.asarray(noise / np.sqrt(PLANE_WAVES * power), dtype=np.float32)

    def _response(self, number: int, direction: Floats) -> NDArray[np.complex128]:
        """Return the response of each channel to a plane wave, shape (channels, frequencies)."""
        if self.array.positions is None:
            x, y, z = direction
            return np.array([1.0, y, z, x], complex)[:, None]
        if number in self._kept:
            return self._kept[number]
        # A microphone towards the source receives the wave earlier than the centre of the array.
        advance = (self.array.positions - self.array.centre) @ direction / self.speed
        response = np.asarray(np.exp(2j * np.pi * np.outer(advance, self.frequency)))
        if response.size * PLANE_WAVES <= KEPT:
            self._kept[number] = response
        return response


def pink(noise: NDArray[np.float32]) -> NDArray[np.float32]:
    """Filter white noise so that its power falls by 3 dB per octave; its mean power becomes 1.

    Args:
        noise: shape (channels, samples). The filter is the same for all channels, so coherence
            between them is kept. It is circular, without effect on stationary noise.
    """
    spectrum = np.fft.rfft(noise)
    number = np.arange(spectrum.shape[-1])
    spectrum[..., 1:] /= np.sqrt(number[1:])
    spectrum[..., 0] = 0
    filtered = np.fft.irfft(spectrum, noise.shape[-1])
    power = np.mean(np.square(filtered))
    return np.asarray(filtered / np.sqrt(power or 1.0), dtype=np.float32)


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
