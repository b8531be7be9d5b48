"""The fractional-delay filters of pyroomacoustics, and batched convolution.

An arrival between two samples is represented by a windowed sinc of `LENGTH` taps, computed by the
kernel of pyroomacoustics (`libroom.fractional_delay`), so that recordings equal those of
`Room.simulate`. The peak is `DELAY` samples after the arrival; all renderers compensate for that.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["DELAY", "GRANULARITY", "LENGTH", "convolve", "delay_filters", "filter_phases", "mix"]

LENGTH = 81
"""Taps of a filter; `frac_delay_length` in pyroomacoustics."""

DELAY = LENGTH // 2
"""Samples by which a filter delays in addition to the requested fraction."""

GRANULARITY = 20
"""Tabulated filters per sample, interpolated linearly; pyroomacoustics' `sinc_lut_granularity`."""

Samples = NDArray[np.float32]
Spectrum = NDArray[np.complex64]


def delay_filters(fractions: NDArray[np.float64]) -> Samples:
    """Return filters that delay by `DELAY` samples plus a fraction of a sample.

    Args:
        fractions: fractional delays in samples, in [0, 1), shape (...).

    Returns:
        Taps, shape (..., LENGTH).
    """
    from pyroomacoustics import libroom

    flat = np.ascontiguousarray(fractions, dtype=np.float32).reshape(-1)
    taps = np.zeros((len(flat), LENGTH), dtype=np.float32)
    libroom.fractional_delay(taps, flat, GRANULARITY, 1)
    return taps.reshape(*np.shape(fractions), LENGTH)


@cache
def filter_phases() -> NDArray[np.float64]:
    """Return the tabulated filters, shape (GRANULARITY + 1, LENGTH); row k is fraction 1 - k/20.

    The kernel interpolates linearly between them, so every filter is a weighted sum of two rows.
    """
    return delay_filters(1 - np.arange(GRANULARITY + 1) / GRANULARITY).astype(float)


def convolve(signals: Samples, rirs: Samples, begin: int, samples: int) -> Samples:
    """Convolve each signal with its impulse responses and keep a section of the result.

    Args:
        signals: shape (..., length).
        rirs: shape (..., channels, taps), or (channels, taps) for all signals alike, delayed by
            `DELAY` samples as all impulse responses of this package.
        begin: first sample of the section, counted from the start of the signal.
        samples: length of the section, which must end before the signal does.

    Returns:
        Shape (..., channels, samples), with the filter delay removed.
    """
    spectrum, size = _filtered(signals, rirs, begin + DELAY, samples)
    return _part(spectrum, size, begin + DELAY, samples)


def mix(signals: Samples, rirs: Samples, begin: int, samples: int) -> Samples:
    """Convolve each source signal with its impulse responses and sum over the sources.

    Args:
        signals: shape (..., sources, length).
        rirs: shape (..., sources, channels, taps).
        begin: as in `convolve`.
        samples: as in `convolve`.

    Returns:
        Shape (..., channels, samples).
    """
    spectrum, size = _filtered(signals, rirs, begin + DELAY, samples)
    return _part(spectrum.sum(axis=-3), size, begin + DELAY, samples)


def _filtered(signals: Samples, rirs: Samples, begin: int, samples: int) -> tuple[Spectrum, int]:
    from scipy import fft

    length, taps = signals.shape[-1], rirs.shape[-1]
    # Circular wrap-around is harmless before `begin`, where nothing is kept.
    needed = max(length, taps, begin + samples, length + taps - 1 - begin)
    size = fft.next_fast_len(needed, real=True)
    spectrum = fft.rfft(rirs, size, axis=-1) * fft.rfft(signals, size, axis=-1)[..., None, :]
    return spectrum, size


def _part(spectrum: Spectrum, size: int, begin: int, samples: int) -> Samples:
    from scipy import fft

    audio = fft.irfft(spectrum, size, axis=-1, overwrite_x=True)
    return np.asarray(audio[..., begin : begin + samples], dtype=np.float32)
