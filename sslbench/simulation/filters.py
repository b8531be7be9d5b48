"""The fractional-delay filters of pyroomacoustics, and convolution in batches.

A sound that arrives between two samples is written down as a windowed sinc of `LENGTH` taps, made
by the kernel of pyroomacoustics (`libroom.fractional_delay`), so that what is rendered here is
what `Room.simulate` renders. Its peak is `DELAY` samples after the arrival; every renderer here
takes that off again.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["DELAY", "GRANULARITY", "LENGTH", "convolve", "delay_filters", "filter_phases", "mix"]

LENGTH = 81
"""Taps of a filter; pyroomacoustics' `frac_delay_length`."""

DELAY = LENGTH // 2
"""Samples by which a filter delays on top of what is asked."""

GRANULARITY = 20
"""Tabulated filters a sample, interpolated linearly; pyroomacoustics' `sinc_lut_granularity`."""

Samples = NDArray[np.float32]
Spectrum = NDArray[np.complex64]


def delay_filters(fractions: NDArray[np.float64]) -> Samples:
    """Return the filters that delay by `DELAY` plus fractions of a sample.

    Args:
        fractions: in [0, 1), shape (...).

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

    Between two of them the kernel interpolates linearly, so every filter is a sum of two rows.
    """
    return delay_filters(1 - np.arange(GRANULARITY + 1) / GRANULARITY).astype(float)


def convolve(signals: Samples, rirs: Samples, begin: int, samples: int) -> Samples:
    """Convolve each signal with its impulse responses and keep a part of what comes out.

    Args:
        signals: shape (..., length).
        rirs: shape (..., channels, taps), as the renderers make them: `DELAY` samples late.
        begin: first sample that is kept, counted from the start of the signal.
        samples: how many are kept; the part must end before the signal does.

    Returns:
        Shape (..., channels, samples), with the filter delay taken off.
    """
    spectrum, size = _filtered(signals, rirs, begin + DELAY, samples)
    return _part(spectrum, size, begin + DELAY, samples)


def mix(signals: Samples, rirs: Samples, begin: int, samples: int) -> Samples:
    """Convolve each source with its impulse responses and add the sources up.

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
    # Wrap-around may fall where nothing is kept: before `begin`.
    needed = max(length, taps, begin + samples, length + taps - 1 - begin)
    size = fft.next_fast_len(needed, real=True)
    spectrum = fft.rfft(rirs, size, axis=-1)
    spectrum *= fft.rfft(signals, size, axis=-1)[..., None, :]
    return spectrum, size


def _part(spectrum: Spectrum, size: int, begin: int, samples: int) -> Samples:
    from scipy import fft

    heard = fft.irfft(spectrum, size, axis=-1, overwrite_x=True)
    return np.asarray(heard[..., begin : begin + samples], dtype=np.float32)
