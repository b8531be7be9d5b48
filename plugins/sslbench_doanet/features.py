"""Features of Adavanne et al. 2021, section 3.2: log-mel energies and what tells directions.

With microphones these are the GCC-PHAT of all pairs, with ambisonics the intensity vector. Where
the paper leaves details open, they are those of the published code (doa-net).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sslbench.array_types import Floats
from sslbench.errors import FormatError
from sslbench.geometry import microphone_pairs
from sslbench.scene import Recording

__all__ = ["BANDS", "FRAME", "PER_ROW", "RATE", "channels_of", "features", "mel_filters"]

RATE = 24000

FRAME = 0.1
"""Seconds between two estimates."""

PER_ROW = 5
"""Spectra per estimate."""

HOP = 480
WINDOW = 960
FFT = 1024

BANDS = 64
"""Mel bands, and lags of a correlation."""

SMALLEST = 1e-10
"""Energy of a mel band at least."""

DYNAMIC_RANGE = 80.0
"""In dB. Weaker energies are raised to this much below the largest one of a channel."""

OFFSET = 1e-8
"""Added to the energy that the intensity is divided by."""


def channels_of(channels: int, array_format: str) -> int:
    """Return the number of feature channels of a recording with some microphones."""
    pairs = channels * (channels - 1) // 2
    return channels + (3 if array_format == "foa" else pairs)


def features(recording: Recording) -> NDArray[np.float32]:
    """Return the features of a recording at 24 kHz with times every 100 ms.

    Args:
        recording: with T times. Its audio may begin before the first frame and end after the
            last one; spectra at the borders then see more than zeros.

    Returns:
        Shape (channels, 5 T, 64), see `channels_of`.

    Raises:
        FormatError: if times are not 100 ms apart.
    """
    spectra = _spectra(recording)
    encoded = recording.array.format == "foa"
    spatial = _intensity(spectra) if encoded else _correlations(spectra)
    found: NDArray[np.float32] = torch.cat([_log_mel(spectra), spatial]).numpy()
    return found


def _spectra(recording: Recording) -> Tensor:
    """Return the short-time spectra, complex, shape (channels, 5 T, 513).

    The first one is centred on the begin of the first frame, as in the published code.
    """
    times = recording.times
    if len(times) > 1 and not np.allclose(np.diff(times), FRAME, atol=1e-3):
        raise FormatError(
            f"estimates every {np.diff(times).mean():.3g} s",
            where=recording.id,
            expected=f"every {FRAME} s, evenly",
        )
    count = PER_ROW * len(times)
    # The centre of the first spectrum lies half a frame before the first time.
    first = round((times[0] - FRAME / 2) * RATE) - FFT // 2
    last = first + (count - 1) * HOP + FFT
    audio = torch.tensor(recording.audio)[:, max(first, 0) : last]
    padded = torch.nn.functional.pad(
        audio, (max(-first, 0), max(last - recording.audio.shape[1], 0))
    )
    spectra: Tensor = torch.stft(
        padded,
        FFT,
        HOP,
        WINDOW,
        torch.hann_window(WINDOW),
        center=False,
        return_complex=True,
    )
    return spectra.transpose(1, 2)


def _log_mel(spectra: Tensor) -> Tensor:
    """Return mel energies in dB, shape (channels, frames, bands)."""
    energies = spectra.abs().square() @ mel_filters().T
    level = 10 * energies.clamp_min(SMALLEST).log10()
    return level.maximum(level.amax(dim=(1, 2), keepdim=True) - DYNAMIC_RANGE)


def _intensity(spectra: Tensor) -> Tensor:
    """Return the intensity vector in mel bands, shape (3, frames, bands); axes as in the audio."""
    omni, axes = spectra[0], spectra[1:]
    energy = OFFSET + omni.abs().square() + axes.abs().square().mean(dim=0)
    intensity = (omni.conj() * axes).real / energy
    return intensity @ mel_filters().T


def _correlations(spectra: Tensor) -> Tensor:
    """Return the GCC-PHAT of all pairs at lags -32 to 31, shape (pairs, frames, lags)."""
    phases = torch.sgn(spectra)
    # One pair after the other fits the cache, and for so few lags a product of matrices is faster
    # than an inverse FFT.
    gcc = [
        torch.view_as_real(phases[first].conj() * phases[second]).flatten(-2) @ _inverse_transform()
        for first, second in zip(*microphone_pairs(len(spectra)), strict=True)
    ]
    return torch.stack(gcc)


@lru_cache
def _inverse_transform() -> Tensor:
    """Return the inverse FFT at lags -32 to 31 as a matrix, shape (1026, 64).

    Rows are the real and imaginary parts of all frequencies in turn.
    """
    lags = np.arange(-BANDS // 2, BANDS // 2)
    angle = 2 * np.pi * np.arange(FFT // 2 + 1)[:, None] * lags / FFT
    # All frequencies but the first and the last one stand for two.
    twice = np.full((len(angle), 1), 2.0)
    twice[[0, -1]] = 1
    parts = twice[:, None] * np.stack([np.cos(angle), -np.sin(angle)], axis=1) / FFT
    return torch.tensor(parts.reshape(-1, BANDS), dtype=torch.float32)


@lru_cache
def mel_filters() -> Tensor:
    """Return triangular mel filters of equal area, shape (64, 513).

    They are those of Slaney's Auditory Toolbox (1998), which librosa uses by default: 0 to
    12 kHz, linear below 1 kHz and logarithmic above.
    """
    edges = _frequency(np.linspace(0.0, _mel(RATE / 2), BANDS + 2))
    bins = np.arange(FFT // 2 + 1) * RATE / FFT
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins - low) / (centre - low)
    falling = (high - bins) / (high - centre)
    weights = np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)
    return torch.tensor(weights, dtype=torch.float32)


LINEAR = 200 / 3
"""Hz per mel below `BREAK`."""

BREAK = 1000.0
STEP = np.log(6.4) / 27
"""Of the logarithm of the frequency per mel above `BREAK`."""


def _mel(frequency: float) -> float:
    above = np.log(max(frequency, BREAK) / BREAK) / STEP
    return float(min(frequency, BREAK) / LINEAR + above)


def _frequency(mel: Floats) -> Floats:
    border = BREAK / LINEAR
    above = BREAK * np.exp(STEP * (mel - border))
    return np.asarray(np.where(mel < border, LINEAR * mel, above))
