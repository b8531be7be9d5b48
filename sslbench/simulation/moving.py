"""Moving sources: convolution with impulse responses that change over time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Floats
from sslbench.simulation.filters import DELAY

__all__ = ["convolve_along"]


def convolve_along(
    signal: NDArray[np.float32], place: Floats, rirs: NDArray[np.float32], samples: int
) -> NDArray[np.float32]:
    """Convolve a signal with the responses along a closed path.

    The signal is cross-faded linearly between the responses of neighbouring points before it is
    convolved, so that what was emitted at a point reverberates as from there. Delays between points
    are not interpolated: points must be so near to each other that they differ little.

    Args:
        signal: shape (length,), from the first sample of the result on.
        place: where the source is at each sample, as a real-valued number of a point, shape
            (length,). Point n follows n - 1, and the first follows the last.
        rirs: of each point, shape (points, channels, taps), delayed by `filters.DELAY` samples.
        samples: length of the result.

    Returns:
        Shape (channels, samples), with the filter delay removed.
    """
    from scipy import fft

    points, channels, taps = rirs.shape
    result = np.zeros((channels, len(signal) + taps), dtype=np.float32)
    lower = np.floor(place).astype(np.int64)
    upper_share = (place - lower).astype(np.float32)
    for point in np.unique(np.concatenate([lower, lower + 1]) % points):
        weight = np.where(lower % points == point, 1 - upper_share, 0)
        weight = weight + np.where((lower + 1) % points == point, upper_share, 0)
        for first, last in _runs(weight > 0):
            piece = signal[first:last] * weight[first:last].astype(np.float32)
            size = fft.next_fast_len(len(piece) + taps - 1, real=True)
            spectrum = fft.rfft(piece, size) * fft.rfft(rirs[point], size, axis=-1)
            sound = fft.irfft(spectrum, size, axis=-1)[:, : len(piece) + taps - 1]
            result[:, first : first + sound.shape[1]] += sound
    kept = result[:, DELAY : DELAY + samples]
    return np.pad(kept, ((0, 0), (0, samples - kept.shape[1])))


def _runs(where: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return first and last index (excluded) of each run of True, shape (runs, 2)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], where, [False]])))
    return edges.reshape(-1, 2)
