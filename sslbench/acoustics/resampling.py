"""Sample rate conversion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["resample"]


def resample(audio: NDArray[np.float32], rate: int, target_rate: int) -> NDArray[np.float32]:
    """Convert the sample rate of audio with soxr (its default quality, HQ).

    Args:
        audio: shape (channels, samples).
        rate: sample rate of `audio` in Hz.
        target_rate: sample rate of the result in Hz.

    Returns:
        Audio at the target rate, shape (channels, samples).
    """
    import soxr

    converted = soxr.resample(np.ascontiguousarray(audio.T), rate, target_rate)
    return np.ascontiguousarray(converted.T, dtype=np.float32)
